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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from conformance.harness.campaign.explain import EXPLAIN_SECONDS, Explainer
from conformance.harness.campaign.findings import Hit
from conformance.harness.campaign.isolated import Devices, warm_up
from conformance.harness.campaign.journal import FOLDER, TOGETHER, Journal
from conformance.harness.campaign.schema import Outrun
from conformance.harness.campaign.steering import read_weights
from conformance.harness.campaign.store import Done, Order, Settings, Store, read_order
from conformance.harness.case import Case
from conformance.harness.check import collect_seldom
from conformance.harness.generate import Draw, numbered_draw
from conformance.harness.ledger import read_ledger
from conformance.harness.process import Limits, begin, tell, time_limit, until_nobody_asks
from conformance.harness.subject import Subject
from conformance.harness.trial import Outcome, Problem, judge, judge_draw, on_turn, relation_of
from conformance.harness.trial.judge import error_text
from conformance.harness.trial.outcome import worst
from reports.markdown import counted

T = TypeVar("T")
P = ParamSpec("P")
FULL = 0.5  # of the memory that is allowed: who has held more makes room for a new process


@dataclass(frozen=True)
class Post:
    """Where a worker stands: the campaign's folder and run, its name, what it may use and know."""

    folder: str
    run: int
    name: str
    devices: Devices
    settings: Settings
    limits: Limits
    ledger: str

    @property
    def journal(self) -> Path:
        return Path(self.folder) / FOLDER / f"{self.name}.case"


class Watched:
    """A subject whose runs are written down before they begin, limited and timed."""

    def __init__(self, subject: Subject, journal: Journal, limit: float) -> None:
        self.subject, self.journal, self.limit = subject, journal, limit
        self.cases, self.seconds = 0, 0.0

    @property
    def name(self) -> str:
        return self.subject.name

    def run(self, case: Case) -> list[bytes]:
        self.journal.on(self.name)
        started = time.perf_counter()
        with time_limit(self.limit):
            outputs = self.subject.run(case)
        self.cases += 1
        self.seconds += time.perf_counter() - started
        return outputs

    def taken(self) -> tuple[int, float]:
        """Programs that ran, and seconds, since this was asked last."""
        found = self.cases, self.seconds
        self.cases, self.seconds = 0, 0.0
        return found


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
        self.post = post
        self.store = Store(Path(post.folder), post.run)
        self.journal = Journal(post.journal)
        self.weights: tuple[int, dict[str, float]] = (0, {})  # those that were used last
        subjects = post.devices.subjects()
        for subject in subjects.values():
            warm_up(subject)
        self.subjects = {
            name: Watched(subject, self.journal, post.limits.seconds)
            for name, subject in subjects.items()
        }
        self.explainer = Explainer(
            post.name, post.devices, subjects, post.limits, self.store.findings,
            read_ledger(Path(post.ledger)),
        )  # fmt: skip

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
        made = self._draw(order)
        done = Done(cases=len(made.cases), statements=len(made.cases[0].statements))
        raised = False
        for k, outcome in self._outcomes(order, made):
            case, problem = made.cases[k], worst(outcome.problems)
            done.outcomes.append((case, outcome))
            if problem is not None:
                done.hits.append(Hit(order.number, k, problem, case.text))
                raised |= problem.kind == "error"
        if order.alone and not order.barred:
            done.hits.append(self._in_company(order, made))
        done.timings = {name: subject.taken() for name, subject in self.subjects.items()}
        done.seconds = time.perf_counter() - started
        self.store.finish(order, done)
        self.journal.clear()
        answer: dict[str, object] = {"cases": done.cases}
        return answer | {"replace": True} if raised else answer

    def _draw(self, order: Order) -> Draw:
        settings = self.post.settings
        if order.weights != self.weights[0] and order.weights is not None:
            self.weights = order.weights, read_weights(self.store.weights(order.weights))
        steering = {} if order.weights is None else self.weights[1]
        return numbered_draw(
            settings.seed, order.number, settings.length, settings.vectors, steering
        )

    def _outcomes(self, order: Order, made: Draw) -> Iterator[tuple[int, Outcome]]:
        """Each program by its number in the draw, and what it came to.

        Relations take turns: each makes programs of its own, to be compiled like others.
        """
        seed = self.post.settings.seed
        relations = (relation_of(seed, order.number),)
        subjects = on_turn(self.subjects, seed, order.number)
        if not order.alone:
            self.journal.begin(made.cases[0], order.number, TOGETHER)
            together = guarded(judge_draw, made, subjects, relations)
            if not isinstance(together, Problem):
                yield from enumerate(together)
                return
        for k, (case, values) in enumerate(zip(made.cases, made.values)):
            if k in order.barred:
                continue
            self.journal.begin(case, order.number, k)
            alone = guarded(judge, case, subjects, values, relations if k == 0 else ())
            yield k, Outcome((alone,)) if isinstance(alone, Problem) else alone

    def _in_company(self, order: Order, made: Draw) -> Hit:
        """The draw has ended a worker, and no program of it does it alone."""
        ran = counted(len(made.cases), "program")
        text = f"{order.reason} while {ran} ran; none does it alone"
        problem = Problem(order.kind, tuple(self.subjects), -1, "", (), text)
        return Hit(order.number, TOGETHER, problem, made.cases[0].text)

    def explain(self) -> str:
        """Look for the cause of a hit, if there is one that nobody looks at; its bucket."""
        claim = self.store.findings.claim(self.post.name)
        if claim is None:
            return ""
        with time_limit(EXPLAIN_SECONDS):
            return self.explainer.explain(claim)


def guarded(judging: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T | Problem:
    """An error of the judge is a finding about the judge, and not the end of a campaign."""
    try:
        return judging(*arguments, **options)
    except Exception as error:  # noqa: BLE001 - whatever it is
        return Problem("error", ("judge",), -1, "", (), error_text("judge", error))
