"""True values from mpmath, each proved by a second, higher precision."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

from oracles.exact import value_of
from oracles.formats import Format, floor_log2
from oracles.mpmath_ref.rows import ROWS
from oracles.ulp import as_float, ulp_of_fraction

PRECISIONS = (160, 240)
"""Bits at which a value is computed, and at which it is computed again."""

DEEP_PRECISIONS = (4800, 4900)
"""The same for values so near a power of two that their binade, and so their ulp, is open.

1 - cos(x) of the least float64 is 2**-2149; arguments that come nearer are clamped.
"""

GUARD_BITS = 64
SPARE_BITS = 20
"""Agreement to all but so many bits proves a value to a relative error of 2**-(160 - 20)."""

PROVED_ERROR = Fraction(1, 2 ** (PRECISIONS[0] - SPARE_BITS))

_BEYOND = 1 << 15
"""Values of 2**_BEYOND and more, or the inverse, are cut off: no format comes near."""


class ProofError(ArithmeticError):
    """mpmath disagreed with itself at a higher precision."""


@lru_cache(maxsize=1 << 16)
def truth(name: str, *operands: Fraction) -> Fraction:
    """The value of a function at an in-domain point, to a relative error of PROVED_ERROR.

    Exact where the result is rational.  The binade is proved too.
    """
    row = ROWS[name]
    exact = row.rational(*operands)
    if exact is not None:
        return exact
    for precisions in (PRECISIONS, DEEP_PRECISIONS):
        first, second = (_at_precision(name, operands, bits) for bits in precisions)
        error = Fraction(1, 2 ** (precisions[0] - SPARE_BITS))
        if abs(first - second) > error / 2 * abs(second):
            raise ProofError(f"mpmath {name}{operands}: {precisions} bits disagree")
        if not _is_near_power(second, error):
            return second
    raise ProofError(f"mpmath {name}{operands}: too near a power of two")


def _is_near_power(value: Fraction, error: Fraction) -> bool:
    """Whether an error might change the binade; none does beyond every format."""
    exponent = floor_log2(abs(value))
    if abs(exponent) >= _BEYOND - 1:
        return False
    scaled = abs(value) / Fraction(2) ** exponent
    return scaled - 1 < error or 2 - scaled < error


@lru_cache(maxsize=256)
def _context(precision: int) -> Any:
    """A private context, so that no global precision is read or set."""
    import mpmath

    context: Any = mpmath.MPContext()
    context.prec = precision
    return context


def _at_precision(name: str, operands: tuple[Fraction, ...], bits: int) -> Fraction:
    """The value in `bits` of precision.

    Operands have at most 53 significant bits.  The guard bits cover what the formulas of `rows`
    lose; large arguments of the periodic functions need as many more as their exponent has.
    """
    size = max(max(floor_log2(abs(one)), 0) if one else 0 for one in operands)
    context = _context(bits + GUARD_BITS + min(size, 1100))
    arguments = [context.mpf(one.numerator) / one.denominator for one in operands]
    sign, mantissa, exponent, width = ROWS[name].value(context, *arguments)._mpf_
    place = max(-_BEYOND, min(_BEYOND, int(exponent) + int(width)))
    magnitude = Fraction(int(mantissa)) * Fraction(2) ** (place - int(width))
    return -magnitude if sign else magnitude


def true_value(name: str, row: Format, operand_bits: tuple[int, ...]) -> Fraction:
    """The value of a function at operands given by their bits, where it is not prescribed."""
    clamp = ROWS[name].clamp
    operands = []
    for bits in operand_bits:
        value = value_of(row.name, bits)
        if clamp is None:
            operands.append(value.fraction)
        elif value.is_inf:
            operands.append(Fraction(clamp[0] if value.negative else clamp[1]))
        else:
            operands.append(min(max(value.fraction, Fraction(clamp[0])), Fraction(clamp[1])))
    return truth(name, *operands)


def exact_distance(name: str, row: Format, operand_bits: tuple[int, ...], got_bits: int) -> float:
    """The ulp distance of one result from mpmath's value, rounded to float64.

    Infinitely far are NaN, a zero with the sign that the value has not, whatever is 2**1000 ulps
    away, and, where the value overflows (2**(emax+1) and more), all but the right infinity. Without
    -0 and infinities 0 has no sign, and a value beyond the range is the largest number.
    """
    value = true_value(name, row, operand_bits)
    got = row.decode(got_bits)
    wrong_sign = row.minus_zero and row.is_negative(got_bits) != (value < 0)
    if got == "nan" or (got == 0 and wrong_sign):
        return float("inf")
    if row.infinite and row.overflows(value):
        return 0.0 if got == ("-inf" if value < 0 else "inf") else float("inf")
    return as_float(ulp_of_fraction(row, got_bits, value))
