"""What becomes one kernel, in which order kernels run, and which memory they use."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from engine import Context, Tensor, dtypes, realize
from engine.backends.registry import Device
from engine.counters import GlobalCounters
from engine.graph import Node, const, toposort
from engine.hazards import verify_hazards
from engine.interpret.tensors import evaluate
from engine.memory_plan import plan_memory
from engine.ops import ELEMENTWISE, Op, Operation
from engine.realize import resolved_roots, structure
from engine.schedule import make_schedule, planned as schedule_of
from engine.steps import Schedule
from engine.storage import memory_of, realized
from engine.target import Target
from tests.engine.random_programs import Programs

HOST = Target("HOST")


@pytest.fixture(autouse=True)
def _python_device() -> Iterator[None]:
    """The kernels of these tests are small; nothing has to be compiled for them."""
    Device.DEFAULT = "PYTHON"
    yield
    Device.DEFAULT = None


def data(*shape: int, seed: int = 0, dtype: str = "float32") -> Tensor:
    values = np.random.default_rng(seed).uniform(-2, 2, shape)
    return Tensor(values.astype(dtype))


def planned(*tensors: Tensor, target: Target = HOST, share: bool = True) -> Schedule:
    """The schedule of the tensors' nodes, which must be no views, checked for soundness."""
    roots = resolved_roots([realize.base_of(t.node) for t in tensors])
    holes = structure(roots).holes
    schedule, nodes = schedule_of(roots, holes, lambda device: target, Device.DEFAULT)
    verify_hazards(schedule, nodes)
    plan_memory(schedule, share)
    check_edges(schedule)
    check_lifetimes(schedule)
    for item in schedule.items:
        assert len(item.slots) <= target.max_buffers
    return schedule


def check_edges(schedule: Schedule) -> None:
    """Every result is written, and nothing that the caller owns."""
    memory = schedule.memory()
    for number, item in enumerate(schedule.items):
        assert all(earlier < number for earlier in item.after), "edges point back: no cycle"
        for slot in item.slots[: item.outputs]:
            assert schedule.slots[memory[slot]].source[0] != "hole"
        if item.kernel is not None:
            assert len(item.kernel) == item.outputs, "every result is written"


def check_lifetimes(schedule: Schedule) -> None:
    """A place holds one temporary at a time, on one device, and is large enough for it."""
    owner: dict[int, int] = {}
    memory = schedule.memory()
    for item in schedule.items:
        for position, slot in enumerate(memory[slot] for slot in item.slots):
            row = schedule.slots[slot]
            kind, place = row.source
            if kind != "temporary":
                continue
            assert row.size * row.dtype.itemsize <= schedule.places[place].nbytes
            assert row.device == schedule.places[place].device
            if position >= item.outputs:
                assert owner[place] == slot, "read after another temporary took the place"
        taken = [schedule.slots[s].source for s in dict.fromkeys(memory[s] for s in item.slots)]
        held = [place for kind, place in taken if kind == "temporary"]
        assert len(held) == len(set(held)), "two buffers of one step share memory"
        for slot in (memory[slot] for slot in item.slots[: item.outputs]):
            kind, place = schedule.slots[slot].source
            if kind == "temporary":
                owner[place] = slot


def interpreted(*tensors: Tensor) -> list[bytes]:
    def load(buffer: Node) -> Any:
        raw = memory_of(buffer).read()
        return np.frombuffer(raw, buffer.dtype.name, buffer.arg[1])

    return [np.ascontiguousarray(a).tobytes() for a in evaluate([t.node for t in tensors], load)]


def agree(*tensors: Tensor) -> None:
    """The interpreter of the tensor level and the kernels give the same bytes."""
    want = interpreted(*tensors)
    tensors[0].realize(*tensors[1:])
    assert [t.tobytes() for t in tensors] == want


# -- what fuses ------------------------------------------------------------------------------------
def test_an_elementwise_chain_is_one_kernel() -> None:
    x, y = data(10, seed=1), data(10, seed=2)
    chain = ((x + y) * 2.0 - x).exp2().maximum(y).cast("float64")
    assert len(planned(chain).items) == 1
    agree(chain)


def test_views_cost_nothing() -> None:
    x = data(3, 4)
    chain = (x + 1.0).permute((1, 0)).flip(0).reshape(12)[2:9] * 2.0
    assert len(planned(chain).items) == 1
    agree(chain)


