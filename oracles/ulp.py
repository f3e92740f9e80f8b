"""Real-valued ulp distance: |result - exact| in spacings of the format at the exact value.

0.5 or less means correctly rounded, except at ties and powers of two.  An infinity counts as
2**(emax+1), the value that the format would go on with.  Definition: J.-M. Muller, On the
definition of ulp(x), INRIA RR-5504 (2005), after Kahan, extended to subnormals.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

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


def ulp_of_wide(got: Array, truth: Array) -> Array:
    """The distances of results from true values in longdouble, as float64; NaN gives inf.

    The error of a distance is that of the truth: the difference of near numbers is exact.  A zero
    with the sign that the truth has not is infinitely far.  Where longdouble is no wider than
    `got`, distances from infinities mean nothing.
    """
    row = FORMATS[got.dtype.name]
    top = np.ldexp(np.longdouble(1), row.emax + 1)
    wide = got.astype(np.longdouble)
    wide = np.where(np.isinf(wide), np.copysign(top, wide), wide)
    exponent = np.where(truth == 0, row.emin, np.frexp(truth)[1] - 1)
    spacing = np.maximum(exponent, row.emin) - row.mantissa_bits
    ulps = np.ldexp(np.abs(wide - truth), -spacing).astype(np.float64)
    wrong_sign = np.signbit(got) != np.signbit(truth)
    return np.asarray(np.where(np.isnan(ulps) | (wrong_sign & (got == 0)), np.inf, ulps))
