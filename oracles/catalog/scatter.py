"""Writing at the places of an index tensor."""

from __future__ import annotations

from oracles.catalog.row import ALL, INTEGERS, OpRow

_PLACES = (
    "negative indices count from the end", "out of range is dropped",
    "values are cast to the dtype of x",
)  # fmt: skip

ROWS = (
    OpRow(
        name="scatter", family="scatter", dtypes=(ALL, INTEGERS, ALL), parameters=("index", "src"),
        attributes=("dim", "reduce"), defaults={"reduce": None}, computing=False,
        formula="x with src at the places of index along dim; reduce: add, multiply",
        special=(*_PLACES, "of several values for one place the last wins"),
    ),
    OpRow(
        name="scatter_reduce", family="scatter", dtypes=(ALL, INTEGERS, ALL),
        parameters=("index", "src"), attributes=("dim", "reduce", "include_self"),
        defaults={"include_self": True},
        formula="x combined with src at the places of index: sum, prod, mean, amax, amin",
        special=(*_PLACES, "in the order of the index", "means of integers are floored"),
    ),
)  # fmt: skip
