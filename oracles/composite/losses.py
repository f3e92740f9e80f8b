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
    value = np.where(inside, y * -yes + (1 - y) * -no, m.array(np.nan))
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


def _chosen(labels: Array, classes: int) -> Array:
    """[..., classes]: whether it is the class of the label; never for labels out of range."""
    return np.asarray(labels[..., None] == np.arange(classes))


def _picked(m: Numbers, x: Array, chosen: Array) -> Array:
    """What is chosen along the last axis, the rest left out; 0 where nothing is."""
    return np.asarray(m.total(np.where(chosen, x, m.array(0.0)), (x.ndim - 1,))[..., 0])


def _smoothed(
    m: Numbers, direct: Evaluated, information: Evaluated, share: float
) -> tuple[Array, Array]:
    """(1 - s) direct + s mean(information), over the last axis: value and error scale."""
    if not share:
        return direct.value, np.asarray(direct.scale)
    classes = information.value.shape[-1]
    last, part = (information.value.ndim - 1,), m.array(share) / classes
    size = information.scale + (roundings(classes) + 2) * np.abs(information.value)
    value = (1 - share) * direct.value + part * m.total(information.value, last)[..., 0]
    scale = (1 - share) * (direct.scale + 2 * np.abs(direct.value))
    return np.asarray(value), np.asarray(scale + part * m.total(size, last)[..., 0])


def _of_labels(
    m: Numbers, information: Evaluated, labels: Array, share: float
) -> tuple[Array, Array]:
    chosen = _chosen(labels, information.value.shape[-1])
    direct = (_picked(m, x, chosen) for x in (information.value, information.scale))
    return _smoothed(m, Evaluated(*direct), information, share)


def _information(m: Numbers, x: Array, axis: int) -> Evaluated:
    """-log_softmax, the classes last."""
    found = log_softmax(m, x, axis)
    scale = np.broadcast_to(found.scale, found.value.shape)
    return Evaluated(-np.moveaxis(found.value, axis, -1), np.moveaxis(scale, axis, -1))


def cross_entropy(
    m: Numbers, x: Array, y: Array, reduction: str = "mean", label_smoothing: float = 0.0
) -> Evaluated:
    """-sum over classes of y log_softmax(x); y are labels or, of x's shape, probabilities.

    Classes are axis 1, or the only axis.  Smoothed: (1 - s) y + s / classes.
    """
    axis = 0 if x.ndim == 1 else 1
    found = _information(m, x, axis)
    if y.shape != x.shape:
        value, scale = _of_labels(m, found, y, label_smoothing)
        return reduced(m, value, scale, reduction)
    wanted, last = np.moveaxis(y, axis, -1), (x.ndim - 1,)
    size = np.abs(wanted) * (
        found.scale + (roundings(x.shape[axis]) + 2) * np.abs(found.value)
    ) + m.tiny * (1 + np.abs(wanted))
    terms = (wanted * found.value, size)
    direct = Evaluated(*(m.total(one, last)[..., 0] for one in terms))
    value, scale = _smoothed(m, direct, found, label_smoothing)
    return reduced(m, value, scale, reduction)


def sparse_categorical_crossentropy(
    m: Numbers, x: Array, y: Array, ignore_index: int = -1, label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Evaluated:  # fmt: skip
    """cross_entropy of labels with classes on the last axis; ignored labels count nothing."""
    each = _of_labels(m, _information(m, x, x.ndim - 1), y, label_smoothing)
    kept = y != ignore_index
    value, scale = (np.where(kept, one, m.array(0.0)) for one in each)
    return reduced(m, value, scale, reduction, m.array(kept))


def nll_loss(
    m: Numbers, x: Array, y: Array, weight: Array | None = None,
    ignore_index: int | None = None, reduction: str = "mean",
) -> Evaluated:  # fmt: skip
    """-weight[y] x[y], classes on axis 1; the mean divides by the weights of labels that count."""
    logs = np.moveaxis(x, 0 if x.ndim == 1 else 1, -1)
    classes = logs.shape[-1]
    chosen = _chosen(y, classes)
    if ignore_index is not None:
        chosen = chosen & (y != ignore_index)[..., None]
    factors = m.array(np.ones(classes)) if weight is None else weight
    each = _picked(m, np.broadcast_to(factors, logs.shape), chosen)
    value = np.asarray(-each * _picked(m, logs, chosen))
    scale = np.abs(value) + m.tiny * (1 + np.abs(each))
    return reduced(m, value, np.asarray(scale), reduction, each)


_FINITE = "finite operands; an infinity among the terms is left to the equality of devices"


def _row(
    evaluate: Callable[..., Evaluated], formula: str, labels: bool, domain: str = _FINITE,
    probabilities: bool = False,
) -> CompositeRow:  # fmt: skip
    indices = (1,) if labels else ()
    return CompositeRow(
        evaluate, formula, domain, Outside.BITS, indices, numbers_of_shape=probabilities
    )


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
    "cross_entropy": _row(
        cross_entropy, "-sum(((1 - s) y + s / n) log_softmax(x))", True, probabilities=True
    ),
    "sparse_categorical_crossentropy": _row(
        sparse_categorical_crossentropy, "cross_entropy with classes on the last axis", True
    ),
    "nll_loss": _row(nll_loss, "-weight[y] x[y]", True),
}
