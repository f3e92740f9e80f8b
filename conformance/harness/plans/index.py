"""Batches of reading by index: between brackets, at the places of index tensors, by masks."""

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
from conformance.harness.values import Value
from oracles.formats import Array

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


# -- between brackets ------------------------------------------------------------------------------
BASIC: tuple[tuple[tuple[int, ...], Value], ...] = (
    ((37,), (5,)), ((37,), (-1,)), ((37,), (slice(3, 30, 4),)),
    ((37,), (slice(None, None, -1),)), ((37,), (slice(30, 2, -7),)),
    ((5, 7), (2, slice(1, 6))), ((5, 7), (..., 3)),
    ((5, 7), (None, slice(4, 1), None)), ((3, 4, 5), (slice(None), -2)),
    ((3, 4, 5), (1, ..., slice(None, None, 2))), ((5, 7), ()),
    ((5, 7), (slice(-100, 100), slice(-3, None))), ((5,), 4),
    ((2, 0), (slice(1, 2),)),
    ((4, 6), (slice(3, None, -2), slice(5, 0, -3))), ((5, 7), True), ((5, 7), (False, ..., 2)),
    ((3, 4, 5), (1, None, True)),
)  # fmt: skip
PICKS: tuple[tuple[tuple[int, ...], Value, tuple[tuple[int, ...], ...]], ...] = (
    ((37,), ("t1",), ((9,),)), ((5, 7), (slice(1, 4), "t1"), ((2, 3),)), ((5, 7), "t1", ((),)),
    ((5, 7), ("t1", "t2"), ((4, 1), (3,))), ((3, 4, 5), ("t1", slice(None), "t2"), ((6,), ())),
    ((3, 4, 5), (0, slice(None, None, -1), "t1"), ((2,),)), ((3, 4, 5), (..., "t1", 1), ((3,),)),
    ((3, 4, 5), ("t1", None, "t2"), ((2,), (2,))), ((0, 3), ("t1", "t2"), ((2,), (2,))),
    ((4, 3), ("t1",), ((0,),)), ((3, 4, 5), ("t1", "t2", "t3"), ((4,), (2, 1), ())),
    ((300, 2), ("t1", ..., "t2"), ((7,), (7,))), ((5, 7), (slice(0, 0), "t1"), ((3,),)),
    ((3, 4, 5), (slice(1, None), True, "t1"), ((2,),)),
)  # fmt: skip
MASKS: tuple[tuple[tuple[int, ...], Value, tuple[tuple[int, ...], ...]], ...] = (
    ((37,), ("t1",), ((37,),)), ((5, 7), "t1", ((5, 7),)), ((5, 7), (slice(2, 5), "t1"), ((7,),)),
    ((3, 4, 5), ("t1", slice(None, None, 2)), ((3, 4),)), ((3, 4, 5), (1, "t1"), ((4,),)),
    ((3, 4, 5), (1, slice(None), "t1"), ((5,),)), ((5, 7), ("t1", ...), ((),)),
    ((0, 3), ("t1",), ((0, 3),)), ((2, 3), (None, "t1"), ((2,),)),
)  # fmt: skip


def _places(rng: Generator, dtype: str, shape: tuple[int, ...], extent: int) -> Array:
    """Index tensors, or truth values where the dtype is bool."""
    count = count_of(shape)
    if dtype == "bool":
        return rng.integers(0, 2, count).astype(np.uint8)
    return positions(rng, dtype, count, extent)


def _read(
    build: Builder, rng: Generator, op: str, dtypes: tuple[str, ...], strided: bool
) -> None:
    """Everything that index tensors of the second dtype are tried on."""
    for shape, index, picks in MASKS if dtypes[1] == "bool" else PICKS:
        x = _source(build, rng, dtypes[0], shape, strided)
        tensors = [
            build.input(dtypes[1], _places(rng, dtypes[1], p, max(shape[:2])), p) for p in picks
        ]
        if strided:
            tensors = [_turned(build, t, p) for t, p in zip(tensors, picks, strict=True)]
        build.judged(op, x, *tensors, index=index)


def _source(
    build: Builder, rng: Generator, dtype: str, shape: tuple[int, ...], strided: bool
) -> int:
    x = build.input(
        dtype, styled(rng, dtype, count_of(shape), "edges"), shape[::-1] if strided else shape
    )
    order = tuple(range(len(shape)))[::-1]
    return build.apply("permute", x, order=order) if strided else x


def _turned(build: Builder, value: int, shape: tuple[int, ...]) -> int:
    axes = tuple(range(len(shape)))
    return build.apply("flip", value, axis=axes) if axes else value


