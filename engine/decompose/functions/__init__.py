"""Elementary functions from operations that every device rounds correctly.

`FUNCTIONS` has the functions of float32 and float64, by the lower-case name of their operation.
float16 is computed in float32 and rounded once; where that alone would not round correctly,
`FLOAT16_FUNCTIONS` has a function of its own. `EXACT` has operations on floats that have one right
result, in the same form; what they mean does not depend on how they are made.
"""

from __future__ import annotations

from engine.decompose.functions.error_function import erf
from engine.decompose.functions.exponential import exp, exp2, exp2_for_float16, expm1, sigmoid
from engine.decompose.functions.hyperbolic import acosh, asinh, atanh, cosh, sinh, tanh
from engine.decompose.functions.logarithm import log, log1p, log2, log10
from engine.decompose.functions.power import power, rsqrt
from engine.decompose.functions.remainder import (
    floordiv,
    floordiv_for_float16,
    floormod,
    fmod,
)
from engine.decompose.functions.rounding import ceil, floor, round_half_even, trunc
from engine.decompose.functions.trigonometric import acos, asin, atan, cos, sin, tan
from engine.decompose.functions.value import Function

__all__ = ["EXACT", "FLOAT16_FUNCTIONS", "FUNCTIONS"]

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

# To be evaluated in float32 on a converted float16; the result converted back is correctly rounded.
FLOAT16_FUNCTIONS: dict[str, Function] = {
    "exp2": exp2_for_float16,
    "floordiv": floordiv_for_float16,
}
