"""Convolution, pooling and interpolation of views, with attributes that hypothesis draws.

Each example is a case: on a failure its text is shown, which `lockstep repro` runs.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from conformance.harness.build import Builder
from conformance.harness.draws import generator, styled
from conformance.ops.agreement import agree
from oracles.catalog import ALL, OUTPUT

Shape = tuple[int, ...]
Drawn = tuple[Shape, Shape, dict[str, Shape]]
DTYPES = st.sampled_from(ALL)
STYLES = st.sampled_from(("plain", "edges", "nan", "zeros"))
SMALL = settings(max_examples=25)


@st.composite
def windows(draw: st.DrawFn, half: bool) -> Drawn:
    """The sizes of one to three axes, a kernel, and stride, dilation and padding of windows that
    fit; with `half` padding is at most half of what a window spans."""
    dims = draw(st.integers(1, 3))
    kernel, stride, dilation = (
        tuple(draw(st.integers(1, most)) for _ in range(dims)) for most in (3, 3, 2)
    )
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    around = tuple(
        draw(st.integers(0, r // 2 if half else 2)) for r in reversed(reach) for _ in range(2)
    )
    sizes = tuple(r + draw(st.integers(0, 4)) for r in reach)
    return sizes, kernel, {"stride": stride, "dilation": dilation, "padding": around}


def placed(build: Builder, data: st.DataObject, shape: Shape, dtype: str, label: str) -> int:
    """A tensor of this shape: as it lies in memory, or with an axis flipped or moved."""
    view = data.draw(st.sampled_from(("plain", "flip", "permute")))
    stored = (*shape[1:], shape[0]) if view == "permute" else shape
    count = 1
    for size in shape:
        count *= size
    bits = styled(generator(count, label), dtype, count, data.draw(STYLES))
    x = build.input(dtype, bits, stored)
    if view == "permute":
        return build.apply("permute", x, order=(len(shape) - 1, *range(len(shape) - 1)))
    return build.apply("flip", x, axis=(len(shape) - 1,)) if view == "flip" else x


@pytest.mark.parametrize("op", ["avg_pool2d", "max_pool2d"])
@SMALL
@given(data=st.data(), drawn=windows(half=True), dtype=DTYPES)
def test_pooling(op: str, data: st.DataObject, drawn: Drawn, dtype: str) -> None:
    build = Builder()
    sizes, kernel, attributes = drawn
    x = placed(build, data, (2, *sizes), dtype, op)
    given_: dict[str, Any] = {"kernel_size": kernel, **attributes}
    given_["ceil_mode"] = data.draw(st.booleans())
    if op == "avg_pool2d":
        build.judged(op, x, **given_, count_include_pad=data.draw(st.booleans()))
    else:
        for output in (0, 1):
            build.judged(op, x, **given_, return_indices=True, **{OUTPUT: output})
    agree(build)


@SMALL
@given(data=st.data(), drawn=windows(half=True), dtype=DTYPES)
def test_there_and_back(data: st.DataObject, drawn: Drawn, dtype: str) -> None:
    build = Builder()
    sizes, kernel, attributes = drawn
    x = placed(build, data, (2, *sizes), dtype, "unpool")
    given_: dict[str, Any] = {"kernel_size": kernel, **attributes}
    values, places = (
        build.apply("max_pool2d", x, **given_, return_indices=True, **{OUTPUT: output})
        for output in (0, 1)
    )
    build.judged("max_unpool2d", values, places, **given_, output_size=sizes)
    agree(build)


@pytest.mark.parametrize("op", ["conv2d", "conv_transpose2d"])
@SMALL
@given(data=st.data(), drawn=windows(half=False), dtype=DTYPES)
def test_convolution(op: str, data: st.DataObject, drawn: Drawn, dtype: str) -> None:
    build = Builder()
    sizes, kernel, attributes = drawn
    groups, depth, results = (data.draw(st.integers(1, 2)) for _ in range(3))
    weights = (groups * results, depth, *kernel)
    if op == "conv_transpose2d":
        weights = (groups * depth, results, *kernel)
        steps = zip(attributes["stride"], attributes["dilation"], strict=True)
        extra = tuple(data.draw(st.integers(0, max(s, d) - 1)) for s, d in steps)
        attributes["output_padding"] = extra
        # padding cuts off: never all of the least result, one element on its window
        around = tuple(
            data.draw(st.integers(0, min(2, (n - 1) // 2))) for n in reversed(sizes) for _ in "ba"
        )
        attributes["padding"] = around
    x = placed(build, data, (2, groups * depth, *sizes), dtype, op)
    w = placed(build, data, weights, dtype, "weights")
    bias = [placed(build, data, (groups * results,), dtype, "bias")]
    build.judged(op, x, w, *bias[: data.draw(st.integers(0, 1))], groups=groups, **attributes)
    agree(build)


@SMALL
@given(
    data=st.data(), dtype=DTYPES, mode=st.sampled_from(("linear", "nearest", "nearest-exact")),
    sizes=st.lists(st.tuples(st.integers(1, 7), st.integers(0, 9)), min_size=1, max_size=3),
)  # fmt: skip
def test_interpolation(
    data: st.DataObject, dtype: str, mode: str, sizes: list[tuple[int, int]]
) -> None:
    build = Builder()
    x = placed(build, data, (2, *(n for n, _ in sizes)), dtype, mode)
    aligned = mode == "linear" and data.draw(st.booleans())
    build.judged(
        "interpolate", x, size=tuple(n for _, n in sizes), mode=mode, align_corners=aligned
    )
    agree(build)
