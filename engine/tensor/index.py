"""Reading by index: `x[…]` for integers, slices, None and Ellipsis, and `take` for index tensors.

Basic indexing is movement: cut out, turn round, and keep every n-th element.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from engine import graph
from engine.graph import Node, Sint
from engine.ops import Op
from engine.tensor import views
from engine.tensor.base import TensorBase, common_device
from engine.tensor.variable import (
    Bound,
    Variable,
    as_sint,
    describe,
    difference,
    interval,
    shifted,
    show,
)


class Index(TensorBase):
    """Basic indexing gives what numpy gives."""

    def __getitem__(self, key: object) -> Self:
        """The part that `key` selects: integers, slices, None, Ellipsis, or a tuple of them.

        A bound variable may stand for an integer or for the ends of a slice. IndexError for an
        integer out of range and for too many indices; TypeError for other kinds of index.
        """
        items = _completed(key if isinstance(key, tuple) else (key,), self.shape)
        node, shape, axis = self.node, list[Sint](), 0
        for item in items:
            if item is None:
                shape.append(1)
                continue
            if isinstance(item, slice):
                node = _sliced(node, axis, item)
                shape.append(node.shape[axis])
            else:
                node = _picked(node, axis, as_sint(item))
            axis += 1
        return self._like(views.reshape(node, tuple(shape)))

    def __len__(self) -> int:
        """The size of the first axis. TypeError for a scalar, or where the size is symbolic."""
        if not self.shape or isinstance(self.shape[0], Node):
            raise TypeError(f"len: a tensor of shape {show(self.shape)} has no fixed length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Self]:
        """The parts along the first axis."""
        for i in range(len(self)):
            yield self[i]

    def take(self, index: TensorBase, axis: int | None = None) -> Self:
        """Elements along `axis` at the places that an integer tensor names.

        The axes of `index` replace `axis`; without `axis`, self is flattened first. Negative places
        count from the end; a place out of range reads 0. TypeError unless `index` is an integer
        tensor.
        """
        if not isinstance(index, TensorBase) or not index.dtype.is_int:
            kind = index.dtype if isinstance(index, TensorBase) else type(index).__name__
            raise TypeError(f"take: the index must be an integer tensor, not {kind}")
        device = common_device("take", (self, index))
        node = self.node
        if axis is None:
            node, axis = views.reshape(node, (views.product(node.shape),)), 0
        place = views.axis_of("take", axis, len(node.shape))
        return self._wrap(Node(Op.GATHER, node.dtype, (node, index.node), place), device)


def _completed(items: tuple[object, ...], shape: tuple[Sint, ...]) -> list[Any]:
    """Items with the Ellipsis, or the end, filled up with full slices."""
    for item in items:
        if not isinstance(item, slice | None | type(...)):
            _check_kind(item)
    dots = [i for i, item in enumerate(items) if item is ...]
    if len(dots) > 1:
        raise IndexError("an index has one Ellipsis at most")
    used = sum(item is not None and item is not ... for item in items)
    if used > len(shape):
        raise IndexError(f"{used} indices for {len(shape)} dimensions of {show(shape)}")
    place = dots[0] if dots else len(items)
    rest: list[object] = [slice(None)] * (len(shape) - used)
    return [*items[:place], *rest, *items[place + 1 :]]


def _check_kind(item: object) -> None:
    """TypeError for an index that is no integer, with what to use instead."""
    if isinstance(item, TensorBase):
        raise TypeError(
            f"an index tensor ({item.dtype}) in x[…] is not available yet; use x.take(index, axis)"
        )
    if isinstance(item, list | tuple | float | bool | str) or not (
        hasattr(item, "__index__") or isinstance(item, Bound | Node)
    ):
        raise TypeError(
            f"x[…] takes integers, slices, None and Ellipsis, not {type(item).__name__}; for lists "
            "of places use x.take(Tensor(places), axis)"
        )


def _narrowed(node: Node, axis: int, start: Sint, end: Sint) -> Node:
    """The part start … end-1 of one axis."""
    pairs: list[tuple[Sint, Sint]] = [(0, size) for size in node.shape]
    pairs[axis] = (start, end)
    return views.shrink(node, pairs)


def _picked(node: Node, axis: int, place: Sint) -> Node:
    """One element of an axis, which keeps size 1 for the final reshape to drop.

    IndexError if it may be out of range for a value of the variables in it.
    """
    size = node.shape[axis]
    given, least = place, interval(size)[0]
    low, high = interval(place)
    if isinstance(place, int) and place < 0:
        place, low, high = shifted(size, place), low + least, high + least
    if low < 0 or high >= least:
        raise IndexError(
            f"index {describe(given)} is out of range for axis {axis} of size {describe(size)}"
        )
    return _narrowed(node, axis, place, shifted(place, 1))


def _sliced(node: Node, axis: int, item: slice) -> Node:
    """A slice of one axis."""
    size = node.shape[axis]
    parts = (item.start, item.stop, item.step)
    symbolic = any(isinstance(p, Bound | Variable | Node) for p in parts)
    if symbolic or isinstance(size, Node):
        return _sliced_symbolic(node, axis, item)
    start, stop, step = item.indices(size)
    count = len(range(start, stop, step))
    if count == 0:
        return _narrowed(node, axis, 0, 0)
    if step < 0:
        start, step = start + (count - 1) * step, -step
        return views.flip(_strided(node, axis, start, step, count), (axis,))
    return _strided(node, axis, start, step, count)


def _sliced_symbolic(node: Node, axis: int, item: slice) -> Node:
    """A slice with symbolic ends, or of a symbolic axis; nothing is clipped.

    IndexError unless 0 <= start <= stop <= size for every value of the variables.
    """
    size = node.shape[axis]
    start = 0 if item.start is None else as_sint(item.start)
    stop = size if item.stop is None else as_sint(item.stop)
    if item.step not in (None, 1):
        raise IndexError(f"a slice of symbolic length must have step 1, not {item.step}")
    lengths = (start, difference(stop, start), difference(size, stop))
    if min(interval(length)[0] for length in lengths) < 0:
        raise IndexError(
            f"slice {describe(start)}:{describe(stop)} can leave axis {axis} of size "
            f"{describe(size)} for values in the range of its variables"
        )
    return _narrowed(node, axis, start, stop)


def _strided(node: Node, axis: int, start: int, step: int, count: int) -> Node:
    """`count` elements from `start`, `step` apart: the first of each of `count` groups.

    The last group may reach past the end of the axis; it is padded, and what was padded is cut.
    """
    if step == 1 or count == 1:
        return _narrowed(node, axis, start, start + (count - 1) * step + 1)
    size = node.shape[axis]
    assert isinstance(size, int), "symbolic axes have step 1"
    end = min(start + count * step, size)
    node = _narrowed(node, axis, start, end)
    pairs = [(0, 0)] * len(node.shape)
    pairs[axis] = (0, start + count * step - end)
    node = views.pad(node, tuple(pairs), graph.const(0, node.dtype))
    before, after = node.shape[:axis], node.shape[axis + 1 :]
    groups = views.reshape(node, (*before, count, step, *after))
    return views.reshape(_narrowed(groups, axis + 1, 0, 1), (*before, count, *after))
