"""The numpy reference: one function per catalog row, of the same name and attributes.

Functions take and return ndarrays.  They follow the contract where numpy itself does not:
canonical NaNs, ordered zeros, saturating casts, exact comparisons, guarded shifts, one order of
accumulation.  No numpy warning escapes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from oracles.catalog import ROWS
from oracles.formats import Array
from oracles.numpy_ref import elementwise, logic, movement, reduce

_MODULES = (elementwise, logic, movement, reduce)


# A row without a function is missing here: a test names it, and `evaluate` does.
FUNCTIONS: dict[str, Callable[..., Array]] = {
    name: vars(module)[name] for module in _MODULES for name in ROWS if name in vars(module)
}


def evaluate(name: str, args: Sequence[Array], attrs: Mapping[str, Any]) -> Array:
    """The reference result of row `name`; `attrs` by the row's attribute names.

    LookupError for a row that has no reference.
    """
    if name not in FUNCTIONS:
        modules = ", ".join(module.__name__ for module in _MODULES)
        raise LookupError(f"{name} has no numpy reference: write it in one of {modules}")
    return FUNCTIONS[name](*args, **attrs)
