"""torch as an outside judge, within the domain where it can be believed.

`DOMAINS` is data: for each row the dtypes that torch judges, how its answer is compared and
which elements are left out, or the reason why it is not asked at all.  Nothing reaches torch
that it cannot survive or is known to get wrong: see the reasons.

Operands are cast to their common dtype by the contract first, so torch never judges promotion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from oracles.formats import FORMATS, Array, format_of
from oracles.numpy_ref.reduce import reduced_axes
from oracles.numpy_ref.support import common, convert
from oracles.promotion import to_float

REMEDY = "torch is not installed: pip install lockstep-tensor[torch]"

INTEGERS = ("int8", "int16", "int32", "int64", "uint8")
FLOATS = ("float16", "float32", "float64")
NUMBERS = INTEGERS + FLOATS
ALL = ("bool", *NUMBERS)
_UNSIGNED_REASON = "torch does not implement arithmetic of uint16, uint32 and uint64"


class TorchMissing(ImportError):
    """torch cannot be imported; the message names the remedy."""


class NotJudged(Exception):
    """torch is not a judge here; the message says why."""


class Comparison(Enum):
    """How torch's answer is compared; NaN is always one class."""

    BITS = "bits"
    VALUES = "values: the sign of zero is not compared"
    ULPS = "within the row's tolerance in ulps"


@dataclass(frozen=True)
class Domain:
    """Where torch judges one row; `excluded` names predicates of `_EXCLUSIONS`."""

    dtypes: tuple[str, ...] = ()
    comparison: Comparison = Comparison.BITS
    excluded: tuple[str, ...] = ()
    tolerance_ulp: float = 0.0
    reasons: Mapping[str, str] = field(default_factory=dict)
    never: str | None = None


def _never(reason: str) -> Domain:
    return Domain(never=reason)


_BOOL_RAISES = {"bool": "torch raises for bool"}
_ZERO_SIGN = "torch returns either zero from maximum and minimum"
_SUM_ORDER = "torch adds in an order of its own; only the ordered reference can judge float sums"
_FUNCTION = Domain(FLOATS, Comparison.ULPS, ("zero_result",), 4.0)
_SHIFT = Domain(INTEGERS)
_COMPARE = Domain(ALL, excluded=("mixed_signs",))
_INTEGER_SUM = Domain(("bool", *INTEGERS), reasons=dict.fromkeys(FLOATS, _SUM_ORDER))

DOMAINS: dict[str, Domain] = {
    "add": Domain(ALL),
    "sub": Domain(NUMBERS, reasons=_BOOL_RAISES),
    "mul": Domain(ALL),
    "div": Domain(ALL),
    "floordiv": Domain(INTEGERS, excluded=("zero_divisor",)),
    "mod": Domain(INTEGERS, excluded=("zero_divisor",)),
    "neg": Domain(NUMBERS, reasons=_BOOL_RAISES),
    "abs": Domain(NUMBERS, reasons=_BOOL_RAISES),
    "maximum": Domain(ALL, Comparison.VALUES, reasons={"sign of zero": _ZERO_SIGN}),
    "minimum": Domain(ALL, Comparison.VALUES, reasons={"sign of zero": _ZERO_SIGN}),
    "sqrt": _never("torch.sqrt is not correctly rounded (float32 0.75 ulp, float64 0.525)"),
    "exp2": _FUNCTION,
    "log2": _FUNCTION,
    "eq": _COMPARE,
    "ne": _COMPARE,
    "lt": _COMPARE,
    "le": _COMPARE,
    "gt": _COMPARE,
    "ge": _COMPARE,
    "bitwise_and": Domain(("bool", *INTEGERS)),
    "bitwise_or": Domain(("bool", *INTEGERS)),
    "bitwise_xor": Domain(("bool", *INTEGERS)),
    "bitwise_not": Domain(("bool", *INTEGERS)),
    "lshift": _SHIFT,
    "rshift": _SHIFT,
    "where": Domain(ALL),
    "cast": Domain(ALL, excluded=("outside_integer_range",)),
    "bitcast": Domain(NUMBERS),
    "reshape": Domain(ALL),
    "permute": Domain(ALL),
    "expand": Domain(ALL),
    "pad": Domain(ALL),
    "shrink": Domain(ALL),
    "flip": Domain(ALL),
    "sum": _INTEGER_SUM,
    "prod": _INTEGER_SUM,
    "max": Domain(ALL, Comparison.VALUES, reasons={"sign of zero": _ZERO_SIGN}),
    "min": Domain(ALL, Comparison.VALUES, reasons={"sign of zero": _ZERO_SIGN}),
    "matmul": Domain(INTEGERS, reasons=dict.fromkeys(FLOATS, _SUM_ORDER)),
    "arange": _never("torch computes float ranges in float64 and integer ones trivially"),
    "full": Domain(ALL),
    "getitem": Domain(ALL, reasons={"slices": "negative steps raise"}),
    "take": _never("torch raises for indices out of range and for negative ones"),
}


