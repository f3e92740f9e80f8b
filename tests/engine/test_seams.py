"""The seams of the engine, one by one: what later parts will build on exists and works.

Each test says what a later part relies on, and shows it on the devices.
"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest

from engine import Tensor, Variable, compile as compiler, dtypes, realize
from engine.arrays import NUMPY
from engine.backends.registry import backend
from engine.compile import PASSES, trace
from engine.counters import GlobalCounters
from engine.dtypes import DType
from engine.expand import replace_trees
from engine.folds import fold_many, pick
from engine.graph import Node, axis_range, const, dump, index, parse, toposort
from engine.interpret.kernels import run
from engine.interpret.preconditions import Array
from engine.interpret.tensors import evaluate
from engine.linearize import linearize
from engine.lower import lower
from engine.ops import PARALLEL, Axis, Op, Operation
from engine.optimize import optimize
from engine.rewrite import rewrite
from engine.shapes import split_symbols
from engine.simplify.values import VALUE_RULES
from engine.steps import Output
from engine.storage import memory_of
from engine.target import Target

F32, I32, INDEX = dtypes.float32, dtypes.int32, dtypes.index
DEVICES = ("LLVM", "CPU", "PYTHON")


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    info = backend(name).info()
    if not info.available:
        pytest.skip(f"{name}: {info.detail}: {info.remedy}")
    return name


def items(node: Node) -> Array:
    """The computed elements of a tensor-level node, flat."""
    return np.frombuffer(realize.read(node), NUMPY[node.dtype])


def interpreted(node: Node) -> Array:
    """The same from the interpreter of the tensor level."""

    def load(buffer: Node) -> Array:
        return np.frombuffer(memory_of(buffer).read(), NUMPY[buffer.dtype], buffer.arg[1])

    return np.ascontiguousarray(evaluate([node], load)[0]).ravel()


def agree(node: Node) -> Array:
    """The elements, after the check that device and interpreter have the same bits."""
    got = items(node)
    assert got.tobytes() == interpreted(node).tobytes()
    return got


def floats(count: int, device: str, seed: int = 0) -> Tensor:
    values = np.random.default_rng(seed).standard_normal(count) * 100
    return Tensor(values.astype("float32"), device=device)


# -- accumulation order ----------------------------------------------------------------------------
def test_the_order_of_accumulation_is_an_attribute(device: str) -> None:
    """Two nodes that differ in nothing else are two nodes, with two results."""
    x = floats(3000, device).node
    orders = [(32, 32), (1, 256), (4, 8)]
    sums = [Node(Op.REDUCE, F32, (x,), ("ADD", (0,), order)) for order in orders]
    assert len(set(sums)) == 3
    assert len({agree(node).tobytes() for node in sums}) == 3
    assert "(32, 32)" in dump(sums[0]) and parse(dump(sums[0])) is sums[0]


# -- versions --------------------------------------------------------------------------------------
def store(old: Node, value: Node, offset: int, *strides: int) -> Node:
    return Node(Op.STORE, old.dtype, (old, value), (offset, strides))


def test_a_store_is_a_new_version_and_the_old_one_stays(device: str) -> None:
    old = Tensor(np.arange(12, dtype="float32").reshape(3, 4), device=device)
    value = Tensor([[10.0, 11.0], [12.0, 13.0]], device=device)
    second = store(old.node, value.node, 6, 4, 1)
    third = store(second, (value * 10.0).node, 0, 4, 1)
    want = np.arange(12, dtype="float32").reshape(3, 4)
    before = want.copy()
    want[1:3, 2:4] = value.numpy()
    assert agree(second).reshape(3, 4).tolist() == want.tolist()
    want[0:2, 0:2] = value.numpy() * 10
    assert agree(third).reshape(3, 4).tolist() == want.tolist()
    assert old.numpy().tolist() == before.tolist()
    assert items(second).tolist() == agree(second).tolist()


def test_a_version_of_something_computed_reads_it_too(device: str) -> None:
    old = floats(8, device) * 2.0
    new = store(old.node, (old[0:3] + 1.0).node, 5, 1)
    both = new + old.node
    want = old.numpy()
    want[5:] = want[:3] + np.float32(1)
    assert agree(both).tolist() == (want + old.numpy()).tolist()


def test_after_orders_what_no_operand_shows(device: str) -> None:
    x, y = floats(8, device), floats(8, device, seed=1)
    written = store(x.node, y.node, 0, 1)
    late = Node(Op.AFTER, F32, (y.node, written))
    assert late.shape == (8,) and late.device == x.device
    assert agree(late + 0.5).tolist() == (y.numpy() + np.float32(0.5)).tolist()


# -- devices ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("target", ["LLVM:1", "PYTHON", "CPU"])
def test_a_copy_is_a_node_that_changes_the_device(target: str) -> None:
    info = backend(target).info()
    if not info.available:
        pytest.skip(f"{target}: {info.detail}: {info.remedy}")
    x = floats(10, "LLVM")
    moved = (x * 2.0).flip(0).to(target)
    assert moved.node.op is Op.COPY and moved.node.arg == target
    assert (x.node.device, moved.node.device) == ("LLVM", target)
    result = moved + 1.0
    assert result.device == target
    want = np.flip(x.numpy() * np.float32(2)) + np.float32(1)
    assert result.numpy().tolist() == want.tolist()
    assert result.to("LLVM").numpy().tolist() == want.tolist(), "and back"


def test_operands_on_two_devices_are_refused() -> None:
    with pytest.raises(RuntimeError, match=r"LLVM and LLVM:1"):
        floats(4, "LLVM") + floats(4, "LLVM:1")


# -- symbols ---------------------------------------------------------------------------------------
def test_an_offset_is_bound_anew_without_compiling(device: str) -> None:
    table = Tensor(np.arange(40, dtype="float32").reshape(10, 4), device=device)
    row = Variable("row", 0, 9)
    misses: list[int] = []
    for value in (3, 7, 0, 9):
        got = (table[row.bind(value)] * 2.0).numpy()
        assert got.tolist() == (np.arange(4) + 4 * value).astype("float32").__mul__(2).tolist()
        misses.append(GlobalCounters.schedule_misses)
    assert len(set(misses)) == 1, "the second binding takes the compiled schedule"


def test_a_dimension_is_bound_anew_without_compiling(device: str) -> None:
    x = floats(20, device)
    n = Variable("n", 1, 20)
    misses: list[int] = []
    for size in (3, 17, 20, 1):
        part = x[: n.bind(size)]
        assert (part * 2.0).numpy().tolist() == (x.numpy()[:size] * 2).tolist()
        assert part.sum().numpy().tobytes() == x[:size].sum().numpy().tobytes()
        misses.append(GlobalCounters.schedule_misses)
    assert misses[3] - misses[1] == 2, "only the sums with the sizes written out are new"


def test_kernels_that_do_not_use_the_variable_of_a_program(device: str) -> None:
    """A store in two kernels: the old version whole, then the region at the bound offset."""
    offset = Variable("offset", 2, 15)
    x = floats(20, device)
    for value in (2, 9):
        places, symbols = split_symbols((offset.bind(value).node, (1,)))
        doubled = (x[0:3] * 2.0).node
        new = Node(Op.STORE, F32, (x.node, doubled, *symbols), places)
        want = x.numpy()
        want[value : value + 3] = want[:3] * np.float32(2)
        assert agree(new).tolist() == want.tolist()


def test_bindings_are_checked() -> None:
    n = Variable("n", 1, 20)
    for wrong in (0, 21, -1):
        with pytest.raises(ValueError, match=r"outside its range 1\.\.20"):
            n.bind(wrong)


# -- tables, folds, opaque -------------------------------------------------------------------------
def test_a_table_of_constants_is_read_at_places_from_memory(device: str) -> None:
    bits = (0x3F800000, 0x80000000, 0x7FC00001, 1)  # 1.0, -0.0, a NaN with payload, a subnormal
    table = Node(Op.TABLE, F32, (), bits)
    places = Tensor([3, 2, 1, 0, -1, 9, -9], device=device, dtype="int32")
    picked = agree(Node(Op.GATHER, F32, (table, places.node), 0))
    assert picked.view("uint32").tolist() == [bits[3], bits[2], bits[1], bits[0], bits[3], 0, 0]


def executed(sink: Node, memory: Sequence[Array], device: str) -> list[Array]:
    """A kernel made by hand, through all passes, run on a device; the buffers after it."""
    chosen = backend(device)
    *_, (_, kernels) = trace(sink, chosen.target)
    held = [chosen.allocate(array.nbytes) for array in memory]
    for place, array in zip(held, memory, strict=True):
        place.write(array.tobytes())
    for kernel in kernels:
        part = linearize(kernel, "by_hand", ())
        (program,) = chosen.compile([part.kernel])
        program([held[slot] for slot in part.slots], [])
    return [
        np.frombuffer(place.read(), array.dtype, array.size)
        for place, array in zip(held, memory, strict=True)
    ]


def param(slot: int, size: int, dtype: DType = F32) -> Node:
    return Node(Op.PARAM, dtype, (), (slot, size))


def sink_of(*writes: tuple[int, int, Node, Node]) -> Node:
    """A kernel of writes (slot, size, place, value)."""
    return Node(Op.SINK, dtypes.bool_, tuple(
        Node(Op.WRITE, value.dtype, (param(slot, size, value.dtype), place, value))
        for slot, size, place, value in writes
    ))


@pytest.mark.parametrize("rows", [1, 8, 9])
def test_a_loop_carries_two_values(rows: int, device: str) -> None:
    """(total, scale) -> (total + x * scale, scale * 0.5): each uses the other's value before."""
    row = axis_range(rows, (0,), Axis.LOOP) if rows > 1 else index(0)
    k = axis_range(16, (5,), Axis.REDUCE)
    total, scale = (Node(Op.CARRY, F32, (k,), i) for i in range(2))
    x = Node(Op.LOAD, F32, (param(2, 16 * rows), k * rows + row))
    both = fold_many(k, (const(0.0, F32), const(1.0, F32)), (total + x * scale, scale * 0.5))
    sink = sink_of((0, rows, row, pick(both, 0)), (1, rows, row, pick(both, 1)))
    values = np.random.default_rng(rows).standard_normal((16, rows)).astype("float32")
    sums, factor = np.zeros(rows, "float32"), np.float32(1)
    for line in values:
        sums, factor = sums + line * factor, factor * np.float32(0.5)
    memory = [np.zeros(rows, "float32"), np.zeros(rows, "float32"), values.ravel()]
    got = executed(sink, memory, device)
    assert got[0].tobytes() == sums.tobytes()
    assert got[1].tobytes() == np.full(rows, factor).tobytes()


