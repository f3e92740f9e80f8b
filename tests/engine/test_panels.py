"""Large products read panels: which are copied, how they are read, and that no bit changes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engine import Context, Tensor
from engine.graph import Node, toposort
from engine.lower import lower
from engine.ops import Axis, Op
from engine.optimize import WORK_FOR_REST, optimize, split_axes
from engine.panels import PANEL_BYTES, WORK_FOR_PANELS, into_panels
from engine.realize import resolved_roots, structure
from engine.schedule import make_schedule
from engine.steps import Item
from engine.target import Target

WIDE = Target("WIDE", vector_bytes=32, vector_registers=32, threads=2)
COLUMNS = PANEL_BYTES // 4  # of a panel of float32
Program = Callable[..., Tensor]


def zeros(*shape: int) -> Tensor:
    """Memory that is never read, since nothing is run."""
    data = bytes(4 * int(np.prod(shape)))
    return Tensor.from_bytes(data, "float32", shape, "PYTHON").realize()


def steps(*results: Tensor) -> list[Item]:
    roots = resolved_roots([result.node for result in results])
    return make_schedule(roots, structure(roots).holes, lambda name: WIDE, "PYTHON").items


def copies(*results: Tensor) -> list[tuple[int, ...]]:
    """The shapes of the operands that a program copies."""
    kernels = [item.kernel for item in steps(*results) if item.kernel is not None]
    expressions = [output.expression for kernel in kernels for output in kernel]
    return [
        tuple([size for size in e.shape if isinstance(size, int)]) for e in expressions
        if not any(n.op is Op.REDUCE or n.op is Op.PARTIAL for n in toposort([e]))
    ]


# -- which products --------------------------------------------------------------------------------
SQUARE = (1024, 1024)
PANELS = (1, 1024 // COLUMNS, 1024, COLUMNS)
LARGE: dict[str, tuple[Program, list[tuple[int, ...]], list[tuple[int, ...]]]] = {
    "a @ b": (lambda a, b: a @ b, [SQUARE] * 2, [PANELS]),
    "a @ b.T": (lambda a, b: a @ b.permute(1, 0), [SQUARE] * 2, [PANELS]),
    "a.T @ b": (lambda a, b: a.permute(1, 0) @ b, [SQUARE] * 2, [(1024, 1, 1024), PANELS]),
    "linear": (lambda x, w, b: x.linear(w, b).relu(), [SQUARE, SQUARE, (1024,)], [PANELS]),
    "einsum": (lambda a, b: Tensor.einsum("ij,kj->ik", a, b), [SQUARE] * 2, [PANELS]),
    "batched": (
        lambda a, b: a @ b, [(4, 256, 128), (4, 128, 192)],
        [(4, 1, -(-192 // COLUMNS), 128, COLUMNS)],
    ),
    "one matrix for a batch": (
        lambda a, b: a @ b, [(4, 256, 128), (128, 192)], [(1, 1, -(-192 // COLUMNS), 128, COLUMNS)],
    ),
    "twice by one matrix": (lambda a, b: (a @ b) @ b, [SQUARE] * 2, [PANELS]),
    "a remainder": (lambda a, b: a @ b, [(512, 256), (256, 200)], [(1, 4, 256, COLUMNS)]),
}


@pytest.mark.parametrize("name", LARGE)
def test_operands_of_large_products_are_copied_once(name: str) -> None:
    program, shapes, expected = LARGE[name]
    assert sorted(copies(program(*[zeros(*shape) for shape in shapes]))) == sorted(expected)


NOT_COPIED: dict[str, tuple[Program, list[tuple[int, ...]]]] = {
    "tiny": (lambda a, b: a @ b, [(16, 16)] * 2),
    "small": (lambda a, b: a @ b, [(128, 128), (128, 4 * COLUMNS)]),
    "a vector": (lambda a, b: a @ b, [(4096, 4096), (4096,)]),
    "few rows": (lambda a, b: a @ b, [(8, 2048), (2048, 2048)]),
    "few columns": (lambda a, b: a @ b, [(4096, 1024), (1024, COLUMNS)]),
    "windows": (lambda x, w: x.conv2d(w), [(1, 16, 96, 96), (64, 16, 3, 3)]),
    "a sum": (lambda x: x.sum(axis=0), [(8192, 2048)]),
}


@pytest.mark.parametrize("name", NOT_COPIED)
def test_what_gains_nothing_is_not_copied(name: str) -> None:
    program, shapes = NOT_COPIED[name]
    assert copies(program(*[zeros(*shape) for shape in shapes])) == []


def test_plain_loops_read_operands_where_they_are() -> None:
    with Context(OPTIMIZE=0):
        assert copies(zeros(*SQUARE) @ zeros(*SQUARE)) == []


def test_an_operand_that_is_computed_is_computed_into_panels() -> None:
    """No further memory, and no further kernel."""
    computed = zeros(*SQUARE) @ (zeros(*SQUARE) + 1.0)
    assert len(steps(computed)) == 2


@pytest.mark.parametrize("columns", [1024, 1000])
def test_panels_are_not_cut_again(columns: int) -> None:
    product = zeros(*SQUARE) @ zeros(1024, columns)
    (reduction,) = [n for n in toposort([product.node]) if n.op is Op.REDUCE]
    once = into_panels(reduction)
    assert once is not None and once is not reduction
    assert into_panels(once) is once


# -- loops -----------------------------------------------------------------------------------------
def product_kernel(rows: int, inner: int, columns: int) -> Node:
    kernel = steps(zeros(rows, inner) @ zeros(inner, columns))[-1].kernel
    assert kernel is not None
    return lower(kernel)


def sizes(kernel: Node, kind: Axis) -> list[int]:
    """Of the loops of a kind, outermost first."""
    loops = [n for n in toposort([kernel]) if n.op is Op.RANGE and n.arg[1] == kind]
    return [n.src[0].arg for n in sorted(loops, key=lambda n: n.arg[0])]


def test_a_panel_stays_while_the_rows_pass() -> None:
    (kernel,) = optimize(product_kernel(1024, 1024, 1024), WIDE)
    assert sizes(kernel, Axis.GLOBAL) == [1024 // COLUMNS]
    assert sizes(kernel, Axis.UNROLL) == [4, 4]
    assert sizes(kernel, Axis.LOOP) == [COLUMNS // 8 // 4, 1024 // 4]  # rows inside
    assert sizes(kernel, Axis.VECTOR) == [8]


def test_threads_are_not_left_without_a_panel() -> None:
    many = Target("MANY", vector_bytes=32, vector_registers=32, threads=64)
    (kernel,) = optimize(product_kernel(1024, 1024, 1024), many)
    assert sizes(kernel, Axis.GLOBAL)[0] >= 64


@pytest.mark.parametrize("columns", [200, 3 * COLUMNS + 1])
def test_the_columns_behind_the_last_whole_panel_are_a_kernel(columns: int) -> None:
    main, rest = split_axes(product_kernel(512, 256, columns))
    assert sizes(main, Axis.LOOP) == [512, columns // COLUMNS, COLUMNS]
    left = columns % COLUMNS
    assert sizes(rest, Axis.LOOP) == ([512, left] if left > 1 else [512])
    for kernel in (main, rest):
        assert not any(n.op in (Op.FLOORDIV, Op.FLOORMOD) for n in toposort([kernel]))


def test_small_folds_are_not_split() -> None:
    x = zeros(4, 32).reshape(2, 2, 32).permute(1, 0, 2).contiguous()
    (item,) = steps(x.reshape(4, 32).sum(axis=1))[-1:]
    assert item.kernel is not None
    assert len(split_axes(lower(item.kernel))) == 1
    assert 4 * 32 < WORK_FOR_REST


# -- bits ------------------------------------------------------------------------------------------
EDGES = [float("nan"), -float("nan"), float("inf"), -float("inf"), -0.0, 0.0, 1e-45, 3e38]
BITS: list[tuple[str, list[tuple[int, ...]], str]] = [
    ("ij,jk->ik", [(301, 300), (300, 190)], "float32"),
    ("ij,jk->ik", [(512, 257), (257, 128)], "float32"),
    ("ij,jk->ik", [(512, 257), (257, 129)], "float32"),
    ("ij,kj->ik", [(301, 300), (190, 300)], "float32"),
    ("ji,jk->ik", [(300, 301), (300, 190)], "float64"),
    ("ijk,jkl->il", [(301, 20, 15), (20, 15, 190)], "float32"),
    ("bij,bjk->bik", [(3, 150, 200), (3, 200, 199)], "float32"),
    ("bij,bjk->bki", [(3, 150, 200), (3, 200, 199)], "float32"),
    ("ij,jk->ik", [(400, 300), (300, 150)], "int32"),
    ("ij,jk->ik", [(400, 300), (300, 150)], "float16"),
]


def operand(shape: tuple[int, ...], dtype: str, seed: int) -> Tensor:
    """Random numbers, and in one row in fifty an edge value."""
    rng = np.random.default_rng(seed)
    if dtype.startswith("int"):
        return Tensor(rng.integers(-(1 << 31), 1 << 31, shape, dtype=dtype))
    values = rng.standard_normal(shape).astype(dtype)
    places = rng.integers(0, values.size, values.size // shape[-1] // 50 + 1)
    with np.errstate(over="ignore"):
        values.ravel()[places] = np.resize(np.array(EDGES), places.size).astype(dtype)
    return Tensor(values)


@pytest.mark.parametrize(("formula", "shapes", "dtype"), BITS)
def test_panels_change_no_bit(formula: str, shapes: list[tuple[int, ...]], dtype: str) -> None:
    x, y = (operand(shape, dtype, seed) for seed, shape in enumerate(shapes))
    letters = {c: n for term, s in zip(formula.split(","), shapes, strict=False)
               for c, n in zip(term, s, strict=False)}
    assert np.prod(list(letters.values())) >= WORK_FOR_PANELS
    assert copies(Tensor.einsum(formula, x, y))
    packed = Tensor.einsum(formula, x, y).tobytes()
    with Context(OPTIMIZE=0):
        plain = Tensor.einsum(formula, x, y).tobytes()
    assert packed == plain


def test_what_follows_a_product_is_still_computed_with_it() -> None:
    x, w, b = (operand(shape, "float32", seed) for seed, shape in
               enumerate([(301, 300), (300, 190), (190,)]))
    packed = x.linear(w, b).relu().tobytes()
    with Context(OPTIMIZE=0):
        assert packed == x.linear(w, b).relu().tobytes()
