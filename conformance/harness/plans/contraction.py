"""Batches of einsum, linear layers and convolutions."""

from __future__ import annotations

from collections.abc import Sequence

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
    Recipe,
    count_of,
)
from conformance.harness.values import Value
from oracles.catalog import ALL
from oracles.formats import FORMATS

Shape = tuple[int, ...]
_STYLES = ("plain", "plain", "ties", "edges", "nan", "zeros")


def _operands(
    build: Builder, rng: Generator, dtypes: Sequence[str], shapes: Sequence[Shape], turn: int
) -> list[int]:
    """An input for each shape; the dtypes go round where there are more shapes."""
    values = []
    for k, shape in enumerate(shapes):
        dtype = dtypes[k % len(dtypes)]
        bits = styled(rng, dtype, count_of(shape), _STYLES[turn % len(_STYLES)])
        values.append(build.input(dtype, bits, shape))
    return values


# -- einsum ----------------------------------------------------------------------------------------
_FORMULAS: tuple[tuple[str, tuple[Shape, ...]], ...] = (
    ("ij,jk->ik", ((5, 257), (257, 3))), ("ij,jk", ((3, 5), (5, 4))),
    ("ij,ij->j", ((33, 6), (33, 6))), ("i,j->ij", ((7,), (9,))), ("ij->ji", ((4, 6),)),
    ("bij,bjk->bik", ((2, 3, 4), (2, 4, 5))), ("i,i->", ((300,), (300,))),
)  # fmt: skip
_UNUSUAL: tuple[tuple[str, tuple[Shape, ...]], ...] = (
    ("ii->i", ((5, 5),)), ("ii", ((6, 6),)), ("iij,kj->ki", ((3, 3, 4), (2, 4))),
    ("...ij,...jk->...ik", ((2, 1, 3, 4), (5, 4, 2))), ("...,...", ((3, 1), (4,))),
    ("ij,jk,kl->il", ((3, 4), (4, 5), (5, 2))), ("Ab,cA", ((2, 3), (4, 2))),
    ("i...->...", ((3, 2, 4),)), ("ij,ij->ij", ((2, 3), (1, 3))), (",i->i", ((), (5,))),
    ("ij,jk->ik", ((2, 0), (0, 3))), ("ij->i", ((0, 4),)), ("ba", ((2, 3),)),
)  # fmt: skip


