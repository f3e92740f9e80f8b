"""Elementwise arithmetic and choice in numpy, with the contract's meaning at every edge."""

from __future__ import annotations

import numpy as np

from oracles.formats import FORMATS, Array, format_of
from oracles.numpy_ref.support import common, convert, rounded, scalar, widened
from oracles.promotion import accumulator, promote, to_float, weak


def _no_bool(name: str, array: Array) -> None:
    if array.dtype == np.bool_:
        raise TypeError(f"{name} is not defined for bool")


def add(x: Array, y: Array) -> Array:
    """x + y; bool is or, integers wrap."""
    return rounded(np.add, *common(x, y))


def sub(x: Array, y: Array) -> Array:
    """x - y; bool raises, integers wrap."""
    x, y = common(x, y)
    _no_bool("sub", x)
    return rounded(np.subtract, x, y)


def mul(x: Array, y: Array) -> Array:
    """x * y; bool is and, integers wrap."""
    return rounded(np.multiply, *common(x, y))


def neg(x: Array) -> Array:
    """-x: integers wrap, of floats the sign bit flips (NaN and 0 too)."""
    _no_bool("neg", x)
    row = format_of(x)
    if row.is_float:
        return row.from_bits(row.with_sign(row.to_bits(x), ~row.to_bits(x)))
    with np.errstate(all="ignore"):
        return np.asarray(np.negative(x))


def abs(x: Array) -> Array:  # noqa: A001 - the catalog's name
    """|x|: |MIN| is MIN, of floats the sign bit clears (NaN too)."""
    _no_bool("abs", x)
    row = format_of(x)
    if row.is_float:
        return row.from_bits(row.with_sign(row.to_bits(x), np.zeros_like(row.to_bits(x))))
    with np.errstate(all="ignore"):
        return np.asarray(np.abs(x))


def maximum(x: Array, y: Array) -> Array:
    """IEEE 754-2019 maximum: NaN wins (canonical), -0 < +0."""
    x, y = common(x, y)
    return _extreme(x, y, greater=True)


def minimum(x: Array, y: Array) -> Array:
    """IEEE 754-2019 minimum: NaN wins (canonical), -0 < +0."""
    x, y = common(x, y)
    return _extreme(x, y, greater=False)


def _extreme(x: Array, y: Array, greater: bool) -> Array:
    if not format_of(x).is_float:
        return np.asarray(np.maximum(x, y) if greater else np.minimum(x, y))
    return rounded(_greater_float if greater else _lesser_float, x, y)


def _greater_float(x: Array, y: Array) -> Array:
    """Equal operands differ only as zeros: then the sign bit of one decides."""
    return np.where((x > y) | ((x == y) & np.signbit(y)) | np.isnan(x), x, y)


def _lesser_float(x: Array, y: Array) -> Array:
    return np.where((x < y) | ((x == y) & np.signbit(x)) | np.isnan(x), x, y)


def sqrt(x: Array) -> Array:
    """Square root, rounded once; integers and bool convert to the default float first."""
    return rounded(np.sqrt, convert(x, to_float(x.dtype.name)))


def where(condition: Array, x: Array, y: Array) -> Array:
    """x where the bool condition holds, else y; bits are chosen, not computed."""
    if condition.dtype != np.bool_:
        raise TypeError("where needs a bool condition")
    x, y = common(x, y)
    row = format_of(x)
    chosen = np.where(condition, row.to_bits(x), row.to_bits(y))
    return row.from_bits(np.asarray(chosen))


# -- rounding to integers --------------------------------------------------------------------------
def _to_integers(name: str, function: np.ufunc, x: Array) -> Array:
    """Integers are themselves; of floats -0 and the sign of a zero result are kept."""
    _no_bool(name, x)
    return rounded(function, x) if format_of(x).is_float else x


def trunc(x: Array) -> Array:
    """x rounded toward zero."""
    return _to_integers("trunc", np.trunc, x)


def floor(x: Array) -> Array:
    """x rounded down."""
    return _to_integers("floor", np.floor, x)


def ceil(x: Array) -> Array:
    """x rounded up; ceil(-0.5) is -0."""
    return _to_integers("ceil", np.ceil, x)


def round(x: Array) -> Array:  # noqa: A001 - the catalog's name
    """x rounded to the nearest integer, halves to even."""
    return _to_integers("round", np.rint, x)


