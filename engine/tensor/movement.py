"""Movement: the same elements in another shape or order. Nothing here changes a bit.

All results are views, but for reshapes that the strides do not allow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

from engine.graph import Sint
from engine.tensor import views
from engine.tensor.base import TensorBase
from engine.tensor.variable import Size, as_sint, describe, interval, show

Sizes = Size | Sequence[Size]


class Movement(TensorBase):
    """Sizes are given as arguments or as one tuple; axes may count from the end."""

    def size(self, dim: int | None = None) -> Sint | tuple[Sint, ...]:
        """The size of axis `dim`, or the shape."""
        return self.shape if dim is None else self.shape[views.axis_of("size", dim, self.ndim)]

    @property
    def max_shape(self) -> tuple[int, ...]:
        """The shape with each symbolic size at the largest value of its variables."""
        return tuple(interval(size)[1] for size in self.shape)

    def max_numel(self) -> int:
        """The most elements that the variables in the shape allow."""
        return math.prod(self.max_shape)

    def reshape(self, shape: Sizes, *args: Size) -> Self:
        """The elements in row-major order in a new shape; one -1 takes what is left.

        ValueError if the number of elements differs, or -1 has no size or several.
        """
        sizes = views.as_shape((shape, *args))
        return self._view_or_copy(views.reshape(self.node, views.inferred(self.shape, sizes)))

    def view(self, shape: Sizes, *args: Size) -> Self:
        """`reshape` by another name."""
        return self.reshape(shape, *args)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Self:
        """Axes start_dim … end_dim, both included, as one. A scalar becomes shape (1,)."""
        ndim = max(self.ndim, 1)
        start = views.axis_of("flatten", start_dim, ndim)
        end = views.axis_of("flatten", end_dim, ndim)
        if start > end:
            raise ValueError(f"flatten: axis {start_dim} comes after axis {end_dim}")
        merged = views.product(self.shape[start : end + 1])
        shape = (*self.shape[:start], merged, *self.shape[end + 1 :])
        return self._view_or_copy(views.reshape(self.node, shape))

    def unflatten(self, dim: int, sizes: Sequence[Size]) -> Self:
        """Axis `dim` as several; one of `sizes` may be -1."""
        axis = views.axis_of("unflatten", dim, self.ndim)
        split = views.inferred((self.shape[axis],), tuple(sizes))
        return self._view(
            views.reshape(self.node, (*self.shape[:axis], *split, *self.shape[axis + 1 :]))
        )

    def squeeze(self, dim: int | Sequence[int] | None = None) -> Self:
        """Without the axes `dim`, or without all axes of size 1.

        ValueError if a named axis has another size.
        """
        if dim is None:
            axes = tuple(i for i, size in enumerate(self.shape) if size == 1)
        else:
            axes = views.axes_of("squeeze", dim, self.ndim)
        for axis in axes:
            if self.shape[axis] != 1:
                raise ValueError(
                    f"squeeze: axis {axis} of {show(self.shape)} has size "
                    f"{describe(self.shape[axis])}, not 1"
                )
        return self._view(views.squeezed(self.node, axes))

    def unsqueeze(self, dim: int) -> Self:
        """With a new axis of size 1 at place `dim` of the result."""
        axis = views.axis_of("unsqueeze", dim, self.ndim + 1)
        shape = (*self.shape[:axis], 1, *self.shape[axis:])
        return self._view(views.reshape(self.node, shape))

    def expand(self, shape: Sizes, *args: Size) -> Self:
        """Axes of size 1 repeated, new axes in front; -1 or None keeps a size.

        ValueError where an axis has neither size 1 nor the size asked for.
        """
        sizes = views.as_shape((shape, *args))
        lead = len(sizes) - self.ndim
        old = (1,) * lead + self.shape
        kept = [o if s is None or s == -1 else s for s, o in zip(sizes, old)]
        if lead < 0:
            raise ValueError(f"expand: {show(self.shape)} has more than {len(sizes)} axes")
        return self._view(views.expand(self.node, views.checked_sizes("expand", kept)))

    def permute(self, order: int | Sequence[int], *args: int) -> Self:
        """Axis i of the result is axis order[i]. ValueError unless `order` names each axis once."""
        given = views.as_shape((order, *args))
        axes = tuple(views.axis_of("permute", axis, self.ndim) for axis in given)
        if sorted(axes) != list(range(self.ndim)):
            raise ValueError(f"permute: {given} does not name each of {self.ndim} axes once")
        return self._view(views.permute(self.node, axes))

    def transpose(self, dim0: int = 1, dim1: int = 0) -> Self:
        """Two axes swapped."""
        order = list(range(self.ndim))
        first = views.axis_of("transpose", dim0, self.ndim)
        second = views.axis_of("transpose", dim1, self.ndim)
        order[first], order[second] = order[second], order[first]
        return self._view(views.permute(self.node, tuple(order)))

    @property
    def T(self) -> Self:
        """The axes in reverse order, as in numpy."""
        return self._view(views.permute(self.node, tuple(reversed(range(self.ndim)))))

    def flip(self, axis: int | Sequence[int], *args: int) -> Self:
        """The order along these axes reversed."""
        axes = views.axes_of("flip", views.as_shape((axis, *args)), self.ndim)
        return self._view(views.flip(self.node, axes))

    def shrink(self, arg: Sequence[tuple[Size, Size] | None]) -> Self:
        """The part (start, end), end excluded, of each axis; None keeps the axis.

        ValueError unless 0 <= start <= end <= size.
        """
        if len(arg) != self.ndim:
            raise ValueError(f"shrink: {len(arg)} pairs for {self.ndim} dimensions")
        pairs = [
            (0, size) if pair is None else (as_sint("shrink", pair[0]), as_sint("shrink", pair[1]))
            for pair, size in zip(arg, self.shape)
        ]
        return self._view(views.shrink(self.node, pairs))
