"""Quotients and remainders in numpy, exact where the contract says exact."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

import numpy as np

from oracles.formats import Array, format_of
from oracles.numpy_ref.support import common, convert, rounded
from oracles.promotion import promote, to_float

SURE = 2.0**50
"""Below this a float64 quotient of an exact multiple is off by less than half."""

BEYOND = 2.0**54
"""Above this a float64 quotient is certainly one of at least 2**53."""


def div(x: Array, y: Array, rounding_mode: str | None = None) -> Array:
    """x / y in floats; each integer or bool converts to that float from its own dtype.

    Promoting int64 with uint64 first would turn -1 into 2**64 - 1. With a rounding mode the
    quotient is that of `floordiv`, or the one that goes with `fmod`.
    """
    if rounding_mode == "floor":
        return floordiv(x, y)
    if rounding_mode == "trunc":
        return _truncated_quotient(x, y)
    if rounding_mode is not None:
        raise ValueError(f"no rounding mode {rounding_mode!r}")
    dtype = to_float(promote(x.dtype.name, y.dtype.name))
    return rounded(np.divide, convert(x, dtype), convert(y, dtype))


def floordiv(x: Array, y: Array) -> Array:
    """Floor of the quotient. Integers: by 0 it is 0, and MIN // -1 is MIN. Floats: exact, as far
    as the format holds all integers; beyond that, and by 0, the rounded quotient."""
    x, y = _numbers("floordiv", x, y)
    if format_of(x).is_float:
        return _float_quotient(x, y, down=True)
    with np.errstate(all="ignore"):
        return np.asarray(np.floor_divide(x, y))


def mod(x: Array, y: Array) -> Array:
    """The remainder with the divisor's sign. Integers: by 0 it is 0, and MIN % -1 is 0. Floats:
    `fmod`, plus the divisor where the signs differ; zero has the divisor's sign."""
    x, y = _numbers("mod", x, y)
    return rounded(_float_remainder if format_of(x).is_float else np.remainder, x, y)


def _float_remainder(x: Array, y: Array) -> Array:
    rest = np.fmod(x, y)
    other_side = (rest != 0) & (np.signbit(rest) != np.signbit(y))
    rest = np.where(other_side, rest + y, rest)
    return np.where(rest == 0, np.copysign(rest, y), rest)


def fmod(x: Array, y: Array) -> Array:
    """The exact remainder with the dividend's sign; of integers by 0 it is 0."""
    return rounded(np.fmod, *_numbers("fmod", x, y))


def _numbers(name: str, x: Array, y: Array) -> tuple[Array, Array]:
    x, y = (np.asarray(one) for one in np.broadcast_arrays(*common(x, y)))
    if format_of(x).kind == "bool":
        raise TypeError(f"{name} is not defined for {x.dtype}")
    return x, y


def _truncated_quotient(x: Array, y: Array) -> Array:
    """Integers: by 0 it is 0, and MIN by -1 is MIN."""
    x, y = _numbers("div", x, y)
    if format_of(x).is_float:
        return _float_quotient(x, y, down=False)
    with np.errstate(all="ignore"):
        floor = np.floor_divide(x, y)
        below = (np.remainder(x, y) != 0) & ((x < 0) != (y < 0))
        return np.asarray(np.where(below, floor + x.dtype.type(1), floor))


def _float_quotient(x: Array, y: Array, down: bool) -> Array:
    """The quotient of floats as an integer, rounded down or toward zero.

    Beyond the precision of the format, and where there is no finite quotient, it is that of the
    IEEE division; an infinite dividend has none.
    """
    return rounded(partial(_quotient, precision=format_of(x).precision, down=down), x, y)


def _quotient(x: Array, y: Array, precision: int, down: bool) -> Array:
    wide = (x.astype(np.float64), y.astype(np.float64))
    whole, large = _integer_quotient(*wide, precision, down)
    signed_zero = np.copysign(0.0, np.where(np.signbit(x) != np.signbit(y), -1.0, 1.0))
    whole = np.where(whole == 0, signed_zero, whole)
    divided = np.divide(x, y)
    result = np.where(large | (y == 0) | np.isnan(divided), divided, whole.astype(x.dtype))
    infinite = np.isinf(x) & (y != 0)
    return np.where(infinite, x.dtype.type(np.nan), result)


def _integer_quotient(x: Array, y: Array, precision: int, down: bool) -> tuple[Array, Array]:
    """The integer quotient, and where its size is at least 2**precision.

    x - fmod(x, y) is a multiple of y. Of float16 and float32 that multiple is exact in float64; of
    float64 the quotient is settled in integers from 2**50 on.
    """
    rest = np.fmod(x, y)
    size = np.abs(x / y)
    whole = np.rint((x - rest) / y)
    whole = np.where(np.isinf(y), 0.0, whole)
    if down:
        whole = whole - ((rest != 0) & (np.signbit(rest) != np.signbit(y)))
    large = size >= 2.0**precision
    if precision < 53:
        return whole, large
    doubtful = (size >= SURE) & (size < BEYOND)
    for place in np.flatnonzero(doubtful.reshape(-1)).tolist():
        exact = Fraction(float(x.reshape(-1)[place])) / Fraction(float(y.reshape(-1)[place]))
        large.reshape(-1)[place] = abs(exact) >= 1 << precision
        whole.reshape(-1)[place] = exact.__floor__() if down else exact.__trunc__()
    return whole, large
