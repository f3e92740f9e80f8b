"""Mean, variance and deviation: order, accumulator, corrections; any, all and first places."""

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from engine import Tensor, Variable, dtypes

NAMES = ("mean", "var", "std", "any", "all")


@st.composite
def arrays_and_axes(draw: st.DrawFn, several: bool) -> tuple[Any, Any]:
    """Small integers of any shape, and an axis, or None, or (`several`) a tuple of axes."""
    least = 0 if several else 1
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=least, max_side=4))
    array = draw(hnp.arrays("float64", shape, elements=st.integers(-3, 3)))
    choices: list[st.SearchStrategy[Any]] = [st.none()]
    if shape:
        one = st.integers(-len(shape), len(shape) - 1)
        tuples = st.lists(one, unique_by=lambda a: a % len(shape)).map(tuple)
        choices += [one, tuples] if several else [one]
    return array, draw(st.one_of(choices))


@given(drawn=arrays_and_axes(several=True), name=st.sampled_from(NAMES), keepdim=st.booleans())
def test_axes_are_numpys(
    drawn: tuple[Any, Any], name: str, keepdim: bool, loaded: Any, value: Any
) -> None:
    array, axis = drawn
    more = {"ddof": 1} if name in ("var", "std") else {}
    with warnings.catch_warnings(action="ignore"):  # numpy warns of means of nothing
        wanted = np.asarray(getattr(np, name)(array, axis=axis, keepdims=keepdim, **more))
    result = value(getattr(loaded(array), name)(axis, keepdim))
    assert result.shape == wanted.shape
    assert np.allclose(result, wanted, equal_nan=True)


@given(drawn=arrays_and_axes(several=False), keepdim=st.booleans())
def test_places_are_numpys(
    drawn: tuple[Any, Any], keepdim: bool, loaded: Any, value: Any
) -> None:
    array, axis = drawn
    for name in ("argmax", "argmin"):
        wanted = np.asarray(getattr(np, name)(array, axis=axis, keepdims=keepdim))
        result = value(getattr(loaded(array), name)(axis, keepdim))
        assert result.shape == wanted.shape and (result == wanted).all()
        assert result.dtype == np.int32


def test_results_round_once_from_the_accumulator(loaded: Any, value: Any) -> None:
    """The mean of the variance is the unrounded one, and the root is taken of the unrounded."""
    x = np.random.default_rng(1).standard_normal(20).astype("float16")
    wide = x.astype("float32")
    deviation = wide - wide.sum() / np.float32(20)
    variance = (deviation * deviation).sum(dtype="float32") / np.float32(19)
    assert value(loaded(x).var()) == variance.astype("float16")
    assert value(loaded(x).std()) == np.sqrt(variance).astype("float16")


def test_integers_become_the_default_float_element_by_element(loaded: Any, value: Any) -> None:
    x = loaded([2**24 + 1, -(2**24)], "int64")
    assert x.mean().dtype is dtypes.float32 and value(x.mean()) == 0.0
    assert value(loaded([True, False]).mean()) == 0.5


def test_corrections(loaded: Any, value: Any) -> None:
    x = loaded([1.0, 2.0, 4.0, 5.0])
    for correction, wanted in ((0, 2.5), (1, 10 / 3), (-1, 2.0), (4, np.inf), (9, np.inf)):
        assert value(x.var(correction=correction)) == wanted
        assert value(x.std(correction=correction)) == np.sqrt(wanted)
    assert np.isnan(value(loaded([1.0]).var()))
    assert np.isnan(value(loaded([]).var(correction=0)))


def test_pairs(loaded: Any, value: Any) -> None:
    x = loaded([[1.0, 3.0], [2.0, 6.0]])
    for name, first in (("var_mean", x.var), ("std_mean", x.std)):
        spread, mean = getattr(x, name)(axis=1, keepdim=True, correction=0)
        assert (value(spread) == value(first(1, True, 0))).all()
        assert (value(mean) == [[2.0], [4.0]]).all()


def test_nan_is_true_and_zeros_are_not(loaded: Any, value: Any) -> None:
    assert value(loaded([np.nan, 0.0]).any()) and not value(loaded([-0.0, 0.0]).any())
    assert value(loaded([np.nan, 1.0]).all()) and not value(loaded([1.0, -0.0]).all())
    assert value(loaded([1e-45], "float32").any())  # a subnormal is not zero


def test_first_nan_then_first_extreme(loaded: Any, value: Any) -> None:
    for items, high, low in (
        ([0.0, -0.0, 0.0], 0, 0), ([1, np.nan, np.inf, np.nan], 1, 1), ([3, 7, 7, 3], 1, 0),
        ([-np.inf, -np.inf], 0, 0),
    ):  # fmt: skip
        assert value(loaded(items, "float64").argmax()) == high
        assert value(loaded(items, "float64").argmin()) == low


def test_symbolic_sizes() -> None:
    n = Variable("n", 1, 8)
    x = Tensor([5.0, 1.0, 9.0, 2.0, 7.0, 7.0, 7.0, 8.0])[: n.bind(4)]
    assert x.mean().item() == 4.25 and x.argmax().item() == 2 and x.argmin().item() == 1
    assert x.var(correction=0).item() == np.var([5.0, 1.0, 9.0, 2.0])
    assert x.all().item() is True


@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_places_need_an_element(name: str) -> None:
    x = Tensor.zeros(0, 3)
    with pytest.raises(ValueError, match=f"{name}: no elements along axes .0,. of .0, 3."):
        getattr(x, name)(0)
    assert getattr(x, name)(1).shape == (0,)
