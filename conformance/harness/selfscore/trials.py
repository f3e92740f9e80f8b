"""What a hunt tries, one after another: random programs, kernels below the tensor level, sequences.

Trial k of a seed is made from the two numbers alone, so that one which has ended a process can be
looked at in another.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
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
from conformance.harness.case import Case
from conformance.harness.devices import subjects_of
from conformance.harness.generate import Draw, RandomChooser, case_seed, random_draw
from conformance.harness.generate.raw import Kernel, addresses, expressions
from conformance.harness.selfscore.sequences import SequenceTrial
from conformance.harness.selfscore.settings import BESIDE, FIRST, SHRINK_SECONDS, VECTORS
from conformance.harness.shrink import alike, described, same_bucket, shrink
from conformance.harness.subject import EngineSubject, Subject
from conformance.harness.trial import Outcome, Problem, judge
from conformance.harness.trial.kernels import on_device
from engine.realize import target_of
from oracles.formats import Array

Running = Callable[[str], None]
"""Is told the device before each launch."""
SEQUENCES = 6  # of each turn
KERNELS = (expressions, expressions, expressions, addresses)  # cheaper than programs
WORDS = tuple(name for name in BESIDE if "/" in name)


class Trial(Protocol):
    """One thing to try."""

    def run(self, running: Running) -> Outcome:
        """Its judgement."""
        ...

    def blame(self, outcome: Outcome) -> Blame:
        """Where it goes wrong."""
        ...

    def shrunk(self, blame: Blame) -> tuple[int, str]:
        """How many operations the smallest one of the bucket has, and its text."""
        ...


def trial(seed: int, number: int) -> Trial | None:
    """Trial `number` of a seed: programs of one structure, then kernels, then sequences, and so on.

    None where the structure has no second program.
    """
    turn, kind = divmod(number, VECTORS + len(KERNELS) + SEQUENCES)
    if kind >= VECTORS + len(KERNELS):
        first = turn * SEQUENCES - VECTORS - len(KERNELS)
        return SequenceTrial(seed, first + kind)
    if kind >= VECTORS:
        chooser = RandomChooser(random.Random(f"kernel {seed}/{number}"))
        return _Kernel(KERNELS[kind - VECTORS](chooser), WORDS[turn % len(WORDS)])
    draw = _draw(seed, turn)
    if kind >= len(draw.cases):
        return None
    return _Program(draw.cases[kind], tuple(draw.values[kind]), BESIDE[turn % len(BESIDE)])


@lru_cache(maxsize=2)
def _draw(seed: int, turn: int) -> Draw:
    return random_draw(case_seed(seed, turn), vectors=VECTORS)


@cache
def _known() -> Mapping[str, Subject]:
    return subjects_of((FIRST, *BESIDE))


# -- programs --------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Announced:
    """A subject that says that it is about to run."""

    inner: Subject
    running: Running

    @property
    def name(self) -> str:
        return self.inner.name

    def run(self, case: Case) -> list[bytes]:
        self.running(self.name)
        return self.inner.run(case)


@dataclass(frozen=True)
class _Program:
    """A case on the first device and one beside it."""

    case: Case
    values: tuple[Array, ...]
    beside: str

    def run(self, running: Running) -> Outcome:
        chosen = {name: _Announced(_known()[name], running)
                  for name in (FIRST, self.beside) if name in _known()}  # fmt: skip
        return judge(self.case, chosen, self.values)

    def blame(self, outcome: Outcome) -> Blame:
        return bisect(self.case, _known(), outcome)

    def shrunk(self, blame: Blame) -> tuple[int, str]:
        """What ended a process is not run again, and stays whole."""
        if blame.verdict in NATIVE:
            return len(self.case.statements), self.case.text
        small = shrink(self.case, same_bucket(blame, _known()), SHRINK_SECONDS)
        return len(small.statements), described(small, blame).text


# -- kernels ---------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Kernel:
    """A kernel on the first device and on one that lacks much; bisecting interprets it."""

    kernel: Kernel
    beside: str

    def run(self, running: Running) -> Outcome:
        problems = []
        for name in (FIRST, self.beside):
            running(name)
            said = self._said(EngineSubject(name))
            if said is not None:
                problems.append(Problem(*said, -1, "", (), ""))
        return Outcome(tuple(problems), ran=(FIRST, self.beside))

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

    def blame(self, outcome: Outcome) -> Blame:
        return self._blame(launch_of(self.kernel), outcome)

    def _blame(self, launch: Launch, outcome: Outcome) -> Blame:
        (problem, *_) = outcome.problems
        subject = EngineSubject(problem.devices[0])
        native = problem.kind not in NATIVE
        return bisect_kernel(launch, subject, problem, native)

    def shrunk(self, blame: Blame) -> tuple[int, str]:
        launch = launch_of(self.kernel)
        subject = EngineSubject(blame.device)
        native = blame.verdict not in NATIVE

        def is_same(one: Launch) -> bool:
            problem = Problem(blame.verdict, blame.alone, -1, "", (), "")
            return alike(blame, bisect_kernel(one, subject, problem, native))

        small = smaller_kernel(launch, is_same)
        return operations(small), text_of(small)
