"""What a campaign has done: settings, runs, draws, coverage, timings.

A draw is done in one transaction, with everything that came of it, so that whoever is killed at
any moment leaves it either done or not begun.  Numbers that are not done are handed out again.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from conformance.harness.campaign.findings import Findings, Hit
from conformance.harness.campaign.schema import FILE, Outrun, connect, owned, writing
from conformance.harness.process import Ending
from conformance.harness.trial import Outcome

CORPUS = 4096  # programs that are kept because they reached something first
ADD_COVERAGE = "UPDATE coverage SET count = count + 1 WHERE feature = ? AND devices = ?"
KEEP_CASE = "INSERT OR IGNORE INTO corpus VALUES (?, ?, ?, ?)"


@dataclass(frozen=True)
class Settings:
    """What makes the programs of a campaign; the rest may change from run to run.

    Programs have `length` statements (None: any number) and `vectors` value vectors.  Draws of one
    that is not steered depend on its seed alone.  `kind` is a name of `kinds.KINDS`.
    """

    seed: int
    devices: tuple[str, ...]
    length: int | None
    vectors: int
    steered: bool = True
    kind: str = "programs"


class Program(Protocol):
    """What a campaign runs: statements, and a text that is read back."""

    @property
    def text(self) -> str:
        """As a file."""
        ...

    @property
    def statements(self) -> Sequence[object]:
        """What it does, one after the other."""
        ...


@dataclass(frozen=True)
class Order:
    """A draw to be made and judged, drawn by `weights` of the store.

    `alone` is for one that has ended a worker, for a `reason` and by a `kind` of problem: its
    programs run one by one, without those that are `barred`, which have done it again.
    """

    number: int
    weights: int | None = None
    alone: bool = False
    barred: tuple[int, ...] = ()
    kind: str = ""
    reason: str = ""

    def singly(self, ending: Ending) -> Order:
        """The same, program by program."""
        return replace(self, alone=True, kind=ending.kind, reason=ending.text)

    def without(self, program: int) -> Order:
        """The same without one more program."""
        return replace(self, barred=(*self.barred, program))


@dataclass
class Done:
    """What judging a draw has found."""

    cases: int = 0
    statements: int = 0
    seconds: float = 0.0
    outcomes: list[tuple[Program, Outcome]] = field(default_factory=list)
    timings: dict[str, tuple[int, float]] = field(default_factory=dict)  # cases and seconds
    hits: list[Hit] = field(default_factory=list)


@dataclass(frozen=True)
class Totals:
    """Sums over everything that is done."""

    draws: int
    cases: int
    statements: int
    features: int


class Store:
    """The database in a folder, as one process sees it.

    A worker gives the number of its run: once there is a newer one, it writes nothing more.
    """

    def __init__(self, folder: Path, run: int | None = None) -> None:
        self.folder = folder
        self.link = connect(folder / FILE)
        self.run = run
        self.findings = Findings(self.link, lambda: self.run)

    def close(self) -> None:
        self.link.close()

    # -- settings and runs -------------------------------------------------------------------------
    def settings(self) -> Settings | None:
        """The campaign's settings; None where it has not begun."""
        rows = dict(self.link.execute("SELECT name, value FROM settings").fetchall())
        if "settings" not in rows:
            return None
        return read_settings(rows["settings"])

    def begin(self, settings: Settings, workers: int, versions: Mapping[str, str]) -> int:
        """A new run: what earlier ones have left half done is open again."""
        with writing(self.link):
            self._set("settings", json.dumps(asdict(settings)))
            cursor = self.link.execute(
                "INSERT INTO runs (started, workers, versions) VALUES (?, ?, ?)",
                (time.time(), workers, json.dumps(versions)),
            )
            self.run = cursor.lastrowid
            self._set("run", str(self.run))
            self.findings.release(None, counts=False)
        assert self.run is not None
        return self.run

    def end(self) -> None:
        """The run has ended by itself."""
        with owned(self.link, self.run):
            self.link.execute("UPDATE runs SET ended = ? WHERE run = ?", (time.time(), self.run))

    def _set(self, name: str, value: str) -> None:
        self.link.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    # -- draws -------------------------------------------------------------------------------------
    def open_orders(self) -> list[Order]:
        """The draws that earlier runs began and did not finish, in their order."""
        known = {
            number: (done, rest)
            for number, done, rest in self.link.execute("SELECT number, done, rest FROM draws")
        }
        found = []
        for number in range(max(known, default=-1) + 1):
            done, rest = known.get(number, (0, ""))
            if not done:
                found.append(read_order(json.loads(rest)) if rest else Order(number))
        return found

    def next_number(self) -> int:
        """The first number that nobody has begun."""
        (last,) = self.link.execute("SELECT max(number) FROM draws").fetchone()
        return 0 if last is None else int(last) + 1

    def finish(self, order: Order, done: Done) -> None:
        """A draw is done; Outrun where another run has taken over."""
        with owned(self.link, self.run):
            self._finish(order, done)

    def _finish(self, order: Order, done: Done) -> None:
        cursor = self.link.execute(
            "INSERT INTO draws (number, done, run, weights, cases, statements, seconds) "
            "VALUES (?, 1, ?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET "
            "done = 1, run = excluded.run, cases = excluded.cases, "
            "statements = excluded.statements, seconds = excluded.seconds WHERE done = 0",
            (order.number, self.run, order.weights, done.cases, done.statements, done.seconds),
        )
        if cursor.rowcount != 1:
            raise Outrun(f"draw {order.number} was done already")
        self._cover(order.number, done.outcomes)
        for device, (cases, seconds) in done.timings.items():
            self.link.execute(
                "INSERT INTO timings VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "cases = cases + excluded.cases, seconds = seconds + excluded.seconds",
                (self.run, device, cases, seconds),
            )
        self.findings.add(done.hits)

    def _cover(self, number: int, outcomes: Sequence[tuple[Program, Outcome]]) -> None:
        """Count what was reached; who reached something first is kept."""
        (kept,) = self.link.execute("SELECT count(*) FROM corpus").fetchone()
        first: dict[tuple[str, str], Program] = {}
        for case, outcome in outcomes:
            devices = ",".join(outcome.ran)
            for one in outcome.coverage:
                first.setdefault(("/".join(one), devices), case)
        for key, case in first.items():
            if self.link.execute(ADD_COVERAGE, key).rowcount:
                continue
            self.link.execute("INSERT INTO coverage VALUES (?, ?, 1)", key)
            if kept < CORPUS:
                row = (digest(case.text), number, key[0], case.text)
                kept += self.link.execute(KEEP_CASE, row).rowcount

    def died(self, order: Order, rest: Order, hit: Hit | None = None) -> bool:
        """A worker has ended with a draw: the `rest` of it is to be done, `hit` was found.

        False where the draw is done: the worker had only not said so.
        """
        with owned(self.link, self.run):
            changed = self.link.execute(
                "INSERT INTO draws (number, done, run, weights, deaths, rest) "
                "VALUES (?, 0, ?, ?, 1, ?) "
                "ON CONFLICT (number) DO UPDATE SET deaths = deaths + 1, rest = excluded.rest "
                "WHERE done = 0",
                (order.number, self.run, order.weights, json.dumps(asdict(rest))),
            )
            if changed.rowcount and hit is not None:
                self.findings.add([hit])
        return bool(changed.rowcount)

    def deaths(self, number: int) -> int:
        """How often a worker has ended with a draw."""
        row = self.link.execute("SELECT deaths FROM draws WHERE number = ?", (number,)).fetchone()
        return int(row[0]) if row else 0

    # -- what there is -----------------------------------------------------------------------------
    def totals(self) -> Totals:
        draws, cases, statements = self.link.execute(
            "SELECT count(*), total(cases), total(statements) FROM draws WHERE done"
        ).fetchone()
        (features,) = self.link.execute("SELECT count(DISTINCT feature) FROM coverage").fetchone()
        return Totals(draws, int(cases), int(statements), features)

    def coverage(self) -> Counter[str]:
        """How many structures reached each feature."""
        rows = self.link.execute("SELECT feature, sum(count) FROM coverage GROUP BY feature")
        return Counter(dict(rows))

    def timings(self) -> dict[str, tuple[int, float]]:
        """Programs and seconds of each device, over all runs."""
        rows = self.link.execute(
            "SELECT device, sum(cases), total(seconds) FROM timings GROUP BY device"
        )
        return {device: (cases, seconds) for device, cases, seconds in rows}

    def corpus(self) -> list[str]:
        """The programs that reached something first, in the order of their numbers."""
        rows = self.link.execute("SELECT body FROM corpus ORDER BY number, digest")
        return [text for (text,) in rows]

    # -- weights -----------------------------------------------------------------------------------
    def keep_weights(self, body: str) -> int:
        """The number under which these weights are found again."""
        with owned(self.link, self.run):
            self.link.execute("INSERT OR IGNORE INTO weights (body) VALUES (?)", (body,))
        row = self.link.execute("SELECT weights FROM weights WHERE body = ?", (body,)).fetchone()
        return int(row[0])

    def weights(self, number: int) -> str:
        """Weights that were kept; LookupError where there are none of this number."""
        row = self.link.execute("SELECT body FROM weights WHERE weights = ?", (number,)).fetchone()
        if row is None:
            raise LookupError(f"there are no weights {number}")
        return str(row[0])


def digest(text: str) -> str:
    """The name of a text."""
    return sha256(text.encode()).hexdigest()[:16]


def read_settings(text: str) -> Settings:
    """The settings that `begin` has written as JSON."""
    body = json.loads(text)
    return Settings(**{**body, "devices": tuple(body["devices"])})


def read_order(body: Mapping[str, Any]) -> Order:
    """The order of a mapping that `asdict` made."""
    return Order(**{**body, "barred": tuple(body["barred"])})
