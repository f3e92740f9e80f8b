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
from oracles.edges import edges
from oracles.formats import FORMATS, Array

Generator = np.random.Generator
Maker = Callable[[Generator, str, int], Array]
"""The bits of so many elements of a dtype."""

SPARSE = 0.1  # how many elements of ordinary data are edges all the same


@dataclass(frozen=True)
class Source:
    """Where the data of an input comes from, so that it can be drawn again."""

    dtype: str
    shape: tuple[int, ...]
    const: bool
    make: Maker

    def bits(self, chooser: Chooser) -> Array:
        """Flat bit patterns.  One decision seeds all of them, so that hypothesis shrinks the
        program, not each word."""
        rng = np.random.default_rng(chooser.integer(0, (1 << 20) - 1))
        return self.make(rng, self.dtype, prod(self.shape))


def ordinary(rng: Generator, dtype: str, count: int) -> Array:
    """Floats of moderate size with full significands; integers near 0, or anywhere."""
    row = FORMATS[dtype]
    if row.is_float or row.kind == "bool" or rng.random() < 0.3:
        return plain(rng, dtype, count)
    low = -9 if row.kind == "int" else 0
    return rng.integers(low, 10, count).astype(row.unsigned)


def telling(rng: Generator, dtype: str, count: int) -> Array:
    """Edges, one half of them those that matter most: zeros, ones, infinities, NaNs."""
    core, others = rng.choice(core_edges(dtype), count), rng.choice(edges(dtype), count)
    return np.where(rng.random(count) < 0.5, core, others)


def mixed(rng: Generator, dtype: str, count: int) -> Array:
    """Ordinary data, that with a few edges, nothing but edges, or any bits at all."""
    style = rng.choice(4, p=(0.25, 0.35, 0.25, 0.15))
    if style == 3:
        return random_bits(rng, dtype, count)
    share = (0.0, SPARSE, 1.0)[style]
    words = ordinary(rng, dtype, count)
    return np.where(rng.random(count) < share, telling(rng, dtype, count), words)


def neutral(rng: Generator, dtype: str, count: int) -> Array:
    """Numbers that algebra knows: 0 and -0, 1 and -1, 2 and 1/2, all bits set."""
    row = FORMATS[dtype]
    if row.kind == "bool":
        return plain(rng, dtype, count)
    if row.is_float:
        known = [row.round(Fraction(n, 2)) for n in (0, 1, 2, -2, 4)] + [row.sign_bit]
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
