"""Whether a smaller case has the fault of a larger one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from conformance.harness.bisect import Blame, bisect
from conformance.harness.case import Case
from conformance.harness.subject import Subject
from conformance.harness.trial import judge

CHEAPEST = ("LLVM", "PYTHON")  # of the devices that are right, to stand beside the one that is not


def same_bucket(blame: Blame, subjects: Mapping[str, Subject]) -> Callable[[Case], bool]:
    """A test for cases: the same device is wrong, and bisecting it ends at the same place.

    It runs that device and one that was right, whose vote the verdict needs.
    """
    right = sorted(
        (name for name in blame.votes if name not in blame.alone and name in subjects),
        key=lambda name: CHEAPEST.index(name) if name in CHEAPEST else len(CHEAPEST),
    )
    chosen = {name: subjects[name] for name in (blame.device, *right[:1])}

    def is_same(case: Case) -> bool:
        outcome = judge(case, chosen)
        kinds = {problem.kind for problem in outcome.problems if blame.device in problem.devices}
        return blame.verdict in kinds and alike(blame, bisect(case, chosen, outcome))

    return is_same


def alike(blame: Blame, other: Blame) -> bool:
    """Whether a blame for a smaller case says the same; it may say more where that said nothing."""
    mine, place = blame.place, other.place
    if (mine.name, blame.verdict, blame.device) != (place.name, other.verdict, other.device):
        return False
    return not mine.op or blame.key == other.key
