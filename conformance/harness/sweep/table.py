"""The records of sweeps that the repository keeps, and the page that is written from them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from conformance.harness.sweep.subjects import EngineFunctions
from reports.accuracy import render
from reports.records import SweepRecord, read, to_line

RECORDS = "accuracy.jsonl"
PAGE = "accuracy.md"
MAX_BYTES = 1 << 24

Key = tuple[str, str, str]


def load(folder: Path) -> dict[Key, SweepRecord]:
    """The records of a folder by function, dtype and subject; ValueError for what is none."""
    file = folder / RECORDS
    if not file.exists():
        return {}
    if file.stat().st_size > MAX_BYTES:
        raise ValueError(f"{file} has more than {MAX_BYTES} bytes")
    found: dict[Key, SweepRecord] = {}
    for record in read(file.read_text("utf-8").splitlines()):
        if not isinstance(record, SweepRecord):
            raise ValueError(f"{file}: a record of another kind")
        if _key(record) in found:
            raise ValueError(f"{file}: {' '.join(_key(record))} again")
        found[_key(record)] = record
    return found


def _key(record: SweepRecord) -> Key:
    return record.op, record.dtype, record.subject


def keep(folder: Path, records: Iterable[SweepRecord]) -> list[SweepRecord]:
    """Add records, write the file and the page; those that were added.

    What is known of the same code from more operands stays.
    """
    known = load(folder)
    added = []
    for record in records:
        old = known.get(_key(record))
        same_code = old is not None and old.identity == record.identity
        if old is None or not same_code or record.elements >= old.elements:
            known[_key(record)] = record
            added.append(record)
    folder.mkdir(parents=True, exist_ok=True)
    lines = [to_line(known[key]) + "\n" for key in sorted(known)]
    (folder / RECORDS).write_text("".join(lines), "utf-8")
    write(folder)
    return added


def is_stale(folder: Path) -> bool:
    """Whether the page is not what the records give."""
    page = folder / PAGE
    text = page.read_text("utf-8") if page.exists() else ""
    known = load(folder)
    return bool(known or text) and text != render(known.values())


def outdated(folder: Path) -> list[str]:
    """Which records are of other code than the engine's now, on devices that are here."""
    from engine.backends import registry

    here = {info.name for info in registry.info() if info.available}
    return [
        " ".join(key)
        for key, record in load(folder).items()
        if record.subject in here
        and EngineFunctions(record.subject).identity(record.op, record.dtype) != record.identity
    ]


def write(folder: Path) -> bool:
    """Write the page from the records where it is stale; whether it was."""
    if not is_stale(folder):
        return False
    (folder / PAGE).write_text(render(load(folder).values()), "utf-8")
    return True
