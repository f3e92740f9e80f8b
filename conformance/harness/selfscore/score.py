"""The score of the harness itself: faults are planted in the engine, and hunted.

Each fault has a process of its own, in which the engine is imported with the mistake. Nothing here
imports the engine or what imports it: a module that is imported already cannot be changed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from conformance.harness.process import Child, Ending, Limits, begin, tell, time_limit
from conformance.harness.selfscore.faults import Fault, plant
from conformance.harness.selfscore.settings import Hounds, hounds

if TYPE_CHECKING:
    from conformance.harness.campaign.isolated import Devices
    from conformance.harness.selfscore.trials import Suspect
    from conformance.harness.trial import Outcome

MEMORY = 6 << 30  # bytes of one hunt
PATIENCE = 12  # seconds of a clock for each second of processor time, and
EXTRA_SECONDS = 300.0  # for bisecting and shrinking
CONTROL = "control"


@dataclass(frozen=True)
class Hunt:
    """One row of the score: what became of a fault, or of a control without any.

    `seconds` of processor time, and so many programs, until the first was wrong, or all of them;
    `limit` is what it had; `named` whether bisecting said one of the fault's places; `statements`
    of the shrunk program; `commit` and `day` of the engine and harness that were hunted. What was
    not hunted, since a device is `missing`, says which, why, and what would help.
    """

    name: str
    kind: str
    about: str
    found: bool
    seconds: float
    programs: int
    limit: float
    key: str = ""
    named: bool = False
    device: str = ""
    statements: int = 0
    text: str = ""
    case: str = ""
    commit: str = ""
    day: str = ""
    missing: str = ""

    def to_line(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> Hunt:
        """What `to_line` wrote; ValueError or TypeError for anything else."""
        return cls(**json.loads(line))


@dataclass(frozen=True)
class Job:
    """A fault to hunt, None for a control, with processor seconds and a seed."""

    fault: Fault | None
    seconds: float
    seed: int

    @property
    def name(self) -> str:
        return self.fault.name if self.fault else f"{CONTROL} {self.seed}"

    @property
    def kind(self) -> str:
        return self.fault.kind if self.fault else CONTROL

    def row(self) -> Hunt:
        """The row of which nothing is known yet."""
        about = self.fault.about if self.fault else "no fault"
        return Hunt(self.name, self.kind, about, False, self.seconds, 0, self.seconds)


def score(jobs: Sequence[Job], workers: int) -> Iterator[Hunt]:
    """The rows of all jobs as they come to an end; `workers` of them run at a time."""
    waiting = list(reversed(jobs))
    running: dict[Connection, _Running] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                begun = _Running(waiting.pop())
                running[begun.child.line] = begun
            for line in wait(list(running)):
                one = running.pop(line)  # type: ignore[call-overload]
                if not one.hear():
                    yield one.row
                else:
                    running[one.child.line] = one
    finally:
        for one in running.values():
            one.child.close(kill=True)
            one.child.leave()


@dataclass(frozen=True)
class Fatal:
    """What has ended a process: the kind of problem, the device, a sentence; and what ran, as part
    of a trial that was drawn by these weights."""

    kind: str
    device: str
    text: str
    number: int
    part: int
    steering: dict[str, float]


class _Running:
    """A job in its process. A process that ends by itself is followed by one that explains why."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.row = job.row()
        self.last: dict[str, Any] = {}  # what ran last
        self.steering: dict[str, float] = {}
        self.child = Child.start(_serve, job, None)
        self.explaining = False

    def hear(self) -> bool:
        """Take one message; whether more will come."""
        message = self.child.receive()
        if message is None:
            return self._ended(self.child.end())
        if "running" in message:
            self.last = message
            return True
        if "steering" in message:
            self.steering = message["steering"]
            return True
        known = {name: value for name, value in message.items() if name != "done"}
        self.row = replace(self.row, **known)
        if "done" in message:
            self.child.close(kill=True)
            self.child.leave()
            return False
        return True

    def _ended(self, ending: Ending) -> bool:
        """Whether another process was begun, which bisects without the device that ended this one.
        """
        own = ending.number == 0  # not by a signal: the harness itself has failed
        if self.explaining or own or not self.last:
            self.row = replace(self.row, text=ending.text)
            return False
        if not self.row.found:
            self.row = replace(self.row, found=True, programs=self.last["tried"],
                               seconds=self.last["seconds"])  # fmt: skip
        self.explaining = True
        known = Fatal(ending.kind, self.last["running"], ending.text, self.last["number"],
                      self.last["part"], self.steering)  # fmt: skip
        self.child = Child.start(_serve, self.job, known, daemon=False)
        return True


