"""Where NaNs become canonical: before their bits are looked at, and nowhere else."""

from __future__ import annotations

import pytest

from engine import dtypes
from engine.canonical import CANONICAL_ALREADY, place_canon
from engine.folds import fold, fold_many, pick
from engine.graph import Node, axis_range, const, index
from engine.ops import Axis, Op, Operation

F32 = dtypes.float32
LOOP = axis_range(8, (0,), Axis.LOOP)
ROW = axis_range(5, (1,), Axis.REDUCE)


def load(slot: int, dtype: dtypes.DType = F32) -> Node:
    return Node(Op.LOAD, dtype, (Node(Op.PARAM, dtype, (), (slot, 8)), LOOP))


X, Y, C = load(1), load(2), load(3, dtypes.bool_)


def placed(value: Node) -> Node:
    """What a kernel writes in the place of a value."""
    memory = Node(Op.PARAM, value.dtype, (), (0, 8))
    sink = Node(Op.SINK, dtypes.bool_, (Node(Op.WRITE, value.dtype, (memory, LOOP, value)),))
    return place_canon(sink).src[0].src[2]


@pytest.mark.parametrize("value", [X + Y, X.sqrt(), X.binary(Op.POW, Y), X.cast("float64")])
def test_what_is_computed_becomes_canonical_before_a_store(value: Node) -> None:
    assert placed(value) is value.canonical()


@pytest.mark.parametrize("value", [
    X, -X, C.where(X, Y), X.bitcast("uint32"), X.lt(Y), load(4, dtypes.int32) + 1,
    X.canonical(), X.binary(Op.MAXIMUM, Y), X.binary(Op.MINIMUM, Y),
])  # fmt: skip
def test_what_is_moved_or_canonical_already_stays(value: Node) -> None:
    assert placed(value) is value


def test_operations_on_bits_see_canonical_operands() -> None:
    total = X + Y
    assert placed(-total) is -total.canonical()
    assert placed(total.bitcast("uint32")) is total.canonical().bitcast("uint32")
    assert placed(C.where(total, Y)) is C.where(total.canonical(), Y)
    assert placed(C.where(X, total)) is C.where(X, total.canonical())


def test_arithmetic_takes_any_nan() -> None:
    chosen = C.where(X + Y, Y)
    assert placed(chosen * X) is (chosen * X).canonical()
    assert placed(chosen.lt(X)) is chosen.lt(X)
    nested = C.where(chosen, X)  # a choice whose only user is one that is looked at
    assert placed(nested) is C.where(C.where((X + Y).canonical(), Y), X)


def test_a_choice_with_two_users_is_canonical_for_the_one_that_looks() -> None:
    chosen = C.where(X + Y, Y)
    made = C.where((X + Y).canonical(), Y)
    assert placed(-chosen + chosen) is (-made + made).canonical()


@pytest.mark.parametrize("op", [Op.ADD, Op.MUL, Op.MAXIMUM])
def test_what_loops_carry_is_computed_unless_its_last_step_is_canonical(op: Operation) -> None:
    folded = fold(ROW, const(0.0, F32), op, X)
    assert placed(folded) is (folded if op in CANONICAL_ALREADY else folded.canonical())
    tree = Node(Op.TREE, F32, (ROW, X), str(op))
    assert placed(tree) is (tree if op in CANONICAL_ALREADY else tree.canonical())


def test_a_tree_of_moved_values_is_what_its_lanes_are() -> None:
    """Its operation selects, so a NaN that it hands on is one of a lane's."""
    summed = Node(Op.TREE, F32, (ROW, fold(ROW, const(0.0, F32), Op.ADD, X)), "MAXIMUM")
    assert placed(summed) is summed.canonical()


def test_each_carried_value_is_judged_by_itself() -> None:
    starts = (const(0.0, F32), const(0.0, F32), const(0, dtypes.int32))
    carried = [Node(Op.CARRY, s.dtype, (ROW,), i) for i, s in enumerate(starts)]
    updates = (carried[0] + X, X, carried[2] + 1)
    folded = fold_many(ROW, starts, updates)
    assert [placed(pick(folded, i)) is pick(folded, i) for i in range(3)] == [False, True, True]
    handed = fold_many(ROW, starts, (carried[1], X + Y, carried[2]))
    assert placed(pick(handed, 0)) is pick(handed, 0).canonical(), "it was computed a round before"


def test_scattered_places_do_not_matter() -> None:
    """Only the value of a write is looked at."""
    place = index(3)
    memory = Node(Op.PARAM, F32, (), (0, 8))
    gate = (X + Y).lt(X)
    write = Node(Op.WRITE, F32, (memory, place, X, gate))
    assert place_canon(Node(Op.SINK, dtypes.bool_, (write,))).src[0] is write
