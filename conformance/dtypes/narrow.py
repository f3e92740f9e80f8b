"""What results of floats narrower than float32 must be, from the tables of their formats.

A format is the list of its numbers: the nearest to a value is found among them, by the exact
middles between neighbours. Nothing here is shared with the engine's way of rounding, nor with
ml_dtypes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache

import numpy as np

from oracles import mpmath_ref
from oracles.formats import FORMATS, Array, Format

FLOAT8 = ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz")
NARROW = (*FLOAT8, "bfloat16", "float16")


@cache
def numbers(name: str) -> Array:
    """The finite numbers of a format that are not negative, by their bits, as float64."""
    row = FORMATS[name]
    return np.array([float(_fraction(row, bits)) for bits in range(row.largest + 1)])


def _fraction(row: Format, bits: int) -> Fraction:
    exact = row.decode(bits)
    assert isinstance(exact, Fraction)
    return exact


@cache
def middles(name: str) -> Array:
    """Half way from each of `numbers` to the next; beyond the last one, where infinity begins."""
    known = numbers(name)
    return known + np.diff(known, append=2 * known[-1] - known[-2]) / 2


def values(name: str, bits: Array) -> Array:
    """What patterns stand for, as float64."""
    return np.asarray(_table(name)[bits])


@cache
def _table(name: str) -> Array:
    row = FORMATS[name]
    table = np.array([float(row.decode(k)) for k in range(1 << row.bits)])
    if row.minus_zero:
        table[row.sign_bit] = -0.0
    return table


def patterns(name: str) -> Array:
    """All bit patterns of a format."""
    row = FORMATS[name]
    return np.arange(1 << row.bits).astype(row.unsigned)


def nearest(name: str, value: Array | float) -> Array:
    """The bits nearest to exact values; ties to even, beyond the range what the row says."""
    row, limits = FORMATS[name], middles(name)
    value = np.asarray(value)
    size = np.abs(value)
    place = np.searchsorted(limits, size)  # size <= limits[place]
    inside = np.minimum(place, row.largest)
    place = place + ((size == limits[inside]) & (place % 2 == 1))
    bits = np.where(place > row.largest, row.overflow, place).astype(row.unsigned)
    signed = np.signbit(value) & (row.minus_zero | (bits != 0))
    bits = np.where(signed, bits | row.unsigned.type(row.sign_bit), bits)
    return np.where(np.isnan(value), row.unsigned.type(row.canonical_nan or 0), bits)


def rounded_function(function: str, name: str, *operands: Array) -> Array:
    """Bits of a function of real numbers, correctly rounded: mpmath decides what is near a middle.

    `operands` are bit patterns. What C Annex F prescribes are numbers of every format.
    """
    single = FORMATS["float32"]
    wide = [values(name, one).astype(np.float32) for one in operands]
    known = mpmath_ref.filtered(function, wide)
    prescribed = single.from_bits(known.special.bits).astype(np.float64)
    bits = np.where(known.special.mask, nearest(name, prescribed), nearest(name, known.value))
    doubtful = _doubtful(name, known.value, 4 * mpmath_ref.ROWS[function].error)
    for k in np.flatnonzero(~known.special.mask & doubtful).tolist():
        words = tuple(int(single.to_bits(one)[k]) for one in wide)
        exact = mpmath_ref.true_value(function, single, words)
        bits[k] = FORMATS[name].round(exact)
    return bits


def _doubtful(name: str, value: Array, error: float) -> Array:
    """Which values are so near a middle that this relative error of theirs might matter."""
    limits = middles(name)
    size = np.abs(value)
    place = np.minimum(np.searchsorted(limits, size), limits.size - 1)
    beside = [limits[place], limits[np.maximum(place - 1, 0)]]
    near = [np.abs(size - one) <= one * error for one in beside]
    return np.asarray(near[0] | near[1])


# -- two operands: in float64 all of this is exact, or rounded to more than 2p + 2 bits ------------
def _extreme(greater: bool) -> Callable[[Array, Array, int], Array]:
    def chosen(x: Array, y: Array, precision: int) -> Array:
        order = (x > y) | ((x == y) & ~np.signbit(x))
        result = np.where(order == greater, x, y)
        return np.where(np.isnan(x) | np.isnan(y), np.nan, result)

    return chosen


def _mod(x: Array, y: Array, precision: int) -> Array:
    rest = np.fmod(x, y)
    moved = np.where((rest < 0) != (y < 0), rest + y, rest)
    return np.where(rest == 0, np.copysign(0.0, y), moved)


def _floordiv(x: Array, y: Array, precision: int) -> Array:
    quotient = x / y
    small = np.abs(quotient) < 2.0**precision
    below = small & (quotient == 0) & (x != 0) & ((x < 0) != (y < 0))
    result = np.where(small, np.floor(quotient), quotient)
    result = np.where(below, -1.0, result)
    return np.where(np.isinf(x) & (y != 0), np.nan, result)


BINARY: dict[str, Callable[[Array, Array, int], Array]] = {
    "add": lambda x, y, p: x + y,
    "sub": lambda x, y, p: x - y,
    "mul": lambda x, y, p: x * y,
    "div": lambda x, y, p: x / y,
    "fmod": lambda x, y, p: np.fmod(x, y),
    "mod": _mod,
    "floordiv": _floordiv,
    "maximum": _extreme(greater=True),
    "minimum": _extreme(greater=False),
}
COMPARISONS: dict[str, Callable[[Array, Array], Array]] = {
    "lt": np.less, "le": np.less_equal, "eq": np.equal, "ne": np.not_equal, "gt": np.greater,
    "ge": np.greater_equal,
}  # fmt: skip


def binary(op: str, name: str, x: Array, y: Array) -> Array:
    """The bits of an operation on two arrays of patterns."""
    with np.errstate(all="ignore"):
        result = BINARY[op](values(name, x), values(name, y), FORMATS[name].precision)
    return nearest(name, result)


def with_sign(name: str, bits: Array, sign: Array) -> Array:
    """Patterns with another sign bit; 0 and NaN stay where the format has no -0."""
    row = FORMATS[name]
    magnitude = bits & row.unsigned.type(row.sign_bit - 1)
    changed = magnitude | (sign & row.unsigned.type(row.sign_bit))
    return changed if row.minus_zero else np.where(magnitude == 0, bits, changed)


def integers_around(name: str, whole: str) -> Array:
    """Integers of a dtype at, and beside, the numbers of a format and the middles between them."""
    row = FORMATS[whole]
    exact: set[int] = {row.minimum, row.maximum, 0, 1}
    for value in _whole(np.concatenate([numbers(name), middles(name)]), row.maximum):
        for near in (value - 1, value, value + 1, -value - 1, -value, -value + 1):
            if row.minimum <= near <= row.maximum:
                exact.add(near)
    return np.array(sorted(exact), row.numpy_dtype)


def _whole(found: Sequence[float] | Array, limit: int) -> list[int]:
    return [int(value) for value in found if value <= limit + 1 and value == int(value)]
