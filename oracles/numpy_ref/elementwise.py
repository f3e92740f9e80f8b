"""Elementwise arithmetic and choice in numpy, with the contract's meaning at every edge."""

from __future__ import annotations

import numpy as np

from oracles.formats import Array, format_of
from oracles.numpy_ref.support import canonical, common, convert
from oracles.promotion import to_float


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
