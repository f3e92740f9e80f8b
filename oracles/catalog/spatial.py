"""Pooling and interpolation over the last one, two or three axes."""

from __future__ import annotations

from oracles.catalog.row import (
    ALL,
    INTEGERS,
    NANS,
    SEQUENTIAL_LANES,
    ZEROS,
    Exactness,
    OpRow,
)

_WINDOWS: dict[str, object] = {
    "kernel_size": (2, 2), "stride": None, "dilation": 1, "padding": 0,
}  # fmt: skip
_AVERAGED = {**_WINDOWS, "ceil_mode": False, "count_include_pad": True}
_GREATEST = {**_WINDOWS, "ceil_mode": False, "return_indices": False}
_PLACED = {**_WINDOWS, "output_size": None}
_HALF = "padding of more than half a window raises"

ROWS = (
    OpRow(
        name="avg_pool2d", family="spatial", dtypes=(ALL,), result="to_float",
        exactness=Exactness.ORDERED, order=SEQUENTIAL_LANES,
        formula="the mean of each window: its sum in Order(32, 32) / n, divided in the accumulator",
        attributes=tuple(_AVERAGED), defaults=_AVERAGED,
        special=(
            NANS, _HALF, "bool and integers are cast to the default float first",
            "padding is +0; it counts in n with count_include_pad, but not what ceil_mode adds",
            "the mean of padding alone is NaN without count_include_pad",
        ),
        references=("numpy", "torch", "exact"),
    ),
    OpRow(
        name="max_pool2d", family="spatial", dtypes=(ALL,), result=("first", "index"), outputs=2,
        more_with="return_indices",
        formula="the greatest element of each window; with return_indices also its place, the "
        "last axes numbered row-major",
        attributes=tuple(_GREATEST), defaults=_GREATEST,
        special=(
            NANS, ZEROS, _HALF, "the place of the first NaN, or else of the first greatest",
            "places: +0 equals -0", "padding is never greatest; a window of padding alone raises",
        ),
    ),
    OpRow(
        name="max_unpool2d", family="spatial", dtypes=(ALL, INTEGERS), computing=False,
        formula="0 but for the elements at the places that max_pool2d names",
        attributes=tuple(_PLACED), defaults=_PLACED,
        special=(
            "bits are kept", "of several for one place the last wins",
            "negative places count from the end; others outside are dropped",
        ),
    ),
    OpRow(
        name="interpolate", family="spatial", dtypes=(ALL,), result="interpolated",
        computing=False,
        formula="linear: (1 - w) * x[low] + w * x[high], axis by axis from the last, w the "
        "fraction of the position; nearest: x[floor(i * n / out)]",
        attributes=("size", "mode", "align_corners"),
        defaults={"mode": "linear", "align_corners": False},
        special=(
            "linear: NaNs are canonical", "linear: x[low] alone where w is 0",
            "nearest and nearest-exact: bits are kept",
        ),
    ),
)  # fmt: skip
