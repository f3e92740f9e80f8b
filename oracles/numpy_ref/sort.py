"""Sorting in numpy: stable, NaN greatest, bits kept."""

from __future__ import annotations

import numpy as np

from oracles.formats import FORMATS, Array, format_of
from oracles.numpy_ref.support import moved_back, moved_last, widened


def sort(x: Array, dim: int = -1, descending: bool = False) -> tuple[Array, Array]:
    """Elements in order and their places."""
    return topk(x, moved_last(x, dim).shape[-1], dim, descending)


def argsort(x: Array, dim: int = -1, descending: bool = False) -> Array:
    """The places that `sort` gives."""
    return sort(x, dim, descending)[1]


def topk(
    x: Array, k: int, dim: int = -1, largest: bool = True, sorted_: bool = True
) -> tuple[Array, Array]:
    """The first k of `sort`, whatever `sorted_` says; a scalar stays one, so that k is 1."""
    lines = moved_last(x, dim)
    if not (0 if x.ndim else 1) <= k <= lines.shape[-1]:
        raise ValueError(f"{k} elements of an axis of size {lines.shape[-1]}")
    places = _order(lines, largest)[..., :k]
    row = format_of(x)
    bits = np.take_along_axis(row.to_bits(lines), places, axis=-1)
    values = FORMATS[row.name].from_bits(np.ascontiguousarray(bits))
    return moved_back(values, x, dim), moved_back(places.astype(np.int32), x, dim)


def _order(lines: Array, descending: bool) -> Array:
    """numpy's stable order has NaN last and equal zeros.

    Descending it is the reverse of the stable order of the reversed elements, so that equal ones
    keep their order.
    """
    numbers = widened(lines)
    if not descending:
        return np.argsort(numbers, axis=-1, kind="stable")
    backwards = np.argsort(numbers[..., ::-1], axis=-1, kind="stable")
    return np.asarray(lines.shape[-1] - 1 - backwards[..., ::-1])