def reads(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Basic indexing, then index tensors or masks in every place."""
    build = Builder()
    for shape, index in BASIC:
        x = build.input(dtypes[0], styled(rng, dtypes[0], count_of(shape), "edges"), shape)
        build.judged(op, x, index=index)
    _read(build, rng, op, dtypes, strided=False)
    return build.case()


def reads_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """From transposed tensors at flipped places."""
    build = Builder()
    for shape, index in BASIC:
        build.judged(op, _source(build, rng, dtypes[0], shape, strided=True), index=index)
    _read(build, rng, op, dtypes, strided=True)
    return build.case()


def reads_const(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Constant places, and a constant table."""
    build = Builder()
    small = build.input(dtypes[0], np.resize(core_edges(dtypes[0]), 12), (3, 4), const=True)
    build.judged(op, small, index=(slice(None, None, -2), 1))
    large = build.input(dtypes[0], styled(rng, dtypes[0], 3 * 14, "edges"), (3, 14))
    picks = build.input(dtypes[1], _places(rng, dtypes[1], (3,), 3), (3,), const=True)
    for x in (small, large):
        build.judged(op, x, picks, index=("t1", slice(1, None)))
        build.judged(op, x, picks, index=("t1", 2))
    return build.case()


def reads_kernels(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Out of what reductions made."""
    build = Builder()
    x = build.input(dtypes[0], styled(rng, dtypes[0], 37, "edges"))
    picks = build.input(dtypes[1], _places(rng, dtypes[1], (37,), 37))
    made = through_kernels(build, x, dtypes[0], 37)
    build.judged(op, made, through_kernels(build, picks, dtypes[1], 37), index="t1")
    return build.case()


# -- gather, one_hot -------------------------------------------------------------------------------
GATHERS = (
    ((37,), (50,), 0), ((5, 7), (5, 3), 1), ((5, 7), (9, 6), 0), ((3, 4, 5), (2, 9, 5), -2),
    ((), (), 0), ((0, 3), (2, 3), 0), ((4, 3), (4, 0), 1), ((4, 3), (0, 5), 1),
)  # fmt: skip
HOTS = (((37,), 5), ((2, 3), 7), ((), 3), ((0, 2), 4), ((4,), 0))


def gathers(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Shapes that are smaller than those of the tensor, and larger along the axis."""
    build = Builder()
    for shape, picks, dim in GATHERS:
        x = _source(build, rng, dtypes[0], shape, strided=False)
        found = positions(rng, dtypes[1], count_of(picks), shape[dim] if shape else 1)
        build.judged(op, x, build.input(dtypes[1], found, picks), dim=dim)
    return build.case()


def gathers_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """From a transposed tensor at flipped places."""
    build = Builder()
    for shape, picks, dim in GATHERS[1:4]:
        x = _source(build, rng, dtypes[0], shape, strided=True)
        found = positions(rng, dtypes[1], count_of(picks), shape[dim])
        index = _turned(build, build.input(dtypes[1], found, picks), picks)
        build.judged(op, x, index, dim=dim)
    return build.case()


def hots(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Classes inside and far outside."""
    build = Builder()
    for shape, classes in HOTS:
        bits = positions(rng, dtypes[0], count_of(shape), classes)
        build.judged(op, build.input(dtypes[0], bits, shape), num_classes=classes)
    return build.case()


# -- what is true ----------------------------------------------------------------------------------
SIZES = {(37,): 7, (3, 4, 5): 41, (): 2, (2, 0): 3}  # fewer rows than there are, and more


def truths(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Half of the elements zeros, of both signs; with a size that is too small and too large."""
    build = Builder()
    for shape in ((37,), (5, 7), (3, 4, 5), (), (0, 3), (2, 0)):
        x = build.input(dtypes[0], _half_zero(rng, dtypes[0], count_of(shape)), shape)
        build.judged(op, x)
        if shape in SIZES:
            build.judged(op, x, size=SIZES[shape], fill_value=-1)
    return build.case()


def selections(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Masks of the same shape and of others that broadcast."""
    build = Builder()
    shapes = (((37,), (37,)), ((5, 7), (7,)), ((1, 4), (3, 1)), ((), ()), ((2, 3), ()),
              ((0, 3), (3,)))  # fmt: skip
    for shape, masks in shapes:
        x = build.input(dtypes[0], styled(rng, dtypes[0], count_of(shape), "edges"), shape)
        mask = build.input("bool", rng.integers(0, 2, count_of(masks)), masks)
        build.judged(op, x, mask)
        if shape in ((37,), (1, 4)):
            build.judged(op, x, mask, size=11, fill_value=1)
    return build.case()


def truths_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Of a transposed tensor, and for a selection by a flipped mask."""
    build = Builder()
    x = _source(build, rng, dtypes[0], (5, 7), strided=True)
    masks = [build.input("bool", rng.integers(0, 2, 35), (5, 7)) for _ in dtypes[1:]]
    operands = [x, *(_turned(build, mask, (5, 7)) for mask in masks)]
    build.judged(op, *operands)
    build.judged(op, *operands, size=9)
    return build.case()


def _half_zero(rng: Generator, dtype: str, count: int) -> Array:
    bits = styled(rng, dtype, count, "edges")
    return np.where(rng.random(count) < 0.5, styled(rng, dtype, count, "zeros"), bits)


TAKE: Layouts = {
    "main": (takes, CONTIGUOUS), "strided": (takes_strided, STRIDED),
    "const": (takes_const, CONST), "kernels": (takes_kernels, KERNELS),
}  # fmt: skip

LAYOUTS: dict[str, Layouts] = {
    "take": TAKE,
    "getitem": {
        "main": (reads, CONTIGUOUS), "strided": (reads_strided, STRIDED),
        "const": (reads_const, CONST), "kernels": (reads_kernels, KERNELS),
    },
    "gather": {"main": (gathers, CONTIGUOUS), "strided": (gathers_strided, STRIDED)},
    "one_hot": {"main": (hots, CONTIGUOUS)},
    "nonzero": {"main": (truths, CONTIGUOUS), "strided": (truths_strided, STRIDED)},
    "masked_select": {"main": (selections, CONTIGUOUS), "strided": (truths_strided, STRIDED)},
}  # fmt: skip
