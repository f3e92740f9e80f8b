"""The order of accumulation: loops made by the engine against the rules of docs/semantics.md.

The rules are transcribed one scalar at a time; numpy rounds a single addition, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pytest

from engine import Tensor
from engine.interpret.preconditions import Array

DEVICES = ("LLVM", "PYTHON")
SIZES = (0, 1, 2, 5, 31, 32, 33, 63, 1000, 1023, 1024, 1025, 2048, 5000, 40000)
DEPTHS = (1, 7, 256, 257, 512, 600)


# -- the rules -------------------------------------------------------------------------------------
def combined(op: str, x: np.generic, y: np.generic) -> np.generic:
    result: np.generic = x + y if op == "sum" else x * y  # type: ignore[operator]
    return result


def in_order(op: str, elements: Sequence[np.generic], lanes: int, rows: int) -> np.generic:
    """Order(lanes, rows): blocks, until one element is left."""
    dtype = np.asarray(elements).dtype if len(elements) else np.dtype("float32")
    identity = dtype.type(0 if op == "sum" else 1)
    results = elements
    while True:
        results = [
            block(op, results[start : start + lanes * rows], lanes, identity)
            for start in range(0, len(results), lanes * rows)
        ]
        if len(results) <= 1:
            return results[0] if results else identity


def block(
    op: str, elements: Sequence[np.generic], lanes: int, identity: np.generic
) -> np.generic:
    """Element i belongs to lane i % lanes; then lane l becomes lane l op lane l + h."""
    lane = [identity] * lanes
    for i, element in enumerate(elements):
        lane[i % lanes] = combined(op, lane[i % lanes], element)
    while len(lane) > 1:
        half = len(lane) // 2
        lane = [combined(op, lane[k], lane[k + half]) for k in range(half)]
    return lane[0]


def test_the_example_of_the_contract() -> None:
    a, b, c, d, e, f, g, h, i, j, k = (np.float32(0.1 * n + 1e-3) for n in range(1, 12))
    o = np.float32(0)
    block0 = (((o + a) + e) + ((o + c) + g)) + (((o + b) + f) + ((o + d) + h))
    block1 = ((o + i) + (o + k)) + ((o + j) + o)
    want = ((o + block0) + o) + ((o + block1) + o)
    assert in_order("sum", [a, b, c, d, e, f, g, h, i, j, k], 4, 2) == want


# -- inputs ----------------------------------------------------------------------------------------
def values(count: int, op: str, dtype: str = "float32", seed: int = 0) -> Array:
    """Numbers of many magnitudes, whose sum depends on the order; products stay finite."""
    random = np.random.default_rng(seed + count)
    if op == "prod":
        return np.asarray(random.uniform(0.97, 1.031, count).astype(dtype))
    scale = 10.0 ** random.integers(-4, 5, count)
    return np.asarray(random.standard_normal(count) * scale, dtype)


def bits(x: object) -> bytes:
    return np.asarray(x).tobytes()


def reduced(op: str, x: Tensor, axis: int | tuple[int, ...] | None = None) -> Tensor:
    return x.sum(axis) if op == "sum" else x.prod(axis)


# -- sum and prod ----------------------------------------------------------------------------------
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("op", ["sum", "prod"])
def test_sums_and_products(op: str, device: str) -> None:
    for count in SIZES:
        x = values(count, op)
        got = reduced(op, Tensor(x, device=device)).numpy()
        assert bits(got) == bits(in_order(op, list(x), 32, 32)), count


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("op", ["sum", "prod"])
def test_doubles(op: str, device: str) -> None:
    for count in (33, 1025, 5000):
        x = values(count, op, "float64")
        got = reduced(op, Tensor(x, device=device)).numpy()
        assert bits(got) == bits(in_order(op, list(x), 32, 32)), count


def test_the_inputs_tell_orders_apart() -> None:
    """Otherwise the tests above would prove nothing."""
    for op in ("sum", "prod"):
        x = list(values(5000, op))
        want = bits(in_order(op, x, 32, 32))
        for other in ((16, 32), (64, 32), (32, 16), (32, 64), (1, 256), (1, 5000)):
            assert bits(in_order(op, x, *other)) != want, (op, other)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("count", [1, 33, 1025])
def test_halves_accumulate_in_single_and_round_once(count: int, device: str) -> None:
    x = values(count, "sum", "float16")
    want = np.float16(in_order("sum", list(x.astype("float32")), 32, 32))
    assert bits(Tensor(x, device=device).sum().numpy()) == bits(want)


@pytest.mark.parametrize("device", DEVICES)
def test_a_sum_is_never_negative_zero(device: str) -> None:
    for count in (1, 31, 32, 33, 1025):
        x = Tensor(np.full(count, -0.0, "float32"), device=device)
        assert bits(x.sum().numpy()) == bits(np.float32(0.0))


@pytest.mark.parametrize("device", DEVICES)
def test_a_short_last_row_is_not_multiplied_into_the_rest(device: str) -> None:
    """Absent elements are the identity: no 0 * inf anywhere."""
    x = np.full(1030, np.inf, "float32")
    assert Tensor(x, device=device).sum().numpy() == np.inf
    assert Tensor(x, device=device).prod().numpy() == np.inf


# -- axes and views --------------------------------------------------------------------------------
def rows_in_order(op: str, x: Array, axes: tuple[int, ...]) -> Array:
    """Reduced axes, row-major in the order that they have in the input."""
    kept = [a for a in range(x.ndim) if a not in axes]
    flat = x.transpose(kept + sorted(axes)).reshape([x.shape[a] for a in kept] + [-1])
    results = [in_order(op, list(row), 32, 32) for row in flat.reshape(-1, flat.shape[-1])]
    return np.array(results, x.dtype).reshape(flat.shape[:-1])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (2, 0), (0, 1, 2)])
def test_axes_are_numbered_row_major(axes: tuple[int, ...], device: str) -> None:
    x = values(9 * 7 * 40, "sum").reshape(9, 7, 40)
    got = Tensor(x, device=device).sum(axes).numpy()
    assert bits(got) == bits(rows_in_order("sum", x, axes))


def views() -> Iterable[tuple[str, Tensor | None]]:
    """(what, the numbers of `values(1100)` seen through some view)"""
    x = values(1100, "sum")
    wide = np.zeros((1100, 3), "float32")
    wide[:, 1] = x
    for device in DEVICES:
        yield f"strided {device}", Tensor(wide, device=device)[:, 1]
        yield f"flipped {device}", Tensor(np.ascontiguousarray(x[::-1]), device=device).flip(0)
        square = np.ascontiguousarray(x.reshape(11, 100).T)
        yield f"permuted {device}", Tensor(square, device=device).permute((1, 0)).reshape(1100)
        yield f"shrunk {device}", Tensor(np.pad(x, 9), device=device)[9:-9]
        yield f"after arithmetic {device}", Tensor(x / 2, device=device) * 2.0
        yield f"not fused {device}", (Tensor(x / 2, device=device) * 2.0).contiguous()
        half, rest = Tensor(x[:550], device=device), Tensor(x[550:], device=device)
        yield f"padded {device}", half.pad(((0, 550),)) + rest.pad(((550, 0),))


def test_the_order_is_that_of_the_elements_not_of_memory() -> None:
    want = bits(in_order("sum", list(values(1100, "sum")), 32, 32))
    for what, tensor in views():
        assert tensor is not None
        assert bits(tensor.sum().numpy()) == want, what


@pytest.mark.parametrize("device", DEVICES)
def test_padding_keeps_numbers_and_zeros(device: str) -> None:
    x = values(70, "sum")
    got = Tensor(x, device=device).pad(((3, 5),)).sum().numpy()
    zeros = np.zeros(8, "float32")
    assert bits(got) == bits(in_order("sum", [*zeros[:3], *x, *zeros[3:]], 32, 32))


@pytest.mark.parametrize("device", DEVICES)
def test_the_neighbours_of_a_reduction_do_not_change_it(device: str) -> None:
    """A vector of results at once, or a scalar rest behind it: the same numbers."""
    for outer in (1, 3, 8, 17, 33):
        x = values(50 * outer, "sum").reshape(outer, 50)
        want = rows_in_order("sum", x, (1,))
        assert bits(Tensor(x, device=device).sum(1).numpy()) == bits(want)
        columns = np.ascontiguousarray(x.T)
        assert bits(Tensor(columns, device=device).sum(0).numpy()) == bits(want)


# -- matmul ----------------------------------------------------------------------------------------
def product(x: Array, y: Array) -> Array:
    """Order(1, 256) over products that are rounded first."""
    m, n = x.shape[0], y.shape[1]
    rows = [[in_order("sum", list(x[i] * y[:, j]), 1, 256) for j in range(n)] for i in range(m)]
    return np.array(rows, x.dtype)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("depth", DEPTHS)
def test_matmul(depth: int, device: str) -> None:
    x = values(5 * depth, "sum", seed=1).reshape(5, depth)
    y = values(depth * 6, "sum", seed=2).reshape(depth, 6)
    got = Tensor(x, device=device) @ Tensor(y, device=device)
    assert bits(got.numpy()) == bits(product(x, y))


@pytest.mark.parametrize("device", DEVICES)
def test_matmul_through_views_and_tiles(device: str) -> None:
    """Sizes for full tiles and vectors; operands transposed, flipped, and just computed."""
    x = values(16 * 300, "sum", seed=1).reshape(16, 300)
    y = values(300 * 32, "sum", seed=2).reshape(300, 32)
    want = bits(product(x, y))
    left = Tensor(np.ascontiguousarray(x.T), device=device).permute((1, 0))
    right = Tensor(np.ascontiguousarray(y[:, ::-1]), device=device).flip(1)
    assert bits((left @ Tensor(y, device=device)).numpy()) == want
    assert bits((Tensor(x, device=device) @ right).numpy()) == want
    assert bits(((Tensor(x / 2, device=device) * 2.0) @ Tensor(y, device=device)).numpy()) == want


@pytest.mark.parametrize("device", DEVICES)
def test_matmul_of_doubles_and_of_halves(device: str) -> None:
    for dtype in ("float64", "float16"):
        x = np.random.default_rng(5).uniform(-2, 2, (3, 600)).astype(dtype)
        y = np.random.default_rng(6).uniform(-2, 2, (600, 4)).astype(dtype)
        kept = "float64" if dtype == "float64" else "float32"
        want = product(x.astype(kept), y.astype(kept)).astype(dtype)
        got = Tensor(x, device=device) @ Tensor(y, device=device)
        assert bits(got.numpy()) == bits(want)


@pytest.mark.parametrize("device", DEVICES)
def test_very_deep_products_are_cut_into_blocks(device: str) -> None:
    """More than 256 blocks of 256: the blocks' sums are a row of Order(1, 256) themselves."""
    depth = 256 * 256 + 300
    x = values(depth, "sum", seed=3).reshape(1, depth)
    y = np.full((depth, 1), 0.75, "float32")
    got = Tensor(x, device=device) @ Tensor(y, device=device)
    assert bits(got.numpy()) == bits(product(x, y))
