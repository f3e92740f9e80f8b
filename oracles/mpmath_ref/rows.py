"""The functions of real numbers, a row each: estimate, true value, rational results.

`estimate` works on whole arrays of numpy's longdouble, which on x86 is the 64-bit extended
format of the libm: its error is below `error` (relative), by the tables of errors that glibc
publishes and by tests.  `value` is mpmath's, in a context of any precision.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Any

import numpy as np

from oracles.formats import Array

WIDE = np.longdouble
WIDE_PRECISION = int(np.finfo(np.longdouble).nmant) + 1
"""Significant bits of the estimates: 64 on x86, 53 where longdouble is float64."""

_LIBM_ERROR = 2.0 ** (4 - WIDE_PRECISION)
_ERF_ERROR = 2.0**-50
_LARGEST_POWER = 1 << 15
"""log2 of the largest power that is computed as a rational number, or of its inverse."""

Rational = Callable[..., Fraction | None]


def _never(*operands: Fraction) -> Fraction | None:
    """No rational result but at prescribed points (Lindemann and Weierstrass)."""
    return None


def _anywhere(*operands: Array) -> Array:
    return np.ones(operands[0].shape, dtype=bool)


@dataclass(frozen=True)
class FunctionRow:
    """One function.

    `rational` is the result where that is a rational number; `maybe_rational` says, for whole
    arrays in float64, which operands it must be asked about. `harmless` stands in for operands
    whose result is prescribed. `clamp` are the arguments beyond which the result overflows,
    vanishes or changes by less than 2**-130, for mpmath's sake and so that a value never comes too
    near 1. `saturates` says that the result stays below 1 in absolute value ("both") or above -1
    ("low") however near it comes, which decides its ulp.
    """

    estimate: Callable[..., Array]
    value: Callable[..., Any]
    rational: Rational = _never
    maybe_rational: Callable[..., Array] = _anywhere
    harmless: tuple[float, ...] = (0.5,)
    clamp: tuple[int | Fraction, int | Fraction] | None = None
    saturates: str | None = None
    error: float = _LIBM_ERROR


def _estimate_erf(x: Array) -> Array:
    """numpy has no erf; the C library's, to float64."""
    values = [math.erf(one) for one in x.astype(np.float64).reshape(-1).tolist()]
    return np.array(values, dtype=np.float64).astype(WIDE).reshape(x.shape)


def _estimate_sigmoid(x: Array) -> Array:
    """exp of a negative number only, so that no intermediate result overflows."""
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x < 0, small, 1) / (1 + small))


def _estimate_rsqrt(x: Array) -> Array:
    return np.asarray(1 / np.sqrt(x))


def _power(context: Any, x: Any, y: Any) -> Any:
    """A negative base has an integer exponent here."""
    size = context.power(abs(x), y)
    return -size if x < 0 and int(y) % 2 else size


def _is_power_of_two(x: Fraction) -> bool:
    return x.numerator & (x.numerator - 1) == 0 and x.denominator & (x.denominator - 1) == 0


def _rational_exp2(x: Fraction) -> Fraction | None:
    whole = x.denominator == 1 and abs(x) <= _LARGEST_POWER
    return Fraction(2) ** int(x) if whole else None


def _rational_log2(x: Fraction) -> Fraction | None:
    if not _is_power_of_two(x):
        return None
    return Fraction(x.numerator.bit_length() - x.denominator.bit_length())


def _rational_log10(x: Fraction) -> Fraction | None:
    """Negative powers of ten are no binary numbers."""
    if x.denominator != 1 or x < 1:
        return None
    exponent = len(str(x.numerator)) - 1
    return Fraction(exponent) if x == 10**exponent else None


def _root(x: Fraction) -> Fraction | None:
    """The square root of a positive number, if it is rational."""
    top, bottom = isqrt(x.numerator), isqrt(x.denominator)
    if top * top != x.numerator or bottom * bottom != x.denominator:
        return None
    return Fraction(top, bottom)


def _rational_rsqrt(x: Fraction) -> Fraction | None:
    root = _root(x)
    return None if root is None else 1 / root