# -- signs, squares, classes -----------------------------------------------------------------------
def sign(x: Array) -> Array:
    """1, 0 or -1 in the dtype of x; +0 for both zeros, NaN for NaN."""
    _no_bool("sign", x)
    return rounded(lambda wide: np.where(wide == 0, wide.dtype.type(0), np.sign(wide)), x)


def copysign(x: Array, y: Array) -> Array:
    """|x| with the sign bit of y, NaN and zeros too; integers convert to the default float."""
    dtype = to_float(promote(x.dtype.name, y.dtype.name))
    x, y = convert(x, dtype), convert(y, dtype)
    row = format_of(x)
    return row.from_bits(row.with_sign(row.to_bits(x), row.to_bits(y)))


def reciprocal(x: Array) -> Array:
    """1 / x, rounded once; integers and bool convert to the default float first."""
    return rounded(np.reciprocal, convert(x, to_float(x.dtype.name)))


def square(x: Array) -> Array:
    """x * x."""
    return mul(x, x)


def isnan(x: Array) -> Array:
    """Whether x is NaN; never for integers and bool."""
    row = format_of(x)
    return row.is_nan(row.to_bits(x))


def isinf(x: Array, detect_positive: bool = True, detect_negative: bool = True) -> Array:
    """Whether x is one of the infinities that are asked for."""
    if not format_of(x).is_float:
        return np.zeros(x.shape, dtype=bool)
    wide = widened(x)
    wanted = np.where(np.signbit(wide), detect_negative, detect_positive)
    return np.asarray(np.isinf(wide) & wanted)


def isfinite(x: Array) -> Array:
    """Whether x is neither NaN nor infinite."""
    return ~(isnan(x) | isinf(x))


# -- choices ---------------------------------------------------------------------------------------
def logical_not(x: Array) -> Array:
    """Whether x is zero; not for NaN."""
    return np.asarray(widened(x) == 0)


def relu(x: Array) -> Array:
    """max(x, 0); a bool is an integer beside 0."""
    dtype = weak(x.dtype.name, 0)
    return maximum(convert(x, dtype), np.asarray(scalar(0, dtype)))


def clip(x: Array, min_: Array, max_: Array) -> Array:
    """min(max(x, min_), max_) in the dtype of all three."""
    x, low, high = common(x, min_, max_)
    return minimum(maximum(x, low), high)


def clamp(
    x: Array, min_: bool | int | float | None = None, max_: bool | int | float | None = None
) -> Array:
    """`clip` by scalars, which are weak; integers beyond the dtype's range go to its ends."""
    dtype = x.dtype.name
    for bound in (min_, max_):
        dtype = dtype if bound is None else weak(dtype, bound)
    result = convert(x, dtype)
    if min_ is not None:
        result = maximum(result, _bound(min_, dtype))
    if max_ is not None:
        result = minimum(result, _bound(max_, dtype))
    return result


def _bound(value: bool | int | float, dtype: str) -> Array:
    row = FORMATS[dtype]
    if row.kind in ("int", "uint"):
        value = min(max(int(value), row.minimum), row.maximum)
    return np.asarray(scalar(value, dtype))


def masked_fill(x: Array, mask: Array, value: bool | int | float) -> Array:
    """`value`, which is weak, where the mask is not zero, else x; bits are chosen."""
    dtype = weak(x.dtype.name, value)
    return where(convert(mask, "bool"), np.asarray(scalar(value, dtype)), convert(x, dtype))


def isclose(
    x: Array, y: Array, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Array:
    """|x - y| <= atol + rtol * |y|, or x = y; both NaN where that is asked for.

    In floats, narrow ones in float32. An infinity is close to itself alone.
    """
    promoted = to_float(promote(x.dtype.name, y.dtype.name))
    dtype = accumulator(promoted)
    x, y = (convert(convert(one, promoted), dtype) for one in (x, y))
    relative, absolute = scalar(rtol, dtype), scalar(atol, dtype)
    with np.errstate(all="ignore"):
        near = np.abs(x - y) <= absolute + relative * np.abs(y)
    close = (near & np.isfinite(x) & np.isfinite(y)) | (x == y)
    return np.asarray(close | (np.isnan(x) & np.isnan(y)) if equal_nan else close)
