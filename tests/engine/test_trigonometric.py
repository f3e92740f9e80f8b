"""Trigonometric functions against exact mathematics: special values, reduction, error in ulp."""

from __future__ import annotations

from collections.abc import Iterator

import mpmath
import numpy as np
import pytest

from engine import Tensor, dtypes
from engine.backends.registry import backend
from engine.decompose.functions import FUNCTIONS
from engine.decompose.functions.trigonometric import TWO_OVER_PI, TWO_OVER_PI_BITS
from engine.interpret import rounding, semantics
from engine.ops import OPERATIONS
from tests.engine.lanes import Lanes, assert_same_bits, random_bits, ulp

# A little above what has been measured.
MAX_ULP = {
    ("sin", "float32"): 0.79, ("sin", "float64"): 0.79,
    ("cos", "float32"): 0.79, ("cos", "float64"): 0.79,
    ("tan", "float32"): 0.97, ("tan", "float64"): 0.97,
    ("asin", "float32"): 0.72, ("asin", "float64"): 0.70,
    ("acos", "float32"): 0.72, ("acos", "float64"): 0.70,
    ("atan", "float32"): 0.76, ("atan", "float64"): 0.75,
}  # fmt: skip
NAMES = ["sin", "cos", "tan", "asin", "acos", "atan"]
FORWARD = {"sin", "cos", "tan"}
NUMPY = {"asin": np.arcsin, "acos": np.arccos, "atan": np.arctan}
DTYPES = ["float32", "float64"]
DEVICES = ("LLVM", "CPU", "PYTHON")
# The floats nearest to a multiple of pi/2 of all, found by the continued fraction of 2**k * 2/pi
# (Muller, "Elementary Functions", 3rd ed., section 11.3.1).
NEAREST_TO_A_MULTIPLE = {"float32": 16367173 * 2.0**72, "float64": 6381956970095103 * 2.0**797}
HALF_PI = {
    "float32": (1.5707963705062866, 0.7853981852531433, 3.1415927410125732),
    "float64": (1.5707963267948966, 0.7853981633974483, 3.141592653589793),
}


def evaluate(name: str, operands: object, dtype: str) -> np.ndarray:
    """The function at each of the operands."""
    return FUNCTIONS[name](Lanes(np.atleast_1d(np.asarray(operands, dtype)))).array


def operands(name: str, dtype: str, count: int) -> np.ndarray:
    """Operands with a finite result: uniform, near zeros and ends, and of every exponent."""
    rng = np.random.default_rng(2025)
    if name in FORWARD:
        multiples = rng.integers(1, 10**6, count)
        drawn = [
            rng.uniform(-7, 7, count),
            multiples * (np.pi / 2),
            multiples * (-np.pi / 4),
            np.array([NEAREST_TO_A_MULTIPLE[dtype]]),
        ]
    else:
        ends = 1 - np.abs(rng.normal(0, 1e-3, count))
        drawn = [rng.uniform(-1, 1, count), rng.normal(0, 1, count), ends, ends / 2, -ends]
    found = np.concatenate([*(d.astype(dtype) for d in drawn), random_bits(dtype, count, 7)])
    inside = np.abs(found) <= 1 if name in ("asin", "acos") else np.isfinite(found)
    return found[inside]


def exact(name: str, x: np.ndarray) -> Iterator[mpmath.mpf]:
    """The function in multiple precision: an argument of 2**1023 loses 1024 bits to reduction."""
    with mpmath.workprec(1200 if name in FORWARD else 120):
        yield from (getattr(mpmath, name)(mpmath.mpf(v)) for v in x.tolist())


