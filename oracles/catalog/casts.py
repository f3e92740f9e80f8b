"""Changes of dtype."""

from __future__ import annotations

from oracles.catalog.row import ALL, Exactness, OpRow

ROWS = (
    OpRow(
        name="cast", family="cast", dtypes=(ALL,), result="requested", attributes=("dtype",),
        exactness=Exactness.ROUNDED, references=("numpy", "torch", "exact"),
        formula="the value in another dtype, rounded once",
        special=(
            "float to integer truncates, saturates, NaN gives 0", "integers wrap",
            "to bool is x != 0", "the same dtype keeps the bits",
        ),
    ),
)  # fmt: skip
