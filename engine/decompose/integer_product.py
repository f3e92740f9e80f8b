"""What a product of two integers loses above its width."""

from __future__ import annotations

from engine import dtypes
from engine.graph import Node


def high_product(x: Node, y: Node) -> Node:
    """floor(x * y / 2**n) of two unsigned integers of n bits.

    Narrow ones have room in a word. Warren, "Hacker's Delight", 2nd edition, section 8-2 (mulhu):
    four products of halves, none of whose sums carries.
    """
    bits = x.dtype.bits
    if bits < dtypes.uint32.bits:
        whole = x.convert(dtypes.uint32) * y.convert(dtypes.uint32)
        return (whole >> bits).convert(x.dtype)
    half, mask = bits // 2, (1 << bits // 2) - 1
    x0, x1, y0, y1 = x & mask, x >> half, y & mask, y >> half
    middle = x1 * y0 + (x0 * y0 >> half)
    other = x0 * y1 + (middle & mask)
    return x1 * y1 + (middle >> half) + (other >> half)
