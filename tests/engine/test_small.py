"""What becomes of 8-bit and 16-bit integers on a device that has words only, in the graph."""

from __future__ import annotations

import pytest

from engine import dtypes
from engine.compile import trace
from engine.decompose.small import pack, widen_small
from engine.graph import Node, axis_range, order_of
from engine.ops import PARALLEL, Axis, Op
from engine.simplify import index
from engine.spec import Level, verify
from engine.target import HOST_DTYPES, Target

LARGE = HOST_DTYPES - {dtypes.int8, dtypes.uint8, dtypes.int16, dtypes.uint16}
TARGET = Target("WORDS", arithmetic=LARGE, storage=LARGE - {dtypes.bool_}, store_granularity=4)


def buffer(slot: int, size: int, dtype: dtypes.DType) -> Node:
    return Node(Op.PARAM, dtype, (), (slot, size))


def doubled(dtype: dtypes.DType, rows: int, columns: int) -> Node:
    """Slot 0 = slot 1 + slot 1, in two loops."""
    loops = (axis_range(rows, (0,), Axis.LOOP), axis_range(columns, (1,), Axis.LOOP))
    place = index.ravel(loops, (rows, columns))
    memory = (buffer(slot, rows * columns, dtype) for slot in (0, 1))
    target, source = memory
    x = Node(Op.LOAD, dtype, (source, place))
    return Node(Op.SINK, dtypes.bool_, (Node(Op.WRITE, dtype, (target, place, x + x)),))


@pytest.mark.parametrize("dtype", [dtypes.int8, dtypes.uint16])
def test_memory_is_words_and_so_are_values(dtype: dtypes.DType) -> None:
    *_, (_, (kernel,)) = trace(doubled(dtype, 3, 7), TARGET)
    verify(kernel, Level.MACHINE, TARGET, "test")
    words = -(-21 * dtype.bits // 32)
    assert {n.arg for n in order_of(kernel) if n.op is Op.PARAM} == {(0, words), (1, words)}
    assert all(n.dtype.scalar.bits in (1, 32) for n in order_of(kernel))


def test_loops_run_in_sequence_and_every_one_is_a_fold() -> None:
    packed = pack(doubled(dtypes.int8, 3, 7), TARGET)
    loops = [n for n in order_of(packed) if n.op is Op.RANGE]
    assert len(loops) == 2 and not [n for n in loops if n.arg[1] in PARALLEL]
    assert {n.src[0] for n in order_of(packed) if n.op is Op.FOLD} == set(loops)
    verify(packed, Level.LOOPS, TARGET, "test")


def test_kernels_that_only_read_small_integers_keep_their_loops() -> None:
    place = axis_range(9, (0,), Axis.LOOP)
    x = Node(Op.LOAD, dtypes.int8, (buffer(1, 9, dtypes.int8), place)).cast(dtypes.float32)
    write = Node(Op.WRITE, dtypes.float32, (buffer(0, 9, dtypes.float32), place, x))
    packed = pack(Node(Op.SINK, dtypes.bool_, (write,)), TARGET)
    assert place in order_of(packed)


def test_the_word_is_read_again_in_every_round() -> None:
    """Though all four items of the buffer are in one word."""
    packed = pack(doubled(dtypes.int8, 1, 4), TARGET)
    target = buffer(0, 1, dtypes.uint32)
    (load,) = [n for n in order_of(packed) if n.op is Op.LOAD and n.src[0] is target]
    assert any(n.op is Op.RANGE for n in order_of(load))


def test_a_device_that_stores_bytes_keeps_the_kernel() -> None:
    sink = doubled(dtypes.int8, 3, 7)
    host = Target("HOST")
    assert pack(sink, host) is sink and widen_small(sink, host) is sink


def test_one_tensor_written_twice_is_refused() -> None:
    place, target = axis_range(4, (0,), Axis.LOOP), buffer(0, 8, dtypes.int8)
    one = Node(Op.CONST, dtypes.int8, (), 1)
    writes = [
        Node(Op.WRITE, dtypes.int8, (target, index.add(index.multiply(place, 2), k), one))
        for k in range(2)
    ]
    sink = Node(Op.SINK, dtypes.bool_, tuple(writes))
    with pytest.raises(ValueError, match="cannot write one tensor of int8 in two places"):
        pack(sink, TARGET)
