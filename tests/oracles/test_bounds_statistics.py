"""The bound of mean, var and std holds for the reference and notices what is off."""

import numpy as np
import pytest

from oracles import numpy_ref
from oracles.bounds import broken_bounds
from oracles.case import Case
from oracles.formats import Array

NAMES = ("mean", "var", "std")


def _data(dtype: str, count: int) -> Array:
    rng = np.random.default_rng(count)
    return (rng.standard_normal((4, count)) * np.exp2(rng.integers(-6, 7, count))).astype(dtype)


def _broken(name: str, x: Array, result: Array) -> Array:
    return broken_bounds(Case(name, [x], {"axis": 1}, result), result)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("count", [2, 33, 1025])
@pytest.mark.parametrize("name", NAMES)
def test_the_reference_is_inside(name: str, count: int, dtype: str) -> None:
    x = _data(dtype, count)
    assert not _broken(name, x, numpy_ref.evaluate(name, [x], {"axis": 1})).any()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_what_is_off_is_outside(name: str, dtype: str) -> None:
    """By 2⁻⁶ of itself; float16 results have few bits more than that."""
    x = np.abs(_data(dtype, 33))
    result = numpy_ref.evaluate(name, [x], {"axis": 1})
    result[2] += result[2] * result.dtype.type(2**-6)
    assert _broken(name, x, result).tolist() == [False, False, True, False]


def test_cancellation_is_granted_only_where_it_can_happen() -> None:
    """A mean near 0 may be off by what its large elements lose, and by no more."""
    x = np.array([[2.0**20, 1, -(2.0**20), 1]], np.float32)
    assert not _broken("mean", x, np.array([0.5 + 2**-5], np.float32)).any()
    assert _broken("mean", x, np.array([0.5 + 1], np.float32)).all()


def test_subnormal_squares_lose_bits() -> None:
    """Squares of 1e-22 keep a few bits; a few of the smallest subnormals are granted."""
    x = np.array([[3e-22, 0, 1e-22, 5e-22]], np.float32)
    result = numpy_ref.evaluate("var", [x], {"axis": 1})
    assert 0 < result[0] < 2.0**-126
    assert not _broken("var", x, result).any()
    assert _broken("var", x, result * np.float32(2)).all()


@pytest.mark.parametrize("output", [0, 1])
def test_of_two_results_each_has_its_bound(output: int) -> None:
    x, attrs = _data("float32", 40), {"axis": 1, "output": output}
    result = numpy_ref.evaluate("var_mean", [x], attrs)
    assert not broken_bounds(Case("var_mean", [x], attrs, result), result).any()
    assert broken_bounds(Case("var_mean", [x], attrs, result), result + 1).all()
