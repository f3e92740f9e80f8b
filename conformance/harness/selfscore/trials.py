"""What a hunt tries: draws of random programs, kernels below the tensor level, and sequences.

Trial k of a seed is made from the two numbers and the weights of its draw alone, so that one which
has ended a process can be looked at in another.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from conformance.harness.bisect import NATIVE, Blame, bisect
from conformance.harness.bisect.kernels import (
    bisect_kernel,
    launch_of,
    operations,
    smaller_kernel,
    text_of,
)
from conformance.harness.bisect.passes import compiled
from conformance.harness.bisect.schedules import Launch
from conformance.harness.bisect.witness import witness
from conformance.harness.campaign.explain import wrong_alone
from conformance.harness.campaign.isolated import Devices, IsolatedSubject, Serve
from conformance.harness.campaign.session import SOURCE
from conformance.harness.case import Case
from conformance.harness.devices import subjects_of
from conformance.harness.generate import Draw, RandomChooser, numbered_draw
from conformance.harness.generate.raw import Kernel, addresses, expressions, loops
from conformance.harness.process import Limits
from conformance.harness.selfscore.sequences import RandomSequence
from conformance.harness.selfscore.settings import (
    RELATED_ONE_IN,
    SHRINK_SECONDS,
    VECTORS,
    Hounds,
)
from conformance.harness.shrink import alike, described, same_bucket, shrink
from conformance.harness.subject import EngineSubject, Subject
from conformance.harness.trial import Outcome, Problem, judge_draw, relation_of
from conformance.harness.trial.kernels import on_device
from engine.realize import target_of

Running = Callable[[str, int], None]
"""Is told the device, and the number of what runs in its trial, before each launch."""
KERNELS = (expressions, addresses, loops)  # of each turn, after the draw
SEQUENCES = 6  # of each turn, after the kernels
TURN = 1 + len(KERNELS) + 1


class Suspect(Protocol):
    """One thing that may be wrong."""

    def itself(self, outcome: Outcome) -> tuple[Suspect, Outcome]:
        """What a relation has found, which may be wrong and not this; or this."""
        ...

    def blame(self, outcome: Outcome) -> Blame:
        """Where it goes wrong."""
        ...

    def shrunk(self, blame: Blame, alone: Serve) -> tuple[int, str]:
        """How many operations the smallest one of the bucket has, and its text.

        `alone` is the life of a process for what ends one.
        """
        ...


class Trial(Protocol):
    """Things to try together."""

    @property
    def suspects(self) -> Sequence[Suspect]:
        """What is tried."""
        ...

    def run(self, running: Running) -> Sequence[Outcome]:
        """The judgement of each."""
        ...


def draw_of(number: int) -> int | None:
    """The number of the draw that a trial is; None for a kernel."""
    turn, kind = divmod(number, TURN)
    return None if kind else turn


def trial(on: Hounds, seed: int, number: int, steering: Mapping[str, float]) -> Trial:
    """Trial `number` of a seed: a draw, by the weights of `steering`, kernels, then sequences."""
    turn, kind = divmod(number, TURN)
    if kind > len(KERNELS):
        first = turn * SEQUENCES
        return _SequenceTrial([
            RandomSequence(seed, first + k, on.sequences) for k in range(SEQUENCES)
        ])
    if kind:
        chooser = RandomChooser(random.Random(f"kernel {seed}/{number}"))
        compiled = [name for name in on.beside if name != "PYTHON"]
        names = on.first, compiled[turn % len(compiled)]
        return _KernelTrial(_Kernel(KERNELS[kind - 1](chooser), names))
    rng = random.Random(f"{seed}/beside {turn}")
    names = on.first, rng.choice(on.beside)
    relations = (relation_of(seed, turn),) if rng.randrange(RELATED_ONE_IN) == 0 else ()
    drawn = numbered_draw(seed, turn, None, VECTORS, steering)
    return _DrawTrial(drawn, _known((on.first, *on.beside)), names, relations)


@cache
def _known(names: tuple[str, ...]) -> Mapping[str, Subject]:
    return subjects_of(names)


# -- programs --------------------------------------------------------------------------------------
class _Announced:
    """A subject that says that it is about to run, and which program, or one related to that."""

    def __init__(self, inner: Subject, cases: Sequence[Case], running: Running) -> None:
        self.inner, self.cases, self.running = inner, cases, running
        self.name = inner.name
        self.now = 0

    def run(self, case: Case) -> list[bytes]:
        self.now = next((k for k, one in enumerate(self.cases) if one is case), self.now)
        self.running(self.name, self.now)
        return self.inner.run(case)


@dataclass(frozen=True)
class _DrawTrial:
    """A draw on two of the devices that are there."""

    draw: Draw
    known: Mapping[str, Subject]
    names: tuple[str, str]
    relations: tuple[str, ...]

    @property
    def suspects(self) -> Sequence[Suspect]:
        return [_Program(case, self.known) for case in self.draw.cases]

    def run(self, running: Running) -> Sequence[Outcome]:
        chosen = {name: _Announced(self.known[name], self.draw.cases, running)
                  for name in self.names if name in self.known}  # fmt: skip
        return judge_draw(self.draw, chosen, self.relations)


@dataclass(frozen=True)
class _Program:
    """A case of a draw."""

    case: Case
    subjects: Mapping[str, Subject]

    def itself(self, outcome: Outcome) -> tuple[Suspect, Outcome]:
        found = witness(self.case, self.subjects, outcome)
        return _Program(found.case, found.subjects), found.outcome

    def blame(self, outcome: Outcome) -> Blame:
        return bisect(self.case, self.subjects, outcome)

    def shrunk(self, blame: Blame, alone: Serve) -> tuple[int, str]:
        if blame.verdict in NATIVE:
            small = self._shrunk_apart(blame, alone)
        else:
            small = shrink(self.case, same_bucket(blame, self.subjects), SHRINK_SECONDS)
        return len(small.statements), described(small, blame).text

    def _shrunk_apart(self, blame: Blame, alone: Serve) -> Case:
        """What ended a process is run by others."""
        subject = IsolatedSubject(Devices(SOURCE, (blame.device,)), Limits(), alone)
        problem = Problem(blame.verdict, (blame.device,), -1, "", (), "")
        try:
            return shrink(self.case, wrong_alone(subject, problem), SHRINK_SECONDS)
        finally:
            subject.close()


# -- sequences -------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _SequenceTrial:
    """Some sequences, in every way to run them."""

    suspects: Sequence[RandomSequence]

    def run(self, running: Running) -> Sequence[Outcome]:
        outcomes = []
        for number, sequence in enumerate(self.suspects):
            running(sequence.devices[0], number)
            outcomes.append(sequence.judged())
        return outcomes


# -- kernels ---------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _KernelTrial:
    """One kernel."""

    kernel: _Kernel

    @property
    def suspects(self) -> Sequence[Suspect]:
        return [self.kernel]

    def run(self, running: Running) -> Sequence[Outcome]:
        return [self.kernel.judged(running)]


@dataclass(frozen=True)
class _Kernel:
    """A kernel on two devices; bisecting interprets it."""

    kernel: Kernel
    names: tuple[str, str]

    def judged(self, running: Running) -> Outcome:
        problems = []
        for name in self.names:
            running(name, 0)
            said = self._said(EngineSubject(name))
            if said is not None:
                problems.append(Problem(*said, -1, "", (), ""))
        return Outcome(tuple(problems), ran=self.names)

    def _said(self, subject: EngineSubject) -> tuple[str, tuple[str, ...]] | None:
        """The kind of problem on one device, and which that is."""
        launch = launch_of(self.kernel)
        try:
            with subject.settings():
                parts = compiled(launch, target_of(subject.device))
                got = on_device(subject.device, parts, launch.before)
        except Exception:  # noqa: BLE001 - whatever generated code does is a finding
            return "error", (subject.name,)
        return None if got == list(launch.after) else ("bits", (subject.name,))

    def itself(self, outcome: Outcome) -> tuple[Suspect, Outcome]:
        return self, outcome

    def blame(self, outcome: Outcome) -> Blame:
        return self._blame(launch_of(self.kernel), outcome)

    def _blame(self, launch: Launch, outcome: Outcome) -> Blame:
        (problem, *_) = outcome.problems
        subject = EngineSubject(problem.devices[0])
        native = problem.kind not in NATIVE
        return bisect_kernel(launch, subject, problem, native)

    def shrunk(self, blame: Blame, alone: Serve) -> tuple[int, str]:
        """What ended a process is interpreted alone."""
        launch = launch_of(self.kernel)
        subject = EngineSubject(blame.device)
        native = blame.verdict not in NATIVE

        def is_same(one: Launch) -> bool:
            problem = Problem(blame.verdict, blame.alone, -1, "", (), "")
            return alike(blame, bisect_kernel(one, subject, problem, native))

        small = smaller_kernel(launch, is_same)
        return operations(small), text_of(small)