def test_no_rule_looks_through_opaque(device: str) -> None:
    x = floats(8, device).node
    for node in (
        x.opaque() * 1.0, -(-x).opaque(), const(1.0, F32).opaque() * x,
        Node(Op.WHERE, F32, (const(True, dtypes.bool_).opaque(), x, x + 1.0)),
    ):  # fmt: skip
        kept = [n for n in toposort([rewrite(node, VALUE_RULES)]) if n.op is Op.OPAQUE]
        assert kept
        agree(node)


def test_opaque_values_are_canonical_when_they_are_stored(device: str) -> None:
    """It moves bits like any other operation of its kind, so what it moves must be canonical."""
    zero = Tensor([0.0, -0.0], device=device).node
    assert agree((zero / zero).opaque()).view("uint32").tolist() == [0x7FC00000] * 2


# -- functions, CANON, gathers ---------------------------------------------------------------------
def states(node: Node, target: Target) -> dict[str, list[Node]]:
    """The kernels after each pass, for an expression over parameters 1, 2 …"""
    count = int(np.prod([size for size in node.shape if isinstance(size, int)]))
    sink = lower([Output(param(0, count, node.dtype), node)])
    return {step.name if step else "lower": kernels for step, kernels in trace(sink, target)}


@pytest.mark.parametrize("op", [Op.EXP2, Op.LOG2])
def test_functions_stay_whole_until_their_pass(op: Operation, device: str) -> None:
    """So that a gradient, or a device with the function, finds them."""
    found = states(param(1, 8).unary(op), backend(device).target)
    names = list(found)
    last = names.index("decompose functions")
    for i, name in enumerate(names):
        whole = any(n.op is op for n in toposort(found[name]))
        assert whole is (i < last), name


