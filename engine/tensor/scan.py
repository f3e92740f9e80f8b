"""Scans: each element combined with those before it along an axis.

Order of floats: the axis is cut into chunks of 256 elements. Each is scanned in sequence, from the
identity; the totals of the chunks are scanned by the same rule, and each chunk's elements are then
combined with the total of those before it.
"""

from __future__ import annotations

from typing import Self

from engine import dtypes
from engine.dtypes import DType
from engine.folds import identity
from engine.graph import Node
from engine.ops import Op, Operation
from engine.tensor import views
from engine.tensor.along import cut_last, fixed_size, moved_back, moved_last, padded_last
from engine.tensor.base import TensorBase
from engine.tensor.reduce import accumulated_in

CHUNK = 256


class Scans(TensorBase):
    """Along one axis of fixed size, which a scalar has too."""

    def cumsum(self, axis: int = 0, dtype: DType | str | None = None) -> Self:
        """The sum of each element and those before it; dtypes as in `sum`. Never -0."""
        return self._accumulated("cumsum", Op.ADD, axis, dtype)

    def cumprod(self, axis: int = 0, dtype: DType | str | None = None) -> Self:
        """The product of each element and those before it; dtypes as in `sum`."""
        return self._accumulated("cumprod", Op.MUL, axis, dtype)

    def _accumulated(self, name: str, op: Operation, axis: int, dtype: DType | str | None) -> Self:
        kept, result = accumulated_in(name, self.dtype, dtype)
        x, place = moved_last(name, self.node.cast(kept), axis)
        return self._like(moved_back(scanned(name, op, x), place, self.ndim).cast(result))

    def cummax(self, axis: int = 0) -> tuple[Self, Self]:
        """The largest element so far and, as int32, its place: the first NaN's, or else the first.

        +0 and -0 are equal and share a place; as in `max`, the value is +0 if there was one.
        """
        return self._extremes("cummax", Op.MAXIMUM, axis)

    def cummin(self, axis: int = 0) -> tuple[Self, Self]:
        """The smallest element so far and its place; otherwise as `cummax`."""
        return self._extremes("cummin", Op.MINIMUM, axis)

    def _extremes(self, name: str, op: Operation, axis: int) -> tuple[Self, Self]:
        x, place = moved_last(name, self.node, axis)
        size = fixed_size(name, x)
        values = scanned(name, op, x)
        before = padded_last(cut_last(values, 0, max(size - 1, 0)), min(size, 1), 0, x.constant(0))
        grown = before.lt(x) if op is Op.MAXIMUM else x.lt(before)
        if x.dtype is dtypes.bool_:
            grown = ~before & x if op is Op.MAXIMUM else before & ~x
        if x.dtype.is_float:
            grown = grown | (x.ne(x) & before.eq(before))
        places = views.expand(views.iota(size), x.shape)  # the first is 0 whether it is new or not
        found = scanned(name, Op.MAXIMUM, grown.where(places, places.constant(0)))
        first, second = (moved_back(node, place, self.ndim) for node in (values, found))
        return self._like(first), self._like(second)


def scanned(name: str, op: Operation, x: Node) -> Node:
    """x scanned along its last axis, in chunks. ValueError where its size is symbolic."""
    size = fixed_size(name, x)
    if size <= CHUNK:
        return Node(Op.SCAN, x.dtype, (x,), op.name) if size else x
    count = -(-size // CHUNK)
    start = identity(op, x.dtype)
    chunks = padded_last(x, 0, count * CHUNK - size, start)
    chunks = views.reshape(chunks, (*x.shape[:-1], count, CHUNK))
    local = Node(Op.SCAN, x.dtype, (chunks,), op.name)
    totals = views.squeezed(cut_last(local, CHUNK - 1, CHUNK), (len(local.shape) - 1,))
    before = padded_last(cut_last(scanned(name, op, totals), 0, count - 1), 1, 0, start)
    offsets = views.expand(views.reshape(before, (*before.shape, 1)), local.shape)
    result = offsets.binary(op, local)
    return cut_last(views.reshape(result, (*x.shape[:-1], count * CHUNK)), 0, size)
