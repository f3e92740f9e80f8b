"""exp2 and log2 against exact mathematics: special values, exact cases and error in ulp."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from engine.decompose.functions import FLOAT16_FUNCTIONS, FUNCTIONS
from tests.engine.lanes import (
    LARGEST_EXPONENT,
    LEAST_EXPONENT,
    Lanes,
    assert_same_bits,
    random_bits,
    ulp,
)

# Measured bounds, stated in engine/decompose/functions/exponential.py. Subnormal results make
# those of exp2: they are rounded once to the precision of the format and once to the subnormal's.
MAX_ULP = {
    ("exp2", "float32"): 0.784,
    ("log2", "float32"): 0.752,
    ("exp2", "float64"): 0.784,
    ("log2", "float64"): 0.752,
}
# Where the error is largest, of all operands (float32) or of those sampled (float64).
WORST = {
    ("exp2", "float32"): ["0x1.faf6d2p-2", "-0x1.fa0206p+6"],
    ("log2", "float32"): ["0x1.262fbp+0"],
    ("exp2", "float64"): ["0x1.de2a3407396e7p-2", "-0x1.ff406a9755ef5p+9"],
    ("log2", "float64"): ["0x1.9bf73b452783bp-1"],
}
DTYPES = ["float32", "float64"]
NAMES = ["exp2", "log2"]


def evaluate(name: str, operands: object, dtype: str) -> np.ndarray:
    """The function at each of the operands."""
    return FUNCTIONS[name](Lanes(np.atleast_1d(np.asarray(operands, dtype)))).array


def operands(name: str, dtype: str, count: int) -> np.ndarray:
    """Operands with a finite result, dense where the reduction changes, and the worst known."""
    rng = np.random.default_rng(2024)
    least, largest = LEAST_EXPONENT[dtype], LARGEST_EXPONENT[dtype] + 1
    if name == "exp2":
        near = np.round(rng.uniform(2 * least, 2 * largest, count)) / 2 + rng.normal(0, 1e-3, count)
        drawn = [rng.uniform(least - 1, largest, count), rng.uniform(-1, 1, count), near]
    else:
        scale = np.exp2(rng.integers(least // 2, largest // 2, count).astype(float))
        edge = (1 + rng.normal(0, 1e-4, count)) * scale
        drawn = [
            rng.uniform(0.5, 2, count),
            1 + rng.normal(0, 1e-3, count),
            edge,
            edge * 13 / 16,
            edge * 37 / 64,
        ]
        drawn.append(np.exp2(rng.uniform(least, largest, count)))
    with np.errstate(over="ignore"):
        found = np.concatenate([*(d.astype(dtype) for d in drawn), random_bits(dtype, count, 7)])
    found = np.append(found, np.array([float.fromhex(x) for x in WORST[name, dtype]], dtype))
    inside = (found > least - 2) & (found < largest) if name == "exp2" else found > 0
    return found[inside & np.isfinite(found)]


@pytest.mark.parametrize("dtype", DTYPES)
def test_exp2_special_values(dtype: str) -> None:
    limit, least = LARGEST_EXPONENT[dtype] + 1, LEAST_EXPONENT[dtype]
    inf, one = np.inf, np.asarray(1, dtype)
    cases = [
        (0.0, 1.0),
        (-0.0, 1.0),
        (inf, inf),
        (-inf, 0.0),
        (np.nan, np.nan),
        (limit, inf),
        (np.finfo(dtype).max, inf),
        (-np.finfo(dtype).max, 0.0),
        (np.finfo(dtype).smallest_subnormal, 1.0),
        (-np.finfo(dtype).smallest_subnormal, 1.0),
        (least - 1, 0.0),  # half of the least subnormal ties to even
        (np.nextafter(one * (least - 1), one), 2.0**least),
        (np.nextafter(one * (least - 1), -inf * one), 0.0),
    ]
    arguments, results = zip(*cases, strict=True)
    assert_same_bits(evaluate("exp2", arguments, dtype), results)
    assert np.isfinite(evaluate("exp2", np.nextafter(one * limit, one), dtype)).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_log2_special_values(dtype: str) -> None:
    inf = np.inf
    cases = [
        (1.0, 0.0),
        (0.0, -inf),
        (-0.0, -inf),
        (inf, inf),
        (-inf, np.nan),
        (-1.0, np.nan),
        (-np.finfo(dtype).smallest_subnormal, np.nan),
        (np.nan, np.nan),
    ]
    arguments, results = zip(*cases, strict=True)
    assert_same_bits(evaluate("log2", arguments, dtype), results)


@pytest.mark.parametrize("dtype", DTYPES)
def test_powers_of_two_are_exact(dtype: str) -> None:
    exponents = np.arange(LEAST_EXPONENT[dtype], LARGEST_EXPONENT[dtype] + 1)
    powers = np.ldexp(np.ones(len(exponents)), exponents)
    assert_same_bits(evaluate("exp2", exponents, dtype), powers)
    assert_same_bits(evaluate("log2", powers, dtype), exponents)


@pytest.mark.parametrize("name", NAMES)
def test_float32_error(name: str) -> None:
    x = operands(name, "float32", 200_000)
    truth = getattr(np, name)(np.float64(x))
    error = np.abs(np.float64(evaluate(name, x, "float32")) - truth) / ulp(truth, "float32")
    assert error.max() < MAX_ULP[name, "float32"], float(x[error.argmax()]).hex()


@pytest.mark.parametrize("name", NAMES)
def test_float64_error(name: str) -> None:
    x = operands(name, "float64", 2_000)
    results = evaluate(name, x, "float64")
    with mpmath.workprec(120):
        truth = [mpmath.log(v, 2) if name == "log2" else mpmath.power(2, v) for v in x.tolist()]
        units = ulp(np.array([float(t) for t in truth]), "float64").tolist()
        rows = zip(truth, results.tolist(), units)
        error = np.array([float(abs(t - y) / unit) for t, y, unit in rows])
    assert error.max() < MAX_ULP[name, "float64"], float(x[error.argmax()]).hex()


@pytest.mark.parametrize("name", NAMES)
def test_float16_through_float32_is_correctly_rounded(name: str) -> None:
    x = np.arange(1 << 16).astype(np.uint16).view(np.float16)
    with np.errstate(all="ignore"):
        truth = getattr(np, name)(np.float64(x)).astype(np.float16)
        function = FLOAT16_FUNCTIONS.get(name, FUNCTIONS[name])
        actual = function(Lanes(np.float32(x))).array.astype(np.float16)
    assert_same_bits(actual, truth)


def test_float16_exp2_needs_its_own_function() -> None:
    x = float.fromhex("0x1.714p-11")
    assert np.float16(evaluate("exp2", x, "float32"))[0] == 1.0
    assert np.float16(np.exp2(np.float64(x))) == np.nextafter(np.float16(1), np.float16(2))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_nan_only_where_the_function_has_no_value(name: str, dtype: str) -> None:
    x = random_bits(dtype, 100_000, 11)
    undefined = np.isnan(x) | ((x < 0) if name == "log2" else False)
    np.testing.assert_array_equal(np.isnan(evaluate(name, x, dtype)), undefined)
