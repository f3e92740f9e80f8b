"""Truncating division and remainder, in a loop that makes one bit of the quotient a round.

The schoolbook method in base 2 (Knuth, "The Art of Computer Programming", volume 2, 3rd edition,
section 4.3.1, of which base 2 makes the trial quotient trivial; Warren, "Hacker's Delight", 2nd
edition, section 9-4). A loop, since 64 rounds written out would be thousands of instructions.
"""

from __future__ import annotations

from engine.decompose.wide.pair import (
    INT,
    UINT,
    WORD,
    Pair,
    less,
    negate_where,
    sign,
    subtract,
    where,
)
from engine.decompose.wide.shifts import left
from engine.graph import Node, const
from engine.ops import Axis, Op

BITS = 2 * WORD
# Loops of divisions have paths that begin with this number, and no other loop's does.
DIVISIONS = 1 << 20


def divide(x: Pair, y: Pair, signed: bool, number: int) -> tuple[Pair, Pair]:
    """Quotient toward zero and remainder with the sign of x, where y is not 0 and it fits.

    `number` tells the loops of a kernel's divisions apart.
    """
    if not signed:
        return divide_unsigned(x, y, number)
    quotient, remainder = divide_unsigned(
        negate_where(x, sign(x)), negate_where(y, sign(y)), number
    )
    return negate_where(quotient, sign(x) ^ sign(y)), negate_where(remainder, sign(x))


def divide_unsigned(x: Pair, y: Pair, number: int) -> tuple[Pair, Pair]:
    """One register of 128 bits: the dividend leaves its lower half to the left, bit by bit, and the
    quotient enters it from the right; the upper half is what remains. After n rounds that consists
    of n bits of x at most, so the last shift, too, stays within 64 bits.
    """
    loop = Node(Op.RANGE, INT, (const(BITS, INT),), ((DIVISIONS, number), str(Axis.REDUCE)))
    words = [Node(Op.CARRY, x.low.dtype, (loop,), i) for i in range(4)]
    lower, upper = Pair(words[0], words[1]), Pair(words[2], words[3])
    one = lower.low.constant(1)
    shifted = left(upper, one)
    remains = Pair(shifted.low | lower.high >> (WORD - 1), shifted.high)
    fits = ~less(remains, y, signed=False)
    upper = where(fits, subtract(remains, y), remains)
    lower = left(lower, one)
    lower = Pair(lower.low | fits.convert(UINT), lower.high)
    zero = x.low.constant(0)
    starts = (x.low, x.high, zero, zero)
    updates = (lower.low, lower.high, upper.low, upper.high)
    folded = Node(Op.FOLD, x.low.dtype, (loop, *starts, *updates), len(starts))
    picks = [Node(Op.PICK, x.low.dtype, (folded,), i) for i in range(4)]
    return Pair(picks[0], picks[1]), Pair(picks[2], picks[3])
