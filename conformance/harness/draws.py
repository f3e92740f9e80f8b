"""Deterministic data as bit patterns: every pattern, edge values, random bits, values with a style.

All results are flat arrays of the unsigned numpy dtype of the format.
"""

from __future__ import annotations

from fractions import Fraction
from zlib import crc32

import numpy as np

from conformance.harness.case import Input
from conformance.harness.subject import array_bytes
from oracles.edges import edges
from oracles.formats import FORMATS, Array

Generator = np.random.Generator
_ONE = Fraction(1)
STYLES = ("edges", "plain", "zeros", "ties", "nan")


def generator(seed: int, *labels: str) -> Generator:
    """A generator that depends on the seed and the labels alone."""
    return np.random.default_rng([seed, crc32("/".join(labels).encode())])


def every(dtype: str) -> Array:
    """Every bit pattern of a format of at most 16 bits; the two bools."""
    row = FORMATS[dtype]
    count = 2 if row.kind == "bool" else 1 << row.bits
    return np.arange(count).astype(row.unsigned)


def random_bits(rng: Generator, dtype: str, count: int) -> Array:
    """Uniform bit patterns; of floats one half has an exponent near that of 1."""
    row = FORMATS[dtype]
    if row.kind == "bool":
        return rng.integers(0, 2, count).astype(row.unsigned)
    top = (1 << row.bits) - 1
    bits = rng.integers(0, top, count, dtype=np.uint64, endpoint=True).astype(row.unsigned)
    if row.is_float:
        bits[: count // 2] = plain(rng, dtype, count // 2)
    return bits


def plain(rng: Generator, dtype: str, count: int) -> Array:
    """Ordinary numbers: floats of moderate size with full significands, any integers."""
    row = FORMATS[dtype]
    if not row.is_float:
        return random_bits(rng, dtype, count)
    wide = rng.standard_normal(count) * np.exp2(rng.integers(-6, 7, count).astype(np.float64))
    return row.to_bits(wide.astype(row.numpy_dtype))


def styled(rng: Generator, dtype: str, count: int, style: str) -> Array:
    """`count` patterns of one of STYLES, for reductions and products."""
    row = FORMATS[dtype]
    known = edges(dtype)
    if style == "edges":
        return rng.choice(known, count)
    if style == "zeros":
        choices = [0, row.sign_bit] if row.is_float else [0]
        return rng.choice(np.array(choices, dtype=row.unsigned), count)
    if style == "ties":
        return rng.choice(known[: min(6, len(known))], count)
    bits = plain(rng, dtype, count)
    if style == "nan" and row.is_float and count:
        bits[rng.integers(0, count, 1 + count // 50)] = row.nan(0x2A)
    return bits


def core_edges(dtype: str, count: int = 16) -> Array:
    """The edges that matter most, few enough to be constants of a program."""
    row = FORMATS[dtype]
    if not row.is_float:
        return edges(dtype)[:count]
    one = row.round(_ONE)
    sign, low = row.sign_bit, 1 << row.mantissa_bits
    words = [
        0, sign, one, row.nan(0x5A), one | sign, row.overflow, row.overflow | sign,
        row.canonical_nan or 0, row.largest, row.largest | sign, 1, 1 | sign, low, low - 1,
        one + low, one - low,
    ]  # fmt: skip
    return np.array(words[:count], dtype=row.unsigned)


def near(rng: Generator, dtype: str, bits: Array) -> Array:
    """Patterns a few steps from `bits`, for cancellation and comparison."""
    row = FORMATS[dtype]
    if row.kind == "bool":
        return bits.copy()
    steps = rng.integers(-2, 3, bits.size).astype(np.int64)
    moved = bits.astype(np.uint64) + steps.astype(np.uint64)
    moved = moved.astype(row.unsigned)
    if row.is_float:
        flips = rng.integers(0, 2, bits.size).astype(row.unsigned)
        moved ^= flips * row.unsigned.type(row.sign_bit)
    return moved


def as_input(
    dtype: str, bits: Array, shape: tuple[int, ...] | None = None, const: bool = False
) -> Input:
    """Bit patterns as an input of a case."""
    row = FORMATS[dtype]
    array = row.from_bits(np.ascontiguousarray(bits.astype(row.unsigned, copy=False)))
    return Input(dtype, bits.shape if shape is None else shape, array_bytes(array), const)
