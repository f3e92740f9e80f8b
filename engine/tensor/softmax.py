"""Softmax, logarithms of sums of exponentials, and what is made of them.

The maximum is subtracted before exponentials are taken; results, and so gradients, do not depend on
what is subtracted, so none flows to it. bool and integers become the default float
first; narrower floats are computed in float32 throughout and rounded once.
"""

from __future__ import annotations

import math
from typing import Self

from engine import dtypes
from engine.dtypes import DType
from engine.graph import Node, const
from engine.ops import Op
from engine.tensor import promotion, views
from engine.tensor.along import cut_last, fixed_size, moved_back, moved_last, padded_last
from engine.tensor.base import TensorBase, checked_dtype
from engine.tensor.gradient import tracking
from engine.tensor.reduce import SUM_ORDER, Axes, reduced


class Softmax(TensorBase):
    """`axis` is one axis, several, or None for all; `dtype` is that of the result, a float."""

    def softmax(self, axis: Axes = -1, dtype: DType | str | None = None) -> Self:
        """exp(x - max) / sum(exp(x - max)). A row of -inf, or with +inf or NaN, is NaN."""
        return self._normalized("softmax", axis, dtype)

    def softmin(self, axis: Axes = -1, dtype: DType | str | None = None) -> Self:
        """The softmax of -x."""
        return self._normalized("softmin", axis, dtype)

    def _normalized(self, name: str, axis: Axes, dtype: DType | str | None) -> Self:
        x, result, axes = self._exponents(name, axis, dtype)
        powers = _shifted(x.unary(Op.NEG) if name == "softmin" else x, axes).unary(Op.EXP)
        total = reduced(Op.ADD, powers, axes, SUM_ORDER)
        return self._like((powers / views.expand(total, x.shape)).cast(result))

    def log_softmax(self, axis: Axes = -1, dtype: DType | str | None = None) -> Self:
        """x - max - log(sum(exp(x - max)))."""
        x, result, axes = self._exponents("log_softmax", axis, dtype)
        shifted = _shifted(x, axes)
        total = reduced(Op.ADD, shifted.unary(Op.EXP), axes, SUM_ORDER).unary(Op.LOG)
        return self._like((shifted - views.expand(total, x.shape)).cast(result))

    def logsumexp(self, axis: Axes = None, keepdim: bool = False) -> Self:
        """max + log(sum(exp(x - max))), the maximum 0 where it is infinite or NaN.

        Of -inf alone, and of nothing, it is -inf; with +inf it is +inf.
        """
        x, result, axes = self._exponents("logsumexp", axis, None)
        top = reduced(Op.MAXIMUM, x, axes, None)
        base = tracking.detached(_finite(top))
        powers = (x - views.expand(base, x.shape)).unary(Op.EXP)
        total = base + reduced(Op.ADD, powers, axes, SUM_ORDER).unary(Op.LOG)
        total = total.cast(result)
        return self._like(total if keepdim else views.squeezed(total, axes))

    def logcumsumexp(self, axis: int = 0) -> Self:
        """The logarithm of the sum of the exponentials so far, along an axis of fixed size.

        In rounds k = 0, 1, 2 …: each element with the one 2**k before it, until all have met, by
        max + log1p(exp(min - max)).
        """
        result = promotion.as_float(self.dtype)
        wide = self.node.cast(result).cast(dtypes.accumulator(result))
        x, place = moved_last("logcumsumexp", wide, axis)
        size, step = fixed_size("logcumsumexp", x), 1
        nothing = const(-math.inf, x.dtype)
        while step < size:
            x = _log_added(padded_last(cut_last(x, 0, size - step), step, 0, nothing), x)
            step *= 2
        return self._like(moved_back(x, place, self.ndim).cast(result))

    def _exponents(
        self, name: str, axis: Axes, dtype: DType | str | None
    ) -> tuple[Node, DType, tuple[int, ...]]:
        """Elements in the accumulator, the dtype of the result, and the axes."""
        result = promotion.as_float(self.dtype) if dtype is None else checked_dtype(name, dtype)
        if not result.is_float:
            raise TypeError(f"{name}: the result is a float, not {result}")
        axes = views.reduced_axes(name, axis, self.ndim)
        return self.node.cast(result).cast(dtypes.accumulator(result)), result, axes


def _shifted(x: Node, axes: tuple[int, ...]) -> Node:
    """x - max over the axes."""
    top = tracking.detached(reduced(Op.MAXIMUM, x, axes, None))
    return x - views.expand(top, x.shape)


def _finite(x: Node) -> Node:
    """x, or 0 where it is infinite or NaN."""
    return x.unary(Op.ABS).lt(math.inf).where(x, x.constant(0))


def _log_added(x: Node, y: Node) -> Node:
    """log(exp(x) + exp(y)); equal infinities are no distance apart."""
    top = x.binary(Op.MAXIMUM, y)
    apart = x.eq(y).where(x.constant(0), x.binary(Op.MINIMUM, y) - top)
    return top + apart.unary(Op.EXP).unary(Op.LOG1P)
