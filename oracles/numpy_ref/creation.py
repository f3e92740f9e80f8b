"""Creation in numpy."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, isfinite

import numpy as np

from oracles.catalog import result_dtype
from oracles.formats import FORMATS, Array
from oracles.numpy_ref.support import canonical, convert, scalar
from oracles.promotion import accumulator

Scalar = bool | int | float


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
    (float32 for narrow floats), then one product, one sum and one rounding to the dtype.
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


def linspace(
    start: int | float, stop: int | float, steps: int, dtype: str | None = None
) -> Array:
    """start + i * d for d = (stop - start) / (steps - 1), the last element being stop.

    d is rounded to float64 and then to the accumulator dtype, as start is; one product, one sum and
    one rounding follow. Integer dtypes truncate what float64 gives.
    """
    name = result_dtype("linspace", (), {"dtype": dtype})
    if FORMATS[name].kind == "bool" or not (isfinite(start) and isfinite(stop)):
        raise ValueError(f"linspace from {start} to {stop} in {name}")
    wide = accumulator(name) if FORMATS[name].is_float else "float64"
    if steps <= 1:
        return convert(np.full(steps, scalar(start, wide)), name)
    distance = float((Fraction(stop) - Fraction(start)) / (steps - 1))
    with np.errstate(all="ignore"):
        counts = convert(np.arange(steps, dtype=np.int64), wide)
        values = counts * scalar(distance, wide) + scalar(start, wide)
        values[-1] = scalar(stop, wide)
        return convert(canonical(np.asarray(values)), name)
