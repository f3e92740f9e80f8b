"""Elementwise rows: arithmetic, functions, comparisons, bits, choices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from oracles.formats import Array, format_of
from oracles.numpy_ref.support import common, convert
from oracles.promotion import promote
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


def _zero_divisor(name: str, args: Sequence[Array], attrs: Attributes) -> Array:
    return np.asarray(args[1] == 0)


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
    x, y = common(*args)
    return [x, np.where(y == 0, y.dtype.type(1), y)]


def _branches(args: Sequence[Array]) -> list[Array]:
    return [args[0], *common(*args[1:])]


_ZERO_SIGN = {"sign of zero": "torch returns either zero from maximum and minimum"}
_EXTREME = Domain(ALL, Comparison.VALUES, reasons=_ZERO_SIGN)
_SIGNED_NUMBERS = Domain(NUMBERS, reasons=BOOL_RAISES)
_DIVISION = Domain(INTEGERS, excluded=(_zero_divisor,), prepare=_harmless_divisor)
_COMPARE = Domain(ALL, excluded=(_promotion_loses,))
_LOGIC = Domain(("bool", *INTEGERS))
_SHIFT = Domain(INTEGERS)

# row -> domain and torch's name for it
_ROWS: dict[str, tuple[Domain, str]] = {
    "add": (Domain(ALL), "add"),
    "sub": (_SIGNED_NUMBERS, "sub"),
    "mul": (Domain(ALL), "mul"),
    "div": (Domain(ALL, prepare=in_float), "true_divide"),
    "floordiv": (_DIVISION, "floor_divide"),
    "mod": (_DIVISION, "remainder"),
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

DOMAINS: dict[str, Domain] = {
    "sqrt": never("torch.sqrt is not correctly rounded (float32 0.75 ulp, float64 0.525)"),
    **{name: domain for name, (domain, _) in _ROWS.items()},
}
CALLS: dict[str, Call] = {name: by_name(torch_name) for name, (_, torch_name) in _ROWS.items()}
