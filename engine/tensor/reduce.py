"""Reductions: sum, prod, max, min over any axes.

The order in which floats accumulate is an attribute of the node, the same on every device.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from engine import dtypes
from engine.dtypes import DType
from engine.graph import Node
from engine.ops import Op
from engine.tensor import views
from engine.tensor.base import TensorBase, checked_dtype
from engine.tensor.variable import interval, show

Axes = int | Sequence[int] | None
Order = tuple[int, int] | None
SUM_ORDER = (32, 32)  # lanes, rows: 32 partial sums take turns, in blocks of 1024 elements


def reduced(op: Op, x: Node, axes: tuple[int, ...], order: Order) -> Node:
    """A REDUCE in the dtype of x; integers, and maxima, do not depend on an order."""
    ordered = order if op in (Op.ADD, Op.MUL) and x.dtype.is_float else None
    return Node(Op.REDUCE, x.dtype, (x,), (op.name, axes, ordered))


def accumulated_in(op: str, dtype: DType, result: DType | str | None) -> tuple[DType, DType]:
    """The dtypes in which sums of `dtype` are kept and returned, where `result` may override."""
    if result is not None:
        row = checked_dtype(op, result)
        return dtypes.accumulator(row), row
    kept = dtypes.accumulator(dtype)
    return kept, dtype if dtype.is_float else kept


class Reduce(TensorBase):
    """`axis` is one axis, several, or None for all; `keepdim` leaves them with size 1."""

    def _accumulate(
        self, name: str, op: Op, axis: Axes, keepdim: bool, dtype: DType | str | None
    ) -> Self:
        axes = views.axes_of(name, axis, self.ndim)
        kept, result = accumulated_in(name, self.dtype, dtype)
        node = reduced(op, self.node.cast(kept), axes, SUM_ORDER)
        return self._like((node if keepdim else views.squeezed(node, axes)).cast(result))

    def sum(
        self, axis: Axes = None, keepdim: bool = False, dtype: DType | str | None = None
    ) -> Self:
        """The sum; of no elements +0.

        Bools and integers below 32 bits give int32 or uint32; float16 accumulates in float32 and
        rounds once. With `dtype`, elements are cast to the accumulator of `dtype` and the sum to
        `dtype`.
        """
        return self._accumulate("sum", Op.ADD, axis, keepdim, dtype)

    def prod(
        self, axis: Axes = None, keepdim: bool = False, dtype: DType | str | None = None
    ) -> Self:
        """The product; of no elements 1. Dtypes as in `sum`."""
        return self._accumulate("prod", Op.MUL, axis, keepdim, dtype)

    def _extreme(self, name: str, op: Op, axis: Axes, keepdim: bool) -> Self:
        axes = views.axes_of(name, axis, self.ndim)
        sizes = [interval(self.shape[i])[0] for i in axes]
        kept = [interval(s)[1] for i, s in enumerate(self.shape) if i not in axes]
        if 0 in sizes and 0 not in kept:
            raise ValueError(
                f"{name}: no elements along axes {axes} of {show(self.shape)}, so there is no "
                f"{name}"
            )
        node = reduced(op, self.node, axes, None)
        return self._like(node if keepdim else views.squeezed(node, axes))

    def max(self, axis: Axes = None, keepdim: bool = False) -> Self:
        """The largest element; NaN wins, +0 is larger than -0. ValueError over an empty axis."""
        return self._extreme("max", Op.MAXIMUM, axis, keepdim)

    def min(self, axis: Axes = None, keepdim: bool = False) -> Self:
        """The smallest element; NaN wins, -0 is smaller than +0. ValueError over an empty axis."""
        return self._extreme("min", Op.MINIMUM, axis, keepdim)
