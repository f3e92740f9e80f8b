"""pow of floats and of integers, down from the public operator."""

from __future__ import annotations

import itertools
import math
from typing import Any

import mpmath
import numpy as np
import pytest

from engine import Tensor, dtypes
from engine.decompose.functions import FUNCTIONS
from engine.interpret import rounding, semantics
from engine.ops import Op
from tests.engine.lanes import (
    LARGEST_EXPONENT,
    LEAST_EXPONENT,
    Lanes,
    assert_same_bits,
    random_bits,
    ulp,
)

INF, NAN = math.inf, math.nan
MAX_ULP = 0.76  # a little above what has been measured
DEVICES = ("LLVM", "CPU", "PYTHON")
FLOATS = ["float16", "float32", "float64"]
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
every_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])

# C17 F.10.4.4, line by line: base, exponent, result.
SPECIAL = [
    (0.0, -3.0, INF), (-0.0, -3.0, -INF), (0.0, -2.0, INF), (-0.0, -2.0, INF),
    (0.0, -0.5, INF), (-0.0, -0.5, INF), (0.0, -INF, INF), (-0.0, -INF, INF),
    (0.0, 3.0, 0.0), (-0.0, 3.0, -0.0), (0.0, 2.0, 0.0), (-0.0, 2.0, 0.0), (-0.0, 0.5, 0.0),
    (0.0, INF, 0.0), (-0.0, INF, 0.0),
    (-1.0, INF, 1.0), (-1.0, -INF, 1.0),
    (1.0, NAN, 1.0), (1.0, INF, 1.0), (1.0, -INF, 1.0), (1.0, 0.3, 1.0),
    (NAN, 0.0, 1.0), (NAN, -0.0, 1.0), (INF, 0.0, 1.0), (0.0, -0.0, 1.0), (-INF, -0.0, 1.0),
    (-2.0, 0.5, NAN), (-0.25, -1.5, NAN),
    (0.5, -INF, INF), (-0.5, -INF, INF), (2.0, -INF, 0.0), (-2.0, -INF, 0.0),
    (0.5, INF, 0.0), (-0.5, INF, 0.0), (2.0, INF, INF), (-2.0, INF, INF),
    (-INF, -3.0, -0.0), (-INF, -2.0, 0.0), (-INF, -0.5, 0.0), (-INF, -INF, 0.0),
    (-INF, 3.0, -INF), (-INF, 2.0, INF), (-INF, 0.5, INF), (-INF, INF, INF),
    (INF, -0.5, 0.0), (INF, -INF, 0.0), (INF, 0.5, INF), (INF, 3.0, INF),
    (NAN, 2.0, NAN), (2.0, NAN, NAN), (NAN, NAN, NAN), (-1.0, NAN, NAN),
    # and numbers with exact results
    (2.0, 10.0, 1024.0), (-2.0, 3.0, -8.0), (-2.0, 4.0, 16.0), (9.0, 0.5, 3.0), (4.0, -0.5, 0.5),
    (10.0, 3.0, 1000.0), (-1.0, 1001.0, -1.0), (-1.0, 1000.0, 1.0), (3.0, 1.0, 3.0),
]  # fmt: skip


def power(x: Any, y: Any, dtype: str) -> np.ndarray:
    """The decomposition at pairs of operands."""
    operands = (Lanes(np.atleast_1d(np.asarray(v, dtype))) for v in (x, y))
    result: np.ndarray = FUNCTIONS["pow"](*operands).array
    return result


