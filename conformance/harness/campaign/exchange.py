"""A campaign as text, and back: a line of JSON a row, for other machines and other people.

What is read may come from a stranger.  Every field of every row is checked, programs are parsed,
and nothing is executed or taken over that can be made here (the scripts).  Claims do not travel.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from conformance.harness.bisect import Blame
from conformance.harness.campaign.kinds import KINDS, read_program
from conformance.harness.campaign.schema import FILE, connect, writing
from conformance.harness.campaign.steering import read_weights
from conformance.harness.campaign.store import Settings, read_order, read_settings
from conformance.harness.case import MAX_TEXT, is_device_name
from conformance.harness.trial.outcome import read_problem

HEAD = {"lockstep campaign": 1}
MAX_LINE = 1 << 26  # a finding has two programs at most, and quotes in JSON
MAX_ROWS = 10_000_000
MOST = 1 << 62
Check = Callable[[Any], object]


# -- checks: each raises for what is not such a value ----------------------------------------------
def _integer(value: Any) -> object:
    if type(value) is not int or not -1 <= value <= MOST:
        raise ValueError("not an integer from -1 on")
    return value


def _number(value: Any) -> object:
    if type(value) not in (int, float) or not 0 <= value < math.inf:
        raise ValueError("not a number from 0 on")
    return float(value)


def _text(value: Any) -> object:
    if not isinstance(value, str) or len(value) > 1 << 16:
        raise ValueError("not a text of reasonable length")
    return value


def _one_of(*names: object) -> Check:
    def check(value: Any) -> object:
        if value not in names:
            raise ValueError(f"not one of {', '.join(map(str, names))}")
        return value

    return check


def _optional(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


def _read_by(read: Callable[[Any], object], limit: int = 1 << 20) -> Check:
    """A text that another reader accepts; it may be empty where nothing is known yet."""

    def check(value: Any) -> object:
        if not isinstance(value, str) or len(value) > limit:
            raise ValueError("not a text of reasonable length")
        if value:
            read(value)
        return value

    return check


def _settings(text: str) -> Settings:
    found = read_settings(text)
    if not found.devices or not all(map(is_device_name, found.devices)):
        raise ValueError("devices are names")
    if found.kind not in KINDS:
        raise ValueError(f"the kinds are {', '.join(KINDS)}")
    for value in (found.seed, found.vectors, found.length or 0):
        _integer(value)
    return found


def _rest(text: str) -> object:
    found = read_order(json.loads(text))
    return [_integer(value) for value in (found.number, *found.barred)]


_BODY = _read_by(read_program, MAX_TEXT)

# What is written of each table, in an order in which rows can be inserted, and how it is read.
COLUMNS: Mapping[str, Mapping[str, Check]] = {
    "settings": {"name": _one_of("settings"), "value": _read_by(_settings)},
    "runs": {"run": _integer, "started": _number, "ended": _optional(_number),
             "workers": _integer, "versions": _read_by(json.loads)},
    "weights": {"weights": _integer, "body": _read_by(read_weights)},
    "draws": {"number": _integer, "done": _one_of(0, 1), "run": _integer,
              "weights": _optional(_integer), "deaths": _integer, "rest": _read_by(_rest),
              "cases": _integer, "statements": _integer, "seconds": _number},
    "coverage": {"feature": _text, "devices": _text, "count": _integer},
    "timings": {"run": _integer, "device": _text, "cases": _integer, "seconds": _number},
    "corpus": {"digest": _text, "number": _integer, "feature": _text, "body": _BODY},
    "signatures": {"signature": _text, "count": _integer, "first": _number, "last": _number},
    "hits": {"hit": _integer, "signature": _text, "number": _integer, "vector": _integer,
             "problem": _read_by(read_problem), "body": _BODY,
             "state": _one_of("new", "explained"), "tries": _integer, "bucket": _optional(_text)},
    "buckets": {"bucket": _text, "state": _one_of("open", "closed"), "hit": _integer,
                "verdict": _one_of("", "fail", "crash", "timeout", "known"), "text": _text,
                "body": _BODY, "blame": _read_by(Blame.from_json, 1 << 22), "found": _number},
}  # fmt: skip
UNCLAIMED = {"hits": "new", "buckets": "open"}


def write_campaign(folder: Path, file: Path) -> int:
    """The campaign in `folder` as text; how many rows there are.  ValueError if there is none."""
    if not (folder / FILE).is_file():
        raise ValueError(f"there is no campaign in {folder}")
    link = connect(folder / FILE)
    count = 0
    try:
        with file.open("w", encoding="utf-8") as lines:
            lines.write(json.dumps(HEAD) + "\n")
            for row in _rows(link):
                lines.write(json.dumps(row) + "\n")
                count += 1
    finally:
        link.close()
    return count


def _rows(link: sqlite3.Connection) -> Iterator[dict[str, object]]:
    """All rows, without what belongs to a process that runs."""
    for table, columns in COLUMNS.items():
        where = " WHERE name = 'settings'" if table == "settings" else ""
        for values in link.execute(f"SELECT {', '.join(columns)} FROM {table}{where}"):
            row = dict(zip(columns, values))
            if row.get("state") == "claimed":
                row["state"] = UNCLAIMED[table]
            yield {"table": table, **row}


def read_campaign(file: Path, folder: Path) -> int:
    """A new campaign in `folder` from a text; how many rows it has.

    ValueError, with the number of the line, for anything that is not such a text, and for a folder
    that has a campaign; nothing is left behind then.
    """
    target = folder / FILE
    if target.exists():
        raise ValueError(f"{folder} has a campaign already")
    folder.mkdir(parents=True, exist_ok=True)
    link = connect(target)
    try:
        with writing(link), file.open("rb") as lines:
            count = _insert(link, lines)
            _complete(link)
    except BaseException:
        link.close()
        for left in folder.glob(FILE + "*"):
            left.unlink()
        raise
    link.close()
    return count


def _insert(link: sqlite3.Connection, lines: Any) -> int:
    """Every line as a row."""
    number = 0
    while data := lines.readline(MAX_LINE + 1):
        number += 1
        try:
            if len(data) > MAX_LINE or number > MAX_ROWS:
                raise ValueError("more than a campaign has")
            row = json.loads(data)
            if number == 1:
                if row != HEAD:
                    raise ValueError(f"expected {json.dumps(HEAD)}")
                continue
            table, columns, values = _checked(row)
            marks = ", ".join("?" * len(columns))
            link.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", values)
        except (ValueError, TypeError, KeyError, sqlite3.Error, RecursionError) as error:
            raise ValueError(f"line {number}: {error}") from error
    if not number:
        raise ValueError("there is nothing in it")
    return number - 1


def _checked(row: Any) -> tuple[str, tuple[str, ...], list[object]]:
    """The table, its columns, and their values; names come from `COLUMNS` alone."""
    if not isinstance(row, dict) or row.get("table") not in COLUMNS:
        raise ValueError("not a row of a table")
    table = row.pop("table")
    columns = COLUMNS[table]
    if row.keys() != columns.keys():
        raise ValueError(f"{table} has the columns {', '.join(columns)}")
    values = []
    for name, check in columns.items():
        try:
            values.append(check(row[name]))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"{name} of {table}: {error}") from error
    return table, tuple(columns), values


def _complete(link: sqlite3.Connection) -> None:
    """What rows say of one another holds, and scripts are made of the programs that are here."""
    row = link.execute("SELECT value FROM settings WHERE name = 'settings'").fetchone()
    if row is None:
        raise ValueError("it does not say what the campaign is")
    kind = KINDS[read_settings(row[0]).kind]
    for table in ("corpus", "hits", "buckets"):
        for (body,) in link.execute(f"SELECT body FROM {table} WHERE body != ''"):
            if not body.startswith(kind.header):
                raise ValueError(f"{table}: it says that it is a campaign of {kind.noun}s")
    orphans = link.execute(
        "SELECT count(*) FROM buckets WHERE hit NOT IN (SELECT hit FROM hits)"
    ).fetchone()[0]
    unnamed = link.execute(
        "SELECT count(*) FROM hits WHERE (bucket IS NULL) = (state = 'explained') "
        "OR bucket NOT IN (SELECT bucket FROM buckets)"
    ).fetchone()[0]
    if orphans or unnamed:
        raise ValueError("hits and buckets do not belong together")
    for bucket, body in link.execute("SELECT bucket, body FROM buckets").fetchall():
        script = kind.script(body) if body else ""
        link.execute("UPDATE buckets SET script = ? WHERE bucket = ?", (script, bucket))
