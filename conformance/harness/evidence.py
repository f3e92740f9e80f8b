"""What judging has seen of a cell, besides its verdict: edge classes of operands, distances.

Operands are counted once for each judged output, by dtype and edge class.  Distances are those of
the judge: an element that is proved correctly rounded is at most half an ulp away, and how far is
not known; the functions are measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from oracles.accept import Judgement
from oracles.catalog import ROWS, Exactness
from oracles.certificate import value_text
from oracles.edges import class_counts, classes
from oracles.formats import FORMATS, Array
from reports.records import ULP_BINS, CellRecord

_LIMITS = np.array([float(name) for name in ULP_BINS[:-1]])


@dataclass
class Evidence:
    """`edges` maps "dtype class" to elements of operands, `ulps` a bin of ULP_BINS to results.

    `worst_ulp` is the greatest distance that was measured, `worst_operands` and `worst_bits` are
    the operands and the result at which it was; `bound_ulp` is what the row accepts.
    """

    exactness: str = ""
    bound_ulp: str = ""
    edges: Counter[str] = field(default_factory=Counter)
    ulps: Counter[str] = field(default_factory=Counter)
    worst_ulp: float | None = None
    worst_operands: tuple[str, ...] = ()
    worst_bits: str = ""

    def add(self, other: Evidence) -> None:
        """Take over what was seen elsewhere; the first of equally bad results stays."""
        self.exactness = self.exactness or other.exactness
        self.bound_ulp = self.bound_ulp or other.bound_ulp
        self.edges.update(other.edges)  # keeps those of which there are none
        self.ulps.update(other.ulps)
        if other.worst_ulp is None or (self.worst_ulp or -1.0) >= other.worst_ulp:
            return
        self.worst_ulp = other.worst_ulp
        self.worst_operands, self.worst_bits = other.worst_operands, other.worst_bits

    @property
    def worst_text(self) -> str:
        """The greatest distance as records hold it."""
        return "" if self.worst_ulp is None else f"{self.worst_ulp:.6g}"


def recorded(record: CellRecord) -> Evidence:
    """The evidence in a record."""
    worst = float(record.worst_ulp) if record.worst_ulp else None
    return Evidence(
        record.exactness, record.bound_ulp, Counter(record.edges), Counter(record.ulps), worst,
        record.worst_operands, record.worst_bits,
    )  # fmt: skip


def edges_of(operands: Sequence[Array]) -> Counter[str]:
    """How many elements of the operands have each edge class, by dtype; 0 where none has."""
    found: Counter[str] = Counter()
    for array in operands:
        row = FORMATS[array.dtype.name]
        counts = class_counts(row.name, row.to_bits(array))
        for name in classes(row.name):
            found[f"{row.name} {name}"] += counts.get(name, 0)
    return found


def measured(judgement: Judgement) -> Evidence:
    """The class, the bound and the distances of one judged output."""
    case = judgement.case
    found = Evidence(case.exactness.value)
    if case.exactness is Exactness.ROUNDED and FORMATS[case.got.dtype.name].is_float:
        right = int(np.count_nonzero(judgement.ok))
        if right:
            found.ulps["0.5"] = right
    if judgement.ulps is None:
        return found
    bound = ROWS[case.name].bound_ulp.get(case.got.dtype.name)
    found.bound_ulp = "" if bound is None else f"{bound:g}"
    ulps = judgement.ulps.reshape(-1)
    judged = ~np.isnan(ulps)
    places = np.searchsorted(_LIMITS, ulps[judged])
    for place, count in enumerate(np.bincount(places, minlength=len(ULP_BINS)).tolist()):
        if count:
            found.ulps[ULP_BINS[place]] = count
    if judged.any():
        _worst(found, judgement, int(np.nanargmax(ulps)))
    return found


def _worst(found: Evidence, judgement: Judgement, place: int) -> None:
    """The distance at one flat position of the result, with the words that meet there."""
    case = judgement.case
    assert judgement.ulps is not None
    found.worst_ulp = float(judgement.ulps.reshape(-1)[place])
    found.worst_bits = word(case.got, place)
    operands = case.converted if case.exactness is Exactness.FAITHFUL else case.args
    if all(one.size == case.got.size for one in operands):
        found.worst_operands = tuple(word(one, place) for one in operands)


def word(array: Array, place: int) -> str:
    """One element as its dtype, its bits and its value."""
    row = FORMATS[array.dtype.name]
    bits = int(row.to_bits(array).reshape(-1)[place])
    return f"{row.name} {row.hex(bits)} = {value_text(row, bits)}"
