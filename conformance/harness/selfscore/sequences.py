"""Sequences as suspects of a hunt: programs that write into tensors, in every way to run them."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.harness.bisect import NATIVE, NOT_FOUND, Blame, Place
from conformance.harness.campaign.isolated import Serve
from conformance.harness.selfscore.settings import SHRINK_SECONDS
from conformance.harness.sequences.bisect import bisect_sequence
from conformance.harness.sequences.draw import random_sequence
from conformance.harness.sequences.judge import judge_again, same
from conformance.harness.sequences.shrink import shrink
from conformance.harness.sequences.text import Sequence
from conformance.harness.sequences.trial import Trial
from conformance.harness.trial import Outcome, Problem


@dataclass(frozen=True)
class RandomSequence:
    """Sequence `number` of a seed."""

    seed: int
    number: int
    devices: tuple[str, ...]

    @property
    def sequence(self) -> Sequence:
        return random_sequence(self.seed, self.number)

    def judged(self) -> Outcome:
        """Whether every way to run it has the bits of numpy."""
        wrong = self._wrong()
        return Outcome(() if wrong is None else (wrong,), ran=self.devices)

    def itself(self, outcome: Outcome) -> tuple[RandomSequence, Outcome]:
        """No relation is tried."""
        return self, outcome

    def blame(self, outcome: Outcome) -> Blame:
        """What ended a process is not run again, and has no place."""
        (problem, *_) = outcome.problems
        wrong = None if problem.kind in NATIVE else self._wrong()
        if wrong is None:
            place = Place(NOT_FOUND, text=problem.text)
            return Blame(problem.kind, problem.devices[0], problem.devices, place)
        return bisect_sequence(self.sequence, self.devices, wrong)

    def shrunk(self, blame: Blame, alone: Serve) -> tuple[int, str]:
        """How many statements the smallest of the bucket has; what ended a process stays whole."""
        wrong = None if blame.verdict in NATIVE else self._wrong()
        if wrong is None:
            return len(self.sequence.statements), self.sequence.text

        def is_wrong(one: Sequence) -> bool:
            return same(wrong, judge_again(one, wrong, self.devices))

        small = shrink(self.sequence, is_wrong, SHRINK_SECONDS)
        return len(small.statements), Sequence(small.statements, (blame.key,)).text

    def _wrong(self) -> Problem | None:
        return Trial(self.sequence, self.number, self.devices).problem()
