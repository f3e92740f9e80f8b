"""Mean, variance and standard deviation, each from ordered sums in the accumulator's dtype.

bool and integer elements become the default float first. float64 accumulates in float64, all
others in float32, and the result is rounded to its dtype once, at the end.
"""

from __future__ import annotations

from typing import Self

from engine import dtypes
from engine.graph import Node, Sint, const, index
from engine.ops import Op
from engine.tensor import promotion, views
from engine.tensor.base import TensorBase
from engine.tensor.gradient import tracking
from engine.tensor.reduce import SUM_ORDER, Axes, reduced
from engine.tensor.variable import as_sint, describe


class Statistics(TensorBase):
    """`axis` is one axis, several, or None for all; `keepdim` leaves them with size 1."""

    def mean(self, axis: Axes = None, keepdim: bool = False) -> Self:
        """The sum of the elements divided by their number n, rounded like it; of none NaN."""
        axes = views.reduced_axes("mean", axis, self.ndim)
        return self._rounded(_mean(self._wide(), axes), axes, keepdim)

    def var(self, axis: Axes = None, keepdim: bool = False, correction: int = 1) -> Self:
        """sum((x - mean)²) / max(0, n - correction).

        The mean stays in the accumulator's dtype; the difference, its square and the quotient
        round there. TypeError for a correction that is no integer.
        """
        return self._moments("var", axis, keepdim, correction)[0]

    def std(self, axis: Axes = None, keepdim: bool = False, correction: int = 1) -> Self:
        """The root of `var`, taken before the one rounding to the result's dtype."""
        return self._moments("std", axis, keepdim, correction, root=True)[0]

    def var_mean(
        self, axis: Axes = None, keepdim: bool = False, correction: int = 1
    ) -> tuple[Self, Self]:
        """`var` and `mean`."""
        return self._moments("var_mean", axis, keepdim, correction)

    def std_mean(
        self, axis: Axes = None, keepdim: bool = False, correction: int = 1
    ) -> tuple[Self, Self]:
        """`std` and `mean`."""
        return self._moments("std_mean", axis, keepdim, correction, root=True)

    def _moments(
        self, name: str, axis: Axes, keepdim: bool, correction: int, root: bool = False
    ) -> tuple[Self, Self]:
        axes = views.reduced_axes(name, axis, self.ndim)
        count = as_sint(name, correction)
        if not isinstance(count, int):
            raise TypeError(f"{name}: the correction must be an int, not {describe(count)}")
        x = self._wide()
        mean = _mean(x, axes)
        spread = _variance(x, mean, axes, count)
        spread = _root(spread) if root else spread
        return self._rounded(spread, axes, keepdim), self._rounded(mean, axes, keepdim)

    def _wide(self) -> Node:
        """The elements in the accumulator of their float dtype."""
        floating = promotion.as_float(self.dtype)
        return self.node.cast(floating).cast(dtypes.accumulator(floating))

    def _rounded(self, node: Node, axes: tuple[int, ...], keepdim: bool) -> Self:
        """A result of the accumulator in the dtype of the result."""
        node = node if keepdim else views.squeezed(node, axes)
        return self._like(node.cast(promotion.as_float(self.dtype)))


def _mean(x: Node, axes: tuple[int, ...]) -> Node:
    """sum / n in the dtype of x; the axes keep size 1."""
    return reduced(Op.ADD, x, axes, SUM_ORDER) / _number(_count(x, axes), x)


def _variance(x: Node, mean: Node, axes: tuple[int, ...], correction: int) -> Node:
    """sum((x - mean)²) / max(0, n - correction); the axes keep size 1."""
    x, mean = views.broadcast("var", x, mean)
    deviation = x - mean
    total = reduced(Op.ADD, deviation * deviation, axes, SUM_ORDER)
    count = _count(x, axes)
    if isinstance(count, int):
        return total / _number(max(0, count - correction), x)
    left = index(count).cast(dtypes.int64) - correction
    return total / left.binary(Op.MAXIMUM, 0).cast(x.dtype)


def _root(spread: Node) -> Node:
    """The root, with the gradient 0 where it is 0: elements that are all equal are a minimum."""
    root = spread.sqrt()
    return tracking.surrogate(root, (spread,), lambda: spread.eq(0).where(0, root))


def _count(x: Node, axes: tuple[int, ...]) -> Sint:
    return views.product([x.shape[axis] for axis in axes])


def _number(count: Sint, x: Node) -> Node:
    """A number of elements, rounded to the dtype of x."""
    return const(count, x.dtype) if isinstance(count, int) else count.cast(x.dtype)
