"""Batches of pooling and interpolation: windows that overlap, leave gaps, overhang, are padded."""

from __future__ import annotations

import numpy as np

from conformance.harness.build import Builder, through_kernels
from conformance.harness.case import Case
from conformance.harness.draws import Generator, styled
from conformance.harness.plans.layouts import (
    CONTIGUOUS,
    KERNELS,
    STRIDED,
    Layouts,
    count_of,
    positions,
)
from conformance.harness.values import Value
from oracles.catalog import ALL, INTEGERS, OUTPUT
from oracles.formats import FORMATS, Array

Shape = tuple[int, ...]
Pooled = tuple[Shape, dict[str, Value]]
_STYLES = ("plain", "edges", "nan", "zeros", "ties")

_WINDOWS: tuple[Pooled, ...] = (
    ((2, 3, 7, 6), {}),
    ((3, 9, 8), {"kernel_size": 3, "stride": 2, "padding": 1}),
    ((2, 8, 9), {"kernel_size": (3, 2), "stride": (2, 3), "padding": (1, 0, 0, 1),
                 "ceil_mode": True}),
    ((40,), {"kernel_size": (5,), "stride": 1, "dilation": 3, "padding": 2}),
    ((2, 4, 5, 3), {"kernel_size": (2, 3, 2), "stride": (1, 2, 3), "ceil_mode": True}),
    ((0, 4, 4), {"padding": 1}),
)  # fmt: skip
_OWN: dict[str, tuple[Pooled, ...]] = {
    "avg_pool2d": (
        ((3, 7, 6), {"kernel_size": 3, "padding": 1, "ceil_mode": True,
                     "count_include_pad": False}),
        ((2, 1), {"kernel_size": (2,), "dilation": 2, "padding": 1, "count_include_pad": False}),
    ),
    "max_pool2d": (),
}  # fmt: skip


_VALUES: dict[str, Value] = {}
_BOTH: tuple[dict[str, Value], ...] = tuple({"return_indices": True, OUTPUT: k} for k in (0, 1))
_FORMS: tuple[tuple[dict[str, Value], ...], ...] = ((_VALUES, *_BOTH), (_VALUES,), _BOTH[1:])
"""Calls of `max_pool2d`: all of them, values alone, places alone."""


def _judged(
    build: Builder, op: str, x: int, attributes: dict[str, Value], turn: int = 0
) -> None:
    """Values, places, or both in turn, since places are kernels that cost much to compile."""
    forms = _FORMS[turn and 2 - turn % 2] if op == "max_pool2d" else (_VALUES,)
    for form in forms:
        build.judged(op, x, **attributes, **form)


def _lowest(dtype: str, count: int) -> Array:
    """Nothing but what padding must not win against."""
    row = FORMATS[dtype]
    word = row.overflow | row.sign_bit if row.is_float else row.sign_bit
    return np.full(count, word if row.is_float or row.kind == "int" else 0, row.unsigned)


