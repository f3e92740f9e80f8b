"""Finished parts of a sweep in a file: a line for each, with a digest.

Every line is checked when it is read: the digest, each field, that the counts add up, that it is a
part of this very sweep and there only once. A last line without its end was being written when the
process was ended, and its part is measured again. Whatever else is wrong refuses the whole file:
what was damaged once may be damaged elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from conformance.harness.sweep.measure import Sweep
from reports.records import SweepRecord, from_line, to_line

MAX_BYTES = 1 << 26
_DIGEST = 16


def file_name(sweep: Sweep, subject: str) -> str:
    """The name of the file of a sweep."""
    text = f"{sweep.op}-{sweep.plan.dtype}-{subject}-{sweep.plan.text}"
    return re.sub(r"[^A-Za-z0-9]+", "-", text) + ".jsonl"


def sealed(record: SweepRecord) -> str:
    """The line of a record: its digest and its JSON, with the line break."""
    body = to_line(record)
    return f"{_digest(body)} {body}\n"


def _digest(body: str) -> str:
    return sha256(body.encode()).hexdigest()[:_DIGEST]


def unsealed(line: str) -> SweepRecord:
    """The record of a line; ValueError for what is no such line, or is damaged."""
    digest, _, body = line.partition(" ")
    if digest != _digest(body):
        raise ValueError("the digest does not fit")
    record = from_line(body)
    if not isinstance(record, SweepRecord):
        raise ValueError("no record of a sweep")
    return record


def read(file: Path, sweep: Sweep, subject: str, identity: str) -> dict[int, SweepRecord]:
    """The finished parts by number; none where there is no file or it is of other code.

    ValueError says what is wrong with a file. What remains of an interrupted write is cut off.
    """
    if not file.exists():
        return {}
    if not file.is_file() or file.stat().st_size > MAX_BYTES:
        raise ValueError(f"{file} is no file of a sweep")
    text = file.read_text("utf-8")
    whole, _, torn = text.rpartition("\n")
    found: dict[int, SweepRecord] = {}
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            record = unsealed(line)
            _check(record, sweep, subject, found)
        except ValueError as error:
            raise ValueError(f"{file}, line {number}: {error}") from error
        found[record.begin] = record
    if any(record.identity != identity for record in found.values()):
        file.unlink()  # of other code, or of two: nothing in it may be counted here
        return {}
    if torn:
        file.write_text(whole + "\n" if whole else "", "utf-8")
    return found


def _check(record: SweepRecord, sweep: Sweep, subject: str, found: Iterable[int]) -> None:
    """Whether it is a part of this sweep that is not yet known."""
    plan = sweep.plan
    said = record.op, record.dtype, record.subject, record.plan, record.of, record.parts
    if said != (sweep.op, plan.dtype, subject, plan.text, plan.parts, 1):
        raise ValueError("a part of another sweep")
    if record.begin in found:
        raise ValueError(f"part {record.begin} again")
    if record.elements != plan.size(record.begin):
        raise ValueError(f"part {record.begin} has another number of elements")


def append(file: Path, record: SweepRecord) -> None:
    """Keep a finished part."""
    with file.open("a", encoding="utf-8") as lines:
        lines.write(sealed(record))
