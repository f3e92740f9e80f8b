"""The pass that makes floats integers: what it leaves, what it calls, and how little it makes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from engine import dtypes
from engine.compile import PASSES, trace
from engine.decompose.floats import decompose_floats
from engine.dtypes import DType
from engine.graph import Node, axis_range, order_of
from engine.interpret.kernels import run
from engine.linearize import linearize
from engine.ops import Axis, Op
from engine.spec import Level, verify
from engine.target import HOST_DTYPES, HOST_OPS, Target

F32, F64 = dtypes.float32, dtypes.float64
HOST = Target("HOST")
NO_DOUBLE = dataclasses.replace(
    HOST, arithmetic=HOST.arithmetic - {F64}, storage=HOST.storage - {F64}
)
WORDS = dataclasses.replace(
    HOST,
    arithmetic=HOST_DTYPES - {F64, dtypes.int64, dtypes.uint64},
    storage=HOST.storage - {F64, dtypes.int64, dtypes.uint64},
)
LOOP = Node(Op.RANGE, dtypes.int32, (Node(Op.CONST, dtypes.int32, (), 8),), ((0,), "loop"))


def param(slot: int, dtype: DType) -> Node:
    return Node(Op.PARAM, dtype, (), (slot, 8))


def load(slot: int, dtype: DType, place: Node = LOOP) -> Node:
    return Node(Op.LOAD, dtype, (param(slot, dtype), place))


def stored(value: Node, place: Node = LOOP) -> Node:
    write = Node(Op.WRITE, value.dtype, (param(0, value.dtype), place, value))
    return Node(Op.SINK, dtypes.bool_, (write,))


def count(sink: Node, *ops: object) -> int:
    return sum(node.op in ops for node in order_of(sink))


def test_a_kernel_without_missing_floats_stays_the_same_object() -> None:
    sink = stored(load(1, F32) + load(2, F32))
    assert decompose_floats(sink, NO_DOUBLE) is sink
    assert decompose_floats(stored(load(1, F64)), HOST) is stored(load(1, F64))


def test_each_function_is_there_once() -> None:
    """Sums and differences are calls of one function, a product is one of another."""
    x, y = (load(slot, F64) for slot in (1, 2))
    value = ((x + y) - (x - y)) * (x * y)
    moves = dataclasses.replace(NO_DOUBLE, storage=HOST.storage)
    sink = decompose_floats(stored(value), moves)
    verify(sink, Level.MACHINE, moves, "decompose floats")
    assert (count(sink, Op.FUNCTION), count(sink, Op.CALL)) == (2, 5)


def test_memory_that_a_device_only_moves_keeps_its_dtype() -> None:
    moves = dataclasses.replace(NO_DOUBLE, storage=HOST.storage)
    sink = decompose_floats(stored(load(1, F64) + load(2, F64)), moves)
    assert [n.dtype for n in order_of(sink) if n.op is Op.PARAM] == [F64] * 3
    assert sink.src[0].src[2].op is Op.BITCAST


def test_what_a_device_only_moves_is_computed_from_its_bits() -> None:
    moves = dataclasses.replace(NO_DOUBLE, storage=HOST.storage)
    sink = decompose_floats(stored(load(1, F64) + load(2, F64)), moves)
    verify(sink, Level.MACHINE, moves, "decompose floats")
    x, y = np.linspace(-3, 5, 8), np.geomspace(0.1, 1e9, 8)
    result = np.zeros(8)
    run(linearize(sink, "moved", ()).kernel, [result, x, y])
    assert result.tolist() == (x + y).tolist()


def test_subroutines_take_and_give_two_words() -> None:
    place = axis_range(8, (0,), Axis.LOOP)
    left, right = load(1, F64, place), load(2, F64, place)
    value = left.lt(right).where(left - right, left)
    *_, (_, (sink,)) = trace(stored(value, place), WORDS)
    x, y = np.linspace(-3, 5, 8), np.geomspace(1e-3, 30, 8)
    assert (x < y).any() and not (x < y).all()
    words = [np.zeros(16, np.uint32), x.view(np.uint32), y.view(np.uint32)]
    run(linearize(sink, "words", ()).kernel, words)
    assert words[0].view(np.float64).tolist() == np.where(x < y, x - y, x).tolist()


def test_division_alone_may_be_missing() -> None:
    target = dataclasses.replace(HOST, ops=HOST_OPS - {Op.DIV})
    sink = decompose_floats(stored(load(1, F32) / load(2, F32) + load(1, F32).sqrt()), target)
    verify(sink, Level.MACHINE, target, "decompose floats")
    assert count(sink, Op.DIV) == 0 and count(sink, Op.SQRT) == count(sink, Op.CALL) == 1


def test_what_should_have_gone_before_is_refused() -> None:
    for value in (load(1, F64).unary(Op.EXP), load(1, dtypes.float16).convert(F64)):
        with pytest.raises(ValueError, match=r"no form in integers|other floats before"):
            decompose_floats(stored(value), NO_DOUBLE)


@pytest.mark.parametrize("op, most", [(Op.POW, 1900), (Op.ERF, 1500), (Op.SIN, 1500)])
def test_functions_in_words_stay_small(op: Op, most: int) -> None:
    """Written out, the power is 46,000 nodes: seconds of passes and compilers."""
    place = axis_range(8, (0,), Axis.LOOP)
    x = load(1, F64, place)
    value = Node(op, F64, (x, load(2, F64, place)) if op is Op.POW else (x,))
    *_, (last, (sink,)) = trace(stored(value, place), WORDS)
    assert last is PASSES[-1] and most / 2 < len(order_of(sink)) < most
    assert not any(n.dtype.scalar in (F64, dtypes.uint64) for n in order_of(sink))
