"""Where functions of real numbers are hard: where they turn, end, vanish or overflow."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from conformance.harness.draws import Generator, plain
from oracles.edges import edges
from oracles.formats import Array, Format

SPREAD = 700  # ordinary numbers, and numbers over the span of the function
NEAR = 60  # of each turning point: its nearest neighbours, and farther ones


def _powers(row: Format) -> list[float]:
    """Exponents of 2 where results overflow, become subnormal, and vanish."""
    least = row.emin - row.mantissa_bits
    return [row.emax + 1, row.emax, row.emin, row.emin - 1, least, least - 1]


def _exponents(log2_of_base: float) -> Callable[[Format], list[float]]:
    def turning(row: Format) -> list[float]:
        scaled = [power / log2_of_base for power in _powers(row)]
        return [0.0, 1.0, -1.0, *scaled, *(-one for one in scaled)]

    return turning


def _tails(row: Format) -> list[float]:
    """Where 1 - f(x) falls below the last bit, and the turns of exp."""
    last = (row.precision + 1) * math.log(2)
    return [*_exponents(math.log2(math.e))(row), last / 2, -last / 2, last, -last]


def _logarithms(row: Format) -> list[float]:
    return [1.0, 2.0, 0.5, math.e, 10.0, 1000.0, 2.0**row.emin, 2.0**row.emax]


def _angles(row: Format) -> list[float]:
    """Multiples of a quarter turn and of half of it, small and large."""
    small = [k * math.pi / 4 for k in range(1, 17)]
    large = [math.ldexp(math.pi / 2, k) for k in range(4, row.emax - 1, max(1, row.emax // 24))]
    return [0.0, *small, *(-one for one in small), *large]


def _unit(row: Format) -> list[float]:
    return [0.0, 1.0, -1.0, 0.5, -0.5]


def _steep(row: Format) -> list[float]:
    return [0.0, 1.0, -1.0, 2.0 ** (row.precision // 2), 2.0 ** (row.emax - 1)]


_E = math.log2(math.e)
TURNING: dict[str, tuple[Callable[[Format], list[float]], float, float]] = {
    "exp": (_exponents(_E), -800, 800),
    "exp2": (_exponents(1.0), -1100, 1100),
    "expm1": (_exponents(_E), -60, 800),
    "log": (_logarithms, 0, 30),
    "log2": (_logarithms, 0, 30),
    "log10": (_logarithms, 0, 30),
    "log1p": (lambda row: [0.0, -1.0, -0.5, 1.0], -1, 30),
    "sin": (_angles, -60, 60),
    "cos": (_angles, -60, 60),
    "tan": (_angles, -60, 60),
    "asin": (_unit, -1, 1),
    "acos": (_unit, -1, 1),
    "atan": (_steep, -9, 9),
    "sinh": (_exponents(_E), -800, 800),
    "cosh": (_exponents(_E), -800, 800),
    "tanh": (_tails, -22, 22),
    "asinh": (_steep, -9, 9),
    "acosh": (lambda row: [1.0, 2.0, 2.0 ** (row.emax - 1)], 1, 30),
    "atanh": (_unit, -1, 1),
    "erf": (lambda row: [0.0, 0.5, 1.0, 2.0, 4.0, -6.0, 9.0], -7, 7),
    "sigmoid": (_tails, -800, 60),
    "rsqrt": (lambda row: [1.0, 2.0, 4.0, 2.0**row.emin, 2.0**row.emax], 0, 30),
}
"""The turning points of a function, and the span over which other points are spread."""


def unary(op: str, row: Format, rng: Generator) -> Array:
    """Bits of operands for a function of one float."""
    turning, low, high = TURNING[op]
    around = np.concatenate([_near(point, row, rng) for point in turning(row)])
    spread = rng.uniform(low, high, SPREAD)
    with np.errstate(over="ignore"):
        values = np.concatenate([around, spread]).astype(row.numpy_dtype)
    return np.concatenate([edges(row.name), plain(rng, row.name, SPREAD), row.to_bits(values)])


def _near(point: float, row: Format, rng: Generator) -> Array:
    """The point, neighbours of it, and numbers at distances of every size."""
    with np.errstate(over="ignore", under="ignore"):
        center = row.to_bits(np.array([point], np.float64).astype(row.numpy_dtype))
        steps = np.arange(NEAR // 2, dtype=np.int64) - NEAR // 4
        bits = (center.astype(np.uint64) + steps.astype(np.uint64)).astype(row.unsigned)
        neighbours = row.from_bits(bits).astype(np.float64)
        size = abs(point) if point else 1.0
        signs = rng.choice(np.array([-1.0, 1.0]), NEAR // 2)
        far = point + signs * size * np.exp2(-rng.uniform(1, row.precision + 1, NEAR // 2))
    return np.concatenate([neighbours, far])


def powers(row: Format, rng: Generator) -> tuple[Array, Array]:
    """Bits of bases and exponents: near 1 and steep, near overflow, whole and halved exponents."""
    tiny = rng.uniform(-1, 1, SPREAD) * np.exp2(-rng.uniform(1, row.precision, SPREAD))
    reach = rng.choice(np.array(_powers(row), np.float64), SPREAD)
    steep = reach * rng.uniform(0.99, 1.001, SPREAD) / np.log2(1 + tiny)
    base = np.exp2(rng.uniform(row.emin, row.emax, SPREAD))
    flat = reach * rng.uniform(0.999, 1.001, SPREAD) / np.log2(base)
    whole = rng.integers(-40, 40, SPREAD).astype(np.float64)
    exponents = np.where(rng.random(SPREAD) < 0.5, whole, whole / 2)
    signed = rng.uniform(-40, 40, SPREAD)
    with np.errstate(over="ignore", under="ignore"):
        x = np.concatenate([1 + tiny, base, signed]).astype(row.numpy_dtype)
        y = np.concatenate([steep, flat, exponents]).astype(row.numpy_dtype)
    first = edges(row.name)[::3]
    left, right = np.repeat(first, first.size), np.tile(first, first.size)
    return np.concatenate([row.to_bits(x), left]), np.concatenate([row.to_bits(y), right])
