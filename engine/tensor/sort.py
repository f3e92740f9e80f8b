"""Sorting along an axis, stable, by merging sorted runs of keys.

An element's key is an unsigned integer that grows with it: +0 and -0 share one, and all NaNs share
the greatest. Each key stands in the upper half of a uint64 over its place, so that the numbers are
distinct and equal elements keep their order. Keys of 64 bits are sorted twice, by their lower and
then by their upper half. What is sorted are the places; the elements follow by a gather, which
keeps their bits.
"""

from __future__ import annotations

from typing import Self

from engine import dtypes
from engine.graph import Node
from engine.ops import Op
from engine.tensor import views
from engine.tensor.along import cut_last, fixed_size, gathered_last, moved_back, moved_last
from engine.tensor.base import TensorBase
from engine.tensor.variable import as_sint, describe

HALF = 32


class Sorting(TensorBase):
    """Along one axis of fixed size, which a scalar has too."""

    def sort(self, dim: int = -1, descending: bool = False) -> tuple[Self, Self]:
        """The elements in order, and their places as int32.

        Equal elements, among them +0 and -0, keep their order; NaN is greatest, so it is last, or
        first if `descending`. No bit of an element changes.
        """
        return self._sorted("sort", dim, descending, None)

    def argsort(self, dim: int = -1, descending: bool = False) -> Self:
        """The places, as int32, that `sort` gives."""
        return self._sorted("argsort", dim, descending, None)[1]

    def topk(
        self, k: int, dim: int = -1, largest: bool = True, sorted_: bool = True
    ) -> tuple[Self, Self]:
        """The first k of `sort`, in its order whatever `sorted_` says: the largest, or smallest.

        Of equal elements those at the lowest places are taken. ValueError unless 0 <= k <= size;
        a scalar stays one, so that k is 1.
        """
        return self._sorted("topk", dim, largest, k)

    def _sorted(self, name: str, dim: int, descending: bool, k: int | None) -> tuple[Self, Self]:
        x, place = moved_last(name, self.node, dim)
        size = fixed_size(name, x)
        count = size if k is None else as_sint(name, k)
        least = 0 if self.ndim else 1  # a scalar stays one
        if not isinstance(count, int) or not least <= count <= size:
            raise ValueError(f"{name}: {describe(count)} elements of an axis of size {size}")
        places = cut_last(order_of(x, descending), 0, count)
        values = gathered_last(x, places)
        first, second = (moved_back(node, place, self.ndim) for node in (values, places))
        return self._like(first), self._like(second)


def order_of(x: Node, descending: bool = False) -> Node:
    """The places of the last axis in the order of their elements, as int32."""
    keys = _keys(x)
    keys = keys.unary(Op.NOT) if descending else keys
    if keys.dtype.bits <= HALF:
        return _places_in_order(keys)
    by_lower = _places_in_order(keys.cast(dtypes.uint32))
    upper = keys.binary(Op.RSHIFT, HALF).cast(dtypes.uint32)
    by_upper = _places_in_order(gathered_last(upper, by_lower))
    return gathered_last(by_lower, by_upper)


def _keys(x: Node) -> Node:
    """Unsigned integers of the width of x in the order of its elements."""
    if x.dtype is dtypes.bool_:
        return x.cast(dtypes.uint8)
    bits = x if x.dtype.kind == "uint" else Node(Op.BITCAST, x.dtype.unsigned, (x,))
    if x.dtype.kind == "int":
        return bits ^ bits.constant_bits(x.dtype.sign_bit)
    if x.dtype.is_float:
        sign = bits.constant_bits(x.dtype.sign_bit)
        negative = x.lt(0)  # so that -0 counts as +0
        magnitude = bits & ~sign
        # No number has the key of -0, so that the others of +0 and more may begin with it: without
        # that, the largest number of a dtype without infinities had the key of NaN.
        key = negative.where(bits.unary(Op.NOT), magnitude + (x.dtype.sign_bit - 1))
        return x.eq(x).where(key, key.constant_bits((1 << x.dtype.bits) - 1))
    return bits


def _places_in_order(keys: Node) -> Node:
    """The places of the last axis in the order of its keys of at most 32 bits, as int32."""
    size = fixed_size("sort", keys)
    wide = dtypes.uint64
    places = views.expand(views.iota(size).cast(wide), keys.shape)
    numbers = keys.cast(wide).binary(Op.LSHIFT, HALF) | places
    length = 1
    while length < size:
        numbers = Node(Op.MERGE, wide, (numbers,), length)
        length *= 2
    return numbers.cast(dtypes.uint32).cast(dtypes.int32)
