"""From a hit to a finding: what is to blame, whose finding it is, and the smallest program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from conformance.harness.campaign.findings import Claim, Findings
from conformance.harness.campaign.isolated import Devices, IsolatedSubject
from conformance.harness.case import parse_case
from conformance.harness.process import Limits
from conformance.harness.programs import shrunk
from conformance.harness.script import print_script
from conformance.harness.subject import Subject
from conformance.harness.trial import Problem, judge

EXPLAIN_SECONDS = 180.0
ENDED = {"crash", "timeout"}  # kinds of problem that end a process: such programs run in another


def explain(
    claim: Claim, subjects: Mapping[str, Subject], devices: Devices, limits: Limits, worker: str,
    findings: Findings,
) -> str:  # fmt: skip
    """The bucket of a hit, which is closed if it is this worker's to shrink."""
    key = claim.hit.signature
    if not findings.ask(key, claim, worker):
        return key
    case, problem = parse_case(claim.hit.body), claim.hit.problem
    with safe(claim, subjects, devices, limits) as chosen:
        small = shrunk(case, chosen)
        again = judge(small, chosen).problems
    said = again[0] if again else problem
    findings.shrunk(key, claim, verdict_of(problem), said.text, small.text, print_script(small),
                    "{}")  # fmt: skip
    return key


@contextmanager
def safe(
    claim: Claim, subjects: Mapping[str, Subject], devices: Devices, limits: Limits
) -> Iterator[Mapping[str, Subject]]:
    """Subjects on which a program can be run again without ending this process.

    They are in processes of their own once a worker has ended with it; where it was the program
    itself that ended it, and not a part of it, they are the guilty alone.
    """
    problem = claim.hit.problem
    if problem.kind not in ENDED and claim.tries == 1:
        yield subjects
        return
    chosen = [name for name in subjects if problem.kind not in ENDED or name in problem.devices]
    alone = {name: IsolatedSubject(devices.alone(name), limits) for name in chosen}
    try:
        yield alone
    finally:
        for subject in alone.values():
            subject.close()


def verdict_of(problem: Problem) -> str:
    """The verdict that reports give for a kind of problem."""
    return problem.kind if problem.kind in ENDED else "fail"
