"""Which dtype an operation computes in, and how integers of different dtypes compare."""

import itertools
import operator
from typing import Any

import numpy as np
import pytest

from engine import dtypes
from engine.tensor import Tensor

SHORT = {
    "b": "bool", "i1": "int8", "i2": "int16", "i4": "int32", "i8": "int64", "u1": "uint8",
    "u2": "uint16", "u4": "uint32", "u8": "uint64", "f2": "float16", "f4": "float32",
    "f8": "float64", "b2": "bfloat16", "e4": "float8_e4m3fn", "e5": "float8_e5m2",
    "z4": "float8_e4m3fnuz", "z5": "float8_e5m2fnuz",
}  # fmt: skip
TABLE = """
    b  i1 i2 i4 i8 u1 u2 u4 u8 e4 e5 z4 z5 b2 f2 f4 f8
b   b  i1 i2 i4 i8 u1 u2 u4 u8 e4 e5 z4 z5 b2 f2 f4 f8
i1  i1 i1 i2 i4 i8 i2 i4 i8 u8 e4 e5 z4 z5 b2 f2 f4 f8
i2  i2 i2 i2 i4 i8 i2 i4 i8 u8 e4 e5 z4 z5 b2 f2 f4 f8
i4  i4 i4 i4 i4 i8 i4 i4 i8 u8 e4 e5 z4 z5 b2 f2 f4 f8
i8  i8 i8 i8 i8 i8 i8 i8 i8 u8 e4 e5 z4 z5 b2 f2 f4 f8
u1  u1 i2 i2 i4 i8 u1 u2 u4 u8 e4 e5 z4 z5 b2 f2 f4 f8
u2  u2 i4 i4 i4 i8 u2 u2 u4 u8 e4 e5 z4 z5 b2 f2 f4 f8
u4  u4 i8 i8 i8 i8 u4 u4 u4 u8 e4 e5 z4 z5 b2 f2 f4 f8
u8  u8 u8 u8 u8 u8 u8 u8 u8 u8 e4 e5 z4 z5 b2 f2 f4 f8
e4  e4 e4 e4 e4 e4 e4 e4 e4 e4 e4 f4 f4 f4 b2 f2 f4 f8
e5  e5 e5 e5 e5 e5 e5 e5 e5 e5 f4 e5 f4 f4 b2 f2 f4 f8
z4  z4 z4 z4 z4 z4 z4 z4 z4 z4 f4 f4 z4 f4 b2 f2 f4 f8
z5  z5 z5 z5 z5 z5 z5 z5 z5 z5 f4 f4 f4 z5 b2 f2 f4 f8
b2  b2 b2 b2 b2 b2 b2 b2 b2 b2 b2 b2 b2 b2 b2 f4 f4 f8
f2  f2 f2 f2 f2 f2 f2 f2 f2 f2 f2 f2 f2 f2 f4 f2 f4 f8
f4  f4 f4 f4 f4 f4 f4 f4 f4 f4 f4 f4 f4 f4 f4 f4 f4 f8
f8  f8 f8 f8 f8 f8 f8 f8 f8 f8 f8 f8 f8 f8 f8 f8 f8 f8
"""
HEAD, *ROWS = [line.split() for line in TABLE.strip().splitlines()]
PAIRS = {
    (SHORT[row[0]], SHORT[column]): SHORT[entry]
    for row in ROWS
    for column, entry in zip(HEAD, row[1:])
}
NAMES = [row.name for row in dtypes.TENSOR_DTYPES]
INTEGERS = [name for name in NAMES if "int" in name]


def zeros(dtype: str) -> Tensor:
    return Tensor.zeros(2, dtype=dtype)


def test_the_table_is_complete() -> None:
    assert set(PAIRS) == set(itertools.product(NAMES, NAMES))


@pytest.mark.parametrize("a", NAMES)
def test_two_tensors(a: str) -> None:
    for b in NAMES:
        wanted = PAIRS[a, b]
        assert (zeros(a) + zeros(b)).dtype.name == wanted
        assert (zeros(a) * zeros(b)[0]).dtype.name == wanted, "0-d tensors are not weak"
        assert zeros("bool").where(zeros(a), zeros(b)).dtype.name == wanted
        divided = wanted if "float" in wanted else "float32"
        assert (zeros(a) / zeros(b)).dtype.name == divided
        assert (zeros(a) < zeros(b)).dtype.name == "bool"


