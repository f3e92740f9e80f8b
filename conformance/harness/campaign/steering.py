"""Weights by which the generator draws rows and dtypes: more of what still leads somewhere new.

How probable it is that one more observation shows something never seen is estimated by the share
of what was seen exactly once among all observations (I. J. Good, "The population frequencies of
species and the estimation of population parameters", Biometrika 40, 1953, section 2).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from conformance.harness.generate.recipes import RECIPES
from oracles.catalog import ALL

LEAST, MOST = 0.25, 4.0  # so that nothing starves, and nothing takes over
FIRST = 32  # draws before anything is known
GROWTH = 1.25  # and after so many times as many the weights are made again


@dataclass
class Pace:
    """When weights are made again, from which draw on: seldom, once there have been many."""

    at: int = FIRST

    def is_due(self, draw: int) -> bool:
        """Whether it is before this draw; once for each time."""
        if draw < self.at:
            return False
        self.at = int(draw * GROWTH) + 1
        return True


def weights(coverage: Mapping[str, int]) -> dict[str, float]:
    """The weight of every row and dtype, 1 on the average, from features and their counts.

    A feature is `op/row/dtypes/edge`, the edge empty for the statement itself; others say nothing
    about a row.
    """
    once: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for feature, count in coverage.items():
        what, _, rest = feature.partition("/")
        if what != "op":
            continue
        row, dtypes, edge = rest.split("/")
        for name in {row, *dtypes.split()}:
            once[name] += count == 1
            seen[name] += 0 if edge else count
    return {**_share(RECIPES, once, seen), **_share(ALL, once, seen)}


def _share(names: Iterable[str], once: Counter[str], seen: Counter[str]) -> dict[str, float]:
    chances = {name: once[name] / seen[name] for name in names if seen[name]}
    mean = sum(chances.values()) / len(chances) if chances else 0.0
    return {
        name: _limited(chances[name] / mean if mean else 1.0) if name in chances else MOST
        for name in names
    }


def _limited(weight: float) -> float:
    return round(min(MOST, max(LEAST, weight)), 2)


def print_weights(found: Mapping[str, float]) -> str:
    """As text; equal weights have equal texts."""
    return json.dumps(found, sort_keys=True)


def read_weights(text: str) -> dict[str, float]:
    """The weights of such a text."""
    return {str(name): float(weight) for name, weight in json.loads(text).items()}
