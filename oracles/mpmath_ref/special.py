"""Results that are prescribed: C17 Annex F.10, as rows of conditions and results.

They never come from mpmath, which has no -0, raises at poles and leaves the real numbers outside
of a function's domain.  sigmoid and rsqrt are not in Annex F: their limits, as 1 / (1 + exp(-x))
and 1 / sqrt(x) give them.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from oracles.formats import FORMATS, Array, Format
from oracles.numpy_ref.support import widened

Rules = tuple[tuple[str, str], ...]


class Special(NamedTuple):
    """Where the result is prescribed, and its bits there."""

    mask: Array
    bits: Array


_CONDITIONS: dict[str, Callable[[Array], Array]] = {
    "nan": np.isnan,
    "zero": lambda x: x == 0,
    "one": lambda x: x == 1,
    "minus one": lambda x: x == -1,
    "either one": lambda x: np.abs(x) == 1,
    "negative": lambda x: x < 0,
    "below one": lambda x: x < 1,
    "below minus one": lambda x: x < -1,
    "beyond one": lambda x: np.abs(x) > 1,
    "inf": lambda x: x == np.inf,
    "-inf": lambda x: x == -np.inf,
    "either inf": np.isinf,
}

_SIGNED = ("signed 0", "signed 1", "signed inf")
"""Results with the sign of the operand; the others have the sign that is written."""

_ODD_AT_ZERO: Rules = (("zero", "signed 0"),)
_EXPONENTIAL: Rules = (("zero", "1"), ("-inf", "0"), ("inf", "inf"))
_LOGARITHM: Rules = (("zero", "-inf"), ("one", "0"), ("negative", "nan"), ("inf", "inf"))
_UNBOUNDED: Rules = (*_ODD_AT_ZERO, ("either inf", "signed inf"))
_SATURATING: Rules = (*_ODD_AT_ZERO, ("either inf", "signed 1"))
_PERIODIC: Rules = (*_ODD_AT_ZERO, ("either inf", "nan"))

UNARY: dict[str, Rules] = {
    "exp": _EXPONENTIAL,
    "exp2": _EXPONENTIAL,
    "expm1": (*_ODD_AT_ZERO, ("-inf", "-1"), ("inf", "inf")),
    "log": _LOGARITHM,
    "log2": _LOGARITHM,
    "log10": _LOGARITHM,
    "log1p": (
        *_ODD_AT_ZERO,
        ("minus one", "-inf"),
        ("below minus one", "nan"),
        ("inf", "inf"),
    ),
    "sin": _PERIODIC,
    "cos": (("zero", "1"), ("either inf", "nan")),
    "tan": _PERIODIC,
    "asin": (*_ODD_AT_ZERO, ("beyond one", "nan")),
    "acos": (("one", "0"), ("beyond one", "nan")),
    "atan": _ODD_AT_ZERO,
    "sinh": _UNBOUNDED,
    "cosh": (("zero", "1"), ("either inf", "inf")),
    "tanh": _SATURATING,
    "asinh": _UNBOUNDED,
    "acosh": (("one", "0"), ("below one", "nan"), ("inf", "inf")),
    "atanh": (*_ODD_AT_ZERO, ("either one", "signed inf"), ("beyond one", "nan")),
    "erf": _SATURATING,
    "sigmoid": (("zero", "0.5"), ("-inf", "0"), ("inf", "1")),
    "rsqrt": (("zero", "signed inf"), ("negative", "nan"), ("inf", "0")),
}
"""What Annex F.10.1 to F.10.8 prescribe.  A NaN gives the canonical NaN everywhere.

The infinities of atan give pi / 2, a number like others: the bound in ulps judges it.
"""


def special(name: str, *operands: Array) -> Special:
    """The prescribed results for operands of one float dtype and one shape.

    Where no rule speaks the mask is False and the bits mean nothing.
    """
    row = FORMATS[operands[0].dtype.name]
    with np.errstate(all="ignore"):
        wide = [widened(one) for one in operands]
        rules = _power_rules(*wide) if name == "pow" else _unary_rules(name, *wide)
    mask = np.zeros(operands[0].shape, dtype=bool)
    bits = np.zeros(operands[0].shape, dtype=row.unsigned)
    for where, result in rules:
        bits[where] = _word(row, result)
        mask |= where
    if name != "pow":
        signed = [where for where, result in rules if result in _SIGNED]
        for where in signed:
            bits[where] = row.with_sign(bits, row.to_bits(operands[0]))[where]
    return Special(mask, bits)


def _word(row: Format, result: str) -> int:
    """The bits of a result, without the sign of those that take the operand's."""
    magnitude = result.removeprefix("signed ").removeprefix("-")
    if magnitude == "nan":
        assert row.canonical_nan is not None
        return row.canonical_nan
    word = row.overflow if magnitude == "inf" else row.round(Fraction(magnitude))
    negative = result.startswith("-") and (word or row.minus_zero)
    return word | row.sign_bit if negative else word


def _unary_rules(name: str, x: Array) -> list[tuple[Array, str]]:
    rules = (("nan", "nan"), *UNARY[name])
    return [(np.asarray(_CONDITIONS[condition](x)), result) for condition, result in rules]


def is_odd_integer(y: Array) -> Array:
    """Which elements are odd integers; infinities and NaN are not."""
    half = y * y.dtype.type(0.5)
    return np.asarray((np.trunc(y) == y) & (np.trunc(half) != half))


def _power_rules(x: Array, y: Array) -> list[tuple[Array, str]]:
    """F.10.4.4, in an order in which later rules overrule earlier ones.

    Negative bases are treated by the sign that an odd exponent keeps.
    """
    odd = is_odd_integer(y)
    negative = np.signbit(x) & odd
    rises, falls = y > 0, y < 0
    size = np.abs(x)
    endless = np.isinf(y)
    to_inf = ((x == 0) & falls) | (np.isinf(x) & rises)
    to_zero = ((x == 0) & rises) | (np.isinf(x) & falls)
    to_inf |= endless & (((size > 1) & rises) | ((size < 1) & falls))
    to_zero |= endless & (((size > 1) & falls) | ((size < 1) & rises))
    fractional = np.isfinite(x) & np.isfinite(y) & (y != np.trunc(y))
    rules = [
        (fractional & (x < 0), "nan"),
        (to_inf & ~negative, "inf"),
        (to_inf & negative, "-inf"),
        (to_zero & ~negative, "0"),
        (to_zero & negative, "-0"),
        ((x == -1) & endless, "1"),
        (np.isnan(x) | np.isnan(y), "nan"),
        ((x == 1) | (y == 0), "1"),
    ]
    return [(np.asarray(where), result) for where, result in rules]
