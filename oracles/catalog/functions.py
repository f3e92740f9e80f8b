"""Functions of real numbers, judged by their distance from the real value.

Bounds are the errors that the engine's definitions state, measured, and a tenth more. Results of
float16 come from float32 and are rounded once: half an ulp, and what float32 adds.
"""

from __future__ import annotations

from oracles.catalog.row import ALL, NANS, Exactness, OpRow


def _function(name: str, float32: float, float64: float, formula: str, *special: str) -> OpRow:
    return OpRow(
        name=name, family="elementwise", dtypes=(ALL,), result="to_float",
        exactness=Exactness.FAITHFUL, formula=formula, special=(NANS, *special),
        bound_ulp={"float16": 0.501, "float32": float32, "float64": float64},
        references=("numpy", "torch", "mpmath"),
    )  # fmt: skip


_ODD_ZERO = "f(+-0) = +-0"

ROWS = (
    _function(
        "exp2", 1.0, 1.0, "2 ** x", "exp2(-inf) = +0", "exp2(+inf) = +inf", "exp2(+-0) = 1"
    ),
    _function(
        "log2", 1.0, 1.0, "log2(x)",
        "log2(+-0) = -inf", "log2(1) = +0", "log2(x < 0) = NaN", "log2(+inf) = +inf",
    ),
    _function("sin", 0.87, 0.81, "sin(x) in radians", _ODD_ZERO, "sin(+-inf) = NaN"),
    _function("cos", 0.87, 0.81, "cos(x) in radians", "cos(+-0) = 1", "cos(+-inf) = NaN"),
    _function("tan", 1.05, 0.92, "tan(x) in radians", _ODD_ZERO, "tan(+-inf) = NaN"),
    _function("asin", 0.7, 0.7, "the angle whose sine is x", _ODD_ZERO, "asin(|x| > 1) = NaN"),
    _function(
        "acos", 0.7, 0.7, "the angle whose cosine is x", "acos(1) = +0", "acos(|x| > 1) = NaN"
    ),
    _function(
        "atan", 0.8, 0.8, "the angle whose tangent is x", _ODD_ZERO, "atan(+-inf) = +-pi / 2"
    ),
)  # fmt: skip
