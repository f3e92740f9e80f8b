"""Normal random numbers: the formula of Box and Muller on what the generator gives."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod, sqrt

import numpy as np

from oracles.composite.numbers import Numbers
from oracles.composite.row import CompositeRow, Evaluated
from oracles.numpy_ref.random import unit

_TWO_PI = "6.28318530717958647692528676655900576839433879875021164195"
_FORMULA = "sqrt(-2 log(1 - u)) * cos(2 pi v)"


def normal(
    m: Numbers,
    shape: Sequence[int],
    seed: int,
    mean: float = 0.0,
    std: float = 1.0,
    dtype: str = "float32",
) -> Evaluated:
    """std * z + mean; the angle 2 pi v is rounded before its cosine is taken."""
    drawn = m.array(unit(2 * prod(shape), m.steps.name, seed)).reshape(2, *shape)
    radius = m.sqrt(-2 * m.log(1 - drawn[0]))
    angle = drawn[1] * m.constant(_TWO_PI)
    value = std * radius * m.cos(angle) + mean
    scale = abs(std) * radius * (1 + angle) + abs(mean)
    return Evaluated(np.asarray(value), np.asarray(scale))


def randn(m: Numbers, shape: Sequence[int], seed: int, dtype: str = "float32") -> Evaluated:
    """Mean 0, deviation 1."""
    return normal(m, shape, seed)


def kaiming_normal(
    m: Numbers, shape: Sequence[int], seed: int, a: float = 0.01, dtype: str = "float32"
) -> Evaluated:
    """Deviation sqrt(2 / (1 + a**2)) / sqrt(inputs)."""
    std = sqrt(2.0 / (1 + a**2)) / sqrt(max(prod(shape[1:]), 1))
    return normal(m, shape, seed, 0.0, std)


ROWS: dict[str, CompositeRow] = {
    "randn": CompositeRow(randn, _FORMULA),
    "normal": CompositeRow(normal, f"std * {_FORMULA} + mean"),
    "kaiming_normal": CompositeRow(kaiming_normal, f"{_FORMULA} * gain / sqrt(inputs)"),
}
