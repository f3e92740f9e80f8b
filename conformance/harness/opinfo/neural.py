"""Pooling, interpolation, norms, attention, losses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.harness.opinfo.adapter import Adapter, Use, needs, use

GAIN = "a gain or a bias behind the norm"
STATISTICS = "statistics of the batch, which the call takes and keeps"
INTEGERS = "torch keeps integers as they are"
WEIGHTS = "weights of elements or classes"


# -- windows ---------------------------------------------------------------------------------------
def _spread(value: Any, dims: int) -> Any:
    """Of what torch takes as one number for all axes, or in a tuple of one: a number for each."""
    if isinstance(value, int):
        return (value,) * dims
    return tuple(value) * dims if value is not None and len(value) == 1 else value


def _stride(value: Any, dims: int) -> Any:
    """An empty one is that of the window."""
    return None if value is None or value == () else _spread(value, dims)


def _image(input: Any, dims: int) -> None:
    """torch knows one or two axes before those of the windows, this engine any number."""
    needs(input.ndim > dims or input.ndim == 0, "an image without channels")


def _avg_pool(dims: int) -> Adapter:
    def adapt(
        input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: Any = None,
    ) -> Use:  # fmt: skip
        needs(divisor_override is None, "another divisor than the number of elements")
        made = use(
            "avg_pool2d", input, kernel_size=_spread(kernel_size, dims),
            stride=_stride(stride, dims), padding=_spread(padding, dims),
            ceil_mode=ceil_mode, count_include_pad=count_include_pad,
        )  # fmt: skip
        return made if input.is_floating_point() else replace(made, unlike=INTEGERS)

    return adapt


def _max_pool(dims: int) -> Adapter:
    def adapt(
        input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        ceil_mode: bool = False, return_indices: bool = False,
    ) -> Use:  # fmt: skip
        _image(input, dims)
        return use(
            "max_pool2d", input, kernel_size=_spread(kernel_size, dims),
            stride=_stride(stride, dims), padding=_spread(padding, dims),
            dilation=_spread(dilation, dims), ceil_mode=ceil_mode, return_indices=return_indices,
        )  # fmt: skip

    return adapt


def _max_unpool(dims: int) -> Adapter:
    def adapt(
        input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0,
        output_size: Any = None,
    ) -> Use:  # fmt: skip
        return use(
            "max_unpool2d", input, indices, kernel_size=_spread(kernel_size, dims),
            stride=_stride(stride, dims), padding=_spread(padding, dims),
            output_size=output_size,
        )  # fmt: skip

    return adapt


def _interpolate(mode: str) -> Adapter:
    """Sizes, or factors from which torch computes sizes and then forgets them."""

    def adapt(
        input: Any, size: Any = None, scale_factor: Any = None, mode: str = mode,
        align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
    ) -> Use:  # fmt: skip
        dims = input.ndim - 2
        if size is None:
            needs(bool(recompute_scale_factor), "places by a factor instead of sizes")
            given = scale_factor if isinstance(scale_factor, tuple) else (scale_factor,) * dims
            size = [int(n * factor) for n, factor in zip(input.shape[2:], given)]
        return _resized(input, _spread(size, dims), mode, align_corners)

    return adapt


def _resized(input: Any, size: Any, mode: str, align_corners: bool | None = None) -> Use:
    if mode.startswith("nearest"):
        return use("interpolate", input, size=size, mode=mode)
    made = use("interpolate", input, size=size, mode="linear", align_corners=align_corners)
    if not input.is_floating_point():
        return replace(made, unlike=INTEGERS)
    return replace(made, near="torch takes the steps in another order")


def _upsample_bilinear(input: Any, size: Any = None, scale_factor: Any = None) -> Use:
    needs(size is not None, "places by a factor instead of sizes")
    return _resized(input, _spread(size, 2), "bilinear", align_corners=True)


def _upsample_nearest(input: Any, size: Any = None, scale_factor: Any = None) -> Use:
    needs(size is not None, "places by a factor instead of sizes")
    return _resized(input, _spread(size, input.ndim - 2), "nearest")


# -- norms -----------------------------------------------------------------------------------------
def _layer_norm(
    input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Use:
    needs(weight is None and bias is None, GAIN)
    count = len(normalized_shape)
    same = tuple(input.shape[input.ndim - count :]) == tuple(normalized_shape)
    needs(count > 0 and same, "sizes in the place of axes")
    return use("layernorm", input, axis=tuple(range(-count, 0)), eps=eps)


def _native_layer_norm(
    input: Any, normalized_shape: Any, weight: Any, bias: Any, eps: float
) -> Use:
    return replace(_layer_norm(input, normalized_shape, weight, bias, eps), part=0)


def _batch_norm(
    input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None,
    training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Use:  # fmt: skip
    """The reciprocal of the deviation is an operand here."""
    needs(not training and running_mean is not None, STATISTICS)
    needs(input.ndim > 1, "elements without channels")
    needs(bias is None or weight is not None, "a bias without a gain")
    invstd = (running_var.double() + eps).rsqrt().to(running_var.dtype)
    given = [one for one in (weight, bias) if one is not None]
    return use("batchnorm", input, running_mean, invstd, *given, axis=1)


def _native_batch_norm(
    input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, training: bool,
    momentum: float, eps: float,
) -> Use:  # fmt: skip
    found = _batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)
    return replace(found, part=0)


def _normalize(input: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Use:
    needs(p >= 0, "a power below 0")
    return use("normalize", input, p=p, dim=dim, eps=eps)


# -- attention and losses --------------------------------------------------------------------------
def _attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: Any = None, enable_gqa: bool = False,
) -> Use:  # fmt: skip
    needs(dropout_p == 0, "weights that are dropped at random")
    needs(scale is None, "another scale")
    mask = [] if attn_mask is None else [attn_mask]
    return use(
        "scaled_dot_product_attention", query, key, value, *mask, is_causal=is_causal,
        enable_gqa=enable_gqa,
    )  # fmt: skip


def _cross_entropy(
    input: Any, target: Any, weight: Any = None, ignore_index: int | None = None,
    reduction: str = "mean", label_smoothing: float = 0.0,
) -> Use:  # fmt: skip
    needs(weight is None, WEIGHTS)
    needs(ignore_index is None, "a label that is ignored")
    return use(
        "cross_entropy", input, target, reduction=reduction, label_smoothing=label_smoothing
    )


def _nll_loss(
    input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
) -> Use:
    given = [] if weight is None else [weight]
    return use("nll_loss", input, target, *given, ignore_index=ignore_index, reduction=reduction)


def _binary_cross_entropy(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean"
) -> Use:
    needs(weight is None, WEIGHTS)
    return use("binary_crossentropy", input, target, reduction=reduction)


def _binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, pos_weight: Any = None, reduction: str = "mean"
) -> Use:
    needs(weight is None, WEIGHTS)
    given = [] if pos_weight is None else [pos_weight]
    return use("binary_crossentropy_logits", input, target, *given, reduction=reduction)


ADAPTERS: dict[str, Adapter] = {
    **{f"nn.functional.avg_pool{n}d": _avg_pool(n) for n in (1, 2, 3)},
    **{f"nn.functional.max_pool{n}d": _max_pool(n) for n in (1, 2, 3)},
    **{f"nn.functional.max_unpool{n}d": _max_unpool(n) for n in (1, 2, 3)},
    **{f"nn.functional.max_unpool{n}d|grad": _max_unpool(n) for n in (1, 2, 3)},
    **{f"nn.functional.interpolate|{mode}": _interpolate(mode)
       for mode in ("nearest", "nearest-exact", "linear", "bilinear", "trilinear")},
    "nn.functional.upsample_bilinear": _upsample_bilinear,
    "nn.functional.upsample_nearest": _upsample_nearest,
    "nn.functional.layer_norm": _layer_norm,
    "native_layer_norm": _native_layer_norm,
    "nn.functional.batch_norm": _batch_norm,
    "native_batch_norm": _native_batch_norm,
    "_native_batch_norm_legit": _native_batch_norm,
    "nn.functional.normalize": _normalize,
    "nn.functional.scaled_dot_product_attention": _attention,
    "nn.functional.cross_entropy": _cross_entropy,
    "nn.functional.nll_loss": _nll_loss,
    "nn.functional.binary_cross_entropy": _binary_cross_entropy,
    "nn.functional.binary_cross_entropy_with_logits": _binary_cross_entropy_with_logits,
}  # fmt: skip
