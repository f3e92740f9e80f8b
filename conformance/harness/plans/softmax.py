"""Batches of the softmax family: lengths around lanes, axes, infinities, empty tensors."""

from __future__ import annotations

import numpy as np

from conformance.harness.build import Builder
from conformance.harness.case import Case
from conformance.harness.draws import Generator, styled
from conformance.harness.plans.layouts import CONTIGUOUS, STRIDED, Layouts, count_of

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


SOFTMAX: Layouts = {
    "main": (softmax_lengths, CONTIGUOUS), "strided": (softmax_strided, STRIDED),
}  # fmt: skip
LAYOUTS: dict[str, Layouts] = dict.fromkeys(
    ("softmax", "softmin", "log_softmax", "logsumexp", "logcumsumexp"), SOFTMAX
)
