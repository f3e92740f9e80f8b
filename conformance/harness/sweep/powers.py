"""A sample of pairs of operands for x ** y."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from oracles.edges import edges
from oracles.formats import Array, Format

Pairs = tuple[Array, Array]
Draw = Callable[[Format, int, np.random.Generator], Pairs]


def sampled(row: Format, count: int, rng: np.random.Generator, first: bool) -> Pairs:
    """Bits of pairs of each kind in turn; in the first part of a sample half are pairs of edges."""
    x, y = np.empty((2, count), row.unsigned)
    for k, draw in enumerate(KINDS):
        place = slice(k, None, len(KINDS))
        x[place], y[place] = draw(row, x[place].size, rng)
    if first:
        known = edges(row.name)
        pair = rng.permutation(known.size**2)[: count // 2]
        x[: pair.size], y[: pair.size] = known[pair // known.size], known[pair % known.size]
    return x, y


def _patterns(row: Format, count: int, rng: np.random.Generator) -> Pairs:
    """Any patterns."""
    x, y = rng.integers(0, (1 << row.bits) - 1, (2, count), np.uint64, endpoint=True)
    return x.astype(row.unsigned), y.astype(row.unsigned)


def _all_sizes(row: Format, count: int, rng: np.random.Generator) -> Pairs:
    """Bases of every size, and results of every size."""
    base = np.exp2(rng.uniform(row.emin, row.emax, count))
    return _reaching(row, base, _any_result(row, count, rng))


def _next_to_one(row: Format, count: int, rng: np.random.Generator) -> Pairs:
    """The same from bases at every distance from 1: their exponents are large."""
    return _reaching(row, _near_one(row, count, rng), _any_result(row, count, rng))


def _at_borders(row: Format, count: int, rng: np.random.Generator) -> Pairs:
    """Results that are about to overflow, to become subnormal, or to vanish."""
    borders = np.array([row.emax + 1, row.emin, row.emin - row.mantissa_bits - 1])
    result = rng.choice(borders, count) * rng.uniform(0.9999, 1.0001, count)
    return _reaching(row, _near_one(row, count, rng), result)


def _short(row: Format, count: int, rng: np.random.Generator) -> Pairs:
    """Short bases of either sign to small multiples of 1/2: many results are exact, or ties."""
    odd = 1.0 + 2 * rng.integers(0, 1 << row.precision // 2, count)
    x = np.ldexp(odd, rng.integers(-12, 4, count)) * rng.choice([-1.0, 1.0], count)
    return _bits(row, x), _bits(row, rng.integers(-16, 17, count) / 2)


KINDS: tuple[Draw, ...] = (_patterns, _all_sizes, _next_to_one, _at_borders, _short)


def _any_result(row: Format, count: int, rng: np.random.Generator) -> Array:
    """log2 of results, over the whole range and a little beyond."""
    return rng.uniform(row.emin - row.mantissa_bits - 1, row.emax + 1, count)


def _near_one(row: Format, count: int, rng: np.random.Generator) -> Array:
    return 1 + rng.choice([-0.5, 0.5], count) * np.exp2(-rng.uniform(0, row.precision, count))


def _reaching(row: Format, base: Array, log2_of_result: Array) -> Pairs:
    """The bases, rounded, and the exponents with which they have such results."""
    x = _bits(row, base)
    with np.errstate(all="ignore"):  # a base that was rounded to 1 has no such exponent
        y = log2_of_result / np.log2(row.from_bits(x).astype(np.float64))
    return x, _bits(row, y)


def _bits(row: Format, values: Array) -> Array:
    with np.errstate(all="ignore"):
        return row.to_bits(values.astype(row.numpy_dtype))
