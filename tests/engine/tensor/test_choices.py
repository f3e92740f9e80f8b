"""Choices and predicates: meaning by the interpreter at the edges, promotion, and on devices."""

from typing import Any

import numpy as np
import pytest

from engine import dtypes
from engine.backends.registry import backend

FLOATS = ["float16", "float32", "float64"]
INF, NAN = np.inf, np.nan


def edges(dtype: str) -> np.ndarray:
    """Zeros, infinities, NaN of both signs, and a signalling one with a payload."""
    unsigned = np.dtype(f"uint{8 * np.dtype(dtype).itemsize}")
    found = np.array([0.0, -0.0, 1.5, -1.5, INF, -INF, NAN, -NAN, NAN], dtype)
    found.view(unsigned)[-1] = dtypes.as_dtype(dtype).infinity | 1
    return found


def same_bits(actual: np.ndarray, wanted: np.ndarray) -> None:
    assert actual.dtype == wanted.dtype
    assert actual.tobytes() == wanted.tobytes(), (actual, wanted)


@pytest.mark.parametrize("dtype", FLOATS)
def test_sign_of_floats(dtype: str, loaded: Any, value: Any) -> None:
    x = edges(dtype)
    nan = np.array([dtypes.as_dtype(dtype).canonical_nan], f"uint{x.itemsize * 8}").view(dtype)
    wanted = np.array([0, 0, 1, -1, 1, -1, 9, 9, 9], dtype)
    wanted[6:] = nan
    same_bits(value(loaded(x).sign()), wanted)


def test_sign_of_integers(loaded: Any, value: Any) -> None:
    assert value(loaded([-128, -1, 0, 5], "int8").sign()).tolist() == [-1, -1, 0, 1]
    assert value(loaded([0, 1, 255], "uint8").sign()).tolist() == [0, 1, 1]


@pytest.mark.parametrize("dtype", FLOATS)
def test_copysign_moves_one_bit(dtype: str, loaded: Any, value: Any) -> None:
    x, y = (v.ravel() for v in np.meshgrid(edges(dtype), edges(dtype)))
    word = f"uint{8 * x.itemsize}"
    sign = np.array(dtypes.as_dtype(dtype).sign_bit, word)
    wanted = (x.view(word) & ~sign | y.view(word) & sign).view(dtype)
    same_bits(value(loaded(x).copysign(loaded(y))), wanted)


def test_copysign_of_integers_is_a_float(loaded: Any, value: Any) -> None:
    same_bits(value(loaded([3, -3, 0], "int16").copysign(-0.0)), np.float32([-3, -3, -0.0]))


@pytest.mark.parametrize("dtype", FLOATS)
def test_relu(dtype: str, loaded: Any, value: Any) -> None:
    x = edges(dtype)
    result = value(loaded(x).relu())
    same_bits(result[:6], np.array([0.0, 0.0, 1.5, 0, INF, 0], dtype))
    assert np.isnan(result[6:]).all()


def test_clip_of_integers_takes_bounds_into_range(loaded: Any, value: Any) -> None:
    x = loaded([0, 100, 255], "uint8")
    for arguments, wanted in (
        ((-5, 300), [0, 100, 255]), ((50, None), [50, 100, 255]), ((None, -1), [0, 0, 0]),
        ((200, 50), [50, 50, 50]), ((300, None), [255, 255, 255]),
    ):  # fmt: skip
        clipped = value(x.clip(*arguments))
        assert clipped.tolist() == wanted and clipped.dtype == np.uint8
        assert value(x.clamp(*arguments)).tolist() == wanted
    same_bits(value(x.clip(0.5, 99.5)), np.float32([0.5, 99.5, 99.5]))
    assert x.clip(loaded([-1], "int8"), 9).dtype is dtypes.int16


def test_clip_of_floats(loaded: Any, value: Any) -> None:
    x = loaded([-2.0, 0.5, 2.0, NAN, -0.0], "float32")
    result = value(x.clip(0.0, 1.0))
    same_bits(result[[0, 1, 2, 4]], np.float32([0, 0.5, 1, 0]))
    assert np.isnan(result[3])
    assert np.isnan(value(x.clip(NAN, 1))).all() and np.isnan(value(x.clip(0, NAN))).all()
    bounds = loaded([[0.0], [1.0]], "float32")
    assert value(x.clip(bounds, 0.25)).shape == (2, 5)
    with pytest.raises(ValueError, match="clip: at least one"):
        x.clip()


