"""Products modulo 2**64, which are the same for signed and unsigned operands."""

from __future__ import annotations

from engine.decompose.wide.pair import WORD, Pair
from engine.graph import Node

HALF = WORD // 2
MASK = (1 << HALF) - 1


def multiply(x: Pair, y: Pair) -> Pair:
    """The product of the low words whole, of the others what falls into the high word.

    Knuth, "The Art of Computer Programming", volume 2, 3rd edition, section 4.3.1, algorithm M.
    """
    crossed = x.low * y.high + x.high * y.low
    return Pair(x.low * y.low, high_product(x.low, y.low) + crossed)


def high_product(x: Node, y: Node) -> Node:
    """floor(x * y / 2**32) of two words.

    Warren, "Hacker's Delight", 2nd edition, section 8-2 (mulhu): four products of halves, none of
    whose sums carries.
    """
    x0, x1, y0, y1 = x & MASK, x >> HALF, y & MASK, y >> HALF
    middle = x1 * y0 + (x0 * y0 >> HALF)
    other = x0 * y1 + (middle & MASK)
    return x1 * y1 + (middle >> HALF) + (other >> HALF)