def test_a_diamond_is_computed_once() -> None:
    x = data(10).exp2()
    both = (x + 1.0) * (x - 1.0)
    (item,) = planned(both).items
    assert item.kernel is not None
    order = toposort([item.kernel[0].expression])
    assert sum(n.op is Op.EXP2 for n in order) == 1
    agree(both)


def test_what_two_kernels_need_is_stored() -> None:
    x = data(4, 8).exp2()
    rows, columns = x.sum(axis=0), x.sum(axis=1)
    schedule = planned(rows, columns)
    assert len(schedule.items) == 3
    assert count(schedule, Op.EXP2) == 1
    agree(rows, columns)


def count(schedule: Schedule, op: Operation) -> int:
    """How often an operation occurs in all kernels."""
    expressions = [[o.expression for o in item.kernel] for item in schedule.items if item.kernel]
    return sum(n.op is op for roots in expressions for n in toposort(roots))


def test_a_reduction_takes_its_input_and_its_epilogue() -> None:
    x = data(4, 8)
    total = (x * 2.0).exp2().sum(axis=1) * 0.5 + 1.0
    assert len(planned(total).items) == 1
    agree(total)


def test_softmax_is_three_kernels() -> None:
    """The maximum; the exponentials, kept since two kernels need them; sum and quotient."""
    x = data(4, 8)
    powers = (x - x.max(axis=1, keepdim=True)).exp2()
    softmax = powers / powers.sum(axis=1, keepdim=True)
    schedule = planned(softmax)
    assert 3 <= len(schedule.items) <= 4
    assert count(schedule, Op.EXP2) == 1
    agree(softmax)


def test_a_computed_value_is_stored_before_it_is_expanded() -> None:
    row = data(1, 8).exp2()
    table = row.expand(16, 8) * data(16, 8, seed=2)
    assert len(planned(table).items) == 2, "or each element would be computed 16 times"
    agree(table)


def test_what_reads_no_memory_is_computed_where_it_is_needed() -> None:
    table = Tensor(3.0) * 2.0 + data(16, 8)
    assert len(planned(table).items) == 1
    agree(table)


def test_a_reduction_of_a_reduction_is_two_kernels() -> None:
    total = data(4, 8).sum(axis=1).prod()
    assert len(planned(total).items) == 2
    agree(total)


def test_matmul_chain() -> None:
    product = data(4, 5) @ data(5, 6, seed=1) @ data(6, 3, seed=2) + 1.0
    assert len(planned(product).items) == 2
    agree(product)


def test_results_that_share_work_are_one_kernel() -> None:
    x = data(10)
    shared = x.exp2()
    low, high = shared - 1.0, shared * shared + (shared - 1.0)
    schedule = planned(low, high)
    assert [item.outputs for item in schedule.items] == [2]
    assert schedule.results[0] != schedule.results[1]
    assert count(schedule, Op.EXP2) == 1
    agree(low, high)


@pytest.mark.parametrize("first", [0, 1])
def test_a_result_that_another_result_uses(first: int) -> None:
    shared = data(10).exp2()
    other = shared * 3.0
    wanted = [shared, other] if first == 0 else [other, shared]
    assert len(planned(*wanted).items) == 1
    agree(*wanted)


def test_a_result_and_its_copy() -> None:
    """Both are asked for: the sum, and memory of its own with the same values."""
    total = data(10) + 1.0
    copy = total.contiguous()
    planned(total, copy)
    agree(total, copy)


def test_a_result_that_is_stored_into_another() -> None:
    old, value = data(10) + 1.0, data(4, seed=1) * 2.0
    store = Node(Op.STORE, dtypes.float32, (old.node, value.node), (3, (1,)))
    new = Tensor.from_node(store)
    planned(old, value, new)
    agree(old, value, new)


# -- limits ----------------------------------------------------------------------------------------
def test_kernels_respect_the_number_of_buffers() -> None:
    inputs = [data(4, seed=i) for i in range(300)]
    total = inputs[0]
    for x in inputs[1:]:
        total = total + x
    schedule = planned(total)
    assert len(schedule.items) >= 5
    assert len(planned(total, target=dataclasses.replace(HOST, max_buffers=8)).items) >= 300 // 7
    agree(total)


