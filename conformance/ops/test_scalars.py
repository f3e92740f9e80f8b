"""Python scalars as operands, on either side: weak, rounded to the dtype before the operation."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.harness.devices import under_test
from conformance.harness.subject import array_bytes
from engine import Tensor
from oracles import numpy_ref
from oracles.catalog import ALL, ROWS
from oracles.edges import edges
from oracles.formats import FORMATS, Array
from oracles.numpy_ref.support import scalar as rounded
from oracles.promotion import to_float, weak

DEVICES = [device.name for device in under_test() if device.subject is not None]
SCALARS = (True, 0, 1, -1, 3, 100, 0.0, -0.0, 0.1, 2.5, float("inf"), float("nan"))
ARITHMETIC = ("add", "sub", "mul", "div", "floordiv", "mod")
COMPARISONS = {
    "eq": int.__eq__, "ne": int.__ne__, "lt": int.__lt__, "le": int.__le__, "gt": int.__gt__,
    "ge": int.__ge__,
}  # fmt: skip


def sample(name: str) -> tuple[Tensor, Array]:
    """Edge values as a tensor and as an array."""
    row = FORMATS[name]
    bits = edges(name)[:24]
    array = row.from_bits(bits)
    return Tensor.from_bytes(array_bytes(array), name, bits.shape, "PYTHON"), array


def fits(value: bool | int | float, name: str) -> bool:
    row = FORMATS[name]
    return row.is_float or row.kind == "bool" or row.minimum <= value <= row.maximum


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("op", ARITHMETIC)
def test_arithmetic_with_scalars(op: str, name: str) -> None:
    """Both orders; OverflowError for integers that do not fit an integer dtype."""
    tensor, array = sample(name)
    for value in SCALARS:
        dtype = weak(name, value)
        if not ROWS[op].accepts((dtype, dtype)) or not ROWS[op].accepts((name, dtype)):
            continue
        if op == "div":
            dtype = to_float(dtype)  # the scalar meets floats, into which every integer rounds
        if not isinstance(value, float) and not fits(value, dtype):
            with pytest.raises(OverflowError):
                getattr(tensor, op)(value)
            continue
        other = np.asarray(rounded(value, dtype))
        forward = numpy_ref.evaluate(op, [array, other], {})
        backward = numpy_ref.evaluate(op, [other, array], {})
        assert getattr(tensor, op)(value).tobytes() == array_bytes(forward), value
        assert getattr(tensor, op)(value, reverse=True).tobytes() == array_bytes(backward), value


@pytest.mark.parametrize("name", [n for n in ALL if FORMATS[n].kind in ("int", "uint")])
@pytest.mark.parametrize("op", list(COMPARISONS))
def test_comparisons_with_integers_of_any_size(op: str, name: str) -> None:
    """Exact, also with integers that the dtype does not hold."""
    tensor, array = sample(name)
    row = FORMATS[name]
    for value in (0, -1, row.minimum - 1, row.minimum, row.maximum, row.maximum + 1, 10**30):
        due = bytes(COMPARISONS[op](int(item), value) for item in array)
        assert getattr(tensor, op)(value).tobytes() == due, value


@pytest.mark.parametrize("device", DEVICES)
def test_operators_are_the_methods(device: str) -> None:
    x = Tensor([1.0, -0.0, 4.0], device=device)
    pairs = [
        (1 + x, x.add(1)), (1 - x, x.sub(1, reverse=True)), (2 * x, x.mul(2)), (-x, x.neg()),
        (1 / x, x.div(1, reverse=True)), (abs(x), x.abs()), (x < 1, x.lt(1)), (x == 0, x.eq(0)),
    ]  # fmt: skip
    for operator, method in pairs:
        assert operator.tobytes() == method.tobytes()
