"""What went wrong: programs that look alike are counted, and the first of them are explained.

A hit is a program with a problem.  Hits of one signature look alike; the first few are kept whole,
and a worker claims one, looks for its cause and asks for the bucket of that cause.  Who gets it
shrinks the program; for everybody else it is explained already.  Claims of the dead are released.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from conformance.harness.campaign.schema import owned
from conformance.harness.trial.outcome import Problem, print_problem, read_problem
from oracles.formats import FORMATS

KEPT = 3  # hits of a signature that are kept whole: it may have more causes than one
SIGNATURES = 1000  # and hits of others, in a night in which everything fails, are counted together
OTHERS = "others"
TRIES = 2  # of finding a cause that end the worker, before the hit is a bucket of its own
# Nobody looks for the cause, nor for that of something alike, which may be the same.
WAITING = """state = 'new' AND tries < ? AND signature NOT IN
    (SELECT signature FROM hits WHERE state = 'claimed')"""
# The columns of a `Bucket`: a signature counts for the bucket of its first hit that has one.
BUCKETS = """
SELECT b.bucket, b.state, b.verdict, b.text, b.body, b.script, b.blame, h.number, h.vector,
    coalesce(sum(s.count), 1), coalesce(min(s.first), b.found), coalesce(max(s.last), b.found)
FROM buckets b JOIN hits h ON h.hit = b.hit
LEFT JOIN (SELECT signature, bucket, min(hit) FROM hits WHERE bucket IS NOT NULL
    GROUP BY signature) p ON p.bucket = b.bucket
