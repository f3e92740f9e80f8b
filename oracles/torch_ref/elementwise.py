"""Elementwise rows: arithmetic, functions, comparisons, bits, choices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from oracles.formats import FORMATS, Array, format_of
from oracles.numpy_ref.support import common, convert
from oracles.promotion import accumulator, promote
from oracles.torch_ref.domain import (
    ALL,
    BOOL_RAISES,
    INTEGERS,
    NUMBERS,
    Attributes,
    Call,
    Comparison,
    Domain,
    by_name,
    in_float,
    never,
)


def _promotion_loses(name: str, args: Sequence[Array], attrs: Attributes) -> Array:
    """Exact comparison of mixed integers: the operands are promoted before torch sees them,
    and only where that keeps the values does the answer count."""
    exact = [np.asarray(one == convert(one, promoted)) for one, promoted in _mixed(args)]
    kept = np.ones(np.broadcast_shapes(*(one.shape for one in args)), dtype=bool)
    for one in exact:
        kept = kept & one
    return np.asarray(~kept)


def _mixed(args: Sequence[Array]) -> list[tuple[Array, str]]:
    kinds = {format_of(one).kind for one in args}
    if kinds != {"int", "uint"}:
        return []
    promoted = promote(*(one.dtype.name for one in args))
    return [(one, promoted) for one in args]


def _harmless_divisor(args: Sequence[Array]) -> list[Array]:
    """Integers by 0 end in an error."""
    x, y = common(*args)
    return [x, y] if format_of(y).is_float else [x, np.where(y == 0, y.dtype.type(1), y)]


def _branches(args: Sequence[Array]) -> list[Array]:
    return [args[0], *common(*args[1:])]


def _large_quotient(name: str, args: Sequence[Array], attrs: Attributes) -> Array:
    """Quotients of floats so large that torch's rounded quotient or vectorised fmod is off, and
    infinite ones; integers by zero are left out as well."""
    x, y = common(*args)
    precision = format_of(x).precision
    if not format_of(x).is_float:
        return np.asarray(y == 0)
    with np.errstate(all="ignore"):
        size = np.abs(x.astype(np.float64) / y.astype(np.float64))
    return np.asarray(size >= 2.0 ** (precision - 4))


def _is_nan(name: str, args: Sequence[Array], attrs: Attributes) -> Array:
    row = format_of(args[0])
    return row.is_nan(row.to_bits(args[0]))


def _overflowing_difference(name: str, args: Sequence[Array], attrs: Attributes) -> Array:
    """Finite numbers so far apart that their difference is infinite."""
    x, y = _beside_floats(args)
    return np.asarray(np.isinf(x - y) & np.isfinite(x) & np.isfinite(y))


def _beside_floats(args: Sequence[Array]) -> list[Array]:
    """Operands of isclose in the dtype in which it computes."""
    return [convert(one, accumulator(one.dtype.name)) for one in in_float(args)]


def _rounding_mode(dtypes: Sequence[str], attrs: Attributes) -> str | None:
    """trunc of MIN by -1 kills the process; of floats it rounds the quotient before."""
    mode = attrs.get("rounding_mode")
    return None if mode is None else f"rounding_mode {mode}: floordiv stands for it, or nothing"


def _scalars_beyond(dtypes: Sequence[str], attrs: Attributes) -> str | None:
    """torch refuses, wraps or promotes scalars that are not of the tensor's kind."""
    row = FORMATS[dtypes[0]]
    for value in (attrs.get(key) for key in ("min_", "max_", "value")):
        if value is None or row.is_float:
            continue
        if row.kind == "bool" or isinstance(value, float):
            return "torch promotes scalars of another kind in another way"
        if not row.minimum <= value <= row.maximum:
            return "torch refuses scalars beyond the dtype"
    return None


