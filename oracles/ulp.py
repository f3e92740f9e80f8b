"""Real-valued ulp distance: |result - exact| in spacings of the format at the exact value.

0.5 or less means correctly rounded, except at ties and powers of two.  An infinity counts as
2**(emax+1), the value that the format would go on with.  Definition: J.-M. Muller, On the
definition of ulp(x), INRIA RR-5504 (2005), after Kahan, extended to subnormals.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from oracles.double_double import Pair, Scaled
from oracles.formats import FORMATS, Array, Format

_BEYOND = Fraction(2) ** 1000


def ulp_of_fraction(row: Format, bits: int, exact: Fraction) -> Fraction:
    """The distance of one result from an exact value; `bits` must not be NaN."""
    value = row.decode(bits)
    if value == "nan":
        raise ValueError("a NaN has no distance")
    top = Fraction(2) ** (row.emax + 1)
    number = value if isinstance(value, Fraction) else (-top if value == "-inf" else top)
    return abs(number - exact) / row.ulp(exact)


def as_float(distance: Fraction) -> float:
    """A distance rounded to float64; inf from 2**1000 on, where a quotient might not fit."""
    return float("inf") if distance >= _BEYOND else float(distance)


def ulp_of_pair(got: Array, truth: Scaled) -> Array:
    """The distances of results from nonzero double-double truths; NaN results give inf.

    The relative error of a distance is a few 2**-53; that of the truth comes on top.
    """
    row = FORMATS[got.dtype.name]
    (high, low), exponent = truth
    top = np.float64(2.0) ** (row.emax if row.bits == 64 else row.emax + 1)
    wide = got.astype(np.float64)
    shift = -exponent
    if row.bits == 64:  # 2**1024 is not a float64: halve it and double it by the exponent
        wide = np.where(np.isinf(wide), np.copysign(top, wide), wide)
        shift = shift + np.isinf(got)
    else:
        wide = np.where(np.isinf(wide), np.copysign(top, wide), wide)
    scaled = np.ldexp(wide, shift)
    distance = np.abs((scaled - high) - low)
    spacing = np.maximum(_floor_log2(high, low) + exponent, row.emin) - row.mantissa_bits
    ulps = np.ldexp(distance, exponent - spacing)
    wrong_sign = np.signbit(got) != np.signbit(high)
    return np.where(np.isnan(got) | (wrong_sign & (got == 0)), np.inf, ulps)


def ulp_of_float64(got: Array, truth: Array) -> Array:
    """The distances of float16 or float32 results from finite nonzero float64 truths."""
    zero = np.zeros(truth.shape)
    return ulp_of_pair(got, Scaled(Pair(truth, zero), np.zeros(truth.shape, dtype=np.int64)))


def _floor_log2(high: Array, low: Array) -> Array:
    """floor(log2 |high + low|): one less where high is a power of two and low pulls down."""
    mantissa, exponent = np.frexp(high)
    pulled = (np.abs(mantissa) == 0.5) & (low != 0) & (np.signbit(low) != np.signbit(high))
    return np.asarray(exponent.astype(np.int64) - 1 - pulled)
