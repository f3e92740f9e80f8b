"""a * b + c with one rounding, in integers of twice the width: pairs (high, low) of W bits each."""

from __future__ import annotations

from engine.decompose.softfloat.arithmetic import product_parts
from engine.decompose.softfloat.parts import (
    Format,
    leading_zeros,
    magnitude,
    normalised,
    packed,
    set_if,
    sign,
    smaller,
)
from engine.graph import Node

Pair = tuple[Node, Node]
FAR = 1 << 20  # below every exponent


def fma(fmt: Format, a: Node, b: Node, c: Node) -> Node:
    """a * b + c, rounded once.

    The exact product and c stand with their leading ones at bit 2W - 4, or the product's one above
    it. What is shifted out becomes sticky, and matters only if the operands are so far apart that
    the sum keeps its size.
    """
    (over, x), (under, y) = (normalised(fmt, magnitude(fmt, v)) for v in (a, b))
    left = _product(x >> 1, y >> 1)
    left_sign = sign(fmt, a ^ b)
    left_exponent = _of_zero(left[0], over + under - fmt.row.bias)
    exponent, sig = normalised(fmt, magnitude(fmt, c))
    right = sig >> 3, sig << (fmt.row.bits - 3)
    right_sign, right_exponent = sign(fmt, c), _of_zero(sig, exponent)

    swap = left_exponent.lt(right_exponent)
    big, small = _where(swap, right, left), _where(swap, left, right)
    top = swap.where(right_exponent, left_exponent)
    apart = top - swap.where(left_exponent, right_exponent)
    small = _shifted_right(small, smaller(apart, 2 * fmt.row.bits - 1))
    opposite = left_sign.ne(right_sign)
    negative = opposite & _less(big, small)
    total = _where(opposite, _difference(big, small), _sum(big, small))
    total = _where(negative, _difference(small, big), total)
    nothing = (total[0] | total[1]).eq(0)

    zeros = _leading_zeros(fmt, total)
    high, low = _shifted_left(total, zeros - 1)
    finite = packed(fmt, top - zeros + 2, set_if(high, low.ne(0)))
    of_big = swap.where(right_sign, left_sign)
    of_total = negative.where(of_big ^ fmt.row.sign_bit, of_big)
    result = nothing.where(left_sign & right_sign, finite | of_total)
    return _special(fmt, (a, b, c), result)


def _of_zero(sig: Node, exponent: Node) -> Node:
    return sig.eq(0).where(exponent.constant(-FAR), exponent)


def _special(fmt: Format, operands: tuple[Node, Node, Node], finite: Node) -> Node:
    """The result where an operand is no finite number."""
    a, b, c = operands
    x, y, z = (magnitude(fmt, v) for v in operands)
    infinity = x.constant(fmt.row.infinity)
    left_sign = sign(fmt, a ^ b)
    infinite = x.eq(infinity) | y.eq(infinity)
    undefined = infinite & (x.eq(0) | y.eq(0))
    undefined = undefined | (infinite & z.eq(infinity) & left_sign.ne(sign(fmt, c)))
    for mag in (x, y, z):
        undefined = undefined | infinity.lt(mag)
    known = infinite.where(infinity | left_sign, z.eq(infinity).where(c, finite))
    return undefined.where(infinity.constant(fmt.row.canonical_nan), known)


# -- pairs -----------------------------------------------------------------------------------------
def _product(x: Node, y: Node) -> Pair:
    high, middle, last = product_parts(x, y)
    half = x.dtype.bits // 2
    return high, (middle << half) | (last & ((1 << half) - 1))


def _where(condition: Node, x: Pair, y: Pair) -> Pair:
    return condition.where(x[0], y[0]), condition.where(x[1], y[1])


def _less(x: Pair, y: Pair) -> Node:
    return x[0].lt(y[0]) | (x[0].eq(y[0]) & x[1].lt(y[1]))


def _sum(x: Pair, y: Pair) -> Pair:
    low = x[1] + y[1]
    return x[0] + y[0] + low.lt(x[1]).convert(low.dtype), low


def _difference(x: Pair, y: Pair) -> Pair:
    return x[0] - y[0] - x[1].lt(y[1]).convert(x[0].dtype), x[1] - y[1]


def _leading_zeros(fmt: Format, x: Pair) -> Node:
    empty = x[0].eq(0)
    zeros = leading_zeros(fmt, empty.where(x[1], x[0]))
    return empty.where(zeros + fmt.row.bits, zeros)


def _shifted_right(x: Pair, count: Node) -> Pair:
    """x >> count, the last bit sticky; 0 <= count < 2W."""
    high, low, width = x[0], x[1], x[0].dtype.bits
    far = ~count.lt(width)
    moved_high, moved_low = far.where(high.constant(0), high), far.where(high, low)
    lost = far & low.ne(0)
    places = (count & (width - 1)).convert(high.dtype)
    rest = (moved_low >> places) | ((moved_high << 1) << (places ^ (width - 1)))
    lost = lost | ((moved_low >> places) << places).ne(moved_low)
    return moved_high >> places, set_if(rest, lost)


def _shifted_left(x: Pair, count: Node) -> Pair:
    """x << count, 0 <= count < 2W."""
    high, low, width = x[0], x[1], x[0].dtype.bits
    far = ~count.lt(width)
    moved_high, moved_low = far.where(low, high), far.where(low.constant(0), low)
    places = (count & (width - 1)).convert(high.dtype)
    carried = (moved_low >> 1) >> (places ^ (width - 1))
    return (moved_high << places) | carried, moved_low << places
