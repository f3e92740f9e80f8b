"""Reductions and matmul in numpy, in the contract's order of accumulation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod as _product_of

import numpy as np

from oracles.catalog import ROWS, result_dtype
from oracles.formats import FORMATS, Array, format_of
from oracles.numpy_ref.support import canonical, common, convert, rounded, widened
from oracles.order import ordered_matmul, ordered_reduce
from oracles.promotion import accumulator, sum_dtype

Axis = int | Sequence[int] | None


def reduced_axes(ndim: int, axis: Axis) -> tuple[int, ...]:
    """The axes as sorted non-negative numbers; None means all of them.

    A scalar has one axis, of size 1, which is none of its shape.
    """
    if axis is None:
        return tuple(range(ndim))
    if ndim == 0:
        return reduced_axes(1, axis)[1:]
    given = (axis,) if isinstance(axis, int) else tuple(axis)
    for one in given:
        if not -ndim <= one < ndim:
            raise IndexError(f"axis {one} of a tensor with {ndim} axes")
    axes = tuple(sorted(one % ndim for one in given))
    if len(set(axes)) != len(axes):
        raise ValueError(f"an axis is given twice in {given}")
    return axes


def gather_axes(x: Array, axis: Axis) -> Array:
    """[kept axes..., n]: the reduced axes row-major in the input's own axis order."""
    axes = reduced_axes(x.ndim, axis)
    kept = [k for k in range(x.ndim) if k not in axes]
    count = _product_of(x.shape[k] for k in axes)
    moved = x.transpose(*kept, *axes)
    return moved.reshape(*(x.shape[k] for k in kept), count)


def restore(result: Array, x: Array, axis: Axis, keepdim: bool) -> Array:
    """A result without the reduced axes, or with them as 1."""
    if not keepdim:
        return result
    axes = reduced_axes(x.ndim, axis)
    return result.reshape([1 if k in axes else n for k, n in enumerate(x.shape)])


def _accumulate(op: str, x: Array, axis: Axis, keepdim: bool, dtype: str | None) -> Array:
    """Inputs convert to the accumulator; floats are ordered, integers wrap in any order."""
    result = result_dtype(op, (x.dtype.name,), {"dtype": dtype})
    values = gather_axes(convert(x, accumulator(result)), axis)
    if FORMATS[result].is_float:
        order = ROWS[op].order
        assert order is not None
        total = ordered_reduce(values, op, order.lanes, order.rows)
        total = convert(canonical(total), result)
    else:
        function = np.sum if op == "sum" else np.prod
        with np.errstate(all="ignore"):
            total = np.asarray(function(values, axis=-1, dtype=values.dtype))
        total = convert(total, result)
    return restore(total, x, axis, keepdim)


def sum(  # noqa: A001 - the catalog's name
    x: Array, axis: Axis = None, keepdim: bool = False, dtype: str | None = None
) -> Array:
    """Sum in Order(32, 32); empty is +0."""
    return _accumulate("sum", x, axis, keepdim, dtype)


def prod(x: Array, axis: Axis = None, keepdim: bool = False, dtype: str | None = None) -> Array:
    """Product in Order(32, 32); empty is 1."""
    return _accumulate("prod", x, axis, keepdim, dtype)


def max(x: Array, axis: Axis = None, keepdim: bool = False) -> Array:  # noqa: A001
    """Greatest element: NaN wins (canonical), +0 > -0; an empty axis raises ValueError."""
    return _extreme("max", x, axis, keepdim)


def min(x: Array, axis: Axis = None, keepdim: bool = False) -> Array:  # noqa: A001
    """Least element: NaN wins (canonical), -0 < +0; an empty axis raises ValueError."""
    return _extreme("min", x, axis, keepdim)


def _extreme(op: str, x: Array, axis: Axis, keepdim: bool) -> Array:
    values = gather_axes(x, axis)
    if values.shape[-1] == 0 and values.size == 0 and _product_of(values.shape[:-1]) > 0:
        raise ValueError(f"{op} over an empty axis")
    if values.shape[-1] == 0:
        return restore(np.zeros(values.shape[:-1], dtype=x.dtype), x, axis, keepdim)
    return restore(rounded(partial(_extreme_of, op), values), x, axis, keepdim)


def _extreme_of(op: str, values: Array) -> Array:
    """numpy returns either zero; the contract wants +0 from max if any, -0 from min if any."""
    found = np.asarray((np.max if op == "max" else np.min)(values, axis=-1))
    if not format_of(values).is_float:
        return found
    zero = values == 0
    preferred = zero & (~np.signbit(values) if op == "max" else np.signbit(values))
    better = values.dtype.type(0.0 if op == "max" else -0.0)
    return np.asarray(np.where((found == 0) & preferred.any(axis=-1), better, found))


def any(x: Array, axis: Axis = None, keepdim: bool = False) -> Array:  # noqa: A001
    """Whether an element is not 0; NaN is true."""
    return restore(np.any(gather_axes(convert(x, "bool"), axis), axis=-1), x, axis, keepdim)


def all(x: Array, axis: Axis = None, keepdim: bool = False) -> Array:  # noqa: A001
    """Whether no element is 0; NaN is true."""
    return restore(np.all(gather_axes(convert(x, "bool"), axis), axis=-1), x, axis, keepdim)


def argmax(x: Array, axis: int | None = None, keepdim: bool = False) -> Array:
    """The first NaN, or else the first greatest element; +0 and -0 are equal."""
    return _place("argmax", x, axis, keepdim)


def argmin(x: Array, axis: int | None = None, keepdim: bool = False) -> Array:
    """The first NaN, or else the first least element; +0 and -0 are equal."""
    return _place("argmin", x, axis, keepdim)


def _place(op: str, x: Array, axis: int | None, keepdim: bool) -> Array:
    """numpy's argmax and argmin have the contract's meaning at NaN, zeros and ties."""
    values = gather_axes(x, axis)
    kept = values.shape[:-1]
    if values.shape[-1] == 0:
        if _product_of(kept) > 0:
            raise ValueError(f"{op} over an empty axis")
        return restore(np.zeros(kept, dtype=np.int32), x, axis, keepdim)
    found = (np.argmax if op == "argmax" else np.argmin)(widened(values), axis=-1)
    return restore(np.asarray(found).astype(np.int32), x, axis, keepdim)


def matmul(x: Array, y: Array, dtype: str | None = None) -> Array:
    """numpy's matmul shapes; Order(1, 256) over products rounded in the accumulator."""
    if x.ndim == 0 or y.ndim == 0:
        raise ValueError("matmul of a 0-d tensor")
    x, y = common(x, y)
    result = sum_dtype(x.dtype.name) if dtype is None else dtype
    wide = accumulator(result)
    left = convert(x, wide)[None, :] if x.ndim == 1 else convert(x, wide)
    right = convert(y, wide)[:, None] if y.ndim == 1 else convert(y, wide)
    if left.shape[-1] != right.shape[-2]:
        raise ValueError(f"matmul of {x.shape} and {y.shape}")
    order = ROWS["matmul"].order
    assert order is not None
    total = convert(canonical(ordered_matmul(left, right, order)), result)
    if y.ndim == 1:
        total = total[..., 0]
    if x.ndim == 1:
        total = total[..., 0] if y.ndim == 1 else total[..., 0, :]
    return np.asarray(total)
