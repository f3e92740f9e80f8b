"""Data for every row: `LAYOUTS[op]` names the programs of a cell and how each is made.

A module per family of rows. Elementwise rows share the layouts of `elementwise`; all others have
their own. `CELLS[op]` lists the dtypes of the cells where the general rule of `plan.cells` does not
say it.
"""

from __future__ import annotations

from conformance.harness.plans import (
    attention,
    contraction,
    creation,
    factorisation,
    index,
    joining,
    linalg,
    losses,
    movement,
    norms,
    random,
    reduce,
    scan,
    scatter,
    softmax,
    sort,
    spatial,
)
from conformance.harness.plans.layouts import Layouts

_FAMILIES = (
    contraction, reduce, linalg, movement, joining, index, creation, random, scan, sort, scatter,
    softmax, spatial, norms, attention, losses,
    factorisation,
)  # fmt: skip

LAYOUTS: dict[str, Layouts] = {
    op: layouts for family in _FAMILIES for op, layouts in family.LAYOUTS.items()
}
CELLS: dict[str, tuple[tuple[str, ...], ...]] = {
    op: cells for family in _FAMILIES for op, cells in getattr(family, "CELLS", {}).items()
}
