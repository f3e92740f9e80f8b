"""Where in its storage a view's elements are: an offset, and a stride for each axis, in bytes.

Every storage is row-major, so a chain of movements keeps this form until a reshape joins axes that
are not evenly spaced, which needs a new storage. Bytes, since a view may have another dtype.
Offset and strides may be symbolic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.graph import Node, Sint
from engine.ops import MARKERS, Op, Operation
from engine.shapes import Shape, resolved, row_major
from engine.tensor import views
from engine.tensor.variable import difference, shifted


@dataclass(frozen=True)
class Layout:
    """The element at i, j, … is at the sum of the terms of `offset` + i·stride + j·stride + …"""

    offset: tuple[Sint, ...]
    strides: Shape


def of_storage(shape: Shape, itemsize: int) -> Layout:
    """The elements in order."""
    return Layout((), row_major((*shape, itemsize))[:-1])


def of_dtype(layout: Layout, itemsize: int) -> Layout:
    """The same bytes as elements of another width, which are neighbours along the last axis."""
    return Layout(layout.offset, (*layout.strides[:-1], itemsize))


def after(layout: Layout, chain: Iterable[Node]) -> Layout | None:
    """The layout behind a chain of movements and bitcasts; None where it is not of this form."""
    for node in chain:
        if node.op is Op.BITCAST or node.op in MARKERS:
            continue
        found = _STEPS[node.op](node, layout)
        if found is None:
            return None
        layout = found
    return layout


def total(terms: Sequence[Sint]) -> Sint:
    """The sum of terms; a node if one of them is."""
    result: Sint = sum(term for term in terms if isinstance(term, int))
    for term in terms:
        if isinstance(term, Node):
            result = term if isinstance(result, int) and result == 0 else term + result
    return result


# -- single movements ------------------------------------------------------------------------------
def _reshaped(node: Node, old: Layout) -> Layout | None:
    """New axes split or join old ones: what is joined must be evenly spaced.

    Both shapes are cut into the smallest groups of axes with equally many elements.
    """
    if 0 in node.shape:
        return Layout(old.offset, row_major(node.shape))
    before = [(n, s) for n, s in zip(node.src[0].shape, old.strides, strict=True) if n != 1]
    sizes = list(node.shape)
    made: list[Sint] = []
    while before:
        group, split = [before.pop(0)], [sizes.pop(0)]
        joined, parts = group[0][0], split[0]
        while not _same(joined, parts):
            if before and not (sizes and _may_become(parts, joined)):
                group.append(before.pop(0))
                joined = _times(joined, group[-1][0])
            else:
                split.append(sizes.pop(0))
                parts = _times(parts, split[-1])
        if not all(_same(a[1], _times(*b)) for a, b in pairwise(group)):
            return None
        made += row_major((*split, group[-1][1]))[:-1]
    return Layout(old.offset, (*made, *(1 for _ in sizes)))


def _times(x: Sint, y: Sint) -> Sint:
    return x * y if isinstance(x, int) and isinstance(y, int) else views.product((x, y))


def _same(x: Sint, y: Sint) -> bool:
    """Whether two products are equal, whatever the variables are."""
    return x == y if isinstance(x, int) and isinstance(y, int) else views.same_count((x,), (y,))


def _may_become(part: Sint, whole: Sint) -> bool:
    """Whether more factors may make `whole` of `part`."""
    if isinstance(part, int) and isinstance(whole, int):
        return part < whole
    return views.quotient(whole, part) is not None


def _expanded(node: Node, old: Layout) -> Layout:
    sizes = zip(node.src[0].shape, node.shape, old.strides, strict=True)
    return Layout(old.offset, tuple(0 if n == 1 and m != 1 else s for n, m, s in sizes))


def _flipped(node: Node, old: Layout) -> Layout:
    strides = list(old.strides)
    offset = list(old.offset)
    for axis in node.arg:
        offset.append(_times(shifted(node.shape[axis], -1), strides[axis]))
        strides[axis] = _times(-1, strides[axis])
    return Layout(tuple(offset), tuple(strides))


def _shrunk(node: Node, old: Layout) -> Layout:
    starts = (start for start, _ in resolved(node))
    return _moved(old, starts)


def _padded(node: Node, old: Layout) -> Layout:
    """Of what was padded the view has cut off everything again."""
    return _moved(old, (difference(0, before) for before, _ in resolved(node)))


def _moved(old: Layout, starts: Iterable[Sint]) -> Layout:
    terms = [
        _times(start, stride)
        for start, stride in zip(starts, old.strides, strict=True)
        if start != 0
    ]
    return Layout((*old.offset, *terms), old.strides)


def _affine(node: Node, old: Layout) -> Layout:
    shape, places = node.arg
    starts = [offset for offset, _ in places]
    strides = tuple(
        total([
            _times(factors[k], stride)
            for (_, factors), stride in zip(places, old.strides, strict=True)
            if factors[k]
        ])
        for k in range(len(shape))
    )
    return Layout(_moved(old, starts).offset, strides)


_STEPS: dict[Operation, Callable[[Node, Layout], Layout | None]] = {
    Op.RESHAPE: _reshaped,
    Op.PERMUTE: lambda node, old: Layout(old.offset, tuple(old.strides[a] for a in node.arg)),
    Op.EXPAND: _expanded,
    Op.FLIP: _flipped,
    Op.SHRINK: _shrunk,
    Op.PAD: _padded,
    Op.AFFINE: _affine,
}
