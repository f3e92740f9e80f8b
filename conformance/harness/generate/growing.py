"""A program in the making, and who decides how it goes on."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Protocol, TypeVar

import numpy as np

from conformance.harness.build import Builder
from conformance.harness.case import CONST_LIMIT, Statement
from conformance.harness.subject import apply, input_array
from conformance.harness.values import Value
from conformance.harness.work import Budget
from oracles.catalog import ALL
from oracles.edges import edges
from oracles.formats import FORMATS, Array

T = TypeVar("T")
MAX_SIZE = 1200


class Chooser(Protocol):
    """A source of decisions."""

    def integer(self, low: int, high: int) -> int:
        """An integer between `low` and `high`, both included."""
        ...


class RandomChooser:
    """Decisions from a seed."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def integer(self, low: int, high: int) -> int:
        return self.rng.randint(low, high)


def choose(chooser: Chooser, items: Sequence[T]) -> T:
    """One of the items."""
    return items[chooser.integer(0, len(items) - 1)]


@dataclass
class Program:
    """A program in the making: handles of the builder, and the reference's values."""

    chooser: Chooser
    build: Builder = field(default_factory=Builder)
    handles: list[int] = field(default_factory=list)
    values: list[Array] = field(default_factory=list)
    used: set[int] = field(default_factory=set)

    def add_input(self, dtype: str, shape: tuple[int, ...]) -> None:
        """Edge values, mostly; a few random bits."""
        count = prod(shape)
        const = count <= CONST_LIMIT and self.chooser.integer(0, 2) == 0
        bits = draw_bits(self.chooser, dtype, count)
        self.handles.append(self.build.input(dtype, bits, shape, const))
        self.values.append(input_array(self.build.inputs[-1]))

    def apply(self, op: str, places: Sequence[int], **attributes: Value) -> bool:
        """Add a statement if its result is small enough."""
        operands = [self.values[k] for k in places]
        statement = Statement(op, tuple(places), attributes)
        value = apply(statement, operands, Budget())
        if value.size > MAX_SIZE:
            return False
        handles = [self.handles[k] for k in places]
        self.handles.append(self.build.statement(op, handles, attributes))
        self.values.append(value)
        self.used.update(places)
        return True

    def pick(self, allowed: Sequence[str] = ALL, min_ndim: int = 0) -> int | None:
        """The place of a value of an allowed dtype, late ones more often."""
        found = [
            k for k, value in enumerate(self.values)
            if value.dtype.name in allowed and value.ndim >= min_ndim
        ]  # fmt: skip
        if not found:
            return None
        late = max(self.chooser.integer(0, len(found) - 1) for _ in range(2))
        return found[late]

    def partner(self, place: int, fits: Callable[[Array], bool]) -> int | None:
        """A value that `fits` beside another one and broadcasts with it."""
        shape = self.values[place].shape
        found = [k for k, v in enumerate(self.values) if fits(v) and broadcasts(shape, v.shape)]
        return choose(self.chooser, found) if found else None


def broadcasts(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether two shapes fit side by side."""
    try:
        np.broadcast_shapes(a, b)
    except ValueError:
        return False
    return True


def draw_bits(chooser: Chooser, dtype: str, count: int) -> Array:
    """Edge values, mostly; a few random bits.

    One decision seeds the data, so that shrinking works on the program, not on each word.
    """
    rng = np.random.default_rng(chooser.integer(0, 1 << 20))
    row = FORMATS[dtype]
    bits = rng.choice(edges(dtype), count)
    if row.kind != "bool" and count:
        top = (1 << row.bits) - 1
        noise = rng.integers(0, top, count, dtype=np.uint64, endpoint=True).astype(row.unsigned)
        share = float(rng.choice([0.0, 0.5, 1.0]))
        if row.is_float and chooser.integer(0, 1):
            noise = row.to_bits(rng.standard_normal(count).astype(row.numpy_dtype))
        bits = np.where(rng.random(count) < share, noise, bits)
    return bits
