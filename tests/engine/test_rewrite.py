"""Rewriting: patterns, the engine, and every rule of the values family as a theorem.

A rule is checked by making instances of its left side from its pattern: names become buffers,
constants are tried until the pattern accepts one. Both sides are evaluated by the interpreter of
the tensor level, for every dtype of the kinds that the rule names.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from engine import dtypes
from engine.arrays import NUMPY
from engine.dtypes import TENSOR_DTYPES, DType
from engine.graph import Node, const
from engine.interpret.preconditions import Array, PreconditionError
from engine.interpret.tensors import evaluate
from engine.ops import Group, Op, Operation
from engine.rewrite import Bindings, Expansion, Pattern, RewriteLoop, Rule, RuleSet, rewrite
from engine.simplify.values import RULES
from engine.spec import verify_tensor

F32, I32 = dtypes.float32, dtypes.int32
X, Y = Pattern(name="x"), Pattern(name="y")


def buffer(number: int, dtype: DType = F32, size: int = 4) -> Node:
    return Node(Op.BUFFER, dtype, (), (number, size, "LLVM"))


A, B = buffer(1), buffer(2)


# -- patterns --------------------------------------------------------------------------------------
def test_a_name_binds_and_a_name_twice_is_one_node() -> None:
    pattern = Pattern(Op.SUB, (X, X))
    assert pattern.match(A - A, {}) == {"x": A}
    assert pattern.match(A - B, {}) is None
    assert pattern.match(A - A, {"x": B}) is None, "x means B already"


def test_commutative_operations_match_either_way() -> None:
    zero = Pattern(Op.CONST, constant=lambda dtype, bits: bits == 0)
    assert Pattern(Op.ADD, (X, zero)).match(A + 0.0, {}) == {"x": A}
    assert Pattern(Op.ADD, (X, zero)).match(0.0 + A, {}) == {"x": A}
    assert Pattern(Op.SUB, (X, zero)).match(0.0 - A, {}) is None


def test_a_failed_match_leaves_no_bindings() -> None:
    """The first order binds x to A before it fails; the second must start afresh."""
    pattern = Pattern(Op.ADD, (X, Pattern(Op.NEG, (X,))))
    assert pattern.match((-A) + A, {}) == {"x": A}
    assert pattern.match(A + (-A), {}) == {"x": A}
    assert pattern.match((-A) + B, {}) is None


def test_operations_operand_counts_and_constants() -> None:
    assert Pattern(Op.ADD).match(A + B, {}) == {}
    assert Pattern(Op.MUL).match(A + B, {}) is None
    assert Pattern(Op.ADD, (X,)).match(A + B, {}) is None
    assert Pattern(None, (X, Y), "root").match(A * B, {}) == {"root": A * B, "x": A, "y": B}
    signed_zero = Pattern(Op.CONST, constant=lambda dtype, bits: bits == dtype.sign_bit)
    assert signed_zero.match(const(-0.0, F32), {}) == {}
    assert signed_zero.match(const(0.0, F32), {}) is None
    assert signed_zero.match(A, {}) is None


# -- the engine ------------------------------------------------------------------------------------
NOT_NOT = Rule(
    "not not", "~~x = x", frozenset({"int"}), Pattern(Op.NOT, (Pattern(Op.NOT, (X,)),)),
    lambda bound: bound["x"],
)  # fmt: skip


def test_rules_apply_everywhere_and_to_their_own_results() -> None:
    x = buffer(3, I32)
    nested = ~~(~~x + ~~~~x)
    assert rewrite(nested, RuleSet([NOT_NOT])) is x + x


def test_a_rule_is_not_used_outside_its_kinds() -> None:
    x = buffer(3, dtypes.uint8)
    assert rewrite(~~x, RuleSet([NOT_NOT])) is ~~x


def test_a_graph_without_instances_is_the_same_object() -> None:
    node = (A + B) * A
    assert rewrite(node, RuleSet(RULES)) is node


def test_the_first_rule_that_applies_wins_and_none_means_no() -> None:
    def never(node: Node) -> Node | None:
        return None

    rules = RuleSet([
        Expansion("no", (Op.SQRT,), never),
        Expansion("first", (Op.SQRT, Op.ABS), lambda node: -node.src[0]),
        Expansion("second", (Op.SQRT,), lambda node: node.src[0] + 1.0),
    ])
    assert rules.first(A.sqrt()) == (-A, "first")
    assert rules.first(-A) is None
    assert rewrite(A.sqrt() + A, rules) is -A + A


def test_rules_that_undo_each_other_are_named() -> None:
    there = Expansion("there", (Op.ADD,), lambda n: n.src[0] * n.src[1])
    back = Expansion("back", (Op.MUL,), lambda n: n.src[0] + n.src[1])
    with pytest.raises(RewriteLoop, match=r"'there'.*'back'|'back'.*'there'"):
        rewrite(A + B, RuleSet([there, back]), fuel=100)


def test_rules_that_grow_without_end_are_stopped() -> None:
    grow = Expansion("grow", (Op.NEG,), lambda n: Node(Op.NEG, n.dtype, (n.src[0] + 1.0,)))
    with pytest.raises(RewriteLoop, match="grow"):
        rewrite(-A, RuleSet([grow]), fuel=1000)


def test_deep_graphs_do_not_recurse() -> None:
    node = x = buffer(4, I32)
    for _ in range(20_000):
        node = ~~node
    assert rewrite(node, RuleSet([NOT_NOT])) is x


# -- rules as theorems -----------------------------------------------------------------------------
def interesting_bits(dtype: DType, seed: int) -> Array:
    """All bytes for 8 bits, every bool; else edges and random bits."""
    if dtype.kind == "bool":
        return np.array([0, 1] * 128, "uint8")
    unsigned = NUMPY[dtype.unsigned]
    if dtype.bits == 8:
        return np.arange(256).astype(unsigned)
    random = np.random.default_rng(seed)
    edges = {0, 1, dtype.sign_bit, dtype.sign_bit - 1, dtype.sign_bit + 1, (1 << dtype.bits) - 1}
    if dtype.is_float:
        inf = dtype.infinity
        one = dtype.encode(1.0)
        nans = {dtype.canonical_nan, inf + 1, inf | 3, dtype.sign_bit - 1}
        half = 1 << dtype.mantissa_bits
        numbers = nans | {inf, inf - 1, half, half - 1, 1, 2, one, one + 1, one - 1}
        edges |= numbers | {bits | dtype.sign_bit for bits in numbers}
    noise = random.integers(0, 1 << 63, 200, dtype="uint64") * np.uint64(2)
    noise += random.integers(0, 2, 200, dtype="uint64")
    return np.concatenate([np.array(sorted(edges), "uint64"), noise]).astype(unsigned)


def items_of(node: Node) -> Array:
    """The contents of a buffer: pairs of buffers 0 and 1 run through all pairs of edges."""
    number, size, _ = node.arg
    bits = interesting_bits(node.dtype, seed=number)
    many = np.tile(bits, -(-size // len(bits)))[:size]
    if number % 2:
        many = np.roll(np.repeat(bits, -(-size // len(bits)))[:size], number)
    return many.view(NUMPY[node.dtype])


SIZE = 1 << 16  # all pairs of bytes
TRIED = (0, 1, -1, -0.0, True, False)


def constants(pattern: Pattern, dtype: DType) -> Iterator[Node]:
    tried = [dtype.encode(value) for value in TRIED] + [(1 << dtype.bits) - 1]
    assert pattern.constant is not None
    fitting = (bits for bits in dict.fromkeys(tried) if pattern.constant(dtype, bits))
    return (Node(Op.CONST, dtype, (), bits) for bits in fitting)


def operand_dtypes(op: Operation, result: DType) -> list[tuple[DType, ...]]:
    """Dtypes that the operands of an operation with this result may have, scalars only."""
    if op is Op.WHERE:
        return [(dtypes.bool_, result, result)]
    if op is Op.BITCAST:
        return [(d,) for d in TENSOR_DTYPES if d.itemsize == result.itemsize]
    if op is Op.CAST:
        return [(d,) for d in TENSOR_DTYPES]
    if op in (Op.LT, Op.EQ, Op.NE):
        return [(d, d) for d in TENSOR_DTYPES]
    return [(result,) * (op.arity or 0)]


def instances(pattern: Pattern, dtype: DType, bound: Bindings) -> Iterator[tuple[Node, Bindings]]:
    """Nodes of `dtype` that the pattern should match, with the buffers that its names stand for."""
    if pattern.constant is not None:
        for node in constants(pattern, dtype):
            yield node, bound
    elif pattern.op is None:
        assert pattern.name is not None
        node = bound.get(pattern.name) or buffer(len(bound), dtype, SIZE)
        if node.dtype is dtype:
            yield node, {**bound, pattern.name: node}
    else:
        for kinds in operand_dtypes(pattern.op, dtype):
            for src, inner in operands(pattern.src or (), kinds, bound):
                yield Node(pattern.op, dtype, src), inner


def operands(
    patterns: tuple[Pattern, ...], kinds: tuple[DType, ...], bound: Bindings
) -> Iterator[tuple[tuple[Node, ...], Bindings]]:
    if not patterns:
        yield (), bound
        return
    for first, inner in instances(patterns[0], kinds[0], bound):
        for rest, final in operands(patterns[1:], kinds[1:], inner):
            yield (first, *rest), final


def counterexample(rule: Rule, dtype: DType) -> tuple[int, Node | None]:
    """How often the rule fired on instances of its pattern, and the first it is false for."""
    fired = 0
    for node, _ in instances(rule.pattern, dtype, {}):
        result = rule.apply(node)
        if result is None:
            continue
        fired += 1
        if node.op.group is not Group.MACHINE:  # which only kernels have
            verify_tensor(node)
            verify_tensor(result)
        try:
            left, right = evaluate([node, result], items_of)
        except PreconditionError:  # outside of what the operation promises, anything is right
            continue
        if result.dtype is not dtype or np.broadcast_to(left, (SIZE,)).tobytes() != (
            np.broadcast_to(right, (SIZE,)).tobytes()
        ):
            return fired, node
    return fired, None


def named(rule: Rule) -> str:
    return rule.name


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_every_rule_is_a_theorem(rule: Rule) -> None:
    for dtype in (d for d in TENSOR_DTYPES if d.kind in rule.kinds):
        fired, wrong = counterexample(rule, dtype)
        assert fired, f"no instance of {rule.algebra} for {dtype}"
        assert wrong is None, f"{rule.algebra} is false for {dtype}:\n{wrong}"


def test_names_and_algebra_of_rules_are_unique() -> None:
    assert len({rule.name for rule in RULES}) == len({rule.algebra for rule in RULES}) == len(RULES)


ALL = frozenset({"int", "uint", "float"})


def equals(value: float) -> Pattern:
    return Pattern(Op.CONST, constant=lambda dtype, bits: bits == dtype.encode(value))


WRONG = [
    Rule("add zero", "x + 0 = x", ALL, Pattern(Op.ADD, (X, equals(0))), lambda b: b["x"]),
    Rule("add -0", "x + -0 = x", ALL, Pattern(Op.ADD, (X, equals(-0.0))), lambda b: b["x"]),
    Rule("times 0", "x * 0 = 0", ALL, Pattern(Op.MUL, (X, equals(0))),
         lambda b: b["x"].constant_bits(0)),
    Rule("times 1", "x * 1 = x", ALL, Pattern(Op.MUL, (X, equals(1))), lambda b: b["x"]),
    Rule("minus self", "x - x = 0", ALL, Pattern(Op.SUB, (X, X)), lambda b: b["x"].constant(0)),
    Rule("0 minus", "0 - x = -x", ALL, Pattern(Op.SUB, (equals(0), X)), lambda b: -b["x"]),
]  # fmt: skip


@pytest.mark.parametrize("rule", WRONG, ids=named)
def test_rules_of_real_numbers_are_caught_on_floats(rule: Rule) -> None:
    """True of every integer, false of every float with two zeros: the check must tell.

    Of those with one, and one NaN, which therefore is canonical, some are true.
    """
    for dtype in (d for d in TENSOR_DTYPES if d.kind in ALL):
        fired, wrong = counterexample(rule, dtype)
        assert fired
        if not dtype.is_float or dtype.has_negative_zero:
            assert (wrong is not None) is dtype.is_float, (rule.algebra, dtype)


def test_casts_there_and_back_are_caught() -> None:
    """float32 -> float16 -> float32 is no identity: 65536 overflows, 2049 is rounded."""
    twice = Pattern(Op.CAST, (Pattern(Op.CAST, (X,)),), "root")

    def elided(b: Bindings) -> Node | None:
        return b["x"].canonical() if b["x"].dtype is b["root"].dtype else None

    rule = Rule("cast twice", "cast cast x = canon x", frozenset({"float"}), twice, elided)
    assert counterexample(rule, dtypes.float32)[1] is not None


def test_division_by_itself_and_reassociation_are_caught() -> None:
    floats = frozenset({"float"})
    divide = Rule(
        "self", "x / x = 1", floats, Pattern(Op.DIV, (X, X)), lambda b: b["x"].constant(1)
    )
    associate = Rule(
        "associate", "(x + y) - y = x", floats,
        Pattern(Op.SUB, (Pattern(Op.ADD, (X, Y)), Y)), lambda b: b["x"].canonical(),
    )  # fmt: skip
    for rule, dtype in itertools.product((divide, associate), (dtypes.float16, F32)):
        assert counterexample(rule, dtype)[1] is not None
