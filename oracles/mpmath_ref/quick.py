"""How far millions of results a second are from the true values, counted by limits.

Estimates are numpy's, in float64 for formats of up to 24 bits of precision and in longdouble for
float64. They are trusted to a stated relative error and no further: an element whose count might
be another one if the estimate were off by so much is decided by mpmath, and mpmath is asked about
a sample of the estimates themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from oracles.exact import value_of
from oracles.formats import FORMATS, Array, Format
from oracles.mpmath_ref import arrays
from oracles.mpmath_ref.proof import exact_distance, true_value
from oracles.mpmath_ref.rows import ROWS
from oracles.mpmath_ref.special import Special, special
from oracles.ulp import limited, wrong_zeros

SLACK = 2.0**-48
"""The relative error to which float64 estimates are trusted: 16 ulp of float64.

numpy states 4 ulp at most for its vectorised functions, and the C library less than 1. Of the
cosine of float64 beyond 2**100, one of 16,384 was found to be 8 ulp off.
"""

QUICK_PRECISION = 24
"""Formats of more bits than this are estimated in longdouble."""

BLOCK = 1 << 15
"""Elements that are judged at a time: their arrays stay in the cache of a core."""

MAX_DECIDED = 1 << 16
"""Elements of one call that mpmath may be asked about; a wrong filter would ask without end."""

WORST = 4
"""Elements that are named with their distance."""

_ONE = 1023  # biased exponent of 1.0 in float64
_FIELD = 52
_MANTISSA = (1 << _FIELD) - 1
_EXPONENT = 0x7FF << _FIELD
_NEAR = 1 << 6  # in ulp of float64: four times the slack
_NEXT_TO_NOTHING = float(np.finfo(np.float64).smallest_subnormal)
_LEAST = Fraction(1, 2**1070)  # below which float64 has no relative precision


class TrustError(ArithmeticError):
    """An estimate was further from mpmath's value than it is trusted to be."""


class Worst(NamedTuple):
    """A result far from its true value: ulp, bits of the operands, bits of the result."""

    ulp: float
    operands: tuple[int, ...]
    result: int


@dataclass
class Counts:
    """What was found in some elements.

    `places[k]` counts the elements whose distance is above limit k - 1 and at most limit k; the
    last place counts those beyond the last limit. Elements whose result is prescribed are counted
    in `special` and, if their bits are others, in `wrong_special`, and nowhere else. `rounded` are
    correctly rounded; `decided` were left to mpmath. `worst` are the farthest elements, in falling
    order, a wrong prescribed result counting as infinitely far; of a block of elements that are
    all at a finite distance it has only the farthest.
    """

    places: Array
    elements: int = 0
    special: int = 0
    wrong_special: int = 0
    rounded: int = 0
    decided: int = 0
    worst: list[Worst] = field(default_factory=list)

    def add(self, other: Counts) -> None:
        """Take over what was found elsewhere; of equally bad elements the first stay."""
        self.places = self.places + other.places
        self.elements += other.elements
        self.special += other.special
        self.wrong_special += other.wrong_special
        self.rounded += other.rounded
        self.decided += other.decided
        joined = self.worst + other.worst
        self.worst = sorted(joined, key=lambda item: (-item.ulp, item.operands))[:WORST]


class Block(NamedTuple):
    """Elements with estimated distances.

    The true distances of all but the `special` ones lie within [`low`, `high`] or, where `open`,
    anywhere. `settled` are those whose distance is 0 by definition: the right infinity.
    """

    operands: Sequence[Array]
    got: Array
    special: Special
    value: Array
    ulps: Array
    low: Array
    high: Array
    open: Array
    settled: Array


def count(name: str, operands: Sequence[Array], got: Array, limits: Sequence[float]) -> Counts:
    """Count results `got` of a function by rising `limits` in ulp; all 1-d, of one float dtype.

    The first limit is 0, the second 0.5. ArithmeticError where the estimates leave more open than
    mpmath can decide.
    """
    edges = np.asarray(limits, dtype=np.float64)
    assert edges[0] == 0 and edges[1] == 0.5
    found = Counts(np.zeros(len(edges) + 1, dtype=np.int64))
    for begin in range(0, got.size, BLOCK):
        window = slice(begin, begin + BLOCK)
        with np.errstate(all="ignore"):
            block = _block(name, [one[window] for one in operands], got[window])
            found.add(_count_block(name, block, edges, MAX_DECIDED - found.decided))
    return found


