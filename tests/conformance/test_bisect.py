"""Bisecting names the place: one planted fault for each stage, and a control without any."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from conformance.harness.bisect import Blame, bisect, bisect_isolated
from conformance.harness.bisect.page import show
from conformance.harness.bisect.witness import witness
from conformance.harness.case import Case, parse_case
from conformance.harness.shrink import same_bucket, shrink
from conformance.harness.subject import EngineSubject
from conformance.harness.trial import Outcome, Problem, judge
from engine import assemble, compile as compiler, memory_plan, moves, realize, schedule
from engine.decompose.functions.exponential import EXP2
from engine.graph import Node
from engine.linearize import Launchable, linearize
from engine.ops import Op
from engine.rewrite import Expansion, RuleSet, rewrite
from engine.simplify import index
from engine.steps import Schedule
from engine.tensor import Tensor
from tests.conformance import planted

NUMBERS = "    3f800000 40000000 c0400000 80000000 00000000 3e4ccccd"
CASE = """lockstep case 1
%0 = buffer float32 (2,3)
{numbers}
%1 = buffer float32 (2,3)
    40a00000 3f000000 7f800000 00000000 c2c80000 40490fdb
{body}
"""
SWAP = Expansion(
    "swap operands", (Op.SUB,),
    lambda n: None if n.arg == "done" else Node(Op.SUB, n.dtype, n.src[::-1], "done"),
)  # fmt: skip


def case_of(*lines: str) -> Case:
    """Statements from %2 on; the last one is the output."""
    body = "\n".join(f"%{k} = {line}" for k, line in enumerate(lines, 2))
    return parse_case(CASE.format(numbers=NUMBERS, body=f"{body}\noutput %{len(lines) + 1}"))


def blame_of(case: Case, *names: str, outcome: Outcome | None = None) -> Blame:
    subjects = {name: EngineSubject(name) for name in names or ("PYTHON",)}
    return bisect(case, subjects, outcome)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    """What a fault has made does not outlive its test, nor what was right before."""
    realize.forget()
    yield
    realize.forget()


def test_the_control_is_right() -> None:
    blame = blame_of(case_of("sub %0 %1", "exp2 %2"), "PYTHON", "LLVM", "LLVM/like_wgsl")
    assert (blame.place.stage, blame.alone) == ("none", ())


def test_a_wrong_method(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tensor, "sqrt", lambda self: self.pow(0.5))
    blame = blame_of(case_of("neg %0", "sqrt %0", "add %3 %3"))
    assert blame.key == "front end; sqrt; float; oracle"


def test_a_wrong_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """The devices agree with the interpreter, since all of them use the same polynomial."""
    wrong = (*EXP2["float32"][:-1], EXP2["float32"][-1] + 1e-4)
    monkeypatch.setitem(EXP2, "float32", wrong)
    problem = Problem("oracle", ("PYTHON",), 3, "exp2", ("float32", "float32"), "refused")
    blame = blame_of(case_of("neg %0", "exp2 %2"), outcome=Outcome((problem,)))
    assert blame.key == "meaning; EXP2; float; oracle"


def test_a_wrong_rule_on_the_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = RuleSet([*schedule.TENSOR_RULES.rules, SWAP])
    monkeypatch.setattr(schedule, "TENSOR_RULES", rules)
    blame = blame_of(case_of("add %0 %1", "sub %2 %1"))
    assert blame.key == "graph rules / swap operands; SUB; float; oracle"
    assert blame.place.before != blame.place.after


def test_a_part_in_the_wrong_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def reversed_parts(node: Node) -> tuple[assemble.Part, ...]:
        first, second = assemble._cat(node)
        return replace(first, places=second.places), replace(second, places=first.places)

    monkeypatch.setitem(assemble.PARTS, Op.CAT, reversed_parts)
    assert blame_of(case_of("cat %0 %1 dim=0", "neg %2")).key == "fusion; CAT; float; oracle"


def test_an_edge_between_kernels_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    right = schedule._Builder.append

    def without_edges(made: schedule._Builder, *arguments: Any) -> None:
        right(made, *arguments)
        made.items[-1] = replace(made.items[-1], after=())

    monkeypatch.setattr(schedule._Builder, "append", without_edges)
    blame = blame_of(case_of("cat %0 %1 dim=0", "neg %2"))
    assert blame.place.stage == "versions"
    assert "step 1: slot 2 (CAT float32) is used without an edge from step 0" in blame.place.text


def test_memory_that_is_used_again_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    right = memory_plan.plan_memory

    def all_in_one(made: Schedule, share: bool) -> None:
        right(made, share)
        for number, slot in enumerate(made.slots):
            if share and slot.source[0] == "temporary":
                made.slots[number] = replace(slot, source=("temporary", 0))

    for user in ("engine.realize", "conformance.harness.bisect.schedules"):
        monkeypatch.setattr(f"{user}.plan_memory", all_in_one)
    sums = ("sum %0 axis=0 keepdim=False", "sum %1 axis=0 keepdim=False")
    flipped = ("flip %2 axis=0", "add %4 %2", "flip %3 axis=0", "add %6 %3", "sub %5 %7")
    assert blame_of(case_of(*sums, *flipped)).key == "memory plan; -; -; oracle"


def test_a_view_that_is_lowered_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The flip is named although it is in the middle of a kernel."""
    monkeypatch.setitem(moves.MOVES, Op.FLIP, lambda node, at: (at, index.TRUE, None))
    blame = blame_of(case_of("add %0 %1", "flip %0 axis=1", "mul %2 %3"))
    assert blame.key == "lower; FLIP; float; oracle"


