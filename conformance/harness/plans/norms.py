"""Batches of norms: lengths around lanes, axes, degrees, scales of channels."""

from __future__ import annotations

import math

import numpy as np

from conformance.harness.build import Builder
from conformance.harness.case import Case
from conformance.harness.draws import Generator, core_edges, styled
from conformance.harness.plans.layouts import (
    CONST,
    CONTIGUOUS,
    STRIDED,
    Layouts,
    count_of,
    worthwhile,
)
from conformance.harness.values import Value
from oracles.catalog import ALL

Shape = tuple[int, ...]
STYLES = ("edges", "plain", "ties", "zeros")


# -- layernorm and normalize -----------------------------------------------------------------------
_LENGTHS: dict[str, tuple[tuple[int, dict[str, Value]], ...]] = {
    "layernorm": ((70, {}), (1, {"eps": 0.0}), (33, {"eps": 0.5})),
    "normalize": ((37, {}), (33, {"p": 1.0}), (1, {}), (9, {"p": math.inf}), (9, {"p": 0.0}),
                  (5, {"p": 3.0, "eps": 1e-3}), (5, {"p": 0.5})),
}  # fmt: skip
_AXES: dict[str, tuple[tuple[Shape, dict[str, Value]], ...]] = {
    "layernorm": (((3, 5, 4), {"axis": (0, -1)}), ((3, 5, 4), {"axis": 0}),
                  ((25, 43), {"axis": None}), ((), {}), ((0, 3), {}), ((3, 0), {})),
    "normalize": (((3, 5, 4), {}), ((3, 5, 4), {"dim": -1}), ((7,), {"dim": 0}), ((0, 3), {}),
                  ((3, 0), {"p": math.inf}), ((), {"dim": 0})),
}  # fmt: skip


def _last(op: str) -> dict[str, Value]:
    return {"dim": 1} if op == "normalize" else {"axis": 1}


def norm_lengths(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """One row of each style at every length, and every kind of axis."""
    build = Builder()
    (dtype,) = dtypes
    for length, more in worthwhile(dtype, _LENGTHS[op], 1):
        bits = np.concatenate([styled(rng, dtype, length, style) for style in STYLES])
        build.judged(op, build.input(dtype, bits, (len(STYLES), length)), **_last(op), **more)
    for shape, attributes in worthwhile(dtype, _AXES[op], 1):
        bits = styled(rng, dtype, count_of(shape), "plain")
        build.judged(op, build.input(dtype, bits, shape), **attributes)
    return build.case()


def norm_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Over transposed, flipped and shrunk views."""
    build = Builder()
    (dtype,) = dtypes
    x = build.input(dtype, styled(rng, dtype, 35 * 9, "plain"), (35, 9))
    build.judged(op, build.apply("permute", x, order=(1, 0)), **_last(op))
    window = build.apply("shrink", x, arg=((1, 35), (2, 9)))
    build.judged(op, build.apply("flip", window, axis=(1,)), **_last(op))
    return build.case()


def norm_const(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """A constant table, and one constant as a row, which a rule may fold."""
    build = Builder()
    (dtype,) = dtypes
    bits = core_edges(dtype)
    table = build.input(dtype, bits[:16], (1, min(16, bits.size)), const=True)
    build.judged(op, table, **_last(op))
    scalar = build.input(dtype, bits[-1:], (), const=True)
    build.judged(op, build.apply("expand", scalar, shape=(2, 35)), **_last(op))
    return build.case()


_NORMS: Layouts = {
    "main": (norm_lengths, CONTIGUOUS), "strided": (norm_strided, STRIDED),
    "const": (norm_const, CONST),
}  # fmt: skip

# -- batchnorm -------------------------------------------------------------------------------------
# x, the operands behind it, attributes
_CHANNELS: tuple[tuple[Shape, tuple[Shape, ...], dict[str, Value]], ...] = (
    ((3, 5, 4), ((5,),) * 4, {}),
    ((3, 5, 4), ((5,),) * 2, {}),
    ((3, 5, 4), ((5,),) * 3, {}),
    ((3, 5, 4), ((3, 4),) * 4, {"axis": (0, -1)}),
    ((2, 33), ((1, 33), (2, 33), (33,), (1, 1)), {}),
    ((0, 3), ((3,),) * 4, {}),
)


def _operands(
    build: Builder, rng: Generator, dtypes: tuple[str, ...], shapes: tuple[Shape, ...], style: str
) -> list[int]:
    return [
        build.input(dtype, styled(rng, dtype, count_of(shape), style), shape)
        for dtype, shape in zip(dtypes, shapes)
    ]


def batchnorm_channels(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """With and without weight and bias; along one axis and several; operands that broadcast."""
    build = Builder()
    for turn, (x, others, attributes) in enumerate(worthwhile(dtypes[0], _CHANNELS)):
        style = ("plain", "edges", "ties", "plain")[turn % 4]
        build.judged(op, *_operands(build, rng, dtypes, (x, *others), style), **attributes)
    return build.case()


def batchnorm_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Channels last in memory, scales that are flipped."""
    build = Builder()
    x, *scales = _operands(build, rng, dtypes, ((4, 6, 5), (5,), (5,), (5,), (5,)), "plain")
    turned = build.apply("permute", x, order=(0, 2, 1))
    flipped = [build.apply("flip", one, axis=(0,)) for one in scales[:2]]
    build.judged(op, turned, *flipped, *scales[2:])
    return build.case()


_BATCHNORM: Layouts = {
    "main": (batchnorm_channels, CONTIGUOUS), "strided": (batchnorm_strided, STRIDED),
}  # fmt: skip

LAYOUTS: dict[str, Layouts] = {
    "layernorm": _NORMS, "normalize": _NORMS, "batchnorm": _BATCHNORM,
}  # fmt: skip
_MIXED = (
    ("int8", "float16"), ("int64", "float32"), ("float16", "uint64"), ("bool", "float64"),
)  # fmt: skip
CELLS: dict[str, tuple[tuple[str, ...], ...]] = {
    "batchnorm": (*((name,) * 5 for name in ALL), *((a, b, b, a, b) for a, b in _MIXED)),
}
