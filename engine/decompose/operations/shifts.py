"""Shifts by 0 … width - 1 places, as products and quotients with powers of two.

A device that cannot divide either takes the bits that stay one by one.
"""

from __future__ import annotations

from engine.graph import Node
from engine.ops import Op
from engine.rewrite import Expansion, RuleSet


def _steps(x: Node) -> range:
    """The bits of a count."""
    return range((x.dtype.bits - 1).bit_length())


def _power(count: Node) -> Node:
    """2**count by binary exponentiation, modulo 2**width."""
    known = count.known_bits
    if known is not None:
        return count.constant(1 << known)
    result = count.constant(1)
    for bit in _steps(count):
        has = (count & (1 << bit)).ne(0)
        result = has.where(result * (1 << (1 << bit)), result)
    return result


def _left(node: Node) -> Node:
    """x << n = x * 2**n modulo 2**width"""
    x, count = node.src
    return x * _power(count)


def _signed(node: Node) -> Node:
    """floor(x / 2**n) for x < 0 is ~(~x >> n), where ~x is not negative; ~x = x ^ -1."""
    x, count = node.src
    ones = x.lt(0).where(x.constant(-1), 0)
    whole, known = (x ^ ones).bitcast(x.dtype.unsigned), count.known_bits
    places = count.bitcast(whole.dtype) if known is None else whole.constant(known)
    return (whole >> places).bitcast(x.dtype) ^ ones


def _right_by_division(node: Node) -> Node:
    """x >> n = floor(x / 2**n) for unsigned x, whose width 2**n always fits"""
    if node.dtype.is_signed:
        return _signed(node)
    x, count = node.src
    return x.binary(Op.IDIV, _power(count))


def _right_by_comparing(node: Node) -> Node:
    if node.dtype.is_signed:
        return _signed(node)
    x, count = node.src
    known = count.known_bits
    if known is not None:
        return _dropped(x, known)
    for bit in _steps(x):
        x = (count & (1 << bit)).ne(0).where(_dropped(x, 1 << bit), x)
    return x


def _dropped(x: Node, places: int) -> Node:
    """floor(x / 2**places): from the highest bit down, subtract what x contains."""
    result = x.constant(0)
    for bit in reversed(range(places, x.dtype.bits)):
        has = ~x.lt(1 << bit)
        x = has.where(x - (1 << bit), x)
        result = has.where(result | 1 << (bit - places), result)
    return result


DIVIDING = RuleSet([
    Expansion("left shift as product", (Op.SHL,), _left),
    Expansion("right shift as quotient", (Op.SHR,), _right_by_division),
])
COMPARING = RuleSet([
    Expansion("left shift as product", (Op.SHL,), _left),
    Expansion("right shift bit by bit", (Op.SHR,), _right_by_comparing),
])
