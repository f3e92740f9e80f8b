"""Scans along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oracles.promotion import sum_dtype
from oracles.torch_ref.domain import (
    ALL,
    FLOATS,
    INTEGERS,
    Attributes,
    Call,
    Comparison,
    Domain,
)
from oracles.torch_ref.reduce import narrowed


def _accumulated(torch_name: str) -> Call:
    """Integers in int64, which wraps alike."""

    def call(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
        x = tensors[0]
        name = attrs.get("dtype") or sum_dtype(str(x.dtype).removeprefix("torch."))
        total = getattr(torch, torch_name)(x.to(torch.int64), attrs.get("axis", 0))
        return narrowed(torch, total, name)

    return call


def _extreme(torch_name: str) -> Call:
    def call(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
        values, places = getattr(torch, torch_name)(tensors[0], attrs.get("axis", 0))
        return values, places.to(torch.int32)

    return call


def _refuses_places(dtypes: Sequence[str], attrs: Attributes) -> str | None:
    if attrs.get("output") == 1:
        return "torch names the last of equal elements"
    return None


_IN_ORDER = dict.fromkeys(FLOATS, "torch adds in an order of its own")
_ACCUMULATED = Domain(("bool", *INTEGERS), reasons=_IN_ORDER)
_EXTREME = Domain(ALL, Comparison.VALUES, refuses=_refuses_places)

DOMAINS: dict[str, Domain] = {
    "cumsum": _ACCUMULATED, "cumprod": _ACCUMULATED, "cummax": _EXTREME, "cummin": _EXTREME,
}  # fmt: skip
CALLS: dict[str, Call] = {
    "cumsum": _accumulated("cumsum"), "cumprod": _accumulated("cumprod"),
    "cummax": _extreme("cummax"), "cummin": _extreme("cummin"),
}  # fmt: skip
