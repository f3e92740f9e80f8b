"""The report as Markdown."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Any

from reports.matrix import NOTHING, READING, SYMBOLS, by_device, coverage, matrix, symbols
from reports.records import CellRecord, FailureRecord, Record, RunRecord

TEMPLATE = "report.md.j2"
_BAR = re.compile(r"(\\*)\|")


def render(records: Iterable[Record], folder: str = "") -> str:
    """A page with the matrix, the counts, what did not run and why, and every certificate.

    `folder` is where the case files lie, as seen from where their commands are to be run.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=False,  # the page is Markdown; `code` below quotes what came in
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["code"] = code
    environment.filters["command"] = lambda file: code(command(folder, file))
    environment.filters["counted"] = counted
    return environment.get_template(TEMPLATE).render(**facts(records))


def facts(records: Iterable[Record]) -> dict[str, Any]:
    """What every page says, by the names that the templates use."""
    found = list(records)
    cells = [record for record in found if isinstance(record, CellRecord)]
    runs = [record for record in found if isinstance(record, RunRecord)]
    return {
        "runs": runs,
        "failures": [record for record in found if isinstance(record, FailureRecord)],
        "cell_records": cells,
        "matrix": matrix(cells),
        "symbols": symbols(cells),
        "symbols_by_verdict": SYMBOLS,
        "nothing": NOTHING,
        "reading": READING,
        "by_device": by_device(cells),
        "coverage": coverage(cells),
        "open_cells": not_run(cells),
        "elements": sum(cell.elements for cell in cells),
        "device_elements": _added((cell.device, cell.elements) for cell in cells),
        "device_seconds": _added(item for run in runs for item in run.device_seconds.items()),
        "cells": len(cells),
    }


def _added(pairs: Iterable[tuple[str, float]]) -> dict[str, float]:
    """The sum of what stands beside each name."""
    found: dict[str, float] = {}
    for name, value in pairs:
        found[name] = found.get(name, 0) + value
    return found


def not_run(cells: Iterable[CellRecord]) -> list[tuple[str, str, str, int]]:
    """Device, reason, remedy and number of the cells that did not run, grouped by reason."""
    groups: dict[tuple[str, str, str], int] = {}
    for cell in cells:
        if cell.verdict == "not run":
            key = (cell.device, cell.reason, cell.remedy)
            groups[key] = groups.get(key, 0) + 1
    return [(*key, count) for key, count in groups.items()]


def command(folder: str, file: str) -> str:
    """The command that runs a case again; a path that is absolute stays as it is."""
    return f"lockstep repro {shlex.quote(PurePath(folder, file).as_posix())}"


def counted(count: int, noun: str) -> str:
    """`1 cell`, `2 cells`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def code(text: object) -> str:
    """Text as inline code that fits a table: nothing in it is markup.

    A backslash before a bar would undo its escape, so it is doubled there.
    """
    plain = " ".join(printable(str(text)).split()).replace("`", "'")
    plain = _BAR.sub(lambda match: 2 * match[1] + "\\|", plain)
    return f"`{plain}`" if plain else ""


def printable(text: str) -> str:
    """Text without control characters, line breaks and surrogates; spaces stand in for them."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
