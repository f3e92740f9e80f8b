"""Bits and numbers as arrays: constants, the canonical NaN, and rounding to narrow floats."""

from __future__ import annotations

import numpy as np

from engine import dtypes
from engine.arrays import NUMPY
from engine.dtypes import DType
from engine.interpret.preconditions import Array


def constant(dtype: DType, bits: int) -> Array:
    """An array of shape () with these bits; constants of dtype index are plain ints."""
    if dtype is dtypes.index:
        return np.array(bits, "int64")
    return np.array(bits, NUMPY[dtype.unsigned]).view(NUMPY[dtype])


def canonical(dtype: DType, x: Array) -> Array:
    """`x` with the one NaN of its dtype in place of every NaN. Other dtypes have none."""
    if not dtype.is_float:
        return x
    return np.where(np.isnan(x), constant(dtype, dtype.canonical_nan), x)


def rounded(to: DType, x: Array) -> Array:
    """Numbers of any dtype in a narrow float: nearest, ties to even, from the exact value.

    What is beyond its range becomes an infinity, or the largest number where there is none.
    """
    wide = _to_odd(x).astype("float64") if x.dtype.itemsize == 8 else x.astype("float64")
    exponent = np.maximum(np.frexp(wide)[1] - 1, 1 - to.bias)
    last_place = np.ldexp(1.0, exponent - to.mantissa_bits)
    nearest = np.rint(wide / last_place) * last_place
    beyond = np.abs(nearest) > to.decode(to.largest)
    result = np.where(beyond, np.copysign(float(to.decode(to.overflow)), nearest), nearest)
    if not to.has_negative_zero:
        result = result + 0.0
    return canonical(to, np.asarray(result.astype(NUMPY[to])))


def _to_odd(x: Array) -> Array:
    """Integers as others that float64 holds and that round to every narrow float in the same way.

    Of a large one the last 11 bits are dropped; were they not 0, the last bit that is left is 1.
    """
    if x.dtype.kind == "f":
        return x
    spare = x.dtype.type((1 << 11) - 1)
    kept = x & ~spare
    odd = np.where(x & spare != 0, kept | x.dtype.type(1 << 11), kept)
    large = (x >= 1 << 53) | (x < -(1 << 53)) if x.dtype.kind == "i" else x >= 1 << 53
    return np.where(large, odd, x)
