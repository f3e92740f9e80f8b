"""Elementwise operators: functions of one number, of two, choices, and changes of dtype."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.harness.opinfo.adapter import Adapter, Use, dtype_name, needs, number, use

ALPHA = "alpha scales an operand"


def unary(method: str, **attributes: Any) -> Adapter:
    """A function of one tensor."""

    def adapt(input: Any) -> Use:
        return use(method, input, **attributes)

    return adapt


def binary(method: str, swapped: bool = False) -> Adapter:
    """A function of two tensors, or of one and a number."""

    def adapt(input: Any, other: Any) -> Use:
        return use(method, other, input) if swapped else use(method, input, other)

    return adapt


def _rdiv(input: Any, other: Any) -> Use:
    return replace(use("div", other, input), near="torch multiplies by a rounded reciprocal")


def _scaled(method: str, swapped: bool = False) -> Adapter:
    def adapt(input: Any, other: Any, *, alpha: Any = 1) -> Use:
        needs(alpha == 1, ALPHA)
        return use(method, other, input) if swapped else use(method, input, other)

    return adapt


def _div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Use:
    made = use("div", input, other, rounding_mode=rounding_mode)
    floats = any(isinstance(x, float) or "float" in str(getattr(x, "dtype", ""))
                 for x in (input, other))  # fmt: skip
    rounded = rounding_mode == "trunc" and floats
    return replace(made, unlike="torch rounds the quotient first") if rounded else made


def _close(method: str) -> Adapter:
    def adapt(
        input: Any, other: Any, rtol: Any = None, atol: Any = None, equal_nan: Any = None
    ) -> Use:
        return use(method, input, other, rtol=rtol, atol=atol, equal_nan=equal_nan)

    return adapt


def _clamp(input: Any, min: Any = None, max: Any = None) -> Use:
    """Numbers are attributes of a row, two tensors operands of another, one has none."""
    tensors = [hasattr(end, "shape") for end in (min, max)]
    if not any(tensors):
        return use("clamp", input, min_=min, max_=max)
    if all(tensors):
        return use("clip", input, min, max)
    return Use("clip", (input, min, max))


def _clamp_min(input: Any, min: Any) -> Use:
    return _clamp(input, min)


def _clamp_max(input: Any, max: Any) -> Use:
    return _clamp(input, None, max)


def _lerp(input: Any, end: Any, weight: Any) -> Use:
    return use("lerp", input, end, weight)


def _masked_fill(input: Any, mask: Any, value: Any) -> Use:
    if hasattr(value, "shape"):
        return Use("masked_fill", (input, mask, value))
    made = use("masked_fill", input, mask, value=value)
    promoted = str(input.dtype) == "torch.bool" and not isinstance(value, bool)
    return replace(made, unlike="torch casts the value to bool" if promoted else "")


def _where(input: Any, condition: Any, other: Any) -> Use:
    return use("where", condition, input, other)


def _round(input: Any, *, decimals: int = 0) -> Use:
    needs(decimals == 0, "decimal places")
    return use("round", input)


def _cast(dtype: str) -> Adapter:
    def adapt(input: Any) -> Use:
        return use("cast", input, dtype=dtype)

    return adapt


def _named_cast(method: str, dtype: str) -> Adapter:
    """`x.float()` and its like, which are casts by another name."""

    def adapt(input: Any) -> Use:
        return Use(method, (input,), row="cast", implied={"dtype": dtype})

    return adapt


def _to(input: Any, *args: Any) -> Use:
    """`to` names a device, a dtype or a tensor, and whether to copy."""
    dtypes = [one for one in args if str(one).startswith("torch.")]
    needs(len(dtypes) == 1, "a device, or another tensor, in the place of a dtype")
    return use("cast", input, dtype=dtype_name(dtypes[0]))


def _item(input: Any) -> Use:
    return Use("item", (input,))


# -- activations, whose parameters have other names or other defaults ------------------------------
def _elu(input: Any, alpha: Any = 1.0) -> Use:
    return use("elu", input, alpha=number(alpha))


def _celu(input: Any, alpha: Any = 1.0) -> Use:
    return use("celu", input, alpha=number(alpha))


def _selu(input: Any) -> Use:
    return use("selu", input, alpha=1.6732632423543772, gamma=1.0507009873554805)


def _leaky_relu(input: Any, negative_slope: Any = 0.01) -> Use:
    return use("leaky_relu", input, neg_slope=negative_slope)


def _hardtanh(input: Any, min_val: Any = -1.0, max_val: Any = 1.0) -> Use:
    made = use("hardtanh", input, min_val=min_val, max_val=max_val)
    return made if input.is_floating_point() else replace(made, unlike="torch casts the ends")


def _gelu(input: Any, approximate: str = "none") -> Use:
    return use("gelu", input, approximate=approximate)


def _softplus(input: Any, beta: Any = 1.0, threshold: Any = 20.0) -> Use:
    """Above a threshold torch returns x instead."""
    made = use("softplus", input, beta=beta)
    return replace(made, counts=lambda operands: operands[0] * beta <= threshold)


_UNARY = (
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "erf", "exp",
    "exp2", "expm1", "floor", "isfinite", "isinf", "isnan", "log", "log10", "log1p", "log2",
    "logical_not", "bitwise_not", "neg", "reciprocal", "rsqrt", "sigmoid", "sign", "sin", "sinh",
    "sqrt", "square", "tan", "tanh", "trunc",
)  # fmt: skip
_BINARY = (
    "mul", "fmod", "pow", "maximum", "minimum", "eq", "ne", "lt", "le", "gt", "ge", "bitwise_and",
    "bitwise_or", "bitwise_xor", "copysign", "logaddexp",
)  # fmt: skip
_ACTIVATIONS = ("relu", "relu6", "hardsigmoid", "hardswish", "logsigmoid", "mish", "silu",
                "softsign")  # fmt: skip

_CASTS = {
    "bool": "bool", "short": "int16", "int": "int32", "long": "int64", "half": "float16",
    "float": "float32", "double": "float64",
}  # fmt: skip

ADAPTERS: dict[str, Adapter] = {
    **{name: unary(name) for name in _UNARY},
    **{name: binary(name) for name in _BINARY},
    **{f"nn.functional.{name}": unary(name) for name in _ACTIVATIONS},
    "isposinf": unary("isinf", detect_negative=False),
    "isneginf": unary("isinf", detect_positive=False),
    "sgn": unary("sign"),
    "round": _round,
    "round|decimals_0": _round,
    "add": _scaled("add"),
    "sub": _scaled("sub"),
    "rsub": _scaled("sub", swapped=True),
    "true_divide": _div,
    "div|no_rounding_mode": _div,
    "div|floor_rounding": _div,
    "div|trunc_rounding": _div,
    "floor_divide": binary("floordiv"),
    "remainder": binary("mod"),
    "max|binary": binary("maximum"),
    "min|binary": binary("minimum"),
    "bitwise_left_shift": binary("lshift"),
    "bitwise_right_shift": binary("rshift"),
    "__radd__": binary("add", swapped=True),
    "__rsub__": binary("sub", swapped=True),
    "__rmul__": binary("mul", swapped=True),
    "__rdiv__": _rdiv,
    "__rmod__": binary("mod", swapped=True),
    "__rpow__": binary("pow", swapped=True),
    "__rand__": binary("bitwise_and", swapped=True),
    "__ror__": binary("bitwise_or", swapped=True),
    "__rxor__": binary("bitwise_xor", swapped=True),
    "isclose": _close("isclose"),
    "allclose": _close("allclose"),
    "clamp": _clamp,
    "clamp_min": _clamp_min,
    "clamp_max": _clamp_max,
    "lerp": _lerp,
    "masked_fill": _masked_fill,
    "where": _where,
    "to": _to,
    "item": _item,
    "byte": _cast("uint8"),
    "char": _cast("int8"),
    **{name: _named_cast(name, dtype) for name, dtype in _CASTS.items()},
    "nn.functional.elu": _elu,
    "nn.functional.celu": _celu,
    "nn.functional.selu": _selu,
    "nn.functional.leaky_relu": _leaky_relu,
    "nn.functional.hardtanh": _hardtanh,
    "nn.functional.gelu": _gelu,
    "nn.functional.softplus": _softplus,
}  # fmt: skip
