"""Sums and products in integers."""

from __future__ import annotations

from engine.decompose.softfloat.parts import (
    Format,
    field,
    larger,
    leading_zeros,
    magnitude,
    nearest,
    normalised,
    packed_after_carry,
    set_if,
    shifted_right,
    sign,
    significand,
    smaller,
    with_hidden_bit,
)
from engine.graph import Node


def ordered(fmt: Format, a: Node, b: Node) -> tuple[Node, Node]:
    """The operand of larger magnitude, then the other. A NaN is larger than any number."""
    swap = magnitude(fmt, a).lt(magnitude(fmt, b))
    return swap.where(b, a), swap.where(a, b)


def sub(fmt: Format, a: Node, b: Node) -> Node:
    """a - b, rounded once."""
    return add(fmt, a, b ^ fmt.row.sign_bit)


def add(fmt: Format, a: Node, b: Node) -> Node:
    """a + b, rounded once. Opposite numbers give +0.

    Significands stand at bit W - 3, so that the sum is at bit W - 2 at most. If it moves left by
    more than one place, the operands were not more than one place apart, and no bit was lost.
    """
    row = fmt.row
    big, small = ordered(fmt, a, b)
    mag = magnitude(fmt, big)
    exponent, lower = _exponent(fmt, mag), _exponent(fmt, magnitude(fmt, small))
    apart = smaller(exponent[1] - lower[1], row.bits - 1)
    x = significand(fmt, mag, exponent[0]) >> 2
    y = shifted_right(significand(fmt, magnitude(fmt, small), lower[0]) >> 2, apart)
    same_sign = (a ^ b).lt(row.sign_bit)
    total = same_sign.where(x + y, x - y)
    nothing = total.eq(0)
    left = smaller(leading_zeros(fmt, total) - 1, exponent[1])
    field_below = nothing.where(left.constant(0), exponent[1] - left)
    finite = nearest(fmt, field_below, total << left.convert(total.dtype))
    result = finite | sign(fmt, nothing.where(a & b, big))
    infinite = nothing.where(big.constant(row.canonical_nan), big)  # inf - inf, else inf or NaN
    return mag.lt(row.infinity).where(result, infinite)


def _exponent(fmt: Format, mag: Node) -> tuple[Node, Node]:
    """(exponent field, exponent as that of a normal number)"""
    exponent = field(fmt, mag)
    return exponent, larger(exponent, 1)


def mul(fmt: Format, a: Node, b: Node) -> Node:
    """a * b, rounded once.

    Only the smaller operand is normalised: if the larger one is subnormal too, the product is so
    far below the least number that it is 0 with any significand.
    """
    row = fmt.row
    big, small = ordered(fmt, a, b)
    mag, other = magnitude(fmt, big), magnitude(fmt, small)
    lower, sig = normalised(fmt, other)
    high, inexact = product(with_hidden_bit(fmt, mag), sig >> 1)
    zero = other.eq(0)
    exponent = field(fmt, mag) + lower - row.bias
    exponent = zero.where(exponent.constant(0), exponent)
    finite = packed_after_carry(fmt, exponent, set_if(high, inexact))
    finite = zero.where(mag.constant(0), finite)
    infinite = zero.where(mag.constant(row.canonical_nan), mag)  # inf * 0, else inf or NaN
    return mag.lt(row.infinity).where(finite, infinite) | sign(fmt, a ^ b)


def product(x: Node, y: Node) -> tuple[Node, Node]:
    """(upper half of the product of twice the width, whether the lower half is not 0)"""
    high, middle, last = product_parts(x, y)
    half = x.dtype.bits // 2
    return high, ((middle | last) & ((1 << half) - 1)).ne(0)


def product_parts(x: Node, y: Node) -> tuple[Node, Node, Node]:
    """(h, m, l): the product is h * 2**W + (m mod 2**(W/2)) * 2**(W/2) + l mod 2**(W/2).

    From products of halves, none of which overflows: (2**n - 1)**2 + 2 * (2**n - 1) < 2**(2n).
    """
    half = x.dtype.bits // 2
    mask = (1 << half) - 1
    x0, x1, y0, y1 = x & mask, x >> half, y & mask, y >> half
    last = x0 * y0
    first = x1 * y0 + (last >> half)
    middle = x0 * y1 + (first & mask)
    return x1 * y1 + (first >> half) + (middle >> half), middle, last
