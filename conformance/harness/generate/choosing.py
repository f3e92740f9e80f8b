"""Who decides how a random program goes on."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Protocol, TypeVar

T = TypeVar("T")
GRAIN = 64  # a weight of 1 in the integers that are drawn


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


def chance(chooser: Chooser, one_in: int) -> bool:
    """True once in so many times; the simplest decision is False."""
    return chooser.integer(1, one_in) == one_in


@lru_cache(maxsize=64)
def _limits(weights: tuple[float, ...]) -> tuple[int, ...]:
    return tuple(accumulate(max(1, round(weight * GRAIN)) for weight in weights))


class Weighted:
    """Names that are chosen as often as their weights say."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.names = tuple(weights)
        self.limits = _limits(tuple(weights.values()))

    def choose(self, chooser: Chooser) -> str:
        """One of the names."""
        drawn = chooser.integer(0, self.limits[-1] - 1)
        return self.names[bisect_right(self.limits, drawn)]
