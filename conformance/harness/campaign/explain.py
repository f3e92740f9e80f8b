"""From a hit to its cause: what is to blame for a program, and the smallest one that shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from conformance.harness.bisect import Blame, bisect, bisect_isolated
from conformance.harness.bisect.witness import Witness, witness
from conformance.harness.campaign.findings import Claim
from conformance.harness.campaign.isolated import Devices, Ended, IsolatedSubject
from conformance.harness.campaign.skill import ENDED, Cause, Smallest, is_apart
from conformance.harness.case import Case, parse_case, value_dtypes
from conformance.harness.ledger import Ledger, match
from conformance.harness.plan import cell_of
from conformance.harness.process import Limits
from conformance.harness.script import print_script
from conformance.harness.shrink import described, same_bucket, shrink
from conformance.harness.subject import Subject
from conformance.harness.trial import RELATIONS, Problem, judge

BISECT_SECONDS = 60.0  # in a process of its own, of which there are two at most
SHRINK_SECONDS = 60.0
BITS = {"bits", "oracle"}  # one device alone differs from no other


@dataclass(frozen=True)
class Explainer:
    """What is needed to look for causes."""

    devices: Devices
    subjects: Mapping[str, Subject]
    limits: Limits
    ledger: Ledger

    def cause(self, claim: Claim) -> Cause:
        """What is to blame for a hit.

        What has ended a worker, whose program it was or a part of it, runs in other processes.
        """
        case, problem, apart = parse_case(claim.hit.body), claim.hit.problem, is_apart(claim)
        itself = self._witness(case, problem, apart)
        blame = self._blame_apart(case, problem) if itself is None else bisect(
            itself.case, itself.subjects, itself.outcome
        )  # fmt: skip

        def smallest() -> Smallest:
            small = self._shrunk(case, problem, blame, itself)
            final = described(small, blame) if blame.device else small
            verdict = self._verdict(final, problem, apart)
            return Smallest(final.text, print_script(final), verdict)

        return Cause(blame, smallest)

    def _witness(self, case: Case, problem: Problem, apart: bool) -> Witness | None:
        """What is wrong by itself, judged again; None where that must run apart."""
        if apart:
            return None
        relations = RELATIONS if problem.kind == "relation" else ()
        return witness(case, self.subjects, judge(case, self.subjects, relations=relations))

    def _blame_apart(self, case: Case, problem: Problem) -> Blame:
        ended = problem if problem.kind in ENDED else None
        source, names = self.devices.source, self.devices.names
        related = problem.kind == "relation"
        return bisect_isolated(case, names, BISECT_SECONDS, ended, source, related)

    def _shrunk(
        self, case: Case, problem: Problem, blame: Blame, itself: Witness | None
    ) -> Case:
        """The smallest program that is found in time to be wrong in the same way."""
        if not blame.device:  # it is not wrong again
            return case
        if itself is not None:
            return shrink(itself.case, same_bucket(blame, itself.subjects), SHRINK_SECONDS)
        subject = self._alone(blame.device)
        try:
            return shrink(case, wrong_alone(subject, problem), SHRINK_SECONDS)
        finally:
            subject.close()

    def _alone(self, device: str) -> IsolatedSubject:
        return IsolatedSubject(self.devices.alone(device), self.limits)

    def _verdict(self, case: Case, problem: Problem, apart: bool) -> str:
        """`known` where the ledger explains all of it, on every device that is wrong."""
        if problem.kind in ENDED:
            return problem.kind
        known = not apart and bool(problem.devices) and all(
            self._is_known(case, device) for device in problem.devices
        )  # fmt: skip
        return "known" if known else "fail"

    def _is_known(self, case: Case, device: str) -> bool:
        statement = case.statement_of(case.count - 1)
        if len(case.statements) != 1 or statement is None or device not in self.subjects:
            return False
        names = value_dtypes(case)
        cell = cell_of(statement.op, [names[k] for k in statement.operands], names[-1])
        driver = self.devices.drivers.get(device, "")
        entries = self.ledger.about(device, driver, statement.op, cell)
        if not entries:
            return False
        return match(entries, statement.op, case, self.subjects[device].run(case)).known is not None


def wrong_alone(subject: Subject, problem: Problem) -> Callable[[Case], bool]:
    """Whether a program goes wrong on one device as the problem says."""
    kinds = BITS if problem.kind in BITS else {problem.kind}

    relations = RELATIONS if problem.kind == "relation" else ()

    def is_wrong(case: Case) -> bool:
        found = judge(case, {subject.name: subject}, relations=relations).problems
        return any(one.kind in kinds for one in found)

    def ends(case: Case) -> bool:
        try:
            subject.run(case)
        except Ended as error:
            return error.ending.kind == problem.kind
        return False

    return ends if problem.kind in ENDED else is_wrong
