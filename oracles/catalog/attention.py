"""Attention."""

from __future__ import annotations

from oracles.catalog.row import ALL, BOOL, CLOSE_BOUNDS, FLOATS, NANS, Exactness, OpRow

ROWS = (
    OpRow(
        name="scaled_dot_product_attention", family="attention", result="to_float",
        dtypes=(ALL, ALL, ALL, BOOL + FLOATS), common=(0, 1, 2), optional=1,
        exactness=Exactness.COMPOSITE, bound_ulp=CLOSE_BOUNDS, references=("mpmath",),
        formula="softmax(query key^T / sqrt(depth) + mask) value",
        attributes=("dropout_p", "is_causal", "enable_gqa"),
        defaults={"dropout_p": 0.0, "is_causal": False, "enable_gqa": False},
        special=(
            NANS, "a query that sees no key gives NaN", "a bool mask is true where a key is seen",
            "a causal mask hides the keys behind the query's own place, from the first on",
        ),
    ),
)  # fmt: skip
