"""Every coefficient matters: with any of them changed, the judge finds results beyond the bound."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.decomp.points import TURNING
from conformance.harness.sweep.operands import Plan
from engine.decompose.functions import FUNCTIONS
from engine.decompose.functions.error_function import ERF, ERFC
from engine.decompose.functions.exponential import COSH, EXP2, SINH
from engine.decompose.functions.logarithm import LOG1P, LOG2
from engine.decompose.functions.power import ATANH
from engine.decompose.functions.trigonometric import ASIN, ATAN, COS, SIN
from engine.decompose.functions.value import Coefficients
from oracles.catalog import ROWS
from oracles.formats import FORMATS, Array
from oracles.mpmath_ref import quick
from tests.engine.lanes import Lanes

Table = dict[str, Coefficients]
CHANGE = 2.5
DRAWN = 2000
POLYNOMIALS: dict[str, tuple[Table, ...]] = {
    "exp": (COSH, SINH), "exp2": (EXP2,), "expm1": (COSH, SINH), "sigmoid": (COSH, SINH),
    "log": (LOG1P,), "log2": (LOG2,), "log10": (LOG1P,), "log1p": (LOG1P,),
    "pow": (ATANH, COSH, SINH), "rsqrt": (),
    "sinh": (COSH, SINH), "cosh": (COSH, SINH), "tanh": (COSH, SINH),
    "asinh": (LOG1P,), "acosh": (LOG1P,), "atanh": (LOG1P,),
    "sin": (SIN, COS), "cos": (SIN, COS), "tan": (SIN, COS),
    "asin": (ASIN,), "acos": (ASIN,), "atan": (ATAN,),
    "erf": (ERF, ERFC),
}  # fmt: skip


def operands(name: str, dtype: str) -> tuple[Array, ...]:
    """Where the function does most of its work, and around zero."""
    if name == "pow":
        return Plan(dtype, 2 * DRAWN, arity=2).operands(0)
    rng = np.random.default_rng(8)
    count = 100 if (name, dtype) == ("erf", "float64") else DRAWN  # mpmath judges them
    _, low, high = TURNING[name]
    spread = np.concatenate([rng.uniform(low, high, count), rng.uniform(-1.5, 1.5, count)])
    return (spread.astype(dtype),)


def beyond_the_bound(name: str, dtype: str, operands: tuple[Array, ...]) -> int:
    """How many results the catalog's bound does not accept."""
    got = FUNCTIONS[name](*(Lanes(one) for one in operands)).array
    nan = FORMATS[dtype].from_bits(np.array(FORMATS[dtype].canonical_nan, FORMATS[dtype].unsigned))
    got = np.where(np.isnan(got), nan, got)
    counts = quick.count(name, operands, got, [0.0, 0.5, ROWS[name].bound_ulp[dtype]])
    return counts.wrong_special + int(counts.places[3:].sum())


def test_every_function_is_here() -> None:
    assert POLYNOMIALS.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [name for name, tables in POLYNOMIALS.items() if tables])
def test_a_changed_coefficient_is_noticed(
    name: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = operands(name, dtype)
    assert beyond_the_bound(name, dtype, x) == 0
    unnoticed = []
    for table in POLYNOMIALS[name]:
        for place, coefficient in enumerate(table[dtype]):
            changed = list(table[dtype])
            changed[place] = coefficient * CHANGE
            with monkeypatch.context() as patch:
                patch.setitem(table, dtype, tuple(changed))
                if not beyond_the_bound(name, dtype, x):
                    unnoticed.append((place, coefficient))
    assert unnoticed == []
