"""Index tensors: what they may be, and how several of them become one indexed load, or store.

Several index tensors name one place each, element by element after broadcasting, as in numpy. The
axes that they index are moved together and become one axis, on which a single number names the
place; GATHER reads there. A place that is out of range on any of the axes becomes the number behind
the end, which reads 0.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine import dtypes, storage
from engine.backends import registry
from engine.dtypes import DType
from engine.graph import Node, Sint
from engine.ops import Op
from engine.shapes import Shape
from engine.tensor import host, views
from engine.tensor.base import TensorBase
from engine.tensor.variable import describe, show

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Picks:
    """Places along one axis. `ends` are the least and the greatest, where Python knows them."""

    node: Node
    ends: tuple[int, int] | None = None
    ndim = 1


@dataclass(frozen=True)
class Mask:
    """Truth values for as many axes as they have; `true` computes the numbers of the true ones.

    `node` are those of a tensor.
    """

    shape: tuple[Sint, ...]
    true: Callable[[], np.ndarray[Any, Any]]
    node: Node | None = None

    @property
    def ndim(self) -> int:
        return len(self.shape)


@dataclass(frozen=True)
class Place:
    """Axes that are indexed, `count` from `axis`, and by what.

    None where an integer has cut one to size 1.
    """

    axis: int
    count: int
    index: Picks | Mask | None

    @property
    def axes(self) -> range:
        return range(self.axis, self.axis + self.count)


# -- what stands between brackets ------------------------------------------------------------------
def as_index(item: object, device: str) -> object:
    """Lists, arrays, tensors and bools as Picks or Mask; any other item as it is.

    TypeError for an index that is neither of integers nor of bools.
    """
    if isinstance(item, TensorBase):
        return _of_tensor(item)
    if isinstance(item, list):
        return _of_list(item, device)
    if isinstance(item, bool):
        return Mask((), lambda: _true(bytes([item])))
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(item, numpy.ndarray | numpy.bool_):
        return _of_array(numpy.asarray(item), device)
    return item


def _of_tensor(tensor: TensorBase) -> Picks | Mask:
    if tensor.dtype is dtypes.bool_:
        return Mask(tensor.shape, lambda: true_numbers(tensor), tensor.node)
    if not tensor.dtype.is_int:
        raise no_index(tensor.dtype.name)
    return Picks(tensor.node)


def _of_list(items: list[Any], device: str) -> Picks | Mask:
    values, shape = host.flattened(items)
    kinds = set(map(type, values))
    if kinds == {bool}:
        mask = bytes(values)
        return Mask(shape, lambda: _true(mask))
    if not all(hasattr(value, "__index__") for value in values) or bool in kinds:
        raise no_index(" and ".join(sorted(kind.__name__ for kind in kinds)))
    numbers = [value.__index__() for value in values]
    ends = (min(numbers), max(numbers)) if numbers else None
    dtype = views.place_dtype(max(map(abs, ends or (0,))))
    if ends is not None and max(map(abs, ends)) > dtype.max:
        raise IndexError(f"an index of {max(map(abs, ends))} is out of range for any axis")
    return Picks(storage.from_host(host.encoded(numbers, dtype), dtype, shape, device), ends)


def _of_array(array: np.ndarray[Any, Any], device: str) -> Picks | Mask:
    if array.dtype.kind == "b":
        return Mask(array.shape, lambda: _true(array.tobytes()))
    if array.dtype.kind not in "iu":
        raise no_index(array.dtype.name)
    data, dtype, shape = host.from_array(array)
    ends = (int(array.min()), int(array.max())) if array.size else None
    return Picks(storage.from_host(data, dtype, shape, device), ends)


def no_index(kind: str) -> TypeError:
    return TypeError(
        f"x[…] takes integers, slices, None, Ellipsis, and tensors, arrays and lists of integers "
        f"or of bools, not {kind}"
    )


# -- masks -----------------------------------------------------------------------------------------
def true_numbers(mask: TensorBase) -> np.ndarray[Any, Any]:
    """The row-major numbers of the true elements, in order. Computes the mask, now."""
    return _true(mask.tobytes())


def _true(mask: bytes) -> np.ndarray[Any, Any]:
    import numpy as np

    return np.flatnonzero(np.frombuffer(mask, np.bool_))


def in_memory(numbers: np.ndarray[Any, Any], count: int, device: str) -> Node:
    """Places below `count` as a tensor."""
    dtype = views.place_dtype(count)
    return storage.from_host(numbers.astype(dtype.name).tobytes(), dtype, numbers.shape, device)


def check(index: Picks | Mask, axis: int, shape: Shape) -> None:
    """IndexError for a mask that does not fit the axes from `axis`, or known places out of range.

    Places that are known are those of lists and arrays, which raise as a single integer does.
    """
    if isinstance(index, Mask):
        end = axis + index.ndim
        if shape[axis:end] != index.shape:
            raise IndexError(
                f"a mask of shape {show(index.shape)} does not fit axes {axis} to {end - 1} of "
                f"{show(shape)}"
            )
        return
    size = shape[axis]
    for end in index.ends or ():
        if not isinstance(size, int) or not -size <= end < size:
            raise IndexError(
                f"index {end} is out of range for axis {axis} of size {describe(size)}"
            )


# -- reading and writing ---------------------------------------------------------------------------
@dataclass(frozen=True)
class Merged:
    """A tensor whose indexed axes are one, at `axis`; `order` brought them side by side before."""

    node: Node
    axis: int
    order: tuple[int, ...]
    moved: Shape

    def result(self, shape: Shape) -> Shape:
        """The shape of what is read at places of this shape."""
        return (*self.node.shape[: self.axis], *shape, *self.node.shape[self.axis + 1 :])

    def restored(self, node: Node) -> Node:
        """A node of the merged shape with its axes apart, where they were."""
        back = tuple(self.order.index(axis) for axis in range(len(self.order)))
        return views.permute(views.reshape(node, self.moved), back)


def merged(x: Node, places: Sequence[Place], together: bool) -> Merged:
    """The axes of `places` as one, where they stand if they are `together`, and in front if not."""
    axes = [axis for place in places for axis in place.axes]
    first = places[0].axis if together else 0
    rest = [axis for axis in range(len(x.shape)) if axis not in axes]
    order = (*rest[:first], *axes, *rest[first:])
    moved = views.permute(x, order)
    size = views.product([x.shape[axis] for axis in axes])
    shape = (*moved.shape[:first], size, *moved.shape[first + len(axes) :])
    return Merged(views.reshape(moved, shape), first, order, moved.shape)


def read(x: Node, places: Sequence[Place], together: bool, device: str | None) -> Node:
    """x at places of some of its axes, of which at least one has an index tensor.

    The axes of the index tensors, broadcast, stand where the merged axis does. Computes masks.
    IndexError if the index tensors do not broadcast.
    """
    found = merged(x, places, together)
    return Node(Op.GATHER, x.dtype, (found.node, numbers(x, places, device)), found.axis)


def written(x: Merged, number: Node, value: Node) -> Node:
    """The merged tensor with `value`, of the shape that is read at `number`, written there."""
    shape = x.result((views.product(number.shape),))
    column = tuple(size if axis == x.axis else 1 for axis, size in enumerate(shape))
    picks = views.expand(views.reshape(number, column), shape)
    src = (x.node, picks, views.reshape(value, shape))
    return x.restored(Node(Op.SCATTER, value.dtype, src, (x.axis, None)))


def masked(x: Merged, mask: Node, value: Node) -> Node:
    """The merged tensor with `value`, of its shape, where the mask of the merged axis is true."""
    shape = x.node.shape
    column = tuple(size if axis == x.axis else 1 for axis, size in enumerate(shape))
    wide = views.expand(views.reshape(mask, column), shape)
    return x.restored(wide.where(value, x.node))


def numbers(x: Node, places: Sequence[Place], device: str | None) -> Node:
    """One number for each place on the merged axis; behind the end if one is outside.

    Computes masks. IndexError if the index tensors do not broadcast.
    """
    wanted = [
        (_picks(place.index, device), views.product([x.shape[axis] for axis in place.axes]))
        for place in places
        if place.index is not None
    ]
    if len(wanted) == 1:
        return wanted[0][0]
    try:
        nodes = views.broadcast("x[…]", *(node for node, _ in wanted))
    except ValueError as error:
        raise IndexError(f"index tensors must broadcast: {error}") from None
    return flat_number(list(zip(nodes, (size for _, size in wanted), strict=True)))


def _picks(index: Picks | Mask, device: str | None) -> Node:
    """Places along the axes of an index, which are one. Computes a mask."""
    if isinstance(index, Picks):
        return index.node
    true = index.true()
    most = int(true[-1]) if true.size else 0
    return in_memory(true, most, device or registry.canonical(None))


def flat_number(places: Sequence[tuple[Node, Sint]]) -> Node:
    """Row-major number of places on axes of these sizes; behind the end if one is outside.

    Places are tensors of one shape, or scalars; those below 0 count from the end. IndexError for
    symbolic sizes: the dtype of the number follows from their product.
    """
    sizes = [size for _, size in places if isinstance(size, int)]
    if len(sizes) < len(places):
        raise IndexError("several index tensors do not read along an axis of symbolic size")
    total = views.product(sizes)
    assert isinstance(total, int)
    dtype = views.place_dtype(max(total, *sizes))
    number: Node | None = None
    inside: Node | None = None
    for (node, _), size in zip(places, sizes, strict=True):
        place, valid = located(node, size, dtype)
        if number is None or inside is None:
            number, inside = place, valid
        else:
            number, inside = number * size + place, inside & valid
    assert number is not None and inside is not None
    return inside.where(number, total)


def located(place: Node, size: int, dtype: DType) -> tuple[Node, Node]:
    """Places on an axis counted from its start, in `dtype`, which holds `size`; which exist.

    Compared in the wider of both dtypes, so that no place outside can wrap into the axis.
    """
    wide = place.dtype if place.dtype.bits >= dtype.bits else dtype
    place = place.cast(wide)
    if not wide.is_signed:
        return place.cast(dtype), place.lt(size)
    place = place.lt(0).where(place + size, place)
    return place.cast(dtype), ~place.lt(0) & place.lt(size)
