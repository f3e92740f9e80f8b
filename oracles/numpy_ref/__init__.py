"""The numpy reference: one function per catalog row, of the same name and attributes.

Functions take and return ndarrays.  They follow the contract where numpy itself does not:
canonical NaNs, ordered zeros, saturating casts, exact comparisons, guarded shifts, one order of
accumulation.  No numpy warning escapes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from oracles.catalog import OUTPUT, ROWS
from oracles.formats import Array
from oracles.numpy_ref import (
    activations,
    composites,
    contraction,
    creation,
    division,
    draws,
    elementwise,
    factorisation,
    functions,
    index,
    joining,
    logic,
    losses,
    movement,
    norms,
    random,
    reduce,
    scan,
    scatter,
    sort,
    spatial,
    statistics,
)

_MODULES = (
    activations,
    composites,
    contraction,
    division,
    elementwise,
    functions,
    logic,
    losses,
    norms,
    movement,
    joining,
    index,
    creation,
    random,
    draws,
    factorisation,
    reduce,
    statistics,
    scan,
    sort,
    scatter,
    spatial,
)


# A row without a function is missing here: a test names it, and `evaluate` does.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: function for module in _MODULES for name, function in vars(module).items()
    if name in ROWS and function.__module__ == module.__name__
}


def evaluate(name: str, args: Sequence[Array], attrs: Mapping[str, Any]) -> Array:
    """The reference result of row `name`; `attrs` by the row's attribute names.

    Where a row has several results, its function returns them all and `output` picks one.

    LookupError for a row that has no reference.
    """
    if name not in FUNCTIONS:
        modules = ", ".join(module.__name__ for module in _MODULES)
        raise LookupError(f"{name} has no numpy reference: write it in one of {modules}")
    given = {key: value for key, value in attrs.items() if key != OUTPUT}
    result = FUNCTIONS[name](*args, **given)
    picked: Array = result[attrs[OUTPUT]] if OUTPUT in attrs else result
    return picked
