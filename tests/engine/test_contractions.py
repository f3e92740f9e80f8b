"""What makes contractions fast changes no bit: tiles, last vectors, gates, choices, windows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from engine import Tensor, dtypes
from engine.canonical import place_canon
from engine.compile import trace
from engine.expand import replace_trees
from engine.graph import Node, const, index, toposort
from engine.interpret.kernels import run
from engine.linearize import linearize
from engine.lower import lower
from engine.ops import Axis, Op
from engine.optimize import WORK_FOR_REST, choose_tile, optimize
from engine.realize import resolved_roots, structure
from engine.schedule import Output, make_schedule
from engine.simplify.index import unravel
from engine.target import Target

F32 = dtypes.float32
WIDE = Target("WIDE", vector_bytes=32, vector_registers=32, threads=2)


def kernel_of(result: Tensor) -> Node:
    """The lowered kernel of a program that is one kernel."""
    roots = resolved_roots([result.node])
    schedule = make_schedule(roots, structure(roots).holes, lambda name: WIDE, "PYTHON")
    (item,) = schedule.items
    assert item.kernel is not None
    return lower(item.kernel)


def operands(size: int, channels: int) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    rng = np.random.default_rng(size)
    shapes = ((1, channels, size, size), (8, channels, 3, 3))
    return [rng.standard_normal(shape, "float32") for shape in shapes]


def convolution(size: int, channels: int = 4) -> Tensor:
    x, w = (Tensor(array, device="PYTHON") for array in operands(size, channels))
    return x.conv2d(w, padding=1)


def ranges(kernel: Node, kind: Axis) -> list[int]:
    return [n.src[0].arg for n in toposort([kernel]) if n.op is Op.RANGE and n.arg[1] == kind]


# -- tiles -----------------------------------------------------------------------------------------
def test_a_tile_shares_what_copies_have_in_common() -> None:
    """Fewest instructions a result: channels share the window, rows share the weights."""
    (kernel, *_) = optimize(kernel_of(convolution(32)), WIDE)
    copies = ranges(kernel, Axis.UNROLL)
    assert len(copies) >= 2
    assert 8 <= int(np.prod(copies)) <= WIDE.vector_registers * 3 // 4


def test_no_tile_where_copies_share_little() -> None:
    """A body that is all functions of both operands leaves as much to compute as before."""
    x = Tensor(np.ones((8, 1, 40), "float32"), device="PYTHON")
    y = Tensor(np.ones((1, 16, 40), "float32"), device="PYTHON")
    z = x * y
    for _ in range(12):
        z = (z + 1.0) / z
    total = Node(Op.REDUCE, F32, (z.node,), ("ADD", (2,), (1, 256)))
    sink = kernel_of(Tensor.from_node(total))
    assert choose_tile(sink, WIDE, toposort([sink])) == {}


# -- the last vector -------------------------------------------------------------------------------
def test_the_last_vector_overlaps_where_there_is_much_to_do() -> None:
    kernels = optimize(kernel_of(convolution(44, channels=64)), WIDE)
    assert [ranges(kernel, Axis.VECTOR) for kernel in kernels] == [[8], [8]]


def test_small_kernels_stay_one() -> None:
    sink = kernel_of(convolution(6))
    assert len(optimize(sink, WIDE)) == 1


def test_what_is_read_and_written_is_not_computed_twice() -> None:
    """x = x + 1 in place: a second time would add two."""
    size = WORK_FOR_REST + 5
    memory = Node(Op.PARAM, F32, (), (0, size))
    kernels = optimize(lower([Output(memory, memory + 1.0)]), WIDE)
    assert [ranges(kernel, Axis.VECTOR) for kernel in kernels] == [[8], []]


@pytest.mark.parametrize("registers", [32, 4])
@pytest.mark.parametrize("size", [9, 22])
def test_tiles_and_vectors_change_no_bit(
    size: int, registers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the thresholds at 0, so that small kernels get what large ones get."""
    monkeypatch.setattr("engine.optimize.WORK_FOR_REST", 0)
    x, w = operands(size, channels=4)
    sink = kernel_of(convolution(size))
    target = dataclasses.replace(WIDE, vector_registers=registers)
    *_, (_, kernels) = trace(sink, target)
    assert len(kernels) == 2
    memory = [np.zeros(8 * size * size, "float32"), x.ravel(), w.ravel()]
    for kernel in kernels:
        part = linearize(replace_trees(kernel), "convolution", ())
        run(part.kernel, [memory[slot] for slot in part.slots])
    assert memory[0].tobytes() == convolution(size).tobytes()  # in plain loops


# -- NaNs between arithmetic -----------------------------------------------------------------------
def test_a_choice_between_arithmetic_needs_no_canonical_nan() -> None:
    x, y = (Node(Op.PARAM, F32, (), (k, 8)) for k in (1, 2))
    product = (x * y)
    chosen = Node(Op.LT, dtypes.bool_, (x, y)).where(product, 0.0)
    inside = lower([Output(Node(Op.PARAM, F32, (), (0, 8)), chosen + x)])
    shown = lower([Output(Node(Op.PARAM, F32, (), (0, 8)), chosen)])
    assert sum(n.op is Op.CANON for n in toposort([place_canon(inside)])) == 1  # before the store
    (canon,) = [n for n in toposort([place_canon(shown)]) if n.op is Op.CANON]
    assert canon.src[0].op is Op.MUL


def test_a_choice_whose_bits_are_looked_at_is_canonical() -> None:
    """Negation flips the sign of whatever NaN there is."""
    x = Node(Op.PARAM, F32, (), (1, 8))
    chosen = Node(Op.LT, dtypes.bool_, (x, x.constant(0.0))).where(x * x, x)
    sink = lower([Output(Node(Op.PARAM, F32, (), (0, 8)), (-chosen) + chosen)])
    placed = toposort([place_canon(sink)])
    (choice,) = [n for n in placed if n.op is Op.WHERE]
    assert choice.src[1].op is Op.CANON


# -- addresses -------------------------------------------------------------------------------------
def test_the_outermost_axis_takes_what_is_left() -> None:
    number = Node(Op.RANGE, dtypes.index, (index(30),), ((0,), Axis.LOOP)) + index(-7)
    assert unravel(number, (1, 1, 23))[2] is number
    assert unravel(number, (1, 1)) == (number, index(0))
    assert unravel(number, ()) == ()


def test_a_gated_load_is_its_own_padding() -> None:
    """A load gives 0 where its gate is false, so only other fills need a choice."""
    def choices(value: float) -> int:
        x = Node(Op.PARAM, F32, (), (1, 8))
        padded = Node(Op.PAD, F32, (x, const(value, F32)), ((2, 2),))
        sink = lower([Output(Node(Op.PARAM, F32, (), (0, 12)), padded)])
        return sum(n.op is Op.WHERE for n in toposort([sink]))

    assert choices(0.0) == 0
    assert choices(-0.0) == choices(1.0) == 1
