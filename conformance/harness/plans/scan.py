"""Batches of scans: lengths around the chunks of the order, every axis, empty tensors."""

from __future__ import annotations

import numpy as np

from conformance.harness.build import Builder, through_kernels
from conformance.harness.case import Case
from conformance.harness.draws import STYLES, Generator, core_edges, plain, styled
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
from oracles.catalog import ROWS

LENGTHS = (1, 2, 33, 255, 256, 257, 600)  # around a chunk
LONG = 65537  # the totals of its chunks are scanned in chunks too
AXES: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((3, 5, 7), (0, 1, -1)), ((4, 1), (1, -2)), ((), (0, -1)), ((0,), (0,)), ((2, 0, 3), (0, 1)),
    ((260, 3), (0,)),
)  # fmt: skip


def _judged(build: Builder, op: str, x: int, axis: int, **more: Value) -> None:
    """A statement for each result that the row has."""
    for output in outputs_of(op):
        build.judged(op, x, axis=axis, **more, **output)


def scan_lengths(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """One row of each style at every length."""
    build = Builder()
    (dtype,) = dtypes
    for length in LENGTHS:
        bits = np.concatenate([styled(rng, dtype, length, style) for style in STYLES])
        _judged(build, op, build.input(dtype, bits, (len(STYLES), length)), 1)
    return build.case()


def scan_long(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Three levels of chunks."""
    build = Builder()
    (dtype,) = dtypes
    _judged(build, op, build.input(dtype, plain(rng, dtype, LONG)), 0)
    return build.case()


def scan_axes(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Every axis, of empty tensors too, and other dtypes of the result."""
    build = Builder()
    (dtype,) = dtypes
    for shape, choices in AXES:
        for k, axis in enumerate(choices):
            bits = styled(rng, dtype, count_of(shape), STYLES[k % 5])
            _judged(build, op, build.input(dtype, bits, shape), axis)
    if "dtype" in ROWS[op].attributes:
        x = build.input(dtype, styled(rng, dtype, 3 * 37, "plain"), (3, 37))
        for target in ("int16", "uint64", "float16", "float64"):
            _judged(build, op, x, 1, dtype=target)
    return build.case()


def scan_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Over transposed, flipped, expanded and padded views."""
    build = Builder()
    (dtype,) = dtypes
    x = build.input(dtype, styled(rng, dtype, 37 * 45, "nan"), (37, 45))
    _judged(build, op, build.apply("permute", x, order=(1, 0)), 0)
    _judged(build, op, build.apply("flip", x, axis=(1,)), 1)
    row = build.input(dtype, styled(rng, dtype, 35, "edges"), (1, 35))
    _judged(build, op, build.apply("expand", row, shape=(300, 35)), 0)
    _judged(build, op, build.apply("pad", x, padding=((1, 2), (30, 4))), 1)
    return build.case()


def scan_const(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Constants."""
    build = Builder()
    (dtype,) = dtypes
    _judged(build, op, build.input(dtype, core_edges(dtype), const=True), 0)
    scalar = build.input(dtype, core_edges(dtype)[1:2], (), const=True)
    _judged(build, op, build.apply("expand", scalar, shape=(3, 41)), 1)
    return build.case()


def scan_kernels(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Of what reductions made, and reduced again."""
    build = Builder()
    (dtype,) = dtypes
    x = build.input(dtype, styled(rng, dtype, 5 * 67, "plain"))
    y = build.apply("reshape", through_kernels(build, x, dtype, 5 * 67), shape=(5, 67))
    _judged(build, op, y, 1)
    return build.case()


SCAN: Layouts = {
    "main": (scan_lengths, CONTIGUOUS), "axes": (scan_axes, CONTIGUOUS),
    "long": (scan_long, KERNELS), "strided": (scan_strided, STRIDED),
    "const": (scan_const, CONST), "kernels": (scan_kernels, KERNELS),
}  # fmt: skip
LAYOUTS: dict[str, Layouts] = dict.fromkeys(("cumsum", "cumprod", "cummax", "cummin"), SCAN)
