"""Reading by index in numpy.  Index arrays out of range read 0, which numpy does not do.

For `getitem` every axis under an index array gets one more element, 0, behind its end; a place that
is out of range becomes the place of that element.  numpy does all the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from oracles.formats import FORMATS, Array, format_of
from oracles.numpy_ref.creation import full
from oracles.numpy_ref.support import convert, move

Scalar = bool | int | float


def getitem(x: Array, *tensors: Array, index: Any) -> Array:
    """x[index], where the words t1, t2 … in the index stand for index arrays."""
    named = {f"t{k}": tensor for k, tensor in enumerate(tensors, 1)}
    given = index if isinstance(index, tuple) else (index,)
    items = [named[item] if isinstance(item, str) else item for item in given]
    key, widths = placed(items, x.shape)
    if not tensors:
        return move(x, lambda bits: np.asarray(bits[index]))
    return move(x, lambda bits: np.asarray((np.pad(bits, widths) if any(widths) else bits)[key]))


def placed(items: Sequence[Any], shape: tuple[int, ...]) -> tuple[Any, list[tuple[int, int]]]:
    """A key for an array with one more element behind the end of each axis under an index array.

    Also how many more elements there are, before and behind, on each axis of `shape`.
    """
    used = [_axes_used(item) for item in items]
    widths = [(0, 0)] * len(shape)
    found: list[Any] = []
    for k, item in enumerate(items):
        axis = len(shape) - sum(used[k:]) if Ellipsis in _plain(items[:k]) else sum(used[:k])
        if isinstance(item, np.ndarray) and item.dtype != np.bool_:
            if not 0 <= axis < len(shape):
                raise IndexError(f"{sum(used)} indices for {len(shape)} axes")
            widths[axis] = (0, 1)
            found.append(_located(item, shape[axis]))
        else:
            found.append(item)
    return tuple(found), widths


def _plain(items: Sequence[Any]) -> list[Any]:
    """Without arrays, which do not compare."""
    return [item for item in items if not isinstance(item, np.ndarray)]


def _axes_used(item: Any) -> int:
    if item is None or item is Ellipsis or isinstance(item, bool):
        return 0
    return item.ndim if isinstance(item, np.ndarray) and item.dtype == np.bool_ else 1


def _located(index: Array, extent: int) -> Array:
    """Places counted from the start of an axis; its extent where they are out of range."""
    negative = index < 0
    with np.errstate(all="ignore"):
        position = np.where(negative, index.astype(np.int64) + extent, 0)
        position = np.where(negative, position, np.minimum(index, _limit(index, extent)))
    position = position.astype(np.int64)
    return np.where((position >= 0) & (position < extent), position, extent)


def _limit(index: Array, extent: int) -> Any:
    """`extent` in the index dtype, or its maximum where `extent` does not fit."""
    return index.dtype.type(min(extent, FORMATS[index.dtype.name].maximum))


def take(x: Array, index: Array, axis: int | None = None) -> Array:
    """x read along `axis` at `index` (any shape): from the end below 0, 0 out of range.

    Without an axis x is flattened first, as in numpy.
    """
    _check(index)
    if axis is None:
        x, axis = move(x, lambda bits: bits.reshape(-1)), 0
    if not -x.ndim <= axis < x.ndim:
        raise IndexError(f"axis {axis} of a tensor with {x.ndim} axes")
    place = axis % x.ndim
    wide, at = _one_more(x, place), _located(index, x.shape[place])
    return move(wide, lambda bits: np.take(bits, at, axis=place))


def gather(x: Array, index: Array, dim: int) -> Array:
    """Along `dim` at the index, elsewhere in place; the result has the shape of the index."""
    _check(index)
    shape, sizes = index.shape or (1,), x.shape or (1,)
    place = dim % len(sizes)
    if x.ndim != index.ndim or any(
        n > m for k, (n, m) in enumerate(zip(shape, sizes)) if k != place
    ):
        raise ValueError(f"an index of shape {index.shape} does not fit {x.shape}")
    wide = _one_more(move(x, lambda bits: bits.reshape(sizes)), place)
    places: list[Array] = list(np.indices(shape, sparse=True))
    places[place] = _located(index, sizes[place]).reshape(shape)
    return move(wide, lambda bits: np.asarray(bits[tuple(places)]).reshape(index.shape))


def _check(index: Array) -> None:
    if format_of(index).kind not in ("int", "uint"):
        raise TypeError(f"an index is of integers, not {index.dtype}")


def _one_more(x: Array, axis: int) -> Array:
    """x with one more element, 0, behind the end of an axis."""
    widths = [(0, int(k == axis)) for k in range(x.ndim)]
    return move(x, lambda bits: np.pad(bits, widths))


def one_hot(x: Array, num_classes: int) -> Array:
    """1 where x is 0 … num_classes - 1, else 0: int32, with a new last axis."""
    rows = [[int(int(value) == k) for k in range(num_classes)] for value in x.reshape(-1)]
    return np.array(rows, dtype=np.int32).reshape(*x.shape, num_classes)


def nonzero(x: Array, size: int | None = None, fill_value: Scalar = 0) -> Array:
    """The coordinates of what is not 0; with `size` so many rows, the rest `fill_value`."""
    found = np.argwhere(np.atleast_1d(convert(x, "bool"))).astype(np.int32)[:, : x.ndim]
    return found if size is None else _sized(found, size, full((), fill_value, "int32"))


def masked_select(
    x: Array, mask: Array, size: int | None = None, fill_value: Scalar = 0
) -> Array:
    """x where the mask is true, both broadcast; with `size` so many, the rest `fill_value`."""
    row = format_of(x)
    shape = np.broadcast_shapes(x.shape, mask.shape)
    bits = np.broadcast_to(row.to_bits(x), shape)[np.broadcast_to(mask, shape)]
    if size is not None:
        bits = _sized(bits, size, row.to_bits(full((), fill_value, row.name)))
    return row.from_bits(bits)


def _sized(found: Array, size: int, fill: Array) -> Array:
    """The first `size` rows, then rows of `fill`."""
    result = np.full((size, *found.shape[1:]), fill, dtype=found.dtype)
    result[: len(found)] = found[:size]
    return result
