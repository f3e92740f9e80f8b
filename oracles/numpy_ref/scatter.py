"""Writing at named places in numpy, one element after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from oracles.formats import Array, format_of
from oracles.numpy_ref.support import canonical, convert
from oracles.promotion import accumulator, sum_dtype

Combine = Callable[[Any, Any], Any]


def scatter(x: Array, index: Array, src: Array, dim: int, reduce: str | None = None) -> Array:
    """The last value wins; with `reduce` values are combined in the order of the index."""
    values = _checked(x, index, convert(src, x.dtype.name), dim)
    if reduce is None:
        return _written(x, index, values, dim, lambda old, new: new)
    wide = accumulator(x.dtype.name) if format_of(x).is_float else x.dtype.name
    combine = {"add": np.add, "multiply": np.multiply}[reduce]
    result = _written(convert(x, wide), index, convert(values, wide), dim, combine)
    return convert(canonical(result), x.dtype.name)


def scatter_reduce(
    x: Array, index: Array, src: Array, dim: int, reduce: str, include_self: bool = True
) -> Array:
    """What falls on a place is combined, on top of what is there or of the identity."""
    values = _checked(x, index, convert(src, x.dtype.name), dim)
    wide = x.dtype.name
    if reduce == "mean" or format_of(x).is_float:
        wide = accumulator(sum_dtype(wide))
    base = convert(x, wide)
    count = np.ones(index.shape, dtype=np.int64)
    fallen = _written(np.zeros(x.shape, dtype=np.int64), index, count, dim, np.add)
    first = base if include_self else np.where(fallen > 0, _identity(reduce, base), base)
    result = _written(first, index, convert(values, wide), dim, _COMBINE[reduce])
    if reduce == "mean":
        result = _divided(result, np.maximum(fallen + include_self, 1))
    return convert(canonical(result), x.dtype.name)


def _checked(x: Array, index: Array, src: Array, dim: int) -> Array:
    """The part of the values that has the index's shape; ValueError where it does not fit."""
    if not x.ndim == index.ndim == src.ndim:
        raise ValueError(f"{x.shape}, {index.shape} and {src.shape} differ in their number of axes")
    if not -max(x.ndim, 1) <= dim < max(x.ndim, 1):
        raise IndexError(f"axis {dim} of a tensor with {x.ndim} axes")
    for axis, size in enumerate(index.shape):
        if size > src.shape[axis] or (axis != dim % x.ndim and size > x.shape[axis]):
            raise ValueError(f"an index of {index.shape} for {x.shape} and {src.shape}")
    return src[tuple(slice(size) for size in index.shape)]


def _written(base: Array, index: Array, values: Array, dim: int, combine: Combine) -> Array:
    """Row-major order has increasing places along every axis."""
    result = np.array(base.reshape(1) if base.ndim == 0 else base)
    picks, given = index.reshape(result.ndim * (1,)) if base.ndim == 0 else index, values
    given = given.reshape(picks.shape)
    size = result.shape[dim]
    axis = dim % result.ndim
    with np.errstate(all="ignore"):
        for at in np.ndindex(picks.shape):
            place = int(picks[at])
            if -size <= place < size:
                target = (*at[:axis], place % size, *at[axis + 1 :])
                result[target] = combine(result[target], given[at])
    return result.reshape(base.shape)


def _greatest(old: Any, new: Any) -> Any:
    """NaN wins, +0 > -0."""
    if old == new == 0:
        return new if np.signbit(old) else old
    return new if new > old or new != new else old


def _least(old: Any, new: Any) -> Any:
    """NaN wins, -0 < +0."""
    if old == new == 0:
        return old if np.signbit(old) else new
    return new if new < old or new != new else old


_COMBINE: dict[str, Combine] = {
    "sum": np.add, "mean": np.add, "prod": np.multiply, "amax": _greatest, "amin": _least,
}  # fmt: skip


def _identity(reduce: str, base: Array) -> Any:
    """Where a combination without the old value starts."""
    row = format_of(base)
    if reduce in ("sum", "mean", "prod"):
        return base.dtype.type(1 if reduce == "prod" else 0)
    if row.is_float:
        return base.dtype.type(-np.inf if reduce == "amax" else np.inf)
    return base.dtype.type(row.minimum if reduce == "amax" else row.maximum)


def _divided(total: Array, counts: Array) -> Array:
    """Integers are floored."""
    divisor = counts.astype(total.dtype)
    function = np.divide if format_of(total).is_float else np.floor_divide
    with np.errstate(all="ignore"):
        return np.asarray(function(total, divisor))
