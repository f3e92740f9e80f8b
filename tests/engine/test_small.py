"""What becomes of 8-bit and 16-bit integers on a device that has words only, in the graph."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from engine import dtypes, optimize as optimizer
from engine.arrays import NUMPY
from engine.compile import trace
from engine.decompose.small import pack, widen_small
from engine.dtypes import DType
from engine.folds import fold_many
from engine.graph import Node, axis_range, order_of
from engine.interpret.kernels import run
from engine.interpret.preconditions import Array
from engine.linearize import linearize
from engine.ops import PARALLEL, Axis, Op
from engine.simplify import index
from engine.spec import Level, verify
from engine.target import HOST_DTYPES, Target

F32 = dtypes.float32
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
    *_, (_, kernels) = trace(doubled(dtype, 3, 7), TARGET)
    words = -(-21 * dtype.bits // 32)
    for made in kernels:
        verify(made, Level.MACHINE, TARGET, "test")
        assert {n.arg for n in order_of(made) if n.op is Op.PARAM} == {(0, words), (1, words)}
        assert all(n.dtype.scalar.bits in (1, 32) for n in order_of(made))


# -- which kernels write what ----------------------------------------------------------------------
SHUFFLES = (None, 1, 2)


def kernel(dtype: DType, shape: tuple[int, ...], place: Callable[..., Node], size: int) -> Node:
    """out[place(i, …)] = 3 * x[i, …] + 1 in a loop for each axis; `out` has `size` items."""
    loops = tuple(axis_range(n, (i,), Axis.LOOP) for i, n in enumerate(shape))
    source = buffer(1, math.prod(shape), dtype)
    x = Node(Op.LOAD, dtype, (source, index.ravel(loops, shape)))
    target = buffer(0, size, dtype)
    return Node(Op.SINK, dtypes.bool_, (Node(Op.WRITE, dtype, (target, place(*loops), x * 3 + 1)),))


def executed(kernels: Sequence[Node], out: Array, x: Array, shuffle: int | None) -> Array:
    """What is in memory of small items after kernels that may take it for words."""
    raw = [bytearray(part.tobytes()) + bytes(-part.nbytes % 4) for part in (out, x)]
    for sink in kernels:
        made = linearize(sink, "small", ())
        rows = zip(made.slots, made.kernel.parameters, strict=True)
        items = [np.frombuffer(raw[slot], NUMPY[row.dtype], row.size) for slot, row in rows]
        run(made.kernel, items, shuffle=shuffle)
    return np.frombuffer(raw[0], out.dtype, len(out))


def in_order(*factors: int, start: int = 0) -> Callable[..., Node]:
    def place(*loops: Node) -> Node:
        total: Node = index.add(0, start)
        for loop, factor in zip(loops, factors, strict=True):
            total = index.add(total, index.multiply(loop, factor))
        return total

    return place


# shape, place, items of the result, and how many kernels write whole words and parts of words
Layout = tuple[tuple[int, ...], Callable[..., Node], int, int, int]
LAYOUTS: dict[str, Layout] = {
    "all of a row": ((16,), in_order(1), 16, 1, 0),
    "a row and a part": ((15,), in_order(1), 15, 1, 0),
    "a row and a part, and more": ((15,), in_order(1), 16, 1, 1),
    "two axes that are one": ((3, 7), in_order(7, 1), 21, 1, 0),
    "rows of whole words": ((3, 8), in_order(8, 1), 24, 1, 0),
    "rows with gaps of words": ((3, 8), in_order(12, 1), 36, 1, 0),
    "rows in another order": ((3, 8, 2), in_order(8, 1, 24), 48, 1, 0),
    "transposed": ((4, 6), in_order(1, 4), 24, 1, 0),
    "from the middle of a word": ((13,), in_order(1, start=3), 21, 1, 1),
    "from the middle, to the middle": ((14,), in_order(1, start=3), 21, 1, 2),
    "from the middle, to the end": ((14,), in_order(1, start=3), 17, 1, 1),
    "rows from the middle of a word": ((3, 8), in_order(8, 1, start=1), 30, 1, 2),
    "rows that are no words": ((3, 4), in_order(6, 1), 18, 0, 1),
    "every second item": ((8,), in_order(2), 16, 0, 1),
    "backwards": ((8,), in_order(-1, start=7), 8, 0, 1),
    "less than a word": ((3,), in_order(1), 3, 1, 0),
    "less than a word, and more": ((3,), in_order(1), 9, 0, 1),
    "one item": ((1,), in_order(1), 1, 1, 0),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
@pytest.mark.parametrize("dtype", [dtypes.int8, dtypes.uint8], ids=str)
def test_words_are_written_whole_where_they_have_one_owner(layout: Layout, dtype: DType) -> None:
    """And whatever is around what is written stays, in whichever order the rounds run."""
    shape, place, size, whole, parts = layout
    sink = kernel(dtype, shape, place, size)
    kernels = pack(sink, TARGET)
    in_words = [made for made in kernels if not reads_words(made)]
    assert (len(in_words), len(kernels) - len(in_words)) == (whole, parts)
    rng = np.random.default_rng(size)
    out, x = (rng.integers(0, 100, n).astype(NUMPY[dtype]) for n in (size, math.prod(shape)))
    due = executed([sink], out, x, None)
    for shuffle in SHUFFLES:
        assert np.array_equal(executed(kernels, out, x, shuffle), due)


def reads_words(sink: Node) -> bool:
    """Whether a kernel reads the memory of slot 0, which it writes."""
    return any(n.op is Op.LOAD and n.src[0].arg[0] == 0 for n in order_of(sink))


@pytest.mark.parametrize("size", range(1, 19))
@pytest.mark.parametrize("start", range(4))
@pytest.mark.parametrize("dtype", [dtypes.uint8, dtypes.int16], ids=str)
def test_every_start_and_every_end(dtype: DType, start: int, size: int) -> None:
    sink = kernel(dtype, (size,), in_order(1, start=start), start + size + 5)
    out = np.full(start + size + 5, 77, NUMPY[dtype])
    x = np.arange(size).astype(NUMPY[dtype])
    due = out.copy()
    due[start : start + size] = x * 3 + 1
    for shuffle in SHUFFLES:
        assert np.array_equal(executed(pack(sink, TARGET), out, x, shuffle), due)


def test_whole_words_keep_their_parallel_loops_and_read_nothing() -> None:
    (packed,) = pack(doubled(dtypes.int8, 3, 8), TARGET)
    verify(packed, Level.LOOPS, TARGET, "test")
    loops = [n for n in order_of(packed) if n.op is Op.RANGE]
    assert sorted(n.src[0].arg for n in loops if n.arg[1] in PARALLEL) == [2, 3]
    assert [n.src[0].arg for n in loops if n.arg[1] == Axis.REDUCE] == [4]
    target = buffer(0, 6, dtypes.uint32)
    assert not [n for n in order_of(packed) if n.op is Op.LOAD and n.src[0] is target]


def test_loops_run_in_sequence_and_every_one_is_a_fold() -> None:
    """Where neighbouring rounds of a loop do not write neighbours."""
    (packed,) = pack(kernel(dtypes.int8, (3, 7), in_order(1, 6), 48), TARGET)
    loops = [n for n in order_of(packed) if n.op is Op.RANGE]
    assert len(loops) == 2 and not [n for n in loops if n.arg[1] in PARALLEL]
    assert {n.src[0] for n in order_of(packed) if n.op is Op.FOLD} == set(loops)
    verify(packed, Level.LOOPS, TARGET, "test")


def test_kernels_that_only_read_small_integers_keep_their_loops() -> None:
    place = axis_range(9, (0,), Axis.LOOP)
    x = Node(Op.LOAD, dtypes.int8, (buffer(1, 9, dtypes.int8), place)).cast(dtypes.float32)
    write = Node(Op.WRITE, dtypes.float32, (buffer(0, 9, dtypes.float32), place, x))
    (packed,) = pack(Node(Op.SINK, dtypes.bool_, (write,)), TARGET)
    assert place in order_of(packed)


def test_the_word_is_read_again_in_every_round() -> None:
    """Though all three items are in one word."""
    (packed,) = pack(kernel(dtypes.int8, (3,), in_order(1), 4), TARGET)
    target = buffer(0, 1, dtypes.uint32)
    (load,) = [n for n in order_of(packed) if n.op is Op.LOAD and n.src[0] is target]
    assert any(n.op is Op.RANGE for n in order_of(load))


def test_a_device_that_stores_bytes_keeps_the_kernel() -> None:
    sink = doubled(dtypes.int8, 3, 7)
    host = Target("HOST")
    assert pack(sink, host) == [sink] and widen_small(sink, host) is sink


@pytest.mark.parametrize("dtype", [dtypes.int8, dtypes.uint16], ids=str)
def test_items_of_tables_are_words(dtype: DType) -> None:
    loop = axis_range(6, (0,), Axis.LOOP)
    bits = (0, 1, dtype.sign_bit, dtype.unsigned.max, 77, 5)
    value = Node(Op.LOAD, dtype, (Node(Op.TABLE, dtype, (), bits), loop))
    write = Node(Op.WRITE, dtype, (buffer(0, 6, dtype), loop, value))
    kernels = pack(Node(Op.SINK, dtypes.bool_, (write,)), TARGET)
    for part in kernels:
        verify(part, Level.LOOPS, TARGET, "test")
    out = executed(kernels, np.zeros(6, NUMPY[dtype]), np.zeros(0, np.int8), None)
    assert out.view(NUMPY[dtype.unsigned]).tolist() == list(bits)


# -- several writes --------------------------------------------------------------------------------
def two_writes(one: Sequence[Node], other: Sequence[Node]) -> Node:
    """out[place] = value, then out[place] = value, with a gate or none."""
    target = buffer(0, 9, dtypes.int8)
    writes = tuple(Node(Op.WRITE, dtypes.int8, (target, *row)) for row in (one, other))
    return Node(Op.SINK, dtypes.bool_, writes)


@pytest.mark.parametrize("step, apart", [(2, 1), (1, 4), (1, 5), (2, 0)])
@pytest.mark.parametrize("gated", [False, True])
def test_one_tensor_may_be_written_in_two_places(step: int, apart: int, gated: bool) -> None:
    """Which may be in one word, or the same: the later write then wins."""
    loop = axis_range(4, (0,), Axis.LOOP)
    first = index.multiply(loop, step)
    x = Node(Op.LOAD, dtypes.int8, (buffer(1, 4, dtypes.int8), loop))
    gates = (x.lt(12),) if gated else ()
    sink = two_writes((first, x, *gates), (index.add(first, apart), x * 2))
    (packed,) = pack(sink, TARGET)
    out, given = np.full(9, 77, np.int8), np.array([11, 12, 13, 10], np.int8)
    due = out.copy()
    for i, value in enumerate(given):
        if value < 12 or not gated:
            due[i * step] = value
        due[i * step + apart] = 2 * value
    assert np.array_equal(executed([packed], out, given, None), due)


def test_a_kernel_that_reads_what_it_writes_runs_in_sequence() -> None:
    loop = axis_range(8, (0,), Axis.LOOP)
    target = buffer(0, 8, dtypes.int8)
    x = Node(Op.LOAD, dtypes.int8, (target, loop))
    sink = Node(Op.SINK, dtypes.bool_, (Node(Op.WRITE, dtypes.int8, (target, loop, x + x)),))
    (packed,) = pack(sink, TARGET)
    assert not [n for n in order_of(packed) if n.op is Op.RANGE and n.arg[1] in PARALLEL]


def test_what_was_written_a_round_before_is_read() -> None:
    """A loop in sequence, whose rounds read what others have put into the same word."""
    loop = axis_range(8, (0,), Axis.REDUCE)
    target = buffer(0, 9, dtypes.int8)
    x = Node(Op.LOAD, dtypes.int8, (target, loop))
    place = index.add(loop, 1)
    write = Node(Op.WRITE, dtypes.int8, (target, place, x + x))
    zero = Node(Op.CONST, dtypes.index, (), 0)
    sink = Node(Op.SINK, dtypes.bool_, (write, fold_many(loop, (zero,), (place,))))
    (packed,) = pack(sink, TARGET)
    out, nothing = np.ones(9, np.int8), np.zeros(0, np.int8)
    with np.errstate(over="ignore"):
        due = (np.int64(1) << np.arange(9)).astype(np.int8)
    assert np.array_equal(executed([packed], out, nothing, None), due)


def test_two_tensors_of_one_kernel_are_both_written_in_words() -> None:
    loop = axis_range(10, (0,), Axis.LOOP)
    x = Node(Op.LOAD, dtypes.int8, (buffer(1, 10, dtypes.int8), loop))
    writes = [
        Node(Op.WRITE, dtype, (buffer(slot, 10, dtype), loop, value))
        for slot, dtype, value in (
            (0, dtypes.int8, x + 1), (2, dtypes.uint8, x.bitcast("uint8")), (3, F32, x.cast(F32)),
        )
    ]
    kernels = pack(Node(Op.SINK, dtypes.bool_, tuple(writes)), TARGET)
    assert [reads_words(made) for made in kernels] == [False]
    main = kernels[0]
    assert [w.src[0].dtype for w in main.src] == [F32, dtypes.uint32, dtypes.uint32]
    given = np.arange(-5, 5).astype(np.int8)
    raw = [bytearray(12), bytearray(given.tobytes() + bytes(2)), bytearray(12), bytearray(40)]
    for made in (linearize(sink, "small", ()) for sink in kernels):
        rows = zip(made.slots, made.kernel.parameters, strict=True)
        run(made.kernel, [np.frombuffer(raw[s], NUMPY[r.dtype], r.size) for s, r in rows])
    assert np.array_equal(np.frombuffer(raw[0], np.int8, 10), given + 1)
    assert bytes(raw[2][:10]) == given.tobytes()
    assert np.array_equal(np.frombuffer(raw[3], np.float32), given.astype(np.float32))


def test_whole_words_are_shared_among_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimizer, "WORK_FOR_THREADS", 100)
    target = dataclasses.replace(TARGET, threads=4)
    main, *ends = pack(kernel(dtypes.int8, (203,), in_order(1), 204), target)
    (shared,) = optimizer.optimize(main, target)
    assert [n.src[0].arg for n in order_of(shared) if n.op is Op.RANGE and n.arg[1] == "global"]
    out, x = np.full(204, 77, np.int8), np.arange(203).astype(np.int8)
    for shuffle in SHUFFLES:
        got = executed([shared, *ends], out, x, shuffle)
        assert np.array_equal(got, [*(x * np.int8(3) + np.int8(1)), 77])
