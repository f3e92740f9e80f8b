"""Windows, diagonals and triangles: views along slanted lines, and what they leave out."""

from __future__ import annotations

from typing import Self

from engine import dtypes
from engine.graph import Node, Sint, const
from engine.ops import Op
from engine.tensor import views
from engine.tensor.base import TensorBase
from engine.tensor.variable import as_sint, describe, show


class Windows(TensorBase):
    """Sizes must be fixed along the axes that these methods name."""

    def unfold(self, dim: int, size: int, step: int) -> Self:
        """Windows of `size` elements along axis `dim`, each `step` behind the one before.

        The axis counts the windows, (n - size) // step + 1 of them, and a last axis their elements.
        A view. ValueError for a window longer than the axis and for a step below 1.
        """
        axis = views.axis_of("unfold", dim, self.ndim)
        shape = _fixed("unfold", self.shape)
        length, apart = _amount("unfold", size), _amount("unfold", step)
        if not 0 <= length <= shape[axis] or apart < 1:
            raise ValueError(
                f"unfold: windows of {length}, {apart} apart, do not fit axis {axis} of "
                f"{show(self.shape)}"
            )
        count = (shape[axis] - length) // apart + 1
        made = (*shape[:axis], count, *shape[axis + 1 :], length)
        places = [(0, _factors(len(made), {i: 1})) for i in range(len(shape))]
        places[axis] = (0, _factors(len(made), {axis: apart, len(made) - 1: 1}))
        return self._view(views.affine(self.node, made, places))

    def diagonal(self, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Self:
        """The elements whose place on `dim2` is `offset` more than on `dim1`, as a last axis.

        A view. ValueError where both name one axis.
        """
        first = views.axis_of("diagonal", dim1, self.ndim)
        second = views.axis_of("diagonal", dim2, self.ndim)
        if first == second:
            raise ValueError(f"diagonal: dim1 and dim2 are both axis {first} of {show(self.shape)}")
        return self._view(_diagonal(self.node, _amount("diagonal", offset), first, second))

    def diag(self) -> Self:
        """Of one axis: a square matrix with the elements on its diagonal and zeros elsewhere.

        Of two axes: the diagonal. ValueError for other tensors.
        """
        if self.ndim == 2:
            return self._like(_diagonal(self.node, 0, 0, 1))
        if self.ndim != 1:
            raise ValueError(f"diag: a tensor of shape {show(self.shape)} has not one or two axes")
        (size,) = _fixed("diag", self.shape)
        rows, columns = (views.reshape(views.iota(size), shape) for shape in ((size, 1), (1, size)))
        wide = views.expand(views.unsqueezed(self.node, 1), (size, size))
        on = Node(Op.EQ, dtypes.bool_, views.broadcast("diag", rows, columns))
        return self._like(on.where(wide, const(0, self.dtype)))

    def tril(self, diagonal: int = 0) -> Self:
        """The last two axes as matrices, zeros above diagonal number `diagonal`.

        ValueError for tensors of fewer than two axes.
        """
        return self._like(_triangle("tril", self.node, _amount("tril", diagonal) + 1, below=True))

    def triu(self, diagonal: int = 0) -> Self:
        """The last two axes as matrices, zeros below diagonal number `diagonal`.

        ValueError for tensors of fewer than two axes.
        """
        return self._like(_triangle("triu", self.node, _amount("triu", diagonal), below=False))


def _fixed(op: str, shape: tuple[Sint, ...]) -> tuple[int, ...]:
    """The shape as ints; ValueError for symbolic sizes."""
    sizes = tuple(size for size in shape if isinstance(size, int))
    if len(sizes) < len(shape):
        raise ValueError(f"{op}: {show(shape)} has a symbolic size")
    return sizes


def _amount(op: str, value: object) -> int:
    amount = as_sint(op, value)
    if isinstance(amount, Node):
        raise TypeError(f"{op}: amounts must be ints, not {describe(amount)}")
    return amount


def _factors(ndim: int, given: dict[int, int]) -> tuple[int, ...]:
    """Factors of the result's coordinates, 0 where none is given."""
    return tuple(given.get(i, 0) for i in range(ndim))


def _diagonal(x: Node, offset: int, first: int, second: int) -> Node:
    shape = _fixed("diagonal", x.shape)
    rows, columns = shape[first], shape[second]
    start_row, start_column = max(-offset, 0), max(offset, 0)
    count = max(0, min(rows - start_row, columns - start_column))
    kept = [i for i in range(len(shape)) if i not in (first, second)]
    made = (*(shape[i] for i in kept), count)
    places = [(0, _factors(len(made), {kept.index(i): 1} if i in kept else {len(made) - 1: 1}))
              for i in range(len(shape))]  # fmt: skip
    places[first] = (start_row, places[first][1])
    places[second] = (start_column, places[second][1])
    return views.affine(x, made, places)


def _triangle(op: str, x: Node, start: int, below: bool) -> Node:
    """x where the column is less than row + start, or else where it is not; zeros elsewhere."""
    if len(x.shape) < 2:
        raise ValueError(f"{op}: a tensor of shape {show(x.shape)} has no matrices")
    rows, columns = _fixed(op, x.shape[-2:])
    bound = max(-rows, min(start, columns))  # what is beyond changes nothing
    dtype = views.place_dtype(rows + columns)
    ends = views.reshape(views.iota(rows).cast(dtype), (rows, 1)) + bound
    across = views.reshape(views.iota(columns).cast(dtype), (1, columns))
    sides = views.broadcast(op, across, ends)
    inside = Node(Op.LT, dtypes.bool_, sides)
    mask = views.expand(inside if below else ~inside, x.shape)
    return mask.where(x, const(0, x.dtype))
