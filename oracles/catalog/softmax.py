"""Softmax and logarithms of sums of exponentials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oracles.catalog.row import ALL, COMPOSITE_BOUNDS, NANS, Exactness, OpRow


def _row(name: str, formula: str, defaults: Mapping[str, Any], *special: str) -> OpRow:
    return OpRow(
        name=name, family="softmax", dtypes=(ALL,), result="floating", formula=formula,
        exactness=Exactness.COMPOSITE, bound_ulp=COMPOSITE_BOUNDS, attributes=tuple(defaults),
        defaults=defaults, special=(NANS, *special), references=("mpmath",),
    )  # fmt: skip


_ALONG = {"axis": -1, "dtype": None}
_ROW = "a row of -inf, or with +inf, is NaN"

ROWS = (
    _row("softmax", "exp(x - max) / sum(exp(x - max))", _ALONG, _ROW),
    _row("softmin", "softmax(-x)", _ALONG),
    _row("log_softmax", "x - max - log(sum(exp(x - max)))", _ALONG, _ROW),
    _row(
        "logsumexp", "max + log(sum(exp(x - max)))", {"axis": None, "keepdim": False},
        "of -inf alone -inf", "with +inf +inf",
    ),
    _row("logcumsumexp", "log of the running sum of exp(x)", {"axis": 0}),
)  # fmt: skip
