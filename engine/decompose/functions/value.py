"""What functions are written in: a protocol of correctly rounded operations, formats, and the
error-free transformations that they share.

Invariants of every function in this package:
- It is built only from float `+ - * /` and sqrt, comparisons, selects, integer arithmetic, shifts,
  bitcasts, conversions and reads of constant tables, all of which have one correct result, so that
  it gives the same bits everywhere. No fused multiply-add, and nothing of a device's or the host's
  library.
- The order of the operations is part of the result: nothing may be reassociated, contracted or
  folded through `opaque`, which guards the error-free transformations.
- A NaN operand gives a NaN. Its payload is whatever the device's arithmetic makes of it.
- Special values are those of C17 Annex F.10.
- Each function is defined once for float32 and float64; what depends on the dtype is a row of a
  table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar


class Value(Protocol):
    """A scalar expression with a dtype; a Python number stands for the nearest constant.

    Arithmetic is between values of one dtype and rounds to nearest, ties to even, with gradual
    underflow. Comparisons give a value of dtype bool. Shift counts are in range; `>>` is arithmetic
    on signed and logical on unsigned integers, and integer arithmetic wraps.
    """

    @property
    def dtype_name(self) -> str: ...
    def __add__(self, other: Self | float) -> Self: ...
    def __radd__(self, other: float) -> Self: ...
    def __sub__(self, other: Self | float) -> Self: ...
    def __rsub__(self, other: float) -> Self: ...
    def __mul__(self, other: Self | float) -> Self: ...
    def __rmul__(self, other: float) -> Self: ...
    def __truediv__(self, other: Self | float) -> Self: ...
    def __rtruediv__(self, other: float) -> Self: ...
    def __and__(self, other: Self | int) -> Self: ...
    def __or__(self, other: Self | int) -> Self: ...
    def __xor__(self, other: Self | int) -> Self: ...
    def __lshift__(self, count: Self | int) -> Self: ...
    def __rshift__(self, count: Self | int) -> Self: ...
    def lt(self, other: Self | float) -> Self: ...
    def eq(self, other: Self | float) -> Self: ...
    def ne(self, other: Self | float) -> Self: ...

    def where(self, if_true: Self | float, if_false: Self | float) -> Self:
        """Select by this condition; at least one of the operands is a value."""
        ...

    def bitcast(self, dtype_name: str) -> Self: ...

    def convert(self, dtype_name: str) -> Self:
        """Float to integer truncates (finite and in range only); to float rounds correctly."""
        ...

    def constant(self, number: float) -> Self:
        """The constant of this value's dtype that is nearest to `number`."""
        ...

    def constant_bits(self, bits: int) -> Self:
        """The constant of this value's dtype with this bit pattern."""
        ...

    def sqrt(self) -> Self: ...

    def lookup(self, table_bits: tuple[int, ...], dtype_name: str) -> Self:
        """The item at this index of a constant table of bit patterns of another dtype.

        The index is unsigned, and masks or logical shifts prove it to be in range.
        """
        ...

    def horner(self, coefficients: tuple[float, ...]) -> Self:
        """acc = c0, then acc = acc * self + c for each following c; each operation rounds."""
        ...

    def opaque(self) -> Self:
        """This value, but no rewrite rule looks through it."""
        ...


V = TypeVar("V", bound=Value)


# A function of one operand or two, over whichever implementation of Value it is given.
Function = Callable[..., Any]


