"""What every numpy reference shares: common dtypes, casts by the contract, canonical NaNs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from oracles.formats import FORMATS, Array, Format, format_of
from oracles.promotion import promote

BEYOND_NUMPY = frozenset({
    "bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz",
})
"""The floats whose arrays are those of ml_dtypes."""


def canonical(array: Array) -> Array:
    """`array` with every NaN replaced by the canonical NaN of its dtype."""
    row = format_of(array)
    if not row.is_float:
        return array
    nans = row.is_nan(row.to_bits(array))
    if not nans.any():
        return array
    bits = row.to_bits(array).copy()
    bits[nans] = row.canonical_nan
    return row.from_bits(bits)


def convert(x: Array, dtype: str) -> Array:
    """`x` cast to `dtype` by the contract: one rounding, saturation, canonical NaNs.

    The same dtype keeps the bits.  numpy's integer-to-float and float-to-float conversions
    round once and to even (measured); its float-to-integer conversions do not saturate, and those
    of ml_dtypes round float64 and integers twice, so both are written out here.
    """
    source, target = format_of(x), FORMATS[dtype]
    if source.name == target.name:
        return x
    if target.kind == "bool":
        return np.asarray(widened(x) != 0)
    if target.numpy_dtype.name in BEYOND_NUMPY:
        with np.errstate(all="ignore"):
            return _narrowed(x, target)
    if target.is_float:
        with np.errstate(all="ignore"):
            return canonical(np.asarray(x.astype(target.numpy_dtype)))
    if source.is_float:
        with np.errstate(all="ignore"):
            return _float_to_integer(x, dtype)
    return np.asarray(x.astype(target.numpy_dtype))


def widened(x: Array) -> Array:
    """The same numbers in a dtype that numpy computes with: float32 for the floats it lacks."""
    return x.astype(np.float32) if x.dtype.name in BEYOND_NUMPY else x


def rounded(function: Callable[..., Array], *operands: Array) -> Array:
    """A function of operands of one dtype, rounded once to that dtype; NaN canonical.

    Floats that numpy lacks are computed in float32. Its result rounded again is the correctly
    rounded one of + - * / and sqrt, of fmod, and of all that is exact: `exact_fast` proves each
    element that is judged, and settles what would not be.
    """
    with np.errstate(all="ignore"):
        result = np.asarray(function(*map(widened, operands)))
    return convert(canonical(result), operands[0].dtype.name)


def from_wide(x: Array, dtype: str) -> Array:
    """Values in longdouble, rounded once to a float `dtype`; saturation, canonical NaNs."""
    target = FORMATS[dtype]
    with np.errstate(all="ignore"):
        if target.bits < 32:  # numpy takes longdouble to float16 by way of float32
            return _narrowed(x, target)
        return canonical(np.asarray(x.astype(target.numpy_dtype)))


def _narrowed(x: Array, target: Format) -> Array:
    """One rounding, of an integral multiple of the last place; longdouble holds every dtype."""
    wide = widened(x).astype(np.longdouble)
    scale = np.maximum(np.frexp(wide)[1] - 1, target.emin) - target.mantissa_bits
    whole = np.rint(np.ldexp(wide, -scale))
    nearest = np.ldexp(whole, scale).astype(np.float64)
    largest = float(target.greatest)
    beyond = np.inf if target.infinite else largest
    nearest = np.where(np.abs(nearest) > largest, np.copysign(beyond, nearest), nearest)
    nearest = nearest if target.minus_zero else nearest + 0.0
    return canonical(np.asarray(nearest.astype(target.numpy_dtype)))


def _float_to_integer(x: Array, dtype: str) -> Array:
    """Truncate toward zero, saturate, NaN to 0.

    The upper limit 2**n is a float in every format that can reach it, so the comparisons are
    exact; the kept part lies inside the range, where numpy's conversion truncates.
    """
    target = FORMATS[dtype]
    wide = x.astype(np.float64)  # exact for all float formats
    upper = float(target.maximum + 1)
    lower = float(target.minimum)
    nan, high, low = np.isnan(wide), wide >= upper, wide <= lower
    inside = np.where(nan | high | low, 0.0, np.trunc(wide))
    result = inside.astype(target.numpy_dtype)
    result = np.where(high, target.numpy_dtype.type(target.maximum), result)
    return np.asarray(np.where(low, target.numpy_dtype.type(target.minimum), result))


def common(*arrays: Array) -> list[Array]:
    """The arrays cast to their common dtype."""
    dtype = promote(*(array.dtype.name for array in arrays))
    return [convert(array, dtype) for array in arrays]


def scalar(value: bool | int | float, dtype: str) -> Any:
    """A Python scalar rounded to `dtype`, as a numpy scalar.

    An integer that does not fit an integer dtype raises OverflowError; a NaN is canonical.
    """
    row = FORMATS[dtype]
    if row.is_float:
        return _float_scalar(value, dtype)
    if isinstance(value, float):
        return convert(np.asarray(value, dtype=np.float64), dtype)[()]
    if row.kind == "bool":
        return np.bool_(value != 0)
    if not row.minimum <= value <= row.maximum:
        raise OverflowError(f"{value} does not fit {dtype}")
    return row.numpy_dtype.type(int(value))


def _float_scalar(value: bool | int | float, dtype: str) -> Any:
    from fractions import Fraction

    row = FORMATS[dtype]
    if isinstance(value, float):
        return convert(canonical(np.asarray(value, dtype=np.float64)), dtype)[()]
    bits = np.asarray(row.round(Fraction(value)), dtype=row.unsigned)
    return row.from_bits(bits)[()]


def moved_last(x: Array, axis: int) -> Array:
    """x with `axis` as its last one; a scalar has one axis.  IndexError if there is no such."""
    x = x.reshape(1) if x.ndim == 0 else x
    if not -x.ndim <= axis < x.ndim:
        raise IndexError(f"axis {axis} of a tensor with {x.ndim} axes")
    return np.moveaxis(x, axis, -1)


def moved_back(result: Array, x: Array, axis: int) -> Array:
    """The reverse for a result made of `moved_last(x, axis)`."""
    return np.moveaxis(result, -1, axis) if x.ndim else result.reshape(())


def move(x: Array, step: Callable[[Array], Array]) -> Array:
    """Apply a numpy movement to the bits, so that no payload can change on the way."""
    row = format_of(x)
    return row.from_bits(np.asarray(step(row.to_bits(x))))