def _rational_power(x: Fraction, y: Fraction) -> Fraction | None:
    """y = a / 2**b in binary: rational where b square roots of x are (Gelfond and Schneider)."""
    base: Fraction | None = x
    for _ in range(y.denominator.bit_length() - 1):
        base = _root(base) if base is not None and base > 0 else None
        if base is None:
            return None
    assert base is not None
    size = max(abs(base.numerator), base.denominator).bit_length() - 1  # 0 for 1 and -1
    if size * abs(y.numerator) > _LARGEST_POWER:
        return None
    return base**y.numerator


def _maybe_rational_power(x: Array, y: Array) -> Array:
    """y = a / 2**b in lowest terms, and x = m * 2**e with an odd m below 2**53.

    Such an m, unless it is 1, has no 64th root; and where it is 1, e * y must be whole.
    """
    mantissa, exponent = np.frexp(np.abs(x))
    shift = (exponent - 1) * y
    return np.asarray(((mantissa == 0.5) & (np.rint(shift) == shift)) | (np.rint(32 * y) == 32 * y))


_FAR = (-(1 << 14), 1 << 14)
_ENDLESS = (-(1 << 4000), 1 << 4000)

ROWS: dict[str, FunctionRow] = {
    "exp": FunctionRow(np.exp, lambda c, x: c.exp(x), clamp=_FAR),
    "exp2": FunctionRow(
        np.exp2, lambda c, x: c.power(2, x), _rational_exp2, lambda x: np.rint(x) == x, clamp=_FAR
    ),
    "expm1": FunctionRow(
        np.expm1, lambda c, x: c.expm1(x), clamp=(-92, _FAR[1]), saturates="low"
    ),
    "log": FunctionRow(np.log, lambda c, x: c.log(x)),
    "log2": FunctionRow(np.log2, lambda c, x: c.log(x) / c.ln(2), _rational_log2),
    "log10": FunctionRow(np.log10, lambda c, x: c.log(x) / c.ln(10), _rational_log10),
    "log1p": FunctionRow(np.log1p, lambda c, x: c.log1p(x)),
    "sin": FunctionRow(np.sin, lambda c, x: c.sin(x), saturates="both"),
    "cos": FunctionRow(np.cos, lambda c, x: c.cos(x), saturates="both"),
    "tan": FunctionRow(np.tan, lambda c, x: c.tan(x)),
    "asin": FunctionRow(np.arcsin, lambda c, x: c.asin(x)),
    "acos": FunctionRow(np.arccos, lambda c, x: c.acos(x)),
    "atan": FunctionRow(np.arctan, lambda c, x: c.atan(x), clamp=_ENDLESS),
    "sinh": FunctionRow(np.sinh, lambda c, x: c.sinh(x), clamp=_FAR),
    "cosh": FunctionRow(np.cosh, lambda c, x: c.cosh(x), clamp=_FAR),
    "tanh": FunctionRow(np.tanh, lambda c, x: c.tanh(x), clamp=(-46, 46), saturates="both"),
    "asinh": FunctionRow(np.arcsinh, lambda c, x: c.asinh(x)),
    "acosh": FunctionRow(np.arccosh, lambda c, x: c.acosh(x), harmless=(2.0,)),
    "atanh": FunctionRow(np.arctanh, lambda c, x: c.atanh(x)),
    "erf": FunctionRow(
        _estimate_erf,
        lambda c, x: c.erf(x),
        clamp=(Fraction(-19, 2), Fraction(19, 2)),
        saturates="both",
        error=_ERF_ERROR,
    ),
    "sigmoid": FunctionRow(
        _estimate_sigmoid,
        lambda c, x: 1 / (1 + c.exp(-x)),
        clamp=(_FAR[0], 92),
        saturates="both",
    ),
    "rsqrt": FunctionRow(_estimate_rsqrt, lambda c, x: 1 / c.sqrt(x), _rational_rsqrt),
    "pow": FunctionRow(
        np.power, _power, _rational_power, _maybe_rational_power, harmless=(1.5, 2.0)
    ),
}
