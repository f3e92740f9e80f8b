"""Writing at named places: order, what is dropped, what is combined, shapes."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from engine import Tensor


@st.composite
def writes(draw: st.DrawFn) -> tuple[Any, Any, Any, int]:
    """A tensor, an index that fits beside an axis, values that may be larger, and the axis."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4))
    axis = draw(st.integers(0, len(shape) - 1))
    picks = [draw(st.integers(0, 6 if k == axis else n)) for k, n in enumerate(shape)]
    given_ = [n + draw(st.integers(0, 1)) for n in picks]
    small = st.integers(-9, 9)
    return (
        draw(hnp.arrays("int64", shape, elements=small)),
        draw(hnp.arrays("int32", tuple(picks), elements=st.integers(-5, 5))),
        draw(hnp.arrays("int64", tuple(given_), elements=small)),
        axis,
    )


def one_by_one(drawn: tuple[Any, Any, Any, int], combine: Any) -> Any:
    """The definition."""
    base, index, src, axis = drawn
    result, size = base.copy(), base.shape[axis]
    for at in np.ndindex(index.shape):
        if -size <= index[at] < size:
            target = (*at[:axis], index[at] % size, *at[axis + 1 :])
            result[target] = combine(result[target], src[at])
    return result


@given(drawn=writes())
def test_the_last_one_wins_and_sums_take_turns(
    drawn: tuple[Any, Any, Any, int], loaded: Any, value: Any
) -> None:
    base, index, src, axis = drawn
    x, i, v = map(loaded, (base, index, src))
    assert np.array_equal(value(x.scatter(axis, i, v)), one_by_one(drawn, lambda a, b: b))
    for name, reduction, combine in (
        ("add", "sum", np.add), ("multiply", "prod", np.multiply),
        (None, "amax", np.maximum), (None, "amin", np.minimum),
    ):  # fmt: skip
        wanted = one_by_one(drawn, combine)
        assert np.array_equal(value(x.scatter_reduce(axis, i, v, reduction)), wanted)
        if name is not None:
            assert np.array_equal(value(x.scatter(axis, i, v, name)), wanted)


@given(drawn=writes(), include=st.booleans())
def test_means_are_floored(
    drawn: tuple[Any, Any, Any, int], include: bool, loaded: Any, value: Any
) -> None:
    base, index, src, axis = drawn
    ones = (np.zeros_like(base), index, np.ones_like(src), axis)
    fallen = one_by_one(ones, np.add)
    start = base if include else np.where(fallen > 0, 0, base)
    total = one_by_one((start, index, src, axis), np.add)
    wanted = total // np.maximum(fallen + include, 1)
    x, i, v = map(loaded, (base, index, src))
    assert np.array_equal(value(x.scatter_reduce(axis, i, v, "mean", include)), wanted)


def test_float16_sums_in_float32(loaded: Any, value: Any) -> None:
    x, index = loaded([2048.0, 1.0], "float16"), loaded(np.zeros(3, "int32"))
    ones = loaded(np.ones(3), "float16")
    assert value(x.scatter(0, index, ones, "add")).tolist() == [2052.0, 1.0]  # 2051 ties to even
    assert value(x.scatter_reduce(0, index, ones, "mean")).tolist() == [513.0, 1.0]  # 512.75
    assert value(x.scatter_reduce(0, index, ones, "prod", False)).tolist() == [1.0, 1.0]


def test_small_integers_have_room_in_means_alone(loaded: Any, value: Any) -> None:
    x, index = loaded([100], "int8"), loaded([0, 0])
    assert value(x.scatter_reduce(0, index, 100, "mean")).tolist() == [100]
    assert value(x.scatter_reduce(0, index, 100, "sum")).tolist() == [300 - 256]


def test_without_the_tensor_a_reduction_starts_at_the_identity(loaded: Any, value: Any) -> None:
    x, index = loaded([9.0, -0.0], "float32"), loaded([0, 0])
    for name, wanted in (("sum", 3), ("prod", 2), ("mean", 1.5), ("amax", 2), ("amin", 1)):
        result = value(x.scatter_reduce(0, index, loaded([1.0, 2.0]), name, include_self=False))
        assert result[0] == wanted and np.signbit(result[1])
    assert not np.signbit(value(x.scatter_reduce(0, index, -0.0, "sum", False))[0])


def test_numbers_as_values(loaded: Any, value: Any) -> None:
    x, index = loaded([1, 2, 3]), loaded([-1, 7, 0])
    assert value(x.scatter(0, index, 2.9)).tolist() == [2, 2, 2]
    assert value(x.scatter(0, index, True, "add")).tolist() == [2, 2, 4]
    with pytest.raises(OverflowError, match="scatter: 300 does not fit int8"):
        loaded([1], "int8").scatter(0, loaded([0]), 300)
    with pytest.raises(TypeError, match="scatter: the value must be a number, not str"):
        x.scatter(0, index, "1")


def test_moved_bits_stay_and_combined_nans_are_canonical(loaded: Any, value: Any) -> None:
    nans = np.array([0xFFC0005A, 0x7F800001], "uint32")
    x, index = loaded(nans.view("float32")), loaded([0])
    src = loaded(nans[1:].view("float32"))
    assert value(x.scatter(0, index, src)).view("uint32").tolist() == [nans[1]] * 2
    assert set(value(x.scatter(0, index, src, "add")).view("uint32").tolist()) == {0x7FC00000}


def test_scalars(loaded: Any, value: Any) -> None:
    x, index = loaded(True), loaded(0)
    assert value(x.scatter(0, index, loaded(False))) == np.False_
    assert value(x.scatter_reduce(-1, index, loaded(False), "sum")) == np.True_
    assert value(x.scatter_reduce(0, index, loaded(False), "mean")) == np.False_


def test_rows_that_are_alike_are_all_written() -> None:
    x, index = Tensor.zeros(3, 2), Tensor([[0, 0]]).expand(3, 2)
    assert x.scatter(1, index, 1.0, "add").tolist() == [[2.0, 0.0]] * 3
