"""Bugs that were found by reading or by use: each test failed once."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import pytest

from engine import Context, Tensor, Variable, dtypes, storage
from engine.arrays import NUMPY
from engine.backends import registry
from engine.backends.base import Program
from engine.backends.memory import HostMemory
from engine.backends.python import PythonBackend
from engine.counters import GlobalCounters
from engine.dtypes import DType
from engine.expand import expand
from engine.graph import Node, axis_range, index, toposort
from engine.interpret.semantics import apply
from engine.linear import LinearKernel
from engine.narrow import narrow_index
from engine.ops import ELEMENTWISE, Axis, Group, Op
from engine.simplify.index import bounds
from engine.spec import well_typed

F32 = dtypes.float32


@pytest.mark.parametrize("device", ["LLVM", "PYTHON"])
def test_a_symbolic_program_of_several_kernels(device: str) -> None:
    x = Tensor(np.arange(80, dtype=np.float32).reshape(20, 4), device=device)
    for rows in (7, 0, 20):
        z = x[: Variable("rows", 0, 20).bind(rows)] + 1
        centred = z - z.max(axis=1, keepdim=True)
        assert centred.tolist() == [[-3.0, -2.0, -1.0, 0.0]] * rows


def test_memory_dies_with_its_last_reader() -> None:
    """A loop that keeps only its newest result keeps only that one's memory."""
    x = Tensor(np.zeros(8, np.float32))
    before = len(storage._memory)
    for _ in range(20):
        x = (x + 1).realize()
    assert len(storage._memory) <= before + 1
    assert x.tolist() == [20.0] * 8


def test_reading_twice_computes_once() -> None:
    total = Tensor(np.arange(5000, dtype=np.float32)).sum()
    first = total.item()
    count = GlobalCounters.kernel_count
    assert total.item() == first and GlobalCounters.kernel_count == count
    shaped = (Tensor(np.arange(6, dtype=np.float32)) + 1).reshape(2, 3).realize()
    count = GlobalCounters.kernel_count
    assert shaped.tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    assert GlobalCounters.kernel_count == count


@pytest.mark.skipif(not hasattr(os, "fork"), reason="not run: this system has no fork")
def test_a_forked_child_leaves_its_parents_memory_alone() -> None:
    memory = HostMemory(1 << 21)
    memory.write(bytes([1]) * memory.nbytes)
    child = os.fork()
    if child == 0:
        memory.write(bytes([2]) * memory.nbytes)
        os._exit(0)
    os.waitpid(child, 0)
    assert memory.read() == bytes([1]) * memory.nbytes


def test_addresses_of_vectors_are_proven_too() -> None:
    """15 strides of a twelfth of 2**31 do not fit int32, though each operand does."""
    stride = (2**31 - 5000) // 12
    lane = axis_range(16, (0,), Axis.VECTOR)
    source = Node(Op.PARAM, F32, (), (1, 16 * stride))
    loaded = Node(Op.LOAD, F32, (source, lane * index(stride)))
    target = Node(Op.PARAM, F32, (), (0, 16))
    sink = Node(Op.SINK, dtypes.bool_, (Node(Op.WRITE, F32, (target, lane, loaded)),))
    narrow = narrow_index(expand(sink), prefer_narrow=True)
    assert dtypes.int32 not in {n.dtype.scalar for n in toposort([narrow])}


def test_a_name_that_is_registered_anew_is_another_device() -> None:
    def zero(buffers: Sequence[HostMemory], variables: Sequence[int]) -> None:
        buffers[0].write(bytes(buffers[0].nbytes))

    class Zeroing(PythonBackend):
        def compile(self, kernels: Sequence[LinearKernel]) -> list[Program]:
            return [zero for _ in kernels]

    x = Tensor(np.ones(4, np.float32))
    for factory, wanted in ((PythonBackend, 2.0), (Zeroing, 0.0)):
        registry.register("TWICE", factory)
        try:
            assert (x.to("TWICE") + 1).tolist() == [wanted] * 4
        finally:
            registry.unregister("TWICE")


