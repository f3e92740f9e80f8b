"""Batches of movement of one tensor: every shape of a table, edge values inside."""

from __future__ import annotations

import numpy as np

from conformance.harness.build import Builder, through_kernels
from conformance.harness.case import CONST_LIMIT, Case
from conformance.harness.draws import Generator, core_edges, styled
from conformance.harness.plans.layouts import (
    CONST,
    CONTIGUOUS,
    KERNELS,
    STRIDED,
    Layouts,
    count_of,
)
from conformance.harness.plans.moves import MOVES
from conformance.harness.values import Value
from oracles.formats import FORMATS


def edge_scalars(dtype: str) -> tuple[Value, ...]:
    """Python numbers that a dtype holds, among them the ends of its range."""
    row = FORMATS[dtype]
    if row.is_float:
        return (-0.0, float("nan"), float("-inf"), 1.1, 3)
    return (True,) if row.kind == "bool" else (row.minimum, row.maximum, 1)


def moves(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Every shape of the table, edge values inside; bits are judged, payloads too."""
    build = Builder()
    (dtype,) = dtypes
    for shape, attributes in MOVES[op]:
        x = build.input(dtype, styled(rng, dtype, count_of(shape), "edges"), shape)
        build.judged(op, x, **attributes)
    if op == "pad":
        x = build.input(dtype, styled(rng, dtype, 11, "edges"))
        for value in edge_scalars(dtype):
            build.judged(op, x, padding=((2, 1),), value=value)
    return build.case()


def moves_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Views of views."""
    build = Builder()
    (dtype,) = dtypes
    for shape, attributes in MOVES[op]:
        turned = tuple(reversed(shape))
        x = build.input(dtype, styled(rng, dtype, count_of(shape), "edges"), turned)
        order = tuple(reversed(range(len(shape))))
        view = build.apply("permute", x, order=order)
        if shape:
            view = build.apply("flip", view, axis=(len(shape) - 1,))
        build.judged(op, view, **attributes)
    return build.case()


def moves_const(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Constants moved."""
    build = Builder()
    (dtype,) = dtypes
    for shape, attributes in MOVES[op]:
        count = count_of(shape)
        if count <= CONST_LIMIT:
            bits = np.resize(core_edges(dtype), count)
            build.judged(op, build.input(dtype, bits, shape, const=True), **attributes)
        elif op != "reshape":
            scalar = build.input(dtype, core_edges(dtype)[-1:], (), const=True)
            wide = build.apply("expand", scalar, shape=shape)
            wide = wide if op != "expand" else build.apply("shrink", wide, arg=_whole(shape))
            build.judged(op, wide, **attributes)
    return build.case()


def _whole(shape: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    return tuple((0, n) for n in shape)


def moves_kernels(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """What is moved comes out of reductions."""
    build = Builder()
    (dtype,) = dtypes
    shape, attributes = next(m for m in MOVES[op] if count_of(m[0]) > 4)
    x = build.input(dtype, styled(rng, dtype, count_of(shape), "edges"))
    made = through_kernels(build, x, dtype, count_of(shape))
    build.judged(op, build.apply("reshape", made, shape=shape), **attributes)
    return build.case()


MOVE: Layouts = {
    "main": (moves, CONTIGUOUS), "strided": (moves_strided, STRIDED),
    "const": (moves_const, CONST), "kernels": (moves_kernels, KERNELS),
}  # fmt: skip

LAYOUTS: dict[str, Layouts] = dict.fromkeys(MOVES, MOVE)
