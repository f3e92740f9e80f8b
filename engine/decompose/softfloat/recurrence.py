"""Quotients and square roots, one digit a round of a loop: few nodes, exact remainders.

A loop needs a path of its own in the kernel. Both are the restoring recurrences of the
"Handbook", sections 8.6.2 and 8.7.1: digit by digit, what is left of the dividend or radicand
decides the next one, and whether anything is left at last is the sticky bit.
"""

from __future__ import annotations

from engine import dtypes
from engine.decompose.softfloat.parts import (
    Format,
    magnitude,
    nearest,
    normalised,
    packed_after_carry,
    set_if,
    sign,
)
from engine.folds import fold_many, pick
from engine.graph import Node, const
from engine.ops import Axis, Op

Path = tuple[int, ...]


def _loop(rounds: int, path: Path) -> Node:
    """A loop of `rounds`; the paths of other passes begin with no negative number."""
    end = const(rounds, dtypes.int32)
    return Node(Op.RANGE, dtypes.int32, (end,), ((-1, *path), str(Axis.REDUCE)))


def _carry(loop: Node, start: Node, number: int) -> Node:
    return Node(Op.CARRY, start.dtype, (loop,), number)


def div(fmt: Format, path: Path, a: Node, b: Node) -> Node:
    """a / b, rounded once; `path` is that of the loop."""
    row = fmt.row
    x, y = magnitude(fmt, a), magnitude(fmt, b)
    (over, dividend), (under, divisor) = normalised(fmt, x), normalised(fmt, y)
    digits = row.precision + 2  # one may be a leading 0, one decides the rounding
    quotient, rest = _quotient(dividend >> 1, divisor >> 1, digits, path)
    sig = set_if(quotient << (row.bits - 1 - digits), rest.ne(0))
    finite = packed_after_carry(fmt, over - under + (row.bias - 1), sig)
    nothing = x.eq(0) | y.eq(row.infinity)
    infinite = y.eq(0) | x.eq(row.infinity)
    known = infinite.where(x.constant(row.infinity), finite)
    known = nothing.where(x.constant(0), known)
    undefined = (nothing & infinite) | x.constant(row.infinity).lt(x)
    undefined = undefined | y.constant(row.infinity).lt(y)
    return undefined.where(x.constant(row.canonical_nan), known) | sign(fmt, a ^ b)


def _quotient(dividend: Node, divisor: Node, digits: int, path: Path) -> tuple[Node, Node]:
    """(floor(dividend / divisor * 2**(digits - 1)), a remainder), for dividend < 2 * divisor."""
    loop = _loop(digits, path)
    zero = dividend.constant(0)
    rest, quotient = _carry(loop, dividend, 0), _carry(loop, zero, 1)
    fits = ~rest.lt(divisor)
    left = fits.where(rest - divisor, rest) << 1
    longer = set_if(quotient << 1, fits)
    folded = fold_many(loop, (dividend, zero), (left, longer))
    return pick(folded, 1), pick(folded, 0)


def sqrt(fmt: Format, path: Path, a: Node) -> Node:
    """The square root, rounded once, which is never subnormal; `path` is that of the loop."""
    row = fmt.row
    exponent, sig = normalised(fmt, magnitude(fmt, a))
    even = (exponent & 1).ne(0)  # the exponent without its bias, which is odd
    radicand = even.where(sig >> 2, sig >> 1)
    root, rest = _root(radicand, row.precision + 1, path)
    half = ((exponent - row.bias) >> 1) + (row.bias - 1)
    result = nearest(fmt, half, set_if(root << 1, rest.ne(0)))
    special = a.constant(row.sign_bit).lt(a).where(a.constant(row.canonical_nan), a)
    return (a - 1).lt(row.infinity - 1).where(result, special)


def _root(radicand: Node, digits: int, path: Path) -> tuple[Node, Node]:
    """(square root at bit W - 3 to `digits` bits after the first, a remainder).

    The radicand is in units of 2**(W - 3), from 1 to 4. The remainder r = 2**j * (radicand - q**2)
    becomes 2 * r - (2 * q + d) when the digit d = 2**-(j + 1) is added to the root q.
    """
    one = radicand.constant(1 << (radicand.dtype.bits - 3))
    loop = _loop(digits, path)
    starts = (radicand - one, one, one >> 1)
    rest, root, digit = (_carry(loop, start, i) for i, start in enumerate(starts))
    doubled, wanted = rest << 1, (root << 1) + digit
    small = doubled.lt(wanted)
    folded = fold_many(loop, starts, (
        small.where(doubled, doubled - wanted), small.where(root, root | digit), digit >> 1,
    ))
    return pick(folded, 1), pick(folded, 0)
