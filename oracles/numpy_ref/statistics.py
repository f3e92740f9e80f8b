"""Mean, variance and standard deviation in numpy, in the contract's order of accumulation."""

from __future__ import annotations

import numpy as np

from oracles.catalog import ROWS
from oracles.formats import Array
from oracles.numpy_ref.reduce import Axis, gather_axes, restore
from oracles.numpy_ref.support import canonical, convert
from oracles.order import ordered_reduce
from oracles.promotion import accumulator, to_float


def mean(x: Array, axis: Axis = None, keepdim: bool = False) -> Array:
    """The ordered sum divided by n, both in the accumulator; of nothing NaN."""
    return _finished(_mean(elements(x, axis)), x, axis, keepdim)


def var(x: Array, axis: Axis = None, keepdim: bool = False, correction: int = 1) -> Array:
    """sum((x - mean)²) / max(0, n - correction), the mean unrounded."""
    return _finished(_variance(elements(x, axis), correction), x, axis, keepdim)


def std(x: Array, axis: Axis = None, keepdim: bool = False, correction: int = 1) -> Array:
    """The root of the variance, before the one cast."""
    return _finished(_deviation(elements(x, axis), correction), x, axis, keepdim)


def var_mean(
    x: Array, axis: Axis = None, keepdim: bool = False, correction: int = 1
) -> tuple[Array, Array]:
    """`var` and `mean`."""
    return var(x, axis, keepdim, correction), mean(x, axis, keepdim)


def std_mean(
    x: Array, axis: Axis = None, keepdim: bool = False, correction: int = 1
) -> tuple[Array, Array]:
    """`std` and `mean`."""
    return std(x, axis, keepdim, correction), mean(x, axis, keepdim)


def elements(x: Array, axis: Axis) -> Array:
    """[kept axes..., n] in the accumulator; integers are rounded to the default float first."""
    floating = to_float(x.dtype.name)
    return gather_axes(convert(convert(x, floating), accumulator(floating)), axis)


def _mean(values: Array) -> Array:
    order = ROWS["mean"].order
    assert order is not None
    total = ordered_reduce(values, "sum", order.lanes, order.rows)
    with np.errstate(all="ignore"):
        return np.asarray(total / values.dtype.type(values.shape[-1]))


def _variance(values: Array, correction: int) -> Array:
    order = ROWS["var"].order
    assert order is not None
    divisor = values.dtype.type(max(0, values.shape[-1] - correction))
    with np.errstate(all="ignore"):
        deviation = values - _mean(values)[..., None]
        total = ordered_reduce(deviation * deviation, "sum", order.lanes, order.rows)
        return np.asarray(total / divisor)


def _deviation(values: Array, correction: int) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(np.sqrt(_variance(values, correction)))


def _finished(result: Array, x: Array, axis: Axis, keepdim: bool) -> Array:
    return restore(convert(canonical(result), to_float(x.dtype.name)), x, axis, keepdim)
