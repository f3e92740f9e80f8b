"""The catalog: one row per operator that a user can call, a module per family.

Suites are generated from these rows, so a fact about an operator belongs here and nowhere else.
Row names are the names of the Tensor methods.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from oracles.catalog import (
    activations,
    attention,
    casts,
    compare,
    creation,
    elementwise,
    factorisation,
    functions,
    index,
    linalg,
    losses,
    movement,
    norms,
    random,
    reduce,
    scan,
    scatter,
    softmax,
    sort,
    spatial,
)
from oracles.catalog.row import (
    ALL,
    BOOL,
    CORRECTLY_ROUNDED,
    FLOAT8,
    FLOATS,
    INTEGERS,
    NUMBERS,
    OPEN,
    OUTPUT,
    SIGNED,
    UNSIGNED,
    Exactness,
    OpRow,
    Order,
)

__all__ = [
    "ALL", "BOOL", "CORRECTLY_ROUNDED", "FLOAT8", "FLOATS", "GROUPS", "INTEGERS", "NUMBERS", "OPEN",
    "OUTPUT", "ROWS", "SIGNED", "UNSIGNED", "Exactness", "OpRow", "Order", "result_dtype",
]  # fmt: skip

_FAMILIES = (
    elementwise, functions, activations, compare, casts, movement, reduce, linalg, creation, index,
    random, scan, sort, scatter, softmax, spatial, norms, attention, losses, factorisation,
)  # fmt: skip

GROUPS: dict[str, tuple[OpRow, ...]] = {
    module.__name__.rpartition(".")[2]: module.ROWS for module in _FAMILIES
}
"""The rows by the module that states them."""

ROWS: dict[str, OpRow] = {row.name: row for rows in GROUPS.values() for row in rows}


def result_dtype(op: str, dtypes: Sequence[str], attributes: Mapping[str, Any]) -> str:
    """The dtype of `op` applied to operands of `dtypes`; TypeError where the row forbids them."""
    row = ROWS[op]
    row.check(dtypes)
    return row.result_dtype(dtypes, attributes)
