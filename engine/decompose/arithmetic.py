"""Operations with the meaning of the contract, made of machine operations and selects.

Every expansion works on any number of lanes. Operands of a machine operation are replaced by
harmless ones before it, never its result after it: the precondition holds in every lane.
"""

from __future__ import annotations

from engine import dtypes
from engine.dtypes import DType
from engine.graph import Node
from engine.ops import Op
from engine.rewrite import Expansion, RuleSet


def _where(condition: Node, x: Node, y: Node) -> Node:
    return Node(Op.WHERE, x.dtype, (condition, x, y))


# -- integers --------------------------------------------------------------------------------------
def _safe_division(node: Node) -> tuple[Node, Node, Node | None]:
    """(x, divisor that is never 0 nor -1 under MIN, where the divisor was 0: None is nowhere)"""
    x, y = node.src
    known = y.known_bits
    if known not in (None, 0, y.constant(-1).known_bits if y.dtype.is_signed else 0):
        return x, y, None
    by_zero = y.eq(y.constant(0))
    divisor = _where(by_zero, y.constant(1), y)
    if node.dtype.is_signed:
        overflow = y.eq(y.constant(-1)) & x.eq(x.constant(x.dtype.scalar.min))
        divisor = _where(overflow, y.constant(1), divisor)
    return x, divisor, by_zero


def _zero_where(by_zero: Node | None, result: Node) -> Node:
    return result if by_zero is None else _where(by_zero, result.constant(0), result)


def _floordiv(node: Node) -> Node:
    """floor(x / y); x // 0 = 0; MIN // -1 = MIN, which is MIN // 1"""
    x, y, by_zero = _safe_division(node)
    quotient = x.binary(Op.IDIV, y)
    if node.dtype.is_signed:
        remainder = x.binary(Op.IREM, y)
        down = remainder.ne(x.constant(0)) & (remainder ^ y).lt(x.constant(0))
        quotient = _where(down, quotient - x.constant(1), quotient)
    return _zero_where(by_zero, quotient)


def _floormod(node: Node) -> Node:
    """x - y * floor(x / y), with the sign of y; x % 0 = 0"""
    x, y, by_zero = _safe_division(node)
    remainder = x.binary(Op.IREM, y)
    if node.dtype.is_signed:
        wrong = remainder.ne(x.constant(0)) & (remainder ^ y).lt(x.constant(0))
        remainder = _where(wrong, remainder + y, remainder)
    return _zero_where(by_zero, remainder)


def _fmod(node: Node) -> Node:
    """x - y * trunc(x / y), with the sign of x; x fmod 0 = 0"""
    x, y, by_zero = _safe_division(node)
    return _zero_where(by_zero, x.binary(Op.IREM, y))


def _shift(node: Node) -> Node:
    """Counts below 0 or from the width on shift everything out."""
    x, y = node.src
    if y.known_bits is not None and y.known_bits < x.dtype.bits:
        return x << y if node.op is Op.LSHIFT else x >> y
    count = y.bitcast(y.dtype.unsigned)
    inside = count.lt(count.constant(x.dtype.bits))
    safe = _where(inside, y, y.constant(0))
    if node.op is Op.LSHIFT:
        return _where(inside, x << safe, x.constant(0))
    outside = x >> y.constant(x.dtype.bits - 1) if x.dtype.is_signed else x.constant(0)
    return _where(inside, x >> safe, outside)


# -- bits of floats --------------------------------------------------------------------------------
def _bits(x: Node) -> Node:
    return x.bitcast(x.dtype.unsigned)


def _negate(node: Node) -> Node:
    x = node.src[0]
    if not x.dtype.is_float:
        return x.constant(0) - x
    bits = _bits(x)
    return (bits ^ bits.constant_bits(x.dtype.sign_bit)).bitcast(x.dtype)


