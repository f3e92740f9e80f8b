"""Composite rows over axes: the formulas of `composite` on real numbers, rounded once.

Their last bit is not a reference, since devices round every step; `composite` judges the rows, and
here they serve as operands of what follows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oracles.formats import Array


def _formula(name: str) -> Callable[..., Array]:
    """The row's formula applied to operands of the catalog's dtypes, with its attributes."""

    def function(*operands: Array, **attributes: Any) -> Array:
        from oracles import composite
        from oracles.catalog import result_dtype
        from oracles.catalog.row import COMPOSITE_BOUNDS

        dtype = result_dtype(name, [one.dtype.name for one in operands], attributes)
        row = composite.ROWS[name]
        known = composite.compose(row, operands, attributes, dtype, COMPOSITE_BOUNDS)
        return composite.reference(known)

    function.__name__ = name
    return function


softmax = _formula("softmax")
softmin = _formula("softmin")
log_softmax = _formula("log_softmax")
logsumexp = _formula("logsumexp")
logcumsumexp = _formula("logcumsumexp")
normalize = _formula("normalize")
binary_crossentropy = _formula("binary_crossentropy")
binary_crossentropy_logits = _formula("binary_crossentropy_logits")
cross_entropy = _formula("cross_entropy")
sparse_categorical_crossentropy = _formula("sparse_categorical_crossentropy")
scaled_dot_product_attention = _formula("scaled_dot_product_attention")
