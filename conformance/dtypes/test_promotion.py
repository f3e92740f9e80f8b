"""The engine and the catalog state typing independently; here they are compared."""

import itertools

import pytest

from conformance.harness.plans.elementwise import is_elementwise
from engine import Tensor, dtypes
from oracles import promotion
from oracles.catalog import ALL, ROWS, result_dtype
from oracles.formats import FORMATS

PLAIN = [row for row in ROWS.values() if is_elementwise(row.name) and row.is_plain]
UNARY = [row.name for row in PLAIN if row.operands == 1]
BINARY = [row.name for row in PLAIN if row.operands == 2]


@pytest.mark.parametrize("first", FORMATS)
def test_promotion(first: str) -> None:
    """Of two dtypes, and of three."""
    for second, third in itertools.product(FORMATS, repeat=2):
        rows = [dtypes.as_dtype(name) for name in (first, second, third)]
        assert dtypes.promote(*rows[:2]).name == promotion.promote(first, second)
        assert dtypes.promote(*rows).name == promotion.promote(first, second, third)


def test_formats() -> None:
    """Both sides have the same dtypes, and of floats the same patterns."""
    assert {row.name for row in dtypes.TENSOR_DTYPES} == set(FORMATS)
    for row in (row for row in dtypes.TENSOR_DTYPES if row.is_float):
        other = FORMATS[row.name]
        assert (row.bits, row.precision, 1 - row.bias) == (other.bits, other.precision, other.emin)
        assert (row.canonical_nan, row.largest) == (other.canonical_nan, other.largest)
        assert (row.has_infinity, row.has_negative_zero) == (other.infinite, other.minus_zero)
        assert dtypes.accumulator(row).name == promotion.accumulator(row.name)


@pytest.mark.parametrize("scalar", [True, 1, 1.5])
def test_python_scalars_are_weak(scalar: bool | int | float) -> None:
    for name in FORMATS:
        assert dtypes.weak(dtypes.as_dtype(name), scalar).name == promotion.weak(name, scalar)


@pytest.mark.parametrize("op", BINARY)
def test_binary_rows_allow_and_return_the_same_dtypes(op: str) -> None:
    """Where the catalog forbids operands, the engine raises TypeError when the graph is built."""
    for left, right in itertools.product(ALL, repeat=2):
        x, y = (Tensor.from_bytes(bytes(FORMATS[d].bits // 8), d, (1,)) for d in (left, right))
        if ROWS[op].accepts((left, right)):
            expected = result_dtype(op, (left, right), {})
            assert getattr(x, op)(y).dtype.name == expected
        else:
            with pytest.raises(TypeError):
                getattr(x, op)(y)


@pytest.mark.parametrize("op", [*UNARY, "sum", "prod"])
def test_unary_rows_allow_and_return_the_same_dtypes(op: str) -> None:
    for name in ALL:
        x = Tensor.from_bytes(bytes(FORMATS[name].bits // 8), name, (1,))
        if ROWS[op].accepts((name,)):
            assert getattr(x, op)().dtype.name == result_dtype(op, (name,), {})
        else:
            with pytest.raises(TypeError):
                getattr(x, op)()