def test_a_large_buffer_counts_once_for_every_piece() -> None:
    """Sums of eight tensors of three pieces each, on a device with room for eleven pieces."""
    inputs = [data(12, seed=i) for i in range(8)]
    total = sum(inputs[1:], inputs[0])
    target = dataclasses.replace(HOST, max_buffers=11, buffer_bytes=20)
    schedule = planned(total, target=target)
    assert [len(item.slots) for item in schedule.items] == [3, *[3] * 6]
    one = dataclasses.replace(target, buffer_bytes=48)
    assert [len(item.slots) for item in planned(total, target=one).items] == [9]
    agree(total)


@pytest.mark.parametrize("seed", range(25))
def test_random_programs_respect_it(seed: int) -> None:
    """`planned` looks; four is a choice between two tensors, and its result."""
    for tensor in Programs(seed).program():
        if realize.base_of(tensor.node).op is not Op.BUFFER:
            planned(tensor, target=dataclasses.replace(HOST, max_buffers=4))


def test_a_balanced_sum_of_many_inputs_respects_it_too() -> None:
    level = [data(4, seed=i) for i in range(300)]
    while len(level) > 1:
        level = [a + b for a, b in zip(level[::2], level[1::2])] + level[len(level) & ~1 :]
    planned(level[0])
    agree(level[0])


