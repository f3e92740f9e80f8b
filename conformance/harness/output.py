"""What a check leaves behind: records, a report, and the matrix on the terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from conformance.harness.case import read_text
from conformance.harness.check import Check, Found
from conformance.harness.judging import Failure
from reports import html, markdown
from reports.markdown import counted
from reports.matrix import NOTHING, READING, SYMBOLS, by_device, matrix, symbols
from reports.records import CellRecord, FailureRecord, Record, RunRecord, read, to_line

RECORDS = "cells.jsonl"
MAX_RECORDS = 1 << 28  # bytes of a file of records that are read
LOG_SECONDS = 60.0  # between two lines where the output is no terminal
PAGES = {"report.md": markdown.render, "report.html": html.render}

COLOURS = {
    "pass": "green", "fail": "bold red", "crash": "bold red", "timeout": "bold red",
    "not run": "yellow", "known": "cyan", "unspecified": "cyan",
}  # fmt: skip
SHORT = {"bool": "bool", "float": "f", "uint": "u", "int": "i"}


ORACLES = ("numpy", "exact", "mpmath")  # a certificate shows their words itself


def progress_bar(console: Console) -> Progress:
    """The one bar of all commands; nothing where the output is not a terminal."""
    return Progress(
        TextColumn("{task.description:24}", markup=False), BarColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip


def reporter(progress: Progress, total: int) -> Callable[[str, int], None]:
    """Told what is being done and how much of `total` is done: moves the bar, or writes a line a
    minute where there is none."""
    task = progress.add_task("", total=total)
    shown = time.monotonic()

    def report(what: str, done: int) -> None:
        nonlocal shown
        progress.update(task, description=what, completed=done)
        if progress.disable and time.monotonic() - shown >= LOG_SECONDS:
            shown = time.monotonic()
            progress.console.print(f"{done:,} of {total:,}, {what}", markup=False)

    return report


def clear_cases(out: Path) -> None:
    """Case files of an earlier run would pass for findings of this one.

    Only those that its records name are deleted: the folder may hold a user's own.
    """
    folder = (out / "cases").resolve()
    for name in _cases_of_earlier(out / RECORDS):
        file = out / name
        if file.suffix == ".case" and file.parent.resolve() == folder and file.is_file():
            file.unlink()


def _cases_of_earlier(file: Path) -> list[str]:
    """The case files that a run has listed; none where its records cannot be read."""
    try:
        with file.open(encoding="utf-8") as lines:
            return [found.case for found in read(lines) if isinstance(found, FailureRecord)]
    except (OSError, ValueError):
        return []


def records(check: Check, run: RunRecord) -> list[Record]:
    """Everything that a run has to say."""
    cells: list[Record] = [cell.record() for cell in check.cells]
    failures: list[Record] = [found.failure.record(found.file) for found in check.found]
    return [run, *cells, *failures]


def write(folder: Path, found: Sequence[Record]) -> None:
    """The records and the pages; the case files are in `cases/` already."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(to_line(record) + "\n" for record in found)
    (folder / RECORDS).write_text(text, "utf-8")
    write_pages(folder, found)


def write_pages(folder: Path, found: Sequence[Record]) -> list[Path]:
    """The report in every form; the files that were written."""
    files = []
    for name, render in PAGES.items():
        (folder / name).write_text(render(found, str(folder)), "utf-8")
        files.append(folder / name)
    return files


def rebuild(folder: Path) -> list[Path]:
    """The pages once more, from the records in a folder, which may be a stranger's.

    OSError where they cannot be read or written, ValueError where they are no records.
    """
    found = list(read(read_text(folder / RECORDS, MAX_RECORDS).splitlines()))
    if not found:
        raise ValueError("there are no records")
    return write_pages(folder, found)


def show_matrix(console: Console, cells: Sequence[CellRecord]) -> None:
    """The matrix with colours and what the symbols mean."""
    shape = matrix(cells)
    order = ", ".join(shape.devices)
    console.print(f"one symbol a device: {order}", markup=False)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("operator", no_wrap=True)
    for dtype in shape.dtypes:
        table.add_column(_short(dtype), no_wrap=True, justify="center")
    for op in shape.ops:
        row = [Text(op)]
        for dtype in shape.dtypes:
            cell = Text()
            for symbol, verdict in zip(shape.symbols(op, dtype), shape.verdicts(op, dtype)):
                cell.append(symbol, COLOURS.get(verdict, "dim"))
            row.append(cell)
        table.add_row(*row)
    console.print(table)
    legend = [f"{symbol} {verdict}" for verdict, symbol in symbols(cells).items()]
    legend.append(f"{NOTHING} no such cell in this plan")
    console.print(", ".join(legend), style="dim", markup=False)
    console.print(READING, style="dim", soft_wrap=True)


def _short(dtype: str) -> str:
    for long, short in SHORT.items():
        if dtype.startswith(long):
            return short + dtype.removeprefix(long)
    return dtype


def show_failures(console: Console, found: Sequence[Found], folder: Path | None) -> None:
    """Every failure with its certificate and the command that shows it again."""
    for item in found[:8]:
        failure = item.failure
        title = f"{failure.op} {', '.join(failure.dtypes)} on {failure.device}"
        console.rule(escape(title), style="red")
        text = failure.certificate or failure.message
        console.print(text, markup=False, highlight=False, soft_wrap=True)
        others = words_elsewhere(failure)
        if others:
            console.print(f"  {others}", markup=False, highlight=False, soft_wrap=True)
        if item.file and folder is not None:
            show_command(console, folder / item.file)
    if len(found) > 8:
        console.print(f"… and {len(found) - 8} more in the report")


def show_command(console: Console, file: Path) -> None:
    """How to run a case again, from here."""
    text = markdown.command("", str(file))
    console.print(f"  {text}", markup=False, highlight=False, soft_wrap=True)


def words_elsewhere(failure: Failure) -> str:
    """The words of the element that the certificate does not show: those of the other devices."""
    known = (*ORACLES, failure.device) if failure.certificate else ()
    words = (failure.bits or {}).items()
    return "  ".join(f"{name} {word}" for name, word in words if name not in known)


def show_totals(console: Console, cells: Sequence[CellRecord], seconds: float) -> None:
    """Counts by device, elements, and what did not run."""
    for device, counts in by_device(cells).items():
        said = [f"[{COLOURS[v]}]{counts[v]} {v}[/]" for v in SYMBOLS if counts[v]]
        console.print(escape(f"{device:10} ") + ", ".join(reversed(said)))
    for device, reason, remedy, count in markdown.not_run(cells):
        text = f"not run on {device}: {counted(count, 'cell')}: {reason}"
        text += f" ({remedy})" if remedy else ""
        console.print(text, style="yellow", markup=False)
    elements = sum(cell.elements for cell in cells)
    rate = elements / seconds / 1e6 if seconds else 0.0
    said_elements = counted(elements, "element")
    console.print(f"{said_elements} judged in {seconds:.1f} s ({rate:.1f} million a second)")
