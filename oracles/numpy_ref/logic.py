"""Comparisons, bitwise operators and shifts in numpy."""

from __future__ import annotations

import numpy as np

from oracles.formats import Array, format_of
from oracles.numpy_ref.support import common, widened


def _compare(function: np.ufunc, x: Array, y: Array) -> Array:
    """Integers of different dtypes compare exactly, all others in the promoted dtype."""
    kinds = {format_of(x).kind, format_of(y).kind}
    if kinds == {"int", "uint"}:
        return _compare_signed_unsigned(function, x, y)
    x, y = map(widened, common(x, y))
    return np.asarray(function(x, y))


def _compare_signed_unsigned(function: np.ufunc, x: Array, y: Array) -> Array:
    """Through an order key: negative integers are all below, the rest compare as uint64."""
    x, y = np.broadcast_arrays(x, y)
    sign_x = np.where(x < 0, -1, 0)
    sign_y = np.where(y < 0, -1, 0)
    with np.errstate(all="ignore"):
        size_x, size_y = x.astype(np.uint64), y.astype(np.uint64)
    below = (sign_x < sign_y) | ((sign_x == sign_y) & (size_x < size_y))
    above = (sign_x > sign_y) | ((sign_x == sign_y) & (size_x > size_y))
    order = above.astype(np.int8) - below.astype(np.int8)
    return np.asarray(function(order, np.int8(0)))


def eq(x: Array, y: Array) -> Array:
    """x == y; false for NaN, true for -0 and +0."""
    return _compare(np.equal, x, y)


def ne(x: Array, y: Array) -> Array:
    """x != y; true for NaN."""
    return _compare(np.not_equal, x, y)


def lt(x: Array, y: Array) -> Array:
    """x < y."""
    return _compare(np.less, x, y)


def le(x: Array, y: Array) -> Array:
    """x <= y."""
    return _compare(np.less_equal, x, y)


def gt(x: Array, y: Array) -> Array:
    """x > y."""
    return _compare(np.greater, x, y)


def ge(x: Array, y: Array) -> Array:
    """x >= y."""
    return _compare(np.greater_equal, x, y)


def _no_float(name: str, array: Array) -> None:
    if format_of(array).is_float:
        raise TypeError(f"{name} is not defined for {array.dtype}")


def bitwise_and(x: Array, y: Array) -> Array:
    """x & y."""
    x, y = common(x, y)
    _no_float("bitwise_and", x)
    return np.asarray(np.bitwise_and(x, y))


def bitwise_or(x: Array, y: Array) -> Array:
    """x | y."""
    x, y = common(x, y)
    _no_float("bitwise_or", x)
    return np.asarray(np.bitwise_or(x, y))


def bitwise_xor(x: Array, y: Array) -> Array:
    """x ^ y."""
    x, y = common(x, y)
    _no_float("bitwise_xor", x)
    return np.asarray(np.bitwise_xor(x, y))


def bitwise_not(x: Array) -> Array:
    """~x; logical not of bool."""
    _no_float("bitwise_not", x)
    return np.asarray(np.invert(x))


def lshift(x: Array, y: Array) -> Array:
    """x << y in the promoted dtype; a count below 0 or >= width gives 0."""
    x, count, outside = _shift("lshift", x, y)
    with np.errstate(all="ignore"):
        shifted = np.left_shift(x, count)
    return np.asarray(np.where(outside, np.zeros_like(x), shifted))


def rshift(x: Array, y: Array) -> Array:
    """x >> y in the promoted dtype; a count below 0 or >= width fills with the sign."""
    x, count, outside = _shift("rshift", x, y)
    fill = np.where(x < 0, x.dtype.type(0) - x.dtype.type(1) if _signed(x) else 0, 0)
    shifted = np.right_shift(x, count)
    return np.asarray(np.where(outside, fill.astype(x.dtype), shifted))


def _signed(x: Array) -> bool:
    return format_of(x).kind == "int"


def _shift(name: str, x: Array, y: Array) -> tuple[Array, Array, Array]:
    """Both operands promoted, the count made harmless, and where it was out of range."""
    x, y = common(x, y)
    row = format_of(x)
    if row.kind not in ("int", "uint"):
        raise TypeError(f"{name} is not defined for {x.dtype}")
    outside = (y < 0) | (y >= x.dtype.type(row.bits))
    return x, np.where(outside, x.dtype.type(0), y), np.asarray(outside)
