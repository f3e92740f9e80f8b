"""Formats, promotion and edges: rows against numpy's own reading of the bits."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from oracles import exact
from oracles.catalog import ROWS, result_dtype
from oracles.edges import classes, edge_class, edges
from oracles.formats import FORMATS
from oracles.numpy_ref import FUNCTIONS
from oracles.numpy_ref.support import convert
from oracles.promotion import promote, weak

FLOATS = ("float16", "float32", "float64")
NARROW = tuple(name for name, row in FORMATS.items() if row.is_float and row.bits <= 16)


def _float(dtype: str, bits: int) -> float:
    row = FORMATS[dtype]
    return float(row.from_bits(np.array([bits], row.unsigned))[0])


@pytest.mark.parametrize("dtype", FLOATS)
def test_every_edge_decodes_as_numpy_reads_it_and_rounds_back(dtype: str) -> None:
    row = FORMATS[dtype]
    for bits in edges(dtype).tolist():
        value, number = row.decode(bits), _float(dtype, bits)
        if isinstance(value, str):
            assert str(number) == value
            continue
        assert value == Fraction(number)
        assert row.round(value, row.is_negative(bits)) == bits


@pytest.mark.parametrize("dtype", NARROW)
def test_every_pattern_decodes_and_rounds_back(dtype: str) -> None:
    row = FORMATS[dtype]
    bits = np.arange(1 << row.bits).astype(row.unsigned)
    with np.errstate(all="ignore"):
        numbers = row.from_bits(bits).astype(np.float64).tolist()
    decoded = [row.decode(one) for one in range(1 << row.bits)]
    for k, (value, number) in enumerate(zip(decoded, numbers, strict=True)):
        assert str(number) == value if isinstance(value, str) else Fraction(number) == value
        if isinstance(value, Fraction):
            assert row.round(value, row.is_negative(k)) == k
    assert row.is_nan(bits).tolist() == [value == "nan" for value in decoded]
    assert row.decode(row.canonical_nan or 0) == "nan"


@pytest.mark.parametrize(("dtype", "beyond"), [
    ("float8_e4m3fn", 0x7E), ("float8_e5m2", 0x7C), ("float8_e4m3fnuz", 0x7F),
    ("float8_e5m2fnuz", 0x7F), ("bfloat16", 0x7F80),
])  # fmt: skip
def test_beyond_the_range(dtype: str, beyond: int) -> None:
    """An infinity, or the largest number; casts of infinities and quotients by zero too."""
    row = FORMATS[dtype]
    assert row.overflow == beyond and row.round(Fraction(2) ** 200) == beyond
    assert row.round(-(Fraction(2) ** 200)) == beyond | row.sign_bit
    assert exact.cast_bits("float32", dtype, 0xFF800000) == beyond | row.sign_bit
    one = row.round(Fraction(1))
    assert exact.binary_bits("div", dtype, one, 0) == beyond
    assert exact.binary_bits("add", dtype, row.largest, row.largest) == beyond
    tiny = exact.binary_bits("mul", dtype, 1, 1 | row.sign_bit)
    assert tiny == (row.sign_bit if row.minus_zero else 0)
    x = np.array([np.inf, -np.inf, np.nan, 1e300, -1e-300, -0.0])
    wanted = [exact.cast_bits("float64", dtype, int(one)) for one in x.view(np.uint64)]
    assert row.to_bits(convert(x, dtype)).tolist() == wanted


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(FLOATS))
@settings(derandomize=True)
def test_rounding_a_float64_is_one_rounding(value: float, dtype: str) -> None:
    row = FORMATS[dtype]
    with np.errstate(all="ignore"):
        expected = row.to_bits(np.array([value]).astype(dtype))[0]
    assert row.round(Fraction(value), str(value).startswith("-")) == expected


@pytest.mark.parametrize("dtype", FLOATS)
def test_rounding_at_the_ends(dtype: str) -> None:
    row = FORMATS[dtype]
    least = Fraction(2) ** (row.emin - row.mantissa_bits)
    top = Fraction(2) ** (row.emax + 1)
    tie = top - row.ulp(top / 2) / 2
    assert row.round(least / 2) == 0  # a tie goes to the even zero
    assert row.round(least / 2 + least / 1024) == 1
    assert row.round(-least / 2) == row.sign_bit
    assert row.round(tie) == row.infinity
    assert row.round(tie - least) == row.largest


def test_nan_is_told_from_infinity() -> None:
    bits = np.array([0x7F800000, 0x7F800001, 0xFFC00000, 0xFF800000, 0], np.uint32)
    assert FORMATS["float32"].is_nan(bits).tolist() == [False, True, True, False, False]


def test_views_keep_signalling_payloads() -> None:
    row = FORMATS["float32"]
    bits = np.array([0x7F800001, 0xFFABCDEF], np.uint32)
    assert row.to_bits(row.from_bits(bits)).tolist() == bits.tolist()


PROMOTIONS = [
    ("int8", "uint8", "int16"), ("int8", "uint32", "int64"), ("int64", "uint32", "int64"),
    ("int8", "uint64", "uint64"), ("int64", "uint64", "uint64"), ("bool", "uint8", "uint8"),
    ("int64", "float16", "float16"), ("uint64", "float32", "float32"), ("bool", "bool", "bool"),
    ("float16", "float64", "float64"), ("int16", "uint8", "int16"),
]  # fmt: skip


@pytest.mark.parametrize(("left", "right", "both"), PROMOTIONS)
def test_promotion(left: str, right: str, both: str) -> None:
    assert promote(left, right) == promote(right, left) == both


def test_promotion_of_integers_is_numpys_except_next_to_uint64() -> None:
    names = [name for name, row in FORMATS.items() if not row.is_float]
    for left, right in product(names, repeat=2):
        mixed = np.promote_types(left, right).name
        assert promote(left, right) == (mixed if mixed != "float64" else "uint64")


def test_weak_scalars() -> None:
    assert [weak("uint8", one) for one in (True, 300, 1.5)] == ["uint8", "uint8", "float32"]
    assert [weak("bool", one) for one in (True, 3, 1.5)] == ["bool", "int32", "float32"]
    assert [weak("float16", one) for one in (True, 3, 1.5)] == ["float16"] * 3


def test_result_dtypes() -> None:
    assert result_dtype("div", ("int64", "int64"), {}) == "float32"
    assert result_dtype("sqrt", ("int8",), {}) == "float32"
    assert result_dtype("sum", ("uint16",), {"dtype": None}) == "uint32"
    assert result_dtype("matmul", ("int8", "int8"), {}) == "int32"
    assert result_dtype("lt", ("float16", "int8"), {}) == "bool"
    for name, dtypes in (
        ("sub", ("bool", "bool")),
        ("neg", ("bool",)),
        ("bitwise_and", ("int8", "float32")),
    ):
        with pytest.raises(TypeError):
            result_dtype(name, dtypes, {})


def test_every_row_is_complete() -> None:
    assert set(FUNCTIONS) == set(ROWS)
    for name, row in ROWS.items():
        assert row.name == name
        assert len(row.dtypes) == row.operands
        assert set(row.defaults) <= set(row.attributes)


@pytest.mark.parametrize("dtype", FORMATS)
def test_edges_are_distinct_and_reach_every_class(dtype: str) -> None:
    bits = edges(dtype)
    assert len(set(bits.tolist())) == bits.size
    found = {edge_class(dtype, one) for one in bits.tolist()}
    assert found == set(classes(dtype))


def test_edges_hold_the_rounding_midpoint_of_the_narrower_format() -> None:
    midpoint = FORMATS["float32"].round(1 + Fraction(1, 2**11))
    assert midpoint in edges("float32").tolist()
    assert FORMATS["float64"].round(Fraction(2) ** 63) in edges("float64").tolist()
