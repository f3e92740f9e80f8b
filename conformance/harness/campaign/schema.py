"""The database of a campaign: its tables, and how they are opened and written.

Write-ahead logging lets the command read while workers write.  A transaction that has ended
survives the end of any process; only the loss of power may take the newest ones along.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VERSION = 1
FILE = "campaign.sqlite"
PATIENCE_SECONDS = 60.0  # for somebody else's transaction, which takes milliseconds

TABLES = """
-- What the campaign is: seed, devices, length, vectors, version; `run` is the number of the newest.
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- Every time that the command ran on it.  `ended` is null where the command was killed.
CREATE TABLE runs (
    run INTEGER PRIMARY KEY, started REAL NOT NULL, ended REAL, workers INTEGER NOT NULL,
    versions TEXT NOT NULL
);

-- Weights by which draws were made: with them, the seed and its number a draw is made again.
CREATE TABLE weights (weights INTEGER PRIMARY KEY, body TEXT NOT NULL UNIQUE);

-- A structure with its value vectors: `cases` were judged once it is done; before, `deaths` workers
-- have ended with it, and `rest` is what is still to be done.
CREATE TABLE draws (
    number INTEGER PRIMARY KEY, done INTEGER NOT NULL, run INTEGER NOT NULL,
    weights INTEGER, deaths INTEGER NOT NULL DEFAULT 0, rest TEXT NOT NULL DEFAULT '',
    cases INTEGER NOT NULL DEFAULT 0, statements INTEGER NOT NULL DEFAULT 0,
    seconds REAL NOT NULL DEFAULT 0
);

-- What structures reached, on the devices that ran them, and how many did.
CREATE TABLE coverage (
    feature TEXT NOT NULL, devices TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (feature, devices)
) WITHOUT ROWID;

CREATE TABLE timings (
    run INTEGER NOT NULL, device TEXT NOT NULL, cases INTEGER NOT NULL, seconds REAL NOT NULL,
    PRIMARY KEY (run, device)
) WITHOUT ROWID;

-- Programs worth keeping: the first to reach something.
CREATE TABLE corpus (digest TEXT PRIMARY KEY, number INTEGER, feature TEXT NOT NULL,
    body TEXT NOT NULL) WITHOUT ROWID;

-- Problems that look alike before anybody has looked for their cause.
CREATE TABLE signatures (
    signature TEXT PRIMARY KEY, count INTEGER NOT NULL, first REAL NOT NULL, last REAL NOT NULL
) WITHOUT ROWID;

-- The first programs of each signature, whose cause is looked for: `state` is new, claimed (by
-- `worker`, for the `tries`th time) or explained (by `bucket`).
CREATE TABLE hits (
    hit INTEGER PRIMARY KEY, signature TEXT NOT NULL, number INTEGER NOT NULL,
    vector INTEGER NOT NULL, problem TEXT NOT NULL, body TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'new', worker TEXT, tries INTEGER NOT NULL DEFAULT 0, bucket TEXT,
    UNIQUE (signature, number, vector)
);

-- One finding a cause: `state` is open, claimed (by the `worker` who shrinks it) or closed, with
-- the smallest program.
CREATE TABLE buckets (
    bucket TEXT PRIMARY KEY, state TEXT NOT NULL, worker TEXT, hit INTEGER NOT NULL,
    verdict TEXT NOT NULL DEFAULT '', text TEXT NOT NULL DEFAULT '',
    body TEXT NOT NULL DEFAULT '', script TEXT NOT NULL DEFAULT '',
    blame TEXT NOT NULL DEFAULT '', found REAL NOT NULL
) WITHOUT ROWID;
"""


def connect(file: Path) -> sqlite3.Connection:
    """The database in `file`, with tables where it is new.

    ValueError where the file is no database, or one of another version.
    """
    link = sqlite3.connect(file, timeout=PATIENCE_SECONDS, isolation_level=None)
    try:
        link.execute("PRAGMA journal_mode = WAL")
        link.execute("PRAGMA synchronous = NORMAL")
        (version,) = link.execute("PRAGMA user_version").fetchone()
        if version == 0:
            _create(link)
        elif version != VERSION:
            raise ValueError(f"{file} has version {version}, only {VERSION} is read here")
    except sqlite3.DatabaseError as error:
        link.close()
        raise ValueError(f"{file} is not the database of a campaign: {error}") from error
    except ValueError:
        link.close()
        raise
    return link


def _create(link: sqlite3.Connection) -> None:
    with writing(link):
        if link.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return  # somebody else was faster
        for statement in TABLES.split(";\n"):
            link.execute(statement)
        link.execute(f"PRAGMA user_version = {VERSION}")


class Outrun(RuntimeError):
    """A newer run of the command has taken over: what this process found is somebody else's."""


@contextmanager
def owned(link: sqlite3.Connection, run: int | None) -> Iterator[None]:
    """A transaction of run `run`; Outrun once there is a newer one."""
    with writing(link):
        row = link.execute("SELECT value FROM settings WHERE name = 'run'").fetchone()
        if row is None or int(row[0]) != run:
            raise Outrun("another run of this campaign has begun")
        yield


@contextmanager
def writing(link: sqlite3.Connection) -> Iterator[None]:
    """A transaction that may write: all of it happens, or nothing."""
    link.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        link.execute("ROLLBACK")
        raise
    link.execute("COMMIT")
