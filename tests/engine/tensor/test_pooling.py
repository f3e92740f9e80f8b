"""Pooling, whatever the attributes, against the definition, window by window; and its errors."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from engine import Tensor, dtypes
from tests.engine.tensor.sliding import (
    Axes,
    attributes_of,
    axes_of,
    counted,
    counts_of,
    every_window,
    is_element,
    sizes_of,
)

POOLED = axes_of(ceil=True)
LEAD = st.sampled_from(((), (2,), (2, 1, 3), (0,)))


def kernel_of(axes: Axes) -> dict[str, Any]:
    return {
        "kernel_size": tuple(axis.kernel for axis in axes), "ceil_mode": axes[0].ceil_mode,
        **attributes_of(axes),
    }  # fmt: skip


@settings(max_examples=200)
@given(axes=POOLED, lead=LEAD, include=st.booleans())
def test_averages(
    axes: Axes, lead: tuple[int, ...], include: bool, loaded: Any, value: Any
) -> None:
    """Sums of small integers are exact, so that a quotient has one value."""
    x = counted((*lead, *sizes_of(axes))).astype("float64")
    wanted = np.zeros((*lead, *counts_of(axes)))
    for number, places in every_window(axes):
        total = sum((x[(..., *p)] for p in places if is_element(p, axes)), start=np.zeros(lead))
        padded = [
            p for p in places if all(q < axis.size + axis.after for q, axis in zip(p, axes))
        ]
        count = len(padded) if include else sum(is_element(p, axes) for p in places)
        wanted[(..., *number)] = total / count
    made = loaded(x).avg_pool2d(count_include_pad=include, **kernel_of(axes))
    assert np.array_equal(value(made), wanted)


@settings(max_examples=200)
@given(axes=POOLED, lead=LEAD)
def test_the_greatest_and_their_places(
    axes: Axes, lead: tuple[int, ...], loaded: Any, value: Any
) -> None:
    x = counted((*lead, *sizes_of(axes))).astype("int8")
    wanted = np.zeros((*lead, *counts_of(axes)), "int8")
    found = np.zeros(wanted.shape, "int32")
    for number, places in every_window(axes):
        inside = [p for p in places if is_element(p, axes)]
        seen = np.stack([x[(..., *p)] for p in inside], axis=-1)
        numbers = np.array([np.ravel_multi_index(p, sizes_of(axes)) for p in inside])
        wanted[(..., *number)] = seen.max(axis=-1)
        found[(..., *number)] = numbers[seen.argmax(axis=-1)]
    made, places_made = loaded(x).max_pool2d(return_indices=True, **kernel_of(axes))
    assert np.array_equal(value(made), wanted) and np.array_equal(value(places_made), found)
    assert np.array_equal(value(loaded(x).max_pool2d(**kernel_of(axes))), wanted)


@settings(max_examples=100)
@given(axes=POOLED, lead=LEAD)
def test_there_and_back(axes: Axes, lead: tuple[int, ...], loaded: Any, value: Any) -> None:
    """Elements return to where they came from, and all else is 0."""
    x = counted((*lead, *sizes_of(axes)), 101)
    kernel = kernel_of(axes)
    found, places = map(value, loaded(x).max_pool2d(return_indices=True, **kernel))
    del kernel["ceil_mode"]
    back = value(loaded(found).max_unpool2d(loaded(places), output_size=x.shape, **kernel))
    came = np.zeros((*lead, int(np.prod(sizes_of(axes)))), bool)
    flat = places.reshape(*lead, int(np.prod(counts_of(axes)))).astype("int64")
    np.put_along_axis(came, flat, True, -1)
    assert np.array_equal(back, np.where(came.reshape(x.shape), x, 0))


def test_a_whole_axis_is_its_mean(loaded: Any, value: Any) -> None:
    """Bit for bit, in several blocks of the order too."""
    x = np.random.default_rng(0).standard_normal((2, 45, 50)).astype("float32")
    pooled = value(loaded(x).avg_pool2d((45, 50)))
    assert pooled.tobytes() == value(loaded(x).mean((1, 2))).tobytes()


def test_dtypes(loaded: Any, value: Any) -> None:
    assert Tensor([[True, False]]).avg_pool2d((2,)).dtype is dtypes.float32
    assert value(loaded([60000.0, 60000.0], "float16").avg_pool2d((2,))).tolist() == [60000.0]
    for dtype in dtypes.TENSOR_DTYPES:
        x = Tensor.ones(2, 2, dtype=dtype)
        values, places = x.max_pool2d(return_indices=True)  # type: ignore[misc]
        assert values.dtype is dtype and places.dtype is dtypes.int32
        assert values.max_unpool2d(places).dtype is dtype


def test_padding_is_nothing(loaded: Any, value: Any) -> None:
    low = loaded([-128, -128], "int8")
    values, places = low.max_pool2d((3,), padding=1, return_indices=True)
    assert value(values).tolist() == [-128] and value(places).tolist() == [0]
    x = loaded([np.inf, -1.0])
    assert value(x.avg_pool2d((2,), 1, padding=1)).tolist() == [np.inf, np.inf, -0.5]


def test_a_window_of_padding_alone(loaded: Any, value: Any) -> None:
    one = loaded([7.0])
    more = {"kernel_size": (2,), "dilation": 2, "padding": 1}
    assert value(one.avg_pool2d(**more)).tolist() == [0.0]
    assert np.isnan(value(one.avg_pool2d(count_include_pad=False, **more))).all()
    with pytest.raises(ValueError, match="max_pool2d: a window has nothing but padding"):
        one.max_pool2d(**more)
    assert one.reshape(1, 1)[:0].max_pool2d(**more).shape == (0, 1)


def test_errors() -> None:
    x, places = Tensor.ones(2, 4, 4), Tensor.zeros(2, 2, 2, dtype="int32")
    small = Tensor.ones(2, 2, 2)
    for error, text, call in (
        (ValueError, "kernel_size is an int or up to three", lambda: x.max_pool2d((1, 1, 1, 1))),
        (ValueError, "kernel_size is an int or up to three", lambda: x.avg_pool2d(())),
        (ValueError, "kernel_size must be at least 1", lambda: x.max_pool2d((2, 0))),
        (ValueError, "stride is an int or 2 of them", lambda: x.avg_pool2d(2, (1, 1, 1))),
        (ValueError, "stride is an int or 2 of them", lambda: x.avg_pool2d(2, 1.0)),  # type: ignore[arg-type]
        (ValueError, "padding 2 is more than half of a window", lambda: x.max_pool2d(3, padding=2)),
        (ValueError, "does not fit into an axis of 4", lambda: x.max_pool2d(5)),
        (ValueError, "does not fit into an axis of 4", lambda: x.max_pool2d(6, 1, ceil_mode=True)),
        (ValueError, "has no 3 axes", lambda: x[0].avg_pool2d((1, 1, 1))),
        (TypeError, "must be an integer tensor, not float32", lambda: small.max_unpool2d(small)),
        (TypeError, "must be an integer tensor, not list", lambda: small.max_unpool2d([0])),  # type: ignore[arg-type]
        (ValueError, "indices of shape", lambda: small.max_unpool2d(places[:1])),
        (ValueError, "not of", lambda: small.max_unpool2d(places, output_size=6)),
        (ValueError, "not of", lambda: small.max_unpool2d(places, output_size=(2, 4))),
        (ValueError, "other axes than", lambda: small.max_unpool2d(places, output_size=(1, 4, 4))),
    ):
        with pytest.raises(error, match=text):
            call()
