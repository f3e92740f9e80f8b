"""Writing at named places.

torch takes int64 indices that are inside: places from the end are counted from the front for it,
and what is outside goes to one more element, which is cut off again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from oracles.formats import Array
from oracles.numpy_ref.support import convert
from oracles.torch_ref.domain import ALL, FLOATS, NUMBERS, Attributes, Call, Comparison, Domain


def _prepare(args: Sequence[Array]) -> list[Array]:
    x, index, src = args
    far = np.minimum(index, index.dtype.type(np.iinfo(index.dtype).max >> 1))  # fits an int64
    return [x, far.astype(np.int64), convert(src, x.dtype.name)]


def _scattered(call: Call) -> Call:
    def scattered(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
        x, index, src = (one.reshape(1) if one.ndim == 0 else one for one in tensors)
        dim, size = attrs["dim"], x.shape[attrs["dim"]]
        places = torch.where(index < 0, index + size, index)
        places = torch.where((places < 0) | (places >= size), size, places)
        wide = torch.cat([x, x.narrow(dim, 0, 0).new_zeros(_one_at(x.shape, dim))], dim)
        result = call(torch, [wide, places, src], attrs).narrow(dim, 0, size)
        return result.reshape(tensors[0].shape).contiguous()

    return scattered


def _one_at(shape: Sequence[int], dim: int) -> list[int]:
    return [1 if k == dim % len(shape) else n for k, n in enumerate(shape)]


def _scatter(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    if attrs.get("reduce") is None:
        return torch.scatter(tensors[0], attrs["dim"], tensors[1], tensors[2])
    name = {"add": "sum", "multiply": "prod"}[attrs["reduce"]]
    return _scatter_reduce(torch, tensors, {"dim": attrs["dim"], "reduce": name})


def _scatter_reduce(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    return torch.scatter_reduce(
        tensors[0], attrs["dim"], tensors[1], tensors[2], attrs["reduce"],
        include_self=attrs.get("include_self", True),
    )  # fmt: skip


_ORDER = "torch promises no order of scattered float sums"


def _refuses_scatter(dtypes: Sequence[str], attrs: Attributes) -> str | None:
    if attrs.get("reduce") is None:
        return None
    if dtypes[0] == "bool":
        return "torch does not combine bools"
    return _ORDER if dtypes[0] in FLOATS else None


def _refuses_reduce(dtypes: Sequence[str], attrs: Attributes) -> str | None:
    if attrs["reduce"] in ("amax", "amin"):
        return None
    if attrs["reduce"] == "mean" and dtypes[0] not in ("int32", "int64"):
        return "torch keeps sums of means in the dtype itself, floats in an order of its own"
    return _ORDER if dtypes[0] in FLOATS else None


_BOOL = {"bool": "torch does not combine bools"}
DOMAINS: dict[str, Domain] = {
    "scatter": Domain(ALL, prepare=_prepare, refuses=_refuses_scatter),
    "scatter_reduce": Domain(
        NUMBERS, Comparison.VALUES, prepare=_prepare, refuses=_refuses_reduce, reasons=_BOOL
    ),
}
CALLS: dict[str, Call] = {
    "scatter": _scattered(_scatter), "scatter_reduce": _scattered(_scatter_reduce),
}  # fmt: skip
