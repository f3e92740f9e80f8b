"""Operators that move elements: shapes, orders, parts, windows, padding, joining."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.harness.opinfo.adapter import NO_AXES, Adapter, LeftOut, Use, needs, number, use


def _reshape(input: Any, shape: Any) -> Use:
    return use("reshape", input, shape=shape)


def _reshape_as(input: Any, other: Any) -> Use:
    return use("reshape", input, shape=other.shape)


def _view(input: Any, shape: Any) -> Use:
    return use("view", input, shape=shape)


def _view_as(input: Any, other: Any) -> Use:
    return use("view", input, shape=other.shape)


def _flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Use:
    return use("flatten", input, start_dim=start_dim, end_dim=end_dim)


def _unflatten(input: Any, dim: int, sizes: Any) -> Use:
    return use("unflatten", input, dim=dim, sizes=sizes)


def _squeeze(input: Any, dim: Any = None) -> Use:
    axes = dim if isinstance(dim, list | tuple) else () if dim is None else (dim,)
    needs(input.ndim > 0 or not axes, NO_AXES)
    kept = any(input.shape[axis] != 1 for axis in axes if -input.ndim <= axis < input.ndim)
    needs(not kept, "squeeze of an axis of another size than 1, which raises here")
    return use("squeeze", input, dim=dim)


def _unsqueeze(input: Any, dim: int) -> Use:
    return use("unsqueeze", input, dim=dim)


def _expand(input: Any, shape: Any) -> Use:
    return use("expand", input, shape=shape)


def _expand_as(input: Any, other: Any) -> Use:
    return use("expand", input, shape=other.shape)


def _permute(input: Any, dims: Any) -> Use:
    return use("permute", input, order=dims)


def _movedim(input: Any, source: Any, destination: Any) -> Use:
    """The axes that are not named keep their order in the places that are left."""
    axes = range(input.ndim)
    source, destination = ([n] if isinstance(n, int) else n for n in (source, destination))
    try:
        taken = {axes[place]: axes[axis] for axis, place in zip(source, destination, strict=True)}
    except (IndexError, ValueError) as error:
        raise LeftOut("axes that are ordered before the call") from error
    needs(len(set(taken.values())) == len(source), "axes that are ordered before the call")
    rest = iter(sorted(set(axes) - set(taken.values())))
    return use("permute", input, order=[taken.get(k, -1) if k in taken else next(rest)
                                        for k in axes])  # fmt: skip


def _transpose(input: Any, dim0: int, dim1: int) -> Use:
    needs(input.ndim > 0, NO_AXES)
    return use("transpose", input, dim0=dim0, dim1=dim1)


def _T(input: Any) -> Use:
    return use("T", input)


def _t(input: Any) -> Use:
    needs(input.ndim <= 2, "t has two axes at most, T as many as there are")
    return use("T", input)


def _mT(input: Any) -> Use:
    return use("transpose", input, dim0=-2, dim1=-1)


def _flip(input: Any, dims: Any) -> Use:
    return use("flip", input, axis=dims)


def _fliplr(input: Any) -> Use:
    return use("flip", input, axis=(1,))


def _flipud(input: Any) -> Use:
    return use("flip", input, axis=(0,))


def _roll(input: Any, shifts: Any, dims: Any = None) -> Use:
    return use("roll", input, shifts=shifts, dims=dims)


def _repeat(input: Any, repeats: Any) -> Use:
    return use("repeat", input, repeats=repeats)


def _tile(input: Any, dims: Any) -> Use:
    """As repeat, with 1 in front for axes that are not named."""
    return use("repeat", input, repeats=(1,) * (input.ndim - len(dims)) + tuple(dims))


def _repeat_interleave(
    input: Any, repeats: Any, dim: int | None = None, *, output_size: int | None = None
) -> Use:
    needs(not hasattr(repeats, "shape"), "a count for each element")
    return use("repeat_interleave", input, repeats=repeats, dim=dim)


# -- parts -----------------------------------------------------------------------------------------
def _chunk(input: Any, chunks: int, dim: int = 0) -> Use:
    return use("chunk", input, chunks=chunks, dim=dim)


def _split(input: Any, split_size: Any, dim: int = 0) -> Use:
    return use("split", input, sizes=split_size, dim=dim)


def _unbind(input: Any, dim: int = 0) -> list[Use]:
    """Each part by its number; where there are none the first is asked for all the same."""
    needs(-input.ndim <= dim < input.ndim, "axes that are counted before the call")
    needs(input.shape[dim] > 0, "no parts")
    before = (slice(None),) * (dim % input.ndim)
    return [replace(use("getitem", input, index=(*before, k)), part=k)
            for k in range(input.shape[dim])]  # fmt: skip


def _narrow(input: Any, dim: int, start: Any, length: int) -> Use:
    first = number(start)
    needs(-input.ndim <= dim < input.ndim, "axes that are counted before the call")
    size = input.shape[dim]
    if -size <= first < 0:
        first += size
    pairs: list[Any] = [None] * input.ndim
    pairs[dim] = (first, first + length)
    return Use("shrink", (input,), {"arg": tuple(pairs)})


def _select(input: Any, dim: int, index: int) -> Use:
    needs(-input.ndim <= dim < input.ndim, "axes that are counted before the call")
    return use("getitem", input, index=(*(slice(None),) * (dim % input.ndim), index))


def _slice(
    input: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Use:
    before = (slice(None),) * (dim % input.ndim)
    return use("getitem", input, index=(*before, slice(start, end, step)))


def _diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Use:
    return use("diagonal", input, offset=offset, dim1=dim1, dim2=dim2)


def _linalg_diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Use:
    return use("diagonal", A, offset=offset, dim1=dim1, dim2=dim2)


def _diag(input: Any, diagonal: int = 0) -> Use:
    needs(diagonal == 0, "another diagonal than the main one")
    return use("diag", input)


def _triangle(method: str) -> Adapter:
    def adapt(input: Any, diagonal: int = 0) -> Use:
        return use(method, input, diagonal=diagonal)

    return adapt


def _unfold(input: Any, dimension: int, size: int, step: int) -> Use:
    needs(input.ndim > 0, NO_AXES)
    return use("unfold", input, dim=dimension, size=size, step=step)


# -- larger ----------------------------------------------------------------------------------------
def _meshgrid(*tensors: Any, indexing: str = "ij") -> Use:
    return use("meshgrid", *tensors, indexing=indexing)


def _meshgrid_list(tensors: Any, *, indexing: str = "ij") -> Use:
    return use("meshgrid", *tensors, indexing=indexing)


def _pad(input: Any, pad: Any, mode: str = "constant", value: Any = None) -> Use:
    """Amounts from the last axis backwards are written alike here; the row has them by axis."""
    if mode != "constant":
        pairs = zip(pad[-2::-2], pad[-1::-2])
        cut = [n + min(a, 0) + min(b, 0) for n, (a, b) in zip(input.shape[-len(pad) // 2 :], pairs)]
        needs(min(pad) >= 0 or min(cut) > 0, "an axis that is cut to nothing, then padded")
    given = {"padding": tuple(pad), "mode": mode, "value": 0 if value is None else value}
    return Use("pad", (input,), given)


def _constant_pad_nd(input: Any, pad: Any, value: Any = 0) -> Use:
    """The same amounts as (before, after) of each axis."""
    pairs = [(0, 0)] * (input.ndim - len(pad) // 2) + list(zip(pad[-2::-2], pad[-1::-2]))
    return use("pad", input, padding=pairs, value=value)


def _cat(tensors: Any, dim: int = 0) -> Use:
    shapes = {tuple(one.shape) for one in tensors if one is not None}
    alone = len({len(shape) for shape in shapes}) < 2
    needs(alone or (0,) not in shapes, "cat that skips a tensor of shape (0,)")
    return use("cat", *tensors, dim=dim)


def _stack(tensors: Any, dim: int = 0) -> Use:
    return use("stack", *tensors, dim=dim)


def _same(method: str) -> Adapter:
    """The same elements, in memory of their own."""

    def adapt(input: Any) -> Use:
        return use(method, input)

    return adapt


_COPIED: dict[str, Adapter] = {
    "diagonal": _diagonal, "expand": _expand, "narrow": _narrow, "permute": _permute,
    "split_with_sizes": _split, "squeeze": _squeeze, "t": _t, "transpose": _transpose,
    "unbind": _unbind, "unfold": _unfold, "unsqueeze": _unsqueeze, "view": _view,
}  # fmt: skip
"""Views whose second name copies them."""

ADAPTERS: dict[str, Adapter] = {
    **_COPIED,
    **{f"{name}_copy": adapter for name, adapter in _COPIED.items()},
    "reshape": _reshape,
    "reshape_as": _reshape_as,
    "view_as": _view_as,
    "flatten": _flatten,
    "ravel": _flatten,
    "unflatten": _unflatten,
    "squeeze|multiple": _squeeze,
    "expand_as": _expand_as,
    "broadcast_to": _expand,
    "movedim": _movedim,
    "T": _T,
    "mT": _mT,
    "flip": _flip,
    "fliplr": _fliplr,
    "flipud": _flipud,
    "roll": _roll,
    "repeat": _repeat,
    "tile": _tile,
    "repeat_interleave": _repeat_interleave,
    "chunk": _chunk,
    "unsafe_chunk": _chunk,
    "split": _split,
    "split|list_args": _split,
    "unsafe_split": _split,
    "select": _select,
    "slice": _slice,
    "linalg.diagonal": _linalg_diagonal,
    "diag": _diag,
    "tril": _triangle("tril"),
    "triu": _triangle("triu"),
    "meshgrid|variadic_tensors": _meshgrid,
    "meshgrid|list_of_tensors": _meshgrid_list,
    "nn.functional.pad|constant": _pad,
    "nn.functional.pad|reflect": _pad,
    "nn.functional.pad|replicate": _pad,
    "nn.functional.pad|replicate_negative": _pad,
    "nn.functional.pad|circular": _pad,
    "constant_pad_nd": _constant_pad_nd,
    "cat": _cat,
    "stack": _stack,
    "clone": _same("clone"),
    "contiguous": _same("contiguous"),
}
