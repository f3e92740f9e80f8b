"""Truncating division and remainder of two words by two words, with quotients of one word.

Warren, "Hacker's Delight", 2nd edition, sections 9-4 (Figure 9-3, divlu) and 9-5 (Figure 9-5,
udivdi3); the digits and their corrections are those of Knuth, "The Art of Computer Programming",
volume 2, 3rd edition, section 4.3.1, algorithm D. There are no branches: a divisor of one word and
one of two prepare their operands and share one division of two words by one.
"""

from __future__ import annotations

from engine.decompose.wide.pair import (
    UINT,
    WORD,
    Pair,
    add,
    less,
    negate_where,
    sign,
    subtract,
    where,
)
from engine.decompose.wide.products import multiply
from engine.decompose.wide.shifts import left, right
from engine.graph import Node
from engine.ops import Op

HALF = WORD // 2
MASK = (1 << HALF) - 1


def divide(x: Pair, y: Pair, signed: bool) -> tuple[Pair, Pair]:
    """Quotient toward zero and remainder with the sign of x, where y is not 0 and it fits."""
    if not signed:
        return divide_unsigned(x, y)
    quotient, remainder = divide_unsigned(negate_where(x, sign(x)), negate_where(y, sign(y)))
    return negate_where(quotient, sign(x) ^ sign(y)), negate_where(remainder, sign(x))


def divide_unsigned(x: Pair, y: Pair) -> tuple[Pair, Pair]:
    """Quotient and remainder where y is not 0.

    One word: the upper digit of the quotient is that of x's upper word; what that leaves is less
    than the divisor, so that the lower digit is a word.

    Two words: the estimate x / (y's upper bits, as a word) is the quotient or one more (section
    9-5). It is made one smaller, unless 0, and corrected by what it leaves.
    """
    zero, one = x.low.constant(0), x.low.constant(1)
    short = y.high.eq(0)
    zeros = leading_zeros(short.where(y.low, y.high))
    upper = _quotient(x.high, short.where(y.low, one))
    half = right(x, one, signed=False)
    divisor = short.where(y.low, left(y, zeros).high)
    digit = divide_words(
        Pair(short.where(x.low, half.low), short.where(x.high - upper * y.low, half.high)),
        divisor,
        short.where(zeros, zero),
    )
    estimate = right(left(Pair(digit, zero), zeros), x.low.constant(WORD - 1), signed=False).low
    estimate = estimate - estimate.ne(0).convert(UINT)
    quotient = where(short, Pair(digit, upper), Pair(estimate, zero))
    remainder = subtract(x, multiply(quotient, y))
    more = ~less(remainder, y, signed=False)
    quotient = add(quotient, Pair(more.convert(UINT), zero))
    return quotient, where(more, subtract(remainder, y), remainder)


def _quotient(x: Node, y: Node) -> Node:
    return x.binary(Op.IDIV, y)


def leading_zeros(x: Node) -> Node:
    """How many places a word that is not 0 can move left. Section 5-3, by halving."""
    count = x.constant(0)
    for places in (16, 8, 4, 2, 1):
        free = x.lt(1 << (WORD - places))
        count = free.where(count + places, count)
        x = free.where(x << places, x)
    return count


def divide_words(x: Pair, y: Node, zeros: Node) -> Node:
    """floor(x / y) where x.high < y, so that it is a word; y has so many leading zeros.

    Two digits of half a word. Once y's upper bit is set, each is at most two less than the quotient
    by y's upper half.
    """
    y = y << zeros
    moved = left(x, zeros)
    low, high = y & MASK, y >> HALF
    first, rest = _digit(moved.high, moved.low >> HALF, y, low, high)
    second, _ = _digit(rest, moved.low & MASK, y, low, high)
    return (first << HALF) + second


def _digit(x: Node, following: Node, y: Node, low: Node, high: Node) -> tuple[Node, Node]:
    """floor((x * 2**16 + following) / y) for x < y, and what remains."""
    digit = _quotient(x, high)
    rest = x - digit * high
    for _ in range(2):
        fits = rest.lt(1 << HALF)  # else the digit is right, and so would products overflow
        too_large = (rest << HALF | following).lt(digit * low) | ~digit.lt(1 << HALF)
        wrong = (fits & too_large).convert(UINT)
        digit = digit - wrong
        rest = rest + wrong * high
    return digit, (x << HALF) + following - digit * y
