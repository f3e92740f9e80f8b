"""Where the elements of views come from: for each movement operation, its index arithmetic.

A row takes a position in the result, an index for each axis, and gives the position in the operand,
the condition under which there is an element, and the scalar that stands where there is none.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.graph import Node, Sint, axis_range, index as index_of
from engine.ops import Axis, Op, Operation
from engine.shapes import resolved
from engine.simplify import index

Position = tuple[Node, ...]
Moved = tuple[Position, Node, Node | None]


def parallel_loops(shape: tuple[Sint, ...]) -> Position:
    """A position in a tensor of this shape: a parallel loop for each axis."""
    return tuple(
        index_of(0) if size == 1 else axis_range(size, (i,), Axis.LOOP)
        for i, size in enumerate(shape)
    )


def _through(node: Node, at: Position) -> Moved:
    return at, index.TRUE, None


def _reshape(node: Node, at: Position) -> Moved:
    number = index.ravel(at, node.shape)
    return index.unravel(number, node.src[0].shape), index.TRUE, None


def _permute(node: Node, at: Position) -> Moved:
    return tuple(at[node.arg.index(i)] for i in range(len(at))), index.TRUE, None


def _expand(node: Node, at: Position) -> Moved:
    zero = index_of(0)
    inner = zip(at, node.src[0].shape, node.shape, strict=True)
    moved = tuple(zero if size == 1 and wide != 1 else p for p, size, wide in inner)
    return moved, index.TRUE, None


def _pad(node: Node, at: Position) -> Moved:
    inner, valid = [], index.TRUE
    for p, size, (before, _) in zip(at, node.src[0].shape, resolved(node), strict=True):
        p = index.subtract(p, before)
        valid = index.both(valid, index.both(index.less(-1, p), index.less(p, size)))
        inner.append(p)
    return tuple(inner), valid, node.src[1]


def _shrink(node: Node, at: Position) -> Moved:
    offsets = (offset for offset, _ in resolved(node))
    return tuple(index.add(p, o) for p, o in zip(at, offsets, strict=True)), index.TRUE, None


def _flip(node: Node, at: Position) -> Moved:
    flipped = (
        index.subtract(index.subtract(size, 1), p) if i in node.arg else p
        for i, (p, size) in enumerate(zip(at, node.shape, strict=True))
    )
    return tuple(flipped), index.TRUE, None


def _affine(node: Node, at: Position) -> Moved:
    """Every source coordinate is a sum of the result's."""
    inner = tuple(index.place(at, offset, factors) for offset, factors in node.arg[1])
    return inner, index.TRUE, None


MOVES: dict[Operation, Callable[[Node, Position], Moved]] = {
    Op.RESHAPE: _reshape,
    Op.PERMUTE: _permute,
    Op.EXPAND: _expand,
    Op.PAD: _pad,
    Op.SHRINK: _shrink,
    Op.FLIP: _flip,
    Op.AFFINE: _affine,
    Op.CONTIGUOUS: _through,
    Op.COPY: _through,
    Op.AFTER: _through,
}
