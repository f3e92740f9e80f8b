"""Arithmetic of numbers, and choices."""

from __future__ import annotations

from oracles.catalog.row import (
    ALL,
    BOOL,
    BOTH,
    BY_ZERO,
    INTEGERS,
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


ROWS = (
    _arithmetic("add", ALL, "x + y, rounded once", "bool: or"),
    _arithmetic("sub", NUMBERS, "x - y, rounded once", "bool raises"),
    _arithmetic("mul", ALL, "x * y, rounded once", "bool: and"),
    OpRow(
        name="div", family="elementwise", dtypes=(ALL, ALL), common=BOTH, result="to_float",
        exactness=Exactness.ROUNDED, references=_EXACT,
        formula="x / y, rounded once; integers convert to the default float first",
        special=(NANS, "x / 0 = signed inf", "0 / 0 = inf / inf = NaN"),
    ),
    _binary("floordiv", INTEGERS, "floor(x / y)", BY_ZERO, MIN_BY_MINUS_ONE),
    _binary("mod", INTEGERS, "x - floor(x / y) * y", BY_ZERO, MIN_BY_MINUS_ONE),
    _unary("neg", NUMBERS, "-x", "the sign bit flips, of NaN too", "-MIN = MIN"),
    _unary("abs", NUMBERS, "|x|", "the sign bit clears, of NaN too", "|MIN| = MIN"),
    _binary("maximum", ALL, "IEEE 754-2019 maximum", NANS, ZEROS),
    _binary("minimum", ALL, "IEEE 754-2019 minimum", NANS, ZEROS),
    OpRow(
        name="sqrt", family="elementwise", dtypes=(ALL,), result="to_float",
        exactness=Exactness.ROUNDED, references=("numpy", "exact"),
        formula="square root, rounded once; integers convert to the default float first",
        special=(NANS, "sqrt(-0) = -0", "sqrt(x < 0) = NaN"),
    ),
    OpRow(
        name="where", family="elementwise", dtypes=(BOOL, ALL, ALL), common=(1, 2),
        result="branches", computing=False, formula="x if condition else y",
        special=("chooses bits; a promoted branch is cast first",),
    ),
)  # fmt: skip
