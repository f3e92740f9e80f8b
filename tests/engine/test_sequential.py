"""Nodes that are kernels of their own: scans, merges, scattered writes, parts of a whole, views."""

from __future__ import annotations

import numpy as np
import pytest

from engine import Tensor, sequential
from engine.arrays import NUMPY
from engine.backends.registry import info
from engine.fusion import repeats
from engine.graph import Node, dump, parse, substitute, toposort
from engine.interpret.tensors import evaluate
from engine.ops import Op
from engine.realize import structure
from engine.schedule import make_schedule
from engine.storage import memory_of
from engine.target import Target
from engine.tensor import views

Array = np.ndarray[tuple[int, ...], np.dtype[np.generic]]


DEVICES = [row.name for row in info() if row.available]


def load(buffer: Node) -> Array:
    return np.frombuffer(memory_of(buffer).read(), NUMPY[buffer.dtype], buffer.arg[1])


def agree(node: Node) -> Array:
    """The value of a node, the same bits from every device and the interpreter."""
    (want,) = evaluate([node], load)
    home = node.device or "LLVM"
    for device in DEVICES:
        moved = Tensor.from_node(node) if device == home else moved_to(node, device)
        assert moved.tobytes() == want.tobytes(), device
    return want


def moved_to(node: Node, device: str) -> Tensor:
    """The same program over copies of its buffers on another device."""
    copies = {
        buffer: Tensor(load(buffer), device=device).node
        for buffer in toposort([node]) if buffer.op is Op.BUFFER
    }
    return Tensor.from_node(substitute(node, copies))


def kernels(node: Node) -> int:
    holes = structure([node]).holes
    return len(make_schedule([node], holes, lambda device: Target("HOST"), "LLVM").items)


# -- scans -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["ADD", "MUL", "MAXIMUM", "MINIMUM"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint8"])
def test_scans(name: str, dtype: str) -> None:
    values = np.random.default_rng(1).integers(0, 9, (3, 4, 37)).astype(dtype)
    x = Tensor(values)
    found = agree(Node(Op.SCAN, x.dtype, (x.node,), name))
    assert found.shape == values.shape


def test_a_scan_starts_at_the_identity() -> None:
    """0 + -0 is +0, and every NaN that it computes is the canonical one."""
    bits = np.array([0x80000000, 0x7FC12345, 0x3F800000], np.uint32)
    x = Tensor(bits.view(np.float32))
    found = agree(Node(Op.SCAN, x.dtype, (x.node,), "ADD"))
    assert found.view(np.uint32).tolist() == [0, 0x7FC00000, 0x7FC00000]


def test_what_a_scan_reads_is_fused_in_front_of_it() -> None:
    x = Tensor(np.ones((4, 8), np.float32))
    assert kernels(Node(Op.SCAN, x.dtype, (((x + 1) * 2).node,), "ADD")) == 1
    assert kernels(Node(Op.SCAN, x.dtype, ((x.sum(axis=1, keepdim=True) + x).node,), "ADD")) == 2


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 5), (1,), (2, 1)])
def test_scans_of_nothing_and_of_one(shape: tuple[int, ...]) -> None:
    x = Tensor(np.ones(shape, np.int32))
    assert agree(Node(Op.SCAN, x.dtype, (x.node,), "ADD")).shape == shape


# -- merges ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("count", [1, 2, 3, 8, 100, 513, 1200])
def test_merges_sort(count: int) -> None:
    """Runs of 1, 2, 4 …; the last run of a row may be short or missing."""
    rng = np.random.default_rng(count)
    values = rng.permutation(1 << 14)[: 3 * count].astype(np.uint64).reshape(3, count)
    values[0, 0] = np.iinfo(np.uint64).max
    node = Tensor(values).node
    length = 1
    while length < count:
        node = Node(Op.MERGE, node.dtype, (node,), length)
        length *= 2
    assert agree(node).tolist() == np.sort(values, axis=-1).tolist()


