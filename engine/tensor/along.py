"""One axis at a time: the axis moved to the end, where scans and sorts work, and back again."""

from __future__ import annotations

from engine import dtypes
from engine.graph import Node, index
from engine.ops import Op
from engine.tensor import views
from engine.tensor.variable import interval, show


def moved_last(name: str, x: Node, axis: object) -> tuple[Node, int]:
    """x with `axis` as its last one, and which it was; a scalar has one axis, of size 1.

    IndexError for an axis that is not there.
    """
    x = x if x.shape else views.reshape(x, (1,))
    place = views.axis_of(name, axis, len(x.shape))
    others = (i for i in range(len(x.shape)) if i != place)
    return views.permute(x, (*others, place)), place


def moved_back(x: Node, place: int, ndim: int) -> Node:
    """The reverse of `moved_last` for a tensor that had `ndim` axes."""
    last = len(x.shape) - 1
    x = views.permute(x, (*range(place), last, *range(place, last)))
    return x if ndim else views.reshape(x, ())


def fixed_size(name: str, x: Node) -> int:
    """The size of the last axis. ValueError where it is symbolic."""
    size = x.shape[-1]
    if isinstance(size, Node):
        raise ValueError(f"{name}: an axis of symbolic size is not supported: {show(x.shape)}")
    return size


def cut_last(x: Node, start: int, end: int) -> Node:
    """The part start … end-1 of the last axis."""
    return views.shrink(x, [*((0, size) for size in x.shape[:-1]), (start, end)])


def padded_last(x: Node, before: int, after: int, value: Node) -> Node:
    """The last axis with `before` and `after` more elements of the scalar `value`."""
    return views.pad(x, (*((0, 0) for _ in x.shape[:-1]), (before, after)), value)


def gathered_last(x: Node, places: Node) -> Node:
    """x (…, n) read at places (…, k) of its last axis, row by row; all of them are inside."""
    *outer, size = x.shape
    rows, count = views.product(outer), views.product(places.shape[-1:])
    wide = dtypes.int32 if interval(views.product(x.shape))[1] < 1 << 31 else dtypes.int64
    start = views.reshape(views.iota(rows).cast(wide) * index(size).cast(wide), (rows, 1))
    flat = views.reshape(places.cast(wide), (rows, count))
    picks = views.expand(start, flat.shape) + flat
    found = Node(Op.GATHER, x.dtype, (views.reshape(x, (views.product(x.shape),)), picks), 0)
    return views.reshape(found, places.shape)
