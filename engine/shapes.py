"""Shapes of tensor-level nodes: one function per operation that changes a shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from engine import dtypes
from engine.graph import Node, Sint, index
from engine.ops import ELEMENTWISE, MARKERS, Op, Operation

Shape = tuple[Sint, ...]


def numel(shape: Shape) -> Sint:
    """Number of elements; a node when a size is symbolic."""
    plain = math.prod(s for s in shape if isinstance(s, int))
    result: Sint = plain
    for size in shape:
        if isinstance(size, Node):
            result = size if isinstance(result, int) and result == 1 else index(result) * size
    return result


def fill(template: tuple[Any, ...], sizes: Iterator[Node]) -> tuple[Any, ...]:
    """An attribute with each None, at any depth of one, replaced by the next symbolic size."""
    return tuple(
        next(sizes) if item is None else fill(item, sizes) if isinstance(item, tuple) else item
        for item in template
    )


def resolved(node: Node) -> tuple[Any, ...]:
    """The attribute of a movement node or STORE with its symbolic sizes in place."""
    first = 2 if node.op in (Op.STORE, Op.PAD) else 1
    arg: tuple[Any, ...] = node.arg
    return fill(arg, iter(node.src[first:])) if len(node.src) > first else arg


def split_symbols(arg: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[Node, ...]]:
    """The reverse of `fill`: an attribute without nodes, and the nodes in order."""
    symbols: list[Node] = []

    def visit(item: object) -> object:
        if isinstance(item, Node):
            symbols.append(item)
            return None
        return tuple(map(visit, item)) if isinstance(item, tuple) else item

    return tuple(map(visit, arg)), tuple(symbols)


def static(shape: Shape) -> tuple[int, ...] | None:
    """The sizes, None if one of them is symbolic."""
    plain = tuple(size for size in shape if isinstance(size, int))
    return plain if len(plain) == len(shape) else None


def row_major(shape: Shape) -> Shape:
    """How far apart the neighbours along each axis of a storage are, in elements."""
    return tuple(numel(shape[axis + 1 :]) for axis in range(len(shape)))


def extent(shape: tuple[int, ...], offset: int, strides: tuple[int, ...]) -> tuple[int, int]:
    """The first and the last of the places offset + sum of position * stride. No size is 0."""
    ends = [stride * (n - 1) for stride, n in zip(strides, shape, strict=True)]
    return offset + sum(min(e, 0) for e in ends), offset + sum(max(e, 0) for e in ends)


def places_differ(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether the sums of position * stride are known to be all different.

    They are where the strides are the digits of a number: each is larger than all that the smaller
    ones add up to. Every view of a row-major storage that shows no element twice is like that.
    """
    reached = 0
    for stride, n in sorted((abs(s), n) for s, n in zip(strides, shape, strict=True) if n > 1):
        if stride <= reached:
            return False
        reached += stride * (n - 1)
    return True


def memory_below(node: Node) -> Node:
    """What a node shows whole and in order: itself, or what it only gives another shape or marks.
    """
    while node.op is Op.RESHAPE or node.op in MARKERS:
        node = node.src[0]
    return node


def view_of(source: Node, shape: tuple[int | Node, ...]) -> Node:
    """The elements of a tensor in row-major order, in another shape."""
    if shape == source.shape:
        return source
    template, symbols = split_symbols(shape)
    return Node(Op.RESHAPE, source.dtype, (source, *symbols), template)


def _of_first(node: Node) -> Shape:
    return node.src[0].shape


def _reduced(node: Node) -> Shape:
    axes = node.arg[1]
    return tuple(1 if i in axes else s for i, s in enumerate(node.src[0].shape))


def _partial(node: Node) -> Shape:
    lanes, rows = node.arg[1]
    *outer, last = node.src[0].shape
    assert isinstance(last, int), "a symbolic axis is not cut into blocks"
    return (*outer, -(-last // (lanes * rows)))


def _permuted(node: Node) -> Shape:
    return tuple(node.src[0].shape[i] for i in node.arg)


def _padded(node: Node) -> Shape:
    sizes = zip(node.src[0].shape, resolved(node), strict=True)
    return tuple(s + (before + after) if before or after else s for s, (before, after) in sizes)


def _affine(node: Node) -> Shape:
    """ValueError unless every place is on its axis."""
    shape, places = node.arg
    sizes = node.src[0].shape
    if len(places) != len(sizes):
        raise ValueError(f"AFFINE: {len(places)} places for {len(sizes)} axes")
    for (offset, factors), size in zip(places, sizes, strict=True):
        first, last = extent(shape, offset, factors)
        if not isinstance(size, int) or (0 not in shape and not 0 <= first <= last < size):
            raise ValueError(f"AFFINE: {first} to {last} leaves an axis of size {size}")
    return tuple(shape)


def _concatenated(node: Node) -> Shape:
    axis: int = node.arg
    total: Sint = 0
    for part in node.src:
        size = part.shape[axis]
        plain = isinstance(size, int) and isinstance(total, int)
        total = size + total if plain else index(total) + size
    first = node.src[0].shape
    return (*first[:axis], total, *first[axis + 1 :])


def _gathered(node: Node) -> Shape:
    x, picks = node.src
    axis: int = node.arg
    return (*x.shape[:axis], *picks.shape, *x.shape[axis + 1 :])


def _elementwise(node: Node) -> Shape:
    """One shape for all operands; a scalar operand applies to every element."""
    shape: Shape = ()
    for operand in node.src:
        if operand.shape and shape and operand.shape != shape:
            shapes = ", ".join(str(s.shape) for s in node.src)
            raise ValueError(f"{node.op}: operands must have one shape or be scalars, got {shapes}")
        shape = operand.shape or shape
    return shape


_ROWS: dict[Operation, Callable[[Node], Shape]] = {
    Op.BUFFER: lambda node: (node.arg[1],),
    Op.CONST: lambda node: (),
    Op.VARIABLE: lambda node: (),
    Op.BIND: lambda node: (),
    Op.TABLE: lambda node: (len(node.arg),),
    Op.IOTA: lambda node: (node.arg,),
    Op.RESHAPE: resolved,
    Op.EXPAND: resolved,
    Op.PERMUTE: _permuted,
    Op.PAD: _padded,
    Op.SHRINK: lambda node: tuple(size for _, size in resolved(node)),
    Op.FLIP: _of_first,
    Op.AFFINE: _affine,
    Op.REDUCE: _reduced,
    Op.PARTIAL: _partial,
    Op.GATHER: _gathered,
    Op.COPY: _of_first,
    Op.CONTIGUOUS: _of_first,
    Op.CAT: _concatenated,
    Op.SCAN: _of_first,
    Op.MERGE: _of_first,
    Op.SCATTER: _of_first,
    Op.CUSTOM: _of_first,
    Op.STORE: _of_first,
    Op.AFTER: _of_first,
    Op.PARAM: lambda node: (node.arg[1],),
    **dict.fromkeys(MARKERS, _of_first),
    **dict.fromkeys(ELEMENTWISE, _elementwise),
}


def infer(node: Node) -> Shape:
    """The shape of a node whose operands have theirs. Index arithmetic is scalar."""
    if node.dtype is dtypes.index and node.op is not Op.PARAM:
        return ()
    if node.op not in _ROWS:
        raise ValueError(f"{node.op} has no shape: it belongs to kernels")
    return _ROWS[node.op](node)
