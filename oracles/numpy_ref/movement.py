"""Casts, movement, indexing and creation in numpy.  Movement goes through bit patterns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import ceil, isfinite
from typing import Any

import numpy as np

from oracles.catalog import result_dtype
from oracles.formats import FORMATS, Array, format_of
from oracles.numpy_ref.support import canonical, convert, scalar
from oracles.promotion import accumulator

Scalar = bool | int | float


def _move(x: Array, step: Callable[[Array], Array]) -> Array:
    """Apply a numpy movement to the bits, so that no payload can change on the way."""
    row = format_of(x)
    return row.from_bits(np.asarray(step(row.to_bits(x))))


def cast(x: Array, dtype: str) -> Array:
    """The value of x in `dtype`; the same dtype keeps the bits."""
    return convert(x, dtype)


def bitcast(x: Array, dtype: str) -> Array:
    """The bits of x read as `dtype` of the same width; bool has no part in it."""
    source, target = format_of(x), FORMATS[dtype]
    if source.bits != target.bits or "bool" in (source.name, target.name):
        raise TypeError(f"bitcast from {source.name} to {target.name}")
    return target.from_bits(source.to_bits(x))


def reshape(x: Array, shape: Sequence[int]) -> Array:
    """Row-major reshape; one extent may be -1."""
    return _move(x, lambda bits: bits.reshape(tuple(shape)))


def permute(x: Array, order: Sequence[int]) -> Array:
    """Axis k of the result is axis order[k] of x."""
    return _move(x, lambda bits: bits.transpose(tuple(order)))


def expand(x: Array, shape: Sequence[int]) -> Array:
    """Broadcast to `shape`; -1 keeps the extent of the axis it stands for."""
    offset = len(shape) - x.ndim
    full = [x.shape[k - offset] if n == -1 else n for k, n in enumerate(shape)]
    return _move(x, lambda bits: np.broadcast_to(bits, tuple(full)))


def pad(x: Array, padding: Sequence[tuple[int, int]], value: Scalar = 0) -> Array:
    """`value`, rounded to the dtype of x, around x: (before, after) for each axis."""
    row = format_of(x)
    fill = row.to_bits(np.asarray(scalar(value, row.name)))[()]
    widths = [tuple(pair) for pair in padding]
    if len(widths) != x.ndim:
        raise ValueError(f"pad: {len(widths)} pairs for {x.ndim} dimensions")
    if not widths:
        return x
    return _move(x, lambda bits: np.pad(bits, widths, constant_values=fill))


def shrink(x: Array, arg: Sequence[tuple[int, int]]) -> Array:
    """x[lo:hi] for each axis, 0 <= lo <= hi <= extent."""
    for (low, high), extent in zip(arg, x.shape, strict=True):
        if not 0 <= low <= high <= extent:
            raise ValueError(f"shrink to {low}:{high} of an axis of {extent}")
    window = tuple(slice(low, high) for low, high in arg)
    return _move(x, lambda bits: bits[window])


def flip(x: Array, axis: int | Sequence[int]) -> Array:
    """x reversed along one axis or several."""
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    return _move(x, lambda bits: np.flip(bits, axes))


def getitem(x: Array, index: Any) -> Array:
    """Basic indexing with integers, slices, None and Ellipsis; out of range raises."""
    return _move(x, lambda bits: np.asarray(bits[index]))


def take(x: Array, index: Array, axis: int | None = None) -> Array:
    """x read along `axis` at `index` (any shape): from the end below 0, 0 out of range.

    Without an axis x is flattened first, as in numpy.
    """
    if format_of(index).kind not in ("int", "uint"):
        raise TypeError(f"take needs integer indices, not {index.dtype}")
    if axis is None:
        x, axis = _move(x, lambda bits: bits.reshape(-1)), 0
    if not -x.ndim <= axis < x.ndim:
        raise IndexError(f"axis {axis} of a tensor with {x.ndim} axes")
    axis = axis + x.ndim if axis < 0 else axis
    extent = x.shape[axis]
    negative = index < 0
    with np.errstate(all="ignore"):
        position = np.where(negative, index.astype(np.int64) + extent, 0)
        position = np.where(negative, position, np.minimum(index, _limit(index, extent)))
    position = position.astype(np.int64)
    inside = (position >= 0) & (position < extent)
    return _move(x, lambda bits: _gather(bits, position, inside, axis))


def _limit(index: Array, extent: int) -> Any:
    """`extent` in the index dtype, or its maximum where `extent` does not fit."""
    return index.dtype.type(min(extent, FORMATS[index.dtype.name].maximum))


def _gather(bits: Array, position: Array, inside: Array, axis: int) -> Array:
    shape = bits.shape[:axis] + position.shape + bits.shape[axis + 1 :]
    if bits.shape[axis] == 0:
        return np.zeros(shape, dtype=bits.dtype)
    read = np.take(bits, np.where(inside, position, 0), axis=axis)
    trailing = (1,) * (bits.ndim - axis - 1)
    return np.where(inside.reshape(inside.shape + trailing), read, bits.dtype.type(0))


def full(shape: Sequence[int], fill_value: Scalar, dtype: str | None = None) -> Array:
    """`fill_value`, rounded to the dtype, in every place."""
    name = result_dtype("full", (), {"fill_value": fill_value, "dtype": dtype})
    row = FORMATS[name]
    bits = row.to_bits(np.asarray(scalar(fill_value, name)))
    return row.from_bits(np.full(tuple(shape), bits[()], dtype=row.unsigned))


def arange(
    start: int | float = 0,
    stop: int | float | None = None,
    step: int | float = 1,
    dtype: str | None = None,
) -> Array:
    """start + i * step for i < ceil((stop - start) / step), the length computed exactly.

    Integers are exact.  Floats: i, start and step are rounded to the accumulator dtype
    (float32 for float16), then one product, one sum and one rounding to the dtype.
    """
    if stop is None:
        start, stop = 0, start
    if step == 0 or not all(isfinite(one) for one in (start, stop, step)):
        raise ValueError(f"arange from {start} to {stop} by {step}")
    attributes = {"start": start, "stop": stop, "step": step, "dtype": dtype}
    name = result_dtype("arange", (), attributes)
    length = max(0, ceil((Fraction(stop) - Fraction(start)) / Fraction(step)))
    if not FORMATS[name].is_float:
        values = [scalar(start + i * step, name) for i in range(length)]
        return np.array(values, dtype=FORMATS[name].numpy_dtype)
    wide = accumulator(name)
    with np.errstate(all="ignore"):
        counts = convert(np.arange(length, dtype=np.int64), wide)
        values_wide = counts * scalar(step, wide) + scalar(start, wide)
        return convert(canonical(np.asarray(values_wide)), name)
