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
from engine.ops import Op, Operation
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
    return Layout((), tuple(views.product((stride, itemsize)) for stride in row_major(shape)))


def of_dtype(layout: Layout, itemsize: int) -> Layout:
    """The same bytes as elements of another width, which are neighbours along the last axis."""
    return Layout(layout.offset, (*layout.strides[:-1], itemsize))


def after(layout: Layout, chain: Iterable[Node]) -> Layout | None:
    """The layout behind a chain of movements and bitcasts; None where it is not of this form."""
    for node in chain:
        if node.op is Op.BITCAST:
            continue
        found = _STEPS[node.op](node, layout)
        if found is None:
            return None
        layout = found
    return layout


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
        while not views.same_count([n for n, _ in group], split):
            if before and not (sizes and _is_part(split, [n for n, _ in group])):
                group.append(before.pop(0))
            else:
                split.append(sizes.pop(0))
        if not all(views.same_count((a[1],), b) for a, b in pairwise(group)):
            return None
        made += [views.product((stride, group[-1][1])) for stride in row_major(tuple(split))]
    return Layout(old.offset, (*made, *(1 for _ in sizes)))


def _is_part(sizes: Sequence[Sint], whole: Sequence[Sint]) -> bool:
    """Whether further sizes may make `sizes` as many elements as `whole`."""
    part, total = views.product(sizes), views.product(whole)
    if isinstance(part, int) and isinstance(total, int):
        return part < total
    return views.quotient(total, part) is not None


def _expanded(node: Node, old: Layout) -> Layout:
    sizes = zip(node.src[0].shape, node.shape, old.strides, strict=True)
    return Layout(old.offset, tuple(0 if n == 1 and m != 1 else s for n, m, s in sizes))


def _flipped(node: Node, old: Layout) -> Layout:
    strides = list(old.strides)
    offset = list(old.offset)
    for axis in node.arg:
        offset.append(views.product((shifted(node.shape[axis], -1), strides[axis])))
        strides[axis] = views.product((-1, strides[axis]))
    return Layout(tuple(offset), tuple(strides))


def _shrunk(node: Node, old: Layout) -> Layout:
    starts = (start for start, _ in resolved(node))
    return _moved(old, starts)


def _padded(node: Node, old: Layout) -> Layout:
    """Of what was padded the view has cut off everything again."""
    return _moved(old, (difference(0, before) for before, _ in resolved(node)))


def _moved(old: Layout, starts: Iterable[Sint]) -> Layout:
    terms = [
        views.product((start, stride))
        for start, stride in zip(starts, old.strides, strict=True)
        if start != 0
    ]
    return Layout((*old.offset, *terms), old.strides)


def _affine(node: Node, old: Layout) -> Layout:
    shape, places = node.arg
    starts = [offset for offset, _ in places]
    strides = tuple(
        _sum([
            views.product((factors[k], stride))
            for (_, factors), stride in zip(places, old.strides, strict=True)
            if factors[k]
        ])
        for k in range(len(shape))
    )
    return Layout(_moved(old, starts).offset, strides)


def _sum(terms: Sequence[Sint]) -> Sint:
    """The sum of terms; a node if one of them is."""
    total: Sint = sum(term for term in terms if isinstance(term, int))
    for term in terms:
        if isinstance(term, Node):
            total = term if total == 0 else term + total
    return total


_STEPS: dict[Operation, Callable[[Node, Layout], Layout | None]] = {
    Op.RESHAPE: _reshaped,
    Op.PERMUTE: lambda node, old: Layout(old.offset, tuple(old.strides[a] for a in node.arg)),
    Op.EXPAND: _expanded,
    Op.FLIP: _flipped,
    Op.SHRINK: _shrunk,
    Op.PAD: _padded,
    Op.AFFINE: _affine,
}
