"""Remainders and floor division of floats, exact for all operands.

Every positive float is m * 2**e with an integer m of full precision, so that for x at least as
large as y, with k = e_x - e_y,

    x fmod y = (m_x * 2**k mod m_y) * 2**e_y

which is a float, since it is less than y and a multiple of the last bits of both. The power modulo
m_y comes from squarings (Knuth, "The Art of Computer Programming", vol. 2, section 4.6.3): as many
as k has bits, less those that a word holds at once. There is no loop to wait for: a quotient of
2**2000 costs what one of 2 does, in every lane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

from engine.decompose.functions.rounding import floor
from engine.decompose.functions.value import FORMATS, V, scale_by_power_of_two

# Bits of k that take a squaring. The others make a power of two below 2**fraction_bits, hence below
# every m: k is less than 2 * bias + 2 + 2 * fraction_bits, which is 302 and 2152.
SQUARINGS = {"float32": 4, "float64": 6}


def _magnitude(x: V) -> V:
    fmt = FORMATS[x.dtype_name]
    return (x.bitcast(fmt.unsigned) & fmt.sign_bit - 1).bitcast(x.dtype_name)


def _decomposed(magnitude: V) -> tuple[V, V]:
    """(m, e), signed integers: magnitude = m * 2**(e - bias - fraction_bits), m of full precision.

    For zero, infinity and NaN they are some numbers in the same ranges.
    """
    fmt = FORMATS[magnitude.dtype_name]
    up = fmt.fraction_bits + 1
    subnormal = magnitude.lt(2.0 ** (1 - fmt.bias))
    bits = subnormal.where(magnitude * 2.0**up, magnitude).bitcast(fmt.signed)
    field = bits >> fmt.fraction_bits
    hidden = 1 << fmt.fraction_bits
    return (bits & hidden - 1) | hidden, subnormal.where(field - up, field)


@dataclass(frozen=True)
class _Modulus(Generic[V]):
    """Arithmetic modulo m, 2**(p-1) <= m < 2**p for the precision p, on signed words of 0 … m-1."""

    m: V
    inverse: V  # 1/m in floats

    def reduced(self, x: V, multiple: int) -> V:
        """x mod m for 0 <= x < 2 * multiple * m, `multiple` a power of two"""
        while multiple:
            less = x - self.m * multiple
            x = less.lt(0).where(x, less)
            multiple //= 2
        return x

    def product(self, a: V, b: V) -> V:
        """a * b mod m

        The quotient in floats has three roundings, each of less than one unit, and is truncated:
        the exact one is between 3 less and 4 more. Words hold what a * b - quotient * m is, though
        neither of the products.
        """
        name = self.inverse.dtype_name
        quotient = a.convert(name) * b.convert(name) * self.inverse
        rest = a * b - quotient.convert(a.dtype_name) * self.m
        return self.reduced(rest + self.m * 3, 4)


def _power_of_two(modulus: _Modulus[V], k: V, squarings: int) -> V:
    """2**k mod m, from the highest bits of k down."""
    power = (k.constant(1)) << (k >> squarings)
    for bit in reversed(range(squarings)):
        power = modulus.product(power, power)
        power = modulus.reduced(power << (k >> bit & 1), 1)
    return power


def fmod(x: V, y: V) -> V:
    """x - y * trunc(x / y), exact, with the sign of x; NaN for infinite x and for y = 0."""
    name = x.dtype_name
    fmt = FORMATS[name]
    dividend, divisor = _magnitude(x), _magnitude(y)
    m, exponent = _decomposed(dividend)
    n, unit = _decomposed(divisor)
    k = exponent - unit
    k = k.lt(0).where(0, k)

    modulus = _Modulus(n, 1.0 / n.convert(name))
    power = _power_of_two(modulus, k, SQUARINGS[name])
    rest = modulus.product(modulus.reduced(m, 1), power).convert(name)
    biased = (unit + (fmt.bias - fmt.fraction_bits)).bitcast(fmt.unsigned)
    rest = dividend.lt(divisor).where(dividend, scale_by_power_of_two(rest, biased))

    sign = x.bitcast(fmt.unsigned) & fmt.sign_bit
    signed = (rest.bitcast(fmt.unsigned) | sign).bitcast(name)
    defined = dividend.lt(float("inf")) & divisor.constant(0.0).lt(divisor)
    return defined.where(signed, x.constant_bits(fmt.quiet_nan_bits))


def floormod(x: V, y: V) -> V:
    """fmod moved by y to the sign of y, which rounds: -1e-20 % 1 = 1. A zero has the sign of y."""
    fmt = FORMATS[x.dtype_name]
    rest = fmod(x, y)
    moved = (rest.lt(0.0) ^ y.lt(0.0)).where(rest + y, rest)
    zero = (y.bitcast(fmt.unsigned) & fmt.sign_bit).bitcast(x.dtype_name)
    return rest.eq(0.0).where(zero, moved)


def _rounded_up(quotient: V, x: V, y: V) -> V:
    """Whether x / y, an integer of at most 2**p by rounding, is more than the exact quotient.

    m_x * 2**k - |quotient| * m_y has the sign of the difference, and is less than 2**p in size: it
    is right in words that wrap.
    """
    fmt = FORMATS[x.dtype_name]
    precision = fmt.fraction_bits + 1
    size = _magnitude(quotient)
    small = size.lt(2.0**precision + 2.0)  # the next float after 2**precision
    size = small.where(size, 0.0).convert(fmt.signed)
    m, exponent = _decomposed(_magnitude(x))
    n, unit = _decomposed(_magnitude(y))
    k = exponent - unit
    k = k.lt(0).where(0, k)
    k = k.lt(precision).where(k, precision)
    difference = (m << k) - size * n
    above = quotient.lt(0.0).where(difference.constant(0).lt(difference), difference.lt(0))
    return small & floor(quotient).eq(quotient) & above


def _with_exceptions(x: V, y: V, quotient: V, floored: V) -> V:
    """A negative quotient that is zero by rounding is -1; ±inf // nonzero is NaN."""
    negative = (x.lt(0.0) ^ y.lt(0.0)) & x.ne(0.0)
    floored = (quotient.eq(0.0) & negative).where(-1.0, floored)
    undefined = _magnitude(x).eq(float("inf")) & y.ne(0.0)
    return undefined.where(x.constant_bits(FORMATS[x.dtype_name].quiet_nan_bits), floored)


def floordiv(x: V, y: V) -> V:
    """The exact floor of x / y; where that is 2**p or more in size, or y = 0, x / y itself.

    Rounding keeps order, so that the floor of the rounded quotient is right, or one too large where
    the quotient was rounded up to an integer.
    """
    quotient = x / y
    above = _rounded_up(quotient, x, y)
    return _with_exceptions(x, y, quotient, above.where(quotient - 1.0, floor(quotient)))


def floordiv_of_narrow(x: V, y: V, precision: int) -> V:
    """A float32 that rounds to x // y in a narrower format with that precision p, at most 11 bits.

    x and y are float32 with values of that format. A quotient below 2**p in size that is no integer
    differs from any integer but 0 by 2**-(p + 1) at least, since the significands of x and y have p
    bits: float32, with 24, does not round it up to one.
    """
    quotient = x / y
    whole = _magnitude(quotient).lt(2.0**precision).where(floor(quotient), quotient)
    return _with_exceptions(x, y, quotient, whole)
