"""Contractions and convolutions. torch adds floats in an order of its own, so it judges integers.

Convolutions are given to torch in float64, where sums of products of narrow integers are exact.
"""

from __future__ import annotations

from typing import Any

from oracles.promotion import sum_dtype
from oracles.torch_ref.domain import FLOATS, INTEGERS, Attributes, Call, Domain, NotJudged
from oracles.torch_ref.reduce import SUM_ORDER, narrowed

_IN_ORDER = dict.fromkeys(FLOATS, SUM_ORDER)
_NARROW = ("bool", "int8", "int16", "uint8")
_WIDE = dict.fromkeys(
    ("int32", "int64"), "torch convolves floats only, and these products do not fit float64"
)


def _result(tensors: list[Any], attrs: Attributes) -> str:
    return attrs.get("dtype") or sum_dtype(str(tensors[0].dtype).removeprefix("torch."))


def _einsum(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    total = torch.einsum(attrs["formula"], *(one.to(torch.int64) for one in tensors))
    return narrowed(torch, total, _result(tensors, attrs))


def _linear(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    x, weight, *bias = (one.to(torch.int64) for one in tensors)
    total = x * weight if weight.ndim == 1 else torch.matmul(x, weight)
    return narrowed(torch, total + bias[0] if bias else total, _result(tensors, attrs))


def _convolution(prefix: str) -> Call:
    """conv1d, conv2d or conv3d by the axes of the weights."""

    def call(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
        x, weight, *bias = (one.to(torch.float64) for one in tensors)
        if 0 in x.shape[1:]:
            raise NotJudged(f"{prefix} is not judged by torch: it refuses an input of no elements")
        function = getattr(torch, f"{prefix}{weight.ndim - 2}d")
        more = {key: value for key, value in attrs.items() if key != "dtype"}
        total = function(x, weight, bias[0] if bias else None, **more)
        return narrowed(torch, total.to(torch.int64), _result(tensors, attrs))

    return call


def _plain_padding(dtypes: object, attrs: Attributes) -> str | None:
    """torch pads both sides of an axis alike."""
    padding = attrs.get("padding", 0)
    if isinstance(padding, tuple) and len(padding) > 3:
        return "torch pads both ends of an axis alike"
    return None


_INTEGERS = Domain(("bool", *INTEGERS), reasons=_IN_ORDER)
_CONVOLUTIONS = Domain(_NARROW, refuses=_plain_padding, reasons={**_IN_ORDER, **_WIDE})

DOMAINS: dict[str, Domain] = {
    "einsum": _INTEGERS,
    "linear": _INTEGERS,
    "conv2d": _CONVOLUTIONS,
    "conv_transpose2d": _CONVOLUTIONS,
}
CALLS: dict[str, Call] = {
    "einsum": _einsum,
    "linear": _linear,
    "conv2d": _convolution("conv"),
    "conv_transpose2d": _convolution("conv_transpose"),
}