@pytest.mark.parametrize("name", NAMES)
def test_a_tensor_and_a_python_scalar(name: str) -> None:
    x = zeros(name)
    number = "int32" if name == "bool" else name
    real = name if "float" in name else "float32"
    for result, wanted in (
        (x + True, name), (True + x, name), (x + 1, number), (1 * x, number), (x + 1.0, real),
        (2.0 * x, real), (x / 2, real), (1 / x, real), (x / True, real),
        (x.sqrt(), real), (x.exp2(), real), (x.log2(), real),
        (x.maximum(1), number), (x.minimum(0.5), real), (x == 1.5, "bool"), (x == 1, "bool"),
        (zeros("bool").where(x, 1), number), (zeros("bool").where(1.5, x), real),
    ):  # fmt: skip
        assert result.dtype.name == wanted


def test_scalars_alone() -> None:
    mask = zeros("bool")
    assert mask.where(True, False).dtype is dtypes.bool_
    assert mask.where(True, 2).dtype is dtypes.int32
    assert mask.where(1, 2.0).dtype is dtypes.float32


@pytest.mark.parametrize("name", INTEGERS)
def test_an_integer_scalar_that_does_not_fit(name: str) -> None:
    row = dtypes.BY_NAME[name]
    x = zeros(name)
    for value in (row.min - 1, row.max + 1, 10**40):
        for op in (operator.add, operator.sub, operator.mul, operator.floordiv, operator.and_):
            with pytest.raises(OverflowError, match=f"{value} does not fit {name}"):
                op(x, value)
            with pytest.raises(OverflowError, match=name):
                op(value, x)
        assert (x / value).dtype is dtypes.float32


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_an_integer_scalar_rounds_to_a_float_dtype(name: str, loaded: Any, value: Any) -> None:
    x = loaded([0.0], name)
    with np.errstate(over="ignore"):
        assert value(x + (2**53 + 1))[0] == np.dtype(name).type(2**53)
    assert value(x + 10**400)[0] == np.inf
    assert value(x - 10**400)[0] == -np.inf


def numbers(name: str) -> list[int]:
    """Integers at the edges of a dtype, and edges of others that it holds."""
    row = dtypes.BY_NAME[name]
    edges = [0, 1, -1, 127, 128, 255, 256, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63]
    return sorted({v for v in (*edges, row.min, row.max, -128) if row.min <= v <= row.max})


COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")


@pytest.mark.parametrize("a", INTEGERS)
def test_integers_compare_as_numbers(a: str, loaded: Any, value: Any) -> None:
    left = numbers(a)
    x = loaded(np.array(left, a)[:, None])
    for b in INTEGERS:
        right = numbers(b)
        y = loaded(np.array(right, b))
        for name in COMPARISONS:
            wanted = [[getattr(operator, name)(p, q) for q in right] for p in left]
            assert value(getattr(x, name)(y)).tolist() == wanted, (a, b, name)


@pytest.mark.parametrize("a", [*INTEGERS, "bool"])
def test_integers_compare_with_any_python_integer(a: str, loaded: Any, value: Any) -> None:
    left = [0, 1] if a == "bool" else numbers(a)
    x = loaded(np.array(left, a))
    for scalar in (-(2**70), -(2**63) - 1, -129, -1, 0, 1, True, 255, 256, 2**63, 2**64, 2**70):
        for name in COMPARISONS:
            wanted = [getattr(operator, name)(p, scalar) for p in left]
            assert value(getattr(x, name)(scalar)).tolist() == wanted, (scalar, name)
            assert value(getattr(operator, name)(x, scalar)).tolist() == wanted


def test_bools_compare(loaded: Any, value: Any) -> None:
    x, y = np.array([[False], [True]]), np.array([False, True])
    for name in COMPARISONS:
        wanted = getattr(operator, name)(x.astype(int), y.astype(int))
        assert (value(getattr(loaded(x), name)(loaded(y))) == wanted).all()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_no_comparison_but_ne_holds_with_nan(dtype: str, loaded: Any, value: Any) -> None:
    x = np.array([np.nan, 1, -0.0, np.inf], dtype)
    for name in COMPARISONS:
        result = value(getattr(loaded(x[:, None]), name)(loaded(x)))
        assert (result == getattr(operator, name)(x[:, None], x)).all()


def test_an_integer_and_a_float_compare_in_the_float(loaded: Any, value: Any) -> None:
    x = loaded([2**24 + 1], "int32")
    assert value(x == float(2**24)).tolist() == [True]
    assert value(x == loaded([2.0**24], "float64")).tolist() == [False]