@dataclass(frozen=True)
class Format:
    """An IEEE 754 binary format."""

    fraction_bits: int
    bias: int
    signed: str
    unsigned: str

    @property
    def bits(self) -> int:
        """The width of the format, and of the integers of its bits."""
        return int(self.unsigned.removeprefix("uint"))

    @property
    def sign_bit(self) -> int:
        return 1 << self.bits - 1

    @property
    def splitter(self) -> float:
        """2**s + 1 for s = ceil(precision / 2), which `split` multiplies by."""
        return 2.0 ** (self.fraction_bits // 2 + 1) + 1.0

    @property
    def precision(self) -> int:
        """Bits of the significand, with the hidden one."""
        return self.fraction_bits + 1

    @property
    def negligible(self) -> float:
        """Below it, x**2 is less than a 16th of the last bit of 1."""
        return 2.0 ** -(self.precision // 2 + 2)

    @property
    def integer_shifter(self) -> float:
        """1.5 * 2**fraction_bits: floats next to it are the integers, in units of their last bit.

        Adding it rounds a small float to an integer, which then stands in the low bits as well.
        """
        return 1.5 * 2.0**self.fraction_bits

    @property
    def integer_shifter_bits(self) -> int:
        """The bit pattern of `integer_shifter`."""
        return (self.bias + self.fraction_bits << self.fraction_bits) | 1 << self.fraction_bits - 1

    @property
    def least_significand_bits(self) -> int:
        """The bit pattern of 37/64 = 2**-1 * (1 + 5/32), the least m that log2 reduces to."""
        return (self.bias - 1 << self.fraction_bits) + (5 << self.fraction_bits - 5)

    @property
    def quiet_nan_bits(self) -> int:
        """The positive quiet NaN without payload."""
        return (2 * self.bias + 1 << self.fraction_bits) | 1 << self.fraction_bits - 1


FORMATS = {
    "float32": Format(fraction_bits=23, bias=127, signed="int32", unsigned="uint32"),
    "float64": Format(fraction_bits=52, bias=1023, signed="int64", unsigned="uint64"),
}

Coefficients = tuple[float, ...]


def fast_two_sum(a: V, b: V) -> tuple[V, V]:
    """(s, e) with s = a + b rounded and s + e = a + b exactly, if |a| >= |b| or a = 0.

    Dekker's Fast2Sum: Muller et al., "Handbook of Floating-Point Arithmetic", 2nd ed., section
    4.3.1. The precondition saves three of the six operations of TwoSum.
    """
    total = (a + b).opaque()
    return total, b - (total - a).opaque()


def split(a: V) -> tuple[V, V]:
    """(h, l) with h + l = a exactly, both of at most half of the precision, if a * 2**28 is finite.

    Veltkamp's algorithm: "Handbook", section 4.4.1.
    """
    scaled = (a * FORMATS[a.dtype_name].splitter).opaque()
    high = (scaled - (scaled - a).opaque()).opaque()
    return high, a - high


def two_product(a: V, b: V) -> tuple[V, V]:
    """(p, e) with p = a * b rounded and p + e = a * b exactly, unless e underflows.

    Dekker's product: "Handbook", section 4.4.2.
    """
    product = (a * b).opaque()
    high, low = split(a)
    other_high, other_low = split(b)
    middle = (high * other_high - product) + high * other_low + low * other_high
    return product, middle + low * other_low


def scale_by_power_of_two(value: V, biased: V) -> V:
    """value * 2**k where the unsigned integer `biased` is k + 2 * bias in its low bits.

    2**k itself need not be representable, so it is split into two powers with exponent fields
    floor(biased / 2) and the rest, both of them normal numbers if |k| < 2 * bias - 1. Multiplying
    by the first is exact for a value near one, so that only the second multiplication rounds, once,
    when the result is subnormal or overflows. The shifts to the left drop all but sign and exponent
    field. So k + 2 * bias, which is one bit longer than that field, must be followed by a zero bit
    that becomes the sign, and the bits above do not matter.
    """
    fmt = FORMATS[value.dtype_name]
    half = biased >> 1
    rest = biased - half
    first = (half << fmt.fraction_bits).bitcast(value.dtype_name)
    second = (rest << fmt.fraction_bits).bitcast(value.dtype_name)
    return value * first * second


# -- bits ------------------------------------------------------------------------------------------
def magnitude(x: V) -> V:
    """x without its sign."""
    fmt = FORMATS[x.dtype_name]
    return (x.bitcast(fmt.unsigned) & (fmt.sign_bit - 1)).bitcast(x.dtype_name)


def with_sign_of(y: V, x: V) -> V:
    """y, whose sign bit is clear unless it is a NaN, with the sign of x."""
    fmt = FORMATS[x.dtype_name]
    sign = x.bitcast(fmt.unsigned) & fmt.sign_bit
    return (y.bitcast(fmt.unsigned) | sign).bitcast(x.dtype_name)


def not_a_number(x: V) -> V:
    """The quiet NaN of the dtype of x."""
    return x.constant_bits(FORMATS[x.dtype_name].quiet_nan_bits)


# -- sums of two floats ----------------------------------------------------------------------------
# A pair (h, l) stands for the unevaluated sum h + l, where |l| is at most some units in the last
# place of h: about twice the precision. Sections refer to Muller et al., "Handbook of
# Floating-Point Arithmetic", 2nd ed.
Pair = tuple[V, V]


def two_sum(a: V, b: V) -> Pair[V]:
    """(s, e) with s = a + b rounded and s + e = a + b exactly. Knuth's TwoSum: section 4.3.2."""
    total = (a + b).opaque()
    part = (total - b).opaque()
    return total, (a - part) + (b - (total - part).opaque())


def divide(a: Pair[V], b: Pair[V]) -> Pair[V]:
    """The quotient of two pairs, to about twice the precision: one step of long division."""
    quotient = (a[0] / b[0]).opaque()
    product, error = two_product(quotient, b[0])
    remainder = ((a[0] - product).opaque() - error) + (a[1] - quotient * b[1])
    return quotient, remainder / b[0]


def square_root(a: Pair[V]) -> Pair[V]:
    """The square root of a positive pair, to about twice the precision: one step of Newton's."""
    root = a[0].sqrt().opaque()
    square, error = two_product(root, root)
    remainder = ((a[0] - square).opaque() - error) + a[1]
    return root, remainder / (root + root)