def test_decomposition_has_three_places() -> None:
    """Functions and the layout of memory before `optimize`, which sees both; arithmetic after."""
    names = [step.name for step in PASSES]
    places = ["decompose functions", "decompose storage", "optimize", "decompose arithmetic"]
    assert [name for name in names if name in places] == places


def test_memory_has_its_final_dtypes_before_loops_are_shared_out() -> None:
    half = param(1, 8, dtypes.float16)
    found = states(half * half, Target("HOST"))["decompose storage"]
    kinds = {n.dtype for n in toposort(found) if n.op is Op.PARAM}
    assert kinds == {dtypes.uint16}


def test_canonical_nans(device: str) -> None:
    """Computed NaNs have one bit pattern; a NaN that is only moved keeps its own."""
    bits = np.array([0x7FC12345, 0xFFC00000, 0x7F800001, 0x3F800000], "uint32")
    x = Tensor(bits.view("float32"), device=device)
    canonical = [0x7FC00000] * 3 + [0x3F800000]
    computed = [x * 1.0, x / 1.0, x - 0.0, x + 0.0, x.maximum(-1e30), x.sqrt(), x + x - x]
    for tensor in computed:
        assert agree(tensor.node).view("uint32").tolist()[:3] == canonical[:3]
    assert agree((x * 1.0).node).view("uint32").tolist() == canonical
    moved = [x.flip(0).flip(0), (x < 0.0).where(-x, x), x.pad(((1, 1),))[1:-1], x.reshape(2, 2)]
    for tensor in moved:
        assert agree(tensor.node).view("uint32").tolist() == bits.tolist()
    assert agree((-x).node).view("uint32").tolist() == (bits ^ 0x80000000).tolist()
    assert agree((-(x * 1.0)).node).view("uint32").tolist()[0] == 0xFFC00000