def test_lerp_is_its_formula(loaded: Any, value: Any) -> None:
    start, end, weight = np.random.default_rng(1).normal(size=(3, 64)).astype("float16")
    a, b, w = (v.astype("float32") for v in (start, end, weight))
    wanted = (a + (b - a) * w).astype("float16")
    same_bits(value(loaded(start).lerp(loaded(end), loaded(weight))), wanted)
    same_bits(value(loaded([1, 2], "int32").lerp(loaded([3, 6], "int32"), 0.5)), np.float32([2, 4]))


def test_masked_fill(loaded: Any, value: Any) -> None:
    x, mask = loaded([[1, 2], [3, 4]], "int32"), loaded([True, False])
    assert value(x.masked_fill(mask, 9)).tolist() == [[9, 2], [9, 4]]
    assert x.masked_fill(mask, 0.5).dtype is dtypes.float32


def test_reciprocal_and_square(loaded: Any, value: Any) -> None:
    x = loaded([3, 0, -4], "int32")
    same_bits(value(x.reciprocal()), np.float32([1 / 3, INF, -0.25]))
    assert value(x.square()).tolist() == [9, 0, 16]
    same_bits(value(loaded([-0.0, 3.0]).reciprocal()), np.array([-INF, 1 / 3]))


@pytest.mark.parametrize("dtype", FLOATS)
def test_what_is_not_finite(dtype: str, loaded: Any, value: Any) -> None:
    x = edges(dtype)
    tensor = loaded(x)
    for result, wanted in (
        (tensor.isnan(), np.isnan(x)), (tensor.isfinite(), np.isfinite(x)),
        (tensor.isinf(), np.isinf(x)), (tensor.isinf(detect_negative=False), x == INF),
        (tensor.isinf(detect_positive=False), x == -INF),
        (tensor.isinf(False, False), np.zeros(len(x), bool)),
    ):  # fmt: skip
        np.testing.assert_array_equal(value(result), wanted)


def test_integers_and_bools_are_finite(loaded: Any, value: Any) -> None:
    for x in (loaded([0, -(2**63), 2**63 - 1], "int64"), loaded([True, False])):
        assert not value(x.isnan()).any() and not value(x.isinf()).any()
        assert value(x.isfinite()).all()


def test_isclose(loaded: Any, value: Any) -> None:
    x = np.array([1.0, 1.0, 1.0, INF, INF, -INF, NAN, 0.0, 1e-9])
    y = np.array([1.0, 1 + 1e-6, 1.1, INF, 1.0, INF, NAN, -0.0, 0.0])
    for equal_nan in (False, True):
        result = value(loaded(x).isclose(loaded(y), equal_nan=equal_nan))
        np.testing.assert_array_equal(result, np.isclose(x, y, equal_nan=equal_nan))
    close = [loaded(x[:n]).allclose(loaded(y[:n])) for n in (0, 2, 3)]
    assert [value(c).tolist() for c in close] == [True, True, False]
    near_ten = loaded([10, 11], "int32").isclose(10, rtol=0.0, atol=0.5)
    assert value(near_ten).tolist() == [True, False]


@pytest.mark.parametrize("device", ["LLVM", "CPU", "PYTHON"])
def test_devices_do_what_the_interpreter_says(device: str, loaded: Any, value: Any) -> None:
    info = backend(device).info()
    if not info.available:
        pytest.skip(f"not run: {device}: {info.detail}: {info.remedy}")
    for dtype in FLOATS:
        x, y = (v.ravel() for v in np.meshgrid(edges(dtype), edges(dtype)))
        left, right = loaded(x, device=device), loaded(y, device=device)
        for result in (
            left.sign(), left.copysign(right), left.relu(), left.clip(right, 1.0), left.isinf(),
            left.lerp(right, 0.25), left.isclose(right), left.masked_fill(right.isnan(), 7),
            left.reciprocal(), left.isfinite(), left.div(right, rounding_mode="trunc"),
        ):  # fmt: skip
            same_bits(result.numpy(), value(result))
