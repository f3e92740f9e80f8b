"""The entries, as TOML.

    [[known]]
    name = "swiftshader-u32-f32"
    device = "WEBGPU"                   a kind of device
    driver = "*SwiftShader*"            what its `driver` must look like
    op = ["cast"]
    dtypes = [["uint32", "float32"]]    those of the cell
    inputs = ["max", "power"]           edge classes; every wrong element has an operand of one
    reason = "u32 to f32 rounds the wrong way"
    witness = "swiftshader-u32-f32.case"    beside the ledger: one statement, and the right bits
    bits = ["4f7fffff"]                 what the driver gives instead, a word an element
    expires = 2027-06-30

All fields are required; an empty `inputs` means any operand.  An entry that cannot match its own
witness is refused when it is read.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from conformance.harness.case import (
    Case,
    hex_words,
    is_device_name,
    kind_of,
    read_case,
    read_text,
    value_dtypes,
)
from conformance.harness.ledger.classes import matches_inputs
from conformance.harness.plan import cell_of
from oracles.catalog import ROWS
from oracles.edges import BOOL_CLASSES, FLOAT_CLASSES, INTEGER_CLASSES
from oracles.formats import FORMATS

FILE = Path(__file__).parents[2] / "known.toml"
MAX_TEXT = 1 << 20
CLASSES = frozenset((*FLOAT_CLASSES, *INTEGER_CLASSES, *BOOL_CLASSES))
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}", re.ASCII)


@dataclass(frozen=True)
class Entry:
    """One deviation: on which devices, of what, why, how it is seen, and for how long."""

    name: str
    device: str
    driver: str
    op: tuple[str, ...]
    dtypes: tuple[tuple[str, ...], ...]
    inputs: tuple[str, ...]
    reason: str
    witness: Case
    bits: tuple[str, ...]
    expires: date

    def is_about(self, device: str, driver: str) -> bool:
        """Whether it is such a device, whatever its number, with such a driver."""
        return kind_of(device) == self.device and fnmatchcase(driver, self.driver)

    def covers(self, op: str, dtypes: tuple[str, ...]) -> bool:
        """Whether it is about this cell."""
        return op in self.op and dtypes in self.dtypes


@dataclass(frozen=True)
class Ledger:
    """All entries."""

    entries: tuple[Entry, ...] = ()

    def about(self, device: str, driver: str, op: str, dtypes: tuple[str, ...]) -> list[Entry]:
        """The entries on a cell of a device."""
        return [e for e in self.entries if e.is_about(device, driver) and e.covers(op, dtypes)]


@cache
def current() -> Ledger:
    """The project's own ledger."""
    return read_ledger(FILE)


def read_ledger(file: Path) -> Ledger:
    """ValueError for a file that is not a ledger; OSError where it cannot be read."""
    try:
        body = tomllib.loads(read_text(file, MAX_TEXT))
        if not body.keys() <= {"known"}:
            raise ValueError(f"unknown tables: {', '.join(body.keys() - {'known'})}")
        entries = tuple(_entry(row, file.parent) for row in body.get("known", []))
        names = [entry.name for entry in entries]
        if len(set(names)) < len(names):
            raise ValueError("two entries have one name")
    except (ValueError, TypeError) as error:
        raise ValueError(f"{file}: {error}") from error
    return Ledger(entries)


_FIELDS = {
    "name": str, "device": str, "driver": str, "op": list, "dtypes": list, "inputs": list,
    "reason": str, "witness": str, "bits": list, "expires": date,
}  # fmt: skip


def _entry(row: Mapping[str, Any], folder: Path) -> Entry:
    """ValueError that names the entry and what is wrong with it."""
    name = str(row.get("name", "?"))
    try:
        if row.keys() != _FIELDS.keys():
            wrong = sorted(row.keys() ^ _FIELDS.keys())
            raise ValueError(f"missing or unknown: {', '.join(wrong)}")
        for key, kind in _FIELDS.items():
            if type(row[key]) is not kind or not (row[key] or key == "inputs"):
                raise ValueError(f"{key} is not a {kind.__name__} with something in it")
        entry = Entry(
            name, row["device"], row["driver"], tuple(row["op"]), tuple(map(tuple, row["dtypes"])),
            tuple(row["inputs"]), row["reason"], read_case(_beside(folder, row["witness"])),
            tuple(row["bits"]), row["expires"],
        )  # fmt: skip
        _check(entry)
    except (ValueError, TypeError, OSError) as error:
        raise ValueError(f"entry {name}: {error}") from error
    return entry


def _beside(folder: Path, name: str) -> Path:
    """A file in the ledger's folder or below."""
    file = folder / name
    if not file.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{name} is not beside the ledger")
    return file


def _check(entry: Entry) -> None:
    """Names that mean something, and a witness that the entry matches."""
    if not _NAME.fullmatch(entry.name) or not is_device_name(entry.device):
        raise ValueError(f"not a name: {entry.name!r} or {entry.device!r}")
    _known("operators", entry.op, ROWS)
    _known("dtypes", [name for one in entry.dtypes for name in one], FORMATS)
    _known("edge classes", entry.inputs, CLASSES)
    case = entry.witness
    statement = case.statement_of(case.count - 1)
    if len(case.statements) != 1 or statement is None or case.outputs != (case.count - 1,):
        raise ValueError("the witness is one statement, and its result the output")
    *given, result = value_dtypes(case)
    dtypes = cell_of(statement.op, [given[k] for k in statement.operands], result)
    if not entry.covers(statement.op, dtypes):
        raise ValueError("it is not about its witness")
    if not matches_inputs(entry.inputs, case):
        raise ValueError("the witness has no operand of these edge classes")
    (right,) = case.expected or (None,)
    if right is None:
        raise ValueError("the witness does not expect bits")
    words = hex_words(right, FORMATS[result])
    if len(entry.bits) != len(words) or list(entry.bits) == words:
        raise ValueError(f"bits are {len(words)} words, and not the right ones")


def _known(what: str, given: Sequence[str], known: Any) -> None:
    unknown = [name for name in given if name not in known]
    if unknown:
        raise ValueError(f"no such {what}: {', '.join(map(str, unknown))}")