def test_kernels_respect_the_number_of_operations() -> None:
    x = data(4)
    for i in range(2000):
        x = x * 0.5 + float(i)
    schedule = planned(x)
    for item in schedule.items:
        assert item.kernel is not None
        order = toposort([o.expression for o in item.kernel])
        assert sum(n.op in ELEMENTWISE for n in order) <= HOST.max_operations
    assert len(schedule.items) == -(-4000 // HOST.max_operations)
    agree(x)


# -- order -----------------------------------------------------------------------------------------
def test_kernels_of_a_diamond_of_reductions_come_in_order() -> None:
    x = data(8, 8)
    left, right = x.sum(axis=0), x.prod(axis=1)
    joined = (left + right).sum() * left.max()
    planned(joined)
    agree(joined)


def test_after_makes_a_step_wait() -> None:
    x = data(8)
    old = data(8, seed=1)
    stored = Node(Op.STORE, dtypes.float32, (old.node, (x.node + 1.0)), (0, (1,)))
    late = Tensor.from_node(Node(Op.AFTER, dtypes.float32, (x.node, stored))) * 2.0
    schedule = planned(late)
    assert len(schedule.items) == 2, "all of a version, then the reader"
    assert 0 in schedule.items[1].after
    agree(late)


def test_copies_between_devices_are_steps_without_a_kernel() -> None:
    moved = (data(8) + 1.0).to("LLVM:1") * 2.0
    kernels = [(item.device, item.kernel is not None) for item in planned(moved).items]
    assert kernels == [("PYTHON", True), ("LLVM:1", False), ("LLVM:1", True)]


def test_large_reductions_are_cut_into_blocks() -> None:
    assert len(planned(data(1024).sum()).items) == 1
    assert len(planned(data(1025).sum()).items) == 2
    assert len(planned(data(1024 * 1024 + 1).sum()).items) == 3
    assert len(planned(data(2, 600) @ data(600, 2)).items) == 1


# -- memory ----------------------------------------------------------------------------------------
def chain_of_kernels(length: int) -> Tensor:
    """Every step needs a kernel of its own: each element depends on all of the step before."""
    x = data(16, 16)
    for _ in range(length):
        x = x.sum(axis=1, keepdim=True).expand(16, 16) * 0.0625 + data(16, 16, seed=3)
    return x


def test_temporaries_of_a_chain_share_places() -> None:
    schedule = planned(chain_of_kernels(20))
    temporaries = [slot for slot in schedule.slots if slot.source[0] == "temporary"]
    assert len(temporaries) >= 20
    assert len(schedule.places) <= 4
    assert len(planned(chain_of_kernels(20), share=False).places) == len(temporaries)


def test_a_temporary_that_is_needed_late_keeps_its_place() -> None:
    x = data(16, 16).exp2().contiguous()
    y = x
    for _ in range(5):
        y = y.sum(axis=1, keepdim=True).expand(16, 16) + 1.0
    late = y * x
    planned(late)
    agree(late)


def test_temporaries_of_different_sizes() -> None:
    x = data(32, 4)
    for size in (8, 2, 16, 4, 32):
        x = x @ data(x.shape[-1], size, seed=size).contiguous()  # type: ignore[arg-type]
        x = (x - x.max(axis=0, keepdim=True)).contiguous()
    planned(x)
    agree(x)


def test_bits_do_not_depend_on_the_memory_plan() -> None:
    with Context(MEMORY_PLAN=0):
        apart = chain_of_kernels(6).tobytes()
    assert chain_of_kernels(6).tobytes() == apart


# -- the cache -------------------------------------------------------------------------------------
def hits_and_misses(*tensors: Tensor) -> tuple[int, int]:
    before = GlobalCounters.schedule_hits, GlobalCounters.schedule_misses
    for t in tensors:
        t.realize()
    return GlobalCounters.schedule_hits - before[0], GlobalCounters.schedule_misses - before[1]


def program(x: Tensor, y: Tensor, c: float) -> Tensor:
    return (x * y + c).sum(axis=0) - 77.25


def test_the_same_program_on_other_data_is_not_scheduled_again() -> None:
    first = program(data(4, 4, seed=1), data(4, 4, seed=2), 1.5)
    again = program(data(4, 4, seed=3), data(4, 4, seed=4), 1.5)
    want = interpreted(again)
    assert hits_and_misses(first, again) == (1, 1)
    assert [again.tobytes()] == want


def test_what_makes_another_program() -> None:
    x, y = data(4, 4, seed=1), data(4, 4, seed=2)
    programs = [
        program(x, y, 0.0),
        program(x, y, -0.0),
        program(x, x, 0.0),  # one buffer twice
        program(x.cast("float64"), y.cast("float64"), 0.0),
        program(x.reshape(2, 8), y.reshape(2, 8), 0.0),
        program(x.permute((1, 0)), y, 0.0),
    ]
    assert hits_and_misses(*programs) == (0, len(programs))


def test_negative_zero_is_not_zero_in_the_cache() -> None:
    x = Tensor([-0.0, 1.0])
    assert np.signbit((x + 0.0).numpy()).tolist() == [False, False]
    assert np.signbit((x + -0.0).numpy()).tolist() == [True, False]


def test_a_program_that_runs_twice_does_not_disturb_its_first_result() -> None:
    first = chain_of_kernels(3)
    before = first.tobytes()
    second = (chain_of_kernels(3)).realize()
    assert first.tobytes() == before == second.tobytes()


# -- cost ------------------------------------------------------------------------------------------
def calls_to_schedule(nodes: int) -> int:
    """Python function calls that scheduling a program with this many operations takes."""
    x = Node(Op.BUFFER, dtypes.float32, (), (1, 16, "PYTHON"))
    root = x
    for i in range(nodes // 4):
        total = Node(Op.REDUCE, dtypes.float32, (root,), ("ADD", (0,), (32, 32)))
        root = x * Node(Op.EXPAND, dtypes.float32, (total,), (16,)) + const(float(i), x.dtype)
    calls = 0

    def count_call(frame: object, event: str, arg: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count_call)
    try:
        make_schedule([root], [x], lambda device: HOST, "PYTHON")
    finally:
        sys.setprofile(None)
    return calls


def test_scheduling_is_linear_in_the_number_of_nodes() -> None:
    small, large = calls_to_schedule(1000), calls_to_schedule(4000)
    assert large < 5 * small


def independent(sizes: Sequence[int]) -> list[Tensor]:
    return [data(size, seed=size) * 3.0 for size in sizes]


def test_programs_without_anything_in_common_run_together() -> None:
    tensors = independent([3, 4, 5])
    assert len(planned(*tensors).items) == 3
    agree(*tensors)


def test_only_what_was_asked_for_is_computed() -> None:
    wanted = data(4, seed=9) + 1.0
    unwanted = wanted * 2.0
    before = GlobalCounters.kernel_count
    wanted.realize()
    assert GlobalCounters.kernel_count == before + 1
    assert realized(unwanted.node) is None
    unwanted.realize()
    assert GlobalCounters.kernel_count == before + 2, "the first result is read, not computed again"
