"""Scans along an axis in numpy, in the contract's order of accumulation."""

from __future__ import annotations

import numpy as np

from oracles.catalog import result_dtype
from oracles.formats import FORMATS, Array, format_of
from oracles.numpy_ref.support import canonical, convert, moved_back, moved_last, widened
from oracles.order import ordered_scan
from oracles.promotion import accumulator


def cumsum(x: Array, axis: int = 0, dtype: str | None = None) -> Array:
    """Running sums, chunk by chunk; never -0."""
    return _accumulated("cumsum", x, axis, dtype)


def cumprod(x: Array, axis: int = 0, dtype: str | None = None) -> Array:
    """Running products, chunk by chunk."""
    return _accumulated("cumprod", x, axis, dtype)


def _accumulated(op: str, x: Array, axis: int, dtype: str | None) -> Array:
    result = result_dtype(op, (x.dtype.name,), {"dtype": dtype})
    values = moved_last(convert(x, accumulator(result)), axis)
    if FORMATS[result].is_float:
        total = canonical(ordered_scan(values, op.removeprefix("cum")))
    else:
        function = np.cumsum if op == "cumsum" else np.cumprod
        with np.errstate(all="ignore"):
            total = np.asarray(function(values, axis=-1, dtype=values.dtype))
    return moved_back(convert(total, result), x, axis)


def cummax(x: Array, axis: int = 0) -> tuple[Array, Array]:
    """The greatest so far, and its first place, where +0 equals -0: NaN wins, +0 > -0."""
    return _extremes(x, axis, greatest=True)


def cummin(x: Array, axis: int = 0) -> tuple[Array, Array]:
    """The least so far and its first place."""
    return _extremes(x, axis, greatest=False)


def _extremes(x: Array, axis: int, greatest: bool) -> tuple[Array, Array]:
    """A place is new where the element is beyond all before it, or the first NaN."""
    values = widened(moved_last(x, axis))
    function = np.maximum if greatest else np.minimum
    with np.errstate(all="ignore"):
        running = np.asarray(function.accumulate(values, axis=-1))
        before, item = running[..., :-1], values[..., 1:]
        new = item > before if greatest else item < before
    if format_of(x).is_float:
        new = new | (np.isnan(item) & ~np.isnan(before))
        running = _settle_zeros(values, running, greatest)
    places = np.zeros(values.shape, dtype=np.int32)
    places[..., 1:] = np.where(new, np.arange(1, max(values.shape[-1], 1), dtype=np.int32), 0)
    places = np.asarray(np.maximum.accumulate(places, axis=-1))
    running = convert(canonical(running), x.dtype.name)
    return moved_back(running, x, axis), moved_back(places, x, axis)


def _settle_zeros(values: Array, running: Array, greatest: bool) -> Array:
    """numpy keeps either zero; +0 is the greatest of zeros and -0 the least."""
    preferred = (values == 0) & (np.signbit(values) != greatest)
    seen = np.logical_or.accumulate(preferred, axis=-1)
    better = values.dtype.type(0.0 if greatest else -0.0)
    return np.asarray(np.where((running == 0) & seen, better, running))
