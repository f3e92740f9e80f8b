"""Vectors, copies and lanes made explicit: the same bits as the loops that they are made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from engine import dtypes
from engine.expand import expand, replace_trees
from engine.graph import Node, axis_range, order_of
from engine.interpret.kernels import run
from engine.interpret.preconditions import Array
from engine.linearize import linearize
from engine.ops import Axis, Op
from engine.simplify import index

F32 = dtypes.float32
ROWS, LANES = 4, 8
INNER = (Axis.REDUCE, Axis.UNROLL, Axis.VECTOR)


def load(slot: int, size: int, place: Node, *gate: Node) -> Node:
    return Node(Op.LOAD, F32, (Node(Op.PARAM, F32, (), (slot, size)), place, *gate))


def written(size: int, place: Node, value: Node) -> Node:
    write = Node(Op.WRITE, F32, (Node(Op.PARAM, F32, (), (0, size)), place, value))
    return Node(Op.SINK, dtypes.bool_, (write,))


def executed(sink: Node, size: int, operands: Sequence[Array]) -> Array:
    out = np.full(size, 77, np.float32)
    made = linearize(sink, "expanded", ())
    run(made.kernel, [(out, *operands)[slot] for slot in made.slots])
    return out


def numbers(count: int, seed: int) -> Array:
    """Whose sums depend on their order."""
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(count) * 10.0 ** rng.integers(-4, 5, count)).astype(np.float32)


def halved(lanes: Array) -> Array:
    """The sum over the last axis in the order of a TREE."""
    while lanes.shape[-1] > 1:
        half = lanes.shape[-1] // 2
        lanes = lanes[..., :half] + lanes[..., half:]
    return lanes[..., 0]


# -- trees -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("count", [2, 4, 8, 32])
@pytest.mark.parametrize("kind", INNER)
def test_lanes_are_combined_by_halving(kind: Axis, count: int) -> None:
    row = axis_range(ROWS, (0,), Axis.LOOP)
    lane = axis_range(count, (1,), kind)
    x = load(1, ROWS * count, index.ravel((row, lane), (ROWS, count)))
    made = expand(written(ROWS, row, Node(Op.TREE, F32, (lane, x * x), "ADD")))
    assert not [n for n in order_of(made) if n.op is Op.TREE]
    given = numbers(ROWS * count, count)
    due = halved((given * given).reshape(ROWS, count))
    assert executed(made, ROWS, [given]).tobytes() == due.tobytes()


@pytest.mark.parametrize("count", [2, 8, 32])
def test_a_tree_among_invocations_is_halved_too(count: int) -> None:
    """The first one has the result; what others get stays theirs."""
    row, lane = axis_range(ROWS, (0,), Axis.GLOBAL), axis_range(count, (1,), Axis.WORKGROUP)
    x = load(1, ROWS * count, index.ravel((row, lane), (ROWS, count)))
    tree = Node(Op.TREE, F32, (lane, x), "ADD")
    (write,) = written(ROWS, row, tree).src
    made = expand(Node(Op.SINK, dtypes.bool_, (write.replace((*write.src, index.less(lane, 1))),)))
    assert sum(n.op is Op.SHUFFLE for n in order_of(made)) == count.bit_length() - 1
    given = numbers(ROWS * count, count)
    due = halved(given.reshape(ROWS, count))
    assert executed(made, ROWS, [given]).tobytes() == due.tobytes()


def test_trees_become_loops_of_two_rounds() -> None:
    lane = axis_range(LANES, (1,), Axis.REDUCE)
    x = load(1, LANES, lane)
    made = replace_trees(written(1, index.add(0, 0), Node(Op.TREE, F32, (lane, x), "MAXIMUM")))
    loops = [n for n in order_of(made) if n.op is Op.RANGE]
    assert [n.src[0].arg for n in loops] == [2, 2, 2]
    assert {n.src[0] for n in order_of(made) if n.op is Op.FOLD} == set(loops)


@pytest.mark.parametrize("inner, outer", [
    (Axis.REDUCE, Axis.VECTOR), (Axis.UNROLL, Axis.VECTOR),
    (Axis.UNROLL, Axis.UNROLL), (Axis.VECTOR, Axis.UNROLL),
])  # fmt: skip
def test_a_tree_inside_copies_is_that_of_each_copy(inner: Axis, outer: Axis) -> None:
    """There are no vectors of vectors, and lanes in a loop are not copied."""
    row = axis_range(ROWS, (0,), outer)
    lane = axis_range(LANES, (1,), inner)
    x = load(1, ROWS * LANES, index.ravel((row, lane), (ROWS, LANES)))
    made = expand(written(ROWS, row, Node(Op.TREE, F32, (lane, x), "ADD")))
    given = numbers(ROWS * LANES, 3)
    due = halved(given.reshape(ROWS, LANES))
    assert executed(made, ROWS, [given]).tobytes() == due.tobytes()


# -- memory ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", [Axis.UNROLL, Axis.VECTOR])
@pytest.mark.parametrize("factor", [0, 1, 2, 3])
@pytest.mark.parametrize("gated", [False, True])
def test_every_round_reads_its_place(factor: int, kind: Axis, gated: bool) -> None:
    """Neighbours, one place for all, and places apart; in front of the memory there is nothing."""
    row = axis_range(ROWS, (0,), Axis.LOOP)
    lane = axis_range(LANES, (1,), kind)
    size = ROWS * LANES * 4
    place = index.add(index.multiply(lane, factor), index.multiply(row, LANES))
    start = index.subtract(place, 5) if gated else place
    gate = (index.less(-1, start),) if gated else ()
    other = index.ravel((row, lane), (ROWS, LANES))
    made = expand(written(ROWS * LANES, other, load(1, size, start, *gate)))
    given = numbers(size, 4)
    at = (np.arange(LANES) * factor + np.arange(ROWS)[:, None] * LANES - 5 * gated).ravel()
    due = np.where(at >= 0, given[at], np.float32(0))
    assert executed(made, ROWS * LANES, [given]).tobytes() == due.tobytes()


@pytest.mark.parametrize("kind", [Axis.UNROLL, Axis.VECTOR])
@pytest.mark.parametrize("factor", [1, 2])
def test_a_gate_may_be_the_same_in_every_round(factor: int, kind: Axis) -> None:
    row = axis_range(ROWS, (0,), Axis.LOOP)
    lane = axis_range(LANES, (1,), kind)
    size = ROWS * LANES
    other = index.ravel((row, lane), (ROWS, LANES))
    loaded = load(1, 2 * size, index.multiply(other, factor), index.less(0, row))
    made = expand(written(size, other, loaded))
    loads = [n for n in order_of(made) if n.op is Op.LOAD]
    assert all(n.src[2].dtype.lanes == n.src[1].dtype.lanes for n in loads), "one for each address"
    given = numbers(2 * size, 5)
    due = given[: factor * size : factor].copy()
    due[:LANES] = 0
    assert executed(made, size, [given]).tobytes() == due.tobytes()


@pytest.mark.parametrize("kind", [Axis.UNROLL, Axis.VECTOR])
def test_neighbours_are_one_access(kind: Axis) -> None:
    """A vector has one address where its lanes are neighbours, and one for each where not."""
    lane = axis_range(LANES, (1,), kind)
    places = {}
    for factor in (1, 2):
        sink = written(LANES, lane, load(1, 2 * LANES, index.multiply(lane, factor)))
        loads = [n for n in order_of(expand(sink)) if n.op is Op.LOAD]
        places[factor] = [(n.dtype.lanes, n.src[1].dtype.lanes) for n in loads]
    copies = [(1, 1)] * LANES
    vectors = {1: [(LANES, 1)], 2: [(LANES, LANES)]}
    assert places == (vectors if kind is Axis.VECTOR else {1: copies, 2: copies})