def check_estimates(name: str, operands: Sequence[Array]) -> None:
    """Compare the estimates at some operands with mpmath; TrustError where one is too far off."""
    row = FORMATS[operands[0].dtype.name]
    with np.errstate(all="ignore"):
        block = _block(name, operands, operands[0])
    trusted = Fraction(_slack(name, row))
    for k in np.flatnonzero(~block.special.mask).tolist():
        words = _words(row, operands, k)
        exact = true_value(name, row, words)
        value = block.value[k]
        if abs(exact) >= Fraction(2) ** (row.emax + 2):
            near = abs(value) >= np.ldexp(1.0, row.emax + 1) if row.emax < 1023 else True
        else:
            error = abs(Fraction(*value.as_integer_ratio()) - exact)
            near = error <= trusted * abs(exact) + _LEAST
        if not near:
            where = ", ".join(row.hex(word) for word in words)
            raise TrustError(f"the estimate {value} of {name} at {where} is not {float(exact)}")


def _slack(name: str, row: Format) -> float:
    """The relative error to which estimates are trusted."""
    return SLACK if row.precision <= QUICK_PRECISION else ROWS[name].error


# -- estimates -------------------------------------------------------------------------------------
def _block(name: str, operands: Sequence[Array], got: Array) -> Block:
    row = FORMATS[operands[0].dtype.name]
    if row.precision > QUICK_PRECISION:
        return _wide_block(name, row, operands, got)
    wide = [one.astype(np.float64) for one in operands]
    value = _saturated(ROWS[name].saturates, _estimate(name, *wide))
    ulps, settled = _distances(row, value, got)
    slack = SLACK * 2.0**row.precision
    near = _near_power(value, ROWS[name].saturates)
    low = np.where(near, ulps / 2, ulps) - slack
    high = np.where(near, ulps * 2, ulps) + slack
    at_top = (near | (not row.infinite)) & (np.abs(np.abs(value) / _top(row) - 1) < 2.0**-40)
    prescribed = special(name, *operands)
    return Block(operands, got, prescribed, value, ulps, low, high, at_top, settled & ~at_top)


def _wide_block(name: str, row: Format, operands: Sequence[Array], got: Array) -> Block:
    """By the estimates that judge the functions elsewhere, too."""
    known = arrays.filtered(name, operands)
    ulps, undecided = arrays.distances(known, got)
    slack = arrays.doubt(name, row)
    undecided = undecided | np.isnan(ulps)
    settled = (ulps == 0) & (np.abs(known.value) >= np.ldexp(np.longdouble(1), row.emax + 1))
    return Block(operands, got, known.special, known.value, ulps, ulps - slack, ulps + slack,
                 undecided, settled)  # fmt: skip


def _estimate(name: str, *wide: Array) -> Array:
    """In float64."""
    return _erf(*wide) if name == "erf" else ROWS[name].estimate(*wide)


def _erf(x: Array) -> Array:
    """The C library's, where neither a short series nor 1 is near enough.

    erf(x) = 2 / sqrt(pi) * (x - x**3 / 3 + x**5 / 10 - ...), Abramowitz and Stegun 7.1.5. What is
    left out is below 2**-60 of the whole for |x| < 2**-6, and 1 - erf(6) is below 2**-54.
    """
    square = x * x
    series = 1 / 216 - square / 1320
    for denominator in (-42, 10, -3, 1):
        series = 1 / denominator + series * square
    value = x * series * (2 / np.sqrt(np.pi))
    size = np.abs(x)
    middle = np.flatnonzero((size >= 2.0**-6) & (size < 6))
    if middle.size:
        value[middle] = _c_erf(x[middle])
    return np.where(size >= 6, np.copysign(1.0, x), value)


def _c_erf(x: Array) -> Array:
    import math

    return np.fromiter(map(math.erf, x.tolist()), dtype=np.float64, count=x.size)


def _saturated(saturates: str | None, value: Array) -> Array:
    """Values that a function never reaches, moved to the side on which the true value lies."""
    edge = np.nextafter(1.0, 0.0)
    if saturates == "both":
        value = np.minimum(value, edge)
    return value if saturates is None else np.maximum(value, -edge)


def _distances(row: Format, value: Array, got: Array) -> tuple[Array, Array]:
    """Distances in ulp, as `oracles.ulp` defines them, and where an overflow is the right result.
    """
    top = _top(row)
    wide = got.astype(np.float64)
    endless = np.isinf(wide)
    np.copyto(wide, np.copysign(top, wide), where=endless)
    truth = limited(row, value)
    exponent = truth.view(np.int64) & _EXPONENT
    np.maximum(exponent, (_ONE + row.emin) << _FIELD, out=exponent)
    below_one = ((_ONE + row.mantissa_bits) << _FIELD) - exponent  # 2 * _ONE would overflow
    per_ulp = (below_one + (_ONE << _FIELD)).view(np.float64)
    ulps = np.abs(wide - truth) * per_ulp
    np.copyto(ulps, np.inf, where=wrong_zeros(row, wide, truth) | np.isnan(ulps))
    beyond = np.abs(value) >= top if row.infinite else np.abs(value) > top
    right = beyond & row.is_overflow(row.to_bits(got)) & (np.signbit(wide) == np.signbit(value))
    if row.infinite:
        np.copyto(ulps, np.inf, where=beyond)
    np.copyto(ulps, 0.0, where=right)
    return ulps, right


