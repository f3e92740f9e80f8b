"""What factorisations stand on: scales, and rounds in which all columns meet."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from engine.graph import Node
from engine.tensor import Tensor
from engine.tensor.householder import power_of_two
from engine.tensor.jacobi import _round, sweeps_of
from tests.engine.tensor.conftest import Loaded, Value, _contents


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_scale_is_a_power_of_two(dtype: str, loaded: Loaded, value: Value) -> None:
    """At most x, more than a half of it, and never less than the least normal number."""
    limits = np.finfo(dtype)
    numbers = [1, 1.5, 2, 3, 0.7, limits.max, limits.tiny, limits.tiny * 1.5]
    x = np.array(numbers, dtype)
    scale = value(Tensor.from_node(power_of_two(loaded(x).node)))
    assert np.all(np.frexp(scale)[0] == 0.5)
    assert np.all((scale <= x) & (x / scale < 2))
    small = np.array([0, limits.smallest_subnormal, limits.tiny / 2], dtype)
    least = value(Tensor.from_node(power_of_two(loaded(small).node)))
    assert np.all(least == limits.tiny)


def _table(node: Node) -> list[int]:
    values: list[int] = _contents(node).tolist()
    return values


@pytest.mark.parametrize("columns", [2, 4, 6, 10])
def test_all_columns_meet_once_and_are_back_in_their_places(columns: int) -> None:
    places = _round(columns, "LLVM")
    own, other, pair, sign, first, second = map(
        _table, (places.own, places.other, places.pair, places.sign, places.first, places.second)
    )
    half = columns // 2
    assert first[columns:] == list(range(half)) and second[columns:] == list(range(half, columns))
    assert first[:columns] == second[:columns] == list(range(columns))
    order, met = list(range(columns)), []
    for _ in range(columns - 1):
        met += [frozenset((order[i], order[half + i])) for i in range(half)]
        for k in range(columns):
            assert {own[k], other[k]} == {pair[k], half + pair[k]}
            assert sign[k] == (1 if own[k] < half else -1)
        order = [order[k] for k in own]
    assert order == list(range(columns))
    assert sorted(map(sorted, met)) == sorted(map(list, combinations(range(columns), 2)))


def test_more_columns_take_more_sweeps() -> None:
    counts = [sweeps_of(columns) for columns in (1, 2, 8, 32, 128)]
    assert counts[0] == 0 and counts == sorted(counts)
