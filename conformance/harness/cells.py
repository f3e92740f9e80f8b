"""Cells: what is known about one operator, its dtypes and one device.

A cell exists from the moment it is planned, as `not run`, and leaves that state only by results:
it passes when every planned batch was judged and nothing failed.  So a batch, a suite or a device
that is silently skipped can never look green.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from conformance.harness.evidence import Evidence, recorded
from oracles.catalog import ROWS
from reports.records import CellRecord

Key = tuple[str, tuple[str, ...], str]


class Verdict(StrEnum):
    """What can be said of a cell.  Only `PASS` is green."""

    PASS = "pass"
    FAIL = "fail"
    KNOWN = "known"
    UNSPECIFIED = "unspecified"
    CRASH = "crash"
    TIMEOUT = "timeout"
    NOT_RUN = "not run"


WORST_FIRST = (
    Verdict.CRASH, Verdict.TIMEOUT, Verdict.FAIL, Verdict.NOT_RUN, Verdict.KNOWN,
    Verdict.UNSPECIFIED, Verdict.PASS,
)  # fmt: skip
RED = (Verdict.CRASH, Verdict.TIMEOUT, Verdict.FAIL)
COVERAGE = (
    "buffer", "const", "contiguous", "strided", "tail", "single kernel", "multi kernel",
)  # fmt: skip


@dataclass
class Cell:
    """Counts of one cell.  `planned` batches must be judged before it can pass."""

    op: str
    dtypes: tuple[str, ...]
    device: str
    planned: int = 0
    cases: int = 0
    elements: int = 0
    failures: int = 0
    worst: Verdict = Verdict.PASS
    reason: str = ""
    remedy: str = ""
    coverage: Counter[str] = field(default_factory=Counter)
    evidence: Evidence = field(default_factory=Evidence)

    @property
    def key(self) -> Key:
        return (self.op, self.dtypes, self.device)

    def judged(
        self, elements: int, features: Iterable[str], evidence: Evidence | None = None
    ) -> None:
        """One planned batch was run and judged, whatever came of it."""
        self.cases += 1
        self.elements += elements
        self.coverage.update(features)
        if evidence is not None:
            self.evidence.add(evidence)

    def found(self, verdict: Verdict, reason: str, failures: int = 0) -> None:
        """Something that is not a pass; the worst verdict stays, with the first reason for it."""
        self.failures += failures
        if WORST_FIRST.index(verdict) < WORST_FIRST.index(self.worst):
            self.worst, self.reason = verdict, reason

    def skipped(self, reason: str, remedy: str) -> None:
        """Why planned batches did not run."""
        if not self.reason:
            self.reason, self.remedy = reason, remedy

    def absorb(self, record: CellRecord) -> None:
        """What another process found of this cell."""
        self.planned += record.planned
        self.cases += record.cases
        self.elements += record.elements
        self.coverage.update(dict(record.coverage))
        self.evidence.add(recorded(record))
        if record.verdict not in (Verdict.PASS, Verdict.NOT_RUN):
            self.found(Verdict(record.verdict), record.reason, record.failures)
        elif record.verdict == Verdict.NOT_RUN:
            self.skipped(record.reason, record.remedy)

    @property
    def verdict(self) -> Verdict:
        """The verdict as of now."""
        if self.worst is not Verdict.PASS:
            return self.worst
        if self.planned == 0 or self.cases != self.planned or self.elements == 0:
            return Verdict.NOT_RUN
        return Verdict.PASS

    def record(self) -> CellRecord:
        """The cell as it is written down."""
        reason, remedy = self.reason, self.remedy
        if self.verdict is Verdict.NOT_RUN and not reason:
            reason = f"{self.cases} of {self.planned} batches and {self.elements} elements judged"
            remedy = "run the whole plan"
        seen = self.evidence
        return CellRecord(
            self.op, self.dtypes, self.device, str(self.verdict), self.planned, self.cases,
            self.elements, self.failures, reason, remedy, dict(sorted(self.coverage.items())),
            ROWS[self.op].family if self.op in ROWS else "", seen.exactness, seen.bound_ulp,
            dict(sorted(seen.edges.items())), dict(sorted(seen.ulps.items())), seen.worst_text,
            seen.worst_operands, seen.worst_bits,
        )  # fmt: skip


class Cells:
    """All cells of a run, in the order in which they were planned."""

    def __init__(self) -> None:
        self._cells: dict[Key, Cell] = {}

    def plan(self, op: str, dtypes: tuple[str, ...], device: str, batches: int) -> Cell:
        """The cell, with more batches to judge."""
        cell = self._cells.setdefault((op, dtypes, device), Cell(op, dtypes, device))
        cell.planned += batches
        return cell

    def __getitem__(self, key: Key) -> Cell:
        return self._cells[key]

    def get(self, key: Key) -> Cell | None:
        """The cell, if it was planned."""
        return self._cells.get(key)

    def __iter__(self) -> Iterator[Cell]:
        return iter(self._cells.values())

    def __len__(self) -> int:
        return len(self._cells)

    def verdicts(self) -> Counter[Verdict]:
        """How many cells have each verdict."""
        return Counter(cell.verdict for cell in self)

    def exit_code(self) -> int:
        """0 all pass, 1 something failed or stayed open, 2 nothing ran.

        Cells of a device that is not there at all do not fail a run in which others ran, but
        they stay visible as not run.
        """
        counts = self.verdicts()
        if not any(cell.cases for cell in self):
            return 1 if any(counts[verdict] for verdict in RED) else 2
        partial = any(cell.verdict is Verdict.NOT_RUN and cell.cases for cell in self)
        return 1 if partial or any(counts[verdict] for verdict in RED) else 0


def merge(records: Iterable[CellRecord]) -> list[CellRecord]:
    """Records of several workers, one for each cell: counts add up, the worst verdict stays.

    A cell whose batches ran in several workers passes when they were all judged by someone.
    """
    cells: dict[Key, Cell] = {}
    for record in records:
        key = (record.op, record.dtypes, record.device)
        cell = cells.setdefault(key, Cell(*key))
        cell.absorb(record)
    return [cell.record() for cell in cells.values()]


def totals(cells: Iterable[Cell]) -> Mapping[str, int]:
    """Elements, cases and cells of a run."""
    found = list(cells)
    return {
        "cells": len(found),
        "cases": sum(cell.cases for cell in found),
        "elements": sum(cell.elements for cell in found),
    }
