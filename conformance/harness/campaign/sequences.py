"""Campaigns of sequences: a draw is one of them, in every way to run it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from conformance.harness.bisect import NOT_FOUND, Blame, Place
from conformance.harness.bisect.search import NATIVE
from conformance.harness.campaign.findings import Claim
from conformance.harness.campaign.isolated import Devices, Ended, IsolatedSequences, warm_up
from conformance.harness.campaign.journal import Journal
from conformance.harness.campaign.skill import (
    ENDED,
    Cause,
    Post,
    Smallest,
    Watch,
    guarded,
    is_apart,
)
from conformance.harness.campaign.store import Order
from conformance.harness.process import Limits
from conformance.harness.sequences.bisect import bisect_sequence
from conformance.harness.sequences.draw import random_sequence
from conformance.harness.sequences.judge import judge_again, same
from conformance.harness.sequences.shrink import shrink
from conformance.harness.sequences.text import Sequence, parse_sequence
from conformance.harness.sequences.trial import Trial, noted
from conformance.harness.trial import Outcome, Problem

SHRINK_SECONDS = 60.0
APART_SECONDS = 5.0
"""Of the processor, for a sequence in a process of its own. It takes milliseconds, so that what has
hung for the limit of the campaign hangs in these as well, and is made small by more trials."""
EVENTS = 1 << 16  # computations of a sequence


@dataclass(frozen=True)
class Alone:
    """A draw: one sequence."""

    sequence: Sequence

    @property
    def cases(self) -> tuple[Sequence]:
        return (self.sequence,)


class Sequences:
    """What a worker does with sequences."""

    def __init__(self, post: Post, journal: Journal) -> None:
        self.post, self.journal = post, journal
        self.watch = Watch(journal, post.limits.seconds)
        subjects = post.devices.subjects()
        for subject in subjects.values():
            warm_up(subject)
        self.names = tuple(subjects)

    def draw(self, order: Order, steering: Mapping[str, float]) -> Alone:
        return Alone(random_sequence(self.post.settings.seed, order.number))

    def outcomes(self, order: Order, made: Alone) -> Iterator[tuple[int, Outcome]]:
        if 0 in order.barred:
            return
        self.journal.begin(made.sequence.text, order.number, 0)
        trial = Trial(made.sequence, order.number, self.names, self.watch.over)
        found = guarded(trial.outcome)
        yield 0, Outcome((found,)) if isinstance(found, Problem) else found

    def timings(self) -> dict[str, tuple[int, float]]:
        return self.watch.taken()

    def cause(self, claim: Claim) -> Cause:
        sequence, problem = parse_sequence(claim.hit.body), claim.hit.problem
        if not problem.way:  # nothing of it alone, or the judge, and no device
            return _without_place(sequence, problem, problem.devices[0], problem.text)
        if is_apart(claim):
            limits = self.post.limits
            limits = replace(limits, seconds=min(limits.seconds, APART_SECONDS))
            return cause_apart(sequence, problem, self.post.devices, limits)
        return self._cause(sequence, problem)

    def _cause(self, sequence: Sequence, problem: Problem) -> Cause:
        """What is to blame for something that may run in this process."""
        again = judge_again(sequence, problem, self.names)
        if again is None:
            return _without_place(sequence, problem, "", "the sequence is right now")
        blame = bisect_sequence(sequence, self.names, again)

        def smallest() -> Smallest:
            small = shrink(
                sequence, lambda one: same(again, judge_again(one, again, self.names)),
                SHRINK_SECONDS,
            )  # fmt: skip
            return _smallest(small, judge_again(small, again, self.names) or again, blame)

        return Cause(blame, smallest)


def _smallest(sequence: Sequence, problem: Problem, blame: Blame) -> Smallest:
    verdict = problem.kind if problem.kind in ENDED else "fail"
    return Smallest(noted(sequence, problem, blame).text, "", verdict)


def _without_place(sequence: Sequence, problem: Problem, device: str, text: str) -> Cause:
    """Nothing is known but the problem itself; "" for the device that is not wrong again."""
    place = Place(NOT_FOUND, text=text)
    blame = Blame(problem.kind, device, problem.devices if device else (), place)
    return Cause(blame, lambda: _smallest(sequence, problem, blame))


# -- in processes of their own ---------------------------------------------------------------------
def cause_apart(
    sequence: Sequence, problem: Problem, devices: Devices, limits: Limits
) -> Cause:
    """What is to blame for something that must not run in this process."""
    apart = IsolatedSequences(devices, limits)
    try:
        again = apart.again(sequence, problem)
        if again is None:
            return _without_place(sequence, problem, "", "the sequence is right now")
        blame = blame_apart(apart, sequence, again)
    finally:
        apart.close()

    def smallest() -> Smallest:
        small = shrunk_apart(IsolatedSequences(devices, limits), sequence, again)
        return _smallest(small, again, blame)

    return Cause(blame, smallest)


def shrunk_apart(apart: IsolatedSequences, sequence: Sequence, problem: Problem) -> Sequence:
    """The smallest sequence that is wrong in the same way; closes `apart`."""
    try:
        return shrink(
            sequence, lambda one: same(problem, apart.again(one, problem)), SHRINK_SECONDS
        )
    finally:
        apart.close()


def blame_apart(apart: IsolatedSequences, sequence: Sequence, problem: Problem) -> Blame:
    """Where a sequence goes wrong; what has ended a process is halted before it does so again."""
    event = last_event(apart, sequence, problem) if problem.kind in NATIVE else None
    try:
        return apart.blame(sequence, problem, event)
    except Ended as error:
        place = Place(NOT_FOUND, text=f"looking for the cause: {error.ending.text}")
        return Blame(problem.kind, problem.devices[0], problem.devices, place)


def last_event(apart: IsolatedSequences, sequence: Sequence, problem: Problem) -> int | None:
    """The last computation of a sequence that its process comes to; None where it ends by itself.
    """
    low, high = -1, 0
    while (alive := apart.survives(sequence, problem, high)) is True:
        low, high = high, 2 * high + 1
        if high > EVENTS:
            return None
    if alive is None or low < 0:  # all of it is survived now, or nothing is
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if apart.survives(sequence, problem, middle):
            low = middle
        else:
            high = middle
    return low
