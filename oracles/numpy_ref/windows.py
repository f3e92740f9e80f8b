"""Windows over the last axes of an array: what the references of convolution and pooling share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from oracles.formats import Array

Extents = int | Sequence[int]


def per_axis(value: Extents, dims: int) -> tuple[int, ...]:
    """One number for all axes, or one for each."""
    given = (value,) * dims if isinstance(value, int) else tuple(value)
    if len(given) != dims:
        raise ValueError(f"{value!r} is not for {dims} axes")
    return given


def pairs(padding: Extents, dims: int) -> tuple[tuple[int, int], ...]:
    """(before, after) for each axis: one number, one for each, or two from the last axis on."""
    if not isinstance(padding, int) and len(padding) == 2 * dims:
        return tuple((padding[2 * k], padding[2 * k + 1]) for k in reversed(range(dims)))
    return tuple((n, n) for n in per_axis(padding, dims))


def inserted(x: Array, stride: Sequence[int]) -> Array:
    """stride - 1 zeros between the elements of the last axes."""
    lead = x.ndim - len(stride)
    grown = [(n - 1) * s + 1 if n else 0 for n, s in zip(x.shape[lead:], stride, strict=True)]
    result = np.zeros((*x.shape[:lead], *grown), dtype=x.dtype)
    places: Any = (..., *(slice(None, None, s) for s in stride))
    result[places] = x
    return result


def window_view(
    x: Array,
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    around: Sequence[tuple[int, int]],
    fill: Any,
) -> Array:
    """[..., sizes...] as [..., counts..., kernel...]; negative amounts around are cut off."""
    lead = x.ndim - len(kernel)
    grown = [(0, 0)] * lead + [(max(a, 0), max(b, 0)) for a, b in around]
    cut: Any = (..., *(slice(max(-a, 0), n - max(-b, 0))
                       for (a, b), n in zip(around, x.shape[lead:], strict=True)))  # fmt: skip
    padded = np.pad(x[cut], grown, constant_values=fill) if grown else x
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    if any(r > n for r, n in zip(reach, padded.shape[lead:], strict=True)):
        raise ValueError(f"a window of {reach} in {padded.shape[lead:]}")
    axes = tuple(range(lead, x.ndim))
    seen = np.lib.stride_tricks.sliding_window_view(padded, reach, axes)
    steps: Any = (..., *(slice(None, None, step) for step in (*stride, *dilation)))
    return np.asarray(seen[steps])