LEFT JOIN signatures s ON s.signature = p.signature
GROUP BY b.bucket ORDER BY b.found, b.bucket"""


@dataclass(frozen=True)
class Hit:
    """A program with a problem: which draw, which of its value vectors, and as text."""

    number: int
    vector: int
    problem: Problem
    body: str

    @property
    def signature(self) -> str:
        return signature(self.problem)


@dataclass(frozen=True)
class Claim:
    """A hit whose cause somebody looks for, for which time."""

    key: int
    hit: Hit
    tries: int


@dataclass(frozen=True)
class Bucket:
    """A finding.  `count` programs look like it; `body` is the smallest case, `blame` JSON."""

    key: str
    state: str
    verdict: str
    text: str
    body: str
    script: str
    blame: str
    number: int
    vector: int
    count: int
    first: float
    last: float


def signature(problem: Problem) -> str:
    """How a problem looks from outside: kind, devices, operator, kinds of dtypes, way to run."""
    kinds = ",".join([FORMATS[name].kind for name in problem.dtypes])
    words = [problem.kind, ",".join(problem.devices), problem.op or "-", kinds]
    return " ".join([*words, problem.way] if problem.way else words)


class Findings:
    """The tables of hits and buckets, for one process of the run that `run` gives."""

    def __init__(self, link: sqlite3.Connection, run: Callable[[], int | None]) -> None:
        self.link, self.run = link, run

    # -- inside somebody else's transaction --------------------------------------------------------
    def add(self, hits: Iterable[Hit]) -> None:
        """Count hits, and keep the first of each signature."""
        for hit in hits:
            name = self._counted(hit.signature)
            (kept,) = self.link.execute(
                "SELECT count(*) FROM hits WHERE signature = ?", (name,)
            ).fetchone()
            if kept < KEPT:
                self.link.execute(
                    "INSERT OR IGNORE INTO hits (signature, number, vector, problem, body) "
                    "VALUES (?, ?, ?, ?, ?)",
                    (name, hit.number, hit.vector, print_problem(hit.problem), hit.body),
                )

    def _counted(self, name: str) -> str:
        now = time.time()
        changed = self.link.execute(
            "UPDATE signatures SET count = count + 1, last = ? WHERE signature = ?", (now, name)
        )
        if changed.rowcount:
            return name
        (known,) = self.link.execute("SELECT count(*) FROM signatures").fetchone()
        name = name if known < SIGNATURES else OTHERS
        self.link.execute(
            "INSERT INTO signatures VALUES (?, 1, ?, ?) ON CONFLICT DO UPDATE SET "
            "count = count + 1, last = excluded.last",
            (name, now, now),
        )
        return name

    def release(self, worker: str | None, counts: bool) -> None:
        """Nobody works any more on what a worker, or any worker, had claimed.

        Whether this `counts` as a try says whose fault it was.
        """
        mine = "state = 'claimed' AND (worker = ? OR ? IS NULL)"
        self.link.execute(
            f"UPDATE hits SET state = 'new', worker = NULL, tries = tries - ? WHERE {mine}",
            (0 if counts else 1, worker, worker),
        )
        self.link.execute(
            f"UPDATE buckets SET state = 'open', worker = NULL WHERE {mine}", (worker, worker)
        )

    # -- transactions of their own -----------------------------------------------------------------
    def released(self, worker: str, counts: bool) -> None:
        """`release`, for the worker that has just ended."""
        with owned(self.link, self.run()):
            self.release(worker, counts)

    def claim(self, worker: str) -> Claim | None:
        """The oldest hit whose cause nobody looks for."""
        with owned(self.link, self.run()):
            found = self._claims(f"{WAITING} ORDER BY tries, number, hit LIMIT 1", TRIES)
            if not found:
                return None
            claim = replace(found[0], tries=found[0].tries + 1)
            self.link.execute(
                "UPDATE hits SET state = 'claimed', worker = ?, tries = tries + 1 WHERE hit = ?",
                (worker, claim.key),
            )
        return claim

    def waiting(self) -> int:
        """Hits whose cause somebody should look for."""
        query = f"SELECT count(*) FROM hits WHERE {WAITING}"
        return int(self.link.execute(query, (TRIES,)).fetchone()[0])

    def hopeless(self) -> list[Claim]:
        """Hits of which every try has ended a worker."""
        return self._claims("state = 'new' AND tries >= ? ORDER BY hit", TRIES)

    def unexplained(self) -> list[Claim]:
        """Hits whose cause is not known."""
        return self._claims("state != 'explained' ORDER BY number, hit")

    def _claims(self, where: str, *values: object) -> list[Claim]:
        rows = self.link.execute(
            f"SELECT hit, number, vector, problem, body, tries FROM hits WHERE {where}", values
        )
        return [
            Claim(key, Hit(number, vector, read_problem(problem), body), tries)
            for key, number, vector, problem, body, tries in rows
        ]

    def ask(self, bucket: str, claim: Claim, worker: str) -> bool:
        """Whether the worker is to shrink this bucket: it is new, or nobody does it any more.

        Otherwise the hit is explained by it.
        """
        with owned(self.link, self.run()):
            row = self.link.execute(
                "SELECT state FROM buckets WHERE bucket = ?", (bucket,)
            ).fetchone()
            if row is not None and row[0] != "open":
                self._explain(claim, bucket)
                return False
            self.link.execute(
                "INSERT INTO buckets (bucket, state, worker, hit, found) "
                "VALUES (?, 'claimed', ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "state = 'claimed', worker = excluded.worker, hit = excluded.hit",
                (bucket, worker, claim.key, time.time()),
            )
            return True

    def shrunk(
        self, bucket: str, claim: Claim, verdict: str, text: str, body: str, script: str, blame: str
    ) -> None:
        """The bucket is closed, with the smallest program and what is to blame."""
        with owned(self.link, self.run()):
            self.link.execute(
                "UPDATE buckets SET state = 'closed', worker = NULL, verdict = ?, text = ?, "
                "body = ?, script = ?, blame = ? WHERE bucket = ?",
                (verdict, text, body, script, blame, bucket),
            )
            self._explain(claim, bucket)

    def _explain(self, claim: Claim, bucket: str) -> None:
        """The hit has a bucket; another one that it was to open, before its worker died, goes."""
        self.link.execute(
            "UPDATE hits SET state = 'explained', worker = NULL, bucket = ? WHERE hit = ?",
            (bucket, claim.key),
        )
        self.link.execute(
            "DELETE FROM buckets WHERE hit = ? AND state = 'open' "
            "AND bucket NOT IN (SELECT bucket FROM hits WHERE bucket IS NOT NULL)",
            (claim.key,),
        )

    # -- what there is -----------------------------------------------------------------------------
    def signatures(self) -> dict[str, int]:
        """How many programs have each signature."""
        return dict(self.link.execute("SELECT signature, count FROM signatures"))

    def buckets(self) -> list[Bucket]:
        """All findings, in the order in which they were found.

        Programs of a signature count for the bucket that explains its first hit.
        """
        return [Bucket(*row) for row in self.link.execute(BUCKETS)]
