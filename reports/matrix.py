"""The conformance matrix: operators down, dtypes across, one symbol for each device."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reports.records import CellRecord

# The worst comes first; the symbols are distinct without colour.
SYMBOLS: dict[str, str] = {
    "crash": "C", "timeout": "T", "fail": "F", "not run": "-", "known": "k", "unspecified": "u",
    "pass": "●",
}  # fmt: skip
NOTHING = "·"  # the plan has no such cell
CONDITIONED = ("where",)  # whose first operand of three is a condition
RARE = ("timeout", "known", "unspecified")  # mentioned only where they occur
READING = (
    "Mixed dtypes stand in the column of the first operand; of several cells in one place the "
    "worst verdict shows."
)
_WORST = list(SYMBOLS)


@dataclass(frozen=True)
class Entry:
    """All cells of one operator and column on one device: the worst verdict, and counts."""

    verdict: str
    cells: int
    elements: int

    @property
    def symbol(self) -> str:
        return SYMBOLS[self.verdict]


@dataclass(frozen=True)
class Matrix:
    """`entries[op, dtype, device]`; what the plan does not have has no entry."""

    ops: tuple[str, ...]
    dtypes: tuple[str, ...]
    devices: tuple[str, ...]
    entries: Mapping[tuple[str, str, str], Entry]

    def symbols(self, op: str, dtype: str) -> str:
        """One symbol for each device."""
        found = [self.entries.get((op, dtype, device)) for device in self.devices]
        return "".join(NOTHING if entry is None else entry.symbol for entry in found)

    def verdicts(self, op: str, dtype: str) -> list[str]:
        """The verdict of each device, "" where there is no cell."""
        found = [self.entries.get((op, dtype, device)) for device in self.devices]
        return ["" if entry is None else entry.verdict for entry in found]


def column(op: str, dtypes: tuple[str, ...]) -> str:
    """The dtype under which a cell is shown: the first operand's, after a condition."""
    if op in CONDITIONED and len(dtypes) == 3:
        return dtypes[1]
    return dtypes[0] if dtypes else ""


def matrix(cells: Iterable[CellRecord]) -> Matrix:
    """The matrix of these cells: operators as they come, dtypes by kind and width."""
    entries: dict[tuple[str, str, str], Entry] = {}
    for cell in cells:
        key = (cell.op, column(cell.op, cell.dtypes), cell.device)
        before = entries.get(key, Entry("pass", 0, 0))
        worst = min(before.verdict, cell.verdict, key=_WORST.index)
        entries[key] = Entry(worst, before.cells + 1, before.elements + cell.elements)
    ops, dtypes, devices = (tuple(dict.fromkeys(key[k] for key in entries)) for k in range(3))
    return Matrix(ops, tuple(sorted(dtypes, key=_place)), devices, entries)


def _place(dtype: str) -> tuple[int, int, str]:
    """bool, signed, unsigned, floats, each by width."""
    letters, digits = re.fullmatch(r"(\D*)(\d{0,4}).*", dtype, re.DOTALL).groups()  # type: ignore[union-attr] # matches all
    kinds = {"bool": 0, "int": 1, "uint": 2, "bfloat": 3, "float": 3}
    return kinds.get(letters, len(kinds)), int(digits or 0), dtype


def symbols(cells: Iterable[CellRecord]) -> dict[str, str]:
    """The verdicts that a legend should explain, with their symbols."""
    present = {cell.verdict for cell in cells}
    return {v: symbol for v, symbol in SYMBOLS.items() if v in present or v not in RARE}


def by_device(cells: Iterable[CellRecord]) -> dict[str, Counter[str]]:
    """How many cells of each device have each verdict."""
    found: dict[str, Counter[str]] = {}
    for cell in cells:
        found.setdefault(cell.device, Counter())[cell.verdict] += 1
    return found


def coverage(cells: Iterable[CellRecord]) -> dict[str, Counter[str]]:
    """How many cells of each device were judged in each layout at least once."""
    found: dict[str, Counter[str]] = {}
    for cell in cells:
        reached = [name for name, count in cell.coverage.items() if count]
        found.setdefault(cell.device, Counter()).update(reached)
    return found
