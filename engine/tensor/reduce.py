"""Reductions over any axes: sums and products, extremes and their places, any and all.

The order in which floats accumulate is an attribute of the node, the same on every device.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from engine import dtypes
from engine.dtypes import DType
from engine.graph import Node
from engine.ops import Op, Operation
from engine.tensor import views
from engine.tensor.base import TensorBase, checked_dtype
from engine.tensor.variable import interval, show

Axes = int | Sequence[int] | None
Order = tuple[int, int] | None
SUM_ORDER = (32, 32)  # lanes, rows: 32 partial sums take turns, in blocks of 1024 elements


def reduced(op: Operation, x: Node, axes: tuple[int, ...], order: Order) -> Node:
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
        self, name: str, op: Operation, axis: Axes, keepdim: bool, dtype: DType | str | None
    ) -> Self:
        axes = views.reduced_axes(name, axis, self.ndim)
        kept, result = accumulated_in(name, self.dtype, dtype)
        node = reduced(op, self.node.cast(kept), axes, SUM_ORDER)
        return self._kept(node.cast(result), axes, keepdim)

    def sum(
        self, axis: Axes = None, keepdim: bool = False, dtype: DType | str | None = None
    ) -> Self:
        """The sum; of no elements +0.

        Bools and integers below 32 bits give int32 or uint32; floats narrower than float32
        accumulate in it and are rounded once. With `dtype`, elements are cast to the accumulator of
        `dtype` and the sum to `dtype`.
        """
        return self._accumulate("sum", Op.ADD, axis, keepdim, dtype)

    def prod(
        self, axis: Axes = None, keepdim: bool = False, dtype: DType | str | None = None
    ) -> Self:
        """The product; of no elements 1. Dtypes as in `sum`."""
        return self._accumulate("prod", Op.MUL, axis, keepdim, dtype)

    def _extreme(self, name: str, op: Operation, axis: Axes, keepdim: bool) -> Self:
        axes = views.reduced_axes(name, axis, self.ndim)
        self._check_elements(name, axes)
        return self._kept(reduced(op, self.node, axes, None), axes, keepdim)

    def _check_elements(self, name: str, axes: tuple[int, ...]) -> None:
        """ValueError where a result is due and there may be no element to take it from."""
        sizes = [interval(self.shape[i])[0] for i in axes]
        kept = [interval(s)[1] for i, s in enumerate(self.shape) if i not in axes]
        if 0 in sizes and 0 not in kept:
            raise ValueError(
                f"{name}: no elements along axes {axes} of {show(self.shape)}, so there is no "
                f"{name}"
            )

    def _kept(self, node: Node, axes: tuple[int, ...], keepdim: bool) -> Self:
        """A result whose reduced axes have size 1, with or without them."""
        return self._like(node if keepdim else views.squeezed(node, axes))

    def max(self, axis: Axes = None, keepdim: bool = False) -> Self:
        """The largest element; NaN wins, +0 is larger than -0. ValueError over an empty axis."""
        return self._extreme("max", Op.MAXIMUM, axis, keepdim)

    def min(self, axis: Axes = None, keepdim: bool = False) -> Self:
        """The smallest element; NaN wins, -0 is smaller than +0. ValueError over an empty axis."""
        return self._extreme("min", Op.MINIMUM, axis, keepdim)

    # -- truth -------------------------------------------------------------------------------------
    def any(self, axis: Axes = None, keepdim: bool = False) -> Self:
        """Whether an element is not 0; NaN is true. Of no elements False."""
        return self._truth("any", Op.MAXIMUM, axis, keepdim)

    def all(self, axis: Axes = None, keepdim: bool = False) -> Self:
        """Whether no element is 0; NaN is true. Of no elements True."""
        return self._truth("all", Op.MINIMUM, axis, keepdim)

    def _truth(self, name: str, op: Operation, axis: Axes, keepdim: bool) -> Self:
        axes = views.reduced_axes(name, axis, self.ndim)
        return self._kept(reduced(op, self.node.cast(dtypes.bool_), axes, None), axes, keepdim)

    # -- places ------------------------------------------------------------------------------------
    def argmax(self, axis: int | None = None, keepdim: bool = False) -> Self:
        """Where the largest element is, as int32: the first NaN, or else the first of equal ones.

        +0 and -0 are equal here, so that the element found may be -0 where `max` is +0. Without an
        axis, the place in the flattened tensor. ValueError over an empty axis.
        """
        return self._place("argmax", Op.MAXIMUM, axis, keepdim)

    def argmin(self, axis: int | None = None, keepdim: bool = False) -> Self:
        """Where the smallest element is; otherwise as `argmax`."""
        return self._place("argmin", Op.MINIMUM, axis, keepdim)

    def _place(self, name: str, op: Operation, axis: int | None, keepdim: bool) -> Self:
        axes = views.reduced_axes(name, None if axis is None else (axis,), self.ndim)
        self._check_elements(name, axes)
        kept = tuple(s for i, s in enumerate(self.shape) if i not in axes)
        order = (*(i for i in range(self.ndim) if i not in axes), *axes)
        count = views.product([self.shape[i] for i in axes])
        x = views.reshape(views.permute(self.node, order), (*kept, count))
        found = first_extreme(op, x)
        shape = tuple(1 if i in axes else s for i, s in enumerate(self.shape))
        return self._like(views.reshape(found, shape if keepdim else kept))


def first_extreme(op: Operation, x: Node) -> Node:
    """The first place of the extreme along the last axis, which is not empty; NaN wins."""
    axis = len(x.shape) - 1
    extreme = views.expand(reduced(op, x, (axis,), None), x.shape)
    found = x.eq(extreme)
    if x.dtype.is_float:
        found = found | x.ne(x)  # with a NaN the extreme is NaN, which equals nothing
    places = views.expand(views.iota(x.shape[axis]), x.shape)
    beyond = places.constant(interval(x.shape[axis])[1])
    first = reduced(Op.MINIMUM, found.where(places, beyond), (axis,), None)
    return views.squeezed(first, (axis,))
