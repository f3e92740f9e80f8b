"""Number formats as rows: how the bits of a dtype are read and written.

Float layouts follow IEEE 754-2019, section 3.4 (binary16, binary32, binary64), the OCP 8-bit
Floating Point Specification of 2023 (e4m3fn, e5m2) and Noune et al., "8-bit Numerical Formats for
Deep Neural Networks", 2022 (e4m3fnuz, e5m2fnuz).  All values that a caller sees are exact: `decode`
gives a `Fraction` and `round` takes one.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Exact = Fraction | str
"""An exact value: a `Fraction`, or one of the words "nan", "inf", "-inf"."""

_UNSIGNED_BY_BITS: dict[int, type[np.unsignedinteger[Any]]] = {
    8: np.uint8,
    16: np.uint16,
    32: np.uint32,
    64: np.uint64,
}


@dataclass(frozen=True)
class Format:
    """One dtype.

    For floats `precision` counts the hidden bit, and `emin`/`emax` are the exponents of the
    smallest normal number and of the largest finite one (significand in [1, 2)); `largest` are the
    bits of the latter.  Beyond it lies infinity where there is one (`infinite`), else results
    saturate; all patterns beyond that are NaNs.  Without `minus_zero` the sign bit alone is the
    only NaN.  For integers `precision` is the width and `largest` is MAX.  A bool is stored in 8
    bits of which only 0 and 1 are used.
    """

    name: str
    kind: str
    bits: int
    precision: int
    emin: int
    emax: int
    canonical_nan: int | None
    largest: int
    infinite: bool = False
    minus_zero: bool = True

    @property
    def unsigned(self) -> np.dtype[Any]:
        """The numpy dtype that holds the bit pattern."""
        return np.dtype(_UNSIGNED_BY_BITS[self.bits])

    @property
    def numpy_dtype(self) -> np.dtype[Any]:
        """The numpy dtype that holds the value."""
        return np.dtype(getattr(ml_dtypes, self.name, self.name))

    @property
    def is_float(self) -> bool:
        """True for the float kinds."""
        return self.kind == "float"

    @property
    def mantissa_bits(self) -> int:
        """Stored significand bits of a float."""
        return self.precision - 1

    @property
    def sign_bit(self) -> int:
        """The bit pattern with only the sign bit set."""
        return 1 << (self.bits - 1)

    @property
    def infinity(self) -> int:
        """Bits of +inf, which the format must have."""
        if not self.infinite:
            raise ValueError(f"{self.name} has no infinity")
        return self.largest + 1

    @property
    def overflow(self) -> int:
        """Bits that a positive number beyond the range is rounded to: +inf, else the largest."""
        return self.largest + 1 if self.infinite else self.largest

    @property
    def greatest(self) -> Fraction:
        """The largest finite number of a float."""
        return self._magnitude(self.largest)

    @property
    def minimum(self) -> int:
        """The least value of an integer or bool format."""
        return -(1 << (self.bits - 1)) if self.kind == "int" else 0

    @property
    def maximum(self) -> int:
        """The greatest value of an integer or bool format."""
        if self.kind == "bool":
            return 1
        return (1 << (self.bits - 1)) - 1 if self.kind == "int" else (1 << self.bits) - 1

    def to_bits(self, array: Array) -> Array:
        """The bit patterns of `array`, of the same shape; a view where memory allows it."""
        if array.dtype != self.numpy_dtype:
            raise TypeError(f"expected {self.name}, got {array.dtype}")
        return np.asarray(np.ascontiguousarray(array).view(self.unsigned)).reshape(array.shape)

    def from_bits(self, bits: Array) -> Array:
        """The array whose bit patterns are `bits` (of this format's unsigned dtype)."""
        if bits.dtype != self.unsigned:
            raise TypeError(f"expected {self.unsigned}, got {bits.dtype}")
        shaped = np.ascontiguousarray(bits).view(self.numpy_dtype)
        return np.asarray(shaped).reshape(bits.shape)

    def nan(self, payload: int) -> int:
        """Bits of a NaN with this payload, of which the lowest bits count; the NaN of a format that
        has but one.
        """
        if not self.infinite:
            return self.canonical_nan or 0
        return self.infinity | ((payload & ((1 << self.mantissa_bits) - 1)) or 1)

    def is_nan(self, bits: Array) -> Array:
        """Which of the bit patterns are NaN; all False for formats without NaN."""
        if not self.is_float:
            return np.zeros(bits.shape, dtype=bool)
        if not self.minus_zero:
            return np.asarray(bits == self.unsigned.type(self.sign_bit))
        magnitude = bits & self.unsigned.type(self.sign_bit - 1)
        return np.asarray(magnitude > self.unsigned.type(self.overflow))

    def is_finite(self, bits: Array) -> Array:
        """Which of the bit patterns are numbers."""
        if not self.is_float:
            return np.ones(bits.shape, dtype=bool)
        magnitude = bits & self.unsigned.type(self.sign_bit - 1)
        return np.asarray(~self.is_nan(bits) & (magnitude <= self.unsigned.type(self.largest)))

    def is_overflow(self, bits: Array) -> Array:
        """Which of the bit patterns of a float an overflow gives; see `overflow`."""
        magnitude = bits & self.unsigned.type(self.sign_bit - 1)
        return np.asarray(magnitude == self.unsigned.type(self.overflow))

    def with_sign(self, bits: Array, sign: Array) -> Array:
        """Patterns with the sign bits of others; without -0, zero and NaN keep theirs."""
        magnitude = bits & self.unsigned.type(self.sign_bit - 1)
        signed = magnitude | (sign & self.unsigned.type(self.sign_bit))
        return signed if self.minus_zero else np.where(magnitude == 0, bits, signed)

    def is_negative(self, bits: int) -> bool:
        """True when the sign bit is set, so that -0 can be told from +0."""
        return self.kind in ("int", "float") and bool(bits & self.sign_bit)

    def decode(self, bits: int) -> Exact:
        """The exact value of one bit pattern; both zeros give 0 (see `is_negative`)."""
        if self.kind == "int":
            return Fraction(bits - (1 << self.bits) if bits & self.sign_bit else bits)
        if not self.is_float:
            return Fraction(bits)
        magnitude = bits & (self.sign_bit - 1)
        negative = bool(bits & self.sign_bit)
        if magnitude > self.overflow or (bits == self.sign_bit and not self.minus_zero):
            return "nan"
        if magnitude > self.largest:
            return "-inf" if negative else "inf"
        value = self._magnitude(magnitude)
        return -value if negative else value

    def _magnitude(self, magnitude: int) -> Fraction:
        """The value of finite bits without sign; also of the bits beyond them."""
        fraction = magnitude & ((1 << self.mantissa_bits) - 1)
        exponent = magnitude >> self.mantissa_bits
        if exponent > 0:
            fraction |= 1 << self.mantissa_bits
        scale = max(exponent, 1) - 1 + self.emin - self.mantissa_bits
        return Fraction(fraction) * Fraction(2) ** scale

    def round(self, value: Fraction, negative_zero: bool = False) -> int:
        """The bits nearest to `value`, ties to even, subnormals kept; see `overflow`.

        A result of zero takes the sign of `value`; an exact zero is negative when
        `negative_zero` says so (IEEE 754-2019, 4.3.1 and 6.3).  Formats without -0 have +0.
        """
        if not self.is_float:
            raise TypeError(f"{self.name} is not a float format")
        negative = value < 0 or (value == 0 and negative_zero)
        magnitude = self._round_magnitude(abs(value))
        negative = negative and (magnitude != 0 or self.minus_zero)
        return magnitude | self.sign_bit if negative else magnitude

    def overflows(self, value: Fraction) -> bool:
        """Whether a value is beyond what results of the format are measured by; see `limited`.

        An infinity counts as the power of two that comes after the numbers.
        """
        if self.infinite:
            return abs(value) >= Fraction(2) ** (self.emax + 1)
        return abs(value) > self.greatest

    def limited(self, value: Fraction) -> Fraction:
        """The value by which a result is measured: what saturates is the largest number."""
        return value if self.infinite else max(-self.greatest, min(value, self.greatest))

    def _round_magnitude(self, value: Fraction) -> int:
        if value == 0:
            return 0
        exponent = max(floor_log2(value), self.emin)
        quantum = exponent - self.mantissa_bits
        scaled = value / Fraction(2) ** quantum
        significand = round(scaled)  # Python rounds a Fraction half to even
        bits = ((exponent - self.emin) << self.mantissa_bits) + significand
        return min(bits, self.overflow)

    def ulp(self, value: Fraction) -> Fraction:
        """The spacing of the format at `value`, as if the exponent had no upper limit."""
        exponent = self.emin if value == 0 else max(floor_log2(abs(value)), self.emin)
        return Fraction(2) ** (exponent - self.mantissa_bits)

    def hex(self, bits: int) -> str:
        """Bits in hexadecimal, as many digits as the format has."""
        return f"0x{int(bits):0{self.bits // 4}x}"


def floor_log2(value: Fraction) -> int:
    """The integer e with 2**e <= value < 2**(e+1), for value > 0."""
    guess = value.numerator.bit_length() - value.denominator.bit_length()
    return guess if value >= Fraction(2) ** guess else guess - 1


def _integer(name: str, kind: str, bits: int) -> Format:
    largest = (1 << (bits - 1 if kind == "int" else bits)) - 1
    return Format(name, kind, bits, bits, 0, 0, None, largest)


def _ieee(name: str, bits: int, precision: int, emax: int, nan: int) -> Format:
    """A format whose greatest exponent field is for infinities and NaNs."""
    largest = (((1 << (bits - precision)) - 1) << (precision - 1)) - 1
    return Format(name, "float", bits, precision, 1 - emax, emax, nan, largest, infinite=True)


_ROWS = (
    Format("bool", "bool", 8, 1, 0, 0, None, 1),
    _integer("int8", "int", 8),
    _integer("int16", "int", 16),
    _integer("int32", "int", 32),
    _integer("int64", "int", 64),
    _integer("uint8", "uint", 8),
    _integer("uint16", "uint", 16),
    _integer("uint32", "uint", 32),
    _integer("uint64", "uint", 64),
    Format("float8_e4m3fn", "float", 8, 4, -6, 8, 0x7F, 0x7E),
    _ieee("float8_e5m2", 8, 3, 15, 0x7E),
    Format("float8_e4m3fnuz", "float", 8, 4, -7, 7, 0x80, 0x7F, minus_zero=False),
    Format("float8_e5m2fnuz", "float", 8, 3, -15, 15, 0x80, 0x7F, minus_zero=False),
    _ieee("bfloat16", 16, 8, 127, 0x7FC0),
    _ieee("float16", 16, 11, 15, 0x7E00),
    _ieee("float32", 32, 24, 127, 0x7FC00000),
    _ieee("float64", 64, 53, 1023, 0x7FF8000000000000),
)

FORMATS: dict[str, Format] = {row.name: row for row in _ROWS}


def format_of(array: Array) -> Format:
    """The format row of an array; raises TypeError for dtypes outside the table."""
    return _format_of(array.dtype)


@cache  # numpy puts the name of a dtype together whenever it is asked for
def _format_of(dtype: np.dtype[Any]) -> Format:
    row = FORMATS.get(dtype.name)
    if row is None:
        raise TypeError(f"no format for dtype {dtype}")
    return row