def not_judged(name: str, dtypes: Sequence[str], attrs: Mapping[str, Any]) -> str | None:
    """Why torch does not judge this row for these dtypes, or None when it does."""
    domain = DOMAINS.get(name)
    if domain is None:
        return "it has no row in torch_ref.DOMAINS"
    if domain.never is not None:
        return domain.never
    names = [*dtypes, *([attrs["dtype"]] if attrs.get("dtype") is not None else [])]
    for dtype in names:
        if dtype not in domain.dtypes:
            return domain.reasons.get(dtype, _UNSIGNED_REASON)
    if name == "cast" and (dtypes[0], attrs["dtype"]) == ("float64", "float16"):
        return "torch rounds float64 to float16 twice"
    if name == "pad" and _is_no_float64(attrs.get("value", 0)):
        return "torch passes the value of pad as a float64"
    if name == "getitem" and _has_negative_step(attrs["index"]):
        return "torch does not slice with a negative step"
    return None


def _is_no_float64(value: Any) -> bool:
    return isinstance(value, int) and int(float(value)) != value


def _has_negative_step(index: Any) -> bool:
    items = index if isinstance(index, tuple) else (index,)
    return any(isinstance(one, slice) and (one.step or 1) < 0 for one in items)


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise TorchMissing(REMEDY) from error
    return torch


def available() -> bool:
    """True when torch can be imported."""
    try:
        _torch()
    except TorchMissing:
        return False
    return True


def _zero_divisor(name: str, args: Sequence[Array], attrs: Mapping[str, Any]) -> Array:
    return np.asarray(args[1] == 0)


def _promotion_loses(name: str, args: Sequence[Array], attrs: Mapping[str, Any]) -> Array:
    """Exact comparison of mixed integers: the operands are promoted before torch sees them,
    and only where that keeps the values does the answer count."""
    exact = [np.asarray(one == convert(one, promoted)) for one, promoted in _mixed(args)]
    kept = np.ones(np.broadcast_shapes(*(one.shape for one in args)), dtype=bool)
    for one in exact:
        kept = kept & one
    return np.asarray(~kept)


def _mixed(args: Sequence[Array]) -> list[tuple[Array, str]]:
    from oracles.promotion import promote

    kinds = {format_of(one).kind for one in args}
    if kinds != {"int", "uint"}:
        return []
    promoted = promote(*(one.dtype.name for one in args))
    return [(one, promoted) for one in args]


def _outside_integer_range(name: str, args: Sequence[Array], attrs: Mapping[str, Any]) -> Array:
    """Float to integer where C leaves the result undefined: torch wraps or gives MIN."""
    source, target = format_of(args[0]), FORMATS[attrs["dtype"]]
    if not source.is_float or target.is_float or target.kind == "bool":
        return np.zeros(args[0].shape, dtype=bool)
    wide = np.trunc(args[0].astype(np.float64))
    inside = (wide >= float(target.minimum)) & (wide < float(target.maximum + 1))
    return np.asarray(~inside)


def _zero_result(name: str, args: Sequence[Array], attrs: Mapping[str, Any]) -> Array:
    """Results near the underflow of exp2, where torch may flush; and zeros of log2."""
    row = FORMATS[to_float(args[0].dtype.name)]
    if name == "log2":
        return np.zeros(args[0].shape, dtype=bool)
    return np.asarray(args[0] < row.emin)


Exclusion = Callable[[str, Sequence[Array], Mapping[str, Any]], Array]
_EXCLUSIONS: dict[str, Exclusion] = {
    "zero_divisor": _zero_divisor,
    "mixed_signs": _promotion_loses,
    "outside_integer_range": _outside_integer_range,
    "zero_result": _zero_result,
}


