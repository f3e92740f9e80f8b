"""Scans: each element of an axis with those before it."""

from __future__ import annotations

from oracles.catalog.row import ALL, NANS, SEQUENTIAL, WRAP, Exactness, OpRow


def _accumulated(name: str, formula: str, *special: str) -> OpRow:
    return OpRow(
        name=name, family="scan", dtypes=(ALL,), result="accumulated",
        exactness=Exactness.ORDERED, order=SEQUENTIAL, formula=formula,
        attributes=("axis", "dtype"), defaults={"axis": 0, "dtype": None},
        special=(NANS, WRAP, *special), references=("numpy", "torch", "exact"),
    )  # fmt: skip


def _extreme(name: str, formula: str) -> OpRow:
    return OpRow(
        name=name, family="scan", dtypes=(ALL,), result=("first", "index"), outputs=2,
        formula=formula, attributes=("axis",), defaults={"axis": 0},
        special=(NANS, "of equal elements the first place", "+0 and -0 share a place"),
    )  # fmt: skip


ROWS = (
    _accumulated("cumsum", "running sums, in chunks of 256", "never -0"),
    _accumulated("cumprod", "running products, in chunks of 256"),
    _extreme("cummax", "greatest element so far, and its first place"),
    _extreme("cummin", "least element so far, and its first place"),
)
