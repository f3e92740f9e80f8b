"""Guards that ordinary programs seldom reach: each test fails if the guard is taken away."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest

from engine import Tensor, dtypes, realize
from engine.backends.memory import HostPool
from engine.expand import vectorise
from engine.folds import fold
from engine.graph import Node, axis_range, const, index as index_of, toposort
from engine.ops import Axis, Op
from engine.optimize import choose_vector
from engine.schedule import make_schedule
from engine.simplify import index
from engine.target import Target

F32 = dtypes.float32
DEVICES = ["LLVM", "CPU", "PYTHON"]


def param(slot: int, size: int) -> Node:
    return Node(Op.PARAM, F32, (), (slot, size))


def written(place: Node, value: Node) -> Node:
    return Node(Op.SINK, dtypes.bool_, (Node(Op.WRITE, F32, (param(0, 64), place, value)),))


@pytest.mark.parametrize("device", DEVICES)
def test_both_branches_of_where_are_canonical(device: str) -> None:
    inf = Tensor([math.inf], device=device)
    taken = Tensor([True], device=device).where(inf - inf, inf)
    other = Tensor([False], device=device).where(inf, inf - inf)
    assert taken.tobytes() == other.tobytes() == struct.pack("<I", 0x7FC00000)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_falling_range_starts_at_positive_zero(dtype: str) -> None:
    """0 + 0 * -1 is +0, though 0 * -1 is -0."""
    size = dtypes.as_dtype(dtype).itemsize
    assert Tensor.arange(0, -3, -1, dtype=dtype).tobytes()[:size] == bytes(size)


def test_temporaries_of_two_devices_share_no_place() -> None:
    x = Tensor(np.ones(64, np.float32), device="LLVM")
    a = (x * 2).contiguous().flip(0).contiguous() + 1  # a temporary dies on LLVM
    b = (a.to("PYTHON") * 3).contiguous().flip(0).contiguous() + 1
    roots = realize.resolved_roots([realize.base_of(b.node)])
    holes = realize.structure(roots).holes
    plan = make_schedule(roots, holes, lambda device: Target("HOST"), "LLVM")
    temporaries = [slot for slot in plan.slots if slot.source[0] == "temporary"]
    assert {slot.device for slot in temporaries} == {"LLVM", "PYTHON"}
    assert all(plan.places[slot.source[1]].device == slot.device for slot in temporaries)


def test_a_loop_that_bounds_another_is_no_vector() -> None:
    """Lanes would need rounds of their own."""
    outer = axis_range(8, (0,), Axis.LOOP)

    def triangle(rounds: Node) -> Node:
        loop = axis_range(rounds, (1,), Axis.REDUCE)
        loaded = Node(Op.LOAD, F32, (param(1, 64), outer))
        return written(outer, fold(loop, const(0.0, F32), Op.ADD, loaded))

    target = Target("SSE", vector_bytes=16, vector_registers=16)
    assert choose_vector(triangle(index_of(8)), target) is not None
    assert choose_vector(triangle(index.add(outer, 1)), target) is None


def test_tables_of_functions_keep_no_loop_from_being_a_vector() -> None:
    """Lanes read a small table one by one, which costs less than computing one by one."""
    i = axis_range(64, (0,), Axis.LOOP)
    bits = Node(Op.LOAD, F32, (param(1, 64), i)).bitcast("uint32")
    value = i.constant(0).cast(F32)
    for byte in range(3):
        words = tuple(1 << k % 32 for k in range(256))
        value = value + (bits >> 8 * byte & 255).lookup(words, "float32")
    target = Target("SSE", vector_bytes=16, vector_registers=16)
    assert choose_vector(written(i, value), target) == (i, 4)


def test_lanes_that_jump_get_an_address_each() -> None:
    """Rows of 4 in rows of 7: the lane's factor is 1, but not everywhere."""
    lane = axis_range(8, (0,), Axis.VECTOR)
    place = index.add(lane, index.multiply(index.floordiv(lane, 4), 3))
    sink = written(lane, Node(Op.LOAD, F32, (param(1, 64), place)))
    (load,) = (n for n in toposort([vectorise(sink, lane)]) if n.op is Op.LOAD)
    assert load.src[1].dtype.lanes == 8


def test_remainders_of_remainders_need_a_divisor() -> None:
    """(x % 6) % 4 is not x % 4."""
    x = axis_range(100, (0,), Axis.LOOP)
    node = index.mod(index.mod(x, 6), 4)
    assert node.op is Op.FLOORMOD and node.src[0].op is Op.FLOORMOD
    assert index.mod(index.mod(x, 8), 4) is index.mod(x, 4)


def test_an_index_from_uint64_may_look_negative() -> None:
    source = Node(Op.PARAM, dtypes.uint64, (), (0, 4))
    place = Node(Op.LOAD, dtypes.uint64, (source, index_of(0)))
    assert index.bounds(place.cast(dtypes.index))[0] == dtypes.int64.min


def test_the_pool_counts_what_it_holds() -> None:
    pool = HostPool(limit=1000)
    block = pool.take(64)
    for _ in range(100):
        pool.give(64, block)
        assert pool.take(64) is block
    assert pool.held == 0


def test_the_pool_gives_up_what_nobody_asks_for() -> None:
    pool = HostPool(limit=1000)
    for size in (64, 640, 512):
        pool.give(size, pool.take(size))
    assert pool.held == 512, "the sizes given first went first"
