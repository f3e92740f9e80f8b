"""The report as Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from reports.matrix import SYMBOLS, by_device, coverage, matrix
from reports.records import CellRecord, FailureRecord, Record, RunRecord

TEMPLATE = "report.md.j2"


def render(records: Iterable[Record]) -> str:
    """A page with the matrix, the counts, what did not run and why, and every certificate."""
    import jinja2

    found = list(records)
    cells = [record for record in found if isinstance(record, CellRecord)]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=False,  # the page is Markdown; `code` below quotes what came in
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["code"] = code
    return environment.get_template(TEMPLATE).render(
        runs=[record for record in found if isinstance(record, RunRecord)],
        failures=[record for record in found if isinstance(record, FailureRecord)],
        matrix=matrix(cells),
        symbols=SYMBOLS,
        by_device=by_device(cells),
        coverage=coverage(cells),
        open_cells=not_run(cells),
        elements=sum(cell.elements for cell in cells),
        cells=len(cells),
    )


def not_run(cells: Iterable[CellRecord]) -> list[tuple[str, str, str, int]]:
    """Device, reason, remedy and number of the cells that did not run, grouped by reason."""
    groups: dict[tuple[str, str, str], int] = {}
    for cell in cells:
        if cell.verdict == "not run":
            key = (cell.device, cell.reason, cell.remedy)
            groups[key] = groups.get(key, 0) + 1
    return [(*key, count) for key, count in groups.items()]


def code(text: object) -> str:
    """Text as inline code that fits a table: nothing in it is markup."""
    plain = " ".join(str(text).split()).replace("|", "\\|").replace("`", "'")
    return f"`{plain}`" if plain else ""
