"""Functions of real numbers, judged by their distance from the real value.

Bounds are the greatest errors that were measured and about a tenth more, always below 1. Functions
of narrow floats are correctly rounded.
"""

from __future__ import annotations

from oracles.catalog.row import (
    ALL,
    BOTH,
    CORRECTLY_ROUNDED,
    FLOAT8,
    NANS,
    NUMBERS,
    WRAP,
    Exactness,
    OpRow,
)

_NARROW = dict.fromkeys((*FLOAT8, "bfloat16", "float16"), CORRECTLY_ROUNDED)


def _function(name: str, float32: float, float64: float, formula: str, *special: str) -> OpRow:
    return OpRow(
        name=name, family="elementwise", dtypes=(ALL,), result="to_float",
        exactness=Exactness.FAITHFUL, formula=formula, special=(NANS, *special),
        bound_ulp={**_NARROW, "float32": float32, "float64": float64},
        references=("numpy", "torch", "mpmath"),
    )  # fmt: skip


_ODD_ZERO = "f(+-0) = +-0"
_LOG = ("f(+-0) = -inf", "f(1) = +0", "f(x < 0) = NaN", "f(+inf) = +inf")
_EXP = ("f(-inf) = +0", "f(+inf) = +inf", "f(+-0) = 1")
_INF = "f(+-inf) = +-inf"

ROWS = (
    _function("exp", 0.83, 0.82, "e ** x", *_EXP),
    _function("exp2", 0.87, 0.85, "2 ** x", *_EXP),
    _function("expm1", 0.67, 0.88, "e ** x - 1", _ODD_ZERO, "f(-inf) = -1", "f(+inf) = +inf"),
    _function("log", 0.8, 0.76, "the natural logarithm of x", *_LOG),
    _function("log2", 0.83, 0.79, "log2(x)", *_LOG),
    _function("log10", 0.75, 0.72, "log10(x)", *_LOG),
    _function(
        "log1p", 0.8, 0.76, "log(1 + x)",
        _ODD_ZERO, "f(-1) = -inf", "f(x < -1) = NaN", "f(+inf) = +inf",
    ),
    _function("sin", 0.87, 0.81, "sin(x) in radians", _ODD_ZERO, "f(+-inf) = NaN"),
    _function("cos", 0.87, 0.81, "cos(x) in radians", "f(+-0) = 1", "f(+-inf) = NaN"),
    _function("tan", 0.99, 0.92, "tan(x) in radians", _ODD_ZERO, "f(+-inf) = NaN"),
    _function("asin", 0.7, 0.7, "the angle whose sine is x", _ODD_ZERO, "f(|x| > 1) = NaN"),
    _function("acos", 0.68, 0.66, "the angle whose cosine is x", "f(1) = +0", "f(|x| > 1) = NaN"),
    _function(
        "atan", 0.8, 0.79, "the angle whose tangent is x", _ODD_ZERO, "f(+-inf) = +-pi / 2"
    ),
    _function("sinh", 0.8, 0.86, "(e ** x - e ** -x) / 2", _ODD_ZERO, _INF),
    _function("cosh", 0.76, 0.76, "(e ** x + e ** -x) / 2", "f(+-0) = 1", "f(+-inf) = +inf"),
    _function("tanh", 0.82, 0.81, "sinh(x) / cosh(x)", _ODD_ZERO, "f(+-inf) = +-1"),
    _function("asinh", 0.77, 0.75, "the x of sinh", _ODD_ZERO, _INF),
    _function(
        "acosh", 0.72, 0.75, "the x >= 0 of cosh", "f(1) = +0", "f(x < 1) = NaN", "f(+inf) = +inf"
    ),
    _function(
        "atanh", 0.76, 0.72, "the x of tanh", _ODD_ZERO, "f(+-1) = +-inf", "f(|x| > 1) = NaN"
    ),
    _function(
        "erf", 0.86, 0.9, "2 / sqrt(pi) times the integral of e ** -t**2 from 0 to x", _ODD_ZERO,
        "f(+-inf) = +-1",
    ),
    _function("sigmoid", 0.83, 0.82, "1 / (1 + e ** -x)", "f(-inf) = +0", "f(+inf) = 1"),
    _function(
        "rsqrt", 0.501, 0.501, "1 / sqrt(x)", "f(+-0) = +-inf", "f(x < 0) = NaN", "f(+inf) = +0"
    ),
    OpRow(
        name="pow", family="elementwise", dtypes=(NUMBERS, NUMBERS), common=BOTH, result="common",
        exactness=Exactness.FAITHFUL, formula="x ** y", references=("numpy", "torch", "mpmath"),
        bound_ulp={**_NARROW, "float32": 0.83, "float64": 0.83},
        special=(
            "floats: C Annex F.10.4.4", WRAP, "integers: x ** 0 = 1",
            "integers to negative powers: 1 for 1, +-1 for -1, else 0",
        ),
    ),
)  # fmt: skip
