"""Operands of a sweep: every bit pattern of a dtype, or a seeded sample with hard cases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
    """The operands of a sweep in `parts` parts; `sample` is 0 where all patterns are meant."""

    dtype: str
    sample: int = 0
    seed: int = 0

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
        """How many operands there are."""
        return self.sample or 1 << self.row.bits

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

    def operands(self, part: int) -> Array:
        """The operands of a part, 1-d."""
        count = self.size(part)
        if self.sample:
            return self.row.from_bits(_sampled(self.row, count, self.seed, part))
        first = part * PART
        return self.row.from_bits(np.arange(first, first + count, dtype=self.row.unsigned))


def chosen(dtype: str, sample: int | None, seed: int) -> Plan:
    """The plan for a dtype: everything where that can be done and no sample is asked for."""
    if sample is None:
        sample = 0 if FORMATS[dtype].bits <= WIDEST else SAMPLE
    if sample >= 1 << FORMATS[dtype].bits:
        sample = 0
    return Plan(dtype, sample, seed)


def _sampled(row: Format, count: int, seed: int, part: int) -> Array:
    """Hard cases in the first part; then patterns of every exponent and of moderate ones."""
    rng = np.random.default_rng([seed, part])
    words = rng.integers(0, 1 << row.bits, count, dtype=np.uint64)
    moderate = np.exp2(rng.uniform(-row.precision - 4, 12, count)) * rng.choice([-1.0, 1.0], count)
    with np.errstate(over="ignore"):
        values = row.to_bits(moderate.astype(row.numpy_dtype))
        hard = np.array(_HARD).astype(row.numpy_dtype)
    bits = np.where(np.arange(count) % 2 == 1, values, words.astype(row.unsigned))
    if part == 0:
        first = np.concatenate([edges(row.name), row.to_bits(np.concatenate([hard, -hard]))])
        bits[: first.size] = first[:count]
    return bits
