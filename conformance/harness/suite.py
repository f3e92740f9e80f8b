"""The generated suites as pytest sees them: one test for each operator and column of the matrix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from conformance.harness import plan
from conformance.harness.cells import RED, Verdict, merge
from conformance.harness.check import Check, Device, Found
from conformance.harness.judging import Failure
from conformance.harness.output import words_elsewhere
from conformance.harness.plan import Dtypes
from reports.markdown import command, counted
from reports.matrix import column
from reports.records import CellRecord, FailureRecord, Record, from_line, to_line


class Nonconforming(AssertionError):
    """Cells that do not pass."""


@dataclass(frozen=True)
class Target:
    """The cells of one operator under one column."""

    op: str
    dtype: str
    cells: tuple[Dtypes, ...]

    @property
    def id(self) -> str:
        return f"{self.op}-{self.dtype}"


def targets(
    families: Sequence[str], ops: Sequence[str] = (), dtypes: Sequence[str] = ()
) -> list[Target]:
    """What the tests of these families of rows are made of."""
    from oracles.catalog import ROWS

    found: dict[tuple[str, str], list[Dtypes]] = {}
    for op, names in plan.selected(ops, dtypes):
        if ROWS[op].family in families:
            found.setdefault((op, column(op, names)), []).append(names)
    return [Target(op, dtype, tuple(names)) for (op, dtype), names in found.items()]


@dataclass
class Recorder:
    """What the tests of this process found."""

    devices: Sequence[Device]
    folder: Path
    items: int = 0
    records: list[Record] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The records as text, to hand from a worker to its controller."""
        return [to_line(record) for record in self.records]

    def extend(self, lines: Iterable[str]) -> None:
        """Take over another process's records."""
        self.records += [from_line(line) for line in lines]

    def cells(self) -> list[CellRecord]:
        """One record for each cell."""
        return merge(record for record in self.records if isinstance(record, CellRecord))

    def failures(self) -> list[FailureRecord]:
        return [record for record in self.records if isinstance(record, FailureRecord)]

    def path(self, file: str) -> Path:
        return self.folder / file

    def add(self, check: Check) -> list[Found]:
        """Keep what a check found."""
        self.records += [cell.record() for cell in check.cells]
        for found in check.found:
            self.records.append(found.failure.record(str(self.path(found.file))))
        return check.found


@dataclass
class CatalogCells:
    """The fixture `catalog_cells`: judge the cells of one target on every device."""

    target: Target
    recorder: Recorder
    found: list[Found] = field(default_factory=list)

    def judge(self) -> None:
        """Nonconforming unless every cell passes on every device that is here."""
        cells = [(self.target.op, names) for names in self.target.cells]
        check = Check(self.recorder.devices, cells, out=self.recorder.folder)
        try:
            check.run()
        finally:
            self.found = self.recorder.add(check)
        here = {device.name for device in check.devices if device.subject is not None}
        if not here:
            raise Nonconforming("no device ran: " + "; ".join(d.reason for d in check.devices))
        wrong = [c for c in check.cells if c.device in here and c.verdict is not Verdict.PASS]
        if wrong:
            texts = [f"{c.op} {c.dtypes} on {c.device}: {c.verdict}: {c.record().reason}"
                     for c in wrong]  # fmt: skip
            first = f"not passed: {counted(len(wrong), 'cell')}"
            raise Nonconforming("\n".join([first, *texts[:12]]))


def section(found: Found, recorder: Recorder) -> str:
    """The text under a failing test: certificate, case, command."""
    failure: Failure = found.failure
    parts = [failure.message]
    if failure.certificate:
        parts.append(failure.certificate)
    others = words_elsewhere(failure)
    if others:
        parts.append(others)
    lines = failure.case.text.splitlines()
    parts.append("\n".join(lines[:30] + (["…"] if len(lines) > 30 else [])))
    if found.file:
        parts.append(command("", str(recorder.path(found.file))))
    return "\n".join(parts)


def summary(cells: Sequence[CellRecord]) -> str:
    """One line that says what ran."""
    counts = {v: sum(c.verdict == v for c in cells) for v in Verdict}
    said = ", ".join(f"{n} {v}" for v, n in counts.items() if n)
    elements = sum(cell.elements for cell in cells)
    judged = f"{counted(elements, 'element')} judged"
    return f"{counted(len(cells), 'cell')}: {said or 'nothing'}; {judged}"


def nothing_ran(cells: Sequence[CellRecord]) -> bool:
    """True where no element was judged and nothing failed either."""
    return not any(cell.cases or Verdict(cell.verdict) in RED for cell in cells)
