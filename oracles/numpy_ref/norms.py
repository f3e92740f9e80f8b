"""Norms in numpy whose steps are all correctly rounded: their bits are a reference."""

from __future__ import annotations

import numpy as np

from oracles.catalog import ROWS
from oracles.formats import Array
from oracles.numpy_ref.activations import stepwise
from oracles.numpy_ref.reduce import Axis, gather_axes, reduced_axes, restore
from oracles.order import ordered_reduce


def _mean(x: Array, axes: tuple[int, ...]) -> Array:
    order = ROWS["layernorm"].order
    assert order is not None
    values = gather_axes(x, axes)
    total = ordered_reduce(values, "sum", order.lanes, order.rows)
    return restore(np.asarray(total / x.dtype.type(values.shape[-1])), x, axes, True)


@stepwise
def layernorm(x: Array, axis: Axis = -1, eps: float = 1e-5) -> Array:
    """(x - mean) / sqrt(mean((x - mean)**2) + eps); a scalar has one axis."""
    axes = reduced_axes(x.ndim, axis)
    deviation = x - _mean(x, axes)
    return np.asarray(deviation / np.sqrt(_mean(deviation * deviation, axes) + x.dtype.type(eps)))


@stepwise
def batchnorm(
    x: Array, mean: Array, invstd: Array, weight: Array | None = None, bias: Array | None = None,
    axis: Axis = 1,
) -> Array:  # fmt: skip
    """(x - mean) * weight * invstd + bias, from left to right."""
    axes = reduced_axes(x.ndim, axis)
    extents = tuple(x.shape[k] for k in axes)
    beside = [n if k in axes else 1 for k, n in enumerate(x.shape)]

    def placed(one: Array) -> Array:
        return one.reshape(beside) if one.shape == extents else one

    result = x - placed(mean)
    result = result if weight is None else result * placed(weight)
    result = result * placed(invstd)
    return np.asarray(result if bias is None else result + placed(bias))
