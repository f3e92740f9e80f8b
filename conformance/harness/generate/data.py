"""The data of inputs: bits, among which edges are frequent and do not drown the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from math import prod

import numpy as np

from conformance.harness.draws import core_edges, plain, random_bits
from conformance.harness.generate.choosing import Chooser
from oracles.catalog import FLOATS
from oracles.edges import edges
from oracles.formats import FORMATS, Array

Generator = np.random.Generator
Maker = Callable[[Generator, str, int], Array]
"""The bits of so many elements of a dtype."""

# Digits of floats that an integer dtype can be halfway between.
HALFWAY_DIGITS = {
    name: [n for n in sorted({FORMATS[other].precision for other in FLOATS}) if n < row.bits - 2]
    for name, row in FORMATS.items() if row.kind in ("int", "uint")
}  # fmt: skip
HALFWAY = 0.3  # of the integers that are edges, but for those that matter most
SPARSE = 0.1  # how many elements of ordinary data are edges all the same


@dataclass(frozen=True)
class Source:
    """Where the data of an input comes from, so that it can be drawn again.

    `makes` take turns: value vector k has data of the k-th, and so on from the first.
    """

    dtype: str
    shape: tuple[int, ...]
    const: bool
    makes: tuple[Maker, ...]

    def bits(self, chooser: Chooser, vector: int = 0) -> Array:
        """Flat bit patterns.  One decision seeds all of them, so that hypothesis shrinks the
        program, not each word."""
        rng = np.random.default_rng(chooser.integer(0, (1 << 20) - 1))
        return self.makes[vector % len(self.makes)](rng, self.dtype, prod(self.shape))


def ordinary(rng: Generator, dtype: str, count: int) -> Array:
    """Floats of moderate size with full significands; integers near 0, between floats, or anywhere.
    """
    row, style = FORMATS[dtype], rng.random()
    if row.is_float or row.kind == "bool" or style < 0.3:
        return plain(rng, dtype, count)
    if style < 0.5:
        return halfway(rng, dtype, count)
    low = -9 if row.kind == "int" else 0
    return rng.integers(low, 10, count).astype(row.unsigned)


def telling(rng: Generator, dtype: str, count: int) -> Array:
    """Edges, one half of them those that matter most: zeros, ones, infinities, NaNs.

    Some of the integers are halfway between two floats, where casts round.
    """
    core, others = rng.choice(core_edges(dtype), count), rng.choice(edges(dtype), count)
    if dtype in HALFWAY_DIGITS:
        others = np.where(rng.random(count) < HALFWAY, halfway(rng, dtype, count), others)
    return np.where(rng.random(count) < 0.5, core, others)


def halfway(rng: Generator, dtype: str, count: int) -> Array:
    """Integers halfway between two neighbours among the floats of some format, and those beside
    them: a significand of one digit too many, which is odd, at any exponent."""
    row = FORMATS[dtype]
    digits = rng.choice(HALFWAY_DIGITS[dtype], count)
    odd = rng.integers(1 << (digits - 1), 1 << digits) << 1 | 1
    room = row.bits - (row.kind == "int") - digits - 1
    shifts = rng.integers(0, room, (2, count), endpoint=True).max(axis=0)
    words = (odd << shifts) + rng.integers(-1, 2, count)
    negative = (rng.random(count) < 0.5) & (row.kind == "int")
    found: Array = np.where(negative, -words, words).astype(np.uint64).astype(row.unsigned)
    return found


def in_turn(repeat: int) -> Maker:
    """The edges that matter most, one after another, each so many times.

    Where the last axis has `repeat` elements, each of its rows is one edge; beside data of
    `in_turn(1)` each edge meets each other one.
    """
    return partial(_in_turn, repeat)


def _in_turn(repeat: int, rng: Generator, dtype: str, count: int) -> Array:
    known = core_edges(dtype)
    places = rng.integers(len(known)) + np.arange(count) // repeat
    return np.take(known, places % len(known))


def mixed(rng: Generator, dtype: str, count: int) -> Array:
    """Ordinary data, that with a few edges, nothing but edges, or any bits at all."""
    style = rng.choice(4, p=(0.25, 0.35, 0.25, 0.15))
    if style == 3:
        return random_bits(rng, dtype, count)
    share = (0.0, SPARSE, 1.0)[style]
    words = ordinary(rng, dtype, count)
    return np.where(rng.random(count) < share, telling(rng, dtype, count), words)


def neutral(rng: Generator, dtype: str, count: int) -> Array:
    """Numbers that algebra knows: 0 and -0, half of the floats, 1 and -1, 2 and 1/2, all bits set.
    """
    row = FORMATS[dtype]
    if row.kind == "bool":
        return plain(rng, dtype, count)
    if row.is_float:
        known = [0, row.sign_bit] * 2 + [row.round(Fraction(n, 2)) for n in (1, 2, -2, 4)]
    else:
        known = [0, 1, 2, 4, (1 << row.bits) - 1]
    return rng.choice(np.array(known, dtype=row.unsigned), count)


def shares(rng: Generator, dtype: str, count: int) -> Array:
    """Numbers from 0 to 1, of which the ends are frequent."""
    row = FORMATS[dtype]
    wide = np.clip(rng.random(count) * 1.5 - 0.25, 0, 1)
    return row.to_bits((wide if row.is_float else np.rint(wide)).astype(row.numpy_dtype))


def places(extent: int) -> Maker:
    """Indices into an axis of `extent`: inside, from its end, and now and then outside."""
    return partial(_places, extent)


def _places(extent: int, rng: Generator, dtype: str, count: int) -> Array:
    row = FORMATS[dtype]
    near = rng.integers(-extent - 1 if row.kind == "int" else 0, extent + 1, count)
    bits = near.astype(np.int64).astype(np.uint64).astype(row.unsigned)
    return np.where(rng.random(count) < SPARSE, rng.choice(edges(dtype), count), bits)
