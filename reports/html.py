"""The report as one HTML page that needs nothing else: no file beside it and no network.

Style and script are in the page, and its policy forbids everything that is not them.  Cells travel
as compact JSON, which the script turns into text nodes when a cell is opened; everything else is
rendered here, escaped by jinja2.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from reports.markdown import command, counted, facts, printable
from reports.matrix import Matrix, column
from reports.records import ULP_BINS, CellRecord, FailureRecord, Record
from reports.standalone import standalone

FOLDER = Path(__file__).parent
RED = ("crash", "timeout", "fail")


@dataclass(frozen=True)
class Place:
    """One operator and column of the matrix: the symbol and the verdict of each device."""

    anchor: str
    symbols: tuple[tuple[str, str], ...]
    red: bool


@dataclass(frozen=True)
class Accuracy:
    """Distances of one function on one dtype: place, label and height (0 to 1) of each bar."""

    op: str
    dtype: str
    anchor: str
    exactness: str
    bound: str
    worst: str
    operands: tuple[str, ...]
    bars: tuple[tuple[int, str, float], ...]


def render(records: Iterable[Record], folder: str = "") -> str:
    """The page.  `folder` is where the case files lie, as seen from where commands are run."""
    known = facts(records)
    cells: list[CellRecord] = known["cell_records"]
    return standalone(
        FOLDER,
        "report",
        {"counted": counted, "command": lambda file: command(folder, file)},
        _data(cells, known["failures"]),
        **known,
        sections=_sections(known["matrix"], cells),
        accuracy=_accuracy(cells),
        bins=ULP_BINS,
    )


def anchor(op: str, dtype: str) -> str:
    """The fragment that opens a cell."""
    return "cell=" + quote(f"{printable(op)}/{printable(dtype)}", safe="/")


# -- the matrix ------------------------------------------------------------------------------------
def _sections(
    shape: Matrix, cells: Sequence[CellRecord]
) -> list[tuple[str, list[tuple[str, list[Place | None]]]]]:
    """Families in the order of their first operator, each with its rows of the matrix."""
    family = {cell.op: cell.family or "other" for cell in reversed(cells)}
    found: dict[str, list[tuple[str, list[Place | None]]]] = {}
    for op in shape.ops:
        row = [_place(shape, op, dtype) for dtype in shape.dtypes]
        found.setdefault(family[op], []).append((op, row))
    return list(found.items())


def _place(shape: Matrix, op: str, dtype: str) -> Place | None:
    verdicts = shape.verdicts(op, dtype)
    if not any(verdicts):
        return None
    symbols = tuple(zip(shape.symbols(op, dtype), (v.replace(" ", "-") for v in verdicts)))
    return Place(anchor(op, dtype), symbols, any(v in RED for v in verdicts))


# -- accuracy --------------------------------------------------------------------------------------
def _accuracy(cells: Iterable[CellRecord]) -> list[Accuracy]:
    """The measured functions of floats; devices have the same bits, so the worst stands for all."""
    groups: dict[tuple[str, str], list[CellRecord]] = {}
    for cell in cells:
        dtype = column(cell.op, cell.dtypes)
        if cell.worst_ulp and "float" in dtype and len(set(cell.dtypes)) == 1:
            groups.setdefault((cell.op, dtype), []).append(cell)
    found = []
    for (op, dtype), group in groups.items():
        worst = max(group, key=lambda cell: float(cell.worst_ulp))
        found.append(Accuracy(
            op, dtype, anchor(op, dtype), worst.exactness, worst.bound_ulp, worst.worst_ulp,
            worst.worst_operands, _bars(worst.ulps),
        ))  # fmt: skip
    return found


def _bars(ulps: Mapping[str, int]) -> tuple[tuple[int, str, float], ...]:
    """Logarithmic, so that a single result that is far off can be seen beside thousands."""
    top = math.log(1 + max(ulps.values(), default=0)) or 1.0
    return tuple(
        (place, f"{name}: {ulps[name]:,}", round(math.log(1 + ulps[name]) / top, 3))
        for place, name in enumerate(ULP_BINS)
        if ulps.get(name)
    )


# -- data for the panel ----------------------------------------------------------------------------
class Pool:
    """Values by number: what occurs many times is written once."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[Any, int] = {}

    def __call__(self, value: Any) -> int:
        """The number of a text or of a tuple of numbers."""
        found = self._numbers.setdefault(value, len(self.values))
        if found == len(self.values):
            self.values.append(value)
        return found


def _data(cells: Sequence[CellRecord], failures: Sequence[FailureRecord]) -> dict[str, Any]:
    """What the script needs of the cells; `report.js` names the columns in the same order."""
    texts, counts = Pool(), Pool()
    places: dict[str, list[list[Any]]] = {}
    for cell in cells:
        place = f"{printable(cell.op)}/{printable(column(cell.op, cell.dtypes))}"
        places.setdefault(place, []).append(_packed(cell, texts, counts))
    wrong: dict[str, list[int]] = {}
    for number, failure in enumerate(failures):
        place = f"{printable(failure.op)}/{printable(column(failure.op, failure.dtypes))}"
        wrong.setdefault(place, []).append(number)
    return {
        "texts": texts.values, "counts": counts.values, "bins": ULP_BINS,
        "places": list(places.items()), "failures": list(wrong.items()),
    }  # fmt: skip


def _packed(cell: CellRecord, texts: Pool, counts: Pool) -> list[Any]:
    def text(value: str) -> int:
        return texts(printable(value))

    def numbers(found: Mapping[str, int]) -> int:
        """Name and count in turn."""
        return counts(tuple(n for name, count in found.items() for n in (text(name), count)))

    return [
        text(", ".join(cell.dtypes)), text(cell.device), text(cell.verdict), cell.planned,
        cell.cases, cell.elements, cell.failures, text(cell.reason), text(cell.remedy),
        text(cell.family), text(cell.exactness), text(cell.bound_ulp), numbers(cell.coverage),
        numbers(cell.edges), counts(tuple(cell.ulps.get(name, 0) for name in ULP_BINS)),
        text(cell.worst_ulp), text(", ".join(cell.worst_operands)), text(cell.worst_bits),
    ]  # fmt: skip
