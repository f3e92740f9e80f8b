"""Rewriting: patterns and the engine. That its rules are true is in `conformance/decomp`."""

from __future__ import annotations

import pytest

from engine import dtypes
from engine.counters import watched
from engine.dtypes import DType
from engine.graph import Node, const
from engine.ops import Op
from engine.rewrite import Expansion, Pattern, RewriteLoop, Rule, RuleSet, limited, rewrite
from engine.simplify.values import RULES

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


@pytest.mark.parametrize("limit", range(4))
def test_applications_are_counted_and_can_be_limited(limit: int) -> None:
    """In the order of the graph, over several rewritings; what is refused stays as it is."""
    rules = RuleSet([Expansion("root", (Op.SQRT,), lambda node: -node.src[0])])
    with limited(limit) as counted:
        assert rewrite(A.sqrt(), rules) is (-A if limit > 0 else A.sqrt())
        left, right = (-n if limit > k else n.sqrt() for k, n in ((1, A), (2, B)))
        assert rewrite(A.sqrt() + B.sqrt(), rules) is left + right
        assert counted.count == limit
    last = {0: None, 1: A, 2: A, 3: B}[limit]
    assert counted.last == (last and ("root", last.sqrt(), -last))
    assert rewrite(A.sqrt(), rules) is -A, "the limit ends with the block"


def test_each_application_is_counted_by_its_rule() -> None:
    rules = RuleSet([
        Expansion("root", (Op.SQRT,), lambda node: -node.src[0]),
        Expansion("sum", (Op.ADD,), lambda node: node.src[0] * node.src[1]),
    ])
    with watched() as (counts, _):
        rewrite(A.sqrt() + B.sqrt(), rules)
    assert counts == {"root": 2, "sum": 1}


def test_rules_print_alike_in_every_process() -> None:
    """Addresses of functions would differ."""
    for rule in (NOT_NOT, Expansion("name", (Op.SQRT,), lambda node: node)):
        assert rule.name in repr(rule) and " at 0x" not in repr(rule)


def test_deep_graphs_do_not_recurse() -> None:
    node = x = buffer(4, I32)
    for _ in range(20_000):
        node = ~~node
    assert rewrite(node, RuleSet([NOT_NOT])) is x
