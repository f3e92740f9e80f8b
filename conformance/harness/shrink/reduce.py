"""Delta debugging over cases: fewer statements, then smaller shapes, then simpler values.

A candidate is one case that is simpler than another. Each family of candidates is tried until none
of them is still wrong; families that take away most come first, and all are tried again after what
they have made possible (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input",
IEEE Transactions on Software Engineering 28(2), 2002).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from conformance.harness.case import Case, parse_case
from conformance.harness.shrink.shapes import smaller_shapes
from conformance.harness.shrink.structure import (
    bypassed,
    earlier_outputs,
    lifted,
    near_the_output,
    single_outputs,
)
from conformance.harness.shrink.values import simpler_values

StillWrong = Callable[[Case], bool]
Family = Callable[[Case], Iterator[Case]]

FAMILIES: tuple[Family, ...] = (
    single_outputs, earlier_outputs, near_the_output, lifted, bypassed, smaller_shapes,
    simpler_values,
)  # fmt: skip


def shrink(case: Case, still_wrong: StillWrong, budget: float) -> Case:
    """The simplest case that was found to be still wrong within `budget` seconds.

    `still_wrong` says whether a candidate has the same fault; what it raises counts as no.
    Candidates are programs that can be written, parsed and evaluated by the reference. The result
    has no expected bits.
    """
    search = _Search(case, still_wrong, time.monotonic() + budget)
    changed = True
    while changed and not search.is_over:
        changed = False
        for family in FAMILIES:
            changed |= search.reduce(family)
    return search.best


@dataclass
class _Search:
    """The simplest case so far."""

    best: Case
    still_wrong: StillWrong
    deadline: float

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self.deadline

    def reduce(self, family: Family) -> bool:
        """Whether candidates of a family were accepted; each time the family begins anew."""
        changed = False
        while not self.is_over and self._step(family):
            changed = True
        return changed

    def _step(self, family: Family) -> bool:
        for candidate in family(self.best):
            if self.is_over:
                return False
            if self._accepts(candidate):
                self.best = candidate
                return True
        return False

    def _accepts(self, candidate: Case) -> bool:
        try:
            return parse_case(candidate.text) == candidate and self.still_wrong(candidate)
        except Exception:  # noqa: BLE001 - no program, or another fault
            return False