# -- in the process --------------------------------------------------------------------------------
def _serve(line: Connection, job: Job, ended: Fatal | None) -> None:
    """Plant the fault and hunt it, or explain a trial that has ended another process."""
    begin(MEMORY)
    os.environ["LOCKSTEP_CACHE"] = "off"  # what is wrong is nobody else's
    if job.fault is not None:
        plant(job.fault)
    from conformance.harness.check import collect_seldom

    collect_seldom()
    with time_limit(job.seconds * PATIENCE + EXTRA_SECONDS):
        missing = _missing(hounds(job.kind))
        if missing:
            tell(line, missing=missing, seconds=0.0)
        elif ended is None:
            _hunt(line, job)
        else:
            _explain_ending(line, job, ended)
    tell(line, done=True)


def _missing(on: Hounds) -> str:
    """Why there can be no hunt: the first device is not here, or none that runs beside it."""
    from conformance.harness.campaign.session import absence
    from conformance.harness.devices import under_test

    found = {device.name: device for device in under_test((on.first, *on.beside))}
    here = [name for name, device in found.items() if device.subject is not None]
    if on.first in here and len(here) > 1:
        return ""
    return "; ".join(absence(device) for name, device in found.items() if name not in here)


def serve_alone(fault: Fault | None, line: Connection, devices: Devices, limits: Limits) -> None:
    """The life of a process that runs on one device what may end it, with the fault planted."""
    if fault is not None:
        plant(fault)
    from conformance.harness.campaign.isolated import serve

    serve(line, devices, limits)


def _hunt(line: Connection, job: Job) -> None:
    from conformance.harness.selfscore.hunt import hunt, processor_seconds

    start = processor_seconds()

    def running(tried: int, number: int, part: int, device: str) -> None:
        tell(line, running=device, number=number, part=part, tried=tried,
             seconds=processor_seconds() - start)  # fmt: skip

    wrong, tried = hunt(hounds(job.kind), job.seconds, job.seed, running,
                        lambda found: tell(line, steering=found))  # fmt: skip
    tell(line, programs=tried, seconds=processor_seconds() - start, found=wrong is not None)
    if wrong is not None:
        _explain(line, job, wrong.suspect, wrong.outcome)


def _explain_ending(line: Connection, job: Job, ended: Fatal) -> None:
    from conformance.harness.selfscore.trials import trial
    from conformance.harness.trial import Outcome, Problem

    problem = Problem(ended.kind, (ended.device,), -1, "", (), ended.text)
    one = trial(hounds(job.kind), job.seed, ended.number, ended.steering)
    suspect = one.suspects[ended.part]
    _explain(line, job, suspect, Outcome((problem,), ran=(ended.device,)))


def _explain(line: Connection, job: Job, suspect: Suspect, outcome: Outcome) -> None:
    """The place, which is known before anything is made small; then what is left."""
    suspect, outcome = suspect.itself(outcome)
    blame = suspect.blame(outcome)
    places: tuple[str, ...] = job.fault.place if job.fault else ()
    named = any(blame.key.startswith(place) for place in places)
    tell(line, key=blame.key, named=named, device=blame.device, text=blame.place.text)
    statements, text = suspect.shrunk(blame, partial(serve_alone, job.fault))
    tell(line, statements=statements, case=text)
