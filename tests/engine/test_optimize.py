"""The optimizer: which loops become one, a vector, copies, threads; none of it changes a bit."""

from __future__ import annotations

import dataclasses
import math

import pytest

from engine import Tensor, dtypes, optimize as optimizer
from engine.folds import fold
from engine.graph import Node, axis_range, const, order_of
from engine.interpret.states import executed
from engine.loops import loops_below, loops_of
from engine.lower import lower
from engine.ops import Axis, Op
from engine.optimize import choose_vector, merge_axes, optimize, reuse_nearest
from engine.realize import resolved_roots, structure
from engine.schedule import make_schedule
from engine.simplify import index
from engine.target import Target

I32, F32 = dtypes.int32, dtypes.float32
WIDE = Target("WIDE", vector_bytes=32, vector_registers=32, threads=4)
SIZES = {"i": 4, "j": 8, "k": 2}
AXES = {name: axis_range(size, (n,), Axis.LOOP) for n, (name, size) in enumerate(SIZES.items())}


def place(names: str) -> Node:
    """The row-major number of a position along these axes."""
    return index.ravel(tuple(AXES[n] for n in names), tuple(SIZES[n] for n in names))


def memory(slot: int, names: str, dtype: dtypes.DType = I32) -> Node:
    return Node(Op.PARAM, dtype, (), (slot, math.prod(SIZES[n] for n in names)))


def read(names: str, dtype: dtypes.DType = I32) -> Node:
    return Node(Op.LOAD, dtype, (memory(1, names, dtype), place(names)))


def written(value: Node) -> Node:
    """out[i, j, k] = value"""
    out = memory(0, "ijk", value.dtype)
    write = Node(Op.WRITE, value.dtype, (out, place("ijk"), value))
    return Node(Op.SINK, dtypes.bool_, (write,))


def ranges(kernel: Node, kind: Axis) -> list[int]:
    return [n.src[0].arg for n in order_of(kernel) if n.op is Op.RANGE and n.arg[1] == kind]


# -- merging ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("names", "sizes"),
    [("ijk", [64]), ("i", [4, 16]), ("jk", [4, 16]), ("k", [32, 2]), ("jik", [4, 8, 2])],
)
def test_axes_that_are_read_as_one_are_one(names: str, sizes: list[int]) -> None:
    merged = merge_axes(written(read(names)))
    assert [loop.src[0].arg for loop in loops_of(merged)] == sizes


# -- grids -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("names", ["ijk", "i", "jk", "k", "jik", "kji"])
def test_on_a_grid_every_round_runs_by_itself(names: str) -> None:
    """One loop of all rounds, that leaves the same bytes, in whatever order they run."""
    kernel = written(read(names))
    (made,) = optimize(kernel, Target("GRID", grid=True))
    assert ranges(made, Axis.GLOBAL) == [64] and not ranges(made, Axis.LOOP)
    count = math.prod(SIZES[n] for n in names)
    memories = [bytes(4 * 64), bytes(k % 251 + 1 for k in range(4 * count))]
    due = executed([kernel], memories)
    assert executed([made], memories) == executed([made], memories, shuffle=1) == due
    assert due[0] != memories[0]


def test_on_a_grid_a_loop_of_unknown_size_stays() -> None:
    count = Node(Op.VARIABLE, dtypes.index, (), ("n", 1, 8))
    rows = axis_range(count, (0,), Axis.LOOP)
    at = index.add(index.multiply(rows, 8), AXES["j"])
    value = Node(Op.LOAD, I32, (Node(Op.PARAM, I32, (), (1, 64)), at))
    write = Node(Op.WRITE, I32, (Node(Op.PARAM, I32, (), (0, 64)), at, value))
    (made,) = optimize(Node(Op.SINK, dtypes.bool_, (write,)), Target("GRID", grid=True))
    assert ranges(made, Axis.GLOBAL) == [8]
    assert [loop.src[0] for loop in loops_of(made) if loop.arg[1] == Axis.LOOP] == [count]


def reduced(count: int, dtype: str, target: Target) -> list[Node]:
    """The kernels that sum `count` numbers."""
    x = Tensor.zeros(count, dtype=dtype, device="PYTHON").contiguous().realize()
    (root,) = resolved_roots([x.sum().contiguous().node])
    holes = structure([root]).holes
    schedule = make_schedule([root], holes, lambda device: target, "PYTHON")
    rows = [item.kernel for item in schedule.items if item.kernel is not None]
    return [made for row in rows for made in optimize(lower(row), target)]


GROUPS = Target("GROUPS", grid=True, workgroup=32, max_unroll=16)


@pytest.mark.parametrize(
    ("count", "dtype", "target", "sizes"),
    [
        (1000, "float32", GROUPS, [32]),
        (255, "float32", GROUPS, []),  # less than 8 rounds for each
        (256, "float32", GROUPS, [32]),
        (5000, "int32", GROUPS, [32]),  # blocks; then their sums, which are few
        (1000, "float32", dataclasses.replace(GROUPS, workgroup=16), []),
        (1000, "float32", dataclasses.replace(GROUPS, workgroup=0), []),
        (1000, "float32", dataclasses.replace(GROUPS, max_unroll=4096), []),
        (1000, "float32", dataclasses.replace(GROUPS, storage=frozenset({dtypes.int32})), []),
    ],
)  # fmt: skip
def test_long_reductions_are_shared_by_workgroups(
    count: int, dtype: str, target: Target, sizes: list[int]
) -> None:
    made = reduced(count, dtype, target)
    assert [size for kernel in made for size in ranges(kernel, Axis.WORKGROUP)] == sizes