@dataclass(frozen=True)
class Verdict:
    """`judged` says which elements torch judged, `agrees` where it agrees among those."""

    judged: Array
    agrees: Array
    answer: Array

    @property
    def passed(self) -> bool:
        """True when torch contradicts nothing that it judges."""
        return bool((self.agrees | ~self.judged).all())


def compare(name: str, args: Sequence[Array], attrs: Mapping[str, Any], got: Array) -> Verdict:
    """Compare a result with torch's; raises NotJudged with the reason where it is no judge."""
    answer = evaluate(name, args, attrs)
    if answer.shape != got.shape or answer.dtype != got.dtype:
        raise TypeError(f"torch gives {answer.dtype}{answer.shape}, got {got.dtype}{got.shape}")
    domain = DOMAINS[name]
    judged = np.ones(got.shape, dtype=bool)
    with np.errstate(all="ignore"):
        for word in domain.excluded:
            judged &= ~_EXCLUSIONS[word](name, args, attrs)
        agrees = _agreement(domain, answer, got)
    return Verdict(judged, agrees, answer)


def _agreement(domain: Domain, answer: Array, got: Array) -> Array:
    row = format_of(got)
    if not row.is_float:
        return np.asarray(answer == got)
    both_nan = np.isnan(answer) & np.isnan(got)
    if domain.comparison is Comparison.BITS:
        return np.asarray(both_nan | (row.to_bits(answer) == row.to_bits(got)))
    if domain.comparison is Comparison.VALUES:
        return np.asarray(both_nan | (answer == got))
    wide_answer, wide_got = answer.astype(np.float64), got.astype(np.float64)
    spacing = np.spacing(np.abs(answer)).astype(np.float64)
    near = np.abs(wide_answer - wide_got) <= domain.tolerance_ulp * spacing
    return np.asarray(both_nan | (answer == got) | near)


def evaluate(name: str, args: Sequence[Array], attrs: Mapping[str, Any]) -> Array:
    """torch's result in the dtype of the contract; raises NotJudged or TorchMissing."""
    reason = not_judged(name, [one.dtype.name for one in args], attrs)
    if reason is not None:
        raise NotJudged(f"{name} is not judged by torch: {reason}")
    torch = _torch()
    prepared = _prepare(name, args)
    tensors = [torch.from_numpy(np.array(one, order="C", copy=True)) for one in prepared]
    result = _CALLS[name](torch, tensors, attrs)
    return np.asarray(result.numpy())


def _prepare(name: str, args: Sequence[Array]) -> list[Array]:
    """Common dtype, the contract's dtype for functions and divisions, harmless divisors."""
    if not args:
        return []
    if name == "where":
        return [args[0], *common(*args[1:])]
    arrays = common(*args)
    if name in ("div", "exp2", "log2"):
        arrays = [convert(one, to_float(one.dtype.name)) for one in arrays]
    if name in ("floordiv", "mod"):
        one = arrays[1].dtype.type(1)
        arrays[1] = np.where(arrays[1] == 0, one, arrays[1])
    return arrays


Call = Callable[[Any, list[Any], Mapping[str, Any]], Any]

_TORCH_NAMES = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "div": "true_divide",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "neg": "neg",
    "abs": "abs",
    "maximum": "maximum",
    "minimum": "minimum",
    "exp2": "exp2",
    "log2": "log2",
    "eq": "eq",
    "ne": "ne",
    "lt": "lt",
    "le": "le",
    "gt": "gt",
    "ge": "ge",
    "bitwise_and": "bitwise_and",
    "bitwise_or": "bitwise_or",
    "bitwise_xor": "bitwise_xor",
    "bitwise_not": "bitwise_not",
    "lshift": "bitwise_left_shift",
    "rshift": "bitwise_right_shift",
    "where": "where",
}


def _by_name(torch_name: str) -> Call:
    def call(torch: Any, tensors: list[Any], attrs: Mapping[str, Any]) -> Any:
        return getattr(torch, torch_name)(*tensors)

    return call


def _dtype(torch: Any, name: str) -> Any:
    return getattr(torch, name)


def _cast(torch: Any, tensors: list[Any], attrs: Mapping[str, Any]) -> Any:
    return tensors[0].to(_dtype(torch, attrs["dtype"]))