def _clamp(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    return torch.clamp(tensors[0], min=attrs.get("min_"), max=attrs.get("max_"))


def _masked_fill(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    return torch.masked_fill(tensors[0], tensors[1] != 0, attrs["value"])


def _isinf(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    (x,) = tensors
    found = torch.zeros_like(x, dtype=torch.bool)
    if attrs.get("detect_positive", True):
        found = found | torch.isposinf(x)
    return found | torch.isneginf(x) if attrs.get("detect_negative", True) else found


def _isclose(torch: Any, tensors: list[Any], attrs: Attributes) -> Any:
    return torch.isclose(*tensors, **attrs)


def _as_they_are(args: Sequence[Array]) -> list[Array]:
    return list(args)


_ZERO_SIGN = {"sign of zero": "torch returns either zero from maximum and minimum"}
_EXTREME = Domain(ALL, Comparison.VALUES, reasons=_ZERO_SIGN)
_SIGNED_NUMBERS = Domain(NUMBERS, reasons=BOOL_RAISES)
_DIVISION = Domain(
    NUMBERS, Comparison.VALUES, (_large_quotient,), _harmless_divisor, reasons=BOOL_RAISES
)
_ROUNDING = Domain(NUMBERS, reasons=BOOL_RAISES)
_TEST = Domain(ALL)
_COMPARE = Domain(ALL, excluded=(_promotion_loses,))
_LOGIC = Domain(("bool", *INTEGERS))
_SHIFT = Domain(INTEGERS)

# row -> domain and torch's name for it
_ROWS: dict[str, tuple[Domain, str]] = {
    "add": (Domain(ALL), "add"),
    "sub": (_SIGNED_NUMBERS, "sub"),
    "mul": (Domain(ALL), "mul"),
    "div": (Domain(ALL, prepare=in_float, refuses=_rounding_mode), "true_divide"),
    "floordiv": (_DIVISION, "floor_divide"),
    "mod": (_DIVISION, "remainder"),
    "fmod": (_DIVISION, "fmod"),
    "trunc": (_ROUNDING, "trunc"),
    "floor": (_ROUNDING, "floor"),
    "ceil": (_ROUNDING, "ceil"),
    "round": (_ROUNDING, "round"),
    "sign": (Domain(NUMBERS, excluded=(_is_nan,), reasons=BOOL_RAISES), "sign"),
    "copysign": (Domain(ALL, prepare=in_float), "copysign"),
    "reciprocal": (Domain(ALL, prepare=in_float), "reciprocal"),
    "square": (_SIGNED_NUMBERS, "square"),
    "isnan": (_TEST, "isnan"),
    "isfinite": (_TEST, "isfinite"),
    "logical_not": (_TEST, "logical_not"),
    "relu": (Domain(NUMBERS, Comparison.VALUES, reasons=BOOL_RAISES), "relu"),
    "clip": (Domain(NUMBERS, Comparison.VALUES, reasons=BOOL_RAISES), "clamp"),
    "neg": (_SIGNED_NUMBERS, "neg"),
    "abs": (_SIGNED_NUMBERS, "abs"),
    "maximum": (_EXTREME, "maximum"),
    "minimum": (_EXTREME, "minimum"),
    "eq": (_COMPARE, "eq"),
    "ne": (_COMPARE, "ne"),
    "lt": (_COMPARE, "lt"),
    "le": (_COMPARE, "le"),
    "gt": (_COMPARE, "gt"),
    "ge": (_COMPARE, "ge"),
    "bitwise_and": (_LOGIC, "bitwise_and"),
    "bitwise_or": (_LOGIC, "bitwise_or"),
    "bitwise_xor": (_LOGIC, "bitwise_xor"),
    "bitwise_not": (_LOGIC, "bitwise_not"),
    "lshift": (_SHIFT, "bitwise_left_shift"),
    "rshift": (_SHIFT, "bitwise_right_shift"),
    "where": (Domain(ALL, prepare=_branches), "where"),
}

# row -> domain and what is called
_CALLED: dict[str, tuple[Domain, Call]] = {
    "isinf": (_TEST, _isinf),
    "isclose": (Domain(ALL, excluded=(_overflowing_difference,), prepare=_beside_floats), _isclose),
    "clamp": (Domain(ALL, Comparison.VALUES, refuses=_scalars_beyond), _clamp),
    "masked_fill": (Domain(ALL, prepare=_as_they_are, refuses=_scalars_beyond), _masked_fill),
}

_ACTIVATIONS = (
    "relu6", "leaky_relu", "hardtanh", "hardsigmoid", "hardswish", "softsign", "elu", "selu",
    "celu", "silu", "quick_gelu", "gelu", "mish", "softplus", "logsigmoid", "logaddexp",
)  # fmt: skip

DOMAINS: dict[str, Domain] = {
    **dict.fromkeys(_ACTIVATIONS, never("torch takes other steps, and NaN for the limits at -inf")),
    "sqrt": never("torch.sqrt is not correctly rounded (float32 0.75 ulp, float64 0.525)"),
    "lerp": never("torch.lerp takes another formula for weights from 1/2 on"),
    **{name: domain for name, (domain, _) in _ROWS.items()},
    **{name: domain for name, (domain, _) in _CALLED.items()},
}
CALLS: dict[str, Call] = {
    **{name: by_name(torch_name) for name, (_, torch_name) in _ROWS.items()},
    **{name: call for name, (_, call) in _CALLED.items()},
}
