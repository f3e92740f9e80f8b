"""Operands of a sweep: every bit pattern of a dtype, or every pair of patterns where a function has
two operands; or else a seeded sample with hard cases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from conformance.harness.sweep import powers
from oracles.edges import edges
from oracles.formats import FORMATS, Array, Format

PART = 1 << 22
"""Patterns of one part where there are all; about a third of a second."""

SAMPLE_PART = 1 << 13
"""Operands of one part of a sample: mpmath decides many of those of float64."""

SAMPLE = 1 << 16
"""Operands of a sample if nothing else is said."""

WIDEST = 32
"""Bits of a dtype of which all patterns can be measured."""

MAX_SAMPLE = 1 << 32

# The float64 nearest to a multiple of pi / 2, relative to its size (Muller, Elementary Functions,
# 3rd ed., 11.3), and the ends of what functions have in common: 1 and what is next to it.
_HARD = (6381956970095103 * 2.0**797, 1 - 2.0**-53, 1 + 2.0**-52, 2.0**-27, 2.0**-26, 2.0**-53)


@dataclass(frozen=True)
class Plan:
    """The operands of a sweep in `parts` parts; `sample` is 0 where all patterns are meant.

    `arity` is how many operands the function has; `pow` alone has two.
    """

    dtype: str
    sample: int = 0
    seed: int = 0
    arity: int = 1

    @property
    def row(self) -> Format:
        """The format of the operands."""
        return FORMATS[self.dtype]

    @property
    def text(self) -> str:
        """What records say of it."""
        return f"sample of {self.sample}, seed {self.seed}" if self.sample else "all"

    @property
    def elements(self) -> int:
        """How many operands, or pairs of them, there are."""
        return self.sample or 1 << self.row.bits * self.arity

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return -(-self.elements // (SAMPLE_PART if self.sample else PART))

    def size(self, part: int) -> int:
        """How many operands a part has."""
        if not 0 <= part < self.parts:
            raise ValueError(f"no part {part} of {self.parts}")
        whole = SAMPLE_PART if self.sample else PART
        return min(whole, self.elements - part * whole)

    def operands(self, part: int) -> tuple[Array, ...]:
        """The operands of a part, 1-d."""
        count = self.size(part)
        if self.sample:
            rng = np.random.default_rng([self.seed, part])
            sampled = _sampled if self.arity == 1 else powers.sampled
            found = sampled(self.row, count, rng, first=part == 0)
            return tuple(self.row.from_bits(bits) for bits in found)
        numbers = np.arange(part * PART, part * PART + count, dtype=np.uint64)
        shifts = range(self.row.bits * (self.arity - 1), -1, -self.row.bits)
        return tuple(
            self.row.from_bits((numbers >> np.uint64(shift)).astype(self.row.unsigned))
            for shift in shifts
        )


def chosen(dtype: str, sample: int | None, seed: int, arity: int = 1) -> Plan:
    """The plan for a dtype: everything where that can be done and no sample is asked for."""
    bits = FORMATS[dtype].bits * arity
    if sample is None:
        sample = 0 if bits <= WIDEST else SAMPLE
    if sample >= 1 << bits:
        sample = 0
    return Plan(dtype, sample, seed, arity)


def _sampled(row: Format, count: int, rng: np.random.Generator, first: bool) -> tuple[Array, ...]:
    """Hard cases at first; then patterns of every exponent and of moderate ones."""
    words = rng.integers(0, 1 << row.bits, count, dtype=np.uint64)
    moderate = np.exp2(rng.uniform(-row.precision - 4, 12, count)) * rng.choice([-1.0, 1.0], count)
    with np.errstate(over="ignore"):
        values = row.to_bits(moderate.astype(row.numpy_dtype))
        hard = np.array(_HARD).astype(row.numpy_dtype)
    bits = np.where(np.arange(count) % 2 == 1, values, words.astype(row.unsigned))
    if first:
        start = np.concatenate([edges(row.name), row.to_bits(np.concatenate([hard, -hard]))])
        bits[: start.size] = start[:count]
    return (bits,)
