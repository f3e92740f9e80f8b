"""Reductions and matrix products."""

from __future__ import annotations

from typing import Any

from oracles.numpy_ref.reduce import reduced_axes
from oracles.promotion import sum_dtype
from oracles.torch_ref.domain import (
    ALL,
    BOOL_RAISES,
    FLOATS,
    INTEGERS,
    NUMBERS,
    Attributes,
    Call,
    Comparison,
    Domain,
    never,
    torch_dtype,
)


def _sum(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    x = tensors[0]
    name = attrs.get("dtype") or sum_dtype(str(x.dtype).removeprefix("torch."))
    held = torch.int64 if name in ("uint32", "int32", "int64") else torch_dtype(torch, name)
    axes = reduced_axes(x.ndim, attrs.get("axis"))
    keep = attrs.get("keepdim", False)
    total = torch.sum(x.to(held), axes, keepdim=keep) if axes else x.to(held)
    return narrowed(torch, total, name)


def _prod(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    """One axis after the other, the last first."""
    x = tensors[0]
    name = attrs.get("dtype") or sum_dtype(str(x.dtype).removeprefix("torch."))
    result = x.to(torch.int64)
    for axis in reversed(reduced_axes(x.ndim, attrs.get("axis"))):
        result = torch.prod(result, axis, keepdim=attrs.get("keepdim", False))
    return narrowed(torch, result, name)


def _matmul(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    """Integers in int64, which wraps alike."""
    name = attrs.get("dtype") or sum_dtype(str(tensors[0].dtype).removeprefix("torch."))
    return narrowed(torch, torch.matmul(*(one.to(torch.int64) for one in tensors)), name)


def narrowed(torch: Any, total: Any, name: str) -> Any:
    """A wrapped int64 total read as `name`; uint32 through a view of int32."""
    if name == "uint32":
        return total.to(torch.int32).view(torch.uint32)
    return total.to(torch_dtype(torch, name))


def _extreme(torch_name: str) -> Call:
    def call(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
        axes = reduced_axes(tensors[0].ndim, attrs.get("axis"))
        if not axes:
            return tensors[0]
        function = getattr(torch, torch_name)
        return function(tensors[0], axes, keepdim=attrs.get("keepdim", False))

    return call


def _truth(torch_name: str) -> Call:
    """torch takes no empty tuple of axes for none."""

    def call(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
        axes = reduced_axes(tensors[0].ndim, attrs.get("axis"))
        if not axes:
            return tensors[0].bool()
        function = getattr(torch, torch_name)
        return function(tensors[0], axes, keepdim=attrs.get("keepdim", False)).bool()

    return call


def _place(torch_name: str) -> Call:
    def call(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
        found = getattr(torch, torch_name)(
            tensors[0], attrs.get("axis"), keepdim=attrs.get("keepdim", False)
        )
        return found.to(torch.int32)

    return call


_ZERO_SIGN = {"sign of zero": "torch returns either zero from amax and amin"}
SUM_ORDER = "torch adds in an order of its own; only the ordered reference can judge float sums"
_IN_ORDER = dict.fromkeys(FLOATS, SUM_ORDER)
_INTEGER_SUM = Domain(("bool", *INTEGERS), reasons=_IN_ORDER)
_EXTREME = Domain(ALL, Comparison.VALUES, reasons=_ZERO_SIGN)

_PLACE = Domain(NUMBERS, reasons=BOOL_RAISES)
_TRUTH = Domain(ALL)
_MOMENT = never(SUM_ORDER)

DOMAINS: dict[str, Domain] = {
    "sum": _INTEGER_SUM,
    "prod": _INTEGER_SUM,
    "max": _EXTREME,
    "min": _EXTREME,
    "any": _TRUTH,
    "all": _TRUTH,
    "argmax": _PLACE,
    "argmin": _PLACE,
    **dict.fromkeys(("mean", "var", "std", "var_mean", "std_mean"), _MOMENT),
    "matmul": Domain(INTEGERS, reasons=_IN_ORDER),
}
CALLS: dict[str, Call] = {
    "sum": _sum,
    "prod": _prod,
    "matmul": _matmul,
    "max": _extreme("amax"),
    "min": _extreme("amin"),
    "any": _truth("any"),
    "all": _truth("all"),
    "argmax": _place("argmax"),
    "argmin": _place("argmin"),
}
