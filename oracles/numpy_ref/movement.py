"""Casts and movement of one tensor in numpy.  Movement goes through bit patterns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from oracles.formats import FORMATS, Array, format_of
from oracles.numpy_ref.support import convert, move, scalar

Scalar = bool | int | float


def cast(x: Array, dtype: str) -> Array:
    """The value of x in `dtype`; the same dtype keeps the bits."""
    return convert(x, dtype)


def bitcast(x: Array, dtype: str) -> Array:
    """The bits of x read as `dtype`, little-endian; bool has no part in it."""
    source, target = format_of(x), FORMATS[dtype]
    if "bool" in (source.name, target.name):
        raise TypeError(f"bitcast from {source.name} to {target.name}")
    if source.bits == target.bits:
        return target.from_bits(source.to_bits(x))
    size = x.shape[-1] * source.bits // target.bits if x.ndim else 0
    if x.ndim == 0 or x.shape[-1] * source.bits % target.bits:
        raise ValueError(f"bitcast from {source.name}{x.shape} to {target.name}")
    raw = source.to_bits(x).astype(source.unsigned.newbyteorder("<")).tobytes()
    words = np.frombuffer(raw, target.unsigned.newbyteorder("<")).astype(target.unsigned)
    return target.from_bits(words.reshape(*x.shape[:-1], size))


def reshape(x: Array, shape: Sequence[int]) -> Array:
    """Row-major reshape; one extent may be -1."""
    return move(x, lambda bits: bits.reshape(tuple(shape)))


def permute(x: Array, order: Sequence[int]) -> Array:
    """Axis k of the result is axis order[k] of x."""
    return move(x, lambda bits: bits.transpose(tuple(order)))


def expand(x: Array, shape: Sequence[int]) -> Array:
    """Broadcast to `shape`; -1 keeps the extent of the axis it stands for."""
    offset = len(shape) - x.ndim
    full = [x.shape[k - offset] if n == -1 else n for k, n in enumerate(shape)]
    return move(x, lambda bits: np.broadcast_to(bits, tuple(full)))


_PAD_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(
    x: Array, padding: Sequence[tuple[int, int]], mode: str = "constant", value: Scalar = 0
) -> Array:
    """(before, after) more elements for each axis; negative amounts are cut off first.

    `constant` adds `value`, rounded to the dtype of x; the other modes are numpy's reflect, edge
    and wrap, which refuse an empty axis.
    """
    row = format_of(x)
    pairs = [tuple(pair) for pair in padding]
    if len(pairs) != x.ndim:
        raise ValueError(f"pad: {len(pairs)} pairs for {x.ndim} dimensions")
    ends = [(max(-before, 0), n + min(after, 0)) for (before, after), n in zip(pairs, x.shape)]
    x = shrink(x, ends)
    widths = [(max(before, 0), max(after, 0)) for before, after in pairs]
    if not widths:
        return x
    if mode != "constant":
        return move(x, lambda bits: np.pad(bits, widths, mode=_PAD_MODES[mode]))  # type: ignore[call-overload]
    fill = row.to_bits(np.asarray(scalar(value, row.name)))[()]
    return move(x, lambda bits: np.pad(bits, widths, constant_values=fill))


def shrink(x: Array, arg: Sequence[tuple[int, int]]) -> Array:
    """x[lo:hi] for each axis, 0 <= lo <= hi <= extent."""
    for (low, high), extent in zip(arg, x.shape, strict=True):
        if not 0 <= low <= high <= extent:
            raise ValueError(f"shrink to {low}:{high} of an axis of {extent}")
    window = tuple(slice(low, high) for low, high in arg)
    return move(x, lambda bits: bits[window])


def flip(x: Array, axis: int | Sequence[int]) -> Array:
    """x reversed along one axis or several."""
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    return move(x, lambda bits: np.flip(bits, axes))
