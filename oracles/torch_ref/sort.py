"""Orders along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oracles.torch_ref.domain import ALL, NUMBERS, Attributes, Call, Comparison, Domain


def _sorted(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    values, places = torch.sort(
        tensors[0], dim=attrs.get("dim", -1), descending=attrs.get("descending", False), stable=True
    )
    return values, places.to(torch.int32)


def _argsort(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    return _sorted(torch, tensors, attrs)[1]


def _topk(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    values, places = torch.topk(
        tensors[0], attrs["k"], dim=attrs.get("dim", -1), largest=attrs.get("largest", True)
    )
    return values, places.to(torch.int32)


def _refuses_places(dtypes: Sequence[str], attrs: Attributes) -> str | None:
    return "torch takes any of equal elements" if attrs.get("output") == 1 else None


DOMAINS: dict[str, Domain] = {
    "sort": Domain(ALL),
    "argsort": Domain(ALL),
    "topk": Domain(NUMBERS, Comparison.VALUES, refuses=_refuses_places,
                   reasons={"bool": "torch has no topk of bools"}),
}  # fmt: skip
CALLS: dict[str, Call] = {"sort": _sorted, "argsort": _argsort, "topk": _topk}
