"""Writing in place: which kernels run, what they move, and that nobody sees what he must not."""

from __future__ import annotations

import gc
import sys
from typing import Any

import numpy as np
import pytest

from engine import Context, Tensor, Variable, dtypes, realize as driver
from engine.backends import python
from engine.backends.registry import backend
from engine.counters import GlobalCounters
from engine.graph import Node, const, dump, parse, substitute, toposort
from engine.hazards import verify_hazards
from engine.liveness import still_read
from engine.ops import Op
from engine.schedule import planned
from engine.shapes import memory_below
from engine.spec import verify_tensor
from engine.storage import StorageLost, memory_of
from engine.target import Target

F32 = dtypes.float32
Array = np.ndarray[Any, Any]
DEVICES = ("LLVM", "CPU", "PYTHON")


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    info = backend(name).info()
    if not info.available:
        pytest.skip(f"{name}: {info.detail}: {info.remedy}")
    return name


def numbers(*shape: int, device: str = "PYTHON", seed: int = 0) -> Tensor:
    values = np.random.default_rng(seed).integers(-50, 50, shape)
    return Tensor(values.astype("float32"), device=device)


def memory(x: Tensor) -> object:
    """The memory of a realized tensor."""
    return memory_of(memory_below(x.node))


def cost(*tensors: Tensor) -> tuple[int, int]:
    """Kernels that run, and the bytes that they move, to realize tensors together."""
    GlobalCounters.reset()
    tensors[0].realize(*tensors[1:])
    return GlobalCounters.kernel_count, GlobalCounters.global_mem


# -- what it costs ---------------------------------------------------------------------------------
def test_an_update_needs_no_memory(device: str) -> None:
    x = numbers(64, device=device)
    want, before = x.numpy() + 1, memory(x)
    x += 1
    assert cost(x) == (1, 2 * 64 * 4)
    assert memory(x) is before
    assert x.tolist() == want.tolist()


def test_a_chain_of_updates_is_one_kernel() -> None:
    x = numbers(64)
    want, before = (x.numpy() + 1) * 2 - 3, memory(x)
    x += 1
    x *= 2
    x -= 3
    assert cost(x)[0] == 1 and memory(x) is before
    assert x.tolist() == want.tolist()


def test_a_row_goes_to_a_cache_at_an_offset_that_is_bound_late(device: str) -> None:
    """One kernel moves the row and nothing else, and is the same for every offset."""
    cache, before = Tensor(np.zeros((32, 2, 16), "float32"), device=device), None
    position = Variable("position", 0, 31)
    want = np.zeros((32, 2, 16), "float32")
    for place in (3, 0, 31):
        row = numbers(2, 16, device=device, seed=place)
        cache[position.bind(place)] = row
        want[place] = row.numpy()
        assert cost(cache) == (1, 2 * 32 * 4)
        assert GlobalCounters.schedule_misses == (before is None)
        assert before in (None, memory(cache))
        before = memory(cache)
    assert cache.tolist() == want.tolist()


def test_what_reads_the_cache_leaves_it_written() -> None:
    """A pending write that a program needs is done once, in place, though nobody asked for it."""
    cache = Tensor(np.zeros((8, 4), "float32"), device="PYTHON")
    before = memory(cache)
    for place in range(3):
        cache[place] = float(place + 1)
        total = cache.sum()
        kernels, _ = cost(total)
        assert kernels == 2 and memory(cache) is before
    assert total.item() == 24.0


def test_a_step_of_an_optimizer_is_in_place(device: str) -> None:
    """Momentum and parameter of each pair in one kernel, or two, without memory of their own."""
    rate, decay = 0.5, 0.75
    weights = [numbers(n, device=device, seed=n) for n in (8, 16, 5)]
    momenta = [numbers(n, device=device, seed=n + 1) for n in (8, 16, 5)]
    slopes = [numbers(n, device=device, seed=n + 2) for n in (8, 16, 5)]
    before = [memory(t) for t in (*weights, *momenta)]
    want = []
    for w, m, g in zip(weights, momenta, slopes, strict=True):
        momentum = m.numpy() * np.float32(decay) + g.numpy()
        want += [w.numpy() - np.float32(rate) * momentum, momentum]
        m.assign(m * decay + g)
        w.assign(w - m * rate)
    kernels, _ = cost(*weights, *momenta)
    assert kernels == 3
    assert [memory(t) for t in (*weights, *momenta)] == before
    found = [t.tolist() for pair in zip(weights, momenta, strict=True) for t in pair]
    assert found == [w.tolist() for w in want]


