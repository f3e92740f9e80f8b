"""Batches of factorisations: matrices of every kind in one launch, tall, wide and square ones."""

from __future__ import annotations

import numpy as np

from conformance.harness.build import Builder
from conformance.harness.case import Case
from conformance.harness.draws import Generator, styled
from conformance.harness.plans.layouts import (
    CONTIGUOUS,
    STRIDED,
    Layouts,
    count_of,
    outputs_of,
)
from conformance.harness.values import Value
from oracles.formats import FORMATS, Array

BATCH = 6
PARAMETERS: tuple[dict[str, Value], ...] = (
    {"steps": 3, "params": (3.4445, -4.7750, 2.0315)},
    {"steps": 1, "params": (1.5, -0.5), "eps": 0.125},
    {"steps": 2, "params": (2.0,)},
    {"steps": 2, "params": (1, 0.5, -0.25, 0.125)},
    {"steps": 0, "params": (1.0,)},
)


def _matrices(rng: Generator, dtype: str, rows: int, columns: int) -> Array:
    """Bits of a batch: ordinary numbers, dependent columns, zeros, one with a NaN.

    Of floats also columns of very different sizes, and the identity times the least number.
    """
    row = FORMATS[dtype]
    plain = [styled(rng, dtype, rows * columns, "plain").reshape(rows, columns) for _ in range(4)]
    plain[1][:, -1] = plain[1][:, 0]
    if row.is_float:
        sizes = np.exp2(rng.integers(-8, 5, columns).astype(np.float64))
        numbers = (rng.standard_normal((rows, columns)) * sizes).astype(row.numpy_dtype)
        plain[2], plain[3] = row.to_bits(numbers), np.eye(rows, columns, dtype=row.unsigned)
    zeros = styled(rng, dtype, rows * columns, "zeros").reshape(rows, columns)
    special = styled(rng, dtype, rows * columns, "nan").reshape(rows, columns)
    return np.stack([*plain, zeros, special])


def _judged(build: Builder, op: str, x: int, turn: int = 0) -> None:
    """A statement for each result, of one call."""
    attributes: dict[str, Value] = {}
    if op == "newton_schulz":
        attributes = PARAMETERS[turn % len(PARAMETERS)]
    if op == "svd" and turn % 2:
        attributes = {"full_matrices": False}
    for output in outputs_of(op):
        build.judged(op, x, **attributes, **output)


def _sides(dtype: str) -> tuple[int, int]:
    """Rows and columns of tall matrices; few of dtypes that only become the default float."""
    return (5, 3) if FORMATS[dtype].is_float else (3, 2)


def _batch(build: Builder, rng: Generator, dtype: str, rows: int, columns: int) -> int:
    bits = _matrices(rng, dtype, rows, columns)
    return build.input(dtype, bits.reshape(-1), bits.shape)


def tall(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """More rows than columns."""
    build = Builder()
    _judged(build, op, _batch(build, rng, dtypes[0], *_sides(dtypes[0])))
    return build.case()


def wide(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """More columns than rows."""
    build = Builder()
    _judged(build, op, _batch(build, rng, dtypes[0], *_sides(dtypes[0])[::-1]), 1)
    return build.case()


def square(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """As many."""
    build = Builder()
    size = 4 if FORMATS[dtypes[0]].is_float else 2
    _judged(build, op, _batch(build, rng, dtypes[0], size, size))
    return build.case()


def strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Transposes, upside down."""
    build = Builder()
    x = _batch(build, rng, dtypes[0], *_sides(dtypes[0])[::-1])
    turned = build.apply("permute", x, order=(0, 2, 1))
    _judged(build, op, build.apply("flip", turned, axis=(1,)))
    return build.case()


def small(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Single elements, and matrices and batches of nothing."""
    build = Builder()
    (dtype,) = dtypes
    for turn, shape in enumerate(((3, 1, 1), (0, 3), (3, 0), (0, 2, 2))):
        bits = styled(rng, dtype, count_of(shape), "ties")
        for k in range(2):
            _judged(build, op, build.input(dtype, bits, shape), turn + k)
    return build.case()


def parameters(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Each choice of parameters."""
    build = Builder()
    x = _batch(build, rng, dtypes[0], 5, 3)
    for turn in range(len(PARAMETERS)):
        _judged(build, op, x, turn)
    return build.case()


FACTORS: Layouts = {
    "main": (tall, CONTIGUOUS), "wide": (wide, CONTIGUOUS), "square": (square, CONTIGUOUS),
    "small": (small, CONTIGUOUS), "strided": (strided, STRIDED),
}  # fmt: skip
LAYOUTS: dict[str, Layouts] = {
    "qr": FACTORS, "svd": FACTORS,
    "newton_schulz": {**FACTORS, "main": (parameters, CONTIGUOUS)},
}  # fmt: skip
