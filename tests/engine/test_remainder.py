"""Rounding, remainders and floor division of floats against exact rational numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from engine import Tensor, dtypes
from engine.backends.registry import backend
from engine.decompose.functions import EXACT, narrow_function
from engine.interpret import rounding, semantics
from engine.ops import OPERATIONS
from tests.engine.lanes import Lanes, assert_same_bits, random_bits

PRECISION = {"float16": 11, "float32": 24, "float64": 53}
DTYPES = list(PRECISION)
NAN, INF = math.nan, math.inf


def fmod(x: float, y: float, dtype: str) -> float:
    if math.isnan(x) or math.isnan(y) or math.isinf(x) or y == 0:
        return NAN
    if math.isinf(y):
        return x
    exact = Fraction(x) / Fraction(y)
    return math.copysign(float(abs(Fraction(x) - math.trunc(exact) * Fraction(y))), x)


def floormod(x: float, y: float, dtype: str) -> float:
    rest = fmod(x, y, dtype)
    if rest == 0:
        return math.copysign(0.0, y)
    if (rest < 0) == (y < 0) or math.isnan(rest):
        return rest
    if math.isinf(y):
        return y
    return float(np.dtype(dtype).type(rest) + np.dtype(dtype).type(y))


def floordiv(x: float, y: float, dtype: str) -> float:
    kind = np.dtype(dtype).type
    quotient = float(kind(x) / kind(y))
    if math.isinf(x) and y != 0:
        return NAN
    if math.isnan(quotient) or y == 0 or x == 0:
        return quotient
    exact = Fraction(0) if math.isinf(y) else Fraction(x) / Fraction(y)
    if abs(exact) >= 2 ** PRECISION[dtype]:
        return quotient
    negative = (x < 0) != (y < 0)
    return float(math.floor(exact)) if exact else -1.0 if negative else 0.0


ROUNDED: dict[str, Callable[[float], int]] = {
    "trunc": math.trunc, "floor": math.floor, "ceil": math.ceil, "round": round,
}  # fmt: skip
REMAINDERS: dict[str, Callable[[float, float, str], float]] = {
    "fmod": fmod, "floormod": floormod, "floordiv": floordiv,
}  # fmt: skip


def edges(dtype: str) -> np.ndarray:
    """Zeros, ends of the format, integers about 2**p, halves, what is not finite; both signs."""
    info, p = np.finfo(dtype), PRECISION[dtype]
    found = [
        0.0, INF, NAN, 0.5, 1.0, 1.5, 2.5, 3.0, 0.1, 7.0, 1e-3, info.max, info.tiny,
        info.smallest_subnormal, 3 * info.smallest_subnormal, info.tiny - info.smallest_subnormal,
        1 + info.eps, 1 - info.epsneg, 2.0 ** (p - 1) - 0.5, 2.0 ** (p - 1) + 1, 2.0**p - 1,
        2.0**p, 2.0**p + 2, 2.0 ** (p - 2) + 0.25, 0.5 + info.eps,
    ]  # fmt: skip
    return np.array([*found, *(-v for v in found)], dtype)


def pairs(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of edges, pairs of any bits, and pairs with quotients next to integers."""
    rng = np.random.default_rng(5)
    x, y = (v.ravel() for v in np.meshgrid(edges(dtype), edges(dtype)))
    divisor = rng.uniform(0.5, 2, 1500).astype(dtype)
    whole = np.floor(2.0 ** rng.uniform(0, PRECISION[dtype] + 2, 1500))
    near = (divisor * whole).astype(dtype) * rng.choice(np.array([-1, 1], dtype), 1500)
    steps = rng.choice(np.array([-INF, 0, INF]), 1500).astype(dtype)
    near = np.where(steps == 0, near, np.nextafter(near, steps))
    with np.errstate(over="ignore"):
        return (
            np.concatenate([x, random_bits(dtype, 1500, 1), near]),
            np.concatenate([y, random_bits(dtype, 1500, 2), divisor]),
        )


def lanes(name: str, *operands: np.ndarray) -> np.ndarray:
    """The decomposition; float16 in float32, as devices without it compute."""
    dtype = operands[0].dtype
    function = EXACT[name]
    if dtype == np.float16:
        function = narrow_function(name, dtypes.float16) or function
    wide = np.float32 if dtype == np.float16 else dtype
    with np.errstate(all="ignore"):
        return function(*(Lanes(v.astype(wide)) for v in operands)).array.astype(dtype)