def test_shifting_by_one_takes_a_snapshot_of_the_part(device: str) -> None:
    x = numbers(65, device=device)
    want, before = x.numpy(), memory(x)
    want[1:] = want[:-1].copy()
    x[1:] = x[:-1]
    assert cost(x) == (2, 4 * 64 * 4)
    assert memory(x) is before and x.tolist() == want.tolist()


def test_swapping_takes_a_snapshot_of_one_part(device: str) -> None:
    x = numbers(1000, device=device)
    want, before = x.numpy(), memory(x)
    want[:4], want[4:8] = want[4:8].copy(), want[:4].copy()
    left = x[:4].clone()
    x[:4] = x[4:8]
    x[4:8] = left
    del left
    kernels, moved = cost(x)
    assert kernels <= 4 and moved <= 8 * 4 * 4
    assert memory(x) is before and x.tolist() == want.tolist()


def test_a_part_is_updated_where_it_is(device: str) -> None:
    x = numbers(10, 10, device=device)
    want, before = x.numpy(), memory(x)
    want[2:5, ::-2] *= 2
    x[2:5, ::-2] *= 2
    assert cost(x) == (1, 2 * 15 * 4)
    assert memory(x) is before and x.tolist() == want.tolist()


def test_parts_of_elements_touch_the_elements_around_them(device: str) -> None:
    x = numbers(10, 100, device=device)
    want, before = x.numpy(), memory(x)
    want.reshape(-1).view(np.uint8)[2021:2029] = range(8)
    value = Tensor(list(range(8)), dtype="uint8", device=device)
    x.reshape(1000).bitcast("uint8")[2021:2029] = value
    assert cost(x) == (5, 120), "three elements of 1000"
    assert memory(x) is before and x.tolist() == want.tolist()


def test_a_turned_whole_is_a_view_until_a_part_is_written(device: str) -> None:
    x = numbers(8, 8, device=device)
    want = x.numpy().T.copy()
    x.T[:] = x
    assert cost(x) == (0, 0)
    assert x.tolist() == want.tolist()
    x[0, 1:3], want[0, 1:3] = x[1:3, 0] * 2, want[1:3, 0] * 2
    x.T[::-1] += x
    want.T[::-1] += want.copy()
    assert x.tolist() == want.tolist()


def test_scattered_writes_are_in_place() -> None:
    x, places = numbers(1000), Tensor([5, 900, 5], device="PYTHON")
    want, before = x.numpy(), memory(x)
    want[[5, 900, 5]] = [1, 2, 3]
    x[places] = Tensor([1.0, 2.0, 3.0], device="PYTHON")
    assert cost(x)[1] < 1000 and memory(x) is before and x.tolist() == want.tolist()
    x[places] += 10
    want[[5, 900, 5]] += 10
    cost(x)
    assert memory(x) is before and x.tolist() == want.tolist()


# -- what must not be written over -----------------------------------------------------------------
def test_a_reader_that_waits_keeps_the_old_version() -> None:
    x = numbers(8)
    want, before = x.numpy(), memory(x)
    reader = x * 2
    x += 1
    x[0] = 7.0
    x.realize()
    assert memory(x) is not before
    assert reader.tolist() == (want * 2).tolist()
    x += 1
    now = memory(x.realize())
    assert reader.tolist() == (want * 2).tolist()
    x += 1
    assert memory(x.realize()) is now, "the reader has its own memory by now"


def test_readers_in_the_same_program_come_first() -> None:
    x = numbers(8)
    want, before = x.numpy(), memory(x)
    readers = [x * 2, x.flip(0) + 1]
    x[2:4] = 7.0
    assert cost(x, *readers)[0] == 3
    assert memory(x) is before
    assert readers[0].tolist() == (want * 2).tolist()
    assert readers[1].tolist() == (want[::-1] + 1).tolist()


def test_equal_expressions_of_two_storages() -> None:
    """Interned nodes: both have one version, and one of them goes on."""
    a, b = Tensor.zeros(3, device="PYTHON"), Tensor.zeros(3, device="PYTHON")
    a[0] = 1.0
    b[0] = 1.0
    assert a.node is b.node
    a.realize(b)
    assert memory(a) is memory(b)
    a[1] = 2.0
    a.realize()
    assert memory(a) is not memory(b)
    assert (a.tolist(), b.tolist()) == ([1, 2, 0], [1, 0, 0])
    b += 5
    b.realize()
    assert (a.tolist(), b.tolist()) == ([1, 2, 0], [6, 5, 5])


def test_a_copy_that_is_the_same_node() -> None:
    x = numbers(4)
    want, copy = x.numpy(), x.pad((0, 0))
    x += 1
    x.realize()
    assert copy.tolist() == want.tolist() and x.tolist() == (want + 1).tolist()


