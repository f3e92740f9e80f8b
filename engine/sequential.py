"""Kernels that write while they go: scans, merges of sorted runs, scattered writes.

Each is the only operation of its kernel but for what is fused in front of it. Inside parallel loops
over rows, one loop runs in sequence, carries what the next round needs and writes in every round.
The SINK then has the loop's FOLD beside the WRITEs, so that the loop is there even where nothing
reads what it carries; and it carries the place that it writes, so that it is inside the parallel
loops even where all rows are alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from engine import dtypes
from engine.custom import placed
from engine.folds import fold_many, identity, pick
from engine.graph import Node, Sint, index as index_of
from engine.moves import Position, parallel_loops
from engine.ops import OPERATIONS, Op, Operation
from engine.shapes import memory_below
from engine.simplify import index
from engine.steps import Output

CHUNK = 1024  # results of one round of a merge


class Lowering(Protocol):
    """What `lower` offers: elements of expressions, and loops of their own."""

    def value(self, node: Node, at: Position, gate: Node) -> Node:
        """The element of `node` at a position."""
        ...

    def reduce_range(self, end: Sint) -> Node:
        """A loop that runs in sequence."""
        ...


def _sink(loop: Node, *writes: Node) -> Node:
    return Node(Op.SINK, dtypes.bool_, (*writes, loop))


def _carried(loop: Node, start: Node, number: int) -> Node:
    return Node(Op.CARRY, start.dtype, (loop,), number)


# -- scans -----------------------------------------------------------------------------------------
def _scan(lowering: Lowering, output: Output) -> Node:
    """out[…, i] = (identity op x[…, 0]) op … op x[…, i]"""
    node = output.expression
    op, x = OPERATIONS[node.arg], node.src[0]
    outer = parallel_loops(x.shape[:-1])
    row = lowering.reduce_range(x.shape[-1])
    at = (*outer, row)
    start = identity(op, node.dtype)
    total = _carried(row, start, 0).binary(op, lowering.value(x, at, index.TRUE))
    place = index.ravel(at, x.shape)
    write = Node(Op.WRITE, node.dtype, (output.target, place, total))
    return _sink(fold_many(row, (start, index_of(0)), (total, place)), write)


# -- merges ----------------------------------------------------------------------------------------
def _merge(lowering: Lowering, output: Output) -> Node:
    """Runs of n items, sorted, become runs of 2n.

    A round of the parallel loop makes CHUNK results of one pair of runs: it finds how many of the
    results before these come from the first run, by bisection, and goes on from there (the merge
    path of Odeh, Green, Mwassi, Shmueli, Birk, "Merge Path - Parallel Merging Made Simple", IPDPS
    Workshops 2012). The numbers are distinct, so that nothing depends on which run wins a tie.
    """
    node = output.expression
    x, length = node.src[0], node.arg
    total = x.shape[-1]
    assert isinstance(total, int), "a symbolic axis is not sorted"
    chunk = min(CHUNK, 2 * length)
    *rows, number = parallel_loops((*x.shape[:-1], -(-total // chunk)))
    first = index.multiply(number, chunk)  # of the results of this round
    start = index.multiply(index.floordiv(first, 2 * length), 2 * length)  # of its pair of runs
    left = index.subtract(total, start)
    pair = _Pair(
        lambda place, gate: lowering.value(x, (*rows, place), gate), start, length,
        _between(left, 0, length), _between(index.subtract(left, length), 0, length),
    )  # fmt: skip
    done = index.subtract(first, start)
    whole = chunk == 2 * length  # a round makes all of a pair, from its beginning on
    taken = index_of(0) if whole else _bisect(lowering, pair, done)
    step = lowering.reduce_range(chunk)
    i = _carried(step, taken, 0)
    j = index.subtract(index.add(done, step), i)
    value, from_first = pair.smaller(i, j)
    place = index.add(first, step)
    gate = index.less(place, total)
    flat = index.ravel((*rows, place), x.shape)
    write = _write(output.target, flat, value, gate)
    updates = (index.select(from_first, index.add(i, 1), i), flat)
    return _sink(fold_many(step, (taken, index_of(0)), updates), write)


@dataclass(frozen=True)
class _Pair:
    """Two sorted runs: the first begins at `start`, the second `length` behind it."""

    item: Callable[[Node, Node], Node]  # place, gate -> the number there
    start: Node
    length: int
    first: Node  # how many items the runs have
    second: Node

    def items(self, i: Node, j: Node, has_first: Node, has_second: Node) -> tuple[Node, Node]:
        """Item i of the first run and j of the second, where there are such."""
        behind = index.add(self.start, self.length)
        return (
            self.item(index.add(self.start, i), has_first),
            self.item(index.add(behind, j), has_second),
        )

    def smaller(self, i: Node, j: Node) -> tuple[Node, Node]:
        """The smaller of the two, and whether it is that of the first run."""
        has_first, has_second = index.less(i, self.first), index.less(j, self.second)
        a, b = self.items(i, j, has_first, has_second)
        from_first = index.both(has_first, ~has_second | a.lt(b))
        return from_first.where(a, b), from_first


def _bisect(lowering: Lowering, pair: _Pair, done: Node) -> Node:
    """How many of the `done` smallest numbers of a pair are in its first run."""
    low = _between(index.subtract(done, pair.second), 0, pair.length)
    high = index.select(index.less(done, pair.first), done, pair.first)
    loop = lowering.reduce_range(pair.length.bit_length())
    lowest, highest = _carried(loop, low, 0), _carried(loop, high, 1)
    middle = index.add(lowest, highest) >> index_of(1)
    open_ = index.less(lowest, highest)
    other = index.subtract(index.subtract(done, 1), middle)
    a, b = pair.items(middle, other, open_, open_)
    inside = a.lt(b)  # so item `middle` of the first run is among them
    updates = (
        index.select(index.both(open_, inside), index.add(middle, 1), lowest),
        index.select(index.both(open_, ~inside), middle, highest),
    )
    return pick(fold_many(loop, (low, high), updates), 0)


def _between(x: Node, low: int, high: int) -> Node:
    """x, not below `low` and not above `high`"""
    capped = index.select(index.less(x, high), x, index_of(high))
    return index.select(index.less(x, low), index_of(low), capped)


# -- scattered writes ------------------------------------------------------------------------------
def _scatter(lowering: Lowering, output: Output) -> Node:
    """target[…, index[…, t, …], …] = value[…, t, …], or combined with it, for t = 0, 1, 2 …

    The target holds the base already. Rounds of the other axes meet at no place. The index is in
    memory of its own, row-major, so that no place is known before its round.
    """
    node = output.expression
    axis, name = node.arg
    _, picks, value = node.src
    at = list(parallel_loops(picks.shape))
    at[axis] = loop = lowering.reduce_range(picks.shape[axis])
    raw = lowering.value(picks, tuple(at), index.TRUE)
    given = lowering.value(value, tuple(at), index.TRUE)
    place, inside = index.on_axis(raw, node.shape[axis])
    where = (*at[:axis], place, *at[axis + 1 :])
    number = index.ravel(where, node.shape)
    if name is not None:
        old = Node(Op.LOAD, node.dtype, (output.target, number, inside))
        given = old.binary(OPERATIONS[name], given)
    last = fold_many(loop, (index_of(0),), (number,))
    return _sink(last, _write(output.target, number, given, inside))


def _custom(lowering: Lowering, output: Output) -> Node:
    """A kernel as its author wrote it. Its tensors are in memory of their own."""
    node = output.expression
    return placed(node.arg, [output.target, *map(memory_below, node.src[1:])])


def _write(memory: Node, place: Node, value: Node, gate: Node) -> Node:
    src = (memory, place, value) if gate is index.TRUE else (memory, place, value, gate)
    return Node(Op.WRITE, value.dtype, src)


SEQUENTIAL: dict[Operation, Callable[[Lowering, Output], Node]] = {
    Op.SCAN: _scan,
    Op.MERGE: _merge,
    Op.SCATTER: _scatter,
    Op.CUSTOM: _custom,
}
