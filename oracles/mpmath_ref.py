"""exp2 and log2 against mpmath, at scale.

A filter gives the true value with a known error: float64 (numpy) for float16 and float32
operands, double-double for float64.  Only where the filter's error could change the answer is
mpmath asked, and each of its values is proved by a second, higher precision.  Special values
come from C Annex F (F.10.3.9, F.10.3.22), never from mpmath.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from oracles import double_double
from oracles.double_double import Pair, Scaled
from oracles.exact import value_of
from oracles.formats import FORMATS, Array, Format
from oracles.numpy_ref.support import canonical, convert
from oracles.promotion import to_float

PRECISIONS = (160, 240)
"""Bits at which a value is computed, and at which it is computed again."""

PROVED_ERROR = Fraction(1, 2**140)
"""The relative error that agreement of the two precisions proves."""

DOUBT = 2.0**-20
"""Distances closer than this (in ulps) to a decision are decided by mpmath.

The float64 filter is off by less than 2**-50 relative (numpy: 0.7 ulp measured), which is 2**-26
ulp of float32; the double-double one by 2**-85, which is 2**-32 ulp of float64.
"""

CHUNK = 1 << 14
_EXP2_LIMIT = 1090
_NARROW_LIMIT = 1000
NAMES = ("exp2", "log2")


class ProofError(ArithmeticError):
    """mpmath disagreed with itself at a higher precision."""


@lru_cache(maxsize=1 << 16)
def truth(name: str, x: Fraction) -> Fraction:
    """The value of a function at an in-domain point, to a relative error of PROVED_ERROR.

    Exact where the result is rational: exp2 at integers, log2 at powers of two.
    """
    if name == "exp2" and x.denominator == 1 and abs(x) <= 1 << 14:
        return Fraction(2) ** int(x)
    if name == "log2" and _is_power_of_two(x):
        return Fraction(x.numerator.bit_length() - x.denominator.bit_length())
    first, second = (_at_precision(name, x, bits) for bits in PRECISIONS)
    if abs(first - second) > PROVED_ERROR / 2 * abs(second):
        raise ProofError(f"mpmath {name}({x}): {PRECISIONS} bits disagree")
    return second


def _is_power_of_two(x: Fraction) -> bool:
    return x.numerator & (x.numerator - 1) == 0 and x.denominator & (x.denominator - 1) == 0


def _at_precision(name: str, x: Fraction, bits: int) -> Fraction:
    """A private context, so that no global precision is read or set.

    log2 near 1 loses nothing: x has at most 53 significant bits, so x - 1 is at least 2**-53,
    and the working precision is raised by 64 bits.
    """
    import mpmath

    context: Any = mpmath.MPContext()
    context.prec = bits + 64
    argument = context.mpf(x.numerator) / x.denominator
    value = context.power(2, argument) if name == "exp2" else context.log(argument) / context.ln(2)
    sign, mantissa, exponent, _ = value._mpf_
    magnitude = Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
    return -magnitude if sign else magnitude


class Special(NamedTuple):
    """Where the result is prescribed, and its bits there."""

    mask: Array
    bits: Array


def special(name: str, x: Array) -> Special:
    """Results that Annex F prescribes, and overflow: 2**x >= 2**(emax+1) is infinity.

    Where an elementwise rule is silent the mask is False and the bits mean nothing.
    """
    row = FORMATS[x.dtype.name]
    rules = _exp2_rules(x, row) if name == "exp2" else _log2_rules(x, row)
    mask = np.zeros(x.shape, dtype=bool)
    bits = np.zeros(x.shape, dtype=row.unsigned)
    for where, wanted in rules:
        bits[where] = wanted
        mask |= where
    return Special(mask, bits)


def _exp2_rules(x: Array, row: Format) -> list[tuple[Array, int]]:
    assert row.canonical_nan is not None
    return [
        (np.isnan(x), row.canonical_nan),
        (x >= x.dtype.type(row.emax + 1), row.infinity),
        (np.asarray(x == -np.inf), 0),
        (np.asarray(x == 0), row.round(Fraction(1))),
    ]


def _log2_rules(x: Array, row: Format) -> list[tuple[Array, int]]:
    assert row.canonical_nan is not None
    return [
        (np.isnan(x) | (x < 0), row.canonical_nan),
        (np.asarray(x == 0), row.infinity | row.sign_bit),
        (np.asarray(x == 1), 0),
        (np.asarray(x == np.inf), row.infinity),
    ]


def _exp2_filter(x: Array, narrow: bool) -> Scaled:
    """Arguments are clipped where every format has long overflowed or vanished."""
    limit = _NARROW_LIMIT if narrow else _EXP2_LIMIT
    clipped = np.clip(x, -limit, limit)
    if narrow:
        value = np.exp2(clipped)
        return Scaled(Pair(value, np.zeros_like(value)), np.zeros(x.shape, dtype=np.int64))
    return double_double.exp2(clipped)


def _log2_filter(x: Array, narrow: bool) -> Scaled:
    if narrow:
        value = np.log2(x)
        return Scaled(Pair(value, np.zeros_like(value)), np.zeros(x.shape, dtype=np.int64))
    return double_double.log2(x)


_FILTERS: dict[str, Callable[[Array, bool], Scaled]] = {"exp2": _exp2_filter, "log2": _log2_filter}
_HARMLESS = {"exp2": 0.5, "log2": 3.0}


class Truth(NamedTuple):
    """The true values of a function at flat operands, and where they are prescribed instead."""

    name: str
    x: Array
    special: Special
    value: Scaled


def filtered(name: str, x: Array) -> Truth:
    """The filter's values for flat operands of one float dtype."""
    with np.errstate(all="ignore"):
        prescribed = special(name, x)
        harmless = np.where(prescribed.mask, _HARMLESS[name], x.astype(np.float64))
        return Truth(name, x, prescribed, _FILTERS[name](harmless, x.dtype != np.float64))