def test_a_view_that_was_read_keeps_its_memory() -> None:
    """The view of something pending has memory of its own, which is no storage's."""
    x = numbers(4, 4) * 2
    view = x[1:3]
    want = view.numpy()
    y = Tensor.zeros(2, 4, device="PYTHON").contiguous().realize()
    y.assign(view)
    y.realize()
    y[0] = 9.0
    y.realize()
    assert view.tolist() == want.tolist()


def test_an_expression_whose_result_was_written_over_is_computed_again() -> None:
    x = numbers(4)
    doubled = x * 2
    expression, want = doubled.node, doubled.numpy() + 1
    doubled += 1
    assert doubled.tolist() == want.tolist()
    again = Tensor.from_node(expression)
    assert again.tolist() == (want - 1).tolist()


def test_who_holds_a_node_that_was_written_over_is_told() -> None:
    x = numbers(4)
    old = x.node
    x += 1
    x.realize()
    with pytest.raises(StorageLost, match="a later version was written over it"):
        driver.read(old)


def test_only_what_was_asked_for_is_written() -> None:
    x, y = numbers(4), numbers(4, seed=1)
    before = memory(x), memory(y)
    x += 1
    y += 1
    assert cost(y)[0] == 1
    assert memory(y) is before[1] and x.node.op is Op.ADD, "the other write is still pending"
    assert cost(x)[0] == 1 and memory(x) is before[0]


def test_sizes_and_settings_do_not_matter() -> None:
    for plan in (0, 1):
        with Context(MEMORY_PLAN=plan):
            x = numbers(16, 16, seed=plan)
            want = x.numpy()
            for _ in range(4):
                total = x.sum(axis=1, keepdim=True).expand(16, 16).contiguous()
                total[2:7] = x[3:8] * 0.5
                want_total = np.repeat(want.sum(axis=1, keepdims=True), 16, axis=1)
                want_total[2:7] = want[3:8] * np.float32(0.5)
                x, want = total * 0.0625, want_total * np.float32(0.0625)
            assert x.tolist() == want.tolist()


