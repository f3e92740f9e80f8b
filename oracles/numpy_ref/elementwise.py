"""Elementwise arithmetic and choice in numpy, with the contract's meaning at every edge."""

from __future__ import annotations

import numpy as np

from oracles.formats import FORMATS, Array, format_of
from oracles.numpy_ref.support import canonical, common, convert, scalar
from oracles.promotion import accumulator, promote, to_float, weak


def _no_bool(name: str, array: Array) -> None:
    if array.dtype == np.bool_:
        raise TypeError(f"{name} is not defined for bool")


def add(x: Array, y: Array) -> Array:
    """x + y; bool is or, integers wrap."""
    x, y = common(x, y)
    with np.errstate(all="ignore"):
        return canonical(np.asarray(np.add(x, y)))


def sub(x: Array, y: Array) -> Array:
    """x - y; bool raises, integers wrap."""
    x, y = common(x, y)
    _no_bool("sub", x)
    with np.errstate(all="ignore"):
        return canonical(np.asarray(np.subtract(x, y)))


def mul(x: Array, y: Array) -> Array:
    """x * y; bool is and, integers wrap."""
    x, y = common(x, y)
    with np.errstate(all="ignore"):
        return canonical(np.asarray(np.multiply(x, y)))


def neg(x: Array) -> Array:
    """-x: integers wrap, of floats the sign bit flips (NaN and 0 too)."""
    _no_bool("neg", x)
    row = format_of(x)
    if row.is_float:
        return row.from_bits(row.to_bits(x) ^ row.unsigned.type(row.sign_bit))
    with np.errstate(all="ignore"):
        return np.asarray(np.negative(x))


def abs(x: Array) -> Array:  # noqa: A001 - the catalog's name
    """|x|: |MIN| is MIN, of floats the sign bit clears (NaN too)."""
    _no_bool("abs", x)
    row = format_of(x)
    if row.is_float:
        return row.from_bits(row.to_bits(x) & row.unsigned.type(row.sign_bit - 1))
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
    """Equal operands differ only as zeros: then the sign bit of x decides."""
    if not format_of(x).is_float:
        return np.asarray(np.maximum(x, y) if greater else np.minimum(x, y))
    better = x > y if greater else x < y
    zero_choice = np.signbit(y) if greater else np.signbit(x)
    take_x = better | ((x == y) & zero_choice) | np.isnan(x)
    return canonical(np.asarray(np.where(take_x, x, y)))


def sqrt(x: Array) -> Array:
    """Square root, rounded once; integers and bool convert to the default float first."""
    with np.errstate(all="ignore"):
        return canonical(np.asarray(np.sqrt(convert(x, to_float(x.dtype.name)))))


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
    if not format_of(x).is_float:
        return x
    with np.errstate(all="ignore"):
        return canonical(np.asarray(function(x)))


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
    with np.errstate(all="ignore"):
        found = np.sign(x)
    return canonical(np.where(x == 0, x.dtype.type(0), found))


def copysign(x: Array, y: Array) -> Array:
    """|x| with the sign bit of y, NaN and zeros too; integers convert to the default float."""
    dtype = to_float(promote(x.dtype.name, y.dtype.name))
    x, y = convert(x, dtype), convert(y, dtype)
    row = format_of(x)
    sign_bit = row.unsigned.type(row.sign_bit)
    return row.from_bits((row.to_bits(x) & ~sign_bit) | (row.to_bits(y) & sign_bit))


def reciprocal(x: Array) -> Array:
    """1 / x, rounded once; integers and bool convert to the default float first."""
    wide = convert(x, to_float(x.dtype.name))
    with np.errstate(all="ignore"):
        return canonical(np.asarray(np.divide(wide.dtype.type(1), wide)))


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
    wanted = np.where(np.signbit(x), detect_negative, detect_positive)
    return np.asarray(np.isinf(x) & wanted)


def isfinite(x: Array) -> Array:
    """Whether x is neither NaN nor infinite."""
    return ~(isnan(x) | isinf(x))


# -- choices ---------------------------------------------------------------------------------------
def logical_not(x: Array) -> Array:
    """Whether x is zero; not for NaN."""
    return np.asarray(x == 0)


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
    return where(mask != 0, np.asarray(scalar(value, dtype)), convert(x, dtype))


def isclose(
    x: Array, y: Array, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Array:
    """|x - y| <= atol + rtol * |y|, or x = y; both NaN where that is asked for.

    In floats, float16 in float32. An infinity is close to itself alone.
    """
    promoted = to_float(promote(x.dtype.name, y.dtype.name))
    dtype = accumulator(promoted)
    x, y = (convert(convert(one, promoted), dtype) for one in (x, y))
    relative, absolute = scalar(rtol, dtype), scalar(atol, dtype)
    with np.errstate(all="ignore"):
        near = np.abs(x - y) <= absolute + relative * np.abs(y)
    close = (near & np.isfinite(x) & np.isfinite(y)) | (x == y)
    return np.asarray(close | (np.isnan(x) & np.isnan(y)) if equal_nan else close)
