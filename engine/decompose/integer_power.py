"""pow of integers, made of products and selects.

x**y modulo 2**bits with x**0 = 1. For negative y it is the integer part of 1 / x**-y: 1 for 1, 1 or
-1 for -1, and 0 otherwise, 0 included.
"""

from __future__ import annotations

from engine.graph import Node
from engine.ops import Op


def integer_power(node: Node) -> Node:
    """The expansion of an integer POW; the exponent may be a constant or have any number of lanes.

    Binary exponentiation from the lowest bit (Knuth, "The Art of Computer Programming", volume 2,
    section 4.6.3): the square is multiplied in where the exponent has a bit. No branches, so the
    number of steps is that of the dtype's bits, or of a constant's.
    """
    x, y = node.src
    if y.op is Op.CONST:
        exponent = int(y.dtype.decode(y.arg))
        return _constant_power(x, exponent) if exponent >= 0 else _reciprocal(x, y)
    dtype = node.dtype.scalar
    steps = dtype.bits - 1 if dtype.is_signed else dtype.bits
    result, square = x.constant(1), x
    for bit in range(steps):
        present = (y & (1 << bit)).ne(0)
        result = present.where(result * square, result)
        square = square * square
    return y.lt(0).where(_reciprocal(x, y), result) if dtype.is_signed else result


def _constant_power(x: Node, exponent: int) -> Node:
    """x**exponent for an exponent that is not negative."""
    result, square = x.constant(1), x
    while exponent:
        if exponent & 1:
            result = result * square
        exponent >>= 1
        square = square * square
    return result


def _reciprocal(x: Node, y: Node) -> Node:
    """The integer part of x**y for y < 0."""
    of_minus_one = (y & 1).ne(0).where(x, 1)
    return x.eq(1).where(1, x.eq(-1).where(of_minus_one, 0))