def test_of_a_workgroup_the_first_invocation_writes() -> None:
    (made,) = reduced(1000, "float32", GROUPS)
    for write in made.src:
        (gate,) = write.src[3:]
        assert gate.op is Op.LT and gate.src[0].arg[1] == Axis.WORKGROUP and gate.src[1].arg == 1


# -- vectors ---------------------------------------------------------------------------------------
# rounds, items of a vector, whether there is much to do, and the lanes that an axis gets
LANES = [
    (16, 8, False, 8), (40, 8, False, 8), (33, 8, False, 8), (32, 16, False, 16),
    (31, 8, True, 8), (31, 8, False, 1), (12, 8, True, 8), (12, 8, False, 4),
    (6, 8, True, 4), (6, 8, False, 2), (8, 16, False, 8), (20, 16, True, 16), (20, 16, False, 4),
]  # fmt: skip


@pytest.mark.parametrize(("size", "width", "large", "lanes"), LANES)
def test_lanes_of_an_axis(size: int, width: int, large: bool, lanes: int) -> None:
    assert optimizer._lanes(size, width, large) == lanes


def test_neighbours_in_memory_are_neighbours_in_vectors() -> None:
    """Best where a gate is the same in all lanes; gaps are worse in writes than in loads."""
    i, j = (axis_range(8, (n,), Axis.LOOP) for n in (0, 1))
    x = Node(Op.PARAM, F32, (), (1, 64))
    across, along = index.ravel((i, j), (8, 8)), index.ravel((j, i), (8, 8))

    def score(access: Node) -> int:
        """Of vectors along j."""
        order = order_of(access)
        below = loops_below(order)
        return optimizer._score(j, optimizer._accesses(order, below), below)

    def load(place: Node, *gate: Node) -> int:
        return score(Node(Op.LOAD, F32, (x, place, *gate)))

    def write(place: Node, *gate: Node) -> int:
        return score(Node(Op.WRITE, F32, (x, place, j.cast(F32), *gate)))

    for access in (load, write):
        same, other = (index.less(axis, 5) for axis in (i, j))
        assert access(across, same) == access(across) > access(across, other) > 0 > access(along)
        assert access(across) > access(i) > 0
    assert write(along) < load(along)


def test_small_dtypes_have_more_lanes() -> None:
    """The widest number decides; bools alone are bytes."""
    for dtype, lanes in ((dtypes.bool_, 32), (dtypes.uint8, 32), (I32, 8), (dtypes.float64, 4)):
        sink = merge_axes(written(read("ijk", dtype)))
        assert choose_vector(sink, WIDE) == (*loops_of(sink), lanes)
    mixed = merge_axes(written(read("ijk", dtypes.uint8).cast(dtypes.int16)))
    assert choose_vector(mixed, WIDE) == (*loops_of(mixed), 16)


# -- how much there is to do -----------------------------------------------------------------------
def test_work_is_what_is_computed_in_all_rounds() -> None:
    """Addresses do not count."""
    x = read("jik")
    for value, operations in ((x, 0), (x + 1, 1), (x * 3 - x, 2)):
        assert optimizer._work(order_of(written(value))) == 64 * operations


def test_little_work_starts_no_threads() -> None:
    (small,) = optimize(written(read("ijk") + 1), WIDE)
    assert ranges(small, Axis.GLOBAL) == []


# -- copies ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(("most", "copies"), [(1024, [32]), (16, [])])
def test_lanes_that_are_no_vector_are_copies_if_these_are_few(most: int, copies: list[int]) -> None:
    """Vectors run along the columns, whose sums are of 32 lanes each."""
    x = Tensor.from_bytes(bytes(4 * 64 * 8), "float32", (64, 8), "PYTHON").realize()
    roots = resolved_roots([x.sum(axis=0).node])
    (item,) = make_schedule(roots, structure(roots).holes, lambda name: WIDE, "PYTHON").items
    assert item.kernel is not None
    (kernel,) = optimize(lower(item.kernel), dataclasses.replace(WIDE, max_unroll=most))
    assert ranges(kernel, Axis.VECTOR) == [8]
    assert ranges(kernel, Axis.UNROLL) == copies


def test_loops_of_unknown_size_are_ordered_too() -> None:
    """out[i, j] = sum of x[i, k] * y[k, j] for k < n"""
    i, j = (axis_range(1024, (n,), Axis.LOOP) for n in (0, 1))
    k = axis_range(Node(Op.VARIABLE, dtypes.index, (), ("n", 1, 64)), (2,), Axis.REDUCE)
    x, y = (Node(Op.PARAM, F32, (), (slot, 1024 * 64)) for slot in (1, 2))
    left = Node(Op.LOAD, F32, (x, index.ravel((i, k), (1024, 64))))
    right = Node(Op.LOAD, F32, (y, index.ravel((k, j), (64, 1024))))
    total = fold(k, const(0.0, F32), Op.ADD, left * right)
    out = Node(Op.PARAM, F32, (), (0, 1 << 20))
    write = Node(Op.WRITE, F32, (out, index.ravel((i, j), (1024, 1024)), total))
    ordered = reuse_nearest(Node(Op.SINK, dtypes.bool_, (write,)), WIDE)
    assert [loop.src[0].arg for loop in loops_of(ordered)] == [1024, 1024]
