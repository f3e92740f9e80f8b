"""Tensors from scalars and ranges."""

from __future__ import annotations

from oracles.catalog.row import OpRow

ROWS = (
    OpRow(
        name="arange", family="creation", result="creation",
        formula="start + i * step for i < ceil((stop - start) / step)",
        attributes=("start", "stop", "step", "dtype"),
        defaults={"start": 0, "step": 1, "dtype": None}, references=("numpy",),
    ),
    OpRow(
        name="linspace", family="creation", result="spaced",
        formula="start + i * d, d = (stop - start) / (steps - 1); the last element is stop",
        attributes=("start", "stop", "steps", "dtype"), defaults={"dtype": None},
        references=("numpy",), special=("integer dtypes truncate the numbers of float64",),
    ),
    OpRow(
        name="full", family="creation", result="creation", formula="fill_value everywhere",
        attributes=("shape", "fill_value", "dtype"), defaults={"dtype": None}, computing=False,
    ),
)  # fmt: skip
