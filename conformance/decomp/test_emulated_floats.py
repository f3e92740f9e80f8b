"""float64 and float32 in integer arithmetic: every device gives the bits that it gives without."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.harness.build import Builder
from conformance.harness.case import Case
from conformance.harness.devices import under_test
from conformance.harness.draws import plain
from conformance.harness.subject import EngineSubject
from engine.context import Context
from engine.decompose import floats, softfloat
from engine.ops import Op
from oracles.edges import edges
from oracles.formats import FORMATS, Array

DEVICES = [device.name for device in under_test() if device.subject is not None]
# What is taken away, and the dtype that is then made of integers.
EMULATED = (
    ("float64", "float64"),
    ("float32,float64", "float32"),
    ("float32,float64,int64", "float64"),
)
BINARY = ("add", "sub", "mul", "div", "lt", "eq", "ne", "maximum", "minimum")
UNARY = ("sqrt", "neg", "abs", "floor", "ceil", "round", "trunc")
CASTS = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
         "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2fnuz", "float32", "float64")
FUNCTIONS = ("exp", "log2", "sin", "erf")


def numbers(dtype: str, count: int, seed: int) -> Array:
    """Bits of edges and of ordinary numbers."""
    drawn = plain(np.random.default_rng(seed), dtype, count)
    return np.concatenate([edges(dtype), drawn])[:count]


def same_bits(case: Case, emulate: str, devices: list[str]) -> None:
    for device in devices:
        subject = EngineSubject(device)
        due = subject.run(case)
        with Context(EMULATE=emulate):
            assert subject.run(case) == due, device


@pytest.mark.parametrize("emulate, dtype", EMULATED)
def test_arithmetic_and_casts(emulate: str, dtype: str) -> None:
    build = Builder()
    first = edges(dtype)[::2]
    x = build.input(dtype, np.repeat(first, first.size))
    y = build.input(dtype, np.tile(first, first.size))
    for op in BINARY:
        build.judged(op, x, y)
    bits = numbers(dtype, 300, 1)
    z = build.input(dtype, bits)
    for op in UNARY:
        build.judged(op, z)
    for other in CASTS:
        build.judged("cast", z, dtype=other)
        build.judged("cast", build.input(other, numbers(other, 100, 2)), dtype=dtype)
    same_bits(build.case(), emulate, DEVICES)


def reductions(dtype: str, rows: int, columns: int) -> Case:
    build = Builder()
    ordinary = FORMATS[dtype].to_bits(
        np.random.default_rng(3).standard_normal(rows * columns).astype(dtype)
    )
    x = build.input(dtype, ordinary, (rows, columns))
    build.judged("sum", x, axis=0, keepdim=False)
    build.judged("max", x, axis=1, keepdim=False)
    build.judged("matmul", x, build.input(dtype, ordinary, (columns, rows)))
    return build.case()


@pytest.mark.parametrize("emulate, dtype", EMULATED)
def test_reductions(emulate: str, dtype: str) -> None:
    """Folds carry bits, in lanes, tiles and single values."""
    same_bits(reductions(dtype, 12, 19), emulate, ["LLVM", "PYTHON"])


@pytest.mark.parametrize("emulate, dtype", EMULATED)
def test_functions(emulate: str, dtype: str) -> None:
    build = Builder()
    x = build.input(dtype, numbers(dtype, 200, 4))
    for op in FUNCTIONS:
        build.judged(op, x)
    same_bits(build.case(), emulate, ["LLVM", "PYTHON"])


def test_division_and_roots_that_a_device_does_not_round_correctly() -> None:
    """The float stays; only these two are made of integers."""
    for dtype in ("float32", "float64"):
        build = Builder()
        first = edges(dtype)[::2]
        x = build.input(dtype, np.repeat(first, first.size))
        y = build.input(dtype, np.tile(first, first.size))
        build.judged("div", x, y)
        build.judged("sqrt", x)
        same_bits(build.case(), "no_float_div,no_sqrt", DEVICES)


def test_a_wrong_sum_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """On kernels that no other test has: what passes make of a kernel is remembered."""
    monkeypatch.setitem(floats._BINARY, Op.ADD, ("wrong", softfloat.sub))
    with pytest.raises(AssertionError):
        same_bits(reductions("float64", 5, 7), "float64", ["PYTHON"])
