"""The loss in numpy whose steps are all correctly rounded: its bits are a reference."""

from __future__ import annotations

import numpy as np

from oracles.catalog import ROWS
from oracles.formats import Array
from oracles.numpy_ref.support import canonical, convert
from oracles.order import ordered_reduce
from oracles.promotion import accumulator, promote, to_float


def nll_loss(
    x: Array, y: Array, weight: Array | None = None, ignore_index: int | None = None,
    reduction: str = "mean",
) -> Array:  # fmt: skip
    """weight[y] * -x[y]; "mean" divides by the sum of the weights."""
    operands = [x] if weight is None else [x, weight]
    dtype = to_float(promote(*(one.dtype.name for one in (*operands, y))))
    steps = accumulator(dtype)
    logs, *factors = (convert(convert(one, dtype), steps) for one in operands)
    classes_last = np.moveaxis(logs, min(1, x.ndim - 1), -1)
    classes = classes_last.shape[-1]
    found = (y >= 0) & (y < classes)
    if ignore_index is not None:
        found = found & (y != ignore_index)
    places = np.where(found, y, 0).astype(np.int64)
    picked = _read(classes_last, places[..., None])[..., 0]
    each = factors[0][places] if factors and classes else np.ones(y.shape, logs.dtype)
    zero = logs.dtype.type(0)
    each = canonical(np.where(found, each, zero) + zero)
    with np.errstate(all="ignore"):
        loss = np.asarray(each * (np.where(found, -picked, zero) + zero))
        if reduction != "none":
            loss = _total(loss) / (_total(each) if reduction == "mean" else 1)
    return convert(canonical(np.asarray(loss, dtype=steps)), dtype)


def _read(x: Array, places: Array) -> Array:
    """The elements at places of the last axis; 0 where there are none."""
    return np.take_along_axis(x, places, -1) if x.shape[-1] else np.zeros(places.shape, x.dtype)


def _total(x: Array) -> Array:
    order = ROWS["nll_loss"].order
    assert order is not None
    return ordered_reduce(x.reshape(-1), "sum", order.lanes, order.rows)