GATHERED = [
    ("int8", [0, 3, 4, 127, -1, -4, -5, -128]),
    ("uint8", [0, 3, 4, 255]),
    ("int32", [0, 3, 4, 2**31 - 1, -1, -4, -5, -(2**31)]),
    ("uint32", [0, 3, 4, 2**31, 2**32 - 1]),
    ("int64", [0, 3, 4, 2**32, 2**63 - 1, -1, -4, -5, -(2**63)]),
    ("uint64", [0, 3, 4, 2**32, 2**63, 2**64 - 1]),
]


@pytest.mark.parametrize(("dtype", "places"), GATHERED)
def test_gathering_out_of_range_reads_zero(dtype: str, places: list[int], device: str) -> None:
    """Negative places count from the end; nothing outside of the memory is touched."""
    x = Tensor([5, 6, 7, 8], device=device, dtype="int32")
    picks = Tensor(np.array(places, dtype), device=device)
    want = [[5, 6, 7, 8][p] if -4 <= p < 4 else 0 for p in places]
    assert agree(Node(Op.GATHER, I32, (x.node, picks.node), 0)).tolist() == want


def test_gathering_along_an_inner_axis(device: str) -> None:
    x = Tensor(np.arange(24, dtype="int16").reshape(2, 3, 4), device=device)
    picks = Tensor([[0, -1], [7, 1]], device=device, dtype="int32")
    got = agree(Node(Op.GATHER, x.dtype, (x.node, picks.node), 1)).reshape(2, 2, 2, 4)
    assert (got[:, 1, 0] == 0).all()
    assert (got[:, 0, 1] == x.numpy()[:, 2]).all()


