"""What recipes of shaped rows share: a recipe makes one program of a cell.

Each batch is one program with many outputs, so that a cell is a few launches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from conformance.harness.case import Case
from conformance.harness.draws import Generator
from conformance.harness.values import Value
from oracles.catalog import FLOAT8, OUTPUT, ROWS
from oracles.edges import edges
from oracles.formats import FORMATS, Array

Recipe = Callable[[Generator, str, tuple[str, ...]], Case]
Layouts = dict[str, tuple[Recipe, tuple[str, ...]]]
T = TypeVar("T")

IN_TURN = (*FLOAT8, "bfloat16")
"""Floats that every device emulates by the rules of float16, which stands for them in the cover."""

CONTIGUOUS = ("buffer", "contiguous", "tail", "single kernel")
STRIDED = ("buffer", "strided", "tail", "single kernel")
CONST = ("const", "contiguous", "single kernel")
KERNELS = ("buffer", "contiguous", "tail", "multi kernel")


def count_of(shape: tuple[int, ...]) -> int:
    """The number of elements of a shape."""
    return int(np.prod(shape, dtype=np.int64))


def outputs_of(op: str) -> tuple[dict[str, Value], ...]:
    """The attributes that name each result of a row."""
    count = ROWS[op].outputs
    return tuple({OUTPUT: k} for k in range(count)) if count > 1 else ({},)


def beside(dtype: str, names: Sequence[str], turn: int) -> str:
    """One of `names` in turn beside an operand of `dtype`: those that take turns keep together."""
    fit = [name for name in names if (name in IN_TURN) == (dtype in IN_TURN)] or names
    return fit[turn % len(fit)]


def positions(rng: Generator, dtype: str, count: int, extent: int) -> Array:
    """Bits of indices into an axis of `extent`: inside, negative, just outside, far outside."""
    row = FORMATS[dtype]
    inside = rng.integers(-extent - 1, extent + 2, count)
    bits = inside.astype(np.int64).astype(np.uint64).astype(row.unsigned)
    far = rng.choice(edges(dtype), count)
    return np.where(rng.random(count) < 0.3, far, bits)


def small(rng: Generator, dtype: str, count: int) -> Array:
    """Numbers of about 1, which functions of sums neither overflow nor drown."""
    row = FORMATS[dtype]
    if row.is_float:
        return row.to_bits(rng.standard_normal(count).astype(row.numpy_dtype))
    low = -2 if row.kind == "int" else 0
    return rng.integers(low, 2 if row.kind == "bool" else 4, count).astype(row.unsigned)


def worthwhile(dtype: str, items: Sequence[T], few: int = 2) -> Sequence[T]:
    """All items for a float; the first few for other dtypes, which only add a cast to a float."""
    return items if FORMATS[dtype].is_float else items[:few]
