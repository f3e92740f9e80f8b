"""Loops that carry values: what they begin with, and which value is taken out."""

from __future__ import annotations

import pytest

from engine import dtypes
from engine.dtypes import TENSOR_DTYPES, DType, Scalar
from engine.folds import fold_many, identity, pick
from engine.graph import Node, axis_range, const
from engine.ops import Axis, Op, Operation

NUMBERS = [dtype for dtype in TENSOR_DTYPES if dtype.kind != "bool"]
ROWS = [(op, dtype) for op in (Op.ADD, Op.MUL, Op.MAXIMUM, Op.MINIMUM) for dtype in NUMBERS]
ROWS += [(op, dtypes.bool_) for op in (Op.MAXIMUM, Op.MINIMUM)]


@pytest.mark.parametrize("op, dtype", ROWS, ids=str)
def test_an_identity_changes_nothing(op: Operation, dtype: DType) -> None:
    """Formats without infinities begin at their ends, which no number passes."""
    start = identity(op, dtype)
    assert start.dtype is dtype
    value = dtype.decode(start.arg)
    for x in ends(dtype):
        due = {Op.ADD: x + value, Op.MUL: x * value, Op.MAXIMUM: max(x, value)}
        assert due.get(op, min(x, value)) == x


def ends(dtype: DType) -> tuple[Scalar, ...]:
    if not dtype.is_float:
        return dtype.min, dtype.max, 0, 1
    largest = dtype.decode(dtype.infinity if dtype.has_infinity else dtype.largest)
    return -largest, largest, 0.0, 1.0


def test_each_value_is_picked_with_its_dtype() -> None:
    loop = axis_range(5, (0,), Axis.REDUCE)
    rows = (dtypes.int32, dtypes.float64, dtypes.uint8)
    starts = tuple(const(0, row) for row in rows)
    updates = [Node(Op.CARRY, row, (loop,), i) for i, row in enumerate(rows)]
    folded = fold_many(loop, starts, updates)
    assert [pick(folded, i).dtype for i in range(3)] == list(rows)
    assert [pick(folded, i).arg for i in range(3)] == [0, 1, 2] and folded.arg == 3
