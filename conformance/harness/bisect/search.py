"""Bisecting: who stands alone, and where on the way from the program to the bits it went wrong.

What is right comes from the interpreter of tensors, once the references have found nothing wrong
with it. From there on every stage's own interpreter computes the same bytes again: the first that
does not is the place. Only the last stages run what a compiler has made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from operator import methodcaller

from conformance.harness.bisect import front, native, passes, rules
from conformance.harness.bisect.blame import NOT_FOUND, Blame, Place, Step
from conformance.harness.bisect.program import Program, program_of, values
from conformance.harness.bisect.schedules import (
    Launch,
    Scheduled,
    first_wrong_slot,
    launches,
    memory,
    scheduled,
    with_places,
)
from conformance.harness.bisect.witness import witness
from conformance.harness.build import part
from conformance.harness.case import Case
from conformance.harness.generate.growing import shaping_operands
from conformance.harness.subject import EngineSubject, Subject
from conformance.harness.trial import Outcome, Problem, judge
from conformance.harness.trial.outcome import worst
from engine.context import setting
from engine.hazards import HazardError, verify_hazards
from engine.ops import Op
from engine.realize import target_of
from engine.target import Target

NATIVE = ("crash", "timeout")  # verdicts of programs that must not run in this process again


def bisect(
    case: Case, subjects: Mapping[str, Subject], outcome: Outcome | None = None
) -> Blame:
    """Where a program goes wrong on one of the subjects that are wrong.

    `outcome` is its judgement where that is known; then the devices run only if all stages before
    them are right, and those that crashed or hung do not run at all.
    """
    outcome = judge(case, subjects) if outcome is None else outcome
    problem = worst(outcome.problems)
    if problem is None:
        return Blame("bits", "", (), Place(NOT_FOUND, text="no device is wrong"))
    if problem.kind == "relation":
        itself = witness(case, subjects, outcome)
        if itself.outcome is not outcome:
            return bisect(itself.case, itself.subjects, itself.outcome)
        return _search(case, subjects[problem.devices[0]], problem, {})
    votes = dict.fromkeys(outcome.ran, "as the references")
    for one in outcome.problems:
        votes |= dict.fromkeys(one.devices, one.kind)
    found = None
    for device in problem.devices:
        found = _search(case, subjects[device], problem, votes)
        if found.place.stage != NOT_FOUND:
            break
    assert found is not None
    return found


def _search(
    case: Case, subject: Subject, problem: Problem, votes: Mapping[str, str]
) -> Blame:
    """The stages of one device."""
    if not isinstance(subject, EngineSubject):
        place = Place(NOT_FOUND, text=f"{subject.name} has no stages: it is not the engine")
        return Blame(problem.kind, subject.name, problem.devices, place, votes)
    search = CaseSearch(subject, problem, case=case)
    with subject.settings():
        place = search.place()
    return Blame(problem.kind, subject.name, problem.devices, place, votes, tuple(search.steps))


@dataclass
class Search:
    """One search among the stages of a device; `steps` is the way that it took."""

    subject: EngineSubject
    problem: Problem
    steps: list[Step] = field(default_factory=list)
    program: Program | None = None
    due: list[bytes] = field(default_factory=list)
    made: Scheduled | None = None
    launched: list[Launch] = field(default_factory=list)

    def place(self) -> Place:
        """The first stage that is wrong."""
        for name, stage, look in _STAGES:
            try:
                found = look(self)
            except passes.PassFailed as error:
                found = Place("pass", error.step, text=str(error))
            except Exception as error:  # noqa: BLE001 - what a stage raises is its result
                found = Place(stage, text=f"{type(error).__name__}: {_first_line(error)}")
            raised = found is not None and self.problem.kind == "error"
            self.steps.append(Step(name, "same" if found is None else
                                   "raised" if raised else "differs"))  # fmt: skip
            if found is not None:
                return found
        return Place(NOT_FOUND, text="no stage is wrong")

    # -- stages ------------------------------------------------------------------------------------
    def build(self) -> Place | None:
        """The graph, and what the interpreter of tensors makes of it: `program` and `due`."""
        raise NotImplementedError

    def rewritten(self) -> Place | None:
        """The graph after the rules that come before scheduling."""
        program = self._program()

        def is_right() -> bool:
            return values(scheduled(program).results) == due

        due = values(program.roots)
        self.made = scheduled(program)
        if is_right():
            return None
        found = rules.first_wrong(is_right)
        if found is None:
            return Place("graph rules")
        return Place("graph rules", rule=found.rule, op=str(found.node.op),
                     dtype=str(found.node.dtype), before=rules.shown(found.node),
                     after=rules.shown(found.result))  # fmt: skip

    def ordered(self) -> Place | None:
        """The schedule: each step finds the versions that it reads."""
        made = self._made()
        try:
            verify_hazards(made.schedule, made.nodes)
        except HazardError as error:
            return Place("versions", text=str(error))
        return None

    def fused(self) -> Place | None:
        """Every kernel's expression, executed one after another in memory of their own."""
        made = self._made()
        self.launched, _ = launches(made, memory(made, self._program().holes))
        number = first_wrong_slot(made, self.launched)
        if number is None:
            return None
        item = self.launched[number].item
        node = made.nodes[item.slots[0]]
        text = f"step {number} of the schedule does not leave what {node.op} is"
        known = node.op in (Op.STORE, Op.CAT, Op.SCAN, Op.MERGE, Op.SCATTER)
        return Place("fusion", op=str(node.op) if known else "",
                     dtype=str(node.dtype) if known else "", text=text)  # fmt: skip

    def planned(self) -> Place | None:
        """The same, temporaries in the places that they share."""
        if not setting("MEMORY_PLAN"):
            return None
        made = self._made()
        start = memory(made, self._program().holes)
        _, results = launches(made, start)
        if with_places(made, start) == results:
            return None
        return Place("memory plan", text="a place is used again while its contents are needed")

    def suspected(self) -> Place | None:
        """Which kernels the device gets wrong, on memory that is right: the first one is looked at.

        What must not run again is suspected as a whole.
        """
        device, target = self.subject.device, self._target()
        if self.problem.kind not in NATIVE:
            wrong = (one for one in self._kernels() if native.is_wrong(one, target, device))
            self.launched = list(islice(wrong, 1))
        return None

    def lowered(self) -> Place | None:
        """Every state of every kernel between passes."""
        return self._first(lambda launch: passes.wrong_state(launch, self._target()))

    def remembered(self) -> Place | None:
        """The instructions that devices get."""
        return self._first(lambda launch: passes.wrong_instructions(
            launch, passes.compiled(launch, self._target())
        ))  # fmt: skip

    def executed(self) -> Place | None:
        """Every kernel on the device itself, on memory that is right."""
        if self.problem.kind in NATIVE:
            text = f"all before the device is right; the program ends in a {self.problem.kind}"
            return Place("code", self.subject.device, text=text)
        device = self.subject.device
        return self._first(lambda launch: native.wrong_code(launch, self._target(), device))

    def run(self) -> Place | None:
        """The program as a user runs it."""
        raise NotImplementedError

    # -- helpers -----------------------------------------------------------------------------------
    def _first(self, look: Callable[[Launch], Place | None]) -> Place | None:
        found = map(look, self._kernels())
        return next((place for place in found if place is not None), None)

    def _kernels(self) -> list[Launch]:
        return [launch for launch in self.launched if launch.is_kernel]

    def _target(self) -> Target:
        return target_of(self.subject.device)

    def _program(self) -> Program:
        assert self.program is not None
        return self.program

    def _made(self) -> Scheduled:
        assert self.made is not None
        return self.made


