"""The catalog: one row per operator that a user can call, a module per family.

Suites are generated from these rows, so a fact about an operator belongs here and nowhere else.
Row names are the names of the Tensor methods.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from oracles.catalog import (
    activations,
    casts,
    compare,
    creation,
    elementwise,
    functions,
    index,
    linalg,
    movement,
    random,
    reduce,
    scan,
    scatter,
    softmax,
    sort,
)
from oracles.catalog.row import (
    ALL,
    BOOL,
    FLOATS,
    INTEGERS,
    NUMBERS,
    OUTPUT,
    SIGNED,
    UNSIGNED,
    Exactness,
    OpRow,
    Order,
)

__all__ = [
    "ALL", "BOOL", "FLOATS", "INTEGERS", "NUMBERS", "OUTPUT", "ROWS", "SIGNED", "UNSIGNED",
    "Exactness", "OpRow", "Order", "result_dtype",
]  # fmt: skip

_FAMILIES = (
    elementwise, functions, activations, compare, casts, movement, reduce, linalg, creation, index,
    random, scan, sort, scatter, softmax,
)  # fmt: skip

ROWS: dict[str, OpRow] = {row.name: row for family in _FAMILIES for row in family.ROWS}


def result_dtype(op: str, dtypes: Sequence[str], attributes: Mapping[str, Any]) -> str:
    """The dtype of `op` applied to operands of `dtypes`; TypeError where the row forbids them."""
    row = ROWS[op]
    row.check(dtypes)
    return row.result_dtype(dtypes, attributes)