# -- failures --------------------------------------------------------------------------------------
def test_a_kernel_that_fails_in_place_loses_that_storage_alone(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = numbers(5), numbers(5, seed=1)
    reader, want = y.numpy(), x.numpy()
    x += y
    run = python._Interpreted.__call__

    def fails(self: python._Interpreted, *arguments: Any) -> None:
        run(self, *arguments)
        raise RuntimeError("out of luck")

    monkeypatch.setattr(python._Interpreted, "__call__", fails)
    with pytest.raises(RuntimeError, match="out of luck"):
        x.realize()
    monkeypatch.undo()
    for _ in range(2):
        with pytest.raises(StorageLost, match="failed while it wrote there; assign the tensor"):
            x.tolist()
    assert y.tolist() == reader.tolist()
    x.assign(y)
    x[0] = want[0]
    assert x.tolist() == [want[0], *reader[1:]]


@pytest.mark.parametrize("whole", [
    lambda x: x, lambda x: x.T, lambda x: x[::-1, ::-1], lambda x: x.bitcast("int32").flip(1),
    lambda x: x.reshape(2, 3, 2).permute(2, 0, 1),
])  # fmt: skip
def test_what_is_lost_is_found_when_all_of_it_is_written(whole: Any) -> None:
    x = numbers(3, 4)
    driver.lose(memory_below(x.node), "a test has taken it")
    with pytest.raises(StorageLost):
        x.tolist()
    x[0, 0] = 1
    with pytest.raises(StorageLost):
        x.tolist()
    whole(x)[...] = 7
    assert whole(x).tolist() == np.full(whole(x).shape, 7).tolist()


def test_a_failure_before_the_write_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x = numbers(5)
    want = x.numpy()
    want[1:] = want[:-1].copy()
    x[1:] = x[:-1]  # a snapshot first, and then the write

    def fails(self: python._Interpreted, *arguments: Any) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(python._Interpreted, "__call__", fails)
    with pytest.raises(RuntimeError, match="out of luck"):
        x.realize()
    monkeypatch.undo()
    assert x.tolist() == want.tolist()


def test_what_was_finished_before_a_failure_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, z = numbers(4), numbers(5, seed=1), numbers(6, seed=2)
    want, last = (x.numpy() + 1).tolist(), z.numpy()
    x += 1
    y += 1
    z += 1
    run, left = python._Interpreted.__call__, [1]

    def fails_at_the_second(self: python._Interpreted, *arguments: Any) -> None:
        run(self, *arguments)
        if not left:
            raise RuntimeError("out of luck")
        left.pop()

    monkeypatch.setattr(python._Interpreted, "__call__", fails_at_the_second)
    with pytest.raises(RuntimeError, match="out of luck"):
        x.realize(y, z)
    monkeypatch.undo()
    assert x.tolist() == want
    with pytest.raises(StorageLost):
        y.realize()
    assert z.tolist() == (last + 1).tolist(), "its turn had not come"


# -- many versions ---------------------------------------------------------------------------------
def versions(count: int, size: int = 64) -> tuple[Node, Node]:
    """A chain of writes to one buffer, and the buffer."""
    base = node = Node(Op.BUFFER, F32, (), (1, size, "PYTHON"))
    for k in range(count):
        value = Node(Op.SHRINK, F32, (node,), ((k % size, 1),)) + const(1.0, F32)
        node = Node(Op.STORE, F32, (node, value), ((k + 1) % size, (1,)))
    return node, base


def calls(count: int) -> int:
    """Python calls that it takes to schedule a chain of versions."""
    node, base = versions(count)
    made = 0

    def count_call(frame: object, event: str, arg: object) -> None:
        nonlocal made
        made += event in ("call", "c_call")

    sys.setprofile(count_call)
    try:
        schedule, nodes = planned([node], [base], lambda name: Target("HOST"), "PYTHON", [0])
        verify_hazards(schedule, nodes)
    finally:
        sys.setprofile(None)
    assert len(schedule.items) == 2 * count, "a snapshot of one element, and a write"
    assert {row.source[0] for row in schedule.slots} == {"hole", "version", "temporary"}
    return made


def test_scheduling_is_linear_in_the_number_of_versions() -> None:
    assert calls(2000) < 5 * calls(500)


def test_two_thousand_writes_and_one_read() -> None:
    x = numbers(64)
    want, before = x.numpy(), memory(x)
    for k in range(2000):
        x[k % 60 : k % 60 + 2] = float(k % 7)
        want[k % 60 : k % 60 + 2] = k % 7
    kernels, moved = cost(x)
    assert kernels == 2000 and moved == 2000 * 8 and memory(x) is before
    assert x.tolist() == want.tolist()


def test_deep_chains_are_walked_and_freed() -> None:
    node, base = versions(8_000)
    other = Node(Op.BUFFER, F32, (), (2, 64, "PYTHON"))
    assert len(toposort([node])) > 8_000
    verify_tensor(node)
    assert node.shape == (64,) and node.device == "PYTHON"
    assert parse(dump(node)) is node
    moved = substitute(node, {base: other})
    assert still_read([base, other], [node]) == set()
    del node
    gc.collect()
    del moved
    gc.collect()


# -- at random -------------------------------------------------------------------------------------
def part(random: np.random.Generator, length: int) -> slice:
    """Some elements of twelve, forwards or backwards, next to each other or not."""
    step = int(random.choice([1, 2, -1, -2]))
    reach = (length - 1) * abs(step)
    first = int(random.integers(0, 12 - reach)) + (reach if step < 0 else 0)
    end = first + length * step
    return slice(first, end if end >= 0 else None, step)


@pytest.mark.parametrize("seed", range(40))
def test_random_writes_readers_and_realizes(seed: int) -> None:
    """numpy, whose readers are copies, against tensors that are computed now and then."""
    random = np.random.default_rng(seed)
    tensors = [numbers(12, seed=seed + k) for k in range(3)]
    arrays = [x.numpy() for x in tensors]
    readers: list[tuple[Tensor, Array]] = []
    for _ in range(25):
        i, j = (int(k) for k in random.integers(0, 3, 2))
        length = int(random.integers(1, 6))
        there, here = part(random, length), part(random, length)
        action = int(random.integers(0, 8))
        if action < 3:
            tensors[i][there] = tensors[j][here]
            arrays[i][there] = arrays[j][here].copy()
        elif action == 3:
            tensors[i][there] = tensors[j][here] * 0.5 + tensors[i][there]
            arrays[i][there] = arrays[j][here] * np.float32(0.5) + arrays[i][there]
        elif action == 4:
            tensors[i] += tensors[j]
            arrays[i] += arrays[j]
        elif action == 5:
            readers.append((tensors[i] + tensors[j], arrays[i] + arrays[j]))
        elif action == 6:
            some = [x for x in (*tensors, *(r for r, _ in readers)) if random.random() < 0.3]
            for x in some[:1]:
                x.realize(*some[1:])
        elif readers:
            reader, want = readers.pop(int(random.integers(0, len(readers))))
            assert reader.tolist() == want.tolist()
    found = [x.tolist() for x in (*tensors, *(reader for reader, _ in readers))]
    assert found == [x.tolist() for x in (*arrays, *(want for _, want in readers))]
