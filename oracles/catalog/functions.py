"""Functions of real numbers, judged by their distance from the real value."""

from __future__ import annotations

from oracles.catalog.row import ALL, NANS, Exactness, OpRow

_BOUNDS = {"float16": 0.501, "float32": 1.0, "float64": 1.0}


def _function(name: str, formula: str, *special: str) -> OpRow:
    return OpRow(
        name=name, family="elementwise", dtypes=(ALL,), result="to_float",
        exactness=Exactness.FAITHFUL, bound_ulp=_BOUNDS, formula=formula, special=(NANS, *special),
        references=("numpy", "torch", "mpmath"),
    )  # fmt: skip


ROWS = (
    _function("exp2", "2 ** x", "exp2(-inf) = +0", "exp2(+inf) = +inf", "exp2(+-0) = 1"),
    _function(
        "log2", "log2(x)",
        "log2(+-0) = -inf", "log2(1) = +0", "log2(x < 0) = NaN", "log2(+inf) = +inf",
    ),
)  # fmt: skip
