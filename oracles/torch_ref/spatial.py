"""Pooling and interpolation.

torch finds the greatest in float64, which holds all but the widest integers, and averages in
float32, where sums of narrow integers are exact and the quotient rounds as the contract's. What is
only moved follows the numbers of its places, which torch moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import floor, prod
from typing import Any

import numpy as np

from oracles.catalog import OUTPUT
from oracles.formats import Array, format_of
from oracles.numpy_ref import evaluate
from oracles.numpy_ref.support import convert
from oracles.torch_ref.domain import ALL, FLOATS, Attributes, Call, Comparison, Domain, NotJudged
from oracles.torch_ref.reduce import SUM_ORDER

_NARROW = ("bool", "int8", "int16", "uint8")
_HELD = (*_NARROW, "int32", *FLOATS)
_WIDE = {"int64": "torch pools floats, and these do not fit float64"}


def _batched(x: Any, dims: int) -> Any:
    """[1, channels, sizes...], as torch wants it."""
    if 0 in x.shape:
        raise NotJudged("torch refuses tensors of no elements")
    return x.reshape(1, -1, *x.shape[x.ndim - dims :])


def _restored(torch: Any, result: Any, x: Any, dims: int) -> Any:
    """The axes in front as they were."""
    return result.reshape(*x.shape[: x.ndim - dims], *result.shape[2:]).contiguous()


def _given(attrs: Attributes, *names: str) -> dict[str, Any]:
    kernel = attrs.get("kernel_size", (2, 2))
    sizes = (kernel,) * 2 if isinstance(kernel, int) else kernel
    return {"kernel_size": sizes, **{name: attrs[name] for name in names if name in attrs}}


def _average(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    (x,) = tensors
    given = _given(attrs, "stride", "padding", "ceil_mode", "count_include_pad")
    dims = len(given["kernel_size"])
    function = getattr(torch.nn.functional, f"avg_pool{dims}d")
    try:
        return _restored(torch, function(_batched(x, dims), **given), x, dims)
    except RuntimeError as error:
        if "smaller than kernel size" in str(error):
            raise NotJudged("torch refuses volumes that are smaller than a window") from error
        raise


def _greatest(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    (x,) = tensors
    given = _given(attrs, "stride", "padding", "dilation", "ceil_mode")
    dims = len(given["kernel_size"])
    function = getattr(torch.nn.functional, f"max_pool{dims}d")
    found = function(_batched(x.to(torch.float64), dims), return_indices=True, **given)
    values, places = (_restored(torch, one, x, dims) for one in found)
    values = values.to(x.dtype)
    return (values, places.to(torch.int32)) if attrs.get("return_indices") else values


def _numbers(torch: Any, x: Any, dims: int) -> Any:
    """1 … n in the shape of x: torch moves these, and the elements follow them."""
    return _batched(torch.arange(1, x.numel() + 1, dtype=torch.float64).reshape(x.shape), dims)


def _followed(torch: Any, numbers: Any, x: Any, dims: int) -> Any:
    """The elements of these numbers, and 0 for the number 0."""
    flat = torch.cat([torch.zeros(1, dtype=x.dtype), x.reshape(-1)])
    return flat[_restored(torch, numbers.to(torch.int64), x, dims)]


def _unpooled(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    x, places = tensors
    given = _given(attrs, "stride", "padding")
    size = attrs.get("output_size")
    dims = len(given["kernel_size"])
    if size is not None:
        given["output_size"] = (size,) * dims if isinstance(size, int) else size[-dims:]
    function = getattr(torch.nn.functional, f"max_unpool{dims}d")
    numbers, picks = _numbers(torch, x, dims), _batched(places, dims)
    extent = function(numbers, torch.zeros_like(picks), **given)[0, 0].numel()
    numbers, picks = _inside(torch, numbers, picks, extent)
    return _followed(torch, function(numbers, picks, **given), x, dims)


def _inside(torch: Any, numbers: Any, picks: Any, extent: int) -> tuple[Any, Any]:
    """Places below 0 from the front, and instead of those outside, which torch refuses, one that is
    inside again, or the number 0."""
    places = torch.where(picks < 0, picks + extent, picks).flatten(2)
    inside = (places >= 0) & (places < extent)
    held, kept = (torch.where(inside, one, 0) for one in (numbers.flatten(2), places))
    some = inside.to(torch.int64).argmax(2, keepdim=True)
    held = torch.where(inside, held, torch.gather(held, 2, some))
    kept = torch.where(inside, kept, torch.gather(kept, 2, some))
    return held.reshape(numbers.shape), kept.reshape(picks.shape)


def _places_as_int64(args: Sequence[Array]) -> list[Array]:
    """uint64 beyond int64 is outside either way."""
    x, places = args
    most = np.iinfo(places.dtype).max
    return [x, np.minimum(places, places.dtype.type(min(most, 1 << 62))).astype(np.int64)]


def _nearest(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    (x,) = tensors
    size, dims = tuple(attrs["size"]), len(attrs["size"])
    if 0 in size:
        raise NotJudged("torch refuses results of no elements")
    numbers = _numbers(torch, x, dims)
    moved = torch.nn.functional.interpolate(numbers, size=size, mode=attrs["mode"])
    return _followed(torch, moved, x, dims)


def _rounded_positions(name: str, args: Sequence[Array], attrs: Attributes) -> Array:
    """Elements whose position torch, which computes it in float32, rounds to another integer."""
    (x,), size = args, attrs["size"]
    lead, half = x.shape[: x.ndim - len(size)], Fraction(int(attrs["mode"] == "nearest-exact"), 2)
    wrong = np.zeros((*lead, *size), dtype=bool)
    for axis, (before, after) in enumerate(zip(x.shape[len(lead) :], size, strict=True)):
        scale = np.float32(before) / np.float32(after) if after else np.float32(0)
        numbers = np.arange(after, dtype=np.float32) + np.float32(half)
        seen = np.minimum(np.floor(numbers * scale).astype(np.int64), before - 1)
        exact = [floor((i + half) * before / after) for i in range(after)]
        wrong |= (seen != exact).reshape(-1, *(1,) * (len(size) - 1 - axis))
    return wrong


def _contended(name: str, args: Sequence[Array], attrs: Attributes) -> Array:
    """Places on which several elements fall: torch writes them in any order."""
    shape = evaluate(name, args, attrs).shape
    dims = len(_given(attrs)["kernel_size"])
    extent = prod(shape[len(shape) - dims :])
    lines = _places_as_int64(args)[1].reshape(prod(shape[: len(shape) - dims]), -1)
    lines = np.where(lines < 0, lines + extent, lines)
    found = np.stack([(lines == place).sum(axis=1) for place in range(extent)], axis=1)
    return np.asarray(found > 1).reshape(shape)


def _unnamed_nans(name: str, args: Sequence[Array], attrs: Attributes) -> Array:
    """Places of windows with a NaN: torch names the last one."""
    if attrs.get(OUTPUT) != 1:
        return np.asarray(False)
    greatest = evaluate(name, args, {**attrs, OUTPUT: 0})
    row = format_of(greatest)
    return row.is_nan(row.to_bits(greatest))


def _refuses_windows(dtypes: Sequence[str], attrs: Attributes) -> str | None:
    """torch pads both ends of an axis alike."""
    kernel, padding = attrs.get("kernel_size", (2, 2)), attrs.get("padding", 0)
    dims = 2 if isinstance(kernel, int) else len(kernel)
    if isinstance(padding, tuple) and len(padding) > dims:
        return "torch pads both ends of an axis alike"
    return None


def _refuses_dilation(dtypes: Sequence[str], attrs: Attributes) -> str | None:
    """torch dilates no windows of averages, and none that are undone."""
    if attrs.get("dilation", 1) != 1:
        return "torch has no dilation here"
    return _refuses_windows(dtypes, attrs)


def _refuses_lines(dtypes: Sequence[str], attrs: Attributes) -> str | None:
    """torch rounds weights and sums of the mode linear in its own way."""
    if attrs.get("mode", "linear") == "linear":
        return "torch rounds weights and sums in its own way"
    return None


DOMAINS: dict[str, Domain] = {
    "avg_pool2d": Domain(
        _NARROW, refuses=_refuses_dilation, prepare=lambda args: [convert(args[0], "float32")],
        reasons={
            **dict.fromkeys(FLOATS, SUM_ORDER),
            **dict.fromkeys(("int32", "int64"), "sums of these are not exact in float32"),
        },
    ),
    "max_pool2d": Domain(
        _HELD, Comparison.VALUES, excluded=(_unnamed_nans,), refuses=_refuses_windows, reasons=_WIDE
    ),
    "max_unpool2d": Domain(
        ALL, excluded=(_contended,), prepare=_places_as_int64, refuses=_refuses_dilation
    ),
    "interpolate": Domain(ALL, excluded=(_rounded_positions,), refuses=_refuses_lines),
}  # fmt: skip
CALLS: dict[str, Call] = {
    "avg_pool2d": _average, "max_pool2d": _greatest, "max_unpool2d": _unpooled,
    "interpolate": _nearest,
}  # fmt: skip