def test_loads_with_a_gate(device: str) -> None:
    """Padding reads nothing outside: the address is wrong there, and the gate closed."""
    x = floats(9, device)
    padded = x.reshape(3, 3).pad(((2, 1), (0, 4)), value=7.0)
    lowered = lower([Output(param(0, 42), _over_parameters(padded.node))])
    loads = [n for n in toposort([lowered]) if n.op is Op.LOAD]
    assert loads and all(len(n.src) == 3 for n in loads)
    assert agree((padded * 2.0).node).reshape(6, 7)[0].tolist() == [14.0] * 7


def _over_parameters(node: Node) -> Node:
    """The expression with its buffers as parameters 1, 2 …"""
    done: dict[Node, Node] = {}
    for n in toposort([node]):
        src = tuple(done[s] for s in n.src)
        done[n] = param(1, n.arg[1], n.dtype) if n.op is Op.BUFFER else n.replace(src)
    return done[node]


def test_a_kernel_has_several_outputs(device: str) -> None:
    x = floats(100, device)
    shared = x.sqrt()
    low, high = shared - 1.0, shared * 2.0 + (shared - 1.0)
    before = GlobalCounters.kernel_count
    low.realize(high)
    assert GlobalCounters.kernel_count == before + 1
    with np.errstate(invalid="ignore"):
        root = np.sqrt(x.numpy())
    assert np.array_equal(low.numpy(), root - np.float32(1), equal_nan=True)
    want = root * np.float32(2) + (root - np.float32(1))
    assert np.array_equal(high.numpy(), want, equal_nan=True)


# -- axes and targets ------------------------------------------------------------------------------
def test_kinds_of_axes(device: str) -> None:
    """A GPU's loops mean the same on a device that has none: their rounds run in any order."""
    assert {"global", "workgroup", "lane"} <= {str(kind) for kind in PARALLEL}
    group = axis_range(3, (0,), Axis.GLOBAL)
    thread = axis_range(2, (1,), Axis.WORKGROUP)
    lane = axis_range(4, (2,), Axis.LANE)
    place = group * 8 + thread * 4 + lane
    value = Node(Op.LOAD, F32, (param(1, 24), place)) * 2.0
    sink = sink_of((0, 24, place, value))
    x = np.arange(24, dtype="float32")
    got = executed(sink, [np.zeros(24, "float32"), x], device)
    assert got[0].tolist() == (x * 2).tolist()
    for seed in range(3):
        out = np.zeros(24, "float32")
        run(linearize(sink, "by_hand", ()).kernel, [out, x.copy()], shuffle=seed)
        assert out.tolist() == (x * 2).tolist()


WIDE = Target("WIDE", vector_bytes=16, vector_registers=32, threads=8)


def product(m: int, k: int, n: int) -> Node:
    """Lowered matmul of parameters 1 and 2."""
    x = Node(Op.EXPAND, F32, (Node(Op.RESHAPE, F32, (param(1, m * k),), (m, 1, k)),), (m, n, k))
    y = Node(Op.RESHAPE, F32, (param(2, k * n),), (1, k, n))
    y = Node(Op.EXPAND, F32, (Node(Op.PERMUTE, F32, (y,), (0, 2, 1)),), (m, n, k))
    total = Node(Op.REDUCE, F32, (x * y,), ("ADD", (2,), (1, 256)))
    return lower([Output(param(0, m * n), Node(Op.RESHAPE, F32, (total,), (m, n)))])


def sizes(kernels: Sequence[Node], kind: Axis) -> list[int]:
    return [n.src[0].arg for n in toposort(kernels) if n.op is Op.RANGE and n.arg[1] == kind]


