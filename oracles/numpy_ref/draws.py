"""Draws of places in numpy: what a seed gives, streams from block 0."""

from __future__ import annotations

import numpy as np

from oracles.formats import FORMATS, Array
from oracles.numpy_ref.random import stream, unit
from oracles.numpy_ref.support import convert
from oracles.order import ordered_scan


def randperm(n: int, seed: int, dtype: str = "int32") -> Array:
    """The stable order of n blocks; OverflowError where `dtype` does not hold n - 1."""
    row = FORMATS[dtype]
    if n > (1 << row.precision if row.is_float else row.maximum + 1):
        raise OverflowError(f"{dtype} does not hold every integer below {n}")
    return convert(np.argsort(stream(seed, n), kind="stable"), dtype)


def multinomial(x: Array, seed: int, num_samples: int = 1, replacement: bool = False) -> Array:
    """Places by weight; n where no weight is left."""
    weights = convert(np.atleast_2d(x), "float64")
    with np.errstate(invalid="ignore"):
        weights = np.where((weights > 0) & (weights < np.inf), weights, 0.0)
    rows, size = weights.shape
    if size < 1 or num_samples < 1 or (num_samples > size and not replacement):
        raise ValueError(f"{num_samples} of {size} places, replacement={replacement}")
    independent = replacement or num_samples == 1
    each = num_samples if independent else size
    drawn = unit(rows * each, "float64", seed).reshape(rows, each)
    draw = _searched if independent else _raced
    places = [draw(line, u)[:num_samples] for line, u in zip(weights, drawn)]
    shaped = np.array(places, dtype=np.int32).reshape(rows, num_samples)
    return shaped if x.ndim == 2 else shaped.reshape(num_samples)


def _searched(weights: Array, u: Array) -> Array:
    """The first place whose sum of the weights, divided by more than their number, is above."""
    with np.errstate(under="ignore"):
        sums = ordered_scan(np.ldexp(weights, -weights.size.bit_length())[None], "sum")[0]
        return np.asarray(np.searchsorted(sums, u * sums[-1], side="right"))


def _raced(weights: Array, u: Array) -> Array:
    """Places in the order of exponential variables over weights, in more digits than the engine's.

    The order is the engine's unless two of them agree in all of its digits.
    """
    here = weights > 0
    wide = np.where(here, weights, 1).astype(np.longdouble)
    times = np.where(here, -np.log1p(-u.astype(np.longdouble)) / wide, np.inf)
    places = np.argsort(times, kind="stable")
    return np.where(here[places], places, weights.size)
