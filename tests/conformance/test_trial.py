"""Trials: every kind of problem is seen when a device has it, and none where nothing is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.harness.case import Case, parse_case
from conformance.harness.generate import case_seed, random_draw
from conformance.harness.subject import EngineSubject, NotAvailable, ReferenceSubject, Subject
from conformance.harness.trial import Problem, Reached, judge, judge_draw, on_turn
from conformance.harness.trial.judge import statement_dtypes

SUM = """lockstep case 1
%0 = buffer float32 (2,)
    3f800000 7fc00001
%1 = const float32 ()
    80000000
%2 = add %0 %1
%3 = exp %2
output %2
output %3
"""
RIGHT = ReferenceSubject()


class Wrong(ReferenceSubject):
    """One bit of one output is another one."""

    name = "WRONG"

    def __init__(self, output: int) -> None:
        self.output = output

    def run(self, case: Case) -> list[bytes]:
        bits = super().run(case)
        bits[self.output] = bytes([bits[self.output][0] ^ 1]) + bits[self.output][1:]
        return bits


class Raises(ReferenceSubject):
    def run(self, case: Case) -> list[bytes]:
        raise AssertionError("first line\nsecond line")


class Absent(ReferenceSubject):
    def run(self, case: Case) -> list[bytes]:
        raise NotAvailable("no compiler", "install one")


class Short(ReferenceSubject):
    """The last output is missing."""

    def run(self, case: Case) -> list[bytes]:
        return super().run(case)[:-1]


def problems(**subjects: Subject) -> list[Problem]:
    return list(judge(parse_case(SUM), subjects, definition=RIGHT).problems)


def test_nothing_is_wrong_with_the_reference() -> None:
    outcome = judge(parse_case(SUM), {"A": RIGHT, "B": RIGHT}, definition=RIGHT)
    assert outcome.problems == ()
    assert (outcome.outputs, outcome.compared, outcome.ran) == (2, 1, ("A", "B"))


def test_a_device_that_stands_alone_has_other_bits() -> None:
    (found,) = problems(A=RIGHT, B=Wrong(0), C=RIGHT)
    assert (found.kind, found.devices, found.value) == ("bits", ("B",), 2)
    assert (found.op, found.dtypes) == ("add", ("float32", "float32", "float32"))


def test_devices_that_agree_are_judged_by_the_reference() -> None:
    (found,) = problems(A=Wrong(0), B=Wrong(0))
    assert (found.kind, found.devices) == ("oracle", ("A", "B"))


def test_the_definition_knows_the_bits_that_the_reference_leaves_open() -> None:
    (found,) = problems(A=RIGHT, B=Wrong(1), C=RIGHT)
    assert (found.kind, found.devices, found.op) == ("bits", ("B",), "exp")
    (found,) = problems(A=Wrong(1), B=Wrong(1))
    assert (found.kind, found.devices, found.op) == ("oracle", ("A", "B"), "exp")


def test_the_interpreter_is_the_definition() -> None:
    """The reference rounds functions correctly; devices and interpreter are one ulp off at times.
    """
    case = parse_case(SUM)
    assert judge(case, {"PYTHON": EngineSubject("PYTHON")}).problems == ()
    kinds = [problem.kind for problem in judge(case, {"A": Wrong(1)}).problems]
    assert kinds == ["oracle"]


def test_without_a_definition_open_bits_are_judged_between_devices() -> None:
    one, two = (judge(parse_case(SUM), subjects, definition=Raises()).problems
                for subjects in ({"A": Wrong(1)}, {"A": RIGHT, "B": Wrong(1), "C": RIGHT}))
    assert [problem.devices for problem in one] == [("INTERPRETER",)]
    assert [problem.devices for problem in two] == [("INTERPRETER",), ("B",)]


class FarOff(ReferenceSubject):
    """An exponential that no bound allows, and that everybody agrees on."""

    def run(self, case: Case) -> list[bytes]:
        rows = [statement_dtypes(case, value)[0] for value in case.outputs]
        right = super().run(case)
        return [b"\0" * len(bits) if op == "exp" else bits for op, bits in zip(rows, right)]


def test_open_results_of_known_operands_are_within_bounds() -> None:
    outcome = judge(parse_case(SUM), {"A": FarOff(), "B": FarOff()}, definition=FarOff())
    (found,) = outcome.problems
    assert (found.kind, found.devices, found.op) == ("oracle", ("A", "B"), "exp")
    assert "ulp" in found.text


def test_what_a_device_raises_is_its_problem() -> None:
    (found,) = problems(A=RIGHT, B=Raises())
    assert (found.kind, found.devices, found.value) == ("error", ("B",), -1)
    assert found.text == "B: AssertionError: first line"


def test_an_output_that_is_missing_is_wrong() -> None:
    (found,) = problems(A=RIGHT, B=Short(), C=RIGHT)
    assert (found.kind, found.devices, found.value) == ("bits", ("B",), 3)


def test_a_device_that_is_not_there_did_not_run() -> None:
    outcome = judge(parse_case(SUM), {"A": RIGHT, "B": Absent()}, definition=RIGHT)
    assert outcome.problems == ()
    assert outcome.ran == ("A",)
    assert outcome.absent == {"B": "no compiler: install one"}


def test_coverage_counts_rows_dtypes_and_edges() -> None:
    coverage = judge(parse_case(SUM), {"A": RIGHT}).coverage
    assert coverage[Reached("op", "add", "float32 float32")] == 1
    assert coverage[Reached("op", "add", "float32 float32", "-0")] == 1
    assert Reached("op", "exp", "float32", "-0") not in coverage


def test_coverage_counts_rules_passes_kernels_and_relations() -> None:
    """Of a program that nothing has compiled before: an order of statements of its own."""
    case = parse_case(SUM.replace("exp %2", "mul %2 %1").replace("80000000", "3f812345"))
    coverage = judge(case, {"A": EngineSubject("PYTHON")}, relations=("split",)).coverage
    assert coverage[Reached("pass", "optimize")] or coverage[Reached("pass", "narrow addresses")]
    assert any(reached.what == "rule" for reached in coverage)
    assert sum(reached.what == "kernels" for reached in coverage) == 1
    assert coverage[Reached("relation", "split")] == 1
    again = judge(case, {"A": EngineSubject("PYTHON")}).coverage
    assert not any(reached.what in ("rule", "pass") for reached in again), "nothing was compiled"


def test_vectors_of_a_draw_are_judged_one_by_one() -> None:
    draw = random_draw(case_seed(11, 1), vectors=3)
    assert [o.problems for o in judge_draw(draw, {"LLVM": EngineSubject("LLVM")})] == [()] * 3
    outcomes = judge_draw(draw, {"A": RIGHT, "B": Wrong(0), "C": RIGHT})
    assert all(outcome.problems for outcome in outcomes)


def test_the_interpreter_of_instructions_runs_a_structure_once() -> None:
    draw = random_draw(case_seed(11, 1), vectors=3)
    outcomes = judge_draw(draw, {"LLVM": EngineSubject("LLVM"), "PYTHON": EngineSubject("PYTHON")})
    assert [outcome.ran for outcome in outcomes] == [("LLVM", "PYTHON"), ("LLVM",), ("LLVM",)]
    alone = judge_draw(draw, {"PYTHON": EngineSubject("PYTHON")})
    assert [outcome.ran for outcome in alone] == [("PYTHON",)] * 3


def test_the_interpreter_of_instructions_runs_a_share_of_the_draws() -> None:
    subjects = {"LLVM": RIGHT, "PYTHON": RIGHT}
    turns = sum("PYTHON" in on_turn(subjects, 1, k) for k in range(400))
    assert 60 < turns < 140
    assert all("LLVM" in on_turn(subjects, 1, k) for k in range(20))
    assert all("PYTHON" in on_turn({"PYTHON": RIGHT}, 1, k) for k in range(20)), "nobody else"


def test_a_kind_that_does_not_exist_is_refused() -> None:
    (found,) = problems(A=Wrong(0), B=RIGHT)
    with pytest.raises(ValueError, match="no kind of problem"):
        replace(found, kind="odd")
