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


@pytest.mark.parametrize("left", ALL)
def test_promotion_of_pairs(left: str) -> None:
    for right in ALL:
        found = dtypes.promote(dtypes.as_dtype(left), dtypes.as_dtype(right))
        assert found.name == promotion.promote(left, right)


@pytest.mark.parametrize("scalar", [True, 1, 1.5])
def test_python_scalars_are_weak(scalar: bool | int | float) -> None:
    for name in ALL:
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
