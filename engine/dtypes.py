"""Number formats: one row per dtype, and the promotion rules between them.

A dtype knows how to turn a Python number into its bit pattern and back; nothing else in the engine
rounds a Python number. Encodings are IEEE 754-2019 section 3 (binary interchange formats) and two's
complement; e4m3fn and e5m2 those of the OCP 8-bit Floating Point Specification (OFP8), revision 1.0
of 2023; the fnuz pair those of Noune et al., "8-bit Numerical Formats for Deep Neural Networks",
2022. bfloat16 is the upper half of binary32. `index` is the dtype of addresses and loop variables:
it has no storage and is narrowed to int32 or int64 when a kernel is lowered.
"""

from __future__ import annotations

import math
import operator
import struct
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, cached_property, lru_cache
from typing import Literal

Kind = Literal["bool", "int", "uint", "float", "index"]
# What a float has besides numbers. ieee: infinities and NaNs with the greatest exponent. fn: no
# infinity, and all ones beside the sign are the only NaN. fnuz: neither infinity nor -0, whose
# pattern is the only NaN.
Specials = Literal["ieee", "fn", "fnuz"]
Scalar = bool | int | float


@dataclass(frozen=True, eq=False)
class DType:
    """A scalar format, or `lanes` of them side by side. Rows are unique: compare with `is`.

    `bits` is the width in registers; `storage_bits` the width in memory (bool takes a byte).
    `precision` counts the significand bits with the hidden one; 0 for formats without a fraction.
    `bias` is that of a float's exponent field, whose value 1 is the exponent of the least normal
    number.
    """

    name: str
    kind: Kind
    bits: int
    precision: int = 0
    bias: int = 0
    specials: Specials = "ieee"
    lanes: int = 1

    def __repr__(self) -> str:
        return self.name

    @cached_property
    def itemsize(self) -> int:
        """Bytes of one scalar in memory."""
        return max(1, self.bits // 8)

    @cached_property
    def is_float(self) -> bool:
        return self.kind == "float"

    @cached_property
    def is_int(self) -> bool:
        """Integers, signed or not; bool is none."""
        return self.kind in ("int", "uint")

    @cached_property
    def is_signed(self) -> bool:
        return self.kind in ("int", "index")

    @cached_property
    def scalar(self) -> DType:
        """The dtype of one lane."""
        return BY_NAME[self.name.rpartition("x")[0]] if self.lanes > 1 else self

    def vec(self, lanes: int) -> DType:
        """`lanes` of this scalar dtype."""
        return _vector(self.scalar, lanes) if lanes > 1 else self.scalar

    # -- ranges ------------------------------------------------------------------------------------
    @cached_property
    def min(self) -> int:
        """The smallest integer of an integer dtype."""
        return -(1 << (self.bits - 1)) if self.is_signed else 0

    @cached_property
    def max(self) -> int:
        """The largest integer of an integer dtype."""
        return (1 << (self.bits - 1)) - 1 if self.is_signed else (1 << self.bits) - 1

    @cached_property
    def mantissa_bits(self) -> int:
        return self.precision - 1

    @cached_property
    def exponent_bits(self) -> int:
        return self.bits - self.precision

    @cached_property
    def sign_bit(self) -> int:
        return 1 << (self.bits - 1)

    @cached_property
    def has_infinity(self) -> bool:
        return self.specials == "ieee"

    @cached_property
    def has_negative_zero(self) -> bool:
        return self.specials != "fnuz"

    @cached_property
    def infinity(self) -> int:
        """Bits of +inf, of a format that has it."""
        assert self.has_infinity, f"{self} has no infinity"
        return ((1 << self.exponent_bits) - 1) << self.mantissa_bits

    @cached_property
    def largest(self) -> int:
        """Bits of the largest finite number of a float."""
        if self.has_infinity:
            return self.infinity - 1
        return self.sign_bit - (2 if self.specials == "fn" else 1)

    @cached_property
    def overflow(self) -> int:
        """Bits of what a positive number beyond the range is rounded to."""
        return self.infinity if self.has_infinity else self.largest

    @cached_property
    def canonical_nan(self) -> int:
        """Bits of the one NaN that a computation yields: positive where it can, quiet, no payload.

        Formats without infinity have but one NaN, or in e4m3fn one of each sign.
        """
        if self.has_infinity:
            return self.infinity | 1 << (self.mantissa_bits - 1)
        return self.sign_bit - 1 if self.has_negative_zero else self.sign_bit

    def is_nan(self, bits: int) -> bool:
        """Whether these bits of a float are a NaN."""
        if not self.has_negative_zero:
            return bits == self.sign_bit
        return bits & (self.sign_bit - 1) > self.overflow

    @cached_property
    def unsigned(self) -> DType:
        """The unsigned integer of the same width: the bits of this dtype as a number."""
        return BY_NAME[f"uint{max(self.bits, 8)}"].vec(self.lanes)

    @cached_property
    def signed(self) -> DType:
        """The signed integer of the same width."""
        return BY_NAME[f"int{max(self.bits, 8)}"].vec(self.lanes)

    # -- numbers and bits --------------------------------------------------------------------------
    def encode(self, value: Scalar) -> int:
        """The bits of `value`: integers wrap, floats round to nearest even, NaN is canonical.

        What is beyond a float's range becomes an infinity, or the largest number where there is
        none.
        """
        if self.kind == "bool":
            return int(bool(value))
        if self.kind != "float":
            return int(value) & ((1 << self.bits) - 1)
        if isinstance(value, float) and math.isnan(value):
            return self.canonical_nan
        if type(value) is float and self.precision == 53:
            return int.from_bytes(struct.pack("<d", value), "little")
        negative = math.copysign(1.0, value) < 0 if isinstance(value, float) else value < 0
        magnitude = _magnitude(abs(value), self)
        signed = negative and (magnitude != 0 or self.has_negative_zero)
        return magnitude | self.sign_bit if signed else magnitude

    def decode(self, bits: int) -> Scalar:
        """The Python number that the bits stand for."""
        if self.kind == "bool":
            return bool(bits)
        if self.kind == "uint":
            return bits
        if self.kind != "float":
            return bits - (1 << self.bits) if bits & self.sign_bit else bits
        if self.is_nan(bits):
            return math.nan
        sign = -1.0 if bits & self.sign_bit else 1.0
        magnitude = bits & (self.sign_bit - 1)
        if magnitude > self.largest:
            return sign * math.inf
        field = magnitude >> self.mantissa_bits
        fraction = magnitude & ((1 << self.mantissa_bits) - 1)
        hidden = (1 << self.mantissa_bits) if field else 0
        exponent = max(field, 1) - self.bias - self.mantissa_bits
        return sign * math.ldexp(float(fraction | hidden), exponent)


@lru_cache(maxsize=4096)  # of the constants of functions: numbers that are equal have the same bits
def _magnitude(value: Scalar, dtype: DType) -> int:
    """Bits of a float that is nearest to a number that is not negative."""
    if isinstance(value, float):
        return dtype.overflow if math.isinf(value) else round_magnitude(Fraction(value), dtype)
    return round_magnitude(Fraction(operator.index(value)), dtype)


def round_magnitude(value: Fraction, dtype: DType) -> int:
    """Bits of a non-negative exact value in a float format (IEEE 754-2019, 4.3.1: ties to even).

    Encodings of growing values are growing integers, so a carry out of the significand, also beyond
    the largest number, needs no case of its own.
    """
    if value == 0:
        return 0
    exponent = value.numerator.bit_length() - value.denominator.bit_length()
    if value < Fraction(2) ** exponent:
        exponent -= 1
    exponent = max(exponent, 1 - dtype.bias)
    scaled = value / Fraction(2) ** (exponent - dtype.mantissa_bits)
    significand = round(scaled)
    bits = significand + ((exponent + dtype.bias - 1) << dtype.mantissa_bits)
    return min(bits, dtype.overflow)


@cache
def _vector(scalar: DType, lanes: int) -> DType:
    name = f"{scalar.name}x{lanes}"
    return replace(scalar, name=name, lanes=lanes)


bool_ = DType("bool", "bool", 1)
int8 = DType("int8", "int", 8)
int16 = DType("int16", "int", 16)
int32 = DType("int32", "int", 32)
int64 = DType("int64", "int", 64)
uint8 = DType("uint8", "uint", 8)
uint16 = DType("uint16", "uint", 16)
uint32 = DType("uint32", "uint", 32)
uint64 = DType("uint64", "uint", 64)
float8_e4m3fn = DType("float8_e4m3fn", "float", 8, precision=4, bias=7, specials="fn")
float8_e5m2 = DType("float8_e5m2", "float", 8, precision=3, bias=15)
float8_e4m3fnuz = DType("float8_e4m3fnuz", "float", 8, precision=4, bias=8, specials="fnuz")
float8_e5m2fnuz = DType("float8_e5m2fnuz", "float", 8, precision=3, bias=16, specials="fnuz")
bfloat16 = DType("bfloat16", "float", 16, precision=8, bias=127)
float16 = DType("float16", "float", 16, precision=11, bias=15)
float32 = DType("float32", "float", 32, precision=24, bias=127)
float64 = DType("float64", "float", 64, precision=53, bias=1023)
index = DType("index", "index", 64)

NARROW_FLOATS = (
    float8_e4m3fn, float8_e5m2, float8_e4m3fnuz, float8_e5m2fnuz, bfloat16, float16,
)  # fmt: skip
TENSOR_DTYPES = (
    bool_, int8, int16, int32, int64, uint8, uint16, uint32, uint64, *NARROW_FLOATS, float32,
    float64,
)  # fmt: skip
BY_NAME: dict[str, DType] = {row.name: row for row in (*TENSOR_DTYPES, index)}
ALIASES = {
    "half": float16, "float": float32, "double": float64, "char": int8, "short": int16,
    "int": int32, "long": int64, "uchar": uint8, "ushort": uint16, "uint": uint32, "ulong": uint64,
    "fp8e4m3": float8_e4m3fn, "fp8e5m2": float8_e5m2, "fp8e4m3fnuz": float8_e4m3fnuz,
    "fp8e5m2fnuz": float8_e5m2fnuz,
}  # fmt: skip

default_float = float32
default_int = int32


def as_dtype(value: DType | str) -> DType:
    """The row for a dtype or its name (`float32`, `half`, `int32x4`); TypeError for others."""
    if isinstance(value, DType):
        return value
    if isinstance(value, str):
        if row := BY_NAME.get(value) or ALIASES.get(value):
            return row
        name, _, lanes = value.rpartition("x")
        if name in BY_NAME and lanes.isdigit():
            return BY_NAME[name].vec(int(lanes))
    names = ", ".join(row.name for row in TENSOR_DTYPES)
    raise TypeError(f"{value!r} is not a dtype; the dtypes are {names}")


def promote(*operands: DType) -> DType:
    """The common dtype of tensors: bool < integers < floats.

    Signed with unsigned of equal or greater width takes the next signed type above it, except that
    every integer together with uint64 is uint64. Floats take the widest of them, or float32 where
    two different ones are the widest; what else is there does not matter beside a float.
    """
    floats = {row for row in operands if row.is_float}
    if floats:
        bits = max(row.bits for row in floats)
        widest = [row for row in floats if row.bits == bits]
        return widest[0] if len(widest) == 1 else float32
    result = operands[0]
    for other in operands[1:]:
        result = _promote_integers(result, other)
    return result


@cache
def _promote_integers(a: DType, b: DType) -> DType:
    if a is b or b.kind == "bool":
        return a
    if a.kind == "bool":
        return b
    if a.kind == b.kind or uint64 in (a, b):
        return max((a, b), key=lambda x: (x.bits, x.kind == "uint"))
    signed, unsigned = (a, b) if a.kind == "int" else (b, a)
    return signed if signed.bits > unsigned.bits else BY_NAME[f"int{unsigned.bits * 2}"]


def weak(tensor: DType, scalar: Scalar) -> DType:
    """The common dtype of a tensor and a Python scalar, which never widens a numeric dtype."""
    if isinstance(scalar, bool):
        return tensor
    if isinstance(scalar, int):
        return default_int if tensor.kind == "bool" else tensor
    return tensor if tensor.is_float else default_float


def accumulator(dtype: DType) -> DType:
    """The dtype in which sums and products of `dtype` are kept."""
    if dtype.is_float:
        return float64 if dtype is float64 else float32
    if dtype.bits >= 32:
        return dtype
    return uint32 if dtype.kind == "uint" else int32
