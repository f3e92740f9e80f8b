"""Convolutions of integers, whatever the attributes, against the definition, term by term."""

from typing import Any

import numpy as np
from hypothesis import given, settings, strategies as st

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


def transposed(axes: Axes) -> tuple[int, ...]:
    """The sizes of the result of a transposed convolution."""
    return tuple(
        (axis.size - 1) * axis.stride - axis.before - axis.after + axis.reach for axis in axes
    )


CHANNELS = st.tuples(*(st.integers(1, most) for most in (2, 3, 2, 2)))
"""Batch, groups, channels and results of a group."""


@settings(max_examples=150)
@given(axes=axes_of(half=False), channels=CHANNELS, biased=st.booleans())
def test_a_result_is_a_window_times_weights(
    axes: Axes, channels: tuple[int, int, int, int], biased: bool, loaded: Any, value: Any
) -> None:
    batch, groups, depth, results = channels
    x = counted((batch, groups * depth, *sizes_of(axes)))
    kernel = tuple(axis.kernel for axis in axes)
    w = counted((groups * results, depth, *kernel), 11)
    wanted = np.zeros((batch, groups * results, *counts_of(axes)), "int64")
    for number, places in every_window(axes):
        for place, offset in zip(places, np.ndindex(kernel), strict=True):
            if is_element(place, axes):
                for o in range(groups * results):
                    inputs = slice(o // results * depth, (o // results + 1) * depth)
                    column, row = x[:, inputs][(..., *place)], w[(o, slice(None), *offset)]
                    wanted[(slice(None), o, *number)] += column @ row
    bias = counted((groups * results,), 5)
    wanted += bias.reshape(-1, *(1,) * len(axes)) * biased
    given_bias = loaded(bias) if biased else None
    made = loaded(x).conv2d(loaded(w), given_bias, groups, **attributes_of(axes))
    assert np.array_equal(value(made), wanted)


@settings(max_examples=150)
@given(
    data=st.data(), channels=CHANNELS,
    axes=axes_of(half=False).filter(lambda axes: min(transposed(axes)) > 0),
)  # fmt: skip
def test_transposed_an_element_falls_on_its_window(
    data: st.DataObject, axes: Axes, channels: tuple[int, int, int, int], loaded: Any, value: Any
) -> None:
    """Element i adds x·w to i·stride - before + j·dilation; what falls outside is lost."""
    batch, groups, depth, results = channels
    extra = tuple(
        data.draw(st.integers(0, max(axis.stride, axis.dilation) - 1)) for axis in axes
    )
    shape = tuple(n + more for n, more in zip(transposed(axes), extra))
    x = counted((batch, groups * depth, *sizes_of(axes)))
    kernel = tuple(axis.kernel for axis in axes)
    w = counted((groups * depth, results, *kernel), 11)
    wanted = np.zeros((batch, groups * results, *shape), "int64")
    for at in np.ndindex(sizes_of(axes)):
        for offset in np.ndindex(kernel):
            place = tuple(
                i * axis.stride - axis.before + j * axis.dilation
                for i, j, axis in zip(at, offset, axes)
            )
            if all(0 <= p < n for p, n in zip(place, shape)):
                for c in range(groups * depth):
                    group = slice(c // depth * results, (c // depth + 1) * results)
                    terms = np.outer(x[(slice(None), c, *at)], w[(c, slice(None), *offset)])
                    wanted[(slice(None), group, *place)] += terms
    made = loaded(x).conv_transpose2d(
        loaded(w), None, groups, output_padding=extra, **attributes_of(axes)
    )
    assert np.array_equal(value(made), wanted)
