"""Where outside oracles contradict each other or the contract, as data.

Each row is one case: a row of the catalog, its operands, what each oracle gives for them, and the
ruling of the contract, which our reference must give. `tests/oracles/test_disagreements.py`
evaluates every oracle again: a row whose oracle has changed its mind is stale and fails.

Answers depend on the build of the oracle: they were seen with numpy 2.4, torch 2.13 (CPU) and
mpmath 1.3 on x86-64. `VARIES` stands where an answer depends on the processor or on the place in
the array; it only has to differ from the ruling somewhere. `OneOf` lists the answers of an oracle
that is right on some processors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from oracles.formats import Array

Attributes = Mapping[str, Any]


class _Varies:
    """An answer that is wrong somewhere, but not everywhere in the same way."""


@dataclass(frozen=True)
class OneOf:
    """The answers seen on different processors; not all of them are the ruling."""

    answers: tuple[Array, ...]


VARIES: Final = _Varies()
Answer = Array | type[Exception] | _Varies | OneOf
Ruling = Array | type[Exception]


@dataclass(frozen=True)
class Asked:
    """One call of an oracle: `call` takes the oracle's module and the operands as it has them."""

    oracle: str
    call: Callable[..., Any]
    gives: Answer


@dataclass(frozen=True)
class Disagreement:
    """One case. `authority` says what the ruling follows; `rule`, where it is given, is what the
    reference evaluates in place of the row on the operands."""

    title: str
    op: str
    operands: tuple[Array, ...]
    ruling: Ruling
    authority: str
    answers: tuple[Asked, ...]
    attributes: Attributes = field(default_factory=dict)
    rule: Callable[[], Any] | None = None


@dataclass(frozen=True)
class NeverCalled:
    """A call that no test executes, and what it would do."""

    call: str
    reason: str


def _numpy(gives: Answer, call: Callable[..., Any]) -> Asked:
    return Asked("numpy", call, gives)


def _torch(gives: Answer, call: Callable[..., Any]) -> Asked:
    return Asked("torch", call, gives)


def _mpmath(gives: Answer, call: Callable[..., Any]) -> Asked:
    return Asked("mpmath", call, gives)


def _array(dtype: str, *values: Any) -> Array:
    return np.array(values, dtype)


def _bits(dtype: str, *words: int) -> Array:
    return np.array(words, f"uint{8 * np.dtype(dtype).itemsize}").view(dtype)


NAN, INF = float("nan"), float("inf")
_TINY = 2.0**-149
_ZEROS = (_array("float32", 0.0, -0.0), _array("float32", -0.0, 0.0))
_SMALL = 2.0**-11 + 2.0**-40

NEVER_CALLED = (
    NeverCalled(
        "torch.div(x, y, rounding_mode='trunc') of int32 and int64 MIN by -1",
        "kills the process with SIGFPE: the machine's division traps",
    ),
)