def _einsums(formulas: tuple[tuple[str, tuple[Shape, ...]], ...]) -> Recipe:
    def recipe(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
        build = Builder()
        for turn, (formula, shapes) in enumerate(formulas):
            values = _operands(build, rng, dtypes, shapes, turn)
            build.judged(op, *values, formula=formula)
        return build.case()

    return recipe


def einsum_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Transposed and flipped operands, one tensor twice, results in other dtypes."""
    build = Builder()
    x = build.input(dtypes[0], styled(rng, dtypes[0], 35 * 9, "plain"), (35, 9))
    y = build.input(dtypes[-1], styled(rng, dtypes[-1], 35 * 4, "plain"), (35, 4))
    turned = build.apply("permute", x, order=(1, 0))
    build.judged(op, turned, build.apply("flip", y, axis=(0,)), formula="ij,jk->ki")
    build.judged(op, turned, turned, formula="ij,kj->ik")
    for target in ("int16", "uint64", "float16", "float64"):
        build.judged(op, x, y, formula="ij,ik->jk", dtype=target)
    return build.case()


def einsum_const(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """A constant matrix, its diagonal, and itself against its transpose."""
    build = Builder()
    x = build.input(dtypes[0], np.resize(core_edges(dtypes[0]), 16), (4, 4), const=True)
    build.judged(op, x, formula="ii->i")
    build.judged(op, x, x, formula="ij,ji->i")
    return build.case()


def einsum_kernels(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """The operand comes out of reductions."""
    build = Builder()
    x = build.input(dtypes[0], styled(rng, dtypes[0], 7 * 7, "plain"))
    made = build.apply("reshape", through_kernels(build, x, dtypes[0], 49), shape=(7, 7))
    build.judged(op, made, made, formula="ii,ij->j")
    return build.case()


EINSUM: Layouts = {
    "main": (_einsums(_FORMULAS), CONTIGUOUS), "unusual": (_einsums(_UNUSUAL), STRIDED),
    "strided": (einsum_strided, STRIDED), "const": (einsum_const, CONST),
    "kernels": (einsum_kernels, KERNELS),
}  # fmt: skip

# -- linear ----------------------------------------------------------------------------------------
_LAYERS: tuple[tuple[Shape, ...], ...] = (
    ((4, 257), (257, 3), (3,)), ((5,), (5, 4), (4,)), ((2, 3, 6), (6, 2)), ((3, 4), (4,), (4,)),
    ((0, 3), (3, 2), (2,)), ((2, 0), (0, 3), (3,)), ((17, 33), (33, 19), (1,)),
)  # fmt: skip


def linear_layers(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """With and without a bias, vectors, empty tensors; the dtype of one result."""
    build = Builder()
    for turn, shapes in enumerate(_LAYERS):
        build.judged(op, *_operands(build, rng, dtypes, shapes, turn))
    values = _operands(build, rng, dtypes, ((3, 5), (5, 2), (2,)), 0)
    for target in ("int16", "float16"):
        build.judged(op, *values, dtype=target)
    return build.case()


def linear_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """A weight that is stored the other way round, an input that is flipped."""
    build = Builder()
    x, w, b = _operands(build, rng, dtypes, ((3, 20), (7, 20), (7,)), 0)
    turned = build.apply("permute", w, order=(1, 0))
    build.judged(op, build.apply("flip", x, axis=(1,)), turned, build.apply("flip", b, axis=(0,)))
    return build.case()


LINEAR: Layouts = {
    "main": (linear_layers, CONTIGUOUS), "strided": (linear_strided, STRIDED),
}  # fmt: skip

# -- convolution -----------------------------------------------------------------------------------
# input, weights, whether there is a bias, attributes
Convolution = tuple[Shape, Shape, bool, dict[str, Value]]
_CONVOLUTIONS: tuple[Convolution, ...] = (
    ((2, 3, 7, 6), (4, 3, 3, 2), True, {"padding": 1}),
    ((1, 4, 8, 9), (6, 2, 2, 3), False, {"groups": 2, "stride": (2, 1), "padding": (1, 2)}),
    ((1, 2, 9, 7), (2, 2, 3, 2), True, {"dilation": (2, 3), "stride": 2, "padding": (2, 1)}),
    ((2, 3, 5, 6), (3, 1, 2, 2), False, {"groups": 3}),
    ((1, 30, 4, 5), (2, 30, 3, 3), True, {"padding": 1}),
)
_OTHER_AXES: tuple[Convolution, ...] = (
    ((2, 3, 11), (2, 3, 4), True, {"padding": 2, "stride": 2}),
    ((1, 2, 4, 5, 4), (4, 1, 2, 2, 3), True, {"groups": 2, "padding": (1, 0, 2)}),
    ((1, 300, 3), (2, 300, 1), False, {}),
    ((2, 2, 4, 4), (3, 2, 3, 3), False, {"padding": (2, 0, 1, 3)}),
    ((0, 2, 4, 4), (3, 2, 2, 2), False, {}),
    ((1, 2, 0, 3), (1, 2, 2, 2), False, {"padding": 1}),
)
_TRANSPOSED: tuple[Convolution, ...] = (
    ((2, 3, 4, 5), (3, 2, 3, 2), True, {"stride": 2, "padding": 1}),
    ((1, 4, 3, 4), (4, 2, 2, 3), False, {"groups": 2, "stride": (1, 3), "output_padding": (0, 2)}),
    ((1, 2, 5, 4), (2, 3, 3, 2), True, {"dilation": 2, "padding": (3, 1)}),
    ((1, 2, 6), (2, 2, 3), True, {"stride": 3, "padding": 2, "output_padding": 1}),
    ((1, 2, 2, 3, 2), (2, 1, 2, 1, 2), False, {"stride": 2}),
    ((0, 2, 4, 4), (2, 3, 2, 2), False, {}),
    ((1, 2, 4), (2, 2, 1), False, {"padding": 1}),
)


def _convolved(rows: tuple[Convolution, ...], results: int) -> Recipe:
    """`results` is the axis of the weights that counts the channels of the result in a group."""

    def recipe(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
        build = Builder()
        for turn, (x, w, bias, attributes) in enumerate(rows):
            groups = attributes.get("groups", 1)
            assert isinstance(groups, int)
            channels = w[results] * (groups if results else 1)
            shapes = (x, w, (channels,)) if bias else (x, w)
            build.judged(op, *_operands(build, rng, dtypes, shapes, turn), **attributes)
        return build.case()

    return recipe


def _special_weights(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Infinities and NaNs as weights meet padded and inserted positions, and make no NaN there."""
    build = Builder()
    row = FORMATS[dtypes[1 % len(dtypes)]]
    bits = styled(rng, row.name, 2 * 2 * 3 * 3, "plain")
    if row.is_float:
        bits[::4] = row.overflow
        bits[5::8] = row.overflow | row.sign_bit
        bits[-1] = row.nan(0x15)
    w = build.input(row.name, bits, (2, 2, 3, 3))
    (x,) = _operands(build, rng, dtypes[:1], ((1, 2, 3, 4),), 0)
    build.judged(op, x, w, padding=1)
    build.judged(op, x, w, padding=2, stride=2)
    (none,) = _operands(build, rng, dtypes[:1], ((1, 2, 1, 1),), 0)
    build.judged(op, none, w, padding=2 if op == "conv2d" else 0)
    return build.case()


def _strided_windows(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Channels last in memory, a flipped axis, and the dtypes of results."""
    build = Builder()
    x, w = _operands(build, rng, dtypes, ((1, 5, 6, 3), (3, 3, 2, 2)), 0)
    turned = build.apply("permute", x, order=(0, 3, 1, 2))
    build.judged(op, turned, build.apply("flip", w, axis=(2,)), padding=1)
    build.judged(op, build.apply("flip", turned, axis=(3,)), w)
    for target in ("int16", "uint64", "float16", "float64"):
        build.judged(op, turned, w, dtype=target)
    return build.case()


def _computed_windows(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """The input comes out of reductions."""
    build = Builder()
    x = build.input(dtypes[0], styled(rng, dtypes[0], 2 * 5 * 4, "plain"))
    made = through_kernels(build, x, dtypes[0], 2 * 5 * 4)
    (w,) = _operands(build, rng, dtypes[1:2], ((2, 2, 3, 3),), 0)
    build.judged(op, build.apply("reshape", made, shape=(1, 2, 5, 4)), w, padding=1)
    return build.case()


def _layouts(main: Recipe, **more: Recipe) -> Layouts:
    return {
        "main": (main, CONTIGUOUS),
        **{name: (recipe, CONTIGUOUS) for name, recipe in more.items()},
        "special": (_special_weights, CONTIGUOUS), "strided": (_strided_windows, STRIDED),
        "kernels": (_computed_windows, KERNELS),
    }  # fmt: skip


LAYOUTS: dict[str, Layouts] = {
    "einsum": EINSUM,
    "linear": LINEAR,
    "conv2d": _layouts(_convolved(_CONVOLUTIONS, 0), axes=_convolved(_OTHER_AXES, 0)),
    "conv_transpose2d": _layouts(_convolved(_TRANSPOSED, 1)),
}
# What mixed dtypes add is casts: a few meet every one of them.
_MIXED = (
    ("int8", "float16"), ("int64", "float32"), ("uint8", "int8"), ("bool", "uint16"),
    ("float16", "float64"), ("uint64", "int32"),
)  # fmt: skip

CELLS: dict[str, tuple[tuple[str, ...], ...]] = {
    "einsum": (*((name,) for name in ALL), *_MIXED),
    **dict.fromkeys(
        ("linear", "conv2d", "conv_transpose2d"),
        (*((name,) * 3 for name in ALL), *((a, b, a) for a, b in _MIXED)),
    ),
}
