"""Reading at positions."""

from __future__ import annotations

from oracles.catalog.row import ALL, INTEGERS, OpRow

ROWS = (
    OpRow(
        name="getitem", family="index", dtypes=(ALL,), attributes=("index",), computing=False,
        formula="x[index], basic indexing",
    ),
    OpRow(
        name="take", family="index", dtypes=(ALL, INTEGERS), attributes=("axis",),
        defaults={"axis": None}, computing=False, references=("numpy",),
        formula="x (flattened without an axis) read along axis at the positions of an index tensor",
        special=("negative indices count from the end", "out of range reads 0"),
    ),
)  # fmt: skip
