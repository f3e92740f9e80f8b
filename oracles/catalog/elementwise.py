"""Arithmetic of numbers, and choices."""

from __future__ import annotations

from oracles.catalog.row import (
    ALL,
    BOOL,
    BOTH,
    BY_ZERO,
    MIN_BY_MINUS_ONE,
    NANS,
    NUMBERS,
    WRAP,
    ZEROS,
    Exactness,
    OpRow,
)

_EXACT = ("numpy", "torch", "exact")


def _arithmetic(name: str, allowed: tuple[str, ...], formula: str, *special: str) -> OpRow:
    return OpRow(
        name=name, family="elementwise", dtypes=(allowed, allowed), common=BOTH, result="common",
        exactness=Exactness.ROUNDED, formula=formula, special=(NANS, WRAP, *special),
        references=_EXACT,
    )  # fmt: skip


def _binary(name: str, allowed: tuple[str, ...], formula: str, *special: str) -> OpRow:
    return OpRow(
        name=name, family="elementwise", dtypes=(allowed, allowed), common=BOTH, result="common",
        formula=formula, special=special,
    )  # fmt: skip


def _unary(name: str, allowed: tuple[str, ...], formula: str, *special: str) -> OpRow:
    return OpRow(
        name=name, family="elementwise", dtypes=(allowed,), formula=formula, special=special,
        computing=False,
    )  # fmt: skip


def _rounding(name: str, formula: str) -> OpRow:
    return OpRow(
        name=name, family="elementwise", dtypes=(NUMBERS,), formula=f"x {formula}",
        special=(NANS, "-0 and the sign of a zero result are kept", "integers are themselves"),
    )  # fmt: skip


def _test(name: str, formula: str, **more: object) -> OpRow:
    return OpRow(
        name=name, family="elementwise", dtypes=(ALL,), result="truth", formula=formula,
        **more,  # type: ignore[arg-type]
    )  # fmt: skip


_FLOAT_QUOTIENT = (
    "x // 0 of floats = x / 0", "inf // nonzero = NaN", "finite // inf = 0 or -1",
    "a quotient of 2**precision and more is rounded",
)  # fmt: skip