def test_a_variable_may_have_an_old_value_in_what_is_realized() -> None:
    """As with a cache that grows by one row a step."""
    x = Tensor(np.arange(20, dtype=np.float32).reshape(10, 2))
    n = Variable("n", 1, 10)
    old = (x[: n.bind(5)] + 1).realize()
    joined = old[:1] + (x[: n.bind(6)] * 2)[:1]
    assert joined.tolist() == [[1.0, 4.0]]
    both = (x[: n.bind(3)].sum() * 100 + x[: n.bind(4)].sum()).item()
    assert both == 15 * 100 + 28


@pytest.mark.parametrize("device", ["LLVM", "CPU", "PYTHON"])
def test_an_index_that_wraps_in_the_same_kernel(device: str) -> None:
    """uint64 cast to int32 may be negative: found by random programs as a crash."""
    picks = [2**64 - 1, 2**31, 3, 2**32 + 2, 2**63]
    data = Tensor(np.array(picks, np.uint64), device=device)
    x = Tensor(np.arange(10, 15, dtype=np.int32), device=device)
    assert x.take(data.cast("int32"), axis=0).tolist() == [14, 0, 13, 12, 10]
    assert x.take((data * 2).cast("int8"), axis=0).tolist() == [13, 10, 0, 14, 10]


@pytest.mark.parametrize("source", ["bool", "int8", "uint8", "int32", "uint32", "uint64"])
@pytest.mark.parametrize("target", ["bool", "int8", "uint8", "int32", "uint32", "index"])
def test_ranges_of_casts_hold_every_value(source: str, target: str) -> None:
    of, to = dtypes.BY_NAME[source], dtypes.BY_NAME[target]
    place = Node(Op.LOAD, of, (Node(Op.PARAM, of, (), (0, 4)), index(0)))
    low, high = bounds(place.cast(to))
    for value in (of.min, of.max, 0, 1):
        wrapped = to.decode(to.encode(value))
        assert low <= wrapped <= high


@pytest.mark.parametrize("value", [None, "1", [0]])
def test_pad_says_what_a_value_is(value: object) -> None:
    with pytest.raises(TypeError, match="pad: the value is a number"):
        Tensor([1, 2]).pad(((1, 1),), value=value)  # type: ignore[arg-type] # the mistake


@pytest.mark.parametrize("dtype", [dtypes.float16, F32, dtypes.float64, dtypes.int32], ids=str)
def test_the_interpreter_takes_scalars_for_every_operation(dtype: DType) -> None:
    """x // y of two scalars raised: an array without axes is no array once numpy has added it."""
    for op in ELEMENTWISE - {Op.WHERE, Op.BITCAST, Op.CAST, Op.CONVERT}:
        node = Node(op, dtypes.bool_ if op.group is Group.TEST else dtype, ())
        node = node.replace((Node(Op.CONST, dtype, (), dtype.encode(1)),) * (op.arity or 0))
        if well_typed(node):
            scalar, row = (
                apply(op, node.dtype, [np.full(shape, 1, NUMPY[dtype])] * len(node.src),
                      [dtype] * len(node.src))
                for shape in ((), (1,))
            )  # fmt: skip
            assert np.asarray(scalar).tobytes() == row.tobytes(), op


def test_a_packed_constant_beside_other_results_of_a_kernel() -> None:
    """Words were made in a loop that stood outside of one in which the other result is written."""
    with Context(EMULATE="like_wgsl"):
        x = Tensor(list(range(32)), dtype="int32", device="PYTHON").reshape(8, 4)
        more = x + 1
        nothing = (more & 0).cast("int16")
        nothing.realize(more)
        assert more.reshape(32).tolist() == list(range(1, 33))
        assert nothing.reshape(32).tolist() == [0] * 32
