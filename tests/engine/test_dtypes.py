"""Number formats: bits and numbers, against struct and numpy; and the laws of promotion."""

from __future__ import annotations

import itertools
import math
import struct
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, strategies as st

from engine import dtypes
from engine.arrays import NUMPY
from engine.dtypes import TENSOR_DTYPES, DType

INTEGERS = [d for d in TENSOR_DTYPES if d.is_int]
FLOATS = [d for d in TENSOR_DTYPES if d.is_float]
F16, F32, F64 = dtypes.float16, dtypes.float32, dtypes.float64
PACKED = {F16: ("<e", "<H"), F32: ("<f", "<I"), F64: ("<d", "<Q")}


def number_of(bits: int, dtype: DType) -> float:
    """What the standard library takes the bits for."""
    as_float, as_int = PACKED[dtype]
    (value,) = struct.unpack(as_float, struct.pack(as_int, bits))
    return float(value)


def same(x: float, y: float) -> bool:
    """Equal, signs of zero included; all NaNs are one."""
    if math.isnan(x) or math.isnan(y):
        return math.isnan(x) and math.isnan(y)
    return x == y and math.copysign(1, x) == math.copysign(1, y)


# -- floats ----------------------------------------------------------------------------------------
def test_every_float16_decodes_and_encodes() -> None:
    for bits in range(1 << 16):
        value = F16.decode(bits)
        assert same(float(value), number_of(bits, F16)), hex(bits)
        assert F16.encode(value) == (0x7E00 if math.isnan(value) else bits), hex(bits)


@pytest.mark.parametrize("dtype", [F32, F64])
@given(st.data())
def test_wider_floats_decode_and_encode(dtype: DType, data: st.DataObject) -> None:
    bits = data.draw(st.integers(0, (1 << dtype.bits) - 1))
    value = dtype.decode(bits)
    assert same(float(value), number_of(bits, dtype))
    assert dtype.encode(value) == (dtype.canonical_nan if math.isnan(value) else bits)


@given(st.floats(allow_nan=False))
def test_rounding_agrees_with_numpy(value: float) -> None:
    for dtype in (F16, F32, F64):
        want = np.array(value, "float64").astype(dtype.name).tobytes()
        assert dtype.encode(value) == int.from_bytes(want, "little")


@given(st.integers(0, 0x7BFF), st.sampled_from([-1, 0, 1]))
def test_midpoints_of_float16_go_to_even(bits: int, side: int) -> None:
    """Half way between neighbours, and the least bit beside it."""
    low, high = Fraction(F16.decode(bits)), Fraction(2) ** 16
    if bits < 0x7BFF:
        high = Fraction(F16.decode(bits + 1))
    middle = float((low + high) / 2)
    value = middle if side == 0 else math.nextafter(middle, side * math.inf)
    even = bits + (bits & 1)
    assert F16.encode(value) == {-1: bits, 0: even, 1: bits + 1}[side]
    assert F16.encode(-value) == {-1: bits, 0: even, 1: bits + 1}[side] | 0x8000


NUMBERS = {
    # largest, least normal, least: OFP8 table 1; Noune et al., table 2; IEEE 754-2019, table 3.5
    "float8_e4m3fn": (448.0, 2.0**-6, 2.0**-9),
    "float8_e5m2": (57344.0, 2.0**-14, 2.0**-16),
    "float8_e4m3fnuz": (240.0, 2.0**-7, 2.0**-10),
    "float8_e5m2fnuz": (57344.0, 2.0**-15, 2.0**-17),
    "bfloat16": ((2 - 2.0**-7) * 2.0**127, 2.0**-126, 2.0**-133),
    "float16": (65504.0, 2.0**-14, 2.0**-24),
}
NANS = {
    "float8_e4m3fn": {0x7F, 0xFF}, "float8_e5m2": {0x7D, 0x7E, 0x7F, 0xFD, 0xFE, 0xFF},
    "float8_e4m3fnuz": {0x80}, "float8_e5m2fnuz": {0x80},
}  # fmt: skip


@pytest.mark.parametrize("dtype", dtypes.NARROW_FLOATS)
def test_every_narrow_float_decodes_and_encodes(dtype: DType) -> None:
    """Against the tables of the formats, and, of the patterns between, those of ml_dtypes."""
    patterns = np.arange(1 << dtype.bits).astype(f"uint{dtype.bits}")
    with np.errstate(all="ignore"):
        wanted = patterns.view(NUMPY[dtype]).astype("float64").tolist()
    values = [float(dtype.decode(bits)) for bits in range(1 << dtype.bits)]
    assert all(map(same, values, wanted))
    for bits, value in enumerate(values):
        assert dtype.encode(value) == (dtype.canonical_nan if math.isnan(value) else bits)
        assert dtype.is_nan(bits) is math.isnan(value)
    largest, normal, least = NUMBERS[dtype.name]
    assert values[dtype.largest] == largest and values[1] == least
    assert values[1 << dtype.mantissa_bits] == normal
    if dtype.name in NANS:
        assert {bits for bits in range(256) if dtype.is_nan(bits)} == NANS[dtype.name]


