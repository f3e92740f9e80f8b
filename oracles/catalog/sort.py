"""Orders of the elements of an axis."""

from __future__ import annotations

from oracles.catalog.row import ALL, OpRow

_ORDER = ("stable: equal elements keep their order", "+0 equals -0", "NaN is greatest")

ROWS = (
    OpRow(
        name="sort", family="sort", dtypes=(ALL,), result=("first", "index"), outputs=2,
        attributes=("dim", "descending"), defaults={"dim": -1, "descending": False},
        computing=False, formula="the elements of an axis in order, and their places",
        special=(*_ORDER, "NaN is last, or first where descending", "bits are kept"),
    ),
    OpRow(
        name="argsort", family="sort", dtypes=(ALL,), result="index",
        attributes=("dim", "descending"), defaults={"dim": -1, "descending": False},
        formula="the places of the elements of an axis in order", special=_ORDER,
    ),
    OpRow(
        name="topk", family="sort", dtypes=(ALL,), result=("first", "index"), outputs=2,
        attributes=("k", "dim", "largest", "sorted_"),
        defaults={"dim": -1, "largest": True, "sorted_": True},
        computing=False, formula="the first k of sort",
        special=(*_ORDER, "of equal elements the lowest places", "bits are kept"),
    ),
)  # fmt: skip
