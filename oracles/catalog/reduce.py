"""Reductions over axes."""

from __future__ import annotations

from oracles.catalog.row import ALL, NANS, SEQUENTIAL_LANES, WRAP, ZEROS, Exactness, OpRow


def _sum(name: str, formula: str, *special: str) -> OpRow:
    return OpRow(
        name=name, family="reduce", dtypes=(ALL,), result="accumulated",
        exactness=Exactness.ORDERED, order=SEQUENTIAL_LANES, formula=formula,
        attributes=("axis", "keepdim", "dtype"),
        defaults={"axis": None, "keepdim": False, "dtype": None},
        special=(NANS, WRAP, *special), references=("numpy", "torch", "exact"),
    )  # fmt: skip


def _extreme(name: str, formula: str) -> OpRow:
    return OpRow(
        name=name, family="reduce", dtypes=(ALL,), formula=formula,
        attributes=("axis", "keepdim"), defaults={"axis": None, "keepdim": False},
        special=(NANS, ZEROS, "an empty reduced axis raises"),
    )  # fmt: skip


ROWS = (
    _sum("sum", "sum of the elements in Order(32, 32)", "an empty sum is +0", "never -0"),
    _sum("prod", "product of the elements in Order(32, 32)", "an empty product is 1"),
    _extreme("max", "greatest element"),
    _extreme("min", "least element"),
)
