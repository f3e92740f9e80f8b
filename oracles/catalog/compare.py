"""Comparisons, bitwise operators and shifts."""

from __future__ import annotations

from oracles.catalog.row import ALL, BOOL, BOTH, INTEGERS, OpRow


def _compare(name: str, formula: str) -> OpRow:
    return OpRow(
        name=name, family="compare", dtypes=(ALL, ALL), common=BOTH, result="truth",
        formula=formula,
        special=(
            "-0 == +0", "NaN compares false, and != true",
            "different integer dtypes compare exactly",
        ),
    )  # fmt: skip


def _binary(name: str, family: str, allowed: tuple[str, ...], formula: str, *special: str) -> OpRow:
    return OpRow(
        name=name, family=family, dtypes=(allowed, allowed), common=BOTH, result="common",
        formula=formula, special=special,
    )  # fmt: skip


ROWS = (
    _compare("eq", "x == y"),
    _compare("ne", "x != y"),
    _compare("lt", "x < y"),
    _compare("le", "x <= y"),
    _compare("gt", "x > y"),
    _compare("ge", "x >= y"),
    _binary("bitwise_and", "bitwise", BOOL + INTEGERS, "x & y"),
    _binary("bitwise_or", "bitwise", BOOL + INTEGERS, "x | y"),
    _binary("bitwise_xor", "bitwise", BOOL + INTEGERS, "x ^ y"),
    OpRow(
        name="bitwise_not", family="bitwise", dtypes=(BOOL + INTEGERS,), formula="~x",
        special=("bool: logical not",), computing=False,
    ),
    _binary(
        "lshift", "shift", INTEGERS, "x * 2**y modulo 2**n", "counts below 0 or >= width give 0"
    ),
    _binary(
        "rshift", "shift", INTEGERS, "floor(x / 2**y)",
        "counts below 0 or >= width give 0, or -1 for negative x",
    ),
)  # fmt: skip
