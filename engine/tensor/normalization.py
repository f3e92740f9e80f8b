"""Norms: tensors shifted and scaled by moments or by their length, step by step (`composite.py`).

Sums are those of `sum` in the dtype of the steps. bool and integer tensors are converted to the
default float.
"""

from __future__ import annotations

import math
from typing import Self

from engine.graph import Node, Sint
from engine.ops import Op
from engine.tensor import views
from engine.tensor.base import TensorBase
from engine.tensor.casts import Casts
from engine.tensor.composite import in_steps, stepwise
from engine.tensor.elementwise import Elementwise
from engine.tensor.functions import Functions
from engine.tensor.reduce import Axes, Reduce, reduced
from engine.tensor.statistics import Statistics
from engine.tensor.variable import show


class Normalization(Elementwise, Functions, Casts, Reduce, Statistics):
    """`axis` is one axis or several; a scalar has one."""

    @stepwise
    def layernorm(self, axis: Axes = -1, eps: float = 1e-5) -> Self:
        """(x - mean) / √(mean((x - mean)²) + eps), the means over `axis`, or over all for None.

        (Ba, Kiros, Hinton, Layer normalization, 2016, without gain and bias.)
        """
        axes = views.reduced_axes("layernorm", axis, self.ndim)
        deviation = self - self.mean(axes, keepdim=True)
        spread = (deviation * deviation).mean(axes, keepdim=True)
        return deviation / (spread + eps).sqrt()

    def batchnorm(
        self,
        weight: TensorBase | None,
        bias: TensorBase | None,
        mean: TensorBase,
        invstd: TensorBase,
        axis: int | tuple[int, ...] = 1,
    ) -> Self:
        """(x - mean) · weight · invstd + bias, rounded after each step from left to right.

        Each has the sizes of x along `axis`, in the order of the axes of x; or as many axes as x,
        of size 1 or that of x. None leaves a step out. All are promoted to one float dtype.
        ValueError for other shapes. (Ioffe, Szegedy, Batch normalization, 2015.)
        """
        axes = views.axes_of("batchnorm", axis, self.ndim)
        given = {"weight": weight, "bias": bias, "mean": mean, "invstd": invstd}
        names = [name for name, one in given.items() if one is not None]
        operands = [one for one in given.values() if one is not None]
        dtype, (x, *wide) = in_steps("batchnorm", self, operands)
        placed = {
            name: one._like(_placed(name, one.node, self.shape, axes))
            for name, one in zip(names, wide, strict=True)
        }
        result = x - placed["mean"]
        if weight is not None:
            result = result * placed["weight"]
        result = result * placed["invstd"]
        return (result if bias is None else result + placed["bias"]).cast(dtype)

    @stepwise
    def normalize(self, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Self:
        """x / max(‖x‖, eps), the p-norm (Σ|x|ᵖ)^(1/p) over `dim`.

        p = 2 is √Σx², p = 1 is Σ|x|, p = 0 the number of elements that are not 0, and p = ∞ the
        largest |x|; any other p takes powers. ValueError for a p below 0 or NaN, which make no
        norm.
        """
        if not p >= 0:
            raise ValueError(f"normalize: p must be at least 0, not {p}")
        axes = views.reduced_axes("normalize", (dim,), self.ndim)
        return self / self._norm(p, axes).maximum(eps)

    def _norm(self, p: float, axes: tuple[int, ...]) -> Self:
        """The p-norm over axes, which keep size 1."""
        if p == 0:
            return self.ne(0).cast(self.dtype).sum(axes, keepdim=True)
        if p == 1:
            return self.abs().sum(axes, keepdim=True)
        if p == 2:
            return (self * self).sum(axes, keepdim=True).sqrt()
        if p == math.inf:
            return self._like(reduced(Op.MAXIMUM, self.abs().node, axes, None))
        return self.abs().pow(float(p)).sum(axes, keepdim=True).pow(1 / p)


def _placed(name: str, x: Node, shape: tuple[Sint, ...], axes: tuple[int, ...]) -> Node:
    """An operand of `batchnorm` beside x of `shape`. ValueError where it does not fit."""
    if x.shape == tuple(shape[axis] for axis in axes):
        return views.reshape(x, tuple(n if k in axes else 1 for k, n in enumerate(shape)))
    if len(x.shape) == len(shape) and all(m in (1, n) for m, n in zip(x.shape, shape)):
        return x
    raise ValueError(
        f"batchnorm: {name} of shape {show(x.shape)} does not fit axes {axes} of {show(shape)}"
    )
