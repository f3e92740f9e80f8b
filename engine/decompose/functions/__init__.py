"""Elementary functions from operations that every device rounds correctly.

`FUNCTIONS` has the functions of float32 and float64, by the lower-case name of their operation.
Narrower floats are computed in a wider one and rounded once, correctly: `working_dtype` says in
which, and where the function of that dtype would not do, `narrow_function` has one of its own.
`EXACT` has operations on floats that have one right result, in the same form; what they mean does
not depend on how they are made.
"""

from __future__ import annotations

from functools import partial

from engine.decompose.functions.error_function import erf
from engine.decompose.functions.exponential import exp, exp2, expm1, sigmoid
from engine.decompose.functions.hyperbolic import acosh, asinh, atanh, cosh, sinh, tanh
from engine.decompose.functions.logarithm import log, log1p, log2, log10
from engine.decompose.functions.power import power, rsqrt
from engine.decompose.functions.remainder import (
    floordiv,
    floordiv_of_narrow,
    floormod,
    fmod,
)
from engine.decompose.functions.rounding import ceil, floor, round_half_even, trunc
from engine.decompose.functions.ties import TIES, without_ties
from engine.decompose.functions.trigonometric import acos, asin, atan, cos, sin, tan
from engine.decompose.functions.value import Function
from engine.dtypes import DType, float32, float64

__all__ = ["EXACT", "FUNCTIONS", "narrow_function", "working_dtype"]

FUNCTIONS: dict[str, Function] = {
    # exponentials
    "exp": exp, "exp2": exp2, "expm1": expm1, "sigmoid": sigmoid,
    # logarithms
    "log": log, "log2": log2, "log10": log10, "log1p": log1p,
    # powers
    "pow": power, "rsqrt": rsqrt,
    # hyperbolic functions
    "sinh": sinh, "cosh": cosh, "tanh": tanh, "asinh": asinh, "acosh": acosh, "atanh": atanh,
    # trigonometric functions
    "sin": sin, "cos": cos, "tan": tan, "asin": asin, "acos": acos, "atan": atan,
    # the error function
    "erf": erf,
}  # fmt: skip

EXACT: dict[str, Function] = {
    "trunc": trunc,
    "floor": floor,
    "ceil": ceil,
    "round": round_half_even,
    "fmod": fmod,
    "floormod": floormod,
    "floordiv": floordiv,
}

# Functions of two operands have too many for a table of ties, and are computed in float64. A power
# that is no middle of two numbers is at least 2**-43.1 (float16) or 2**-38 (bfloat16) of its size
# away from the nearest one, by trying all pairs, and float64 is 2**-52 off at most. A power that is
# a middle has few bits, and is exact in float64. Of float8 all pairs round correctly from float32.
_IN_DOUBLE = {("pow", "float16"), ("pow", "bfloat16")}


def working_dtype(name: str, dtype: DType) -> DType:
    """In which a function of floats narrower than float32 is computed, to be rounded once."""
    return float64 if (name, dtype.name) in _IN_DOUBLE else float32


def narrow_function(name: str, dtype: DType) -> Function | None:
    """What to evaluate in the working dtype; None: its function of that name."""
    if name == "floordiv":
        return partial(floordiv_of_narrow, precision=dtype.precision)
    ties = TIES.get(dtype.name, {}).get(name)
    return None if ties is None else without_ties(FUNCTIONS[name], ties, dtype)