INTEGERS = (
    Disagreement(
        "an integer by zero", "floordiv", (_array("int8", 7), _array("int8", 0)),
        _array("int8", 0), "numpy; C leaves it undefined",
        (_numpy(_array("int8", 0), lambda np, x, y: x // y),
         _torch(RuntimeError, lambda torch, x, y: x // y)),
    ),
    Disagreement(
        "the remainder of an integer by zero", "mod", (_array("int8", 7), _array("int8", 0)),
        _array("int8", 0), "numpy; C leaves it undefined",
        (_torch(RuntimeError, lambda torch, x, y: x % y),),
    ),
    Disagreement(
        "the truncated remainder of an integer by zero", "fmod",
        (_array("int8", 7), _array("int8", 0)), _array("int8", 0), "numpy",
        (_torch(RuntimeError, lambda torch, x, y: torch.fmod(x, y)),),
    ),
    Disagreement(
        "negative exponents of integers", "pow",
        (_array("int8", 1, -1, -1, 2, 0), _array("int8", -1, -3, -2, -1, -1)),
        _array("int8", 1, -1, 1, 0, 0), "torch: the power truncated to an integer, 0 for 0",
        (_numpy(ValueError, lambda np, x, y: np.power(x, y)),
         _torch(_array("int8", 1, -1, 1, 0, 0), lambda torch, x, y: torch.pow(x, y))),
    ),
    Disagreement(
        "a scalar that does not fit", "full", (), OverflowError,
        "numpy: it raises when the graph is built",
        (_numpy(OverflowError, lambda np: np.array([1], np.uint8) + 300),
         _torch(_array("uint8", 45), lambda torch: torch.tensor([1], dtype=torch.uint8) + 300)),
        {"shape": (1,), "fill_value": 300, "dtype": "uint8"},
    ),
    Disagreement(
        "unsigned compared with -1", "gt", (_array("uint8", 1), _array("int64", -1)),
        _array("bool", True), "mathematics; numpy",
        (_torch(_array("bool", False), lambda torch, x, y: x > -1),),
    ),
    Disagreement(
        "unsigned compared beyond its range", "eq", (_array("uint8", 44), _array("int64", 300)),
        _array("bool", False), "mathematics; numpy",
        (_torch(_array("bool", True), lambda torch, x, y: x == 300),),
    ),
    Disagreement(
        "int64 beside uint64", "lt", (_array("int64", -1), _array("uint64", 1)),
        _array("bool", True), "mathematics; numpy",
        (_torch(RuntimeError, lambda torch, x, y: x < y),),
    ),
    Disagreement(
        "an integer compared with a float", "eq",
        (_array("int64", 2**24 + 1), _array("float32", 2.0**24)), _array("bool", True),
        "torch: in the promoted dtype",
        (_numpy(_array("bool", False), lambda np, x, y: x == y),
         _torch(_array("bool", True), lambda torch, x, y: x == y)),
    ),
    Disagreement(
        "the reciprocal of integers", "reciprocal", (_array("int32", 0, 2),),
        _array("float32", INF, 0.5), "torch: functions of integers are floats",
        (_numpy(VARIES, lambda np, x: np.reciprocal(x)),
         _torch(_array("float32", INF, 0.5), lambda torch, x: torch.reciprocal(x))),
    ),
    Disagreement(
        "the square of bools", "square", (_array("bool", True, False),),
        _array("bool", True, False), "the product of bools is `and`",
        (_numpy(_array("int8", 1, 0), lambda np, x: np.square(x)),
         _torch(_array("int64", 1, 0), lambda torch, x: torch.square(x))),
    ),
    Disagreement(
        "bounds beyond the dtype", "clamp", (_array("uint8", 0, 9),), _array("uint8", 0, 9),
        "numpy: bounds are taken into the range",
        (_torch(RuntimeError, lambda torch, x: torch.clamp(x, -1, 300)),),
        {"min_": -1, "max_": 300},
    ),
    Disagreement(
        "the product of bools as matrices", "matmul", (_array("bool", True), _array("bool", True)),
        np.asarray(np.int32(1)), "products accumulate in the default integer",
        (_numpy(np.asarray(np.bool_(True)), lambda np, x, y: np.matmul(x, y)),
         _torch(NotImplementedError, lambda torch, x, y: torch.matmul(x, y))),
    ),
    Disagreement(
        "a product of narrow integers", "matmul",
        (_array("int8", 127, 127), _array("int8", 127, 127)), np.asarray(np.int32(32258)),
        "products accumulate in the default integer",
        (_numpy(np.asarray(np.int8(2)), lambda np, x, y: np.matmul(x, y)),
         _torch(np.asarray(np.int8(2)), lambda torch, x, y: torch.matmul(x, y))),
    ),
)  # fmt: skip

FLOATS = (
    Disagreement(
        "maximum of zeros", "maximum", _ZEROS, _array("float32", 0.0, 0.0),
        "IEEE 754-2019 maximum: -0 < +0",
        (_numpy(VARIES, lambda np, x, y: np.maximum(x, y)),
         _torch(VARIES, lambda torch, x, y: torch.maximum(x, y))),
    ),
    Disagreement(
        "minimum of zeros", "minimum", _ZEROS, _array("float32", -0.0, -0.0),
        "IEEE 754-2019 minimum: -0 < +0",
        (_numpy(VARIES, lambda np, x, y: np.minimum(x, y)),
         _torch(VARIES, lambda torch, x, y: torch.minimum(x, y))),
    ),
    Disagreement(
        "the greatest of zeros", "max", (np.stack(_ZEROS),), _array("float32", 0.0, 0.0),
        "IEEE 754-2019 maximum: -0 < +0",
        (_numpy(VARIES, lambda np, x: np.stack([np.max(x[0]), np.max(x[1])])),
         _torch(VARIES, lambda torch, x: torch.stack([torch.amax(x[0]), torch.amax(x[1])]))),
        {"axis": 1},
    ),
    Disagreement(
        "the sign of NaN", "sign", (_array("float32", NAN),), _array("float32", NAN), "numpy",
        (_torch(_array("float32", 0.0), lambda torch, x: torch.sign(x)),),
    ),
    Disagreement(
        "relu of -0", "relu", (_array("float32", -0.0),), _array("float32", 0.0),
        "max(x, 0) of IEEE 754-2019",
        (_torch(_array("float32", -0.0), lambda torch, x: torch.relu(x)),),
    ),
    Disagreement(
        "-0 at a lower bound of 0", "clamp", (_array("float32", -0.0),), _array("float32", 0.0),
        "max(x, 0) of IEEE 754-2019",
        (_torch(_array("float32", -0.0), lambda torch, x: torch.clamp(x, min=0.0)),),
        {"min_": 0.0},
    ),
    Disagreement(
        "a remainder of zero by a negative number", "mod",
        (_array("float32", 6, 0), _array("float32", -3, -1)), _array("float32", -0.0, -0.0),
        "Python and numpy: the sign of the divisor",
        (_torch(_array("float32", 0, 0), lambda torch, x, y: torch.remainder(x, y)),),
    ),
    Disagreement(
        "a remainder whose quotient overflows", "fmod",
        (np.full(32, 1, np.float32), np.full(32, _TINY, np.float32)),
        np.zeros(32, np.float32), "IEEE 754: fmod is exact",
        (_numpy(np.zeros(32, np.float32), lambda np, x, y: np.fmod(x, y)),
         _torch(VARIES, lambda torch, x, y: torch.fmod(x, y))),
    ),
    Disagreement(
        "the floor of a large quotient", "floordiv",
        (_array("float32", float.fromhex("0x1.304864p+23")),
         _array("float32", float.fromhex("0x1.74187p-1"))),
        _array("float32", 13719645.0), "the exact quotient",
        (_numpy(_array("float32", 13719646.0), lambda np, x, y: np.floor_divide(x, y)),
         _torch(_array("float32", 13719646.0), lambda torch, x, y: torch.floor_divide(x, y))),
    ),
    Disagreement(
        "the power 0.5 is no root", "pow",
        (_array("float32", -0.0, -INF), _array("float32", 0.5, 0.5)), _array("float32", 0.0, INF),
        "C Annex F.10.4.4",
        (_numpy(_array("float32", -0.0, NAN), lambda np, x, y: x**0.5),
         _torch(_array("float32", -0.0, NAN), lambda torch, x, y: x**0.5)),
    ),
    Disagreement(
        "the power -0.5 is no reciprocal root", "pow",
        (_array("float32", -0.0, -INF), _array("float32", -0.5, -0.5)),
        _array("float32", INF, 0.0), "C Annex F.10.4.4",
        (_torch(_array("float32", -INF, NAN), lambda torch, x, y: x**-0.5),),
    ),
    Disagreement(
        "powers of and to special numbers", "pow",
        (_array("float64", 1, NAN, 1, INF, -1), _array("float64", NAN, 0, INF, 0, INF)),
        _array("float64", 1, 1, 1, 1, 1), "C Annex F.10.4.4",
        (_mpmath(_array("float64", NAN, NAN, NAN, NAN, NAN), lambda mpmath, x, y: _real(
            mpmath.power(mpmath.mpf(a), mpmath.mpf(b)) for a, b in zip(x.tolist(), y.tolist()))),),
    ),
    Disagreement(
        "log1p of subnormals", "log1p", (_array("float32", -_TINY, _TINY),),
        _array("float32", -_TINY, _TINY), "C Annex F.10.3.9 and the value x",
        (_numpy(_array("float32", -_TINY, _TINY), lambda np, x: np.log1p(x)),
         _torch(VARIES, lambda torch, x: torch.log1p(x))),
    ),
    Disagreement(
        "sigmoid far below 0", "sigmoid", (_array("float32", -89.0),),
        _array("float32", 2.2273639e-39), "the value, a subnormal number",
        (_torch(_array("float32", 0.0), lambda torch, x: torch.sigmoid(x)),),
    ),
    Disagreement(
        "sinh next to overflow", "sinh", (np.full(32, 89, np.float32),),
        np.full(32, 2.2448064e38, np.float32), "the value, a finite number",
        (_torch(VARIES, lambda torch, x: torch.sinh(x)),),
    ),
    Disagreement(
        "cosh next to overflow", "cosh", (np.full(32, 89, np.float32),),
        np.full(32, 2.2448064e38, np.float32), "the value, a finite number",
        (_torch(VARIES, lambda torch, x: torch.cosh(x)),),
    ),
    Disagreement(
        "a square root", "sqrt", (_array("float32", 91.27564),), _array("float32", 9.553828),
        "IEEE 754: correctly rounded",
        (_numpy(_array("float32", 9.553828), lambda np, x: np.sqrt(x)),
         # Through MKL, whose vector square root depends on who made the processor.
         _torch(OneOf((_array("float32", 9.553829), _array("float32", 9.553828))),
                lambda torch, x: torch.sqrt(x))),
    ),
    Disagreement(
        "the root of a negative number", "sqrt", (_array("float64", -1.0),),
        _array("float64", NAN), "IEEE 754",
        (_mpmath(_array("float64", 1.0), lambda mpmath, x: [abs(mpmath.sqrt(x[0]).imag)]),),
    ),
    Disagreement(
        "the remainder of mpmath", "fmod", (_array("float64", -7.0), _array("float64", 3.0)),
        _array("float64", -1.0), "C: the sign of the dividend",
        (_mpmath(_array("float64", 2.0), lambda mpmath, x, y: [mpmath.fmod(x[0], y[0])]),),
    ),
    Disagreement(
        "the sign of zero in mpmath", "neg", (_array("float64", 0.0),), _array("float64", -0.0),
        "IEEE 754", (_mpmath(_array("float64", 0.0), lambda mpmath, x: [-mpmath.mpf(x[0])]),),
    ),
)  # fmt: skip

CASTS = (
    Disagreement(
        "what int32 does not hold", "cast", (_array("float32", NAN, INF, -INF, 3e9),),
        _array("int32", 0, 2**31 - 1, -(2**31), 2**31 - 1), "saturation, as on GPUs, ARM and wasm",
        (_numpy(_array("int32", *[-(2**31)] * 4), lambda np, x: x.astype(np.int32)),
         _torch(_array("int32", *[-(2**31)] * 4), lambda torch, x: x.to(torch.int32))),
        {"dtype": "int32"},
    ),
    Disagreement(
        "what uint8 does not hold", "cast", (_array("float32", 300, -1, 256),),
        _array("uint8", 255, 0, 255), "saturation",
        (_numpy(_array("uint8", 44, 255, 0), lambda np, x: x.astype(np.uint8)),
         _torch(_array("uint8", 44, 255, 0), lambda torch, x: x.to(torch.uint8))),
        {"dtype": "uint8"},
    ),
    Disagreement(
        "what int8 does not hold", "cast", (_array("float32", 300, 128, INF, NAN),),
        _array("int8", 127, 127, 127, 0), "saturation",
        (_numpy(_array("int8", 44, -128, 0, 0), lambda np, x: x.astype(np.int8)),
         _torch(_array("int8", 44, -128, 0, 0), lambda torch, x: x.to(torch.int8))),
        {"dtype": "int8"},
    ),
    Disagreement(
        "a large float64 as uint8", "cast", (_array("float64", 2.0**32 - 1),),
        _array("uint8", 255), "saturation",
        (_numpy(_array("uint8", 0), lambda np, x: x.astype(np.uint8)),
         _torch(_array("uint8", 255), lambda torch, x: x.to(torch.uint8))),
        {"dtype": "uint8"},
    ),
    Disagreement(
        "what uint64 does not hold", "cast", (_array("float64", NAN, INF, -1, 2.0**64),),
        _array("uint64", 0, 2**64 - 1, 0, 2**64 - 1), "saturation",
        (_numpy(_array("uint64", 2**63, 0, 2**64 - 1, 0), lambda np, x: x.astype(np.uint64)),
         _torch(_array("uint64", 2**63, 0, 2**64 - 1, 0), lambda torch, x: x.to(torch.uint64))),
        {"dtype": "uint64"},
    ),
    Disagreement(
        "float64 to float16", "cast", (_array("float64", 1 + _SMALL),),
        _array("float16", 1.0009765625), "IEEE 754: one rounding",
        (_numpy(_array("float16", 1.0009765625), lambda np, x: x.astype(np.float16)),
         _torch(_array("float16", 1.0), lambda torch, x: x.to(torch.float16))),
        {"dtype": "float16"},
    ),
    Disagreement(
        "a signalling NaN that is narrowed", "cast", (_bits("float32", 0x7F800001),),
        _bits("uint16", 0x7E00), "a computed NaN is canonical",
        (_numpy(_bits("uint16", 0x7C01), lambda np, x: x.astype(np.float16).view(np.uint16)),),
        {"dtype": "float16"}, lambda: _narrowed(_bits("float32", 0x7F800001)),
    ),
)  # fmt: skip

PROMOTION = (
    Disagreement(
        "signed with uint64", "add", (_array("int64", -1), _array("uint64", 1)),
        _array("uint64", 0), "integers stay integers",
        (_numpy(_array("float64", 0.0), lambda np, x, y: x + y),
         _torch(RuntimeError, lambda torch, x, y: x + y)),
    ),
    Disagreement(
        "int32 with float32", "add", (_array("int32", 1), _array("float32", 1)),
        _array("float32", 2), "torch: the float's dtype",
        (_numpy(_array("float64", 2), lambda np, x, y: x + y),),
    ),
    Disagreement(
        "int64 with float16", "add", (_array("int64", 1), _array("float16", 1)),
        _array("float16", 2), "torch: the float's dtype",
        (_numpy(_array("float64", 2), lambda np, x, y: x + y),),
    ),
    Disagreement(
        "an integer divided by an integer", "div", (_array("int32", 2**24 + 1), _array("int32", 1)),
        _array("float32", 2.0**24), "torch: the default float",
        (_numpy(_array("float64", 2.0**24 + 1), lambda np, x, y: x / y),),
    ),
    Disagreement(
        "a function of small integers", "sqrt", (_array("int8", 2),), _array("float32", 2**0.5),
        "torch: the default float",
        (_numpy(_array("float16", 2**0.5), lambda np, x: np.sqrt(x)),),
    ),
    Disagreement(
        "an integer with a Python float", "add", (_array("int32", 1), _array("float32", 1.5)),
        _array("float32", 2.5), "torch: the default float",
        (_numpy(_array("float64", 2.5), lambda np, x, y: x + 1.5),),
    ),
    Disagreement(
        "float16 with a Python float", "mul", (_array("float16", 3, 7), _array("float16", 0.1)),
        _array("float16", 0.2998, 0.6997), "numpy: the scalar is rounded first",
        (_torch(_array("float16", 0.3, 0.7), lambda torch, x, y: x * 0.1),),
    ),
    Disagreement(
        "a Python float beyond float16", "mul", (_array("float16", 0.5), _array("float16", INF)),
        _array("float16", INF), "numpy: the scalar is rounded first",
        (_torch(_array("float16", 35008), lambda torch, x, y: x * 70000.0),),
    ),
    Disagreement(
        "a tensor without axes is not weak", "add",
        (_array("int8", 1, 2), np.asarray(np.int64(300))), _array("int64", 301, 302), "numpy",
        (_torch(_array("int8", 45, 46), lambda torch, x, y: x + y),),
    ),
    Disagreement(
        "the floor of a quotient of bools", "floordiv", (_array("bool", True),) * 2, TypeError,
        "torch: bools have no quotient",
        (_numpy(_array("int8", 1), lambda np, x, y: x // y),
         _torch(NotImplementedError, lambda torch, x, y: x // y)),
    ),
    Disagreement(
        "shifted bools", "lshift", (_array("bool", True),) * 2, TypeError,
        "bools have no bits to shift", (_numpy(_array("int8", 2), lambda np, x, y: x << y),),
    ),
)  # fmt: skip

REDUCTIONS = (
    Disagreement(
        "the sum of uint8", "sum", (_array("uint8", 255, 1),), np.asarray(np.uint32(256)),
        "unsigned sums are unsigned, of 32 bits at least",
        (_numpy(np.asarray(np.uint64(256)), lambda np, x: np.sum(x)),
         _torch(np.asarray(np.int64(256)), lambda torch, x: torch.sum(x))),
    ),
    Disagreement(
        "the sum of uint64", "sum", (_array("uint64", 2**63 + 1),),
        np.asarray(np.uint64(2**63 + 1)), "numpy",
        (_torch(np.asarray(np.int64(1 - 2**63)), lambda torch, x: torch.sum(x)),),
    ),
    Disagreement(
        "float16 ones along the first axis", "sum", (np.ones((5000, 2), np.float16),),
        _array("float16", 5000, 5000), "torch: float32 accumulates",
        (_numpy(_array("float16", 2048, 2048), lambda np, x: np.sum(x, axis=0)),
         _torch(_array("float16", 5000, 5000), lambda torch, x: torch.sum(x, 0))),
        {"axis": 0},
    ),
    Disagreement(
        "whether any uint8 is not zero", "any", (_array("uint8", 2),), np.asarray(np.bool_(True)),
        "numpy", (_torch(np.asarray(np.uint8(1)), lambda torch, x: torch.any(x)),),
    ),
    Disagreement(
        "the mean of integers", "mean", (_array("int32", 1, 2),), np.asarray(np.float32(1.5)),
        "the default float",
        (_numpy(np.asarray(np.float64(1.5)), lambda np, x: np.mean(x)),
         _torch(RuntimeError, lambda torch, x: torch.mean(x))),
    ),
    Disagreement(
        "the correction of a variance", "var", (_array("float32", 1, 2, 3),),
        np.asarray(np.float32(1.0)), "torch: 1",
        (_numpy(np.asarray(np.float32(2 / 3)), lambda np, x: np.var(x)),),
    ),
    Disagreement(
        "a running sum of -0", "cumsum", (_array("float32", -0.0),), _array("float32", 0.0),
        "torch: every sum starts from +0",
        (_numpy(_array("float32", -0.0), lambda np, x: np.cumsum(x)),), {"axis": 0},
    ),
)  # fmt: skip

INDEXING = (
    Disagreement(
        "an index of uint8", "take", (_array("float32", 5, 6), _array("uint8", 1, 0)),
        _array("float32", 6, 5), "numpy: only bools are masks",
        (_numpy(_array("float32", 6, 5), lambda np, x, index: x[index]),
         _torch(_array("float32", 5), lambda torch, x, index: x[index])),
        {"axis": 0},
    ),
    Disagreement(
        "a negative index", "take", (_array("float32", 5, 6), _array("int64", -1)),
        _array("float32", 6), "numpy: counts from the end",
        (_torch(RuntimeError, lambda torch, x, index: torch.gather(x, 0, index)),), {"axis": 0},
    ),
    Disagreement(
        "a negative step", "getitem", (_array("float32", 5, 6),), _array("float32", 6, 5), "numpy",
        (_torch(ValueError, lambda torch, x: x[::-1]),), {"index": slice(None, None, -1)},
    ),
    Disagreement(
        "a range that ends before it starts", "arange", (), np.zeros(0, np.int32),
        "numpy: it is empty", (_torch(RuntimeError, lambda torch: torch.arange(3, 0)),),
        {"start": 3, "stop": 0},
    ),
)  # fmt: skip

ROWS: tuple[Disagreement, ...] = (
    *INTEGERS, *FLOATS, *CASTS, *PROMOTION, *REDUCTIONS, *INDEXING,
)  # fmt: skip


def _real(values: Any) -> list[float]:
    """mpmath's numbers as floats; its complex ones by their real part."""
    return [float(value.real) for value in values]


def _narrowed(x: Array) -> Array:
    """The bits of a float32 cast to float16, where NaN is not one class."""
    from oracles.numpy_ref import evaluate

    return evaluate("cast", [x], {"dtype": "float16"}).view(np.uint16)
