"""Joining and cutting, windows, diagonals and formulas of movement in numpy, on bit patterns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod

import numpy as np

from oracles.formats import Array, format_of
from oracles.numpy_ref.movement import pad, shrink
from oracles.numpy_ref.support import common, move

Scalar = bool | int | float
Sizes = Sequence[int | None]


# -- joining and cutting ---------------------------------------------------------------------------
def cat(*tensors: Array, dim: int = 0) -> Array:
    """One behind the other, in the common dtype."""
    return _joined(tensors, lambda bits: np.concatenate(bits, axis=dim))


def stack(*tensors: Array, dim: int = 0) -> Array:
    """Side by side along a new axis, in the common dtype."""
    return _joined(tensors, lambda bits: np.stack(bits, axis=dim))


def _joined(tensors: Sequence[Array], join: Callable[[list[Array]], Array]) -> Array:
    """Join the bits of the arrays in their common dtype."""
    parts = common(*tensors)
    row = format_of(parts[0])
    return row.from_bits(join([row.to_bits(part) for part in parts]))


def split(x: Array, sizes: int | Sequence[int], dim: int = 0) -> tuple[Array, ...]:
    """Parts of `sizes` elements, the last of what is left; or of the sizes listed."""
    extent = x.shape[dim]
    if isinstance(sizes, int):
        ends = [*range(0, extent, sizes)][1:] if sizes else []
        if sizes < 0 or (sizes == 0 and extent):
            raise ValueError(f"parts of {sizes} elements of an axis of {extent}")
    else:
        if sum(sizes) != extent or min(sizes, default=0) < 0:
            raise ValueError(f"parts {sizes} of an axis of {extent}")
        ends = [int(n) for n in np.cumsum(sizes)[:-1]]
        if not sizes:
            return ()
    return _cut(x, [0, *ends, extent], dim)


def chunk(x: Array, chunks: int, dim: int = 0) -> tuple[Array, ...]:
    """Parts of ceil(extent / chunks) elements; empty ones of an empty axis."""
    extent = x.shape[dim]
    if chunks < 1:
        raise ValueError(f"{chunks} parts")
    if extent == 0:
        return _cut(x, [0] * (chunks + 1), dim)
    return split(x, -(-extent // chunks), dim)


def _cut(x: Array, ends: Sequence[int], dim: int) -> tuple[Array, ...]:
    axis = dim % x.ndim
    before = (slice(None),) * axis
    return tuple(
        move(x, lambda bits, low=low, high=high: bits[(*before, slice(low, high))])  # type: ignore[misc]
        for low, high in pairwise(ends)
    )


def meshgrid(*tensors: Array, indexing: str = "ij") -> tuple[Array, ...]:
    """Tensor k along axis k, repeated along the others; `xy` swaps the first two axes."""
    flat = [move(x, lambda bits: bits.reshape(-1)) for x in tensors if x.ndim <= 1]
    if len(flat) != len(tensors) or indexing not in ("ij", "xy"):
        raise ValueError("meshgrid takes tensors of one axis at most, and ij or xy")
    places = np.meshgrid(*(np.arange(x.size) for x in flat), indexing=indexing)  # type: ignore[call-overload]
    return tuple(
        move(x, lambda bits, at=at: bits[at])  # type: ignore[misc]
        for x, at in zip(flat, places, strict=True)
    )


# -- again and around ------------------------------------------------------------------------------
def repeat(x: Array, repeats: int | Sequence[int]) -> Array:
    """x again and again along each axis, new axes in front."""
    counts = (repeats,) if isinstance(repeats, int) else tuple(repeats)
    if len(counts) < x.ndim:
        raise ValueError(f"{len(counts)} counts for {x.ndim} axes")
    return move(x, lambda bits: np.tile(bits, counts))


def repeat_interleave(x: Array, repeats: int, dim: int | None = None) -> Array:
    """Each element repeated before the next; without an axis, of x flattened."""
    return move(x, lambda bits: np.repeat(bits, repeats, dim))


def roll(
    x: Array, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None
) -> Array:
    """Moved up along axes, around the end; without axes as if x were flattened."""
    if np.shape(shifts) != (() if dims is None else np.shape(dims)):
        raise ValueError(f"shifts {shifts} do not belong to axes {dims}")
    return move(x, lambda bits: np.roll(bits, shifts, dims))


# -- windows, diagonals, triangles -----------------------------------------------------------------
def unfold(x: Array, dim: int, size: int, step: int) -> Array:
    """Windows of `size`, `step` apart: the axis counts them, a last axis has their elements."""
    axis = dim % x.ndim
    count = (x.shape[axis] - size) // step + 1
    if not 0 <= size <= x.shape[axis] or step < 1:
        raise ValueError(f"windows of {size}, {step} apart, on an axis of {x.shape[axis]}")
    places = np.arange(count)[:, None] * step + np.arange(size)
    return move(x, lambda bits: np.moveaxis(np.take(bits, places, axis=axis), axis + 1, -1))


def diagonal(x: Array, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Array:
    """The elements whose place on dim2 is `offset` more than on dim1, as a last axis."""
    return move(x, lambda bits: np.diagonal(bits, offset, dim1, dim2))


def diag(x: Array) -> Array:
    """A vector as the diagonal of a matrix, or the diagonal of a matrix."""
    return move(x, np.diag)


def tril(x: Array, diagonal: int = 0) -> Array:
    """Zeros above the diagonal."""
    _check_matrices(x)
    return move(x, lambda bits: np.tril(bits, diagonal))


def triu(x: Array, diagonal: int = 0) -> Array:
    """Zeros below the diagonal."""
    _check_matrices(x)
    return move(x, lambda bits: np.triu(bits, diagonal))


def _check_matrices(x: Array) -> None:
    if x.ndim < 2:
        raise ValueError(f"a tensor of {x.ndim} axes has no matrices")


# -- to a size -------------------------------------------------------------------------------------
def pad_to(x: Array, shape: Sizes, value: Scalar = 0) -> Array:
    """`value` behind x up to `shape`; None keeps an extent."""
    sizes = _filled(x, shape)
    return pad(x, [(0, new - old) for new, old in zip(sizes, x.shape)], value=value)


def shrink_to(x: Array, shape: Sizes) -> Array:
    """The first elements of each axis; None keeps an extent."""
    return shrink(x, [(0, n) for n in _filled(x, shape)])


def _filled(x: Array, shape: Sizes) -> list[int]:
    pairs = zip(shape, x.shape, strict=True)
    return [old if new is None else new for new, old in pairs]


# -- formulas --------------------------------------------------------------------------------------
def rearrange(x: Array, formula: str, sizes: Sequence[tuple[str, int]] = ()) -> Array:
    """The axes that the left side names, taken apart, ordered and joined as on the right side."""
    left, right = (_axes(side) for side in formula.split("->"))
    known: dict[str, int] = dict(sizes)
    spare = [f".{k}" for k in range(x.ndim - len(left) + 1)]
    left, right = (_spelled(axes, spare) for axes in (left, right))
    for axis, extent in zip(left, x.shape, strict=True):
        unknown = [name for name in axis if name not in known]
        rest = extent // prod(known[name] for name in axis if name in known)
        known.update(zip(unknown, [rest], strict=False))
        if len(unknown) > 1 or prod(known[name] for name in axis) != extent:
            raise ValueError(f"{formula} does not fit an extent of {extent}")
    names = [name for axis in left for name in axis]
    order = [names.index(name) for axis in right for name in axis]
    apart = tuple(known[name] for name in names)
    shape = tuple(prod(known[name] for name in axis) for axis in right)
    return move(x, lambda bits: bits.reshape(apart).transpose(order).reshape(shape))


def _axes(side: str) -> list[list[str]]:
    """`a (b c) 1` as [[a], [b, c], []]."""
    axes: list[list[str]] = []
    inside = False
    for word in side.replace("(", " ( ").replace(")", " ) ").split():
        if word in "()":
            inside = word == "("
            axes += [[]] if inside else []
        elif inside:
            axes[-1] += [word] if word != "1" else []
        else:
            axes.append([word] if word != "1" else [])
    return axes


def _spelled(axes: Sequence[list[str]], spare: Sequence[str]) -> list[list[str]]:
    """`...` as axes of their own."""
    found: list[list[str]] = []
    for axis in axes:
        found += [[name] for name in spare] if axis == ["..."] else [axis]
    return found
