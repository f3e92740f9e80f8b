"""What is judged: a catalog row applied to arrays, and the result that a subject gave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from oracles import composite
from oracles.catalog import ROWS, Exactness, result_dtype
from oracles.formats import FORMATS, Array
from oracles.numpy_ref.support import convert
from oracles.promotion import to_float

_SPELLED: Mapping[str, tuple[str, Callable[[Array], list[Array]]]] = {
    "square": ("mul", lambda x: [x, x]),
    "reciprocal": ("div", lambda x: [np.ones_like(x), x]),
}
"""Rounded rows that are another one, applied to operands made of theirs."""


@dataclass(frozen=True)
class Case:
    """One application of a row; `beside` are other results of the same call, by their numbers."""

    name: str
    args: list[Array]
    attrs: Mapping[str, Any]
    got: Array
    beside: Mapping[int, Array] = field(default_factory=dict)

    @property
    def dtypes(self) -> list[str]:
        """The operands' dtypes."""
        return [array.dtype.name for array in self.args]

    @property
    def exactness(self) -> Exactness:
        """The class in which this case is judged."""
        return ROWS[self.name].exactness_for(self.dtypes, self.attrs)

    @property
    def operation(self) -> str:
        """The row whose exact arithmetic judges a rounded result, applied to `converted`."""
        return _SPELLED[self.name][0] if self.name in _SPELLED else self.name

    @cached_property
    def converted(self) -> list[Array]:
        """Operands of an elementwise float row in the dtype of its arithmetic, broadcast."""
        if self.name == "cast":
            return list(self.args)
        dtype = to_float(result_dtype(self.name, self.dtypes, self.attrs))
        arrays = [convert(array, dtype) for array in self.args]
        if self.name in _SPELLED:
            arrays = _SPELLED[self.name][1](*arrays)
        return [np.asarray(one) for one in np.broadcast_arrays(*arrays)]

    @cached_property
    def composed(self) -> composite.Composed:
        """The formula of a composite row on real numbers; LookupError where it has none."""
        row = composite.ROWS.get(self.name)
        if row is None:
            raise LookupError(f"{self.name} has no formula: write it in oracles/composite")
        bounds = ROWS[self.name].bound_ulp
        dtype = result_dtype(self.name, self.dtypes, self.attrs)
        return composite.compose(row, self.args, self.attrs, dtype, bounds)


def operand_bits(case: Case, index: tuple[int, ...]) -> Sequence[int]:
    """The bits of the converted operands of an elementwise float row at one element."""
    found = []
    for array in case.converted:
        row = FORMATS[array.dtype.name]
        found.append(int(row.to_bits(array[index].reshape(1))[0]))
    return found