@pytest.mark.parametrize("count", [33, 77, 251, 999])
def test_rounds_begin_anywhere_in_a_pair(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 8, so that bisection finds where each begins; sizes that no other test compiles."""
    monkeypatch.setattr(sequential, "CHUNK", 8)
    values = np.random.default_rng(count).permutation(1 << 12)[:count].astype(np.uint64)
    values[count // 2 :] += np.uint64(1 << 20)  # all of a run before all of the other, too
    node = Tensor(values).node
    for length in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512):
        node = Node(Op.MERGE, node.dtype, (node,), length)
    assert agree(node).tolist() == np.sort(values).tolist()


@pytest.mark.parametrize("rows", [4, 8, 64])
def test_rows_of_one_number_merge_side_by_side(rows: int) -> None:
    """As lanes of a vector, whose addresses hang on values that each lane carries."""
    x = Tensor(np.random.default_rng(rows).permutation(rows).astype(np.uint64).reshape(rows, 1))
    merged = Node(Op.MERGE, x.dtype, (x.node,), 1)
    assert (agree(merged) == x.numpy()).all()


def test_a_merge_reads_memory() -> None:
    """It looks at items again and again, so they are not computed each time."""
    x = Tensor(np.arange(8, dtype=np.uint64))
    assert kernels(Node(Op.MERGE, x.dtype, ((x ^ 5).node,), 4)) == 2


# -- scattered writes ------------------------------------------------------------------------------
def scatter(base: Tensor, picks: Tensor, value: Tensor, axis: int, name: str | None) -> Array:
    return agree(
        Node(Op.SCATTER, base.dtype, (base.node, picks.node, value.node), (axis, name))
    )


def test_the_last_write_wins() -> None:
    picks = Tensor(np.array([1, 0, 1, -1, 7, -8, 1], np.int8))
    value = Tensor(np.arange(7, dtype=np.float32))
    assert scatter(Tensor(np.zeros(3, np.float32)), picks, value, 0, None).tolist() == [1, 6, 3]


def test_sums_run_in_the_order_of_the_index() -> None:
    """1e8 + 1 is 1e8 in float32, so the order shows."""
    value = Tensor(np.array([1e8, 1, -1e8, 1], np.float32))
    picks = Tensor(np.zeros(4, np.int32))
    assert scatter(Tensor(np.zeros(2, np.float32)), picks, value, 0, "ADD").tolist() == [1, 0]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("name", [None, "ADD", "MUL", "MAXIMUM"])
def test_scattered_along_any_axis(axis: int, name: str | None) -> None:
    rng = np.random.default_rng(7)
    shape = [4, 5, 3]
    base = Tensor(rng.integers(-4, 5, shape).astype(np.int32))
    shape[axis] = 9
    picks = Tensor(rng.integers(-6, 7, shape).astype(np.int64))
    scatter(base, picks, Tensor(rng.integers(-4, 5, shape).astype(np.int32)), axis, name)


@pytest.mark.parametrize("picks", [
    Tensor.full((5,), 1, dtype="int32"), Tensor(np.array([1], np.int32)).expand((5,)),
])  # fmt: skip
def test_a_place_that_is_known_too_early(picks: Tensor) -> None:
    """Five rounds write one place, although nothing about it depends on the round."""
    base, value = (Tensor(np.full(n, k, np.float32)) for n, k in ((3, 0), (5, 1)))
    found = scatter(base, picks, value, 0, "ADD")
    assert found.tolist() == [0, 5, 0]


def test_the_value_may_be_the_base() -> None:
    """It is read as it was before."""
    base = Tensor(np.arange(4, dtype=np.int32))
    picks = Tensor(np.array([3, 2, 1, 0], np.uint8))
    assert scatter(base, picks, base, 0, "ADD").tolist() == [3, 3, 3, 3]


def test_an_index_beyond_int64_is_out_of_range() -> None:
    picks = Tensor(np.array([2**64 - 1, 1, 2**63], np.uint64))
    base, value = Tensor(np.zeros(2, np.int8)), Tensor(np.array([1, 2, 3], np.int8))
    assert scatter(base, picks, value, 0, None).tolist() == [0, 2]


@pytest.mark.parametrize("count", [0, 3])
def test_scattered_into_nothing_and_from_nothing(count: int) -> None:
    picks = Tensor(np.zeros(count, np.int32))
    value = Tensor(np.ones(count, np.float32))
    base = Tensor(np.zeros(3 - count, np.float32))
    assert scatter(base, picks, value, 0, "ADD").tolist() == [0.0] * (3 - count)


# -- concatenation and views -----------------------------------------------------------------------
def test_every_part_is_written_once() -> None:
    """One kernel a part, whatever is computed in it, and no copy of the whole."""
    x, y = Tensor(np.ones((2, 3), np.float32)), Tensor(np.zeros((2, 0), np.float32))
    node = views.cat([(x + 1).node, y.node, x.flip(1).node, x.sum(axis=1, keepdim=True).node], 1)
    assert kernels(node) == 3  # the empty part is none
    assert agree(node).tolist() == [[2, 2, 2, 1, 1, 1, 3]] * 2


def test_concatenation_keeps_payloads() -> None:
    x = Tensor(np.array([0x7FC12345, 0xFF800001], np.uint32)).bitcast("float32")
    found = agree(views.cat([x.node, x.node], 0))
    assert found.view(np.uint32).tolist() == [0x7FC12345, 0xFF800001] * 2


WINDOWS = ((6, 3), ((0, (1, 1)),))
STRIDED = ((4,), ((7, (-2,)),))
DIAGONAL = ((2,), ((0, (1,)), (1, (1,))))


@pytest.mark.parametrize(("arg", "shape", "again"), [
    (WINDOWS, (8,), True), (STRIDED, (8,), False), (DIAGONAL, (2, 4), False),
    (((2, 2), ((0, (1, 0)), (0, (0, 0)))), (2, 4), True),
])  # fmt: skip
def test_affine_views(arg: tuple[tuple[int, ...], object], shape: tuple[int, ...], again: bool
                      ) -> None:  # fmt: skip
    x = Tensor(np.arange(8, dtype=np.int16).reshape(shape))
    node = Node(Op.AFFINE, x.dtype, (x.node,), arg)
    assert agree(node).shape == arg[0]
    assert repeats(node) is again
    assert parse(dump(node)) is node
    assert kernels((Tensor.from_node(node) + 1).node) == 1


def test_windows_of_something_computed_compute_it_once() -> None:
    x = Tensor(np.arange(8, dtype=np.float32))
    windows = Node(Op.AFFINE, x.dtype, ((x * 2).node,), WINDOWS)
    assert kernels((Tensor.from_node(windows) + 1).node) == 2


@pytest.mark.parametrize("places", [
    ((0, (1, 1)),), ((-1, (1, 0)),), ((7, (-1, -1)),), ((0, (1, 0)), (0, (0, 1))),
])  # fmt: skip
def test_an_affine_view_stays_inside(places: tuple[tuple[int, tuple[int, ...]], ...]) -> None:
    x = Tensor(np.arange(8, dtype=np.int16))
    with pytest.raises(ValueError, match="AFFINE"):
        views.affine(x.node, (7, 3), places)