def _absolute(node: Node) -> Node:
    x = node.src[0]
    if x.dtype.is_float:
        bits = _bits(x)
        return (bits & bits.constant_bits(x.dtype.sign_bit - 1)).bitcast(x.dtype)
    return _where(x.lt(x.constant(0)), x.constant(0) - x, x) if x.dtype.is_signed else x


def _canonical(node: Node) -> Node:
    x = node.src[0]
    return _where(x.eq(x), x, x.constant_bits(x.dtype.canonical_nan))


def _extreme(node: Node) -> Node:
    """IEEE 754-2019, 9.6: NaN wins, +0 > -0. Equal operands differ at most in the sign of zero."""
    x, y = node.src
    larger = node.op is Op.MAXIMUM
    if x.dtype.kind == "bool":
        return x | y if larger else x & y
    prefer_y = x.lt(y) if larger else y.lt(x)
    if not x.dtype.is_float:
        return _where(prefer_y, y, x)
    prefer_x = y.lt(x) if larger else x.lt(y)
    merged = _bits(x) & _bits(y) if larger else _bits(x) | _bits(y)
    same = _where(x.eq(y), merged.bitcast(x.dtype), x.constant_bits(x.dtype.canonical_nan))
    return _where(prefer_y, y, _where(prefer_x, x, same))


# -- bool ------------------------------------------------------------------------------------------
def _compare_bool(node: Node) -> Node | None:
    """false < true"""
    x, y = node.src
    if x.dtype.kind != "bool":
        return None
    if node.op is Op.LT:
        return y & ~x
    return x ^ y if node.op is Op.NE else ~(x ^ y)


# -- casts -----------------------------------------------------------------------------------------
def _cast(node: Node) -> Node:
    x, target = node.src[0], node.dtype
    if target is x.dtype:
        return x.canonical() if x.dtype.is_float else x
    if target.kind == "bool":
        return x.ne(x.constant(0))
    if x.dtype.is_float and target.is_int:
        return _saturate(x, target)
    return x.convert(target)


def _saturate(x: Node, target: DType) -> Node:
    """Truncation toward zero, clamped to the integer's range; NaN is 0.

    The limits are powers of two, exact in every float: below `low` or at `high` and above it is
    out of range. For an unsigned target everything up to -1 is below.
    """
    whole = target.scalar
    high = x.constant(float(whole.max + 1))
    low = x.constant(float(whole.min))
    above = ~x.lt(high) & x.eq(x)
    below = x.lt(low)
    inside = x.lt(high) & ~below
    safe = _where(inside, x, x.constant(0))
    result = safe.convert(target)
    clamped = _where(below, result.constant_bits(whole.min & ((1 << whole.bits) - 1)), result)
    return _where(above, result.constant_bits(whole.max), clamped)


def _bitcast_bool(node: Node) -> Node | None:
    """bool is a byte in memory: its bits are 0 or 1."""
    x = node.src[0]
    if x.dtype.kind == "bool" and node.dtype.kind != "bool":
        return x.convert(dtypes.uint8).bitcast(node.dtype)
    if node.dtype.kind == "bool" and x.dtype.kind != "bool":
        return x.ne(x.constant(0))
    return None


EXPANSIONS = RuleSet([
    Expansion("floor division", (Op.FLOORDIV,), _floordiv),
    Expansion("floor remainder", (Op.FLOORMOD,), _floormod),
    Expansion("remainder", (Op.FMOD,), _fmod),
    Expansion("guarded shift", (Op.LSHIFT, Op.RSHIFT), _shift),
    Expansion("negation", (Op.NEG,), _negate),
    Expansion("absolute value", (Op.ABS,), _absolute),
    Expansion("canonical NaN", (Op.CANON,), _canonical),
    Expansion("maximum and minimum", (Op.MAXIMUM, Op.MINIMUM), _extreme),
    Expansion("compare bools", (Op.LT, Op.EQ, Op.NE), _compare_bool),
    Expansion("cast", (Op.CAST,), _cast),
    Expansion("bitcast of bool", (Op.BITCAST,), _bitcast_bool),
])