def test_tiles_fit_the_registers_of_the_target() -> None:
    sink = product(16, 40, 64)
    areas = {}
    for registers in (32, 16, 4, 1):
        kernels = optimize(sink, dataclasses.replace(WIDE, vector_registers=registers))
        areas[registers] = int(np.prod(sizes(kernels, Axis.UNROLL)))
        assert areas[registers] <= max(1, registers)
    assert areas[32] > areas[16] >= areas[4] >= areas[1] == 1


def test_vectors_have_the_width_of_the_target() -> None:
    sink = product(16, 40, 64)
    for width in (16, 32, 64):
        kernels = optimize(sink, dataclasses.replace(WIDE, vector_bytes=width))
        assert sizes(kernels, Axis.VECTOR) == [width // 4]
    assert sizes(optimize(sink, dataclasses.replace(WIDE, vector_bytes=0)), Axis.VECTOR) == []


def test_copies_stay_below_the_limit_of_the_target() -> None:
    """The lanes of a sum whose body is large: copies of it, or a loop."""
    x = param(1, 64)
    for _ in range(10):
        x = x.sqrt() + 1.0
    sink = lower([Output(param(0, 1), Node(Op.REDUCE, F32, (x,), ("ADD", (0,), (32, 32))))])
    scalar = Target("SCALAR")
    assert sizes(optimize(sink, scalar), Axis.UNROLL) == [32]
    assert sizes(optimize(sink, dataclasses.replace(scalar, max_unroll=100)), Axis.UNROLL) == []


def test_threads_come_with_work_and_with_the_target() -> None:
    assert sizes(optimize(product(256, 256, 256), WIDE), Axis.GLOBAL)
    alone = dataclasses.replace(WIDE, threads=1)
    assert not sizes(optimize(product(256, 256, 256), alone), Axis.GLOBAL)
    assert not sizes(optimize(product(4, 4, 4), WIDE), Axis.GLOBAL)


def test_limits_change_the_loops_and_never_the_bits() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((8, 40), "float32"), rng.standard_normal((40, 16), "float32")
    results = []
    for target in (WIDE, dataclasses.replace(WIDE, vector_registers=4), Target("SCALAR")):
        memory = [np.zeros(128, "float32"), x.ravel(), y.ravel()]
        *_, (_, kernels) = trace(product(8, 40, 16), target)
        for kernel in kernels:
            part = linearize(replace_trees(kernel), "product", ())
            run(part.kernel, [memory[slot] for slot in part.slots])
        results.append(memory[0].tobytes())
    assert results[0] == results[1] == results[2]


def test_index_is_narrowed_to_what_provably_fits() -> None:
    def dtype_of_loops(size: int, narrow: bool) -> set[DType]:
        target = Target("HOST", narrow_index=narrow)
        found = states(param(1, size) * 2.0, target)["narrow addresses"]
        return {n.dtype for n in toposort(found) if n.op is Op.RANGE}

    assert dtype_of_loops(1000, narrow=True) == {I32}
    assert dtype_of_loops(1000, narrow=False) == {dtypes.int64}
    assert dtype_of_loops(2**31 + 8, narrow=True) == {dtypes.int64}


# -- the package -----------------------------------------------------------------------------------
LAZY = """
import sys
import engine
heavy = {"numpy", "torch", "hypothesis", "llvmlite", "ctypes", "engine.backends.llvm"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
x = engine.Tensor([1.0, 2.0], device="LLVM") * 2.0
assert "numpy" not in sys.modules
print(x.tolist(), "numpy" in sys.modules)
"""


def test_numpy_is_not_imported_by_the_engine() -> None:
    """Nor by building, compiling and reading a tensor, as long as nobody asks for an array."""
    done = subprocess.run([sys.executable, "-c", LAZY], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["[2.0,", "4.0]", "False"]


def test_the_list_of_passes_is_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass can be left out, and what was to run after it says what is missing."""
    without = tuple(step for step in PASSES if step.name != "expand vectors and copies")
    monkeypatch.setattr(compiler, "PASSES", without)
    with pytest.raises(ValueError, match=r"'narrow addresses'.*should have been expanded"):
        states(param(1, 64) * 2.0, WIDE)
