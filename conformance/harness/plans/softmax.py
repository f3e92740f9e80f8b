"""Batches of the softmax family: lengths around lanes, axes, infinities, empty tensors."""

from __future__ import annotations

import numpy as np

from conformance.harness.build import Builder
from conformance.harness.case import Case
from conformance.harness.draws import Generator, core_edges, styled
from conformance.harness.plans.layouts import CONST, CONTIGUOUS, STRIDED, Layouts, count_of
from oracles.catalog import ALL, FLOATS, ROWS

STYLES = ("edges", "plain", "ties")
LENGTHS = (1, 33, 70)
AXES: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((3, 5, 4), (0, 1, -1)), ((0, 3), (1,)), ((), (-1,)),
)  # fmt: skip


def softmax_lengths(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """One row of each style at every length, and every kind of axis."""
    build = Builder()
    (dtype,) = dtypes
    for length in LENGTHS:
        bits = np.concatenate([styled(rng, dtype, length, style) for style in STYLES])
        build.judged(op, build.input(dtype, bits, (len(STYLES), length)), axis=1)
    for shape, choices in AXES:
        for axis in choices:
            bits = styled(rng, dtype, count_of(shape), "plain")
            build.judged(op, build.input(dtype, bits, shape), axis=axis)
    return build.case()


def softmax_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Over transposed and flipped views."""
    build = Builder()
    (dtype,) = dtypes
    x = build.input(dtype, styled(rng, dtype, 17 * 9, "plain"), (17, 9))
    build.judged(op, build.apply("permute", x, order=(1, 0)), axis=1)
    build.judged(op, build.apply("flip", x, axis=(1,)), axis=0)
    return build.case()


def softmax_axes(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Several axes at once and all of them, where the row takes them; results of other dtypes."""
    build = Builder()
    (dtype,) = dtypes
    x = build.input(dtype, styled(rng, dtype, 3 * 5 * 4, "plain"), (3, 5, 4))
    running = op == "logcumsumexp"
    for axis in (1, -3) if running else ((0, -1), None):
        build.judged(op, x, axis=axis)
    if "dtype" in ROWS[op].attributes:
        build.judged(op, x, dtype=FLOATS[(ALL.index(dtype) + 1) % len(FLOATS)])
    if "keepdim" in ROWS[op].attributes:
        build.judged(op, x, axis=(1, 2), keepdim=True)
    return build.case()


def softmax_const(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """A constant row, and one constant in every place, which a rule may fold."""
    build = Builder()
    (dtype,) = dtypes
    bits = core_edges(dtype, 6)
    build.judged(op, build.input(dtype, bits, (1, bits.size), const=True), axis=1)
    scalar = build.input(dtype, bits[-1:], (), const=True)
    build.judged(op, build.apply("expand", scalar, shape=(2, 35)), axis=1)
    return build.case()


SOFTMAX: Layouts = {
    "main": (softmax_lengths, CONTIGUOUS), "strided": (softmax_strided, STRIDED),
    "axes": (softmax_axes, CONTIGUOUS), "const": (softmax_const, CONST),
}  # fmt: skip
LAYOUTS: dict[str, Layouts] = dict.fromkeys(
    ("softmax", "softmin", "log_softmax", "logsumexp", "logcumsumexp"), SOFTMAX
)
