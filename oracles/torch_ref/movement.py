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

_TWICE = {("float64", "float16"), *((name, "bfloat16") for name in ("float64", "int32", "int64"))}


def _outside_integer_range(name: str, args: Sequence[Array], attrs: Attributes) -> Array:
    """Float to integer where C leaves the result undefined: torch wraps or gives MIN."""
    source, target = format_of(args[0]), FORMATS[attrs["dtype"]]
    if not source.is_float or target.is_float or target.kind == "bool":
        return np.zeros(args[0].shape, dtype=bool)
    wide = np.trunc(args[0].astype(np.float64))
    inside = (wide >= float(target.minimum)) & (wide < float(target.maximum + 1))
    return np.asarray(~inside)


def _refuses_cast(dtypes: Sequence[str], attrs: Attributes) -> str | None:
    if (dtypes[0], attrs["dtype"]) in _TWICE:
        return "torch casts by way of float32, which rounds twice"
    return None


def _refuses_pad(dtypes: Sequence[str], attrs: Attributes) -> str | None:
    value = attrs.get("value", 0)
    if isinstance(value, int) and int(float(value)) != value:
        return "torch passes the value of pad as a float64"
    return None


def _refuses_mode(dtypes: Sequence[str], attrs: Attributes) -> str | None:
    if attrs.get("mode", "constant") != "constant":
        return "torch pads few ranks in other modes, and refuses more than one period"
    return _refuses_pad(dtypes, attrs)


def _refuses_size(dtypes: Sequence[str], attrs: Attributes) -> str | None:
    return None if attrs.get("size") is None else "torch takes no size here"


def _refuses_mixed(dtypes: Sequence[str], attrs: Attributes) -> str | None:
    if len(set(dtypes)) > 1:
        return "torch makes grids of one dtype"
    return None


def _refuses_index(dtypes: Sequence[str], attrs: Attributes) -> str | None:
    if len(dtypes) > 1:
        return "torch raises for an index out of range, and takes uint8 for a mask"
    index = attrs["index"]
    items = index if isinstance(index, tuple) else (index,)
    if any(isinstance(one, slice) and (one.step or 1) < 0 for one in items):
        return "torch does not slice with a negative step"
    return None


def _cast(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    return tensors[0].to(torch_dtype(torch, attrs["dtype"]))


def _bitcast(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    """Flat, since torch takes no part of what has no elements."""
    x, target = tensors[0], torch_dtype(torch, attrs["dtype"])
    flat = x.reshape(-1).view(target) if x.numel() else torch.zeros(0, dtype=target)
    last = [x.shape[-1] * x.element_size() // flat.element_size()] if x.ndim else []
    return flat.reshape((*x.shape[:-1], *last))


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


def _pad_to(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    sizes = zip(attrs["shape"], tensors[0].shape, strict=True)
    padding = [(0, 0 if new is None else new - old) for new, old in sizes]
    return _pad(torch, tensors, {"padding": padding, "value": attrs.get("value", 0)})


def _shrink_to(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    return tensors[0][tuple(slice(n) for n in attrs["shape"])].contiguous()


def _as_tuple(value: Any) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple) else (value,)


def _split(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    sizes = attrs["sizes"]
    sizes = list(sizes) if isinstance(sizes, tuple) else sizes
    return torch.split(tensors[0], sizes, attrs.get("dim", 0))


def _meshgrid(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    return torch.meshgrid(*tensors, indexing=attrs.get("indexing", "ij"))


def _diagonal(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    return tensors[0].diagonal(attrs.get("offset", 0), attrs.get("dim1", 0), attrs.get("dim2", 1))


def _as_they_are(args: Sequence[Array]) -> list[Array]:
    return list(args)


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
    "pad": Domain(ALL, refuses=_refuses_mode),
    "pad_to": Domain(ALL, refuses=_refuses_pad),
    "shrink_to": Domain(ALL),
    **dict.fromkeys(
        ("repeat", "repeat_interleave", "roll", "unfold", "diagonal", "diag", "tril", "triu",
         "split", "chunk", "cat", "stack"),
        Domain(ALL),
    ),
    "meshgrid": Domain(ALL, refuses=_refuses_mixed),
    "rearrange": never("torch has no formulas of movement"),
    "linspace": never("torch counts the second half of a range from its end"),
    "shrink": Domain(ALL),
    "flip": Domain(ALL),
    "arange": never("torch computes float ranges in float64 and integer ones trivially"),
    "full": Domain(ALL),
    "getitem": Domain(ALL, refuses=_refuses_index),
    "take": never("torch raises for indices out of range and for negative ones"),
    "gather": never("torch raises for indices out of range and for negative ones"),
    "one_hot": never("torch raises for classes out of range"),
    "nonzero": Domain(ALL, refuses=_refuses_size),
    "masked_select": Domain(ALL, refuses=_refuses_size, prepare=_as_they_are),
}
CALLS: dict[str, Call] = {
    "cast": _cast,
    "bitcast": _bitcast,
    "reshape": lambda torch, tensors, attrs: tensors[0].reshape(tuple(attrs["shape"])),
    "permute": lambda torch, tensors, attrs: tensors[0].permute(tuple(attrs["order"])),
    "expand": lambda torch, tensors, attrs: tensors[0].expand(tuple(attrs["shape"])),
    "pad": _pad,
    "pad_to": _pad_to,
    "shrink_to": _shrink_to,
    "repeat": lambda torch, tensors, attrs: tensors[0].repeat(_as_tuple(attrs["repeats"])),
    "repeat_interleave": lambda torch, tensors, attrs: torch.repeat_interleave(
        tensors[0], attrs["repeats"], attrs.get("dim")
    ),
    "roll": lambda torch, tensors, attrs: torch.roll(
        tensors[0], attrs["shifts"], attrs.get("dims")
    ),
    "unfold": lambda torch, tensors, attrs: tensors[0].unfold(
        attrs["dim"], attrs["size"], attrs["step"]
    ),
    "diagonal": _diagonal,
    "diag": lambda torch, tensors, attrs: torch.diag(tensors[0]),
    "tril": lambda torch, tensors, attrs: torch.tril(tensors[0], attrs.get("diagonal", 0)),
    "triu": lambda torch, tensors, attrs: torch.triu(tensors[0], attrs.get("diagonal", 0)),
    "split": _split,
    "chunk": lambda torch, tensors, attrs: torch.chunk(
        tensors[0], attrs["chunks"], attrs.get("dim", 0)
    ),
    "cat": lambda torch, tensors, attrs: torch.cat(tensors, attrs.get("dim", 0)),
    "stack": lambda torch, tensors, attrs: torch.stack(tensors, attrs.get("dim", 0)),
    "meshgrid": _meshgrid,
    "nonzero": lambda torch, tensors, attrs: torch.nonzero(tensors[0]).to(torch.int32),
    "masked_select": lambda torch, tensors, attrs: torch.masked_select(*tensors),
    "shrink": _shrink,
    "flip": _flip,
    "full": _full,
    "getitem": _getitem,
}
