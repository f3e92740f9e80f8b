"""Number formats: one row per dtype, and the promotion rules between them.

A dtype knows how to turn a Python number into its bit pattern and back; nothing else in the engine
rounds a Python number. Encodings are IEEE 754-2019 section 3 (binary interchange formats) and two's
complement. `index` is the dtype of addresses and loop variables: it has no storage and is narrowed
to int32 or int64 when a kernel is lowered.
"""

from __future__ import annotations

import math
import operator
import struct
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from typing import Literal

Kind = Literal["bool", "int", "uint", "float", "index"]
Scalar = bool | int | float


@dataclass(frozen=True, eq=False)
class DType:
    """A scalar format, or `lanes` of them side by side. Rows are unique: compare with `is`.

    `bits` is the width in registers; `storage_bits` the width in memory (bool takes a byte).
    `precision` counts the significand bits with the hidden one; 0 for formats without a fraction.
    """

    name: str
    kind: Kind
    bits: int
    precision: int = 0
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
    def bias(self) -> int:
        return (1 << (self.exponent_bits - 1)) - 1

    @cached_property
    def sign_bit(self) -> int:
        return 1 << (self.bits - 1)

    @cached_property
    def infinity(self) -> int:
        """Bits of +inf."""
        return ((1 << self.exponent_bits) - 1) << self.mantissa_bits

    @cached_property
    def canonical_nan(self) -> int:
        """Bits of the one NaN that a computation yields: positive, quiet, no payload."""
        return self.infinity | 1 << (self.mantissa_bits - 1)

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
        """The bits of `value`: integers wrap, floats round to nearest even, NaN is canonical."""
        if self.kind == "bool":
            return int(bool(value))
        if self.kind != "float":
            return int(value) & ((1 << self.bits) - 1)
        if isinstance(value, float) and not math.isfinite(value):
            if math.isnan(value):
                return self.canonical_nan
            return self.infinity | (self.sign_bit if value < 0 else 0)
        negative = math.copysign(1.0, value) < 0 if isinstance(value, float) else value < 0
        if type(value) is float and self.precision == 53:
            return int.from_bytes(struct.pack("<d", value), "little")
        exact = Fraction(value if isinstance(value, float) else operator.index(value))
        magnitude = round_magnitude(abs(exact), self)
        return magnitude | (self.sign_bit if negative else 0)

    def decode(self, bits: int) -> Scalar:
        """The Python number that the bits stand for."""
        if self.kind == "bool":
            return bool(bits)
        if self.kind == "uint":
            return bits
        if self.kind != "float":
            return bits - (1 << self.bits) if bits & self.sign_bit else bits
        sign = -1.0 if bits & self.sign_bit else 1.0
        field = (bits & ~self.sign_bit) >> self.mantissa_bits
        fraction = bits & ((1 << self.mantissa_bits) - 1)
        if field == (1 << self.exponent_bits) - 1:
            return math.nan if fraction else sign * math.inf
        hidden = (1 << self.mantissa_bits) if field else 0
        exponent = max(field, 1) - self.bias - self.mantissa_bits
        return sign * math.ldexp(float(fraction | hidden), exponent)


def round_magnitude(value: Fraction, dtype: DType) -> int:
    """Bits of a non-negative exact value in a float format (IEEE 754-2019, 4.3.1: ties to even).

    Encodings of growing values are growing integers, so a carry out of the significand, also into
    infinity, needs no case of its own.
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
    return min(bits, dtype.infinity)


@cache
def _vector(scalar: DType, lanes: int) -> DType:
    name = f"{scalar.name}x{lanes}"
    return DType(name, scalar.kind, scalar.bits, scalar.precision, lanes)


bool_ = DType("bool", "bool", 1)
int8 = DType("int8", "int", 8)
int16 = DType("int16", "int", 16)
int32 = DType("int32", "int", 32)
int64 = DType("int64", "int", 64)
uint8 = DType("uint8", "uint", 8)
uint16 = DType("uint16", "uint", 16)
uint32 = DType("uint32", "uint", 32)
uint64 = DType("uint64", "uint", 64)
float16 = DType("float16", "float", 16, precision=11)
float32 = DType("float32", "float", 32, precision=24)
float64 = DType("float64", "float", 64, precision=53)
index = DType("index", "index", 64)

TENSOR_DTYPES = (
    bool_, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float16, float32, float64,
)  # fmt: skip
BY_NAME: dict[str, DType] = {row.name: row for row in (*TENSOR_DTYPES, index)}
ALIASES = {
    "half": float16, "float": float32, "double": float64, "char": int8, "short": int16,
    "int": int32, "long": int64, "uchar": uint8, "ushort": uint16, "uint": uint32, "ulong": uint64,
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
    every integer together with uint64 is uint64. An integer with a float is that float.
    """
    result = operands[0]
    for other in operands[1:]:
        result = _promote_pair(result, other)
    return result


@cache
def _promote_pair(a: DType, b: DType) -> DType:
    if a is b or b.kind == "bool":
        return a
    if a.kind == "bool":
        return b
    if a.is_float or b.is_float:
        return max((x for x in (a, b) if x.is_float), key=lambda x: x.bits)
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