def operands(dtype: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Positive bases of every size, dense near 1, and exponents that use the range of results."""
    rng = np.random.default_rng(5)
    least, largest = LEAST_EXPONENT[dtype], LARGEST_EXPONENT[dtype]
    spread = rng.choice([1e-6, 1e-3, 0.1, 1, 10], count)
    base = np.exp(rng.normal(0, 1, count) * spread).astype(dtype)
    base = base[base != 1]
    logarithm = np.log2(base.astype("float64"))
    exponent = (rng.uniform(least, largest, len(base)) / logarithm).astype(dtype)
    whole = np.round(rng.uniform(-9, 9, len(base))).astype(dtype)
    bases, exponents = np.concatenate([base, base]), np.concatenate([exponent, whole])
    with np.errstate(over="ignore"):
        inside = np.abs(np.log2(bases.astype("float64")) * exponents) < largest
    return bases[inside], exponents[inside]


@every_dtype
def test_special_values(dtype: str) -> None:
    x, y, wanted = zip(*SPECIAL, strict=True)
    assert_same_bits(power(x, y, dtype), wanted)


def test_float32_error() -> None:
    x, y = operands("float32", 100_000)
    truth = np.power(np.longdouble(x), np.longdouble(y)).astype("float64")
    error = np.abs(power(x, y, "float32") - truth) / ulp(truth, "float32")
    assert error.max() < MAX_ULP, (x[error.argmax()], y[error.argmax()])


def test_float64_error() -> None:
    x, y = operands("float64", 1_500)
    results = power(x, y, "float64").tolist()
    with mpmath.workprec(250):
        truth = [mpmath.power(*pair) for pair in zip(map(mpmath.mpf, x.tolist()),
                                                     map(mpmath.mpf, y.tolist()), strict=True)]
        units = ulp(np.array([float(t) for t in truth]), "float64").tolist()
        error = np.array([float(abs(t - r) / u)
                          for t, r, u in zip(truth, results, units, strict=True)])  # fmt: skip
    assert error.max() < MAX_ULP, (x[error.argmax()], y[error.argmax()])


@every_dtype
def test_signs_of_large_exponents(dtype: str) -> None:
    """Up to 2**precision there are odd numbers; beyond, all are even."""
    precision = 24 if dtype == "float32" else 53
    odd = [1.0, 2.0 ** (precision - 1) + 1, 2.0**precision - 1]
    assert_same_bits(power(-1.0, odd, dtype), [-1.0] * 3)
    even = [2.0, 2.0**precision, 2.0**100]
    assert_same_bits(power(-1.0, even, dtype), [1.0] * 3)
    assert np.isnan(power(-1.0, [0.5, 2.0 ** (precision - 2) + 0.5, 1e-40], dtype)).all()


@every_dtype
def test_results_leave_the_range_exactly(dtype: str) -> None:
    largest, least = LARGEST_EXPONENT[dtype], LEAST_EXPONENT[dtype]
    assert_same_bits(power(2.0, [largest, largest + 1], dtype), [2.0**largest, INF])
    assert_same_bits(power(2.0, [least, least - 1], dtype), [2.0**least, 0.0])
    assert_same_bits(power(0.5, [-largest - 1, -least], dtype), [INF, 2.0**least])
    huge = np.finfo(dtype).max
    assert_same_bits(power([huge, huge, 1.5, 0.5], [huge, -huge, huge, huge], dtype),
                     [INF, 0.0, INF, 0.0])  # fmt: skip
    assert_same_bits(power([huge, 1 + np.finfo(dtype).eps], [1e-45, 1e-30], dtype), [1.0, 1.0])


@pytest.mark.parametrize("dtype", FLOATS)
def test_devices_and_interpreter_agree_on_floats(dtype: str) -> None:
    row = dtypes.as_dtype(dtype)
    edges = np.array([*{v for case in SPECIAL[:50] for v in case[:2] if v == v}, NAN], dtype)
    x, y = np.array(list(itertools.product(edges, edges)), dtype).T.copy()
    x = np.concatenate([x, random_bits(dtype, 2000, 3), np.linspace(0.01, 9, 500, dtype=dtype)])
    y = np.concatenate([y, random_bits(dtype, 2000, 4), np.linspace(-9, 9, 500, dtype=dtype)])
    wanted = rounding.canonical(row, semantics.apply(Op.POW, row, [x, y], [row, row]))
    for device in DEVICES:
        result = Tensor(x, device=device) ** Tensor(y, device=device)
        assert result.tobytes() == wanted.tobytes(), device


def integer_power(x: int, y: int) -> int:
    """The contract, in integers without end."""
    if y >= 0:
        return x**y
    return {1: 1, -1: -1 if y % 2 else 1}.get(x, 0)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_wrap(dtype: str) -> None:
    row = dtypes.as_dtype(dtype)
    edges = sorted({row.min, row.min + 1, row.max, row.max // 2, *range(row.min and -4, 5), 100})
    pairs = [p for p in itertools.product(edges, edges) if abs(p[1]) < 128]
    x, y = np.array(pairs, dtype).T.copy()
    unsigned = [integer_power(*pair) % (1 << row.bits) for pair in pairs]
    wanted = np.array(unsigned, row.unsigned.name).view(dtype)
    assert semantics.apply(Op.POW, row, [x, y], [row, row]).tolist() == wanted.tolist()
    for device in DEVICES:
        result = Tensor(x, device=device) ** Tensor(y, device=device)
        assert result.numpy().tolist() == wanted.tolist(), device


@pytest.mark.parametrize("dtype", ["int32", "uint64", "int8"])
def test_large_integer_exponents(dtype: str) -> None:
    row = dtypes.as_dtype(dtype)
    x, y = random_bits_of(dtype, 300, 1), random_bits_of(dtype, 300, 2)
    y = np.where(y < 0, ~y, y)
    modulus = 1 << row.bits
    unsigned = [pow(a, b, modulus) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    wanted = np.array(unsigned, row.unsigned.name).view(dtype)
    assert (semantics.apply(Op.POW, row, [x, y], [row, row]) == wanted).all()
    assert ((Tensor(x) ** Tensor(y)).numpy() == wanted).all()


def random_bits_of(dtype: str, count: int, seed: int) -> np.ndarray:
    """Uniform integers of a dtype."""
    limits = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(limits.min, limits.max, count, dtype, True)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 7, 8, 100])
def test_python_exponents_of_integers(exponent: int) -> None:
    x = np.array([-3, -1, 0, 1, 2, 7, 2**31 - 1, -(2**31)], "int32")
    wanted = [(pow(v, exponent, 1 << 32) + 2**31) % 2**32 - 2**31 for v in x.tolist()]
    for device in DEVICES:
        result = Tensor(x, device=device) ** exponent
        assert result.dtype is dtypes.int32 and result.tolist() == wanted


def test_scalars_on_both_sides_are_weak() -> None:
    x = Tensor([1.0, 2.0, 3.0], dtype="float16")
    assert (x**2).dtype is (2**x).dtype is (x**0.5).dtype is dtypes.float16
    assert (2**x).tolist() == [2.0, 4.0, 8.0] and x.pow(2, reverse=True).tolist() == [2, 4, 8]
    whole = Tensor([1, -1, 3])
    assert (whole**True).dtype is dtypes.int32
    assert (whole**0.5).dtype is dtypes.float32 and math.isnan((whole**0.5).tolist()[1])
    assert (2**whole).tolist() == [2, 0, 8]
    assert ((-1) ** whole).tolist() == [-1, -1, -1]
    assert (whole ** Tensor(-1)).tolist() == [1, -1, 0], "a tensor of no dimensions may be negative"
    assert (Tensor([True, False]) ** 2).dtype is dtypes.int32
    assert (Tensor([2, 3], dtype="uint8") ** Tensor([2.0, 0.5], dtype="float64")).tolist() == [
        4.0, 3**0.5,
    ]  # fmt: skip


def test_a_half_is_an_exponent_like_others() -> None:
    x = Tensor([-0.0, -INF, 4.0])
    assert_same_bits((x**0.5).numpy(), [0.0, INF, 2.0])
    assert_same_bits((x**-0.5).numpy(), [INF, 0.0, 0.5])


def test_what_is_refused() -> None:
    whole, flags = Tensor([1, 2]), Tensor([True, False])
    for base in (whole, Tensor([1, 2], dtype="uint8"), flags):
        with pytest.raises(ValueError, match=r"pow: .* \*\* -1 is no integer; cast the base"):
            base**-1
    for refused in (lambda: flags**flags, lambda: flags**True, lambda: True**flags):
        with pytest.raises(TypeError, match="pow: not defined for bool; cast to an integer dtype"):
            refused()
    with pytest.raises(OverflowError, match="300 does not fit uint8"):
        Tensor([1], dtype="uint8") ** 300
