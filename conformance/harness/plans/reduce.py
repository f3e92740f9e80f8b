"""Batches of reductions over axes."""

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
from oracles.formats import FORMATS

LENGTHS = (1, 32, 33, 1024, 1025, 2049)  # around lanes and blocks of the order
UNORDERED_LENGTHS = (1, 2, 31, 33, 64, 257)
LONG = 33 * 1024 + 5  # its 34 blocks do not fit one row of lanes
AXES: tuple[tuple[tuple[int, ...], tuple[Value, ...]], ...] = (
    ((3, 5, 7), (0, 1, (0, -1), (1, 2), None, ())),
    ((2, 33, 3), (1, (0, 1))),
    ((1, 4, 1), ((0, 2),)),
    ((), (None, 0, -1)),
)
EMPTY: tuple[tuple[tuple[int, ...], Value, bool], ...] = (
    # shape, axis, whether the reduced axes are empty although the result is not
    ((0,), 0, True),
    ((3, 0, 2), 1, True),
    ((3, 0, 2), None, True),
    ((3, 0, 2), 0, False),
    ((0, 4), 1, False),
)


NEEDS_ELEMENT = ("max", "min", "argmax", "argmin")  # they raise over an empty axis
ONE_AXIS = ("argmax", "argmin")
CORRECTIONS = (1, 0, 2, -1, 1000)


def _judged(
    build: Builder, op: str, x: int, axis: Value, keepdim: bool = False, **more: Value
) -> None:
    """A statement for each result that the row has."""
    for output in outputs_of(op):
        build.judged(op, x, axis=axis, keepdim=keepdim, **more, **output)


def reduce_lengths(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """One row of each style at every length."""
    build = Builder()
    (dtype,) = dtypes
    for length in UNORDERED_LENGTHS if ROWS[op].order is None else LENGTHS:
        bits = np.concatenate([styled(rng, dtype, length, style) for style in STYLES])
        x = build.input(dtype, bits, (len(STYLES), length))
        _judged(build, op, x, 1)
    return build.case()


def reduce_long(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """More blocks than one round of lanes takes."""
    build = Builder()
    (dtype,) = dtypes
    x = build.input(dtype, plain(rng, dtype, LONG))
    _judged(build, op, x, None)
    return build.case()


def reduce_axes(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Every kind of axis, kept or not; empty tensors where the row allows them."""
    build = Builder()
    (dtype,) = dtypes
    for shape, choices in AXES:
        for k, axis in enumerate(choices):
            x = build.input(dtype, styled(rng, dtype, count_of(shape), STYLES[k % 5]), shape)
            if op not in ONE_AXIS or not isinstance(axis, tuple):
                _judged(build, op, x, axis, bool(k % 2))
    for shape, axis, needs_identity in EMPTY:
        if op not in NEEDS_ELEMENT or not needs_identity:
            x = build.input(dtype, np.zeros(0, FORMATS[dtype].unsigned), shape)
            _judged(build, op, x, axis)
    if "dtype" in ROWS[op].attributes:
        x = build.input(dtype, styled(rng, dtype, 3 * 37, "plain"), (3, 37))
        for target in ("int16", "uint64", "float16", "float64"):
            _judged(build, op, x, 1, dtype=target)
    if "correction" in ROWS[op].attributes:
        x = build.input(dtype, styled(rng, dtype, 3 * 37, "plain"), (3, 37))
        for correction in CORRECTIONS:
            _judged(build, op, x, 1, correction=correction)
    return build.case()


def reduce_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Over transposed, flipped, expanded and shrunk views: the numbering is the view's."""
    build = Builder()
    (dtype,) = dtypes
    x = build.input(dtype, styled(rng, dtype, 37 * 45, "plain"), (37, 45))
    _judged(build, op, build.apply("permute", x, order=(1, 0)), None)
    _judged(build, op, build.apply("permute", x, order=(1, 0)), 0)
    _judged(build, op, build.apply("flip", x, axis=(1,)), 1, True)
    window = build.apply("shrink", x, arg=((3, 36), (5, 42)))
    _judged(build, op, window, None)
    row = build.input(dtype, styled(rng, dtype, 35, "edges"), (1, 35))
    _judged(build, op, build.apply("expand", row, shape=(33, 35)), 0)
    padded = build.apply("pad", x, padding=((1, 2), (30, 4)))
    _judged(build, op, padded, 1)
    return build.case()


def reduce_const(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Constants reduced, which a folding rule may try at compile time."""
    build = Builder()
    (dtype,) = dtypes
    table = build.input(dtype, core_edges(dtype), const=True)
    _judged(build, op, table, None)
    for bits in core_edges(dtype, 4).reshape(-1, 1):
        scalar = build.input(dtype, bits, (), const=True)
        wide = build.apply("expand", scalar, shape=(3, 41))
        _judged(build, op, wide, 1)
    one = build.apply("expand", scalar, shape=(1,))
    _judged(build, op, one, 0)
    return build.case()


def reduce_kernels(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """A reduction of what reductions made."""
    build = Builder()
    (dtype,) = dtypes
    x = build.input(dtype, styled(rng, dtype, 5 * 67, "plain"))
    y = build.apply("reshape", through_kernels(build, x, dtype, 5 * 67), shape=(5, 67))
    _judged(build, op, y, 1)
    return build.case()


REDUCE: Layouts = {
    "main": (reduce_lengths, CONTIGUOUS), "axes": (reduce_axes, CONTIGUOUS),
    "long": (reduce_long, KERNELS),
    "strided": (reduce_strided, STRIDED), "const": (reduce_const, CONST),
    "kernels": (reduce_kernels, KERNELS),
}  # fmt: skip

ROWS_OF_AXES = (
    "sum", "prod", "max", "min", "mean", "var", "std", "var_mean", "std_mean", "any", "all",
    "argmax", "argmin",
)  # fmt: skip
LAYOUTS: dict[str, Layouts] = dict.fromkeys(ROWS_OF_AXES, REDUCE)
