"""Indices: `x[…]` for integers, slices, None, Ellipsis, index tensors and masks.

Basic indexing is movement: cut out, turn round, and keep every n-th element. Index tensors, lists
and arrays are real indexed loads: see `advanced`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from engine import graph
from engine.backends import registry
from engine.graph import Node, Sint
from engine.tensor import advanced, views
from engine.tensor.advanced import Mask, Picks, Place
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
    """Indexing gives what numpy gives, except that index tensors read 0 out of range."""

    def __getitem__(self, key: object) -> Self:
        """The part that `key` selects: one index, or a tuple of indices for the axes in order.

        A view for integers, slices, None and Ellipsis; a copy with tensors, arrays, lists or bools.

        - An integer takes one element of its axis, a slice a part; None makes an axis of size 1,
          and Ellipsis stands for as many full slices as there is room for. A bound variable may
          stand for an integer or for the ends of a slice.
        - A tensor, array or list of integers, of any integer dtype, reads at these places; several
          of them broadcast and name one place each. Places below 0 count from the end. A place out
          of range reads 0 if it is in a tensor, and raises IndexError in an array or a list.
        - A tensor, array or list of bools, or a bool alone, is a mask for as many axes as it has:
          it selects where it is true, in row-major order. A mask in a tensor is computed now, since
          the shape depends on it.

        IndexError also for an integer out of range, too many indices, and index tensors that do not
        broadcast; TypeError for other kinds of index.
        """
        chosen = self._selected(key)
        if not chosen.advanced:
            return self._view(chosen.basic)
        node = advanced.read(chosen.node, chosen.places, chosen.together, chosen.device)
        return self._wrap(node, chosen.device)

    def _selected(self, key: object) -> Selected:
        """What a key selects. Errors as above; computes nothing."""
        given = key if isinstance(key, tuple) else (key,)
        device = common_device("x[…]", (self, *given))
        memory = device or registry.canonical(None)
        items = _completed([advanced.as_index(item, memory) for item in given], self.shape)
        node, places, numbers, axis = self.node, list[Place](), list[int](), 0
        for number, item in enumerate(items):
            if item is ...:
                continue
            if item is None:
                node = views.unsqueezed(node, axis)
            elif isinstance(item, slice):
                node = _sliced(node, axis, item)
            elif isinstance(item, Mask | Picks):
                advanced.check(item, axis, node.shape)
                places.append(Place(axis, item.ndim, item))
                numbers.append(number)
            else:
                node = _picked(node, axis, as_sint("x[…]", item))
                places.append(Place(axis, 1, None))
                numbers.append(number)
            axis += 1 if item is None else _axes_used(item)
        together = not numbers or numbers[-1] - numbers[0] == len(numbers) - 1
        return Selected(node, places, together, device)

    def __len__(self) -> int:
        """The size of the first axis. TypeError for a scalar, or where the size is symbolic."""
        if not self.shape or isinstance(self.shape[0], Node):
            raise TypeError(f"len: a tensor of shape {show(self.shape)} has no fixed length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Self]:
        """The parts along the first axis."""
        for i in range(len(self)):
            yield self[i]


@dataclass(frozen=True)
class Selected:
    """What a key selects of a tensor.

    `node` is the part that integers and slices cut out, where the axes of integers have size 1;
    `places` are the axes with integers and index tensors, and `together` tells whether these stand
    side by side. `device` is where the tensor and the index tensors are.
    """

    node: Node
    places: list[Place]
    together: bool
    device: str | None

    @property
    def advanced(self) -> bool:
        """Whether there are index tensors or masks."""
        return any(place.index is not None for place in self.places)

    @property
    def basic(self) -> Node:
        """The part without the axes of integers."""
        return views.squeezed(self.node, tuple(place.axis for place in self.places))


def _completed(items: list[object], shape: tuple[Sint, ...]) -> list[Any]:
    """Items with full slices behind the Ellipsis or the end, as many as there is room for.

    The Ellipsis stays: even where it stands for no axis, it keeps index tensors apart, as in numpy.
    """
    for item in items:
        _check_kind(item)
    dots = [i for i, item in enumerate(items) if item is ...]
    if len(dots) > 1:
        raise IndexError("an index has one Ellipsis at most")
    used = sum(map(_axes_used, items))
    if used > len(shape):
        raise IndexError(f"{used} indices for {len(shape)} dimensions of {show(shape)}")
    place = dots[0] + 1 if dots else len(items)
    rest: list[object] = [slice(None)] * (len(shape) - used)
    return [*items[:place], *rest, *items[place:]]


def _axes_used(item: object) -> int:
    """How many axes an item indexes."""
    if item is None or item is ...:
        return 0
    return item.ndim if isinstance(item, Mask) else 1


def _check_kind(item: object) -> None:
    """TypeError for what is no index."""
    known = isinstance(item, slice | None | type(...) | Picks | Mask | Bound | Variable | Node)
    if not known and not hasattr(item, "__index__"):
        raise advanced.no_index(type(item).__name__)


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
    return views.narrowed(node, axis, place, shifted(place, 1))


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
        return views.narrowed(node, axis, 0, 0)
    if step < 0:
        start, step = start + (count - 1) * step, -step
        return views.flip(_strided(node, axis, start, step, count), (axis,))
    return _strided(node, axis, start, step, count)


def _sliced_symbolic(node: Node, axis: int, item: slice) -> Node:
    """A slice with symbolic ends, or of a symbolic axis; nothing is clipped.

    IndexError unless 0 <= start <= stop <= size for every value of the variables.
    """
    size = node.shape[axis]
    start = 0 if item.start is None else as_sint("x[…]", item.start)
    stop = size if item.stop is None else as_sint("x[…]", item.stop)
    if item.step not in (None, 1):
        raise IndexError(f"a slice of symbolic length must have step 1, not {item.step}")
    lengths = (start, difference(stop, start), difference(size, stop))
    if min(interval(length)[0] for length in lengths) < 0:
        raise IndexError(
            f"slice {describe(start)}:{describe(stop)} can leave axis {axis} of size "
            f"{describe(size)} for values in the range of its variables"
        )
    return views.narrowed(node, axis, start, stop)


def _strided(node: Node, axis: int, start: int, step: int, count: int) -> Node:
    """`count` elements from `start`, `step` apart."""
    if step == 1 or count == 1:
        return views.narrowed(node, axis, start, start + (count - 1) * step + 1)
    if any(isinstance(size, Node) for size in node.shape):
        return _strided_beside_symbols(node, axis, start, step, count)
    shape = tuple(size for size in node.shape if isinstance(size, int))
    made = (*shape[:axis], count, *shape[axis + 1 :])
    places = [(0, tuple(int(i == k) for i in range(len(made)))) for k in range(len(made))]
    places[axis] = (start, tuple(step * int(i == axis) for i in range(len(made))))
    return views.affine(node, made, places)


def _strided_beside_symbols(node: Node, axis: int, start: int, step: int, count: int) -> Node:
    """`_strided` where another axis is symbolic: the first of each of `count` groups.

    The last group may reach past the end of the axis; it is padded, and what was padded is cut.
    """
    size = node.shape[axis]
    assert isinstance(size, int), "symbolic axes have step 1"
    end = min(start + count * step, size)
    node = views.narrowed(node, axis, start, end)
    pairs = [(0, 0)] * len(node.shape)
    pairs[axis] = (0, start + count * step - end)
    node = views.pad(node, tuple(pairs), graph.const(0, node.dtype))
    before, after = node.shape[:axis], node.shape[axis + 1 :]
    groups = views.reshape(node, (*before, count, step, *after))
    return views.reshape(views.narrowed(groups, axis + 1, 0, 1), (*before, count, *after))
