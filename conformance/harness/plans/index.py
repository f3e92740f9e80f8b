"""Batches of reading at positions of an index tensor."""

from __future__ import annotations

import numpy as np

from conformance.harness.build import Builder, through_kernels
from conformance.harness.case import Case
from conformance.harness.draws import Generator, core_edges, styled
from conformance.harness.plans.layouts import (
    CONST,
    CONTIGUOUS,
    KERNELS,
    STRIDED,
    Layouts,
    count_of,
    positions,
)

TAKES = (
    ((37,), (9,), 0), ((5, 7), (4,), 1), ((5, 7), (2, 3), 0), ((3, 4, 5), (6,), -2), ((6,), (), 0),
    ((0, 3), (2,), 0), ((4, 3), (0,), 1),
)  # fmt: skip


def takes(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Positions inside, negative, and far outside."""
    build = Builder()
    for shape, picks, axis in TAKES:
        x = build.input(dtypes[0], styled(rng, dtypes[0], count_of(shape), "edges"), shape)
        found = positions(rng, dtypes[1], count_of(picks), shape[axis])
        build.judged(op, x, build.input(dtypes[1], found, picks), axis=axis)
    return build.case()


def takes_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """From a transposed tensor at flipped positions."""
    build = Builder()
    x = build.input(dtypes[0], styled(rng, dtypes[0], 35, "edges"), (5, 7))
    picks = build.input(dtypes[1], positions(rng, dtypes[1], 9, 7))
    view = build.apply("permute", x, order=(1, 0))
    build.judged(op, view, build.apply("flip", picks, axis=(0,)), axis=0)
    return build.case()


def takes_const(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Constant positions, and a constant table."""
    build = Builder()
    picks = build.input(dtypes[1], positions(rng, dtypes[1], 9, 5), const=True)
    x = build.input(dtypes[0], styled(rng, dtypes[0], 35, "edges"), (5, 7))
    build.judged(op, x, picks, axis=0)
    bits = np.resize(core_edges(dtypes[0]), 5)
    build.judged(op, build.input(dtypes[0], bits, const=True), picks, axis=0)
    return build.case()


def takes_kernels(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Out of what reductions made."""
    build = Builder()
    x = build.input(dtypes[0], styled(rng, dtypes[0], 37, "edges"))
    picks = build.input(dtypes[1], positions(rng, dtypes[1], 11, 37))
    build.judged(op, through_kernels(build, x, dtypes[0], 37), picks, axis=0)
    return build.case()


TAKE: Layouts = {
    "main": (takes, CONTIGUOUS), "strided": (takes_strided, STRIDED),
    "const": (takes_const, CONST), "kernels": (takes_kernels, KERNELS),
}  # fmt: skip

LAYOUTS: dict[str, Layouts] = {"take": TAKE}
