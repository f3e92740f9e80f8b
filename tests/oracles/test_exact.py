"""Exact arithmetic: rational numbers against the fast proofs, and both against knife edges."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from oracles import exact, exact_fast, wide
from oracles.catalog import FLOATS
from oracles.edges import edges
from oracles.formats import FORMATS, Array

BINARY = ("add", "sub", "mul", "div")


def _all_bits(dtype: str) -> Array:
    row = FORMATS[dtype]
    return row.from_bits(np.arange(1 << row.bits, dtype=np.uint64).astype(row.unsigned))


def _thin(dtype: str, step: int) -> Array:
    return FORMATS[dtype].from_bits(edges(dtype)[::step])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", [*BINARY, "sqrt"])
def test_edge_pairs_against_rational_numbers(name: str, dtype: str) -> None:
    row = FORMATS[dtype]
    x = _thin(dtype, 11)
    pair = [one.reshape(-1) for one in np.meshgrid(x, x)] if name in BINARY else [_thin(dtype, 1)]
    got = row.to_bits(exact_fast.correctly_rounded(name, pair, dtype).values)
    inputs = zip(*(row.to_bits(one).tolist() for one in pair), strict=True)
    want = [exact.scalar_bits(name, dtype, operands, dtype) for operands in inputs]
    assert got.tolist() == want


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", [*BINARY, "sqrt"])
def test_numpy_is_proved_right_everywhere_and_neighbours_nowhere(name: str, dtype: str) -> None:
    """All edge pairs and random bits: no doubt is left, and no other bits are ever proved."""
    row = FORMATS[dtype]
    rng = np.random.default_rng(11)
    noise = np.frombuffer(rng.bytes(20000 * row.bits // 8), row.unsigned)
    e = row.from_bits(edges(dtype))
    x, y = (one.reshape(-1) for one in np.meshgrid(e, e))
    x = np.concatenate([x, row.from_bits(noise)])
    y = np.concatenate([y, row.from_bits(noise[::-1])])
    operands = [x, y] if name in BINARY else [x]
    right = exact_fast._candidate(name, operands, dtype)
    assert exact_fast.prove(name, operands, right).all()
    bits = row.to_bits(right)
    for wrong in (bits + row.unsigned.type(1), bits - row.unsigned.type(1),
                  bits ^ row.unsigned.type(row.sign_bit)):  # fmt: skip
        assert not exact_fast.prove(name, operands, row.from_bits(wrong)).any()


def test_sqrt_of_every_float16() -> None:
    x = _all_bits("float16")
    result = exact_fast.correctly_rounded("sqrt", [x], "float16")
    assert result.conflicts.size == 0
    bits = FORMATS["float16"].to_bits(result.values).tolist()
    assert bits == [
        exact.sqrt_bits(exact.value_of("float16", k), "float16") for k in range(1 << 16)
    ]


@pytest.mark.parametrize("target", [name for name in FORMATS if name != "float16"])
def test_casts_of_every_float16(target: str) -> None:
    row = FORMATS[target]
    result = exact_fast.correctly_rounded("cast", [_all_bits("float16")], target)
    assert result.conflicts.size == 0
    got = row.to_bits(result.values)[::7].tolist()
    assert got == [exact.cast_bits("float16", target, k) for k in range(0, 1 << 16, 7)]


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("target", FORMATS)
def test_casts_of_all_edges(source: str, target: str) -> None:
    bits = edges(source)
    x = FORMATS[source].from_bits(bits)
    result = exact_fast.correctly_rounded("cast", [x], target)
    assert result.conflicts.size == 0
    want = [exact.cast_bits(source, target, one) for one in bits.tolist()]
    assert FORMATS[target].to_bits(result.values).tolist() == want


def test_casts_to_float16_at_every_midpoint() -> None:
    """Every tie of float16 and its float64 neighbours: where double rounding goes wrong."""
    half = FORMATS["float16"]
    finite = [half.decode(k) for k in range(half.infinity)]
    ties = np.array([float((a + b) / 2) for a, b in pairwise(finite)])  # type: ignore[operator]
    near = np.concatenate([ties, np.nextafter(ties, np.inf), np.nextafter(ties, 0)])
    x = np.concatenate([near, -near])
    got = exact_fast.correctly_rounded("cast", [x], "float16")
    assert got.conflicts.size == 0
    sample = slice(None, None, 37)
    want = [half.round(Fraction(one)) for one in x[sample].tolist()]
    assert half.to_bits(got.values[sample]).tolist() == want


def _bits(dtype: str) -> st.SearchStrategy[int]:
    any_bits = st.integers(0, (1 << FORMATS[dtype].bits) - 1)
    return any_bits | st.sampled_from(edges(dtype).tolist())


@pytest.mark.parametrize("dtype", FLOATS)
@given(data=st.data())
@settings(derandomize=True, max_examples=60, deadline=None)
def test_drawn_pairs(dtype: str, data: st.DataObject) -> None:
    """Near cancellation, ties and quotients next to a midpoint."""
    row = FORMATS[dtype]
    x, y = data.draw(_bits(dtype)), data.draw(_bits(dtype))
    step = data.draw(st.integers(-2, 2))
    near = min(max(x + step, 0), (1 << row.bits) - 1)
    for left, right in ((x, y), (x, near), (x, near ^ row.sign_bit)):
        for name in BINARY:
            arrays = [row.from_bits(np.array([one], row.unsigned)) for one in (left, right)]
            want = exact.binary_bits(name, dtype, left, right)
            due = row.from_bits(np.array([want], row.unsigned))
            assert exact_fast.prove(name, arrays, due).all()


def test_a_wrong_candidate_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """If numpy were wrong, the rational path would say so and give the right bits."""
    good = exact_fast._candidate
    monkeypatch.setattr(exact_fast, "_candidate", lambda *a: good(*a) + np.float32(1))
    x = np.array([1, 2, 3], np.float32)
    result = exact_fast.correctly_rounded("add", [x, x], "float32")
    assert result.values.tolist() == [2, 4, 6]
    assert result.conflicts.tolist() == [0, 1, 2]


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 127))
@settings(derandomize=True, deadline=None)
def test_wide_integers(x: int, y: int, shift: int) -> None:
    a, b = np.array([x], np.uint64), np.array([y], np.uint64)

    def number(value: wide.Wide) -> int:
        return (int(value.high[0]) << 64) | int(value.low[0])

    product = wide.multiply(a, b)
    assert number(product) == x * y
    assert wide.bit_length(product)[0] == (x * y).bit_length()
    if x << shift < 1 << 128:
        assert number(wide.shift_left(wide.from_word(a), np.array([shift]))) == x << shift
    total = wide.add(wide.from_word(a), wide.from_word(b))
    assert number(total) == x + y
    assert number(wide.subtract(total, wide.from_word(b))) == x
    assert wide.compare(product, total)[0] == (x * y > x + y) - (x * y < x + y)


def test_fma_rounds_once() -> None:
    row = FORMATS["float32"]
    a = row.round(1 + Fraction(1, 2**12))
    c = row.round(-(1 + Fraction(1, 2**11)))
    assert exact.fma_bits("float32", a, a, c) == row.round(Fraction(1, 2**24))
    zero, minus = 0, row.sign_bit
    assert exact.fma_bits("float32", zero, minus, minus) == minus
    assert exact.fma_bits("float32", zero, zero, minus) == zero


@given(st.integers(1, 10**12), st.integers(1, 10**12))
@settings(derandomize=True)
def test_the_sticky_root_lies_on_the_right_side(numerator: int, denominator: int) -> None:
    value = Fraction(numerator, denominator)
    root = exact.sqrt_with_sticky(value, 30)
    assert abs(root * root - value) / value < Fraction(1, 2**29)
    perfect = math.isqrt(numerator) ** 2 == numerator and denominator == 1
    assert (root * root == value) or not perfect


def test_a_row_without_a_proof_is_named() -> None:
    x = np.ones(2, np.float32)
    with pytest.raises(ValueError, match="no proof of rounding for 'maximum', only for sub, add"):
        exact_fast.prove("maximum", [x, x], x)