def pooled(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Every kind of window."""
    build = Builder()
    (dtype,) = dtypes
    for turn, (shape, attributes) in enumerate((*_WINDOWS, *_OWN[op])):
        bits = styled(rng, dtype, count_of(shape), _STYLES[turn % len(_STYLES)])
        _judged(build, op, build.input(dtype, bits, shape), attributes, turn)
    low = build.input(dtype, _lowest(dtype, 3 * 4), (3, 4))
    _judged(build, op, low, {"kernel_size": 3, "stride": 1, "padding": 1}, turn=2)
    return build.case()


def pooled_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Channels last in memory, a flipped axis, and a window that needs several blocks of a sum."""
    build = Builder()
    (dtype,) = dtypes
    x = build.input(dtype, styled(rng, dtype, 6 * 7 * 3, "edges"), (6, 7, 3))
    turned = build.apply("permute", x, order=(2, 0, 1))
    _judged(build, op, turned, {"kernel_size": 3, "stride": 1, "padding": 1})
    _judged(build, op, build.apply("flip", turned, axis=(2,)), {}, turn=1)
    wide = build.input(dtype, styled(rng, dtype, 2 * 31 * 35, "plain"), (31, 2, 35))
    turned = build.apply("permute", wide, order=(1, 2, 0))
    _judged(build, op, turned, {"kernel_size": (35, 31)}, turn=2)
    return build.case()


def pooled_kernels(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Of what reductions made, and pooled again."""
    build = Builder()
    (dtype,) = dtypes
    x = build.input(dtype, styled(rng, dtype, 2 * 9 * 8, "ties"))
    made = through_kernels(build, x, dtype, 2 * 9 * 8)
    once = build.apply(op, build.apply("reshape", made, shape=(2, 9, 8)))
    _judged(build, op, once, {"kernel_size": (3, 2), "stride": 1, "padding": 1}, turn=2)
    return build.case()


# -- back from places ------------------------------------------------------------------------------
Unpooled = tuple[Shape, int, dict[str, Value]]
_UNPOOLED: tuple[Unpooled, ...] = (
    # elements, how many places there are, attributes
    ((2, 3, 4), 48, {}), ((4, 3), 49, {"output_size": (7, 7), "stride": (2, 3)}),
    ((3, 5), 11, {"kernel_size": (3,), "stride": 2}),
    ((1, 2, 3, 2), 45, {"kernel_size": (2, 3, 1), "stride": (1, 2, 3), "padding": (0, 1, 0),
                        "output_size": (1, 3, 5, 3)}),
    ((0, 2, 2), 16, {"dilation": 2, "padding": 1, "stride": 2, "output_size": 4}),
)  # fmt: skip


def unpooled(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Places that are all different, some of which count from the end; then any places at all."""
    build = Builder()
    dtype, kind = dtypes
    row = FORMATS[kind]
    for turn, (shape, extent, attributes) in enumerate(_UNPOOLED):
        count = count_of(shape)
        line = count_of(shape[1:]) if len(shape) > 2 else shape[-1]
        bits = styled(rng, dtype, count, _STYLES[turn % len(_STYLES)])
        x = build.input(dtype, bits, shape)
        lines = [rng.permutation(extent)[:line] for _ in range(count // line)] if count else []
        places = np.concatenate([np.zeros(0, np.int64), *lines])[:count]
        if row.kind == "int":
            places[::3] -= extent
        named = places.astype(np.uint64).astype(row.unsigned)
        build.judged(op, x, build.input(kind, named, shape), **attributes)
        anywhere = build.input(kind, positions(rng, kind, count, extent), shape)
        build.judged(op, x, anywhere, **attributes)
    return build.case()


def unpooled_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Transposed elements at flipped places."""
    build = Builder()
    x = build.input(dtypes[0], styled(rng, dtypes[0], 4 * 5, "edges"), (5, 4))
    places = build.input(dtypes[1], positions(rng, dtypes[1], 4 * 5, 80), (4, 5))
    turned = build.apply("permute", x, order=(1, 0))
    build.judged(op, turned, build.apply("flip", places, axis=(1,)))
    return build.case()


# -- interpolation ---------------------------------------------------------------------------------
_RESIZED: tuple[tuple[Shape, Shape, bool], ...] = (
    # shape, size, whether corners are aligned where they can be
    ((2, 3, 5), (9,), False), ((2, 6, 7), (4, 13), False), ((3, 5, 6), (8, 3), True),
    ((1, 4, 3, 5), (7, 3, 2), False), ((1, 3), (3, 1), True), ((2, 3), (0, 4), False),
)  # fmt: skip
_MODES = ("linear", "nearest", "nearest-exact")


def resized(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Every mode, up and down, on one to three axes."""
    build = Builder()
    (dtype,) = dtypes
    for turn, (shape, size, aligned) in enumerate(_RESIZED):
        bits = styled(rng, dtype, count_of(shape), _STYLES[turn % len(_STYLES)])
        x = build.input(dtype, bits, shape)
        if aligned:
            build.judged(op, x, size=size, align_corners=True)
        else:
            for mode in _MODES:
                build.judged(op, x, size=size, mode=mode)
    return build.case()


def resized_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Of a transposed and flipped view; NaNs whose bits stay or go."""
    build = Builder()
    (dtype,) = dtypes
    x = build.input(dtype, styled(rng, dtype, 7 * 5 * 2, "nan"), (7, 5, 2))
    turned = build.apply("flip", build.apply("permute", x, order=(2, 1, 0)), axis=(1,))
    build.judged(op, turned, size=(11, 5))
    build.judged(op, turned, size=(2, 14), mode="nearest")
    return build.case()


POOLED: Layouts = {
    "main": (pooled, CONTIGUOUS), "strided": (pooled_strided, STRIDED),
    "kernels": (pooled_kernels, KERNELS),
}  # fmt: skip
LAYOUTS: dict[str, Layouts] = {
    "avg_pool2d": POOLED,
    "max_pool2d": POOLED,
    "max_unpool2d": {"main": (unpooled, CONTIGUOUS), "strided": (unpooled_strided, STRIDED)},
    "interpolate": {"main": (resized, CONTIGUOUS), "strided": (resized_strided, STRIDED)},
}
CELLS: dict[str, tuple[tuple[str, ...], ...]] = {
    "max_unpool2d": tuple((name, INTEGERS[k % len(INTEGERS)]) for k, name in enumerate(ALL)),
}
