"""Scans: axes, dtypes, chunks, places."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from engine import Tensor, Variable, dtypes
from engine.graph import toposort


@st.composite
def arrays_and_axes(draw: st.DrawFn) -> tuple[Any, int]:
    """Integers of any shape, and one of its axes."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5))
    array = draw(hnp.arrays("int64", shape, elements=st.integers(-9, 9)))
    return array, draw(st.integers(-len(shape), len(shape) - 1))


@given(drawn=arrays_and_axes())
def test_axes_are_numpys(drawn: tuple[Any, int], loaded: Any, value: Any) -> None:
    array, axis = drawn
    x = loaded(array)
    assert np.array_equal(value(x.cumsum(axis)), np.cumsum(array, axis))
    assert np.array_equal(value(x.cumprod(axis)), np.cumprod(array, axis))
    assert np.array_equal(value(x.cummax(axis)[0]), np.maximum.accumulate(array, axis))
    low, places = map(value, x.cummin(axis))
    assert np.array_equal(low, np.minimum.accumulate(array, axis))
    assert np.array_equal(low, np.take_along_axis(array, places.astype("int64"), axis))


@pytest.mark.parametrize("size", [255, 256, 257, 65537])
def test_chunks(size: int, loaded: Any, value: Any) -> None:
    x = np.random.default_rng(size).integers(-1000, 1000, (2, size))
    assert np.array_equal(value(loaded(x).cumsum(1)), np.cumsum(x, 1))
    high, places = map(value, loaded(x).cummax(1))
    assert np.array_equal(high, np.maximum.accumulate(x, 1))
    assert np.array_equal(high, np.take_along_axis(x, places.astype("int64"), 1))


def test_the_graph_grows_with_the_levels_of_chunks_alone() -> None:
    """A hundred times as many elements: not a hundred times as many nodes."""
    nodes = {n: len(toposort([Tensor.zeros(n).cumsum(0).node])) for n in (300, 60_000, 6_000_000)}
    assert nodes[60_000] == nodes[300]
    assert nodes[6_000_000] < 2 * nodes[300]


def test_dtypes_are_those_of_sums() -> None:
    for name, wanted in (("bool", "int32"), ("uint8", "uint32"), ("float16", "float16")):
        x = Tensor.ones(3, dtype=name)
        assert x.cumsum(0).dtype.name == wanted and x.cumprod(0).dtype.name == wanted
        assert x.cummax(0)[0].dtype.name == name and x.cummax(0)[1].dtype is dtypes.int32
    assert Tensor.ones(3).cumsum(0, dtype="int64").dtype is dtypes.int64


def test_float16_rounds_each_result_once(loaded: Any, value: Any) -> None:
    x = loaded(np.full(3000, 1.0, "float16"))
    assert (value(x.cumsum(0)) == np.arange(1, 3001).astype("float16")).all()


def test_a_scalar_has_one_axis(loaded: Any, value: Any) -> None:
    x = loaded(-0.0, "float32")
    assert value(x.cumsum(-1)).shape == () and not np.signbit(value(x.cumsum(0)))
    assert value(x.cummin(0)[1]) == 0
    with pytest.raises(IndexError, match="cumsum: axis 1 is out of range for 1"):
        x.cumsum(1)


def test_zeros_share_a_place_and_keep_their_order(loaded: Any, value: Any) -> None:
    high, places = map(value, loaded([-0.0, 0.0, -0.0], "float32").cummax(0))
    assert np.signbit(high).tolist() == [True, False, False] and places.tolist() == [0, 0, 0]


def test_rows_that_are_alike_are_all_written() -> None:
    """The scanned value does not depend on the row."""
    assert Tensor(2.0).expand((3, 5)).cumsum(1).tolist() == [[2.0, 4.0, 6.0, 8.0, 10.0]] * 3


def test_a_symbolic_axis_raises() -> None:
    x = Tensor.zeros(8)[: Variable("n", 1, 8).bind(4)]
    with pytest.raises(ValueError, match="cumsum: an axis of symbolic size"):
        x.cumsum(0)
