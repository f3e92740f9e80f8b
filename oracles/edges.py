"""Edge values of each dtype as bit patterns, and the class that coverage counts them under."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from fractions import Fraction
from functools import cache

import numpy as np

from oracles.formats import FORMATS, Array, Format

_INTEGER_WIDTHS = (8, 16, 32, 64)
# Floats whose midpoints are edges of all others; the narrower ones have a suite of their own.
_CAST_TO = {name: FORMATS[name] for name in ("float16", "float32", "float64")}
_HALVES = (Fraction(1, 2), Fraction(3, 2), Fraction(5, 2), Fraction(7, 2))
_SMALL = (Fraction(2), Fraction(3), Fraction(4), Fraction(10), Fraction(1, 3), Fraction(7))


@cache
def _edge_bits(dtype: str) -> tuple[int, ...]:
    row = FORMATS[dtype]
    if row.kind == "bool":
        return (0, 1)
    found = _float_edges(row) if row.is_float else _integer_edges(row)
    mask = (1 << row.bits) - 1
    return tuple(dict.fromkeys(bits & mask for bits in found))


def edges(dtype_name: str) -> Array:
    """The edge values of a dtype, as distinct bit patterns in its unsigned numpy dtype."""
    return np.array(_edge_bits(dtype_name), dtype=FORMATS[dtype_name].unsigned)


def _integer_edges(row: Format) -> list[int]:
    """0, +-1, small divisors, the ends of the range, powers of two and their neighbours."""
    values = [0, 1, -1, 2, -2, 3, -3, 7, -7, 10, row.minimum, row.minimum + 1]
    values += [row.maximum, row.maximum - 1]
    for exponent in _powers(row):
        power = 1 << exponent
        values += [power, power - 1, power + 1, -power, -power - 1, -power + 1]
    return [value for value in values if row.minimum <= value <= row.maximum]


def _powers(row: Format) -> list[int]:
    """Half and whole word boundaries, and where float formats stop holding all integers."""
    wanted = {row.bits // 2, row.bits - 2, row.bits - 1}
    wanted |= {4, 7, 8, 11, 15, 16, 23, 24, 25, 31, 32, 33, 52, 53, 54, 63}
    return sorted(exponent for exponent in wanted if exponent < row.bits)


def _float_edges(row: Format) -> list[int]:
    positive = _structure(row) + _rounded(row, _positive_values(row))
    both = [bits for one in positive for bits in (one, one | row.sign_bit)]
    return both + _nans(row)


def _structure(row: Format) -> list[int]:
    """Zero, the ends of the subnormal and normal ranges, any infinity, 1 and its neighbours."""
    smallest_normal = 1 << row.mantissa_bits
    one = row.round(Fraction(1))
    ends = [0, 1, 2, smallest_normal - 1, smallest_normal, smallest_normal + 1]
    return [*ends, row.largest - 1, row.largest, row.overflow, one - 1, one, one + 1]


def _positive_values(row: Format) -> list[Fraction]:
    """Values that matter to casts and functions; each is rounded into the format."""
    values = [*_HALVES, *_SMALL]
    for width in _INTEGER_WIDTHS:
        for exponent in (width - 1, width):
            power = Fraction(2) ** exponent
            values += [power, power - 1, power + 1, power - Fraction(1, 2)]
    for other in {**_CAST_TO, row.name: row}.values():
        values += _midpoints(other) + _function_thresholds(other)
    root = Fraction(2) ** (row.emax // 2 + 1)
    tiny = Fraction(2) ** ((row.emin - row.mantissa_bits) // 2)
    return [*values, root, tiny, Fraction(2) ** row.mantissa_bits]


def _midpoints(other: Format) -> list[Fraction]:
    """Halfway between two neighbours of `other`, where a cast to it ties; its overflow limit."""
    ulp_at_one = other.ulp(Fraction(1))
    least = Fraction(2) ** (other.emin - other.mantissa_bits)
    top = Fraction(2) ** (other.emax + 1)
    tie = top - other.ulp(top / 2) / 2
    smallest_normal = Fraction(2) ** other.emin
    return [
        1 + ulp_at_one / 2, 1 + 3 * ulp_at_one / 2, least / 2, 3 * least / 2, least, tie, top,
        smallest_normal - least / 2, smallest_normal, 2 / ulp_at_one + 1, 2 / ulp_at_one - 1,
    ]  # fmt: skip


def _function_thresholds(other: Format) -> list[Fraction]:
    """Arguments where exp2 into `other` overflows, becomes subnormal or vanishes."""
    least = other.emin - other.mantissa_bits
    return [Fraction(abs(n)) for n in (other.emax, other.emax + 1, other.emin, least, least - 1)]


def _rounded(row: Format, values: Iterable[Fraction]) -> list[int]:
    """Each value and its two neighbours in the format, only finite ones."""
    found = []
    for value in values:
        bits = row.round(value)
        found += [near for near in (bits - 1, bits, bits + 1) if 0 <= near <= row.largest]
    return found


def _nans(row: Format) -> list[int]:
    """Canonical, negative, with payload, signalling of both signs, all ones."""
    if not row.infinite:
        nan = row.nan(0)
        return [nan, nan | row.sign_bit]
    quiet = 1 << (row.mantissa_bits - 1)
    positive = [
        row.infinity | quiet, row.infinity | quiet | 0x5A, row.infinity | 1,
        row.infinity | (quiet - 1), row.infinity | quiet | (quiet - 1),
    ]  # fmt: skip
    return positive + [bits | row.sign_bit for bits in positive]


FLOAT_CLASSES = (
    "+0", "-0", "+subnormal", "-subnormal", "+normal", "-normal", "+one", "-one", "+max", "-max",
    "+inf", "-inf", "qnan", "snan",
)  # fmt: skip
INTEGER_CLASSES = ("0", "1", "-1", "min", "max", "power", "positive", "negative")
BOOL_CLASSES = ("false", "true")


def classes(dtype: str) -> tuple[str, ...]:
    """The class names that `edge_class` can give for a dtype."""
    row = FORMATS[dtype]
    if row.kind == "bool":
        return BOOL_CLASSES
    if row.is_float:
        return tuple(name for name in FLOAT_CLASSES if name not in _absent(row))
    unsigned = ("0", "1", "max", "power", "positive")
    return INTEGER_CLASSES if row.kind == "int" else unsigned


def _absent(row: Format) -> set[str]:
    """The classes of floats that a format has not."""
    infinite = set() if row.infinite else {"+inf", "-inf", "snan"}
    return infinite if row.minus_zero else infinite | {"-0"}


def edge_class(dtype: str, bits: int) -> str:
    """The coverage class of one bit pattern."""
    row = FORMATS[dtype]
    if row.kind == "bool":
        return BOOL_CLASSES[int(bits) & 1]
    return _float_class(row, int(bits)) if row.is_float else _integer_class(row, int(bits))


def _float_class(row: Format, bits: int) -> str:
    magnitude = bits & (row.sign_bit - 1)
    if row.decode(bits) == "nan":
        quiet = not row.infinite or magnitude & (1 << (row.mantissa_bits - 1))
        return "qnan" if quiet else "snan"
    named = {
        0: "0",
        row.largest + 1: "inf",
        row.largest: "max",
        row.round(Fraction(1)): "one",
    }
    kind = "subnormal" if magnitude < 1 << row.mantissa_bits else "normal"
    return ("-" if bits & row.sign_bit else "+") + named.get(magnitude, kind)


def _integer_class(row: Format, bits: int) -> str:
    exact = row.decode(bits)
    assert isinstance(exact, Fraction)
    value = int(exact)
    named = {0: "0", 1: "1", -1: "-1", row.maximum: "max"}
    if row.kind == "int":
        named[row.minimum] = "min"
    if value in named:
        return named[value]
    if value > 0 and value & (value - 1) == 0:
        return "power"
    return "positive" if value > 0 else "negative"


def class_counts(dtype: str, bits: Array) -> dict[str, int]:
    """How many of these bit patterns have each class that occurs: `edge_class` in bulk."""
    row = FORMATS[dtype]
    words = np.ascontiguousarray(bits).reshape(-1).astype(row.unsigned, copy=False)
    starts, names = _intervals(dtype)
    places = np.searchsorted(starts, words, side="right") - 1
    found: dict[str, int] = {}
    for name, count in zip(names, np.bincount(places, minlength=len(names)).tolist()):
        if count:
            found[name] = found.get(name, 0) + count
    if row.kind in ("int", "uint"):
        _count_powers(row, words, found)
    return found


def has_class(dtype: str, bits: Array, names: Collection[str]) -> Array:
    """Which of these bit patterns have one of the classes."""
    distinct, places = np.unique(bits, return_inverse=True)
    found = [edge_class(dtype, int(word)) in names for word in distinct]
    return np.array(found, dtype=bool)[places].reshape(bits.shape)


def _count_powers(row: Format, words: Array, found: dict[str, int]) -> None:
    """Powers of two lie scattered in the interval of the positive numbers."""
    one = row.unsigned.type(1)
    powers = (words & (words - one) == 0) & (words > one)
    if row.kind == "int":
        powers &= words <= row.unsigned.type(row.maximum)
    count = int(np.count_nonzero(powers))
    if count:
        found["power"] = count
        found["positive"] -= count
        if not found["positive"]:
            del found["positive"]


@cache
def _intervals(dtype: str) -> tuple[Array, tuple[str, ...]]:
    """The bit patterns, in ascending order, from which on a class holds, and those classes."""
    row = FORMATS[dtype]
    mask = (1 << row.bits) - 1
    if row.kind == "bool":
        starts = [0, 1]
    elif row.is_float:
        starts = [bits | sign for sign in (0, row.sign_bit) for bits in _float_starts(row)]
    else:
        ends = [row.maximum, row.maximum + 1, row.minimum, row.minimum + 1]
        starts = sorted({bits & mask for bits in (0, 1, 2, *ends, -1)})
    classes_of = [edge_class(dtype, bits) for bits in starts]
    names = tuple("positive" if name == "power" else name for name in classes_of)
    return np.array(starts, dtype=row.unsigned), names


def _float_starts(row: Format) -> list[int]:
    """Where the class of a magnitude changes."""
    one = row.round(Fraction(1))
    ends = {0, 1, 1 << row.mantissa_bits, one, one + 1, row.largest}
    if row.infinite:
        ends |= {row.infinity, row.infinity + 1, row.infinity | 1 << (row.mantissa_bits - 1)}
    elif row.minus_zero:
        ends.add(row.largest + 1)
    return sorted(ends)
