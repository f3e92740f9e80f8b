"""Which statements there are, and how often each is drawn: one recipe for each row."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from conformance.harness.generate import (
    contracting,
    elementwise,
    indexing,
    making,
    moving,
    reducing,
)
from conformance.harness.generate.choosing import Weighted
from conformance.harness.generate.growing import Program
from oracles.catalog import ALL, FLOATS, ROWS

Recipe = Callable[[Program, str], bool]
"""Adds a statement of a row; False where no operands or attributes were found for it."""

RECIPES: dict[str, Recipe] = {
    **elementwise.RECIPES, **moving.RECIPES, **indexing.RECIPES, **reducing.RECIPES,
    **contracting.RECIPES, **making.RECIPES,
}  # fmt: skip

# How often a statement is of a family. What is compiled slowly is rare.
SHARES = {
    "elementwise": 30, "compare": 6, "bitwise": 6, "shift": 4, "cast": 8, "movement": 24,
    "reduce": 10, "matmul": 5, "index": 8, "scan": 2, "sort": 1, "scatter": 2, "softmax": 1.5,
    "spatial": 1.5, "norm": 1, "attention": 0.3, "loss": 1, "creation": 1, "random": 1.5,
    "factorisation": 0.15,
}  # fmt: skip
# Rows that are drawn more often than others of their family.
FAVOURED = {
    "add": 3, "mul": 3, "sub": 3, "where": 4, "sum": 4, "max": 2, "matmul": 3, "bitcast": 2,
    "reshape": 3, "permute": 3, "expand": 2, "pad": 2, "getitem": 2,
}  # fmt: skip
SELDOM = dict.fromkeys(elementwise.FAITHFUL, 0.4)  # they leave open what follows


# Dtypes that most programs are made of; narrow floats are all made of arithmetic on float32.
DTYPES = {
    "float32": 3.0, "float64": 1.5, "int32": 2.0, "bfloat16": 0.7,
    **dict.fromkeys((name for name in FLOATS if name.startswith("float8")), 0.25),
}  # fmt: skip


def base_weights() -> dict[str, float]:
    """How often each row is drawn, before steering."""
    own = {name: FAVOURED.get(name, SELDOM.get(name, 1.0)) for name in RECIPES}
    families: dict[str, float] = {}
    for name, weight in own.items():
        families[ROWS[name].family] = families.get(ROWS[name].family, 0.0) + weight
    return {name: SHARES[ROWS[name].family] * weight / families[ROWS[name].family]
            for name, weight in own.items()}  # fmt: skip


def dtype_weights(steering: Mapping[str, float]) -> dict[str, float]:
    """How often each dtype is drawn."""
    return {name: DTYPES.get(name, 1.0) * steering.get(name, 1.0) for name in ALL}


def statements(steering: Mapping[str, float]) -> Weighted:
    """The rows to choose from, each with its weight times that of `steering`, 1 by default."""
    return Weighted({name: weight * steering.get(name, 1.0)
                     for name, weight in base_weights().items()})  # fmt: skip
