"""exp2 and log2 with about 90 good bits, in pairs of float64 arrays.

The filter in front of mpmath: built from additions and multiplications that IEEE 754 rounds
correctly, so its error can be bounded, and from constants that mpmath gives.
Source of the pair arithmetic: T. J. Dekker, A floating-point technique for extending the
available precision, Numer. Math. 18 (1971); Hida, Li, Bailey, Quad-double arithmetic (2000).
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from oracles.formats import Array

ERROR = 2.0**-85
"""A safe relative error of `exp2` and `log2` below (tests measure under 2**-90)."""

_TABLE_BITS = 6
_SPLIT = 134217729.0  # 2**27 + 1
_NEAR_ONE = 2.0**-10


class Pair(NamedTuple):
    """high + low with |low| at most half a spacing of high."""

    high: Array
    low: Array


class Scaled(NamedTuple):
    """(high + low) * 2**exponent, elementwise; the exponent is an int64 array."""

    pair: Pair
    exponent: Array


def two_sum(x: Array, y: Array) -> Pair:
    """x + y exactly."""
    total = x + y
    virtual = total - x
    return Pair(total, (x - (total - virtual)) + (y - virtual))


def _quick_two_sum(x: Array, y: Array) -> Pair:
    """x + y exactly for |x| >= |y| or x = 0."""
    total = x + y
    return Pair(total, y - (total - x))


def _split(x: Array) -> Pair:
    carried = _SPLIT * x
    high = carried - (carried - x)
    return Pair(high, x - high)


def two_product(x: Array, y: Array) -> Pair:
    """x * y exactly, away from overflow and underflow."""
    product = x * y
    x_high, x_low = _split(x)
    y_high, y_low = _split(y)
    error = ((x_high * y_high - product) + x_high * y_low + x_low * y_high) + x_low * y_low
    return Pair(product, error)


def add(x: Pair, y: Pair) -> Pair:
    """x + y with a relative error below 2**-103 when no cancellation happens."""
    total, error = two_sum(x.high, y.high)
    low, low_error = two_sum(x.low, y.low)
    total, error = _quick_two_sum(total, error + low)
    return _quick_two_sum(total, error + low_error)


def multiply(x: Pair, y: Pair) -> Pair:
    """x * y with a relative error below 2**-102."""
    product, error = two_product(x.high, y.high)
    return _quick_two_sum(product, error + (x.high * y.low + x.low * y.high))


class _Constants(NamedTuple):
    ln2: Pair
    inverse_ln2: Pair
    powers: Pair
    factorials: list[Pair]
    reciprocals: list[Pair]


@cache
def _constants() -> _Constants:
    import mpmath

    context = mpmath.MPContext()
    context.prec = 200

    def pairs(values: list[object]) -> Pair:
        highs = [float(value) for value in values]  # type: ignore[arg-type]
        lows = [float(v - context.mpf(h)) for v, h in zip(values, highs, strict=True)]
        return Pair(np.array(highs), np.array(lows))

    half = 1 << (_TABLE_BITS - 1)
    table = [context.mpf(2) ** (context.mpf(j) / (2 * half)) for j in range(-half, half + 1)]
    return _Constants(
        pairs([context.ln(2)]),
        pairs([1 / context.ln(2)]),
        pairs(table),
        [pairs([1 / context.factorial(n)]) for n in range(11)],
        [pairs([context.mpf((-1) ** (n + 1)) / n]) for n in range(1, 12)],
    )


def _horner(x: Pair, coefficients: list[Pair], plain_from: int) -> Pair:
    """sum of c[n] * x**n; from term `plain_from` on float64 suffices."""
    tail = np.zeros_like(x.high)
    for coefficient in reversed(coefficients[plain_from:]):
        tail = tail * x.high + coefficient.high
    result = Pair(tail, np.zeros_like(tail))
    for coefficient in reversed(coefficients[:plain_from]):
        result = add(multiply(result, x), coefficient)
    return result


def exp2(x: Array) -> Scaled:
    """2**x for finite float64 x, |x| <= 2**20, unrounded.

    x = k + j/64 + t with |t| <= 1/128; 2**x = 2**k * T[j] * exp(t * ln 2).  The series is cut
    after the tenth term: |t ln 2|**11 / 11! < 2**-107.
    """
    constants = _constants()
    whole = np.rint(x)
    rest = x - whole
    steps = float(1 << _TABLE_BITS)
    index = np.rint(rest * steps)
    small = rest - index / steps
    zero = np.zeros_like(small)
    scaled = multiply(Pair(small, zero), constants.ln2)
    series = _horner(scaled, constants.factorials, plain_from=5)
    place = index.astype(np.int64) + (1 << (_TABLE_BITS - 1))
    power = Pair(constants.powers.high[place], constants.powers.low[place])
    return Scaled(multiply(series, power), whole.astype(np.int64))


def log2(x: Array) -> Scaled:
    """log2(x) for finite float64 x > 0, unrounded; the exponent is 0.

    x = m * 2**k with m in [0.7, 1.5).  Near 1 the series of log1p, whose argument is exact.
    Elsewhere one Newton step on y = log2(m): y + log1p(m * 2**-y - 1) / ln 2.
    """
    mantissa, exponent = np.frexp(x)
    low = mantissa < np.sqrt(0.5)
    mantissa = np.where(low, mantissa * 2, mantissa)
    exponent = np.where(low, exponent - 1, exponent)
    near = np.abs(mantissa - 1) < _NEAR_ONE
    result = _log2_newton(mantissa)
    if near.any():
        series = _log2_near_one(mantissa[near])
        result.high[near], result.low[near] = series.high, series.low
    whole = exponent.astype(np.float64)
    total = add(Pair(whole, np.zeros_like(whole)), result)
    return Scaled(total, np.zeros(x.shape, dtype=np.int64))


def _log2_newton(mantissa: Array) -> Pair:
    constants = _constants()
    guess = np.log2(mantissa)
    power, exponent = exp2(-guess)
    product = multiply(power, Pair(mantissa, np.zeros_like(mantissa)))
    product = Pair(np.ldexp(product.high, exponent), np.ldexp(product.low, exponent))
    minus_one = -np.ones_like(guess)
    rest = add(product, Pair(minus_one, np.zeros_like(guess)))
    bent = add(rest, Pair(-rest.high * rest.high / 2, np.zeros_like(guess)))
    step = multiply(bent, constants.inverse_ln2)
    return add(Pair(guess, np.zeros_like(guess)), step)


def _log2_near_one(mantissa: Array) -> Pair:
    constants = _constants()
    delta = mantissa - 1  # exact: mantissa is near 1
    argument = Pair(delta, np.zeros_like(delta))
    series = multiply(_horner(argument, constants.reciprocals, plain_from=6), argument)
    return multiply(series, constants.inverse_ln2)
