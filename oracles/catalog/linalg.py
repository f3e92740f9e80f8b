"""Products of matrices and what is made of them."""

from __future__ import annotations

from oracles.catalog.row import ALL, BOTH, NANS, SEQUENTIAL, WRAP, Exactness, OpRow

ROWS = (
    OpRow(
        name="matmul", family="matmul", dtypes=(ALL, ALL), common=BOTH, result="contracted",
        exactness=Exactness.ORDERED, order=SEQUENTIAL,
        formula="sum over k of round(x[..., i, k] * y[..., k, j]) in Order(1, 256)",
        special=(NANS, WRAP), references=("numpy", "torch", "exact"),
    ),
)  # fmt: skip
