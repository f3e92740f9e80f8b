"""Losses: composite operators that end in a mean or a sum.

Formulas: the documentation of torch.nn.functional.  Class labels are integer operands.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from oracles.composite.numbers import Numbers
from oracles.composite.reductions import log_softmax
from oracles.composite.row import CompositeRow, Evaluated, Outside, axes_of, roundings
from oracles.formats import Array

_LEAST_LOGARITHM = -100.0
"""Logarithms of probabilities are clamped here, so that 0 * log(0) is 0."""


def reduced(
    m: Numbers, value: Array, scale: Array, reduction: str, weights: Array | None = None
) -> Evaluated:
    """The mean (by the sum of `weights`, if given), the sum, or the elements themselves."""
    inside = np.asarray(np.abs(value) < np.inf)
    if reduction == "none":
        return Evaluated(value, scale, inside)
    axes = axes_of(value, None)
    total = np.squeeze(m.total(value, axes), axes)
    size = np.squeeze(m.total(np.abs(value), axes), axes)
    error = np.squeeze(m.total(scale, axes), axes) + roundings(value.size) * size
    number = m.array(1.0)
    if reduction == "mean":
        count = m.array(float(value.size))
        number = count if weights is None else np.squeeze(m.total(weights, axes), axes)
    inside = np.asarray(inside.all() & (size < m.array(2.0 ** (m.steps.emax - 1))))
    share = error / np.abs(number)
    if weights is not None and reduction == "mean":
        share = share + (size / np.abs(number)) * roundings(value.size)
    return Evaluated(np.asarray(total / number), np.asarray(share + m.tiny), inside)


def binary_crossentropy(
    m: Numbers, x: Array, y: Array, reduction: str = "mean"
) -> Evaluated:
    """-(y log(x) + (1 - y) log(1 - x)), logarithms at least -100."""
    least = m.array(_LEAST_LOGARITHM)
    inside = (x >= 0) & (x <= 1)
    probability = np.where(inside, x, m.array(0.5))
    yes = np.maximum(m.log(probability), least)
    no = np.maximum(m.log(1 - probability), least)
    scale = np.abs(y) * (np.abs(yes) + 1) + (1 + np.abs(y)) * (np.abs(no) + 1)
    value = np.where(inside, -(y * yes + (1 - y) * no), m.array(np.nan))
    return reduced(m, np.asarray(value), np.asarray(scale), reduction)


def binary_crossentropy_logits(
    m: Numbers, x: Array, y: Array, pos_weight: Array | None = None, reduction: str = "mean"
) -> Evaluated:
    """-(pos_weight y log(sigmoid(x)) + (1 - y) log(sigmoid(-x)))."""
    factor = m.array(1.0) if pos_weight is None else pos_weight
    yes, no = m.softplus(-x), m.softplus(x)
    value = factor * y * yes + (1 - y) * no
    scale = (1 + np.abs(y)) * (1 + np.abs(factor)) * (np.abs(x) + yes + no)
    return reduced(m, np.asarray(value), np.asarray(scale), reduction)


def _one_hot(m: Numbers, labels: Array, classes: int) -> Array:
    """[..., classes], all 0 for labels out of range."""
    return m.array(labels[..., None] == np.arange(classes))


def cross_entropy(
    m: Numbers, x: Array, y: Array, reduction: str = "mean", label_smoothing: float = 0.0
) -> Evaluated:
    """-sum over classes of y log_softmax(x); y are labels or, of x's shape, probabilities.

    Classes are axis 1, or the only axis.  Smoothed: (1 - s) y + s / classes.
    """
    axis = 0 if x.ndim == 1 else 1
    found = log_softmax(m, x, axis)
    logs, scales = np.moveaxis(found.value, axis, -1), np.moveaxis(found.scale, axis, -1)
    classes = logs.shape[-1]
    wanted = np.moveaxis(y, axis, -1) if y.shape == x.shape else _one_hot(m, y, classes)
    if y.shape == x.shape and y.dtype.kind in "iub":
        wanted = m.array(wanted)
    wanted = (1 - label_smoothing) * wanted + m.array(label_smoothing) / classes
    value = -m.total(wanted * logs, (logs.ndim - 1,))[..., 0]
    size = np.abs(wanted) * (scales + (roundings(classes) + 2) * np.abs(logs))
    scale = m.total(size, (logs.ndim - 1,))[..., 0]
    return reduced(m, np.asarray(value), np.asarray(scale), reduction)


def sparse_categorical_crossentropy(
    m: Numbers, x: Array, y: Array, ignore_index: int = -1, label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Evaluated:  # fmt: skip
    """cross_entropy with classes on the last axis; ignored labels count nothing."""
    found = log_softmax(m, x, -1)
    classes, last = x.shape[-1], (x.ndim - 1,)
    kept = m.array(y != ignore_index)
    wanted = (1 - label_smoothing) * _one_hot(m, y, classes) + m.array(label_smoothing) / classes
    wanted = wanted * kept[..., None]
    value = -m.total(wanted * found.value, last)[..., 0]
    size = np.abs(wanted) * (found.scale + (roundings(classes) + 2) * np.abs(found.value))
    return reduced(m, np.asarray(value), m.total(size, last)[..., 0], reduction, kept)


def nll_loss(
    m: Numbers, x: Array, y: Array, weight: Array | None = None,
    ignore_index: int | None = None, reduction: str = "mean",
) -> Evaluated:  # fmt: skip
    """-weight[y] x[y], classes on axis 1; the mean divides by the weights of labels that count."""
    axis = 0 if x.ndim == 1 else 1
    logs = np.moveaxis(x, axis, -1)
    classes = logs.shape[-1]
    chosen = _one_hot(m, y, classes)
    factors = m.array(np.ones(classes)) if weight is None else weight
    each = m.total(chosen * factors, (chosen.ndim - 1,))[..., 0]
    if ignore_index is not None:
        each = each * m.array(y != ignore_index)
    picked = m.total(np.where(chosen == 0, 0 * logs, logs), (logs.ndim - 1,))[..., 0]
    value = np.asarray(-each * picked)
    scale = np.abs(value) + m.tiny * (1 + np.abs(each))
    return reduced(m, value, np.asarray(scale), reduction, each)


_FINITE = "finite operands; an infinity among the terms is left to the equality of devices"


def _row(
    evaluate: Callable[..., Evaluated], formula: str, labels: bool, domain: str = _FINITE
) -> CompositeRow:
    indices = (1,) if labels else ()
    return CompositeRow(evaluate, formula, domain, Outside.BITS, indices)


ROWS: dict[str, CompositeRow] = {
    "binary_crossentropy": _row(
        binary_crossentropy,
        "-(y log(x) + (1 - y) log(1 - x)), logarithms at least -100",
        False,
        "probabilities from 0 to 1 and finite y",
    ),
    "binary_crossentropy_logits": _row(
        binary_crossentropy_logits,
        "-(pos_weight y log(sigmoid(x)) + (1 - y) log(sigmoid(-x)))",
        False,
    ),
    "cross_entropy": _row(cross_entropy, "-sum(((1 - s) y + s / n) log_softmax(x))", True),
    "sparse_categorical_crossentropy": _row(
        sparse_categorical_crossentropy, "cross_entropy with classes on the last axis", True
    ),
    "nll_loss": _row(nll_loss, "-weight[y] x[y]", True),
}