@pytest.mark.parametrize("dtype", dtypes.NARROW_FLOATS)
def test_midpoints_of_narrow_floats_go_to_even(dtype: DType) -> None:
    """Half way between all neighbours, and the least bit of float64 beside it."""
    for bits in range(0, dtype.largest, 1 if dtype.bits == 8 else 17):
        low, high = float(dtype.decode(bits)), float(dtype.decode(bits + 1))
        middle = (low + high) / 2
        assert dtype.encode(middle) == bits + (bits & 1)
        assert dtype.encode(math.nextafter(middle, -math.inf)) == bits
        assert dtype.encode(math.nextafter(middle, math.inf)) == bits + 1


@pytest.mark.parametrize("dtype", [d for d in FLOATS if d.has_infinity])
def test_overflow_to_infinity(dtype: DType) -> None:
    largest = Fraction(dtype.decode(dtype.largest))
    half_step = (largest - Fraction(dtype.decode(dtype.largest - 1))) / 2
    limit = int(largest + half_step)  # the first number that rounds to infinity, an integer
    assert dtype.encode(limit - 1) == dtype.largest == dtype.infinity - 1
    assert dtype.encode(limit) == dtype.infinity == dtype.overflow
    assert dtype.encode(-limit) == dtype.infinity | dtype.sign_bit
    assert dtype.encode(10**400) == dtype.infinity  # no double holds it
    assert dtype.encode(math.inf) == dtype.infinity
    assert dtype.encode(-math.inf) == dtype.infinity | dtype.sign_bit


@pytest.mark.parametrize("dtype", [d for d in FLOATS if not d.has_infinity])
def test_saturation_without_infinity(dtype: DType) -> None:
    largest = dtype.decode(dtype.largest)
    for beyond in (largest * 1.01, largest * 100, math.inf, 10**400):
        assert dtype.encode(beyond) == dtype.overflow == dtype.largest
        assert dtype.encode(-beyond) == dtype.largest | dtype.sign_bit
    with pytest.raises(AssertionError, match="has no infinity"):
        _ = dtype.infinity


@pytest.mark.parametrize("dtype", FLOATS)
def test_subnormals_and_zeros(dtype: DType) -> None:
    zero = dtype.sign_bit if dtype.has_negative_zero else 0
    tiny = float(dtype.decode(1))
    assert Fraction(tiny) == Fraction(2) ** (1 - dtype.bias - dtype.mantissa_bits)
    assert dtype.encode(tiny) == 1
    assert dtype.encode(tiny / 2) == 0  # a tie for the narrow formats, 0.0 itself for float64
    assert dtype.encode(0.0) == 0
    assert dtype.encode(-0.0) == dtype.encode(-tiny / 2) == zero
    assert dtype.encode(0) == 0


def test_negative_underflow_keeps_its_sign() -> None:
    assert F32.encode(-1e-300) == F32.sign_bit
    assert F16.encode(-1e-30) == F16.sign_bit


@pytest.mark.parametrize(
    ("dtype", "bits"), [
        (F16, 0x7E00), (F32, 0x7FC0_0000), (F64, 0x7FF8_0000_0000_0000), (dtypes.bfloat16, 0x7FC0),
        (dtypes.float8_e5m2, 0x7E), (dtypes.float8_e4m3fn, 0x7F), (dtypes.float8_e4m3fnuz, 0x80),
        (dtypes.float8_e5m2fnuz, 0x80),
    ],
)  # fmt: skip
def test_the_canonical_nan(dtype: DType, bits: int) -> None:
    assert dtype.canonical_nan == bits
    negative = struct.unpack("<d", struct.pack("<Q", 0xFFF8_0000_0000_1234))[0]
    assert dtype.encode(math.nan) == dtype.encode(negative) == bits


def test_integers_round_once_and_not_through_float64() -> None:
    """2**24 + 1 + 2**-30 and its like: a double in between would make a tie of what is none."""
    above_tie = (1 << 60) + (1 << 36) + 1  # float32 has steps of 2**37 there
    assert F32.encode(above_tie) == F32.encode(1 << 60) + 1
    assert F32.encode(float(above_tie)) == F32.encode(1 << 60), "the double is the tie"
    assert F64.encode((1 << 53) + 1) == F64.encode(1 << 53)
    assert F64.encode((1 << 53) + 3) == F64.encode((1 << 53) + 4)


@given(st.integers(-(2**70), 2**70))
def test_big_integers_are_the_nearest_float(value: int) -> None:
    for dtype in (F32, F64):
        bits = dtype.encode(value)
        error = abs(Fraction(dtype.decode(bits)) - value)
        for neighbour in (bits - 1, bits + 1):
            if value and 0 <= neighbour & (dtype.sign_bit - 1) < dtype.infinity:
                other = abs(Fraction(dtype.decode(neighbour)) - value)
                assert error < other or (error == other and bits & 1 == 0)


# -- integers and bool -----------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", [d for d in INTEGERS if d.bits == 8])
def test_every_byte(dtype: DType) -> None:
    for bits in range(256):
        want = int(np.array(bits, "uint8").view(dtype.name))
        assert dtype.decode(bits) == want
        assert dtype.encode(want) == bits


