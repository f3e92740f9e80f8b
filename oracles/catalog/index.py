"""Reading at positions."""

from __future__ import annotations

from oracles.catalog.row import ALL, BOOL, INTEGERS, OpRow

OUTSIDE = ("negative indices count from the end", "out of range reads 0")

ROWS = (
    OpRow(
        name="getitem", family="index", dtypes=(ALL, INTEGERS + BOOL), optional=1, variadic=True,
        attributes=("index",), computing=False, formula="x[index] as in numpy",
        special=(*OUTSIDE, "an integer out of range raises", "bool tensors are masks"),
    ),
    OpRow(
        name="take", family="index", dtypes=(ALL, INTEGERS), attributes=("axis",),
        defaults={"axis": None}, computing=False, references=("numpy",), special=OUTSIDE,
        formula="x (flattened without an axis) read along axis at the positions of an index tensor",
    ),
    OpRow(
        name="gather", family="index", dtypes=(ALL, INTEGERS), attributes=("dim",),
        parameters=("index",), computing=False, references=("numpy",), special=OUTSIDE,
        formula="x[..., index[..., i, ...], ...]: along dim at the index, elsewhere in place",
    ),
    OpRow(
        name="one_hot", family="index", dtypes=(INTEGERS,), attributes=("num_classes",),
        result="index", computing=False, formula="1 where x = 0 ... num_classes - 1, else 0",
        special=("an element outside gives zeros",), references=("numpy",),
    ),
    OpRow(
        name="nonzero", family="index", dtypes=(ALL,), attributes=("size", "fill_value"),
        defaults={"size": None, "fill_value": 0}, result="index", computing=False,
        formula="coordinates of x != 0 in row-major order", special=("NaN is not zero",),
    ),
    OpRow(
        name="masked_select", family="index", dtypes=(ALL, BOOL), parameters=("mask",),
        attributes=("size", "fill_value"), defaults={"size": None, "fill_value": 0},
        computing=False, formula="x where mask, in row-major order; both broadcast",
        special=("with size: so many elements, then fill_value",),
    ),
)  # fmt: skip
