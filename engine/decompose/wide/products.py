"""Products modulo 2**64, which are the same for signed and unsigned operands."""

from __future__ import annotations

from engine.decompose.integer_product import high_product
from engine.decompose.wide.pair import Pair


def multiply(x: Pair, y: Pair) -> Pair:
    """The product of the low words whole, of the others what falls into the high word.

    Knuth, "The Art of Computer Programming", volume 2, 3rd edition, section 4.3.1, algorithm M.
    """
    crossed = x.low * y.high + x.high * y.low
    return Pair(x.low * y.low, high_product(x.low, y.low) + crossed)