@pytest.mark.parametrize("dtype", INTEGERS)
@given(st.integers(-(2**70), 2**70))
def test_integers_wrap(dtype: DType, value: int) -> None:
    decoded = dtype.decode(dtype.encode(value))
    assert dtype.min <= decoded <= dtype.max
    assert (decoded - value) % (1 << dtype.bits) == 0


@pytest.mark.parametrize("dtype", INTEGERS)
def test_ranges_agree_with_numpy(dtype: DType) -> None:
    limits = np.iinfo(dtype.name)
    assert (dtype.min, dtype.max) == (limits.min, limits.max)


def test_bool_is_one_bit_in_a_byte() -> None:
    row = dtypes.bool_
    assert [row.encode(v) for v in (False, True, 2, -0.0, math.nan)] == [0, 1, 1, 0, 1]
    assert (row.decode(0), row.decode(1)) == (False, True)
    assert row.itemsize == 1


# -- rows ------------------------------------------------------------------------------------------
def test_vectors_are_rows_too() -> None:
    row = F32.vec(4)
    assert row is F32.vec(4) is dtypes.as_dtype("float32x4") is row.vec(4)
    assert (row.scalar, row.lanes, row.unsigned) == (F32, 4, dtypes.uint32.vec(4))
    assert row.vec(1) is F32


def test_names() -> None:
    assert dtypes.as_dtype("half") is F16
    assert dtypes.as_dtype(F32) is F32
    for wrong in ("float24", "int32x", "xint32", "", None, 4):
        with pytest.raises(TypeError, match="is not a dtype"):
            dtypes.as_dtype(wrong)  # type: ignore[arg-type]


# -- promotion -------------------------------------------------------------------------------------
PAIRS = [
    ("bool", "int8", "int8"),
    ("bool", "float16", "float16"),
    ("int8", "int64", "int64"),
    ("uint8", "uint32", "uint32"),
    ("int16", "uint8", "int16"),
    ("int8", "uint8", "int16"),
    ("int8", "uint32", "int64"),
    ("int32", "uint32", "int64"),
    ("int8", "uint64", "uint64"),
    ("int64", "uint64", "uint64"),
    ("int64", "float16", "float16"),
    ("uint64", "float32", "float32"),
    ("float16", "float64", "float64"),
    ("uint64", "float8_e5m2", "float8_e5m2"),
    ("float16", "bfloat16", "float32"),
    ("float8_e4m3fn", "float8_e5m2", "float32"),
    ("float8_e5m2", "float8_e5m2fnuz", "float32"),
    ("float8_e4m3fn", "float16", "float16"),
    ("float8_e4m3fn", "bfloat16", "bfloat16"),
]


@pytest.mark.parametrize(("a", "b", "result"), PAIRS)
def test_promotion_table(a: str, b: str, result: str) -> None:
    assert dtypes.promote(dtypes.as_dtype(a), dtypes.as_dtype(b)).name == result


def test_promotion_is_commutative_associative_and_idempotent() -> None:
    """But two float8 beside a float of 16 bits: those two alone are float32, the three together
    are of 16 bits, in whatever order they stand.
    """
    for a, b in itertools.product(TENSOR_DTYPES, repeat=2):
        assert dtypes.promote(a, b) is dtypes.promote(b, a)
        assert dtypes.promote(a, dtypes.promote(a, b)) is dtypes.promote(a, b)
        for c in TENSOR_DTYPES:
            together = dtypes.promote(a, b, c)
            for order in itertools.permutations((a, b, c)):
                assert dtypes.promote(*order) is together
            sizes = {row.bits for row in (a, b, c) if row.is_float}
            if sizes != {8, 16}:
                assert dtypes.promote(dtypes.promote(a, b), c) is together, (a, b, c)


def test_promotion_agrees_with_numpy_where_numpy_stays_exact() -> None:
    """numpy widens floats for large integers, and takes a float for int64 with uint64."""
    for a, b in itertools.product([d for d in TENSOR_DTYPES if not d.is_float], repeat=2):
        if dtypes.uint64 in (a, b) and "int" in (a.kind, b.kind):
            assert dtypes.promote(a, b) is dtypes.uint64
        else:
            assert dtypes.promote(a, b).name == np.promote_types(a.name, b.name).name


def test_python_numbers_are_weak() -> None:
    for row in TENSOR_DTYPES:
        numeric = row is not dtypes.bool_
        assert dtypes.weak(row, True) is row
        assert dtypes.weak(row, 2**70) is (row if numeric else dtypes.int32)
        assert dtypes.weak(row, 1e300) is (row if row.is_float else F32)


def test_accumulators() -> None:
    wide = {"bool": "int32", "int8": "int32", "uint8": "uint32", "int16": "int32",
            "uint16": "uint32", **dict.fromkeys(NUMBERS, "float32")}  # fmt: skip
    for row in TENSOR_DTYPES:
        assert dtypes.accumulator(row).name == wide.get(row.name, row.name)
