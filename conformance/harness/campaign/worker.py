"""In a worker: draws are made and judged, causes are looked for, results go into the database.

A worker does what it is told and says when it is done.  Before a program runs it is on disk, and
while it runs the kernel's timer is set: whatever becomes of this process, whoever started it knows
what it did.
"""

from __future__ import annotations

import json
import os
import resource
import time
import traceback
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from conformance.harness.bisect import NOT_FOUND, Blame
from conformance.harness.campaign.findings import Claim, Findings, Hit, signature
from conformance.harness.campaign.journal import TOGETHER, Journal
from conformance.harness.campaign.kinds import KINDS
from conformance.harness.campaign.schema import Outrun
from conformance.harness.campaign.skill import Cause, Draw, Post
from conformance.harness.campaign.steering import read_weights
from conformance.harness.campaign.store import Done, Order, Store, read_order
from conformance.harness.check import collect_seldom
from conformance.harness.process import begin, tell, time_limit, until_nobody_asks
from conformance.harness.trial import Problem
from conformance.harness.trial.outcome import worst
from reports.markdown import counted

FULL = 0.5  # of the memory that is allowed: who has held more makes room for a new process


EXPLAIN_SECONDS = 300.0  # in all: what takes longer hangs


def serve(line: Connection, post: Post) -> None:
    """The life of a worker."""
    begin(post.limits.memory)
    collect_seldom()
    os.environ["LOCKSTEP_CACHE"] = "off"  # kernels of random programs would fill it, once each
    worker = Worker(post)
    with until_nobody_asks():
        tell(line, ready=True)
        while True:
            message = json.loads(line.recv_bytes())
            try:
                answer = worker.work(message)
            except Outrun:
                os._exit(0)
            except Exception:  # noqa: BLE001 - it is raised again where the user sees it
                answer = {"error": traceback.format_exc()}
            tell(line, **{"replace": is_full(post.limits.memory), **answer})


def is_full(memory: int | None) -> bool:
    """Whether this process has held so much memory that a new one should take its place."""
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return memory is not None and held > FULL * memory


class Worker:
    """The work, apart from the pipe."""

    def __init__(self, post: Post) -> None:
        self.post, self.kind = post, KINDS[post.settings.kind]
        self.store = Store(Path(post.folder), post.run)
        self.journal = Journal(post.journal)
        self.weights: tuple[int, dict[str, float]] = (0, {})  # those that were used last
        self.skill = self.kind.skill(post, self.journal)

    def work(self, message: Mapping[str, Any]) -> dict[str, object]:
        """The answer to a message: what was done."""
        if "explain" in message:
            return {"explained": self.explain()}
        return self.judge(read_order(message["draw"]))

    def judge(self, order: Order) -> dict[str, object]:
        """Make and judge a draw, and keep what came of it.

        Where a device has raised, a new process takes this one's place: a device that was lost
        would raise from now on.
        """
        started = time.perf_counter()
        made = self.skill.draw(order, self._steering(order))
        done = Done(cases=len(made.cases), statements=len(made.cases[0].statements))
        raised = False
        for k, outcome in self.skill.outcomes(order, made):
            case, problem = made.cases[k], worst(outcome.problems)
            done.outcomes.append((case, outcome))
            if problem is not None:
                done.hits.append(Hit(order.number, k, problem, case.text))
                raised |= problem.kind == "error"
        if order.alone and not order.barred:
            done.hits.append(self._in_company(order, made))
        done.timings = self.skill.timings()
        done.seconds = time.perf_counter() - started
        self.store.finish(order, done)
        self.journal.clear()
        answer: dict[str, object] = {"cases": done.cases}
        return answer | {"replace": True} if raised else answer

    def _steering(self, order: Order) -> Mapping[str, float]:
        """The weights by which a draw is made."""
        if order.weights is None:
            return {}
        if order.weights != self.weights[0]:
            self.weights = order.weights, read_weights(self.store.weights(order.weights))
        return self.weights[1]

    def _in_company(self, order: Order, made: Draw) -> Hit:
        """The draw has ended a worker, and no program of it does it alone."""
        ran = counted(len(made.cases), self.kind.noun)
        text = f"{order.reason} while {ran} ran; none does it alone"
        problem = Problem(order.kind, self.post.devices.names, -1, "", (), text)
        return Hit(order.number, TOGETHER, problem, made.cases[0].text)

    def explain(self) -> str:
        """Look for the cause of a hit, if there is one that nobody looks at; its bucket."""
        claim = self.store.findings.claim(self.post.name)
        if claim is None:
            return ""
        with time_limit(EXPLAIN_SECONDS):
            cause = self.skill.cause(claim)
            return settle(self.store.findings, claim, self.post.name, cause)


def settle(findings: Findings, claim: Claim, worker: str, cause: Cause) -> str:
    """The bucket of a hit, which is closed if it is this worker's to shrink."""
    problem, blame = claim.hit.problem, cause.blame
    key = key_of(blame, problem)
    if findings.ask(key, claim, worker):
        small = cause.smallest()
        text = "; ".join(filter(None, (problem.text, blame.place.text)))
        findings.shrunk(
            key, claim, small.verdict, text, small.body, small.script, blame.to_json()
        )
    return key


def key_of(blame: Blame, problem: Problem) -> str:
    """The bucket: that of the blame, or what the problem looks like where no place was found."""
    if blame.place.stage == NOT_FOUND:
        again = "unexplained" if blame.device else "not again"
        return f"{again}; {signature(problem)}"
    return blame.key
