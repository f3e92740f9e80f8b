"""A 64-bit integer as two words, and what acts on each word alone or carries one bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine import dtypes
from engine.graph import Node
from engine.ops import Op, Operation

WORD = 32
UINT, INT = dtypes.uint32, dtypes.int32


@dataclass(frozen=True)
class Pair:
    """low + 2**32 * high, both uint32, of equal lanes; two's complement where it is signed."""

    low: Node
    high: Node

    def each(self, change: Callable[[Node], Node]) -> Pair:
        """The same change to both words."""
        return Pair(change(self.low), change(self.high))


def where(condition: Node, x: Pair, y: Pair) -> Pair:
    return Pair(condition.where(x.low, y.low), condition.where(x.high, y.high))


def logic(op: Operation, x: Pair, y: Pair) -> Pair:
    """AND, OR, XOR"""
    return Pair(x.low.binary(op, y.low), x.high.binary(op, y.high))


def sign(x: Pair) -> Node:
    """A word of copies of the sign bit."""
    return (x.high.bitcast(INT) >> (WORD - 1)).bitcast(UINT)


# -- sums ------------------------------------------------------------------------------------------
# Warren, "Hacker's Delight", 2nd edition, section 2-16: a sum of words has carried if it is less
# than one of them, a difference has borrowed if its left side is less than the right one.
def add(x: Pair, y: Pair) -> Pair:
    low = x.low + y.low
    carry = low.lt(x.low).convert(UINT)
    return Pair(low, x.high + y.high + carry)


def subtract(x: Pair, y: Pair) -> Pair:
    borrow = x.low.lt(y.low).convert(UINT)
    return Pair(x.low - y.low, x.high - y.high - borrow)


def negate_where(x: Pair, ones: Node) -> Pair:
    """-x where the word `ones` is 2**32 - 1, x where it is 0 (section 2-4: (x ^ s) - s)."""
    mask = Pair(ones, ones)
    return subtract(logic(Op.XOR, x, mask), mask)


# -- tests -----------------------------------------------------------------------------------------
def equal(x: Pair, y: Pair) -> Node:
    return x.low.eq(y.low) & x.high.eq(y.high)


def unequal(x: Pair, y: Pair) -> Node:
    return x.low.ne(y.low) | x.high.ne(y.high)


def less(x: Pair, y: Pair, signed: bool) -> Node:
    """The high words decide unless they are equal; only they have a sign."""
    high = x.high.bitcast(INT).lt(y.high.bitcast(INT)) if signed else x.high.lt(y.high)
    return high | (x.high.eq(y.high) & x.low.lt(y.low))