def test_a_wrong_rule_of_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule, and the one of several nodes to which it should not have been applied."""

    def apply(sink: Node, target: object) -> list[Node]:
        gone = Expansion(
            "x + 0 = x", (Op.ADD,), lambda n: n.src[0] if n.src[1] is n.constant(0) else None
        )
        return [rewrite(sink, RuleSet([gone]))]

    wrong = compiler.Pass("planted", apply, compiler.PASSES[1].level)
    monkeypatch.setattr(compiler, "PASSES", (*compiler.PASSES[:2], wrong, *compiler.PASSES[2:]))
    case = parse_case(
        CASE.format(numbers=NUMBERS, body="%2 = const float32 ()\n    00000000\n"
                    "%3 = mul %0 %1\n%4 = add %0 %2\n%5 = abs %1\n%6 = add %5 %2\noutput %4\n"
                    "output %6\noutput %3")
    )  # fmt: skip
    blame = blame_of(case)
    assert blame.key == "planted / x + 0 = x; ADD; float; oracle"
    assert "ABS" not in blame.place.before, "of the two sums that with -0 is meant"


def test_a_pass_that_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    def apply(sink: Node, target: object) -> list[Node]:
        raise ArithmeticError("planted")

    wrong = compiler.Pass("planted", apply, compiler.PASSES[1].level)
    monkeypatch.setattr(compiler, "PASSES", (*compiler.PASSES[:2], wrong, *compiler.PASSES[2:]))
    blame = blame_of(case_of("add %0 %1"))
    assert blame.key == "planted; -; -; error"
    assert "ArithmeticError: planted" in blame.place.text


def test_instructions_that_were_remembered_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def swapped(kernel: Node, name: str, variables: Any) -> Launchable:
        made = linearize(kernel, name, variables)
        items = [
            replace(one, src=one.src[::-1]) if one.op is Op.SUB else one
            for one in made.kernel.instructions
        ]
        return replace(made, kernel=replace(made.kernel, instructions=tuple(items)))

    monkeypatch.setattr(compiler, "_linearized", swapped)
    assert blame_of(case_of("sub %0 %1")).place.stage == "remembered"


def test_a_device_that_computes_wrong() -> None:
    """The instruction is named, not only the kernel."""
    with planted.planted("ONE_ULP_IN_KERNELS", execution=planted.OneUlp) as name:
        blame = blame_of(case_of("add %0 %1", "div %2 %1"), name, "PYTHON", "LLVM")
    assert blame.key == "code; DIV; float; bits"
    assert blame.alone == (name,) and "DIV" in blame.place.kernel


def test_a_schedule_under_a_wrong_key(monkeypatch: pytest.MonkeyPatch) -> None:
    right = realize.structure
    monkeypatch.setattr(
        realize, "structure", lambda roots: replace(right(roots), key=len(right(roots).holes))
    )
    subjects = {"PYTHON": EngineSubject("PYTHON")}
    assert not judge(case_of("sub %0 %1"), subjects).problems
    blame = bisect(case_of("mul %0 %1"), subjects)
    assert blame.key == "runtime / schedules and programs that are remembered; -; -; oracle"


def test_what_is_computed_while_a_graph_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mask is a program of its own; that the graph is another one then is no fault of it."""
    monkeypatch.setitem(moves.MOVES, Op.FLIP, lambda node, at: (at, index.TRUE, None))
    lines = ("lt %0 %1", "flip %2 axis=(0,1)", "getitem %0 %3 index='t1'")
    assert blame_of(case_of(*lines)).key.startswith("lower; FLIP")


def test_what_a_relation_finds_is_bisected_and_made_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program has no parts, its relative has."""
    monkeypatch.setitem(moves.MOVES, Op.SHRINK, lambda node, at: (at, index.TRUE, None))
    subjects = {"PYTHON": EngineSubject("PYTHON")}
    case = case_of("add %0 %1", "mul %2 %0")
    assert not judge(case, subjects).problems
    outcome = judge(case, subjects, relations=("split",))
    assert {problem.kind for problem in outcome.problems} == {"relation"}
    itself = witness(case, subjects, outcome)
    assert any(statement.op == "shrink" for statement in itself.case.statements)
    blame = bisect(case, subjects, outcome)
    assert blame.key.startswith("lower; SHRINK")
    small = shrink(itself.case, same_bucket(blame, itself.subjects), 20.0)
    assert [statement.op for statement in small.statements] == ["shrink"]


def test_a_crash_is_bisected_without_the_device() -> None:
    """In a process of its own, and again by interpreters alone."""
    source = "tests.conformance.mortal:subjects_of"
    blame = bisect_isolated(case_of("abs %0"), ("PYTHON", "FATAL"), source=source)
    assert (blame.verdict, blame.alone, blame.place.stage) == ("crash", ("FATAL",), "code")
    right = bisect_isolated(case_of("neg %0"), ("PYTHON", "FATAL"), source=source)
    assert not right.alone


def test_a_blame_is_one_page_and_travels_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(moves.MOVES, Op.FLIP, lambda node, at: (at, index.TRUE, None))
    blame = blame_of(case_of("flip %0 axis=0"))
    assert Blame.from_json(blame.to_json()) == blame
    page = io.StringIO()
    show(blame, Console(file=page, width=100))
    lines = page.getvalue().splitlines()
    assert len(lines) < 40
    assert any("key: lower; FLIP" in line for line in lines)
