"""Rounding to integers, exact: toward zero, down, up, and to the nearest with halves to even.

The sign of the operand stays, also where the result is zero. Floats from 2**fraction_bits on are
integers, and are their own result, as infinities and NaN are.
"""

from __future__ import annotations

from engine.decompose.functions.value import FORMATS, V


def _nearest(x: V) -> tuple[V, V]:
    """(|x|, the integer nearest to it), the latter for |x| < 2**fraction_bits only.

    Floats from 2**fraction_bits to its double are the integers there: the sum rounds to one.
    """
    fmt = FORMATS[x.dtype_name]
    magnitude = (x.bitcast(fmt.unsigned) & fmt.sign_bit - 1).bitcast(x.dtype_name)
    shifter = 2.0**fmt.fraction_bits
    return magnitude, (magnitude + shifter).opaque() - shifter


def _finished(x: V, magnitude: V, rounded: V) -> V:
    """The rounded magnitude with the sign of x; x itself where it is an integer for its size."""
    fmt = FORMATS[x.dtype_name]
    sign = x.bitcast(fmt.unsigned) & fmt.sign_bit
    signed = (rounded.bitcast(fmt.unsigned) | sign).bitcast(x.dtype_name)
    return magnitude.lt(2.0**fmt.fraction_bits).where(signed, x)


def round_half_even(x: V) -> V:
    """The nearest integer, halves to even."""
    return _finished(x, *_nearest(x))


def trunc(x: V) -> V:
    """The integer part."""
    magnitude, nearest = _nearest(x)
    return _finished(x, magnitude, magnitude.lt(nearest).where(nearest - 1.0, nearest))


def _directed(x: V, away: V) -> V:
    """Rounded away from zero where `away` holds, else toward zero."""
    magnitude, nearest = _nearest(x)
    lower = magnitude.lt(nearest).where(nearest - 1.0, nearest)
    upper = nearest.lt(magnitude).where(nearest + 1.0, nearest)
    return _finished(x, magnitude, away.where(upper, lower))


def floor(x: V) -> V:
    """The largest integer that is not larger; floor(-0) = -0."""
    return _directed(x, x.lt(0.0))


def ceil(x: V) -> V:
    """The smallest integer that is not smaller; ceil(-0.5) = -0."""
    return _directed(x, x.constant(0.0).lt(x))
