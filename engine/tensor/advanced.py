"""Index tensors: what they may be, and how several of them become one indexed load.

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
from engine.dtypes import DType
from engine.graph import Node, Sint
from engine.ops import Op
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


@dataclass(frozen=True)
class Mask:
    """Truth values for as many axes as they have; `true` computes the numbers of the true ones."""

    shape: tuple[Sint, ...]
    true: Callable[[], np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Place:
    """An axis that is indexed, and by what; None where an integer has cut it to one element."""

    axis: int
    picks: Node | None


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
        return Mask(tensor.shape, lambda: true_numbers(tensor))
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


def masked(x: Node, axis: int, mask: Mask, device: str) -> tuple[Node, Node]:
    """x with the axes of a mask, `axis` and those behind it, as one; the true places on it.

    IndexError if the sizes of the axes are not those of the mask.
    """
    end = axis + len(mask.shape)
    if x.shape[axis:end] != mask.shape:
        raise IndexError(
            f"a mask of shape {show(mask.shape)} does not fit axes {axis} to {end - 1} of "
            f"{show(x.shape)}"
        )
    size = views.product(mask.shape)
    merged = views.reshape(x, (*x.shape[:axis], size, *x.shape[end:]))
    numbers = mask.true()
    return merged, in_memory(numbers, int(numbers[-1]) if numbers.size else 0, device)


def check_ends(picks: Picks, axis: int, size: Sint) -> None:
    """IndexError for places known to Python that are out of range, as for a single integer."""
    for end in picks.ends or ():
        if not isinstance(size, int) or not -size <= end < size:
            raise IndexError(
                f"index {end} is out of range for axis {axis} of size {describe(size)}"
            )


# -- reading ---------------------------------------------------------------------------------------
def read(x: Node, places: Sequence[Place], together: bool) -> Node:
    """x at places of some of its axes, of which at least one has an index tensor.

    The axes of the index tensors, broadcast, stand where the indexed axes stood if those are
    `together`, and in front of all others if not. IndexError if they do not broadcast.
    """
    axes = [place.axis for place in places]
    first = axes[0] if together else 0
    rest = [axis for axis in range(len(x.shape)) if axis not in axes]
    moved = views.permute(x, (*rest[:first], *axes, *rest[first:]))
    sizes = tuple(x.shape[axis] for axis in axes)
    before, after = moved.shape[:first], moved.shape[first + len(axes) :]
    merged = views.reshape(moved, (*before, views.product(sizes), *after))
    wanted = [(place.picks, x.shape[place.axis]) for place in places if place.picks is not None]
    return Node(Op.GATHER, x.dtype, (merged, _number(wanted)), first)


def _number(wanted: Sequence[tuple[Node, Sint]]) -> Node:
    """One number for places on several axes of these sizes; behind the end if one is outside."""
    if len(wanted) == 1:
        return wanted[0][0]
    try:
        nodes = views.broadcast("x[…]", *(node for node, _ in wanted))
    except ValueError as error:
        raise IndexError(f"index tensors must broadcast: {error}") from None
    return flat_number(list(zip(nodes, (size for _, size in wanted), strict=True)))


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
