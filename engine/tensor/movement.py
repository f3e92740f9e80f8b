"""Movement: the same elements in another shape or order. Nothing here changes a bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from engine.dtypes import Scalar
from engine.graph import Node, Sint
from engine.tensor import promotion, views
from engine.tensor.base import TensorBase
from engine.tensor.variable import Size, as_sint, describe, show

Sizes = Size | Sequence[Size]
Pair = tuple[int, int] | None


class Movement(TensorBase):
    """Sizes are given as arguments or as one tuple; axes may count from the end."""

    def reshape(self, shape: Sizes, *args: Size) -> Self:
        """The elements in row-major order in a new shape; one -1 takes what is left.

        ValueError if the number of elements differs, or -1 has no size or several.
        """
        sizes = views.as_shape((shape, *args))
        return self._like(views.reshape(self.node, views.inferred(self.shape, sizes)))

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
        return self._like(views.reshape(self.node, shape))

    def unflatten(self, dim: int, sizes: Sequence[Size]) -> Self:
        """Axis `dim` as several; one of `sizes` may be -1."""
        axis = views.axis_of("unflatten", dim, self.ndim)
        split = views.inferred((self.shape[axis],), tuple(sizes))
        return self._like(
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
        return self._like(views.squeezed(self.node, axes))

    def unsqueeze(self, dim: int) -> Self:
        """With a new axis of size 1 at place `dim` of the result."""
        axis = views.axis_of("unsqueeze", dim, self.ndim + 1)
        shape = (*self.shape[:axis], 1, *self.shape[axis:])
        return self._like(views.reshape(self.node, shape))

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
        return self._like(views.expand(self.node, views.checked_sizes("expand", kept)))

    def permute(self, order: int | Sequence[int], *args: int) -> Self:
        """Axis i of the result is axis order[i]. ValueError unless `order` names each axis once."""
        given = views.as_shape((order, *args))
        axes = tuple(views.axis_of("permute", axis, self.ndim) for axis in given)
        if sorted(axes) != list(range(self.ndim)):
            raise ValueError(f"permute: {given} does not name each of {self.ndim} axes once")
        return self._like(views.permute(self.node, axes))

    def transpose(self, dim0: int = 1, dim1: int = 0) -> Self:
        """Two axes swapped."""
        order = list(range(self.ndim))
        first = views.axis_of("transpose", dim0, self.ndim)
        second = views.axis_of("transpose", dim1, self.ndim)
        order[first], order[second] = order[second], order[first]
        return self._like(views.permute(self.node, tuple(order)))

    @property
    def T(self) -> Self:
        """The axes in reverse order, as in numpy."""
        return self._like(views.permute(self.node, tuple(reversed(range(self.ndim)))))

    def flip(self, axis: int | Sequence[int], *args: int) -> Self:
        """The order along these axes reversed."""
        axes = views.axes_of("flip", views.as_shape((axis, *args)), self.ndim)
        return self._like(views.flip(self.node, axes))

    def shrink(self, arg: Sequence[tuple[Size, Size] | None]) -> Self:
        """The part (start, end), end excluded, of each axis; None keeps the axis.

        ValueError unless 0 <= start <= end <= size.
        """
        if len(arg) != self.ndim:
            raise ValueError(f"shrink: {len(arg)} pairs for {self.ndim} dimensions")
        pairs = [
            (0, size) if pair is None else (as_sint(pair[0]), as_sint(pair[1]))
            for pair, size in zip(arg, self.shape)
        ]
        return self._like(views.shrink(self.node, pairs))

    def pad(
        self,
        padding: Sequence[int] | Sequence[Pair],
        mode: str = "constant",
        value: Scalar = 0,
    ) -> Self:
        """`value` around the tensor; negative amounts cut off instead.

        `padding` is (before, after) or None for each axis; or flat, (before, after) from the last
        axis backwards, for as many axes as there are pairs. `value` must be a value of the dtype:
        OverflowError or TypeError otherwise.
        """
        if mode != "constant":
            raise ValueError(f"pad: mode must be 'constant', not {mode!r}")
        pairs = _padding(padding, self.ndim)
        kept = [
            (max(-before, 0), size if after >= 0 else _shorter(size, -after))
            for (before, after), size in zip(pairs, self.shape)
        ]
        added = tuple((max(before, 0), max(after, 0)) for before, after in pairs)
        fill = promotion.constant("pad", _pad_value(value, self), self.dtype)
        return self._like(views.pad(views.shrink(self.node, kept), added, fill))


def _shorter(size: Sint, amount: int) -> int:
    if isinstance(size, Node):
        raise ValueError(f"pad: an axis of symbolic size {describe(size)} cannot be cut off")
    return size - amount


def _padding(padding: Sequence[int] | Sequence[Pair], ndim: int) -> list[tuple[int, int]]:
    """One (before, after) for each axis, from either notation."""
    items = list(padding)
    if all(item is None or isinstance(item, tuple | list) for item in items):
        given: list[tuple[object, object]] = [
            (0, 0) if item is None else (item[0], item[1])  # type: ignore[index]
            for item in items
        ]
        if len(given) != ndim:
            raise ValueError(f"pad: {len(given)} pairs for {ndim} dimensions")
    else:
        if len(items) % 2 or len(items) > 2 * ndim:
            raise ValueError(f"pad: {len(items)} amounts are not pairs for {ndim} dimensions")
        given = list(zip(items[-2::-2], items[-1::-2]))
        given = [(0, 0)] * (ndim - len(given)) + given
    return [(_amount(before), _amount(after)) for before, after in given]


def _amount(value: object) -> int:
    amount = as_sint(value)
    if isinstance(amount, Node):
        raise TypeError(f"pad: amounts must be ints, not {describe(amount)}")
    return amount


def _pad_value(value: Scalar, tensor: TensorBase) -> Scalar:
    """`value` as a value of the tensor's dtype: integers take no fraction."""
    if not isinstance(value, int | float):
        raise TypeError(f"pad: the value is a number, not {type(value).__name__}")
    if tensor.dtype.is_float or isinstance(value, int):
        return value
    if value.is_integer():
        return int(value)
    raise TypeError(f"pad: {value} is no value of {tensor.dtype}; cast the tensor first")