@pytest.mark.parametrize("dtype", DTYPES)
def test_special_values(dtype: str) -> None:
    """C17 Annex F.10.1"""
    half_pi, quarter_pi, pi = HALF_PI[dtype]
    inf, nan = np.inf, np.nan
    least = np.finfo(dtype).smallest_subnormal
    beyond = np.nextafter(np.asarray(1, dtype), np.asarray(2, dtype))
    cases = {
        "sin": [(0.0, 0.0), (-0.0, -0.0), (inf, nan), (-inf, nan), (least, least)],
        "cos": [(0.0, 1.0), (-0.0, 1.0), (inf, nan), (-inf, nan), (least, 1.0)],
        "tan": [(0.0, 0.0), (-0.0, -0.0), (inf, nan), (-inf, nan), (-least, -least)],
        "asin": [
            (0.0, 0.0), (-0.0, -0.0), (1.0, half_pi), (-1.0, -half_pi), (beyond, nan),
            (-beyond, nan), (inf, nan), (-inf, nan), (-least, -least),
        ],
        "acos": [
            (1.0, 0.0), (-1.0, pi), (0.0, half_pi), (-0.0, half_pi), (beyond, nan),
            (-beyond, nan), (inf, nan), (-inf, nan),
        ],
        "atan": [
            (0.0, 0.0), (-0.0, -0.0), (inf, half_pi), (-inf, -half_pi), (1.0, quarter_pi),
            (np.finfo(dtype).max, half_pi), (least, least),
        ],
    }  # fmt: skip
    for name, pairs in cases.items():
        arguments, results = zip(*pairs, (nan, nan), strict=True)
        assert_same_bits(evaluate(name, arguments, dtype), results)


def test_digits_of_two_over_pi() -> None:
    with mpmath.workprec(2 * TWO_OVER_PI_BITS):
        assert int(mpmath.floor(mpmath.ldexp(2 / mpmath.pi, TWO_OVER_PI_BITS))) == TWO_OVER_PI


@pytest.mark.parametrize("name", NAMES)
def test_float32_error(name: str) -> None:
    x = operands(name, "float32", 100_000)
    truth = NUMPY.get(name, getattr(np, name))(np.float64(x))
    error = np.abs(np.float64(evaluate(name, x, "float32")) - truth) / ulp(truth, "float32")
    assert error.max() < MAX_ULP[name, "float32"], float(x[error.argmax()]).hex()


@pytest.mark.parametrize("name", NAMES)
def test_float64_error(name: str) -> None:
    x = operands(name, "float64", 1_000)
    results = evaluate(name, x, "float64")
    truth = list(exact(name, x))
    units = ulp(np.array([float(t) for t in truth]), "float64").tolist()
    rows = zip(truth, results.tolist(), units, strict=True)
    error = np.array([float(abs(t - y) / unit) for t, y, unit in rows])
    assert error.max() < MAX_ULP[name, "float64"], float(x[error.argmax()]).hex()


@pytest.mark.parametrize("dtype", DTYPES)
def test_error_does_not_grow_with_the_argument(dtype: str) -> None:
    """Every exponent, next to multiples of pi/2, where reduction cancels most."""
    exponent = 127 if dtype == "float32" else 1023
    with mpmath.workprec(1300):
        near = [mpmath.pi / 2 * (2**exponent // 3**k + 1) for k in range(exponent * 5 // 8)]
        x = np.array([float(v) for v in near]).astype(dtype)
    for name in ("sin", "cos"):
        truth = list(exact(name, x))
        units = ulp(np.array([float(t) for t in truth]), dtype).tolist()
        rows = zip(truth, evaluate(name, x, dtype).tolist(), units, strict=True)
        assert max(float(abs(t - y) / unit) for t, y, unit in rows) < MAX_ULP[name, dtype]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float16", *DTYPES])
def test_devices_agree_with_the_interpreter(name: str, dtype: str) -> None:
    edges = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 0.5, -0.5, 1, -1, 2.5, 1e4], dtype)
    x = np.concatenate([random_bits(dtype, 300, 3), edges])
    row = dtypes.as_dtype(dtype)
    meant = rounding.canonical(row, semantics.apply(OPERATIONS[name.upper()], row, [x], [row]))
    for device in filter(_available, DEVICES):
        computed = getattr(Tensor(x, device=device), name)().numpy()
        assert computed.tobytes() == meant.tobytes(), device


def _available(device: str) -> bool:
    return backend(device).info().available