@pytest.mark.parametrize("name", ROUNDED)
@pytest.mark.parametrize("dtype", DTYPES)
def test_rounding(name: str, dtype: str) -> None:
    halves = np.arange(-9, 9).astype(dtype) / 2
    x = np.concatenate([edges(dtype), random_bits(dtype, 3000, 3), halves])
    wanted = [
        math.copysign(float(ROUNDED[name](v)), v) if math.isfinite(v) else v for v in x.tolist()
    ]
    assert_same_bits(lanes(name, x), wanted)


@pytest.mark.parametrize("name", REMAINDERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_remainders(name: str, dtype: str) -> None:
    x, y = pairs(dtype)
    both = zip(x.tolist(), y.tolist(), strict=True)
    with np.errstate(all="ignore"):
        wanted = [REMAINDERS[name](a, b, dtype) for a, b in both]
    assert_same_bits(lanes(name, x, y), wanted)


def needs(device: str) -> None:
    info = backend(device).info()
    if not info.available:
        pytest.skip(f"not run: {device}: {info.detail}: {info.remedy}")


@pytest.mark.parametrize("device", ["LLVM", "CPU", "PYTHON"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_devices_agree_with_the_interpreter(device: str, dtype: str) -> None:
    needs(device)
    row = dtypes.as_dtype(dtype)
    x, y = pairs(dtype)
    kinds = dict.fromkeys(REMAINDERS, (x, y)) | dict.fromkeys(ROUNDED, (x,))
    for name, operands in kinds.items():
        op = OPERATIONS[name.upper()]
        meant = rounding.canonical(row, semantics.apply(op, row, operands, [row] * 2))
        first, *rest = (Tensor(v, device=device) for v in operands)
        method = "mod" if name == "floormod" else name
        assert getattr(first, method)(*rest).numpy().tobytes() == meant.tobytes(), name


@pytest.mark.parametrize("device", ["LLVM", "CPU", "PYTHON"])
@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8", "uint64"])
def test_integers_truncate(device: str, dtype: str) -> None:
    """fmod has the sign of the dividend; the quotient by 0 is 0, MIN / -1 is MIN."""
    needs(device)
    info = np.iinfo(dtype)
    ends = [v for v in (0, 1, 2, 3, 7, -1, -2, -7, info.min, info.max) if info.min <= v <= info.max]
    x, y = (v.ravel() for v in np.meshgrid(np.array(ends, dtype), np.array(ends, dtype)))
    left, right = Tensor(x, device=device), Tensor(y, device=device)
    quotient = left.div(right, rounding_mode="trunc").numpy()
    rest = left.fmod(right).numpy()
    assert quotient.dtype == rest.dtype == dtype
    for a, b, q, r in zip(x.tolist(), y.tolist(), quotient.tolist(), rest.tolist(), strict=True):
        exact = abs(a) // abs(b) * (-1 if (a < 0) != (b < 0) else 1) if b else 0
        assert q == (exact if exact <= info.max else info.min)
        assert r == (a - exact * b if b else 0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_quotients_of_floats_truncate(dtype: str) -> None:
    """The magnitude of the floor of the magnitudes, with the sign of the quotient."""
    x, y = pairs(dtype)
    both = zip(np.abs(x).tolist(), np.abs(y).tolist(), strict=True)
    with np.errstate(all="ignore"):
        size = np.array([floordiv(a, b, dtype) for a, b in both], dtype)
    wanted = np.copysign(size, np.where(np.signbit(x) != np.signbit(y), -1, 1))
    assert_same_bits(Tensor(x).div(Tensor(y), rounding_mode="trunc").numpy(), wanted)


def test_documented_cases() -> None:
    one = Tensor([-1e-20, -1.0, 5.0, -5.0], dtype="float64")
    assert (one % 1).tolist() == [1.0, 0.0, 0.0, 0.0]
    assert (one % INF).tolist() == [INF, INF, 5.0, INF]
    assert (one // INF).tolist() == [-1.0, -1.0, 0.0, -1.0]
    assert (one // 0.0).tolist() == [-INF, -INF, INF, -INF]
    assert (7.5 // Tensor([2.0, -2.0])).tolist() == [3.0, -4.0]
    assert Tensor([-0.5]).ceil().numpy().tobytes() == np.float32([-0.0]).tobytes()
    assert Tensor([3, -3]).floor().tolist() == [3, -3]
    for name in ("trunc", "floor", "ceil", "round"):
        with pytest.raises(TypeError, match=name):
            getattr(Tensor([True]), name)()