def distances(known: Truth, got: Array) -> tuple[Array, Array]:
    """Real-valued ulp distance of each result, and where it is too close to call.

    Prescribed elements have distance 0 (bits as prescribed) or inf.
    """
    from oracles.ulp import ulp_of_pair

    row = FORMATS[got.dtype.name]
    with np.errstate(all="ignore"):
        ulps = ulp_of_pair(got, known.value)
    right = row.to_bits(got) == known.special.bits
    ulps = np.where(known.special.mask, np.where(right, 0.0, np.inf), ulps)
    mantissa = np.abs(np.frexp(known.value.pair.high)[0])
    near_power = (mantissa > 1 - 2.0**-45) | (mantissa < 0.5 + 2.0**-45)
    doubtful = near_power & (ulps > 0.25) & (ulps < 4) & ~known.special.mask
    return np.asarray(ulps), np.asarray(doubtful)


def exact_distance(name: str, row: Format, x_bits: int, got_bits: int) -> float:
    """The ulp distance of one result from mpmath's value, rounded to float64.

    NaN is infinitely far, and so is a zero with the sign that the value has not, and whatever
    is 2**1000 ulps away.
    """
    from oracles.ulp import as_float, ulp_of_fraction

    value = true_value(name, row, x_bits)
    if row.decode(got_bits) == "nan":
        return float("inf")
    if row.decode(got_bits) == 0 and row.is_negative(got_bits) != (value < 0):
        return float("inf")
    return as_float(ulp_of_fraction(row, got_bits, value))


def true_value(name: str, row: Format, x_bits: int) -> Fraction:
    """The value of a function at one operand, given by its bits."""
    x = value_of(row.name, x_bits).fraction
    if name == "exp2":
        x = max(min(x, Fraction(1 << 14)), Fraction(-(1 << 12)))
    return truth(name, x)


def correctly_rounded(name: str, x: Array) -> Array:
    """The correctly rounded results for float operands of any shape."""
    flat = x.reshape(-1)
    parts = [_round_chunk(name, flat[k : k + CHUNK]) for k in range(0, flat.size, CHUNK)]
    joined = np.concatenate(parts) if parts else np.empty(0, dtype=x.dtype)
    return np.asarray(joined.reshape(x.shape))


def _round_chunk(name: str, x: Array) -> Array:
    row = FORMATS[x.dtype.name]
    known = filtered(name, x)
    with np.errstate(all="ignore"):
        pair, exponent = known.value
        estimate = convert(canonical(np.ldexp(pair.high, exponent)), row.name)
    bits = np.where(known.special.mask, known.special.bits, row.to_bits(estimate))
    ulps, doubtful = distances(known, row.from_bits(bits))
    unproved = (doubtful | ~(ulps < 0.5 - DOUBT)) & ~known.special.mask
    x_bits = row.to_bits(x)
    for k in np.flatnonzero(unproved).tolist():
        bits[k] = row.round(true_value(name, row, int(x_bits[k])))
    return row.from_bits(bits)


def exp2(x: Array) -> Array:
    """2**x, correctly rounded; integers and bool convert to the default float first."""
    return correctly_rounded("exp2", convert(x, to_float(x.dtype.name)))


def log2(x: Array) -> Array:
    """log2(x), correctly rounded; integers and bool convert to the default float first."""
    return correctly_rounded("log2", convert(x, to_float(x.dtype.name)))


FUNCTIONS: dict[str, Callable[[Array], Array]] = {"exp2": exp2, "log2": log2}