@dataclass
class CaseSearch(Search):
    """The search for where a case goes wrong."""

    case: Case = field(kw_only=True)

    def build(self) -> Place | None:
        early = self._copied_wrong() or self._computed_early()
        if early is not None:
            return early
        self.program = program_of(self.case, self.subject)
        self.due = values(self.program.outputs)
        return front.wrong_graph(self.case, self.subject, self.due)

    def run(self) -> Place | None:
        return native.wrong_runtime(self.case, self.subject, self.due)

    def _copied_wrong(self) -> Place | None:
        """The place of inputs that are not on the device what they are here."""
        if self.problem.kind in NATIVE:
            return None
        return native.wrong_memory(self.subject.device, [one.data for one in self.case.inputs])

    def _computed_early(self) -> Place | None:
        """The place of what the device computes wrong while the graph is built.

        A shape may depend on values, which are a program of their own.
        """
        if self.problem.kind in NATIVE:
            return None
        needed = {k for one in self.case.statements for k in shaping_operands(one)}
        for value in sorted(needed - set(range(len(self.case.inputs)))):
            program = part(self.case, [value])
            if front.refused(program, self.subject.run(program)):
                return CaseSearch(self.subject, self.problem, self.steps, case=program).place()
        return None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else ""


_STAGES: tuple[tuple[str, str, Callable[[Search], Place | None]], ...] = (
    ("the graph, interpreted, against the references", "front end", methodcaller("build")),
    ("rules on the graph", "graph rules", Search.rewritten),
    ("edges between kernels", "versions", Search.ordered),
    ("kernels as expressions", "fusion", Search.fused),
    ("shared memory", "memory plan", Search.planned),
    ("each kernel on the device", "code", Search.suspected),
    ("loops, pass by pass", "lower", Search.lowered),
    ("instructions as they are remembered", "remembered", Search.remembered),
    ("the code of the kernel", "code", Search.executed),
    ("the program on the device", "runtime", methodcaller("run")),
)
