"""Products of matrices, and convolutions."""

from __future__ import annotations

from typing import Any

from conformance.harness.opinfo.adapter import Adapter, Use, needs, use


def _product(swapped: bool = False) -> Adapter:
    """matmul, and what is matmul of tensors of some number of axes."""

    def adapt(input: Any, other: Any) -> Use:
        operands = (other, input) if swapped else (input, other)
        return use("matmul", *operands)

    return adapt


def _dot(input: Any, other: Any) -> Use:
    return Use("dot", (input, other), {}, "matmul")


def _linear(input: Any, weight: Any, bias: Any = None) -> Use:
    """The weight has the axes of the result first in torch, last here: its transpose is a view."""
    turned = weight.t() if weight.ndim == 2 else weight
    needs(weight.ndim == 2, "a weight of one axis, which multiplies elements here")
    return use("linear", input, turned, *([] if bias is None else [bias]))


def _einsum(tensors: Any, formula: str) -> Use:
    return use("einsum", *tensors, formula=formula)


def _convolution(dims: int) -> Adapter:
    def adapt(
        input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
        dilation: Any = 1, groups: int = 1,
    ) -> Use:  # fmt: skip
        _batched(input, dims)
        given = {
            "stride": _spread(stride, dims), "dilation": _spread(dilation, dims),
            "padding": _padding(padding, weight, dilation, dims), "groups": groups,
        }  # fmt: skip
        return use("conv2d", input, weight, *([] if bias is None else [bias]), **given)

    return adapt


def _transposed(dims: int) -> Adapter:
    def adapt(
        input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
    ) -> Use:  # fmt: skip
        _batched(input, dims)
        given = {
            "stride": stride, "dilation": dilation, "padding": padding, "groups": groups,
            "output_padding": output_padding,
        }  # fmt: skip
        return use("conv_transpose2d", input, weight, *([] if bias is None else [bias]), **given)

    return adapt


def _batched(input: Any, dims: int) -> None:
    needs(input.ndim != dims + 1, "an image without a batch")


def _spread(value: Any, dims: int) -> Any:
    """One number in a tuple stands for all axes in torch."""
    return value * dims if isinstance(value, tuple) and len(value) == 1 else value


def _padding(padding: Any, weight: Any, dilation: Any, dims: int) -> Any:
    """Words as amounts: "same" puts the odd one behind; (before, after) from the last axis."""
    if padding == "valid":
        return 0
    if padding != "same":
        return _spread(padding, dims)
    steps = dilation if isinstance(dilation, tuple) else (dilation,)
    steps = steps * (dims // len(steps))
    totals = [step * (size - 1) for step, size in zip(steps, weight.shape[2:])]
    return tuple(n for total in reversed(totals) for n in (total // 2, total - total // 2))


ADAPTERS: dict[str, Adapter] = {
    "matmul": _product(),
    "mm": _product(),
    "bmm": _product(),
    "bmm|triton_optimized": _product(),
    "mv": _product(),
    "__rmatmul__": _product(swapped=True),
    "dot": _dot,
    "vdot": _dot,
    "nn.functional.linear": _linear,
    "einsum": _einsum,
    "nn.functional.conv1d": _convolution(1),
    "nn.functional.conv2d": _convolution(2),
    "nn.functional.conv3d": _convolution(3),
    "nn.functional.conv_transpose1d": _transposed(1),
    "nn.functional.conv_transpose2d": _transposed(2),
    "nn.functional.conv_transpose3d": _transposed(3),
}
