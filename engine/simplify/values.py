"""Algebra on values: only what is true for every bit pattern of the dtypes a rule names.

Not here, because they are false for floats: x + 0 = x (x = -0), x * 0 = 0 (NaN, inf, -0),
x - x = 0, x / x = 1, 0 - x = -x, reassociation of any kind, and casts there and back unless the
first is exact. A computed NaN is canonical, so an identity on floats leaves CANON behind.
"""

from __future__ import annotations

from engine.dtypes import DType
from engine.graph import Node
from engine.ops import Op, Operation
from engine.rewrite import Bindings, Pattern, Rule, RuleSet
from engine.simplify.constants import CONSTANT_RULES

INTS = frozenset({"int", "uint"})
FLOATS = frozenset({"float"})
SIGNED = frozenset({"int", "float"})
BITS = frozenset({"bool", "int", "uint", "float"})
LOGIC = frozenset({"bool", "int", "uint"})


def _is(value: float) -> Pattern:
    """A constant with exactly the bits of `value`; -0.0 is not 0.0."""

    def accepts(dtype: DType, bits: int) -> bool:
        return dtype.encode(value) == bits

    return Pattern(Op.CONST, constant=accepts)


def _is_ones(dtype: DType, bits: int) -> bool:
    return bits == (1 << dtype.bits) - 1


X, Y, Z = Pattern(name="x"), Pattern(name="y"), Pattern(name="z")
ONES = Pattern(Op.CONST, constant=_is_ones)


def _x(bound: Bindings) -> Node:
    return bound["x"]


def _y(bound: Bindings) -> Node:
    return bound["y"]


def _zero(bound: Bindings) -> Node:
    return bound["x"].constant_bits(0)


def _canonical_x(bound: Bindings) -> Node:
    return bound["x"].canonical()


def _float_negation(bound: Bindings) -> Node:
    return Node(Op.NEG, bound["x"].dtype, (bound["x"],)).canonical()


def _same_dtype(bound: Bindings) -> Node | None:
    return bound["x"] if bound["x"].dtype is bound["root"].dtype else None


def _binary(op: Operation, x: Pattern, y: Pattern) -> Pattern:
    return Pattern(op, (x, y))


def _unary(op: Operation, x: Pattern, name: str | None = None) -> Pattern:
    return Pattern(op, (x,), name)


# What devices compute with as it stands, too.
PLAIN = (
    Rule("add zero", "x + 0 = x", INTS, _binary(Op.ADD, X, _is(0)), _x),
    Rule("subtract zero", "x - 0 = x", INTS, _binary(Op.SUB, X, _is(0)), _x),
    Rule("subtract itself", "x - x = 0", INTS, _binary(Op.SUB, X, X), _zero),
    Rule("multiply by one", "x * 1 = x", INTS, _binary(Op.MUL, X, _is(1)), _x),
    Rule("multiply by zero", "x * 0 = 0", INTS, _binary(Op.MUL, X, _is(0)), _zero),
    Rule("floor divide by one", "x // 1 = x", INTS, _binary(Op.FLOORDIV, X, _is(1)), _x),
    Rule("remainder by one", "x % 1 = 0", INTS, _binary(Op.FLOORMOD, X, _is(1)), _zero),
    Rule("and zero", "x & 0 = 0", LOGIC, _binary(Op.AND, X, _is(0)), _zero),
    Rule("and ones", "x & ~0 = x", LOGIC, _binary(Op.AND, X, ONES), _x),
    Rule("and itself", "x & x = x", LOGIC, _binary(Op.AND, X, X), _x),
    Rule("or zero", "x | 0 = x", LOGIC, _binary(Op.OR, X, _is(0)), _x),
    Rule("or itself", "x | x = x", LOGIC, _binary(Op.OR, X, X), _x),
    Rule("xor zero", "x ^ 0 = x", LOGIC, _binary(Op.XOR, X, _is(0)), _x),
    Rule("xor itself", "x ^ x = 0", LOGIC, _binary(Op.XOR, X, X), _zero),
    Rule("not not", "~~x = x", LOGIC, _unary(Op.NOT, _unary(Op.NOT, X)), _x),
    Rule("negate twice", "--x = x", INTS | FLOATS, _unary(Op.NEG, _unary(Op.NEG, X)), _x),
    Rule("abs of negation", "|-x| = |x|", SIGNED,
         _unary(Op.ABS, _unary(Op.NEG, X)), lambda b: Node(Op.ABS, b["x"].dtype, (b["x"],))),
    Rule("abs twice", "||x|| = |x|", INTS | FLOATS, _unary(Op.ABS, _unary(Op.ABS, X, "y")), _y),
    Rule("shift by zero", "x << 0 = x", INTS, _binary(Op.SHL, X, _is(0)), _x),
    Rule("shift right by zero", "x >> 0 = x", INTS, _binary(Op.SHR, X, _is(0)), _x),
    Rule("where true", "where(true, x, y) = x", BITS,
         Pattern(Op.WHERE, (_is(True), X, Y)), _x),
    Rule("where false", "where(false, x, y) = y", BITS,
         Pattern(Op.WHERE, (_is(False), X, Y)), _y),
    Rule("where same", "where(z, x, x) = x", BITS, Pattern(Op.WHERE, (Z, X, X)), _x),
    Rule("bitcast there and back", "bitcast bitcast x = x, dtypes equal", BITS,
         _unary(Op.BITCAST, _unary(Op.BITCAST, X), "root"), _same_dtype),
)  # fmt: skip
# CANON is a device's only after it has been made of what it has.
CANONICAL = (
    Rule("add negative zero", "x + -0.0 = canon x", FLOATS, _binary(Op.ADD, X, _is(-0.0)),
         _canonical_x),
    Rule("subtract float zero", "x - 0.0 = canon x", FLOATS, _binary(Op.SUB, X, _is(0.0)),
         _canonical_x),
    Rule("multiply float by one", "x * 1.0 = canon x", FLOATS, _binary(Op.MUL, X, _is(1.0)),
         _canonical_x),
    Rule("multiply float by minus one", "x * -1.0 = canon -x", FLOATS,
         _binary(Op.MUL, X, _is(-1.0)), _float_negation),
    Rule("divide by one", "x / 1.0 = canon x", FLOATS, _binary(Op.DIV, X, _is(1.0)), _canonical_x),
    Rule("canonical twice", "canon canon x = canon x", FLOATS,
         _unary(Op.CANON, _unary(Op.CANON, X, "y")), _y),
)  # fmt: skip
RULES = (*PLAIN, *CANONICAL)

VALUE_RULES = RuleSet([*RULES, *CONSTANT_RULES])
# For graphs whose operations are those of a device.
MACHINE_RULES = RuleSet([*PLAIN, *CONSTANT_RULES])
