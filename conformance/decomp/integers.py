"""Operands for integers that are made of something else, and Python's integers as the judge."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator

import numpy as np

from oracles.edges import edges
from oracles.formats import FORMATS, Array, Format

WORD = 32
# Where words meet: what carries, borrows, or has one word of zeros or of ones.
SEAMS = tuple(
    (high << WORD) + low
    for high in (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
    for low in (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
)


def _known(name: str) -> list[int]:
    """The edges of a dtype, and the seams of one that may be two words, as bits."""
    seams = SEAMS if FORMATS[name].bits > WORD else ()
    return list(dict.fromkeys([*(int(bits) for bits in edges(name)), *seams]))


def numbers(name: str, count: int) -> list[int]:
    """Edges, seams, and random numbers."""
    draw = random.Random(name)
    return [*_known(name), *_of_every_length(draw, FORMATS[name].bits, count)]


def _of_every_length(draw: random.Random, bits: int, count: int) -> Iterator[int]:
    """So that quotients of two of them, too, are of every length."""
    for _ in range(count):
        yield draw.getrandbits(draw.randint(1, bits))


def pairs(name: str, count: int) -> tuple[list[int], list[int]]:
    """All pairs of edges and seams; random pairs."""
    known, bits = _known(name), FORMATS[name].bits
    left = [x for x in known for _ in known]
    right = known * len(known)
    draw = random.Random(f"{name} pairs")
    left += _of_every_length(draw, bits, count)
    right += _of_every_length(draw, bits, count)
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


# -- what they are to do, for a width of so many bits ----------------------------------------------
def _fmod(x: int, y: int, bits: int) -> int:
    return int(math.copysign(1, x)) * (abs(x) % abs(y)) if y else 0


def _lshift(x: int, y: int, bits: int) -> int:
    return x << y if 0 <= y < bits else 0


def _rshift(x: int, y: int, bits: int) -> int:
    return x >> y if 0 <= y < bits else -(x < 0)


BINARY: dict[str, Callable[[int, int, int], int]] = {
    "add": lambda x, y, bits: x + y,
    "sub": lambda x, y, bits: x - y,
    "mul": lambda x, y, bits: x * y,
    "floordiv": lambda x, y, bits: x // y if y else 0,
    "mod": lambda x, y, bits: x % y if y else 0,
    "fmod": _fmod,
    "maximum": lambda x, y, bits: max(x, y),
    "minimum": lambda x, y, bits: min(x, y),
    "bitwise_and": lambda x, y, bits: x & y,
    "bitwise_or": lambda x, y, bits: x | y,
    "bitwise_xor": lambda x, y, bits: x ^ y,
    "lshift": _lshift,
    "rshift": _rshift,
}


def results(op: str, row: Format, left: list[int], right: list[int]) -> bytes:
    """What an operation makes of pairs of bits."""
    sides = zip(left, right, strict=True)
    return packed([BINARY[op](value(row, x), value(row, y), row.bits) for x, y in sides], row)


def as_counts(right: list[int], row: Format) -> list[int]:
    """Most operands of a shift as counts near the width, or below."""
    return [y % (row.bits + 3) if place % 3 else y for place, y in enumerate(right)]
