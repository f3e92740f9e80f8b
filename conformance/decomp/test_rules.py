"""Every rule of algebra on values: true for the dtypes it names, false for those it does not."""

from __future__ import annotations

import itertools

import pytest

from conformance.decomp.theorems import algebra, instances, tried
from engine import dtypes
from engine.dtypes import TENSOR_DTYPES, DType
from engine.graph import Node, toposort
from engine.ops import Op, Operation
from engine.rewrite import Bindings, Pattern, Rule
from engine.simplify.values import CANONICAL, PLAIN, RULES

F32 = dtypes.float32
KINDS = frozenset(dtype.kind for dtype in TENSOR_DTYPES)
X, Y = Pattern(name="x"), Pattern(name="y")


def of_kinds(kinds: frozenset[str]) -> list[DType]:
    return [dtype for dtype in TENSOR_DTYPES if dtype.kind in kinds]


def named(rule: Rule) -> str:
    return rule.name


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_every_rule_is_a_theorem(rule: Rule) -> None:
    for dtype in of_kinds(rule.kinds):
        trial = tried(rule, dtype)
        assert trial.compared, f"no instance of {rule.algebra} for {dtype}"
        assert trial.wrong is None, f"{rule.algebra} is false for {dtype}:\n{trial.wrong}"


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_a_rule_names_every_kind_for_which_it_is_true(rule: Rule) -> None:
    """One that is left out is either false for some dtype of it or says nothing there."""
    for kind in sorted(KINDS - rule.kinds):
        wider = Rule(rule.name, rule.algebra, frozenset({kind}), rule.pattern, rule.result)
        trials = [tried(wider, dtype) for dtype in of_kinds(wider.kinds)]
        true = all(trial.compared and trial.wrong is None for trial in trials)
        assert not true, f"{rule.algebra} is true for {kind}, too"


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_a_rule_does_what_its_algebra_says(rule: Rule) -> None:
    (dtype,) = [d for d in (dtypes.int32, F32) if d.kind in rule.kinds][:1]
    texts = set()
    for node, names in instances(rule.pattern, dtype, {}):
        result = rule.apply(node)
        if result is not None:
            texts.add(algebra(node, result, names))
    assert texts == {rule.algebra.removesuffix(", dtypes equal")}


def introduced(rule: Rule) -> set[Operation]:
    """The operations of results that were not in what the rule was applied to."""
    found = set[Operation]()
    for dtype in of_kinds(rule.kinds):
        for node, _ in instances(rule.pattern, dtype, {}):
            result = rule.apply(node)
            if result is not None:
                there = {n.op for n in toposort([node])}
                found |= {n.op for n in toposort([result])} - there - {Op.CONST}
    return found


def test_plain_rules_ask_for_no_operation_that_was_not_there() -> None:
    """They are applied last, when every operation is one of the device."""
    assert [rule.name for rule in PLAIN if introduced(rule)] == []
    kept = {rule.name for rule in CANONICAL if not introduced(rule)}
    assert kept == {"canonical twice"}, "the others would be welcome there"


def test_names_and_algebra_of_rules_are_unique() -> None:
    assert len({rule.name for rule in RULES}) == len({rule.algebra for rule in RULES}) == len(RULES)


# -- planted faults --------------------------------------------------------------------------------
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
        trial = tried(rule, dtype)
        assert trial.compared
        if not dtype.is_float or dtype.has_negative_zero:
            assert (trial.wrong is not None) is dtype.is_float, (rule.algebra, dtype)


def test_casts_there_and_back_are_caught() -> None:
    """float32 -> float16 -> float32 is no identity: 65536 overflows, 2049 is rounded."""
    twice = Pattern(Op.CAST, (Pattern(Op.CAST, (X,)),), "root")

    def elided(b: Bindings) -> Node | None:
        return b["x"].canonical() if b["x"].dtype is b["root"].dtype else None

    rule = Rule("cast twice", "cast cast x = canon x", frozenset({"float"}), twice, elided)
    assert tried(rule, F32).wrong is not None


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
        assert tried(rule, dtype).wrong is not None
