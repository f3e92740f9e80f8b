"""Real-valued ulp distance: |result - exact| in spacings of the format at the exact value.

0.5 or less means correctly rounded, except at ties and powers of two.  An infinity counts as
2**(emax+1), the value that the format would go on with; without infinities an exact value beyond
the largest number counts as that, since results saturate.  Definition: J.-M. Muller, On the
definition of ulp(x), INRIA RR-5504 (2005), after Kahan, extended to subnormals.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from oracles.formats import FORMATS, Array, Format

_BEYOND = Fraction(2) ** 1000


def ulp_of_fraction(row: Format, bits: int, exact: Fraction) -> Fraction:
    """The distance of one result from an exact value; `bits` must not be NaN."""
    value, exact = row.decode(bits), row.limited(exact)
    if value == "nan":
        raise ValueError("a NaN has no distance")
    top = Fraction(2) ** (row.emax + 1)
    number = value if isinstance(value, Fraction) else (-top if value == "-inf" else top)
    return abs(number - exact) / row.ulp(exact)


def as_float(distance: Fraction) -> float:
    """A distance rounded to float64; inf from 2**1000 on, where a quotient might not fit."""
    return float("inf") if distance >= _BEYOND else float(distance)


def ulp_of_wide(got: Array, truth: Array) -> Array:
    """The distances of results from true values in longdouble, as float64; NaN gives inf.

    The error of a distance is that of the truth: the difference of near numbers is exact.  A zero
    with the sign that the truth has not is infinitely far, if the format has both.  Where
    longdouble is no wider than `got`, distances from infinities mean nothing.
    """
    row = FORMATS[got.dtype.name]
    top = np.ldexp(np.longdouble(1), row.emax + 1)
    wide, truth = got.astype(np.longdouble), limited(row, truth)
    wide = np.where(np.isinf(wide), np.copysign(top, wide), wide)
    ulps = (np.abs(wide - truth) / spacing(row, truth)).astype(np.float64)
    return np.asarray(np.where(np.isnan(ulps) | wrong_zeros(row, wide, truth), np.inf, ulps))


def limited(row: Format, truth: Array) -> Array:
    """True values as results are measured by them; see `Format.limited`."""
    if row.infinite:
        return truth
    greatest = truth.dtype.type(float(row.greatest))
    return np.asarray(np.clip(truth, -greatest, greatest))


def in_range(results: Array) -> Array:
    """Which results are numbers that no overflow can have made."""
    row = FORMATS[results.dtype.name]
    bits = row.to_bits(results)
    return np.asarray(row.is_finite(bits) & ~row.is_overflow(bits))


def spacing(row: Format, value: Array) -> Array:
    """The ulp of a format at finite longdouble values, as if the exponent had no upper limit."""
    exponent = np.where(value == 0, row.emin, np.frexp(value)[1] - 1)
    places = np.maximum(exponent, row.emin) - row.mantissa_bits
    return np.asarray(np.ldexp(np.longdouble(1), places))


def wrong_zeros(row: Format, got: Array, truth: Array) -> Array:
    """Results of zero with the sign that the truth has not, where a format has both zeros."""
    return np.asarray((got == 0) & (np.signbit(got) != np.signbit(truth)) & row.minus_zero)
