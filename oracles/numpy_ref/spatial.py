"""Pooling and interpolation in numpy, window by window and axis by axis.

A window is the list of its positions on each axis, which may lie before or behind the axis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import product
from math import floor, prod
from typing import Any

import numpy as np

from oracles.catalog import ROWS
from oracles.formats import Array
from oracles.numpy_ref.scatter import scatter
from oracles.numpy_ref.support import canonical, convert, move, widened
from oracles.numpy_ref.windows import Extents, pairs, per_axis
from oracles.order import ordered_reduce
from oracles.promotion import accumulator, to_float

MODES = ("linear", "nearest", "nearest-exact")


# -- windows ---------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Attributes:
    """How windows lie on each axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    around: tuple[tuple[int, int], ...]
    ceil_mode: bool = False


def _attributes(
    kernel_size: Extents, stride: Extents | None, dilation: Extents, padding: Extents,
    ceil_mode: bool = False,
) -> Attributes:  # fmt: skip
    kernel = (kernel_size,) * 2 if isinstance(kernel_size, int) else tuple(kernel_size)
    dims = len(kernel)
    steps = kernel if stride is None else per_axis(stride, dims)
    around, apart = pairs(padding, dims), per_axis(dilation, dims)
    numbers = (*kernel, *steps, *apart)
    if not 1 <= dims <= 3 or min(numbers) < 1 or any(min(pair) < 0 for pair in around):
        raise ValueError(f"windows of {kernel}, {steps} apart, with {around} around")
    for k, d, pair in zip(kernel, apart, around):
        if max(pair) > (d * (k - 1) + 1) / 2:
            raise ValueError(f"padding of {pair} around a window of {k}, {d} apart")
    return Attributes(kernel, steps, apart, around, ceil_mode)


def _windows_along(size: int, given: Attributes, axis: int) -> list[list[int]]:
    """The positions of each window on one axis: before it below 0, behind it from `size` on."""
    before, after = given.around[axis]
    apart, step = given.dilation[axis], given.stride[axis]
    offsets = [j * apart for j in range(given.kernel[axis])]
    end = size + after
    found: list[list[int]] = []
    for start in range(-before, size, step):
        last = start + offsets[-1]
        covered = bool(found) and found[-1][-1] >= end - 1
        overhangs = given.ceil_mode and last < end + step - 1 and not covered
        if last < end or overhangs:
            found.append([start + offset for offset in offsets])
    return found


def _windows(sizes: tuple[int, ...], given: Attributes) -> tuple[Array, tuple[int, ...]]:
    """[windows, elements, axes], both row-major, and the number of windows on each axis."""
    along = [_windows_along(size, given, axis) for axis, size in enumerate(sizes)]
    counts = tuple(len(windows) for windows in along)
    if 0 in counts or len(sizes) != len(given.kernel):
        raise ValueError(f"windows {given} over {sizes}")
    places = [list(product(*window)) for window in product(*along)]
    return np.array(places, dtype=np.int64), counts


