"""The order of accumulation against a slow transcription of the rules, one scalar at a time."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from oracles import numpy_ref
from oracles.catalog import Order
from oracles.formats import Array
from oracles.order import (
    gamma,
    longest_path,
    ordered_matmul,
    ordered_reduce,
    ordered_scan,
    scan_path,
    within_gamma,
)


def slow(elements: list[np.generic], op: str, lanes: int, rows: int, dtype: str) -> np.generic:
    """Rules 3 to 5, literally: blocks, lanes from the identity, halving, again until one."""
    kind = np.dtype(dtype).type
    combine = (lambda a, b: kind(a + b)) if op == "sum" else (lambda a, b: kind(a * b))
    identity = kind(0 if op == "sum" else 1)
    if not elements:
        return identity
    while True:
        blocks: dict[int, list[np.generic]] = {}
        for i, element in enumerate(elements):
            lane = blocks.setdefault(i // (lanes * rows), [identity] * lanes)
            lane[i % lanes] = combine(lane[i % lanes], element)
        results = []
        for number in sorted(blocks):
            lane, half = blocks[number], lanes // 2
            while half >= 1:
                lane = [combine(lane[k], lane[k + half]) for k in range(half)]
                half //= 2
            results.append(lane[0])
        if len(results) == 1:
            return results[0]
        elements = results


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op", ["sum", "prod"])
@pytest.mark.parametrize("count", [0, 1, 2, 31, 32, 33, 100, 1023, 1024, 1025, 2500])
def test_order_32_32(dtype: str, op: str, count: int) -> None:
    rng = np.random.default_rng(count)
    values = rng.standard_normal((2, count)) if op == "sum" else rng.uniform(0.9, 1.1, (2, count))
    values = values.astype(dtype)
    got = ordered_reduce(values, op, 32, 32)
    want = [slow(list(row), op, 32, 32, dtype) for row in values]
    assert got.tobytes() == np.array(want, dtype).tobytes()


@pytest.mark.parametrize(("lanes", "rows", "count"), [(2, 3, 40), (4, 2, 70), (1, 2, 9)])
def test_several_levels(lanes: int, rows: int, count: int) -> None:
    values = np.random.default_rng(7).standard_normal(count).astype(np.float32)
    got = ordered_reduce(values[None], "sum", lanes, rows)
    assert got[0] == slow(list(values), "sum", lanes, rows, "float32")


@pytest.mark.parametrize("depth", [0, 1, 3, 256, 257, 600])
def test_matmul_rounds_products_and_walks_in_sequence(depth: int) -> None:
    rng = np.random.default_rng(depth)
    x = rng.standard_normal((2, depth)).astype(np.float32)
    y = rng.standard_normal((depth, 3)).astype(np.float32)
    got = ordered_matmul(x, y, Order(1, 256))
    for i in range(2):
        for j in range(3):
            products = [np.float32(x[i, k] * y[k, j]) for k in range(depth)]
            assert got[i, j] == slow(products, "sum", 1, 256, "float32")


def slow_scan(elements: list[np.generic], dtype: str) -> list[np.generic]:
    """Rule 10, literally: chunks in sequence, totals by the same rule, offset + local."""
    kind = np.dtype(dtype).type
    chunks = []
    for begin in range(0, len(elements), 256):
        total, local = kind(0), []
        for element in elements[begin : begin + 256]:
            total = kind(total + element)
            local.append(total)
        chunks.append(local)
    if len(chunks) == 1:
        return chunks[0]
    totals = slow_scan([local[-1] for local in chunks], dtype)
    offsets = [kind(0), *totals[:-1]]
    return [kind(offset + one) for offset, local in zip(offsets, chunks) for one in local]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("count", [1, 255, 256, 257, 1000, 65537])
def test_scans_go_chunk_by_chunk(dtype: str, count: int) -> None:
    values = np.random.default_rng(count).standard_normal(count).astype(dtype)
    want = slow_scan(list(values), dtype)
    assert ordered_scan(values, "sum").tobytes() == np.array(want, dtype).tobytes()
    if count > 257:
        assert ordered_scan(values, "sum").tobytes() != np.cumsum(values).tobytes()


def test_scan_path() -> None:
    assert scan_path(1) == 1 and scan_path(256) == 256
    assert scan_path(257) == 256 + 2 + 1
    assert scan_path(65537) == 256 + (256 + 2 + 1) + 1


def test_the_order_is_told_from_others() -> None:
    """Sequential and pairwise sums give other bits, so agreement is not an accident."""
    values = np.random.default_rng(3).standard_normal(5000).astype(np.float32)
    ordered = ordered_reduce(values[None], "sum", 32, 32)[0]
    assert ordered != ordered_reduce(values[None], "sum", 1, 256)[0]
    assert ordered != np.cumsum(values)[-1]


def test_contracted_products_are_told_apart() -> None:
    """1 + (a*b - round(a*b)) survives only in a fused multiply-add."""
    a = np.float32(1 + 2**-12)
    x, y = np.array([[-1.0, a]], np.float32), np.array([[a * a], [a]], np.float32)
    assert numpy_ref.evaluate("matmul", [x, y], {})[0, 0] == 0.0


def test_elements_are_numbered_row_major_over_the_reduced_axes() -> None:
    x = np.random.default_rng(5).standard_normal((40, 3, 50)).astype(np.float32)
    got = numpy_ref.evaluate("sum", [x], {"axis": (2, 0)})
    for j in range(3):
        assert got[j] == ordered_reduce(x[:, j, :].reshape(1, -1), "sum", 32, 32)[0]
    flat = numpy_ref.evaluate("sum", [x.reshape(-1)], {})
    assert numpy_ref.evaluate("sum", [x], {}) == flat


def test_float16_accumulates_in_float32_and_rounds_once() -> None:
    x: Array = np.array([2048, 1, 1, 1], np.float16)
    assert numpy_ref.evaluate("sum", [x], {}) == np.float16(2052)  # 2051 ties to even


def test_gamma() -> None:
    assert gamma(1, "float32") == Fraction(1, 2**24 - 1)
    assert within_gamma(Fraction(1), Fraction(1), Fraction(1), 4, "float32", "float32")
    off = 1 + 5 * Fraction(1, 2**24)
    assert not within_gamma(off, Fraction(1), Fraction(1), 4, "float32", "float32")


def test_longest_path() -> None:
    assert longest_path(1, Order(32, 32)) == 1 + 5
    assert longest_path(1024, Order(32, 32)) == 32 + 5
    assert longest_path(1025, Order(32, 32)) == 32 + 5 + 1 + 5
    assert longest_path(1 << 24, Order(32, 32)) == 37 + 37 + 6
    assert longest_path(600, Order(1, 256)) == 256 + 3
