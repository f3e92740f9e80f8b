"""Kernels that write while they go: scans, merges of sorted runs, scattered writes.

Each is the only operation of its kernel but for what is fused in front of it. Inside parallel loops
over rows, one loop runs in sequence, carries what the next round needs and writes in every round.
The SINK then has the loop's FOLD beside the WRITEs, so that the loop is there even where nothing
reads what it carries.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from engine import dtypes
from engine.folds import fold_many, identity
from engine.graph import Node, Sint, axis_range, index as index_of
from engine.ops import Axis, Op
from engine.schedule import Output
from engine.simplify import index

Position = tuple[Node, ...]
CHUNK = 128  # results of one round of a merge


class Lowering(Protocol):
    """What `lower` offers: elements of expressions, and loops of their own."""

    def value(self, node: Node, at: Position, gate: Node) -> Node:
        """The element of `node` at a position."""
        ...

    def reduce_range(self, end: Sint) -> Node:
        """A loop that runs in sequence."""
        ...


def parallel_loops(shape: tuple[Sint, ...]) -> Position:
    """A position in a tensor of this shape: a parallel loop for each axis."""
    return tuple(
        index_of(0) if size == 1 else axis_range(size, (i,), Axis.LOOP)
        for i, size in enumerate(shape)
    )


def _sink(loop: Node, *writes: Node) -> Node:
    return Node(Op.SINK, dtypes.bool_, (*writes, loop))


def _carried(loop: Node, start: Node, number: int) -> Node:
    return Node(Op.CARRY, start.dtype, (loop,), number)


# -- scans -----------------------------------------------------------------------------------------
def _scan(lowering: Lowering, output: Output) -> Node:
    """out[…, i] = (identity op x[…, 0]) op … op x[…, i]"""
    node = output.expression
    op, x = Op[node.arg], node.src[0]
    outer = parallel_loops(x.shape[:-1])
    row = lowering.reduce_range(x.shape[-1])
    at = (*outer, row)
    start = identity(op, node.dtype)
    total = _carried(row, start, 0).binary(op, lowering.value(x, at, index.TRUE))
    place = index.ravel(at, x.shape)
    write = Node(Op.WRITE, node.dtype, (output.target, place, total))
    return _sink(fold_many(row, (start,), (total,)), write)


SEQUENTIAL: dict[Op, Callable[[Lowering, Output], Node]] = {
    Op.SCAN: _scan,
}