def _lead(x: Array, given: Attributes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes in front, and those that windows slide over."""
    dims = len(given.kernel)
    if x.ndim < dims:
        raise ValueError(f"windows of {given.kernel} over {x.shape}")
    return x.shape[: x.ndim - dims], x.shape[x.ndim - dims :]


def _within(places: Array, ends: tuple[int, ...]) -> Array:
    """Which of [windows, elements, axes] are at least 0 and below the ends, on every axis."""
    return np.asarray(((places >= 0) & (places < np.array(ends))).all(axis=-1))


def _numbered(places: Array, sizes: tuple[int, ...]) -> Array:
    """Row-major numbers of the places; 0 for those outside."""
    inside = _within(places, sizes)
    kept = np.where(inside[..., None], places, 0)
    strides = [prod(sizes[k + 1 :]) for k in range(len(sizes))]
    return np.asarray((kept * strides).sum(axis=-1))


# -- pooling ---------------------------------------------------------------------------------------
def avg_pool2d(
    x: Array, kernel_size: Extents = (2, 2), stride: Extents | None = None, dilation: Extents = 1,
    padding: Extents = 0, ceil_mode: bool = False, count_include_pad: bool = True,
) -> Array:  # fmt: skip
    """The sum of each window, padding being +0, divided by the number that counts."""
    given = _attributes(kernel_size, stride, dilation, padding, ceil_mode)
    values, number, shape = window_elements(x, given, count_include_pad)
    order = ROWS["avg_pool2d"].order
    assert order is not None
    with np.errstate(all="ignore"):
        total = ordered_reduce(values, "sum", order.lanes, order.rows)
        mean = np.asarray(total / number.astype(total.dtype))
    return convert(canonical(mean), to_float(x.dtype.name)).reshape(shape)


def window_elements(
    x: Array, given: Attributes, count_include_pad: bool
) -> tuple[Array, Array, tuple[int, ...]]:
    """Elements [lead, windows, n] in the accumulator, how many count of each window, and the shape
    of the result."""
    lead, sizes = _lead(x, given)
    places, counts = _windows(sizes, given)
    floating = to_float(x.dtype.name)
    wide = convert(convert(x, floating), accumulator(floating)).reshape(prod(lead), prod(sizes))
    inside = _within(places, sizes)
    padded = np.concatenate([wide, np.zeros((prod(lead), 1), wide.dtype)], axis=1)
    values = padded[:, np.where(inside, _numbered(places, sizes), prod(sizes))]
    if count_include_pad:
        shifted = places + np.array([before for before, _ in given.around])
        grown = tuple(n + sum(pair) for n, pair in zip(sizes, given.around))
        inside = _within(shifted, grown)
    return values, inside.sum(axis=-1), (*lead, *counts)


def averaged_windows(x: Array, attrs: Mapping[str, Any]) -> tuple[Array, Array]:
    """[lead, windows, n] of `avg_pool2d`, and how many count of each window."""
    names = ("kernel_size", "stride", "dilation", "padding", "ceil_mode", "count_include_pad")
    defaults = ROWS["avg_pool2d"].defaults
    *numbers, include = (attrs.get(name, defaults[name]) for name in names)
    values, number, _ = window_elements(x, _attributes(*numbers), include)
    return values, number


def max_pool2d(
    x: Array, kernel_size: Extents = (2, 2), stride: Extents | None = None, dilation: Extents = 1,
    padding: Extents = 0, ceil_mode: bool = False, return_indices: bool = False,
) -> Array | tuple[Array, Array]:  # fmt: skip
    """The greatest of each window, taken one after another, and its first place."""
    given = _attributes(kernel_size, stride, dilation, padding, ceil_mode)
    lead, sizes = _lead(x, given)
    places, counts = _windows(sizes, given)
    inside, numbers = _within(places, sizes), _numbered(places, sizes)
    if prod(lead) and not inside.any(axis=1).all():
        raise ValueError("a window has nothing but padding")
    flat = widened(x).reshape(prod(lead), prod(sizes))
    greatest = np.zeros((prod(lead), len(places)), flat.dtype)
    where = np.full(greatest.shape, -1, np.int32)
    for at in np.ndindex(greatest.shape):
        row, window = at
        for number in numbers[window][inside[window]].tolist():
            item = flat[row, number]
            if where[at] < 0 or _greater(item, greatest[at]):
                greatest[at], where[at] = item, number
            elif item == greatest[at] == 0 and not np.signbit(item):
                greatest[at] = item  # +0 is the greatest of zeros, wherever the first one was
    shape = (*lead, *counts)
    values = convert(canonical(greatest.reshape(shape)), x.dtype.name)
    return (values, where.reshape(shape)) if return_indices else values


def _greater(item: Any, best: Any) -> bool:
    """Whether an element is greater than the greatest before it: NaN is, but not than a NaN."""
    return bool(item > best or (item != item and best == best))


def max_unpool2d(
    x: Array, indices: Array, kernel_size: Extents = (2, 2), stride: Extents | None = None,
    dilation: Extents = 1, padding: Extents = 0, output_size: Extents | None = None,
) -> Array:  # fmt: skip
    """Elements scattered over zeros."""
    given = _attributes(kernel_size, stride, dilation, padding)
    lead, counts = _lead(x, given)
    if indices.shape != x.shape:
        raise ValueError(f"places {indices.shape} of elements {x.shape}")
    exact = [
        (n - 1) * s - sum(pair) + d * (k - 1) + 1
        for n, s, pair, d, k in zip(
            counts, given.stride, given.around, given.dilation, given.kernel, strict=True
        )
    ]
    sizes = exact
    if output_size is not None:
        dims = len(counts)
        last = output_size if isinstance(output_size, int) else output_size[-dims:]
        sizes = list(per_axis(last, dims))
    for size, due, step in zip(sizes, exact, given.stride):
        if size < 0 or abs(size - due) >= step:
            raise ValueError(f"{sizes} for windows over {exact}")
    base = np.zeros((prod(lead), prod(sizes)), x.dtype)
    lines = (prod(lead), prod(counts))
    return scatter(base, indices.reshape(lines), x.reshape(lines), 1).reshape(*lead, *sizes)


# -- interpolation ---------------------------------------------------------------------------------
def interpolate(
    x: Array, size: tuple[int, ...], mode: str = "linear", align_corners: bool = False
) -> Array:
    """The nearest elements, or (1 - w) * low + w * high, on one axis after another."""
    if mode not in MODES or (align_corners and mode != "linear") or not 1 <= len(size) <= 3:
        raise ValueError(f"size {size} in mode {mode}, align_corners {align_corners}")
    if len(size) > x.ndim or any(n == 0 < out for n, out in zip(x.shape[-len(size) :], size)):
        raise ValueError(f"size {size} for {x.shape}")
    axes = range(-1, -len(size) - 1, -1)
    if mode != "linear":
        half = Fraction(int(mode == "nearest-exact"), 2)
        for axis in axes:
            before, after = x.shape[axis], size[axis]
            picks = [floor((i + half) * before / after) for i in range(after)]
            x = move(x, partial(_picked, picks=picks, axis=axis))
        return x
    floating = to_float(x.dtype.name)
    wide = convert(convert(x, floating), accumulator(floating))
    for axis in axes:
        wide = _between(wide, axis, size[axis], align_corners)
    return convert(canonical(wide), floating)


def _picked(x: Array, picks: list[int], axis: int) -> Array:
    return np.take(x, np.array(picks, dtype=np.int64), axis=axis)


def _between(x: Array, axis: int, after: int, align_corners: bool) -> Array:
    """One axis at another size."""
    before, number = x.shape[axis], x.dtype.type
    column = [1] * x.ndim
    column[axis] = after
    low, high, weights = [], [], []
    for i in range(after):
        top, bottom = _position(i, before, after, align_corners)
        low.append(top // bottom)
        high.append(min(top // bottom + 1, before - 1))
        weights.append(number(top % bottom) / number(bottom))
    w = np.array(weights, dtype=x.dtype).reshape(column)
    a, b = _picked(x, low, axis), _picked(x, high, axis)
    with np.errstate(all="ignore"):
        return np.where(w == 0, a, a * (1 - w) + b * w)


def _position(i: int, before: int, after: int, align_corners: bool) -> tuple[int, int]:
    """Where element i lies, as numerator and denominator."""
    if align_corners:
        return i * (before - 1), max(after - 1, 1)
    middle = (2 * i + 1) * before - after
    return min(max(middle, 0), (before - 1) * 2 * after), 2 * after