def _bitcast(torch: Any, tensors: list[Any], attrs: Mapping[str, Any]) -> Any:
    return tensors[0].view(_dtype(torch, attrs["dtype"]))


def _pad(torch: Any, tensors: list[Any], attrs: Mapping[str, Any]) -> Any:
    """torch lists the last axis first."""
    flat = [width for pair in reversed(attrs["padding"]) for width in pair]
    value = attrs.get("value", 0)
    return torch.nn.functional.pad(tensors[0], flat, value=value)


def _shrink(torch: Any, tensors: list[Any], attrs: Mapping[str, Any]) -> Any:
    return tensors[0][tuple(slice(low, high) for low, high in attrs["arg"])].contiguous()


def _flip(torch: Any, tensors: list[Any], attrs: Mapping[str, Any]) -> Any:
    axis = attrs["axis"]
    return torch.flip(tensors[0], (axis,) if isinstance(axis, int) else tuple(axis))


def _full(torch: Any, tensors: list[Any], attrs: Mapping[str, Any]) -> Any:
    from oracles.catalog import result_dtype

    dtype = _dtype(torch, result_dtype("full", (), attrs))
    return torch.full(tuple(attrs["shape"]), attrs["fill_value"], dtype=dtype)


def _getitem(torch: Any, tensors: list[Any], attrs: Mapping[str, Any]) -> Any:
    return tensors[0][attrs["index"]].contiguous()


def _sum(torch: Any, tensors: list[Any], attrs: Mapping[str, Any]) -> Any:
    from oracles.promotion import sum_dtype

    x = tensors[0]
    name = attrs.get("dtype") or sum_dtype(str(x.dtype).removeprefix("torch."))
    held = torch.int64 if name in ("uint32", "int32", "int64") else _dtype(torch, name)
    axes = reduced_axes(x.ndim, attrs.get("axis"))
    keep = attrs.get("keepdim", False)
    total = torch.sum(x.to(held), axes, keepdim=keep) if axes else x.to(held)
    return _narrow(torch, total, name)


def _prod(torch: Any, tensors: list[Any], attrs: Mapping[str, Any]) -> Any:
    """One axis after the other, the last first."""
    from oracles.promotion import sum_dtype

    x = tensors[0]
    name = attrs.get("dtype") or sum_dtype(str(x.dtype).removeprefix("torch."))
    result = x.to(torch.int64)
    for axis in reversed(reduced_axes(x.ndim, attrs.get("axis"))):
        result = torch.prod(result, axis, keepdim=attrs.get("keepdim", False))
    return _narrow(torch, result, name)


def _matmul(torch: Any, tensors: list[Any], attrs: Mapping[str, Any]) -> Any:
    """Integers in int64, which wraps alike."""
    from oracles.promotion import sum_dtype

    name = sum_dtype(str(tensors[0].dtype).removeprefix("torch."))
    return _narrow(torch, torch.matmul(*(one.to(torch.int64) for one in tensors)), name)


def _narrow(torch: Any, total: Any, name: str) -> Any:
    """A wrapped int64 total read as `name`; uint32 through a view of int32."""
    if name == "uint32":
        return total.to(torch.int32).view(torch.uint32)
    return total.to(_dtype(torch, name))


def _extreme(torch_name: str) -> Call:
    def call(torch: Any, tensors: list[Any], attrs: Mapping[str, Any]) -> Any:
        axes = reduced_axes(tensors[0].ndim, attrs.get("axis"))
        if not axes:
            return tensors[0]
        function = getattr(torch, torch_name)
        return function(tensors[0], axes, keepdim=attrs.get("keepdim", False))

    return call


_CALLS: dict[str, Call] = {
    **{name: _by_name(torch_name) for name, torch_name in _TORCH_NAMES.items()},
    "cast": _cast,
    "bitcast": _bitcast,
    "reshape": lambda torch, tensors, attrs: tensors[0].reshape(tuple(attrs["shape"])),
    "permute": lambda torch, tensors, attrs: tensors[0].permute(tuple(attrs["order"])),
    "expand": lambda torch, tensors, attrs: tensors[0].expand(tuple(attrs["shape"])),
    "pad": _pad,
    "shrink": _shrink,
    "flip": _flip,
    "sum": _sum,
    "prod": _prod,
    "matmul": _matmul,
    "max": _extreme("amax"),
    "min": _extreme("amin"),
    "full": _full,
    "getitem": _getitem,
}
