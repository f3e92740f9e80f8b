"""One hunt: random programs until one is wrong; then bisecting and shrinking it.

This runs in the process in which the fault is planted, and tells what it is about to run, so that
nothing is lost when generated code ends the process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from conformance.harness.bisect import NATIVE, Blame, bisect
from conformance.harness.case import Case
from conformance.harness.devices import subjects_of
from conformance.harness.generate import case_seed, random_draw
from conformance.harness.selfscore.settings import BESIDE, FIRST, SHRINK_SECONDS, VECTORS
from conformance.harness.shrink import described, same_bucket, shrink
from conformance.harness.subject import Subject
from conformance.harness.trial import Outcome, Problem, judge
from oracles.formats import Array

Running = Callable[[str, Case, int], None]
"""Is told the device, the program and its number before each launch."""


@dataclass(frozen=True)
class Wrong:
    """The first program that was wrong."""

    case: Case
    problems: tuple[Problem, ...]
    ran: tuple[str, ...]
    programs: int


def processor_seconds() -> float:
    """What this process and the compilers that it has called have used."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def hunt(seconds: float, seed: int, running: Running) -> tuple[Wrong | None, int]:
    """Run programs until one is wrong or `seconds` of processor time are used; how many ran."""
    end = processor_seconds() + seconds
    for number, (case, subjects, values) in enumerate(_programs(seed), 1):
        outcome = judge(case, _announced(subjects, running, number), values)
        if outcome.problems:
            return Wrong(case, outcome.problems, outcome.ran, number), number
        if processor_seconds() > end:
            return None, number
    raise AssertionError("programs do not end")


def blame_of(case: Case, outcome: Outcome) -> Blame:
    """Where a wrong program goes wrong."""
    return bisect(case, subjects_of((FIRST, *BESIDE)), outcome)


def shrunk(case: Case, blame: Blame) -> Case:
    """The smallest case of a bucket; that of a process that ended is not run, and stays whole."""
    if blame.verdict in NATIVE:
        return case
    same = same_bucket(blame, subjects_of((FIRST, *BESIDE)))
    return described(shrink(case, same, SHRINK_SECONDS), blame)


Turn = tuple[Case, Mapping[str, Subject], Sequence[Array]]


def _programs(seed: int) -> Iterator[Turn]:
    """Programs with the subjects that run them and the reference's values."""
    known = subjects_of((FIRST, *BESIDE))
    for number in count():
        beside = BESIDE[number % len(BESIDE)]
        chosen = {name: known[name] for name in (FIRST, beside) if name in known}
        draw = random_draw(case_seed(seed, number), vectors=VECTORS)
        for case, values in zip(draw.cases, draw.values, strict=True):
            yield case, chosen, values


@dataclass(frozen=True)
class _Announced:
    """A subject that says what it is about to run."""

    inner: Subject
    running: Running
    number: int

    @property
    def name(self) -> str:
        return self.inner.name

    def run(self, case: Case) -> list[bytes]:
        self.running(self.name, case, self.number)
        return self.inner.run(case)


def _announced(
    subjects: Mapping[str, Subject], running: Running, number: int
) -> dict[str, Subject]:
    return {name: _Announced(row, running, number) for name, row in subjects.items()}
