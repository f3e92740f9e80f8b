"""Losses, step by step (`composite.py`): how far predictions are from targets, of an element each.

`reduction` is "none" for the losses of all elements, "sum" for their sum or "mean" for that divided
by their number. bool and integer predictions are converted to the default float.

Classes are axis 1, or axis 0 of a tensor with one, unless it says otherwise. A target names its
class by an integer, the label. A label that is no class picks none: its loss is 0 where the class
alone makes it, and it has no weight.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Self, TypeVar

from engine import dtypes
from engine.graph import Sint
from engine.tensor import views
from engine.tensor.base import TensorBase
from engine.tensor.casts import Casts
from engine.tensor.composite import in_steps
from engine.tensor.elementwise import Elementwise
from engine.tensor.functions import Functions
from engine.tensor.reduce import Reduce
from engine.tensor.softmax import Softmax
from engine.tensor.statistics import Statistics
from engine.tensor.variable import show

_REDUCTIONS = ("none", "mean", "sum")
_LARGEST_INFORMATION = 100.0  # -log of a probability is not above it, so that 0 · log(0) is 0

T = TypeVar("T", bound="Losses")


class Losses(Elementwise, Functions, Casts, Reduce, Statistics, Softmax):
    """ValueError, by all of them, for shapes that do not fit and for an unknown reduction."""

    # -- two classes -------------------------------------------------------------------------------
    def binary_crossentropy(self, Y: TensorBase, reduction: str = "mean") -> Self:
        """y · -log(x) + (1 - y) · -log(1 - x) for probabilities x and targets y of one shape.

        Logarithms are not below -100. A probability outside of [0, 1] gives NaN.
        """
        name = "binary_crossentropy"
        dtype, (x, y) = _checked(name, reduction, self, [Y])
        _check_shape(name, "targets", Y, self.shape)
        yes = (-x.log()).minimum(_LARGEST_INFORMATION)
        no = (-(-x).log1p()).minimum(_LARGEST_INFORMATION)
        return (y * yes + (1 - y) * no)._summarized(reduction).cast(dtype)

    def binary_crossentropy_logits(
        self, Y: TensorBase, reduction: str = "mean", pos_weight: TensorBase | None = None
    ) -> Self:
        """pos_weight · y · -log(sigmoid(x)) + (1 - y) · -log(sigmoid(-x)), targets y shaped as x.

        -log(sigmoid(x)) is max(-x, 0) + log(1 + exp(-|x|)). `pos_weight` broadcasts to x.
        """
        name = "binary_crossentropy_logits"
        weights = [] if pos_weight is None else [pos_weight]
        dtype, (x, y, *factors) = _checked(name, reduction, self, [Y, *weights])
        _check_shape(name, "targets", Y, self.shape)
        tail = (-x.abs()).exp().log1p()
        wanted = y
        for factor in factors:
            if views.broadcast_shape(name, factor.shape, x.shape) != x.shape:
                _refuse(name, "weights", factor.shape, self.shape)
            wanted = factor * y
        each = wanted * ((-x).maximum(0.0) + tail) + (1 - y) * (x.maximum(0.0) + tail)
        return each._summarized(reduction).cast(dtype)

    # -- several classes ---------------------------------------------------------------------------
    def cross_entropy(
        self, Y: TensorBase, reduction: str = "mean", label_smoothing: float = 0.0
    ) -> Self:
        """(1 - s) · Σ y · -log_softmax(x) + s · mean(-log_softmax(x)), over the classes.

        Y has the shape of x and holds probabilities; or it lacks the axis of classes and holds
        labels, whose y is 1 for the class and leaves the others out. s is `label_smoothing`, from 0
        to 1 (Szegedy et al., Rethinking the Inception architecture, 2015). TypeError for labels
        that are no integers.
        """
        name = "cross_entropy"
        axis = _class_axis(name, self.shape)
        if isinstance(Y, TensorBase) and Y.shape == self.shape:
            dtype, (x, y) = _checked(name, reduction, self, [Y])
            information = -x.log_softmax(axis)
            direct = (y * information).sum(axis)
        else:
            dtype, (x,) = _checked(name, reduction, self, [], labels=Y)
            information = -x.log_softmax(axis)
            direct = _picked(information, _chosen(name, x, Y, axis), axis)
        each = _smoothed(name, direct, information, axis, label_smoothing)
        return each._summarized(reduction).cast(dtype)

    def sparse_categorical_crossentropy(
        self,
        Y: TensorBase,
        ignore_index: int = -1,
        label_smoothing: float = 0.0,
        reduction: str = "mean",
    ) -> Self:
        """`cross_entropy` of labels, with the classes along the last axis.

        Where the label is `ignore_index` the loss is 0; "mean" divides by the number of the others.
        """
        name = "sparse_categorical_crossentropy"
        dtype, (x,) = _checked(name, reduction, self, [], labels=Y)
        axis = _class_axis(name, self.shape, last=True)
        information = -x.log_softmax(axis)
        direct = _picked(information, _chosen(name, x, Y, axis), axis)
        each = _smoothed(name, direct, information, axis, label_smoothing)
        counted = x._like(Y.node).ne(operator.index(ignore_index))
        count = counted.sum().cast(x.dtype)
        return counted.where(each, 0.0)._summarized(reduction, count).cast(dtype)

    def nll_loss(
        self,
        Y: TensorBase,
        weight: TensorBase | None = None,
        ignore_index: int | None = None,
        reduction: str = "mean",
    ) -> Self:
        """weight[y] · -x[y] for logarithms x of probabilities and labels y.

        `weight` has a number for each class; without it, they are 1. Where the label is
        `ignore_index` weight and loss are 0. "mean" divides by the sum of the weights. TypeError
        for labels that are no integers.
        """
        name = "nll_loss"
        weights = [] if weight is None else [weight]
        dtype, (x, *factors) = _checked(name, reduction, self, weights, labels=Y)
        axis = _class_axis(name, self.shape)
        chosen = _chosen(name, x, Y, axis, ignore_index)
        factor = x._like(x.node.constant(1))
        for given in factors:
            _check_shape(name, "weights", given, self.shape[axis : axis + 1])
            sizes = tuple(n if k == axis else 1 for k, n in enumerate(self.shape))
            factor = x._like(views.reshape(given.node, sizes))
        each = chosen.where(factor, 0.0).sum(axis)
        loss = each * _picked(-x, chosen, axis)
        return loss._summarized(reduction, each.sum()).cast(dtype)

    def _summarized(self, reduction: str, count: Self | None = None) -> Self:
        """The losses as `reduction` wants them; a mean divides by `count`, if it is given."""
        if reduction == "none":
            return self
        if reduction == "sum":
            return self.sum()
        return self.mean() if count is None else self.sum() / count


def _checked(
    op: str,
    reduction: str,
    x: T,
    others: Sequence[TensorBase],
    labels: TensorBase | None = None,
) -> tuple[dtypes.DType, list[T]]:
    """`in_steps`, with reduction and labels checked."""
    if reduction not in _REDUCTIONS:
        raise ValueError(
            f"{op}: reduction must be 'none', 'mean' or 'sum', not {reduction!r}"
        )
    dtype, operands = in_steps(op, x, others, kept=[] if labels is None else [labels])
    if labels is not None and not labels.dtype.is_int:
        raise TypeError(f"{op}: labels are integers, not {labels.dtype}")
    return dtype, operands


def _refuse(op: str, what: str, given: Sequence[Sint], shape: Sequence[Sint]) -> None:
    raise ValueError(
        f"{op}: {what} of shape {show(tuple(given))} do not fit {show(tuple(shape))}"
    )


def _check_shape(op: str, what: str, y: TensorBase, shape: tuple[Sint, ...]) -> None:
    if y.shape != shape:
        _refuse(op, what, y.shape, shape)


def _class_axis(op: str, shape: tuple[Sint, ...], last: bool = False) -> int:
    """The axis of the classes. ValueError for a scalar."""
    if not shape:
        raise ValueError(f"{op}: a tensor of shape () has no axis of classes")
    return len(shape) - 1 if last else min(1, len(shape) - 1)


def _chosen(
    op: str, x: T, labels: TensorBase, axis: int, ignored: int | None = None
) -> T:
    """Whether an element of x is of the class that the label names, unless that is `ignored`."""
    if labels.shape != tuple(n for k, n in enumerate(x.shape) if k != axis):
        _refuse(op, "labels", labels.shape, x.shape)
    sizes = tuple(n if k == axis else 1 for k, n in enumerate(x.shape))
    classes = x._like(views.reshape(views.iota(x.shape[axis]), sizes))
    names = x._like(views.unsqueezed(labels.node, axis))
    chosen = names == classes
    return chosen if ignored is None else chosen & names.ne(operator.index(ignored))


def _picked(x: T, chosen: T, axis: int) -> T:
    """The element of x along the axis that is chosen, or 0; the sum has nothing else to add."""
    return chosen.where(x, 0.0).sum(axis)


def _smoothed(op: str, direct: T, information: T, axis: int, share: float) -> T:
    """A share of the loss towards all classes alike, the rest towards the targets."""
    if not 0 <= share <= 1:
        raise ValueError(f"{op}: label_smoothing must be from 0 to 1, not {share}")
    if share == 0:
        return direct
    return direct * (1 - share) + information.mean(axis) * share
