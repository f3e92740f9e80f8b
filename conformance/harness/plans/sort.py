"""Batches of sorting: lengths around runs and rounds of a merge, both directions, every axis."""

from __future__ import annotations

import numpy as np

from conformance.harness.build import Builder, through_kernels
from conformance.harness.case import Case
from conformance.harness.draws import STYLES, Generator, core_edges, random_bits, styled
from conformance.harness.plans.layouts import (
    CONST,
    CONTIGUOUS,
    KERNELS,
    STRIDED,
    Layouts,
    count_of,
    outputs_of,
)
from conformance.harness.values import Value
from oracles.edges import edges

LENGTHS = (1, 2, 3, 33, 130)  # around powers of two
LONG = 1025
AXES: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((3, 5, 7), (0, 1, -1)), ((4, 1), (1, 0)), ((), (0, -1)), ((0,), (0,)), ((2, 0, 3), (0, 1)),
)  # fmt: skip


def _judged(
    build: Builder, op: str, x: int, dim: int, size: int, turn: int, full: bool = False
) -> None:
    """A statement for each result; in turn both directions, and more or fewer of the elements."""
    directions: dict[str, Value] = {"dim": dim, "descending": bool(turn % 2)}
    if op == "topk":
        k = size if full else (size + turn % 3) // 2
        directions = {"k": min(k, size), "dim": dim, "largest": bool(turn % 2)}
    for output in outputs_of(op):
        build.judged(op, x, **directions, **output)


def sort_lengths(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """One row of each style at every length, up and down."""
    build = Builder()
    (dtype,) = dtypes
    for turn, length in enumerate(LENGTHS):
        bits = np.concatenate([styled(rng, dtype, length, style) for style in STYLES])
        x = build.input(dtype, bits, (len(STYLES), length))
        _judged(build, op, x, 1, length, turn)
    every = edges(dtype)
    x = build.input(dtype, np.concatenate([every, random_bits(rng, dtype, 100), every[::-1]]))
    for turn in range(2):
        _judged(build, op, x, 0, 100 + 2 * len(every), turn, full=True)
    return build.case()


def sort_long(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Runs that are merged in more than one round of 1024 results."""
    build = Builder()
    (dtype,) = dtypes
    _judged(build, op, build.input(dtype, random_bits(rng, dtype, LONG)), -1, LONG, 0)
    return build.case()


def sort_axes(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Every axis, of empty tensors too."""
    build = Builder()
    (dtype,) = dtypes
    for shape, choices in AXES:
        for turn, dim in enumerate(choices):
            x = build.input(dtype, styled(rng, dtype, count_of(shape), STYLES[turn % 5]), shape)
            _judged(build, op, x, dim, shape[dim] if shape else 1, turn, full=not shape)
    return build.case()


def sort_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Transposed, flipped, expanded and padded views."""
    build = Builder()
    (dtype,) = dtypes
    x = build.input(dtype, styled(rng, dtype, 17 * 9, "nan"), (17, 9))
    _judged(build, op, build.apply("permute", x, order=(1, 0)), 1, 17, 0)
    _judged(build, op, build.apply("flip", x, axis=(1,)), 1, 9, 1)
    row = build.input(dtype, styled(rng, dtype, 9, "edges"), (1, 9))
    _judged(build, op, build.apply("expand", row, shape=(3, 9)), 1, 9, 0)
    _judged(build, op, build.apply("pad", x, padding=((0, 0), (3, 4))), 1, 16, 1)
    return build.case()


def sort_const(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Constants."""
    build = Builder()
    (dtype,) = dtypes
    table = build.input(dtype, core_edges(dtype), const=True)
    _judged(build, op, table, 0, len(core_edges(dtype)), 1)
    scalar = build.input(dtype, core_edges(dtype)[1:2], (), const=True)
    _judged(build, op, build.apply("expand", scalar, shape=(3, 5)), 1, 5, 0)
    return build.case()


def sort_kernels(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Of what reductions made."""
    build = Builder()
    (dtype,) = dtypes
    x = build.input(dtype, styled(rng, dtype, 33, "edges"))
    _judged(build, op, through_kernels(build, x, dtype, 33), 0, 33, 1)
    return build.case()


SORT: Layouts = {
    "main": (sort_lengths, CONTIGUOUS), "axes": (sort_axes, CONTIGUOUS),
    "long": (sort_long, KERNELS), "strided": (sort_strided, STRIDED),
    "const": (sort_const, CONST), "kernels": (sort_kernels, KERNELS),
}  # fmt: skip
LAYOUTS: dict[str, Layouts] = dict.fromkeys(("sort", "argsort", "topk"), SORT)
