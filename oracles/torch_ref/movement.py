"""Casts, movement, creation and indexing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from oracles.formats import FORMATS, Array, format_of
from oracles.torch_ref.domain import (
    ALL,
    NUMBERS,
    Attributes,
    Call,
    Domain,
    never,
    torch_dtype,
)


def _outside_integer_range(name: str, args: Sequence[Array], attrs: Attributes) -> Array:
    """Float to integer where C leaves the result undefined: torch wraps or gives MIN."""
    source, target = format_of(args[0]), FORMATS[attrs["dtype"]]
    if not source.is_float or target.is_float or target.kind == "bool":
        return np.zeros(args[0].shape, dtype=bool)
    wide = np.trunc(args[0].astype(np.float64))
    inside = (wide >= float(target.minimum)) & (wide < float(target.maximum + 1))
    return np.asarray(~inside)


def _refuses_cast(dtypes: Sequence[str], attrs: Attributes) -> str | None:
    if (dtypes[0], attrs["dtype"]) == ("float64", "float16"):
        return "torch rounds float64 to float16 twice"
    return None


def _refuses_pad(dtypes: Sequence[str], attrs: Attributes) -> str | None:
    value = attrs.get("value", 0)
    if isinstance(value, int) and int(float(value)) != value:
        return "torch passes the value of pad as a float64"
    return None


def _refuses_index(dtypes: Sequence[str], attrs: Attributes) -> str | None:
    index = attrs["index"]
    items = index if isinstance(index, tuple) else (index,)
    if any(isinstance(one, slice) and (one.step or 1) < 0 for one in items):
        return "torch does not slice with a negative step"
    return None


def _cast(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    return tensors[0].to(torch_dtype(torch, attrs["dtype"]))


def _bitcast(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    return tensors[0].view(torch_dtype(torch, attrs["dtype"]))


def _pad(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    """torch lists the last axis first."""
    flat = [width for pair in reversed(attrs["padding"]) for width in pair]
    value = attrs.get("value", 0)
    return torch.nn.functional.pad(tensors[0], flat, value=value)


def _shrink(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    return tensors[0][tuple(slice(low, high) for low, high in attrs["arg"])].contiguous()


def _flip(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    axis = attrs["axis"]
    return torch.flip(tensors[0], (axis,) if isinstance(axis, int) else tuple(axis))


def _full(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    from oracles.catalog import result_dtype

    dtype = torch_dtype(torch, result_dtype("full", (), attrs))
    return torch.full(tuple(attrs["shape"]), attrs["fill_value"], dtype=dtype)


def _getitem(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    return tensors[0][attrs["index"]].contiguous()


DOMAINS: dict[str, Domain] = {
    "cast": Domain(ALL, excluded=(_outside_integer_range,), refuses=_refuses_cast),
    "bitcast": Domain(NUMBERS),
    "reshape": Domain(ALL),
    "permute": Domain(ALL),
    "expand": Domain(ALL),
    "pad": Domain(ALL, refuses=_refuses_pad),
    "shrink": Domain(ALL),
    "flip": Domain(ALL),
    "arange": never("torch computes float ranges in float64 and integer ones trivially"),
    "full": Domain(ALL),
    "getitem": Domain(ALL, refuses=_refuses_index),
    "take": never("torch raises for indices out of range and for negative ones"),
}
CALLS: dict[str, Call] = {
    "cast": _cast,
    "bitcast": _bitcast,
    "reshape": lambda torch, tensors, attrs: tensors[0].reshape(tuple(attrs["shape"])),
    "permute": lambda torch, tensors, attrs: tensors[0].permute(tuple(attrs["order"])),
    "expand": lambda torch, tensors, attrs: tensors[0].expand(tuple(attrs["shape"])),
    "pad": _pad,
    "shrink": _shrink,
    "flip": _flip,
    "full": _full,
    "getitem": _getitem,
}
