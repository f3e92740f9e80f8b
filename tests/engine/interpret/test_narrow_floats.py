"""Narrow floats: the interpreter rounds in float64, devices round bits, and they agree."""

from __future__ import annotations

import numpy as np
import pytest

from engine import Tensor, dtypes
from engine.arrays import NUMPY
from engine.dtypes import DType
from engine.interpret.rounding import canonical, rounded
from engine.interpret.semantics import apply
from engine.ops import Op

NARROW = pytest.mark.parametrize("row", dtypes.NARROW_FLOATS)
UNARY = {
    "sqrt": Op.SQRT, "neg": Op.NEG, "abs": Op.ABS, "trunc": Op.TRUNC, "round": Op.ROUND,
    "exp2": Op.EXP2, "tanh": Op.TANH,
}  # fmt: skip
BINARY = {
    "add": Op.ADD, "sub": Op.SUB, "mul": Op.MUL, "div": Op.DIV, "floordiv": Op.FLOORDIV,
    "mod": Op.FLOORMOD, "fmod": Op.FMOD, "maximum": Op.MAXIMUM, "minimum": Op.MINIMUM,
    "pow": Op.POW,
}  # fmt: skip
Array = np.ndarray


def every(row: DType) -> Array:
    return np.arange(1 << row.bits).astype(NUMPY[row.unsigned]).view(NUMPY[row])


def assert_as_on_a_device(row: DType, result: Array, tensor: Tensor, moves: bool = False) -> None:
    meant = result if moves else canonical(row, result)
    assert meant.tobytes() == tensor.tobytes()


@NARROW
@pytest.mark.parametrize("name", UNARY)
def test_one_operand(row: DType, name: str) -> None:
    x = every(row)
    result = apply(UNARY[name], row, [x], [row])
    assert_as_on_a_device(row, result, getattr(Tensor(x), name)(), name in ("neg", "abs"))


@NARROW
@pytest.mark.parametrize("name", BINARY)
def test_two_operands(row: DType, name: str) -> None:
    rng = np.random.default_rng(5)
    x, y = (rng.choice(every(row), 20_000) for _ in range(2))
    result = apply(BINARY[name], row, [x, y], [row, row])
    assert_as_on_a_device(row, result, getattr(Tensor(x), name)(Tensor(y)))


SOURCES = [dtypes.as_dtype(name) for name in ("int64", "uint64", "int32", "float64", "bfloat16")]
CASTS = [(of, to) for of in SOURCES for to in dtypes.NARROW_FLOATS if of is not to]


@pytest.mark.parametrize(("of", "to"), CASTS)
def test_casts(of: DType, to: DType) -> None:
    """Random bits shifted by random counts, so that integers have every size."""
    rng = np.random.default_rng(6)
    words = rng.integers(0, (1 << of.bits) - 1, 20_000, np.uint64, endpoint=True)
    words >>= rng.integers(0, of.bits, words.size).astype(np.uint64)
    x = words.astype(NUMPY[of.unsigned]).view(NUMPY[of])
    assert_as_on_a_device(to, apply(Op.CAST, to, [x], [of]), Tensor(x).cast(to))


def test_the_last_place_of_large_integers() -> None:
    """One more than a middle of two bfloat16, which float64 rounds to that middle."""
    above = np.array([(1 << 62) + (1 << 54) + 1, -(1 << 62) - (1 << 54) - 1])
    found = rounded(dtypes.bfloat16, above).astype("float64")
    assert found.tolist() == [2.0**62 + 2.0**55, -(2.0**62) - 2.0**55]
