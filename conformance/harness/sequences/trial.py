"""The trial of one sequence: in which ways it runs where, what is wrong, the smallest of a kind.

A sequence is judged in every way on the first device, and in one way on another one; the other
devices and the ways take turns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from conformance.harness.bisect import Blame
from conformance.harness.sequences.judge import described, judge_way
from conformance.harness.sequences.lazy import WAYS, Way
from conformance.harness.sequences.reach import statement_coverage
from conformance.harness.sequences.text import Sequence
from conformance.harness.trial.outcome import Outcome, Problem, Reached
from conformance.harness.trial.reach import engine_coverage

SELDOM = 4  # one sequence in so many runs on a device beside the first
Around = Callable[[str, str], AbstractContextManager[None]]


def plan(number: int, devices: tuple[str, ...]) -> Iterator[tuple[str, Way]]:
    """The devices and ways in which sequence `number` runs."""
    for way in WAYS:
        yield devices[0], way
    turn, beside = divmod(number, SELDOM)
    if beside == 0 and len(devices) > 1:
        yield devices[1 + turn % (len(devices) - 1)], WAYS[turn % len(WAYS)]


def _unwatched(device: str, way: str) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True)
class Trial:
    """Sequence `number` on devices; `around` is entered for each run, with device and way."""

    sequence: Sequence
    number: int
    devices: tuple[str, ...]
    around: Around = _unwatched

    def problem(self) -> Problem | None:
        """What is wrong first, as far as the number asks."""
        for device, way in plan(self.number, self.devices):
            wrong = self._run(device, way)
            if wrong is not None:
                return wrong
        return None

    def outcome(self) -> Outcome:
        """The same, and what was reached."""
        coverage = statement_coverage(self.sequence)
        ran: dict[str, None] = {}
        problems: tuple[Problem, ...] = ()
        for device, way in plan(self.number, self.devices):
            ran[device] = None
            coverage[Reached("way", way.name)] += 1
            with engine_coverage(coverage):
                wrong = self._run(device, way)
            if wrong is not None:
                problems = (wrong,)
                break
        return Outcome(problems, ran=tuple(ran), coverage=coverage)

    def _run(self, device: str, way: Way) -> Problem | None:
        with self.around(device, way.name):
            return judge_way(self.sequence, device, self.devices, way)


def noted(sequence: Sequence, problem: Problem, blame: Blame) -> Sequence:
    """A sequence with notes that say what is wrong with it, and where."""
    notes = (described(problem), f"{blame.key}: {blame.place.text}")
    return Sequence(sequence.statements, tuple(" ".join(note.split()) for note in notes))