def _top(row: Format) -> float:
    """Where results begin to overflow: what an infinity counts as, else the largest number."""
    return 2.0 ** (row.emax + 1) if row.infinite else float(row.greatest)


def _near_power(value: Array, saturates: str | None) -> Array:
    """Where the error of the estimate might change the binade, and so the ulp."""
    near = ((value.view(np.int64) + _NEAR) & _MANTISSA) < 2 * _NEAR
    if saturates is not None:  # the side of 1 is known
        side = np.abs(value) if saturates == "both" else -value
        near &= ~((side > 0.75) & (side < 1))
    return near


# -- counting --------------------------------------------------------------------------------------
def _count_block(name: str, block: Block, edges: Array, left: int) -> Counts:
    """The elements of a block by the limits; mpmath decides at most `left` of them."""
    row = FORMATS[block.got.dtype.name]
    mask, due = block.special
    measured = ~mask
    wrong = mask & (row.to_bits(block.got) != due)
    places = np.ones(mask.shape, dtype=np.int64)  # above 0 and at most half an ulp
    far = np.flatnonzero(measured & ~(block.high < edges[1]))
    places[far] = np.searchsorted(edges, block.low[far])
    places[block.settled] = 0
    undecided = block.open & measured
    undecided[far] |= np.searchsorted(edges, block.high[far]) != places[far]
    undecided |= measured & ~block.settled & _maybe_exact(name, block)
    rounded = measured & (places <= 1)
    ulps = np.where(wrong, np.inf, np.where(mask, 0.0, block.ulps))
    asked = np.flatnonzero(undecided)
    if asked.size > left:
        raise ArithmeticError(f"the estimates of {name} leave {asked.size} elements undecided")
    for k in asked.tolist():
        ulps[k], rounded[k] = _decide(name, row, block, k)
        places[k] = np.searchsorted(edges, ulps[k])
    counted = np.bincount(places[measured], minlength=len(edges) + 1)
    return Counts(counted, mask.size, int(np.count_nonzero(mask)), int(np.count_nonzero(wrong)),
                  int(np.count_nonzero(rounded)), asked.size,
                  _farthest(name, row, block, ulps))  # fmt: skip


def _maybe_exact(name: str, block: Block) -> Array:
    """Where the result might be exact. Most functions never are, but where they are prescribed."""
    if ROWS[name].rational is ROWS["exp"].rational:
        return np.zeros(block.ulps.shape, dtype=bool)
    row = FORMATS[block.got.dtype.name]
    least = np.ldexp(1.0, row.emin - row.mantissa_bits)
    possible = (block.low <= 0) & (np.abs(block.value) > least / 2)
    wide = [one.astype(np.float64) for one in block.operands]
    return np.asarray(possible & ROWS[name].maybe_rational(*wide))


def _decide(name: str, row: Format, block: Block, k: int) -> tuple[float, bool]:
    """The true distance of one element, and whether it is correctly rounded.

    No distance from an irrational value is 0, however many digits of it agree.
    """
    operands = _words(row, block.operands, k)
    got = int(row.to_bits(block.got[k : k + 1])[0])
    value = true_value(name, row, operands)
    ulp = exact_distance(name, row, operands, got)
    if ulp == 0 and not row.overflows(value) and not is_rational(name, row, operands):
        ulp = _NEXT_TO_NOTHING
    return ulp, row.round(value, value < 0) == got


def is_rational(name: str, row: Format, operands: tuple[int, ...]) -> bool:
    """Whether the true value at operands, given by their bits, is a rational number."""
    values = [value_of(row.name, word) for word in operands]
    if any(value.is_inf for value in values):
        return False
    return ROWS[name].rational(*(value.fraction for value in values)) is not None


def _words(row: Format, operands: Sequence[Array], k: int) -> tuple[int, ...]:
    """The bits of one element of each operand."""
    return tuple(int(row.to_bits(one[k : k + 1])[0]) for one in operands)


def _farthest(name: str, row: Format, block: Block, ulps: Array) -> list[Worst]:
    """The first of the elements that are farthest, wherever something is above 0."""
    k = int(np.argmax(ulps))
    many = min(WORST, ulps.size)
    places = np.argpartition(-ulps, many - 1)[:many].tolist() if ulps[k] == np.inf else [k]
    got_bits = row.to_bits(block.got)
    found = [
        Worst(float(ulps[p]), _words(row, block.operands, int(p)), int(got_bits[p])) for p in places
    ]
    return sorted((one for one in found if one.ulp > 0), key=lambda one: (-one.ulp, one.operands))
