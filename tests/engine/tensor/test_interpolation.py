"""Interpolation against exact positions, and its errors."""

from fractions import Fraction
from math import floor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import array_shapes

from engine import Tensor, dtypes

SIZES = array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=9)


def resized(x: Any, axis: int, out: int, mode: str, aligned: bool) -> Any:
    """One axis, element by element; what falls between two is computed in float64."""
    lines, size, half = np.moveaxis(x, axis, 0), x.shape[axis], Fraction(1, 2)
    made = []
    for i in range(out):
        if mode != "linear":
            shift = half if mode == "nearest-exact" else 0
            made.append(lines[floor((i + shift) * size / Fraction(out))])
            continue
        place = min(max((i + half) * size / out - half, Fraction(0)), Fraction(size - 1))
        if aligned:
            place = i * Fraction(size - 1, max(out - 1, 1))
        low, share = floor(place), float(place - floor(place))
        before, behind = lines[low], lines[min(low + 1, size - 1)]
        made.append((1 - share) * before + share * behind if share else before)
    return np.moveaxis(np.array(made).reshape(out, *lines.shape[1:]), 0, axis)


@settings(max_examples=200)
@given(
    shape=SIZES, size=SIZES,
    way=st.sampled_from((("linear", False), ("linear", True), ("nearest", False),
                         ("nearest-exact", False))),
)  # fmt: skip
def test_every_mode(
    shape: tuple[int, ...], size: tuple[int, ...], way: tuple[str, bool], loaded: Any, value: Any
) -> None:
    mode, aligned = way
    shape = (2, *(1,) * (len(size) - len(shape)), *shape)
    x = np.random.default_rng(sum(shape)).standard_normal(shape)
    wanted = x
    for k in range(1, len(size) + 1):
        wanted = resized(wanted, -k, size[-k], mode, aligned)
    assert np.array_equal(value(loaded(x).interpolate(size, mode, aligned)), wanted)


def test_what_has_no_weight_is_not_read(loaded: Any, value: Any) -> None:
    inf, nan = np.inf, np.nan
    x = loaded([inf, 1.0, nan, -inf])
    assert np.array_equal(value(x.interpolate((4,))), [inf, 1, nan, -inf], equal_nan=True)
    aligned = value(x.interpolate((7,), align_corners=True))
    assert np.array_equal(aligned, [inf, inf, 1, nan, nan, nan, -inf], equal_nan=True)
    far = loaded(np.array([3e38, -3e38], "float32")).interpolate((3,), align_corners=True)
    assert value(far)[1] == 0


def test_dtypes_and_bits(loaded: Any, value: Any) -> None:
    nans = np.array([0xFFC0005A, 0x7F800001], "uint32").view("float32")
    kept = value(loaded(nans).interpolate((4,), "nearest")).view("uint32")
    assert kept.tolist() == [0xFFC0005A] * 2 + [0x7F800001] * 2
    for size in (2, 4):
        computed = value(loaded(nans).interpolate((size,))).view("uint32")
        assert set(computed.tolist()) == {0x7FC00000}
    assert Tensor([1, 2]).interpolate((3,)).dtype is dtypes.float32
    assert Tensor([1, 2]).interpolate((3,), "nearest").dtype is dtypes.int32
    assert Tensor([True]).interpolate((3,), "nearest-exact").dtype is dtypes.bool_
    halves = value(loaded([1.0, 1.0009765625, 1.0], "float16").interpolate((6, )))
    assert halves.dtype == np.float16


def test_positions_beyond_what_int32_holds(loaded: Any) -> None:
    """Twice the product of the sizes is 3.2e9."""
    size, out = 40_000, 40_001
    x = loaded(np.arange(size, dtype=np.int32))
    want = [(2 * i + 1) * size // (2 * out) for i in range(out)]
    assert x.interpolate((out,), mode="nearest-exact").tolist() == want


def test_empty_axes(loaded: Any) -> None:
    assert Tensor.zeros(0, 3).interpolate((5,)).shape == (0, 5)
    assert Tensor.zeros(2, 3).interpolate((0,)).shape == (2, 0)
    assert Tensor.zeros(2, 0).interpolate((0,), "nearest").shape == (2, 0)


def test_errors() -> None:
    x = Tensor.ones(2, 3)
    for text, call in (
        ("mode is one of 'linear', 'nearest', 'ne", lambda: x.interpolate((2,), "cubic")),
        ("align_corners is for mode 'linear'", lambda: x.interpolate((2,), "nearest", True)),
        ("size is a tuple of one to three ints", lambda: x.interpolate(2)),  # type: ignore[arg-type]
        ("size is a tuple of one to three ints", lambda: x.interpolate(())),
        ("has no 3 axes", lambda: x.interpolate((2, 2, 2))),
        ("size must be at least 0", lambda: x.interpolate((-1,))),
        ("an axis of no elements", lambda: x[:, :0].interpolate((2,))),
    ):
        with pytest.raises(ValueError, match=f"interpolate: .*{text}"):
            call()
