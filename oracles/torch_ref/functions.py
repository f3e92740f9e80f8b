"""Functions of real numbers, within a few ulps of torch's, less where torch gives up."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from oracles.formats import FORMATS, Array, format_of
from oracles.promotion import to_float
from oracles.torch_ref.domain import (
    BOOL_RAISES,
    FLOATS,
    NUMBERS,
    Attributes,
    Call,
    Comparison,
    Domain,
    Exclusion,
    by_name,
    in_float,
)


def _below(name: str, args: Sequence[Array], attrs: Attributes) -> Array:
    """exp2 with subnormal results, which torch may flush."""
    row = FORMATS[to_float(args[0].dtype.name)]
    return np.asarray(args[0] < row.emin)


def _tiny(name: str, args: Sequence[Array], attrs: Attributes) -> Array:
    """Subnormal operands, which torch may flush."""
    x = args[0]
    row = FORMATS[to_float(x.dtype.name)]
    return np.asarray((np.abs(x) < 2.0**row.emin) & (x != 0))


def _vanishing(name: str, args: Sequence[Array], attrs: Attributes) -> Array:
    """Results near underflow: torch flushes, and its sigmoid is 0 where exp(-x) overflows."""
    row = FORMATS[to_float(args[0].dtype.name)]
    return np.asarray(args[0] < (row.emin + 4) * math.log(2))


def _next_to_overflow(name: str, args: Sequence[Array], attrs: Attributes) -> Array:
    """sinh and cosh of float32 beyond the overflow of exp, where the vectorised ones are inf."""
    row = FORMATS[to_float(args[0].dtype.name)]
    return np.asarray(np.abs(args[0]) > row.emax * math.log(2))


def _signalling(name: str, args: Sequence[Array], attrs: Attributes) -> Array:
    """A signalling NaN, which the C library keeps where the power is 1 whatever the other is."""
    found = np.zeros(np.broadcast_shapes(*(one.shape for one in args)), dtype=bool)
    for one in args:
        row = format_of(one)
        if row.is_float:
            bits = row.to_bits(one)
            quiet = bits & row.unsigned.type(1 << (row.mantissa_bits - 1)) != 0
            found = found | (row.is_nan(bits) & ~quiet)
    return found


def _power_of_integers(dtypes: Sequence[str], attrs: Attributes) -> str | None:
    unsigned = [name for name in dtypes if name.startswith("uint") and name != "uint8"]
    return f"torch has no pow of {unsigned[0]}" if unsigned else None


def _function(*excluded: Exclusion) -> Domain:
    return Domain(FLOATS, Comparison.ULPS, excluded, in_float, tolerance_ulp=4.0)


_LOW_PRECISION = dict.fromkeys(
    ("float16", "bfloat16"), "torch's erf of 16-bit floats is off by up to 255 ulp"
)

DOMAINS: dict[str, Domain] = {
    "exp": _function(_vanishing),
    "exp2": _function(_below),
    "expm1": _function(_tiny),
    "log": _function(),
    "log2": _function(),
    "log10": _function(),
    "log1p": _function(_tiny),
    "sin": _function(),
    "cos": _function(),
    "tan": _function(),
    "asin": _function(),
    "acos": _function(),
    "atan": _function(),
    "sinh": _function(_next_to_overflow, _tiny),
    "cosh": _function(_next_to_overflow),
    "tanh": _function(_tiny),
    "asinh": _function(_tiny),
    "acosh": _function(),
    "atanh": _function(_tiny),
    "erf": Domain(
        ("float32", "float64"), Comparison.ULPS, (_tiny,), in_float, tolerance_ulp=4.0,
        reasons=_LOW_PRECISION,
    ),
    "sigmoid": _function(_vanishing),
    "rsqrt": _function(),
    "pow": Domain(
        NUMBERS, Comparison.ULPS, (_signalling,), tolerance_ulp=4.0, refuses=_power_of_integers,
        reasons=BOOL_RAISES,
    ),
}  # fmt: skip
CALLS: dict[str, Call] = {name: by_name(name) for name in DOMAINS}
