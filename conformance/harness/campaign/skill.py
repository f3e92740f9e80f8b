"""What a worker has to know of one kind of program: how it is drawn, judged and explained.

A campaign is the same for all kinds: numbers, workers, limits, the database, findings.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from conformance.harness.bisect import Blame
from conformance.harness.campaign.findings import Claim
from conformance.harness.campaign.isolated import Devices
from conformance.harness.campaign.journal import FOLDER, Journal
from conformance.harness.campaign.store import Order, Program, Settings
from conformance.harness.process import Limits, time_limit
from conformance.harness.trial import Outcome, Problem
from conformance.harness.trial.judge import error_text

ENDED = ("crash", "timeout")  # kinds of problem that end a process
T = TypeVar("T")
P = ParamSpec("P")


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
        return Path(self.folder) / FOLDER / self.name


class Draw(Protocol):
    """Programs of one structure, with other values each."""

    @property
    def cases(self) -> Sequence[Program]:
        """The programs, of which there is one at least."""
        ...


D = TypeVar("D", bound=Draw)


@dataclass(frozen=True)
class Smallest:
    """The smallest program of a finding, a script that runs it ("" for none), and its verdict."""

    body: str
    script: str
    verdict: str


@dataclass(frozen=True)
class Cause:
    """What is to blame for a hit. `smallest` takes its time, and is asked of one hit a cause."""

    blame: Blame
    smallest: Callable[[], Smallest]


class Skill(Protocol[D]):
    """What a worker can do with programs of one kind."""

    def draw(self, order: Order, steering: Mapping[str, float]) -> D:
        """The draw that is ordered, by weights of what is drawn."""
        ...

    def outcomes(self, order: Order, made: D) -> Iterator[tuple[int, Outcome]]:
        """Judge each program; its number in the draw, and what it came to."""
        ...

    def timings(self) -> dict[str, tuple[int, float]]:
        """For each device programs that ran, and seconds, since this was asked last."""
        ...

    def cause(self, claim: Claim) -> Cause:
        """What is to blame for a hit."""
        ...


def is_apart(claim: Claim) -> bool:
    """Whether a hit must not run in this process: it, or the search for it, has ended one."""
    return claim.hit.problem.kind in ENDED or claim.tries > 1


class Watch:
    """Runs are written down before they begin, limited and timed."""

    def __init__(self, journal: Journal, limit: float) -> None:
        self.journal, self.limit = journal, limit
        self.ran: dict[str, tuple[int, float]] = {}

    @contextmanager
    def over(self, device: str, way: str = "") -> Iterator[None]:
        """Around one run of a program on a device."""
        self.journal.on(device, way)
        started = time.perf_counter()
        with time_limit(self.limit):
            yield
        cases, seconds = self.ran.get(device, (0, 0.0))
        self.ran[device] = cases + 1, seconds + time.perf_counter() - started

    def taken(self) -> dict[str, tuple[int, float]]:
        """Programs that ran, and seconds, since this was asked last."""
        found, self.ran = self.ran, {}
        return found


def guarded(judging: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T | Problem:
    """An error of the judge is a finding about the judge, and not the end of a campaign."""
    try:
        return judging(*arguments, **options)
    except Exception as error:  # noqa: BLE001 - whatever it is
        return Problem("error", ("judge",), -1, "", (), error_text("judge", error))
