"""Operands for 64-bit integers that are made of words, and Python's integers as the judge."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np

from oracles.edges import edges
from oracles.formats import Array, Format

WORD = 32
# Where words meet: what carries, borrows, or has one word of zeros or of ones.
SEAMS = tuple(
    (high << WORD) + low
    for high in (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
    for low in (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
)


def numbers(name: str, count: int) -> list[int]:
    """The edges of a dtype, seams, and random numbers of every length, as bits."""
    draw = random.Random(name)
    known = [int(bits) for bits in edges(name)]
    return [*dict.fromkeys([*known, *SEAMS]), *_of_every_length(draw, count)]


def _of_every_length(draw: random.Random, count: int) -> Iterator[int]:
    """So that quotients of two of them, too, are of every length."""
    for _ in range(count):
        yield draw.getrandbits(draw.randint(1, 2 * WORD))


def pairs(name: str, count: int) -> tuple[list[int], list[int]]:
    """All pairs of edges and seams; random pairs."""
    known = numbers(name, 0)
    left = [x for x in known for _ in known]
    right = known * len(known)
    draw = random.Random(f"{name} pairs")
    left += _of_every_length(draw, count)
    right += _of_every_length(draw, count)
    return left, right


def as_array(values: list[int], row: Format) -> Array:
    return np.array(values, dtype=row.unsigned)


def value(row: Format, bits: int) -> int:
    """The integer that bits stand for."""
    return bits - (1 << row.bits) if row.kind == "int" and bits & row.sign_bit else bits


def packed(values: list[int], row: Format) -> bytes:
    """Integers modulo 2**bits as a case holds them."""
    size, mask = row.bits // 8, (1 << row.bits) - 1
    return b"".join((x & mask).to_bytes(size, "little") for x in values)
