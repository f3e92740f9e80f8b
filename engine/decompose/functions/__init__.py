"""Elementary functions from operations that every device rounds correctly.

`FUNCTIONS` has the functions of float32 and float64, by the lower-case name of their operation.
float16 is computed in float32 and rounded once; where that alone would not round correctly,
`FLOAT16_FUNCTIONS` has a function of its own. `EXACT` has operations on floats that have one right
result, in the same form; what they mean does not depend on how they are made.
"""

from __future__ import annotations

from engine.decompose.functions.exponential import exp2, exp2_for_float16, log2
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
    "exp2": exp2,
    "log2": log2,
    "sin": sin,
    "cos": cos,
    "tan": tan,
    "asin": asin,
    "acos": acos,
    "atan": atan,
}

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
