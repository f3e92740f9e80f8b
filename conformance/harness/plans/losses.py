"""Batches of losses: reductions, labels inside and outside, what is ignored, infinite logits."""

from __future__ import annotations

import numpy as np

from conformance.harness.build import Builder
from conformance.harness.case import Case
from conformance.harness.draws import Generator, styled
from conformance.harness.plans.layouts import (
    CONTIGUOUS,
    STRIDED,
    Layouts,
    beside,
    count_of,
    positions,
    small,
    worthwhile,
)
from conformance.harness.values import Value
from oracles.catalog import ALL, INTEGERS
from oracles.formats import FORMATS, Array

Shape = tuple[int, ...]
REDUCTIONS = ("mean", "none", "sum")


def _shares(rng: Generator, dtype: str, count: int) -> Array:
    """Numbers from 0 to 1, of which the ends are frequent."""
    row = FORMATS[dtype]
    wide = np.clip(rng.random(count) * 1.5 - 0.25, 0, 1)
    return row.to_bits((wide if row.is_float else np.rint(wide)).astype(row.numpy_dtype))


# -- two classes -----------------------------------------------------------------------------------
def binary_targets(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Every reduction; probabilities at and beyond their ends; infinities and NaNs; nothing."""
    build = Builder()
    first = small if op.endswith("logits") else _shares
    for k, reduction in enumerate(worthwhile(dtypes[0], REDUCTIONS, 1)):
        shape = (11 + k, 4)
        x = build.input(dtypes[0], first(rng, dtypes[0], count_of(shape)), shape)
        y = build.input(dtypes[1], _shares(rng, dtypes[1], count_of(shape)), shape)
        build.judged(op, x, y, reduction=reduction)
        if len(dtypes) > 2 and reduction == "mean":
            weight = build.input(dtypes[2], small(rng, dtypes[2], shape[-1]), shape[-1:])
            build.judged(op, x, y, weight, reduction=reduction)
    for style, count in worthwhile(dtypes[0], (("edges", 48), ("plain", 0)), 0):
        x = build.input(dtypes[0], styled(rng, dtypes[0], count, style))
        y = build.input(dtypes[1], _shares(rng, dtypes[1], count))
        build.judged(op, x, y, reduction="none" if count else "mean")
    return build.case()


def binary_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Transposed predictions beside flipped targets."""
    return _beside_flipped(rng, op, dtypes, _shares(rng, dtypes[0], 9 * 5))


def _beside_flipped(
    rng: Generator, op: str, dtypes: tuple[str, ...], predicted: Array
) -> Case:
    """Predictions (9, 5), transposed, beside flipped shares."""
    build = Builder()
    x = build.input(dtypes[0], predicted, (9, 5))
    y = build.input(dtypes[1], _shares(rng, dtypes[1], 5 * 9), (5, 9))
    turned = build.apply("permute", x, order=(1, 0))
    build.judged(op, turned, build.apply("flip", y, axis=(1,)))
    return build.case()


# -- several classes -------------------------------------------------------------------------------
# the shape of x, attributes
_CLASSES: tuple[tuple[Shape, dict[str, Value]], ...] = (
    ((6, 5), {}), ((2, 34, 2), {"reduction": "none"}), ((33, 2), {"reduction": "sum"}),
    ((5,), {}), ((0, 3), {}), ((3, 0), {"reduction": "none"}),
)  # fmt: skip
_MORE: dict[str, tuple[tuple[Shape, dict[str, Value]], ...]] = {
    "cross_entropy": (
        ((16, 5), {"label_smoothing": 0.25}),
        ((2, 4, 2, 3), {"label_smoothing": 1.0, "reduction": "none"}),
    ),
    "sparse_categorical_crossentropy": (
        ((16, 5), {"label_smoothing": 0.25, "ignore_index": 2}),
        ((4, 9, 3), {"ignore_index": 0, "reduction": "none"}),
    ),
    "nll_loss": (
        ((16, 5), {"ignore_index": 2}), ((4, 9, 3), {"ignore_index": -2, "reduction": "none"}),
    ),
}  # fmt: skip


def _labels(build: Builder, rng: Generator, op: str, dtype: str, shape: Shape) -> int:
    """Labels for x of `shape`, a few of them outside of the classes."""
    last = op.startswith("sparse")
    axis = len(shape) - 1 if last else min(1, len(shape) - 1)
    kept = shape[:axis] + shape[axis + 1 :]
    return build.input(dtype, positions(rng, dtype, count_of(kept), shape[axis]), kept)


def class_labels(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Reductions, smoothing, what is ignored; classes that are impossible; infinities and NaNs."""
    build = Builder()
    for shape, attributes in worthwhile(dtypes[0], (*_MORE[op], *_CLASSES), 1):
        x = build.input(dtypes[0], small(rng, dtypes[0], count_of(shape)), shape)
        y = _labels(build, rng, op, dtypes[1], shape)
        build.judged(op, x, y, **attributes)
        if len(dtypes) > 2 and len(shape) == 2:
            weight = build.input(dtypes[2], _shares(rng, dtypes[2], shape[1]), shape[1:2])
            build.judged(op, x, y, weight, **attributes)
    if not FORMATS[dtypes[0]].is_float:
        return build.case()
    x = build.input(dtypes[0], styled(rng, dtypes[0], 16 * 4, "edges"), (16, 4))
    y = _labels(build, rng, op, dtypes[1], (16, 4))
    build.judged(op, x, y, reduction="none")
    build.judged(op, _masked(build, rng, dtypes[0]), y)
    return build.case()


def _masked(build: Builder, rng: Generator, dtype: str) -> int:
    """Logits (16, 4) of which some are -inf, but never a whole row."""
    row = FORMATS[dtype]
    bits = small(rng, dtype, 64).reshape(16, 4)
    if row.is_float:
        bits[::2, 1:3] = row.overflow | row.sign_bit
    return build.input(dtype, bits.reshape(-1), (16, 4))


def class_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Classes that are last in memory and not in the tensor, or the other way round."""
    build = Builder()
    x = build.input(dtypes[0], small(rng, dtypes[0], 9 * 5), (9, 5))
    y = _labels(build, rng, op, dtypes[1], (5, 9))
    turned = build.apply("permute", x, order=(1, 0))
    build.judged(op, turned, build.apply("flip", y, axis=(0,)))
    return build.case()


def probabilities(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Targets of the shape of x, of any dtype; labels as well where they are integers."""
    build = Builder()
    for shape, attributes in worthwhile(dtypes[0], (*_MORE[op], *_CLASSES), 1):
        x = build.input(dtypes[0], small(rng, dtypes[0], count_of(shape)), shape)
        y = build.input(dtypes[1], _shares(rng, dtypes[1], count_of(shape)), shape)
        build.judged(op, x, y, **attributes)
    if FORMATS[dtypes[0]].is_float:
        x, y = (build.input(one, styled(rng, one, 16 * 4, "edges"), (16, 4)) for one in dtypes)
        build.judged(op, x, y, reduction="none")
    return build.case()


def cross_entropy_main(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Labels where the targets are integers, else probabilities."""
    recipe = class_labels if dtypes[1] in INTEGERS else probabilities
    return recipe(rng, op, dtypes)


def cross_entropy_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Transposed logits beside probabilities that are flipped, of any dtype."""
    return _beside_flipped(rng, op, dtypes, small(rng, dtypes[0], 9 * 5))


_BINARY: Layouts = {
    "main": (binary_targets, CONTIGUOUS), "strided": (binary_strided, STRIDED),
}  # fmt: skip
_LABELS: Layouts = {
    "main": (class_labels, CONTIGUOUS), "strided": (class_strided, STRIDED),
}  # fmt: skip
LAYOUTS: dict[str, Layouts] = {
    "binary_crossentropy": _BINARY,
    "binary_crossentropy_logits": _BINARY,
    "cross_entropy": {
        "main": (cross_entropy_main, CONTIGUOUS), "strided": (cross_entropy_strided, STRIDED),
    },
    "sparse_categorical_crossentropy": _LABELS,
    "nll_loss": _LABELS,
}  # fmt: skip

_FLOATS = (("float16", "float16"), ("float32", "float32"))
_MIXED = (("float16", "float64"), ("int32", "float16"), ("float32", "bool"))


def _turned(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Each dtype of x with one of the targets' in turn, so that each of those occurs too."""
    return tuple((name, beside(name, names, 7 * k + 3)) for k, name in enumerate(ALL))


CELLS: dict[str, tuple[tuple[str, ...], ...]] = {
    "binary_crossentropy": (*((name,) * 2 for name in ALL), *_MIXED),
    "binary_crossentropy_logits": (
        *((name,) * 3 for name in ALL), *((a, b, a) for a, b in _MIXED),
    ),
    "cross_entropy": (
        *_turned(ALL), *_FLOATS, ("float16", "int64"), ("float64", "int32"), ("float16", "float64"),
    ),
    "sparse_categorical_crossentropy": _turned(INTEGERS),
    "nll_loss": tuple((a, b, beside(a, ALL, k + 3))
                      for k, (a, b) in enumerate(_turned(INTEGERS))),
}  # fmt: skip
