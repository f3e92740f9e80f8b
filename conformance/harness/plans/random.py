"""Batches of random numbers: seeds, shapes, dtypes, and the generator itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from conformance.harness.build import Builder
from conformance.harness.case import Case
from conformance.harness.draws import Generator, core_edges, random_bits, styled
from conformance.harness.plans.layouts import CONST, CONTIGUOUS, STRIDED, Layouts, count_of
from conformance.harness.values import Value
from oracles.catalog import FLOATS, INTEGERS, NUMBERS
from oracles.formats import FORMATS, Array

SEEDS = (0, 1, 2**64 - 1, 0x853C49E6748FEA9B)
SHAPES: tuple[tuple[int, ...], ...] = ((37,), (3, 5), (2, 3, 4), (1, 1))
WITH_INPUTS = ("glorot_uniform", "kaiming_uniform", "kaiming_normal")
ODD_SHAPES: tuple[tuple[int, ...], ...] = ((), (0,), (1, 0, 2))  # no fans to take from these


def generators(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Random and extreme counters under as many keys, and one key for all."""
    build = Builder()
    counters = build.input("uint64", random_bits(rng, "uint64", 67))
    keys = build.input("uint64", random_bits(rng, "uint64", 67))
    build.judged(op, counters, keys)
    edge = core_edges("uint64")
    build.judged(
        op, build.input("uint64", edge, (edge.size, 1)), build.input("uint64", edge, const=True)
    )
    return build.case()


def generators_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Counters from a transposed and flipped view."""
    build = Builder()
    counters = build.input("uint64", random_bits(rng, "uint64", 35), (5, 7))
    turned = build.apply("flip", build.apply("permute", counters, order=(1, 0)), axis=(0,))
    build.judged(op, turned, build.input("uint64", random_bits(rng, "uint64", 5), (1, 5)))
    return build.case()


def words(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """None, one, odd and even numbers of words; a counter that wraps."""
    build = Builder()
    for num, counter in ((0, 0), (1, 5), (33, 2**64 - 3), (64, 2**32 - 7)):
        key = build.input("uint64", random_bits(rng, "uint64", 1))
        start = build.input("uint64", FORMATS["uint64"].to_bits(_word(counter)), (1,))
        build.judged(op, key, start, num=num)
    return build.case()


def _word(value: int) -> Array:
    return np.array([value], dtype=np.uint64)


def drawn(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Every seed with a shape, and every range of the row."""
    build = Builder()
    shapes = SHAPES if op in WITH_INPUTS else SHAPES + ODD_SHAPES
    for k, shape in enumerate(shapes):
        for more in _RANGES.get(op, _nothing)(dtypes[0]):
            build.judged(op, shape=shape, seed=SEEDS[k % len(SEEDS)], dtype=dtypes[0], **more)
    return build.case()


def _nothing(dtype: str) -> list[dict[str, Value]]:
    return [{}]


def _float_ranges(dtype: str) -> list[dict[str, Value]]:
    return [{}, {"low": -2.5, "high": 1.25}, {"low": 0.1, "high": 0.3}]


def _integer_ranges(dtype: str) -> list[dict[str, Value]]:
    row = FORMATS[dtype]
    return [
        {},
        {"low": row.minimum, "high": row.maximum},
        {"low": row.maximum, "high": row.maximum + 1},
        {"low": row.minimum, "high": row.maximum + 1},
    ]  # fmt: skip


_RANGES: dict[str, Callable[[str], list[dict[str, Value]]]] = {
    "uniform": _float_ranges,
    "randint": _integer_ranges,
    "kaiming_uniform": lambda dtype: [{}, {"a": 1.0}],
    "kaiming_normal": lambda dtype: [{}, {"a": 1.0}],
    "normal": lambda dtype: [{}, {"mean": -3.0, "std": 0.5}, {"mean": 1.5, "std": 100.0}],
}

def permutations(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """No place, one, and up to as many as the dtype holds, if int8 holds them too."""
    build = Builder()
    row = FORMATS[dtypes[0]]
    most = min(128, 1 << row.precision)
    for k, n in enumerate(dict.fromkeys((0, 1, min(37, most), most))):
        build.judged(op, n=n, seed=SEEDS[k], dtype=row.name)
    return build.case()


# shape of the weights, style, attributes
_WEIGHTS: tuple[tuple[tuple[int, ...], str, dict[str, Value]], ...] = (
    ((7,), "plain", {"num_samples": 20, "replacement": True}),
    ((2, 300), "edges", {"num_samples": 9, "replacement": True}),
    ((2, 40), "edges", {"num_samples": 25}),
    ((2, 5), "plain", {}),
    ((2, 5), "zeros", {"num_samples": 5}),
    ((0, 5), "plain", {"num_samples": 5}),
)


def weighted(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Weights of both signs, edges, nothing but zeros; more places than a chunk of a scan has."""
    build = Builder()
    (dtype,) = dtypes
    for k, (shape, style, more) in enumerate(_WEIGHTS):
        x = build.input(dtype, styled(rng, dtype, count_of(shape), style), shape)
        build.judged(op, x, seed=SEEDS[k % len(SEEDS)], **more)
    return build.case()


_FLOATS = (
    "rand", "uniform", "scaled_uniform", "glorot_uniform", "kaiming_uniform", "randn", "normal",
    "kaiming_normal",
)  # fmt: skip
_DRAWN: Layouts = {"main": (drawn, CONST)}
LAYOUTS: dict[str, Layouts] = {
    "threefry": {"main": (generators, CONTIGUOUS), "strided": (generators_strided, STRIDED)},
    "random_bits": {"main": (words, CONTIGUOUS)},
    **dict.fromkeys(("randint", *_FLOATS), _DRAWN),
    "randperm": {"main": (permutations, CONST)},
    "multinomial": {"main": (weighted, CONTIGUOUS)},
}
CELLS = {
    "threefry": (("uint64", "uint64"),),
    "random_bits": (("uint64", "uint64"),),
    "randint": tuple((name,) for name in INTEGERS),
    "randperm": tuple((name,) for name in NUMBERS),
    **dict.fromkeys(_FLOATS, tuple((name,) for name in FLOATS)),
}
