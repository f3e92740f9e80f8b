"""Sorting: stable, NaN greatest, bits kept, in the time of merges."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from engine import Tensor, dtypes
from engine.arrays import NUMPY
from engine.graph import toposort
from engine.ops import Op

DTYPES = [row.name for row in dtypes.TENSOR_DTYPES]


@st.composite
def arrays_and_axes(draw: st.DrawFn) -> tuple[Any, int]:
    """Few distinct numbers in any shape, so that there are ties, and one of the axes."""
    dtype = draw(st.sampled_from(["int8", "int64", "uint32", "float32", "float64"]))
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5))
    array = draw(hnp.arrays("int64", shape, elements=st.integers(0, 5))).astype(dtype)
    return array, draw(st.integers(-len(shape), len(shape) - 1))


@given(drawn=arrays_and_axes())
def test_the_order_is_numpys_stable_one(drawn: tuple[Any, int], loaded: Any, value: Any) -> None:
    array, axis = drawn
    values, places = map(value, loaded(array).sort(axis))
    assert np.array_equal(places, np.argsort(array, axis, kind="stable"))
    assert np.array_equal(values, np.sort(array, axis))


@given(drawn=arrays_and_axes(), k=st.integers(0, 5), largest=st.booleans())
def test_topk_is_the_beginning_of_sort(
    drawn: tuple[Any, int], k: int, largest: bool, loaded: Any, value: Any
) -> None:
    array, axis = drawn
    k = min(k, array.shape[axis])
    whole, some = loaded(array).sort(axis, largest), loaded(array).topk(k, axis, largest)
    for sorted_, taken in zip(map(value, whole), map(value, some), strict=True):
        assert np.array_equal(taken, sorted_.take(range(k), axis))


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_key_keeps_the_order(dtype: str, loaded: Any, value: Any) -> None:
    """All patterns of 8 bits, and for wider dtypes the ends of the range and their neighbours."""
    row = dtypes.as_dtype(dtype)
    top = (1 << row.bits) - 1
    near = [(k << row.bits // 4) + d for k in range(16) for d in (-1, 0, 1)]
    bits = range(top + 1) if row.bits <= 8 else [k & top for k in (*near, *(~k for k in near))]
    array = np.array(bits, NUMPY[row.unsigned]).view(NUMPY[row])
    numbers = array
    if row.is_float:  # those of ml_dtypes sort NaN anywhere
        numbers = np.array([row.decode(k) for k in bits])
    for descending in (False, True):
        places = value(loaded(array).argsort(0, descending))
        backwards = np.argsort(numbers[::-1], kind="stable")[::-1]
        wanted = len(array) - 1 - backwards if descending else np.argsort(numbers, kind="stable")
        assert np.array_equal(places, wanted)


def test_nans_are_last_or_first_and_keep_their_bits(loaded: Any, value: Any) -> None:
    bits = np.array([0xFFC0005A, 0x7F800000, 0x7F800001, 0x80000000, 0], "uint32")
    x = loaded(bits.view("float32"))
    up, down = value(x.sort()[0]), value(x.sort(descending=True)[0])
    assert up.view("uint32").tolist() == [bits[k] for k in (3, 4, 1, 0, 2)]
    assert down.view("uint32").tolist() == [bits[k] for k in (0, 2, 1, 3, 4)]


def test_a_scalar_has_one_axis(loaded: Any, value: Any) -> None:
    x = loaded(4.0)
    results = (*x.sort(), x.argsort(0), *x.topk(1))
    assert [value(part).tolist() for part in results] == [4, 0, 0, 4, 0]
    with pytest.raises(ValueError, match="topk: 0 elements of an axis of size 1"):
        x.topk(0)


def test_merges_grow_with_the_logarithm() -> None:
    for size, merges in ((1, 0), (2, 1), (1000, 10), (1 << 20, 20)):
        order = toposort([Tensor.zeros(size).sort()[0].node])
        assert sum(node.op is Op.MERGE for node in order) == merges
        assert len(order) < 60 + merges


def test_rows_that_are_alike_are_all_written() -> None:
    """The merged keys do not depend on the row."""
    row = Tensor.arange(5).flip(0).reshape(1, 5).expand(3, 5)
    assert row.sort(1)[0].tolist() == [[0, 1, 2, 3, 4]] * 3
    assert row.sort(0)[1].tolist() == [[0] * 5, [1] * 5, [2] * 5]
