"""Batches of joining tensors, of grids, and of bits read as another dtype."""

from __future__ import annotations

import numpy as np

from conformance.harness.build import Builder, through_kernels
from conformance.harness.case import CONST_LIMIT, Case
from conformance.harness.draws import Generator, core_edges, every, styled
from conformance.harness.plans.layouts import (
    CONST,
    CONTIGUOUS,
    KERNELS,
    STRIDED,
    Layouts,
    count_of,
)
from conformance.harness.values import Value
from oracles.catalog import ALL, NUMBERS, ROWS
from oracles.formats import FORMATS

Shapes = tuple[tuple[int, ...], ...]

JOINS: dict[str, tuple[tuple[Shapes, dict[str, Value]], ...]] = {
    "cat": (
        (((37,), (5,), (0,)), {}), (((3, 5), (3, 2)), {"dim": 1}), (((2, 3, 4),), {"dim": -1}),
        (((0, 3), (2, 3), (0, 3)), {"dim": 0}), (((2, 0), (2, 0)), {}),
    ),
    "stack": (
        (((37,), (37,)), {}), (((3, 5), (3, 5), (3, 5)), {"dim": 1}), (((), (), ()), {"dim": -1}),
        (((2, 0), (2, 0)), {"dim": 2}), (((5,),), {"dim": -1}),
    ),
    "meshgrid": (
        (((5,), (7,)), {}), (((3,), (4,), (5,)), {"indexing": "xy"}), (((3,), ()), {}),
        (((0,), (3,)), {"indexing": "xy"}), (((4,),), {}),
    ),
}  # fmt: skip
PAIRS = (
    ("bool", "float32"), ("int8", "uint8"), ("float16", "float64"), ("uint64", "int64"),
    ("int64", "float32"), ("uint32", "int16"), ("float16", "uint16"), ("float64", "float32"),
)  # fmt: skip


def _judged(
    build: Builder, op: str, operands: list[int], attributes: dict[str, Value]
) -> None:
    """Every result that there is."""
    if ROWS[op].outputs == 1:
        build.judged(op, *operands, **attributes)
        return
    for k in range(len(operands)):
        build.judged(op, *operands, **attributes, output=k)


def joins(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Several tensors, their dtypes in turn."""
    build = Builder()
    for shapes, attributes in JOINS[op]:
        operands = []
        for k, shape in enumerate(shapes):
            dtype = dtypes[k % len(dtypes)]
            bits = styled(rng, dtype, count_of(shape), "edges")
            operands.append(build.input(dtype, bits, shape))
        _judged(build, op, operands, attributes)
    return build.case()


def joins_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Transposed and turned round."""
    build = Builder()
    for shapes, attributes in JOINS[op]:
        operands = []
        for k, shape in enumerate(shapes):
            dtype = dtypes[k % len(dtypes)]
            bits = styled(rng, dtype, count_of(shape), "edges")
            x = build.input(dtype, bits, shape[::-1])
            turned = build.apply("permute", x, order=tuple(range(len(shape)))[::-1])
            axes = tuple(range(len(shape)))
            operands.append(build.apply("flip", turned, axis=axes) if axes else turned)
        _judged(build, op, operands, attributes)
    return build.case()


def joins_const(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Constants beside a buffer, and alone."""
    build = Builder()
    for shapes, attributes in JOINS[op]:
        if any(count_of(shape) > CONST_LIMIT for shape in shapes):
            continue
        operands = []
        for k, shape in enumerate(shapes):
            dtype = dtypes[k % len(dtypes)]
            bits = np.resize(core_edges(dtype), count_of(shape))
            operands.append(build.input(dtype, bits, shape, const=k % 2 == 0))
        _judged(build, op, operands, attributes)
    return build.case()


def joins_kernels(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """What is joined comes out of reductions."""
    build = Builder()
    operands = []
    for k in range(2):
        dtype = dtypes[k % len(dtypes)]
        x = build.input(dtype, styled(rng, dtype, 37, "edges"))
        operands.append(through_kernels(build, x, dtype, 37))
    _judged(build, op, operands, {})
    return build.case()


# -- bits as another dtype -------------------------------------------------------------------------
def bitcasts(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """All patterns of up to 16 bits, else edges; several shapes."""
    build = Builder()
    source, target = dtypes
    whole = every(source) if FORMATS[source].bits <= 16 else styled(rng, source, 4096, "edges")
    build.judged(op, build.input(source, whole), dtype=target)
    for shape in ((3, 16), (8,), (2, 3, 8), (0, 8), (3, 0)):
        x = build.input(source, styled(rng, source, count_of(shape), "edges"), shape)
        build.judged(op, x, dtype=target)
    if FORMATS[source].bits == FORMATS[target].bits:
        build.judged(op, build.input(source, core_edges(source)[3:4], ()), dtype=target)
    return build.case()


def bitcasts_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Views whose last axis is contiguous, and any view where the width stays."""
    build = Builder()
    source, target = dtypes
    x = build.input(source, styled(rng, source, 6 * 5 * 24, "edges"), (6, 5, 24))
    turned = build.apply("permute", x, order=(1, 0, 2))
    part = build.apply("getitem", turned, index=(slice(None, None, -2), slice(1, 5), slice(8, 24)))
    build.judged(op, part, dtype=target)
    if FORMATS[source].bits == FORMATS[target].bits:
        flipped = build.apply("flip", build.apply("permute", part, order=(2, 0, 1)), axis=(2,))
        build.judged(op, flipped, dtype=target)
    return build.case()


def bitcasts_const(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Constants, and one repeated: an expanded one has no neighbours to be elements of."""
    build = Builder()
    source, target = dtypes
    bits = np.resize(core_edges(source), CONST_LIMIT)
    build.judged(op, build.input(source, bits, const=True), dtype=target)
    for word in core_edges(source, 4).reshape(-1, 1):
        scalar = build.input(source, word, (), const=True)
        build.judged(op, build.apply("repeat", scalar, repeats=(3, 8)), dtype=target)
    return build.case()


def bitcasts_kernels(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Bits that come out of reductions."""
    build = Builder()
    source, target = dtypes
    x = build.input(source, styled(rng, source, 40, "edges"))
    build.judged(op, through_kernels(build, x, source, 40), dtype=target)
    return build.case()


JOIN: Layouts = {
    "main": (joins, CONTIGUOUS), "strided": (joins_strided, STRIDED),
    "const": (joins_const, CONST), "kernels": (joins_kernels, KERNELS),
}  # fmt: skip
BITCAST: Layouts = {
    "main": (bitcasts, CONTIGUOUS), "strided": (bitcasts_strided, STRIDED),
    "const": (bitcasts_const, CONST), "kernels": (bitcasts_kernels, KERNELS),
}  # fmt: skip
LAYOUTS: dict[str, Layouts] = {**dict.fromkeys(JOINS, JOIN), "bitcast": BITCAST}
CELLS = {
    **dict.fromkeys(JOINS, (*((name,) for name in ALL), *PAIRS)),
    "bitcast": tuple((source, target) for source in NUMBERS for target in NUMBERS),
}
