"""Gradients of movement: every element goes back to where it was read, and those that were read
several times are sums."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain

from engine.graph import Node, Sint
from engine.ops import Op
from engine.shapes import Shape, extent, resolved, row_major, split_symbols, static
from engine.tensor import views
from engine.tensor.gradient.algebra import converted, summed, total, wide, zeros
from engine.tensor.gradient.functions import Parts
from engine.tensor.layout import total as sum_of
from engine.tensor.scatter import scattered
from engine.tensor.variable import show

MOST_TAPS = 64  # parts that are added for an axis of overlapping windows; more are scattered


def reshape(node: Node, g: Node) -> Parts:
    return [views.reshape(g, node.src[0].shape)]


def permute(node: Node, g: Node) -> Parts:
    order = node.arg
    return [views.permute(g, tuple(order.index(axis) for axis in range(len(order))))]


def expand(node: Node, g: Node) -> Parts:
    sizes = zip(node.src[0].shape, node.shape, strict=True)
    return [summed(g, tuple(axis for axis, (n, m) in enumerate(sizes) if n != m))]


def flip(node: Node, g: Node) -> Parts:
    return [views.flip(g, node.arg)]


def shrink(node: Node, g: Node) -> Parts:
    """Zeros around it; symbolic sizes are not added up to that of the operand, but stored in it."""
    x, region = node.src[0], resolved(node)
    if static(x.shape) is None or split_symbols(region)[1]:
        return [_stored(zeros(x.shape, g), g, [start for start, _ in region])]
    pads = [(start, size - start - count) for (start, count), size in zip(region, x.shape)]
    return [views.pad(g, tuple(pads), g.constant(0))]


def pad(node: Node, g: Node) -> Parts:
    x, value = node.src[:2]
    pairs = [(before, before + size) for (before, _), size
             in zip(resolved(node), x.shape, strict=True)]  # fmt: skip
    inside = views.shrink(g, pairs)
    if not value.tracked:
        return [inside, None]
    edges = _stored(g, zeros(x.shape, g), [before for before, _ in resolved(node)])
    return [inside, views.reshape(summed(edges, tuple(range(len(g.shape)))), ())]


def _stored(base: Node, value: Node, starts: Sequence[Sint]) -> Node:
    """The base with a value in it that starts at these places of its axes."""
    strides = row_major(base.shape)
    places = zip(starts, strides, strict=True)
    offset = sum_of([views.product(pair) for pair in places])
    plain, symbols = split_symbols((offset, strides))
    return Node(Op.STORE, base.dtype, (base, value, *symbols), plain)


def cat(node: Node, g: Node) -> Parts:
    parts, start = [], 0
    for part in node.src:
        end = part.shape[node.arg] + start
        parts.append(views.narrowed(g, node.arg, start, end))
        start = end
    return parts


def store(node: Node, g: Node) -> Parts:
    """The old version where it was not written, the value where it was."""
    _, value, *symbols = node.src
    none = zeros(value.shape, g)
    rest = Node(Op.STORE, g.dtype, (g, none, *symbols), node.arg)
    return [rest, _read_at(g, value.shape, *resolved(node))]


def _read_at(g: Node, shape: Shape, offset: Sint, strides: Shape) -> Node:
    """The elements of g, in order, at the places of a STORE."""
    sizes, steps = static(shape), static(strides)
    if sizes is None or steps is None:
        raise NotImplementedError(
            f"gradient: a value of symbolic shape {show(shape)} that was written into a tensor has "
            "no gradient; write parts of a size that is known"
        )
    if 0 in sizes:
        return zeros(shape, g)
    first, last = extent(sizes, 0, steps)
    row = views.reshape(g, (views.product(g.shape),))
    start = sum_of([offset, first])
    part = views.narrowed(row, 0, start, sum_of([start, last - first + 1]))
    return views.affine(part, sizes, [(-first, steps)])


# -- affine views ----------------------------------------------------------------------------------
def affine(node: Node, g: Node) -> Parts:
    """Back to the places of a view, axis by axis where no axis of the result moves along two."""
    x = node.src[0]
    shape, places = node.arg
    if 0 in shape:
        return [zeros(x.shape, g)]
    groups = [[axis for axis, factor in enumerate(factors) if factor and shape[axis] > 1]
              for _, factors in places]  # fmt: skip
    used = list(chain(*groups))
    apart = len(set(used)) == len(used)
    if not apart or any(_taps(shape, group) > MOST_TAPS or len(group) > 2 for group in groups):
        return [_scattered_back(node, g)]
    unused = tuple(axis for axis, size in enumerate(shape) if size > 1 and axis not in used)
    g = views.squeezed(summed(g, unused), tuple(i for i in range(len(shape)) if i not in used))
    left = sorted(used)
    g = views.permute(g, tuple(left.index(axis) for axis in used))
    for axis, (size, (offset, factors), group) in enumerate(
        zip(x.shape, places, groups, strict=True)
    ):
        assert isinstance(size, int)
        g = _axis_back(g, axis, offset, [factors[i] for i in group], size)
    return [g]


def _taps(shape: Sequence[int], group: Sequence[int]) -> int:
    return min(shape[axis] for axis in group) if len(group) == 2 else 1


def _axis_back(g: Node, axis: int, offset: int, factors: Sequence[int], size: int) -> Node:
    """The axes of g that stand at `axis`, none to two of them, as the one that they index."""
    if not factors:
        return _placed(views.unsqueezed(g, axis), axis, offset, 1, size)
    if len(factors) == 1:
        return _placed(g, axis, offset, factors[0], size)
    first, second = _size(g, axis), _size(g, axis + 1)
    tap, other = (axis, axis + 1) if first < second else (axis + 1, axis)
    parts = []
    for number in range(min(first, second)):
        part = views.squeezed(views.narrowed(g, tap, number, number + 1), (tap,))
        start = offset + factors[tap - axis] * number
        parts.append(_placed(part, axis, start, factors[other - axis], size))
    return total(parts)


def _placed(g: Node, axis: int, offset: int, factor: int, size: int) -> Node:
    """Element i of an axis at place offset + factor · i of one of `size`, and 0 elsewhere."""
    count = _size(g, axis)
    if factor < 0:
        g, offset, factor = views.flip(g, (axis,)), offset + factor * (count - 1), -factor
    if count > 1 and factor > 1:
        spread = _padded(views.unsqueezed(g, axis + 1), axis + 1, 0, factor - 1)
        flat = views.reshape(spread, (*g.shape[:axis], count * factor, *g.shape[axis + 1 :]))
        g = views.narrowed(flat, axis, 0, (count - 1) * factor + 1)
    return _padded(g, axis, offset, size - offset - _size(g, axis))


def _size(g: Node, axis: int) -> int:
    size = g.shape[axis]
    assert isinstance(size, int), "affine views have no symbolic axes"
    return size


def _padded(g: Node, axis: int, before: int, after: int) -> Node:
    pads = [(0, 0)] * len(g.shape)
    pads[axis] = (before, after)
    return views.pad(g, tuple(pads), g.constant(0))


def _scattered_back(node: Node, g: Node) -> Node:
    """Every element added at its place, one after another."""
    x, (shape, places) = node.src[0], node.arg
    count = math.prod(_size(x, axis) for axis in range(len(x.shape)))
    dtype = views.place_dtype(count)
    numbers = views.expand(views.iota(1).cast(dtype), (1,) * len(shape))
    for (offset, factors), size in zip(places, x.shape, strict=True):
        numbers = numbers * size + offset
        for axis, factor in enumerate(factors):
            line = views.iota(shape[axis]).cast(dtype) * factor
            line = views.reshape(line, tuple(n if i == axis else 1 for i, n in enumerate(shape)))
            numbers, line = views.broadcast("gradient", numbers, line)
            numbers = numbers + line
    flat = views.reshape(g, (math.prod(shape),))
    numbers = views.reshape(numbers, flat.shape)
    return views.reshape(scatter_added((count,), 0, numbers, flat), x.shape)


def scatter_added(shape: Shape, axis: int, picks: Node, g: Node) -> Node:
    """Zeros of `shape` to which g is added at places of an axis, one element after another."""
    base = wide(zeros(shape, g))
    return converted(scattered(base, picks, wide(g), axis, Op.ADD), g)
