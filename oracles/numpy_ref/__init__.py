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


def _find(name: str) -> Callable[..., Array]:
    for module in _MODULES:
        function = vars(module).get(name)
        if function is not None:
            found: Callable[..., Array] = function
            return found
    raise LookupError(f"no numpy reference for {name}")


FUNCTIONS: dict[str, Callable[..., Array]] = {name: _find(name) for name in ROWS}


def evaluate(name: str, args: Sequence[Array], attrs: Mapping[str, Any]) -> Array:
    """The reference result of row `name`; `attrs` by the row's attribute names."""
    return FUNCTIONS[name](*args, **attrs)