ROWS = (
    _arithmetic("add", ALL, "x + y, rounded once", "bool: or"),
    _arithmetic("sub", NUMBERS, "x - y, rounded once", "bool raises"),
    _arithmetic("mul", ALL, "x * y, rounded once", "bool: and"),
    OpRow(
        name="div", family="elementwise", dtypes=(ALL, ALL), common=BOTH, result="quotient",
        exactness=Exactness.ROUNDED, references=_EXACT, attributes=("rounding_mode",),
        defaults={"rounding_mode": None}, bits_with=("rounding_mode",),
        variants=({}, {"rounding_mode": "floor"}, {"rounding_mode": "trunc"}),
        formula="x / y, rounded once; integers convert to the default float first",
        special=(
            NANS, "x / 0 = signed inf", "0 / 0 = inf / inf = NaN",
            "rounding_mode floor is floordiv", "rounding_mode trunc rounds the exact quotient to 0",
        ),
    ),
    _binary(
        "floordiv", NUMBERS, "floor(x / y), exact", BY_ZERO, MIN_BY_MINUS_ONE, *_FLOAT_QUOTIENT
    ),
    _binary(
        "mod", NUMBERS, "x - floor(x / y) * y: fmod, plus y where the signs differ", BY_ZERO,
        MIN_BY_MINUS_ONE, NANS, "a zero of floats has the sign of y",
    ),
    _binary(
        "fmod", NUMBERS, "x - trunc(x / y) * y, exact", "x fmod 0 = 0 for integers, NaN for floats",
        NANS, "x fmod +-inf = x", "a zero of floats has the sign of x",
    ),
    _unary("neg", NUMBERS, "-x", "the sign bit flips, of NaN too", "-MIN = MIN"),
    _unary("abs", NUMBERS, "|x|", "the sign bit clears, of NaN too", "|MIN| = MIN"),
    _rounding("trunc", "rounded toward zero"),
    _rounding("floor", "rounded down"),
    _rounding("ceil", "rounded up"),
    _rounding("round", "rounded to the nearest integer, halves to even"),
    OpRow(
        name="sign", family="elementwise", dtypes=(NUMBERS,), formula="1, 0 or -1",
        special=(NANS, "sign(+-0) = +0"),
    ),
    OpRow(
        name="copysign", family="elementwise", dtypes=(ALL, ALL), common=BOTH, result="to_float",
        formula="|x| with the sign bit of y", computing=False,
        special=("NaN and zeros give and take sign bits",),
    ),
    OpRow(
        name="reciprocal", family="elementwise", dtypes=(ALL,), result="to_float",
        exactness=Exactness.ROUNDED, references=_EXACT,
        formula="1 / x, rounded once; integers convert to the default float first",
        special=(NANS, "1 / +-0 = +-inf", "1 / +-inf = +-0"),
    ),
    OpRow(
        name="square", family="elementwise", dtypes=(ALL,), exactness=Exactness.ROUNDED,
        formula="x * x, rounded once", special=(NANS, WRAP), references=_EXACT,
    ),
    _binary("maximum", ALL, "IEEE 754-2019 maximum", NANS, ZEROS),
    _binary("minimum", ALL, "IEEE 754-2019 minimum", NANS, ZEROS),
    OpRow(
        name="sqrt", family="elementwise", dtypes=(ALL,), result="to_float",
        exactness=Exactness.ROUNDED, references=("numpy", "exact"),
        formula="square root, rounded once; integers convert to the default float first",
        special=(NANS, "sqrt(-0) = -0", "sqrt(x < 0) = NaN"),
    ),
    _test("isnan", "whether x is NaN"),
    _test(
        "isinf", "whether x is infinite", attributes=("detect_positive", "detect_negative"),
        defaults={"detect_positive": True, "detect_negative": True},
        variants=({}, {"detect_positive": False}, {"detect_negative": False}),
    ),
    _test("isfinite", "whether x is neither infinite nor NaN"),
    _test("logical_not", "whether x is zero, which NaN is not"),
    OpRow(
        name="isclose", family="elementwise", dtypes=(ALL, ALL), common=BOTH, result="truth",
        formula="|x - y| <= atol + rtol * |y| or x = y, in floats, narrow ones in float32",
        attributes=("rtol", "atol", "equal_nan"),
        defaults={"rtol": 1e-5, "atol": 1e-8, "equal_nan": False},
        variants=({}, {"equal_nan": True}, {"rtol": 0.25, "atol": 0.5}, {"rtol": float("inf")}),
        special=("an infinity is close to itself alone", "NaN to NaN where equal_nan"),
    ),
    OpRow(
        name="relu", family="elementwise", dtypes=(ALL,), result="with_zero",
        formula="max(x, 0)", special=(NANS, "relu(-0) = +0", "bool: as the default integer"),
    ),
    OpRow(
        name="clip", family="elementwise", dtypes=(ALL, ALL, ALL), common=(0, 1, 2),
        result="common", parameters=("min_", "max_"), formula="min(max(x, min_), max_)",
        special=(NANS, ZEROS, "max_ where min_ > max_"),
    ),
    OpRow(
        name="clamp", family="elementwise", dtypes=(ALL,), result="with_scalars",
        attributes=("min_", "max_"), defaults={"min_": None, "max_": None},
        formula="clip with scalar bounds, which are weak",
        variants=(
            {"min_": 0}, {"max_": 3}, {"min_": -1, "max_": 300}, {"min_": 3, "max_": -2},
            {"min_": -0.0, "max_": 2.5}, {"max_": float("nan")}, {"min_": float("-inf")},
        ),
        special=(NANS, ZEROS, "an integer beyond the range of an integer dtype is its end"),
    ),
    OpRow(
        name="lerp", family="elementwise", dtypes=(ALL, ALL, ALL), common=(0, 1, 2),
        result="to_float", parameters=("end", "weight"), references=("numpy",),
        formula="x + (end - x) * weight, step by step; narrow floats in float32, rounded once",
        special=(NANS,),
    ),
    OpRow(
        name="masked_fill", family="elementwise", dtypes=(ALL, ALL), attributes=("value",),
        result="with_scalars", computing=False, formula="value where the mask is not zero, else x",
        variants=({"value": 1}, {"value": -0.0}, {"value": float("nan")}, {"value": True}),
        special=("the value is a weak scalar", "bits of x are kept"),
    ),
    OpRow(
        name="where", family="elementwise", dtypes=(BOOL, ALL, ALL), common=(1, 2),
        result="branches", computing=False, formula="x if condition else y",
        special=("chooses bits; a promoted branch is cast first",),
    ),
)  # fmt: skip
