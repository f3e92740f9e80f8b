"""Batches of matrix products."""

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
)

MATRICES = (
    ((3, 5), (5, 7)), ((4, 256), (256, 3)), ((5, 257), (257, 2)), ((2, 515), (515, 3)),
    ((17, 33), (33, 19)),
)  # fmt: skip
PRODUCTS = (
    ((6,), (6,)), ((3, 6), (6,)), ((6,), (6, 4)), ((2, 3, 4), (2, 4, 5)),
    ((2, 1, 3, 4), (5, 4, 2)), ((2, 0), (0, 3)), ((0, 3), (3, 2)), ((3, 2), (2, 0)),
    ((300,), (300,)),
)  # fmt: skip


def _matmuls(rng: Generator, dtypes: tuple[str, ...], shapes: tuple[object, ...]) -> Case:
    build = Builder()
    pairs: list[tuple[tuple[int, ...], tuple[int, ...]]] = list(shapes)  # type: ignore[arg-type]
    for k, (left, right) in enumerate(pairs):
        style = ("plain", "plain", "ties", "edges", "nan")[k % 5]
        x = build.input(dtypes[0], styled(rng, dtypes[0], count_of(left), style), left)
        y = build.input(dtypes[1], styled(rng, dtypes[1], count_of(right), style), right)
        build.judged("matmul", x, y)
    return build.case()


def matmul_matrices(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Contracted lengths around the block of 256."""
    return _matmuls(rng, dtypes, MATRICES)


def matmul_shapes(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Vectors, batches that broadcast, empty matrices."""
    return _matmuls(rng, dtypes, PRODUCTS)


def matmul_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Transposed and flipped operands, and one tensor times its own transpose."""
    build = Builder()
    x = build.input(dtypes[0], styled(rng, dtypes[0], 35 * 9, "plain"), (35, 9))
    y = build.input(dtypes[1], styled(rng, dtypes[1], 35 * 11, "plain"), (35, 11))
    turned = build.apply("permute", x, order=(1, 0))
    build.judged("matmul", turned, y)
    build.judged("matmul", turned, build.apply("flip", y, axis=(0,)))
    build.judged("matmul", turned, x)
    return build.case()


def matmul_const(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """A constant matrix against itself and against a buffer."""
    build = Builder()
    x = build.input(dtypes[0], np.resize(core_edges(dtypes[0]), 12), (3, 4), const=True)
    y = build.input(dtypes[1], np.resize(core_edges(dtypes[1])[::-1], 12), (4, 3), const=True)
    z = build.input(dtypes[1], styled(rng, dtypes[1], 4 * 5, "plain"), (4, 5))
    build.judged("matmul", x, y)
    build.judged("matmul", x, z)
    return build.case()


def matmul_kernels(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """The left operand comes out of reductions."""
    build = Builder()
    x = build.input(dtypes[0], styled(rng, dtypes[0], 7 * 13, "plain"))
    made = through_kernels(build, x, dtypes[0], 7 * 13)
    y = build.input(dtypes[1], styled(rng, dtypes[1], 13 * 5, "plain"), (13, 5))
    build.judged("matmul", build.apply("reshape", made, shape=(7, 13)), y)
    return build.case()


MATMUL: Layouts = {
    "main": (matmul_matrices, CONTIGUOUS), "shapes": (matmul_shapes, CONTIGUOUS),
    "strided": (matmul_strided, STRIDED), "const": (matmul_const, CONST),
    "kernels": (matmul_kernels, KERNELS),
}  # fmt: skip

LAYOUTS: dict[str, Layouts] = {"matmul": MATMUL}
