"""Exponentials, logarithms, hyperbolic functions, erf and rsqrt against exact mathematics."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import pytest

from engine import Tensor, dtypes
from engine.decompose.functions import FUNCTIONS
from engine.interpret import rounding, semantics
from engine.ops import OPERATIONS
from tests.engine.lanes import (
    LARGEST_EXPONENT,
    LEAST_EXPONENT,
    PRECISION,
    Lanes,
    assert_same_bits,
    random_bits,
    ulp,
)

DTYPES = ["float32", "float64"]
INF, NAN = math.inf, math.nan
Range = tuple[float, float]


@dataclass(frozen=True)
class Case:
    """What is known of a function. Its bound is a little above what has been measured."""

    exact: Callable[[Any], Any]  # in mpmath
    reference: Callable[[np.ndarray], np.ndarray]  # in float64, to judge float32
    max_ulp: float
    special: list[tuple[float, float]]  # operand, result
    domain: Range  # outside the result is NaN
    uniform: tuple[Range, ...]  # where operands are drawn densely


def _sigmoid(x: np.ndarray) -> np.ndarray:
    small = np.exp(-np.abs(x))
    return np.where(x < 0, small, 1) / (1 + small)


ODD = [(0.0, 0.0), (-0.0, -0.0)]
GROWING_ODD = [*ODD, (INF, INF), (-INF, -INF)]
LOGARITHM = [(1.0, 0.0), (0.0, -INF), (-0.0, -INF), (INF, INF), (-INF, NAN), (-1.0, NAN)]
REAL = (-INF, INF)
AROUND_ONE = ((0.5, 2.0), (0.8, 0.825), (0.99, 1.01), (1.15, 1.17))
HALVES_OF_LOG_2 = tuple((n * 0.34657 - 1e-5, n * 0.34657 + 1e-5) for n in (-3, -1, 1, 3))

CASES = {
    "exp": Case(mpmath.exp, np.exp, 0.76, [(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0)],
                REAL, ((-1, 1), (-90, 90), (-750, 750), *HALVES_OF_LOG_2)),
    "exp2": Case(lambda x: mpmath.power(2, x), np.exp2, 0.784,
                 [(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (10.0, 1024.0)],
                 REAL, ((-1, 1), (-150, 130), (-1080, 1024), (0.499, 0.501))),
    "expm1": Case(mpmath.expm1, np.expm1, 0.82, [*ODD, (INF, INF), (-INF, -1.0)],
                  REAL, ((-1, 1), (-40, 40), (0.34, 0.42), (-90, 90), *HALVES_OF_LOG_2)),
    "sigmoid": Case(lambda x: 1 / (1 + mpmath.exp(-x)), _sigmoid, 0.76,
                    [(0.0, 0.5), (-0.0, 0.5), (INF, 1.0), (-INF, 0.0)],
                    REAL, ((-1, 1), (-40, 40), (-110, 0), (-750, 0), *HALVES_OF_LOG_2)),
    "log": Case(mpmath.log, np.log, 0.74, LOGARITHM, (0, INF), AROUND_ONE),
    "log2": Case(lambda x: mpmath.log(x, 2), np.log2, 0.752, [*LOGARITHM, (1024.0, 10.0)],
                 (0, INF), AROUND_ONE),
    "log10": Case(mpmath.log10, np.log10, 0.7, [*LOGARITHM, (1000.0, 3.0), (10.0, 1.0)],
                  (0, INF), AROUND_ONE),
    "log1p": Case(mpmath.log1p, np.log1p, 0.74,
                  [*ODD, (INF, INF), (-1.0, -INF), (-INF, NAN), (-1.5, NAN)],
                  (-1, INF), ((-1, 1), (-0.2, 0.2), (-0.189, -0.187), (0.155, 0.157), (0, 99))),
    "rsqrt": Case(lambda x: 1 / mpmath.sqrt(x), lambda x: 1 / np.sqrt(x), 0.5002,
                  [(0.0, INF), (-0.0, -INF), (INF, 0.0), (-INF, NAN), (-1.0, NAN), (4.0, 0.5)],
                  (0, INF), ((0.5, 4.0),)),
    "sinh": Case(mpmath.sinh, np.sinh, 0.81, GROWING_ODD,
                 REAL, ((-1, 1), (-20, 20), (-90, 90), (-710, 710), *HALVES_OF_LOG_2)),
    "cosh": Case(mpmath.cosh, np.cosh, 0.72, [(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, INF)],
                 REAL, ((-1, 1), (-20, 20), (-90, 90), (-710, 710), *HALVES_OF_LOG_2)),
    "tanh": Case(mpmath.tanh, np.tanh, 0.77, [*ODD, (INF, 1.0), (-INF, -1.0), (1e9, 1.0)],
                 REAL, ((-1, 1), (-10, 10), (-20, 20), *HALVES_OF_LOG_2)),
    "asinh": Case(mpmath.asinh, np.arcsinh, 0.73, GROWING_ODD,
                  REAL, ((-1, 1), (-0.2, 0.2), (-20, 20), (1e4, 1e5), (1e8, 1e9))),
    "acosh": Case(mpmath.acosh, np.arccosh, 0.72, [(1.0, 0.0), (0.999, NAN), (-INF, NAN),
                  (INF, INF)], (1, INF), ((1, 1.1), (1, 20), (1e4, 1e5), (1e8, 1e9))),
    "atanh": Case(mpmath.atanh, np.arctanh, 0.73,
                  [*ODD, (1.0, INF), (-1.0, -INF), (1.001, NAN), (-INF, NAN)],
                  (-1, 1), ((-1, 1), (-0.1, 0.1), (0.99, 1))),
    "erf": Case(mpmath.erf, np.vectorize(math.erf, otypes=["float64"]), 0.85,
                [*ODD, (INF, 1.0), (-INF, -1.0), (7.0, 1.0)],
                REAL, ((-1, 1), (-4, 4), (-6, 6), (0.74, 0.76))),
}  # fmt: skip

# Where the error is largest, of the operands that were measured.
WORST = {
    ("exp2", "float32"): ["0x1.faf6d2p-2", "-0x1.fa0206p+6"],
    ("log2", "float32"): ["0x1.262fbp+0"],
    ("exp2", "float64"): ["0x1.de2a3407396e7p-2", "-0x1.ff406a9755ef5p+9"],
    ("log2", "float64"): ["0x1.9bf73b452783bp-1"],
}
# The inverse of functions that overflow, for the operand where they do.
OVERFLOWING = {
    "exp": mpmath.log, "exp2": lambda y: mpmath.log(y, 2), "expm1": mpmath.log1p,
    "sinh": mpmath.asinh, "cosh": mpmath.acosh,
}  # fmt: skip
every_function = pytest.mark.parametrize("name", CASES)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


def evaluate(name: str, operands: object, dtype: str) -> np.ndarray:
    """The function at each of the operands."""
    return FUNCTIONS[name](Lanes(np.atleast_1d(np.asarray(operands, dtype)))).array


def operands(name: str, dtype: str, count: int) -> np.ndarray:
    """Operands inside the domain: of every exponent, dense where reductions change, worst known."""
    case = CASES[name]
    rng = np.random.default_rng(2024)
    least, largest = LEAST_EXPONENT[dtype], LARGEST_EXPONENT[dtype]
    scale = np.exp2(rng.integers(least // 2, largest // 2, count).astype(float))
    edge = (1 + rng.normal(0, 1e-4, count)) * scale
    moderate = np.exp2(rng.uniform(-PRECISION[dtype], 10, count)) * rng.choice([-1, 1], count)
    drawn = [rng.uniform(*ends, count) for ends in case.uniform]
    drawn += [moderate, edge, edge * 13 / 16, edge * 37 / 64]
    worst = np.array([float.fromhex(x) for x in WORST.get((name, dtype), [])])
    with np.errstate(over="ignore"):
        found = np.concatenate([x.astype(dtype) for x in (*drawn, worst)])
    found = np.concatenate([found, random_bits(dtype, count, 7)])
    low, high = case.domain
    return found[(found > low) & (found < high)]


def finite(truth: np.ndarray, dtype: str) -> np.ndarray:
    """Where the exact result rounds to a finite number of the dtype."""
    with np.errstate(over="ignore"):
        return np.isfinite(truth.astype(dtype))


@every_function
@every_dtype
def test_special_values(name: str, dtype: str) -> None:
    arguments, results = zip(*CASES[name].special, (NAN, NAN), strict=True)
    assert_same_bits(evaluate(name, arguments, dtype), results)


@every_function
def test_float32_error(name: str) -> None:
    x = operands(name, "float32", 50_000)
    with np.errstate(all="ignore"):
        truth = CASES[name].reference(np.float64(x))
    keep = finite(truth, "float32")
    x, truth = x[keep], truth[keep]
    error = np.abs(np.float64(evaluate(name, x, "float32")) - truth) / ulp(truth, "float32")
    assert error.max() < CASES[name].max_ulp, float(x[error.argmax()]).hex()


@every_function
def test_float64_error(name: str) -> None:
    x = operands(name, "float64", 500)
    results = evaluate(name, x, "float64")
    with mpmath.workprec(250):
        truth = [CASES[name].exact(mpmath.mpf(v)) for v in x.tolist()]
        rounded = np.array([float(t) for t in truth])
        keep = np.isfinite(rounded)
        units = ulp(np.where(keep, rounded, 1), "float64").tolist()
        rows = zip(truth, results.tolist(), units, keep.tolist(), strict=True)
        error = np.array([float(abs(t - y) / unit) if inside else 0.0
                          for t, y, unit, inside in rows])  # fmt: skip
    assert error.max() < CASES[name].max_ulp, float(x[error.argmax()]).hex()
    assert_same_bits(results[~keep], rounded[~keep])


@every_function
@every_dtype
def test_nan_only_where_the_function_has_no_value(name: str, dtype: str) -> None:
    x = random_bits(dtype, 50_000, 11)
    low, high = CASES[name].domain
    undefined = ~((x >= low) & (x <= high))
    np.testing.assert_array_equal(np.isnan(evaluate(name, x, dtype)), undefined)


@pytest.mark.parametrize("name", OVERFLOWING)
@every_dtype
def test_overflow_is_exact(name: str, dtype: str) -> None:
    """Infinite from the operand on whose result is half a last place above the largest float."""
    with mpmath.workprec(200):
        limit = mpmath.mpf(2) ** (LARGEST_EXPONENT[dtype] + 1)
        exact = OVERFLOWING[name](limit * (1 - mpmath.mpf(2) ** -(PRECISION[dtype] + 1)))
        border = np.asarray(float(exact), dtype)
        above = border if mpmath.mpf(float(border)) >= exact else np.nextafter(border, border * 2)
    below = np.nextafter(above, above * 0)
    assert np.isfinite(evaluate(name, below, dtype)).all()
    assert np.isinf(evaluate(name, above, dtype)).all()


@pytest.mark.parametrize("name", ["exp", "exp2", "sigmoid"])
@every_dtype
def test_small_results_vanish_at_half_of_the_least(name: str, dtype: str) -> None:
    with mpmath.workprec(200):
        half = mpmath.mpf(2) ** (LEAST_EXPONENT[dtype] - 1)
        border = np.asarray(float(mpmath.log(half, 2 if name == "exp2" else mpmath.e)), dtype)
    step = np.spacing(border)
    assert_same_bits(evaluate(name, border + 2 * step, dtype), 0.0)
    assert_same_bits(evaluate(name, border - 2 * step, dtype), 2.0 ** LEAST_EXPONENT[dtype])


@pytest.mark.parametrize("name", ["sinh", "tanh", "asinh", "atanh", "expm1", "log1p"])
@every_dtype
def test_tiny_operands_stay(name: str, dtype: str) -> None:
    """f(x) = x + O(x**2), down to the least subnormal and without a loss of the sign."""
    exponents = np.arange(LEAST_EXPONENT[dtype], -PRECISION[dtype] - 1)
    powers = np.ldexp(np.ones(len(exponents)), exponents).astype(dtype)
    assert_same_bits(evaluate(name, powers, dtype), powers)
    assert_same_bits(evaluate(name, -powers, dtype), -powers)


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"cosh", "rsqrt"}))
@every_dtype
def test_rising_functions_do_not_fall_by_more_than_their_error(name: str, dtype: str) -> None:
    """Across every border of a reduction: neighbouring operands, neighbouring results."""
    case = CASES[name]
    for start in [end for ends in case.uniform for end in ends]:
        x = np.full(64, start, dtype)
        x = (x.view(f"int{x.itemsize * 8}") + np.arange(-32, 32)).view(dtype)
        x = np.sort(x[(x > case.domain[0]) & (x < case.domain[1])])
        y = evaluate(name, x, dtype)
        last = np.maximum.accumulate(y)
        assert (last - y <= np.spacing(np.abs(y)))[np.isfinite(y)].all()


@every_dtype
def test_powers_of_two_are_exact(dtype: str) -> None:
    exponents = np.arange(LEAST_EXPONENT[dtype], LARGEST_EXPONENT[dtype] + 1)
    powers = np.ldexp(np.ones(len(exponents)), exponents)
    assert_same_bits(evaluate("exp2", exponents, dtype), powers)
    assert_same_bits(evaluate("log2", powers, dtype), exponents)


@every_dtype
def test_powers_of_ten_have_exact_logarithms(dtype: str) -> None:
    exponents = np.arange(11 if dtype == "float32" else 23)  # as far as they are exact
    assert_same_bits(evaluate("log10", [10.0**k for k in exponents], dtype), exponents)


@every_function
def test_devices_and_interpreter_agree(name: str) -> None:
    for dtype in ("float16", "float32", "float64"):
        row = dtypes.as_dtype(dtype)
        special = [NAN, *(x for x, _ in CASES[name].special)]
        x = np.concatenate([random_bits(dtype, 999, 3), np.linspace(-9, 9, 99, dtype=dtype),
                            np.array(special, dtype)])  # fmt: skip
        op = OPERATIONS[name.upper()]
        wanted = rounding.canonical(row, semantics.apply(op, row, [x], [row]))
        for device in ("LLVM", "CPU", "PYTHON"):
            result = getattr(Tensor(x, device=device), name)()
            assert result.tobytes() == wanted.tobytes(), (dtype, device)
