"""The judges of every class at the ends of formats that have no infinity, or one zero only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from oracles import accept
from oracles.catalog import FLOAT8, ROWS, Exactness
from oracles.formats import FORMATS, Array

SATURATING = tuple(name for name in FLOAT8 if not FORMATS[name].infinite)
ONE_ZERO = tuple(name for name in FLOAT8 if not FORMATS[name].minus_zero)
# Row, attributes, operands of which each is a power of two times the largest number: all overflow.
OVERFLOWS: tuple[tuple[str, dict[str, Any], tuple[float, ...]], ...] = (
    ("add", {}, (1, 1)), ("mul", {}, (1, 1)), ("square", {}, (1,)),
    ("exp", {}, (1,)), ("sinh", {}, (1,)), ("pow", {}, (1, 1)),
    ("cumsum", {}, (1,)), ("sum", {}, (1,)), ("prod", {}, (1,)), ("logaddexp", {}, (1, 1)),
    ("celu", {}, (1,)), ("softplus", {}, (1,)), ("clamp", {"min_": 1e30}, (1,)),
)  # fmt: skip


def array(name: str, *bits: int) -> Array:
    row = FORMATS[name]
    return row.from_bits(np.array(bits, row.unsigned))


def accepted(op: str, attributes: dict[str, Any], args: list[Array], got: Array) -> bool:
    return accept.judge(op, args, attributes, got).passed


@pytest.mark.parametrize("name", SATURATING)
@pytest.mark.parametrize("op, attributes, operands", OVERFLOWS)
def test_what_overflows_is_the_largest_number(
    name: str, op: str, attributes: dict[str, Any], operands: tuple[float, ...]
) -> None:
    """Nothing else is: neither its neighbour nor a NaN nor the other end."""
    row = FORMATS[name]
    args = [array(name, row.largest, row.largest) for _ in operands]
    size = 1 if op in ("sum", "prod") else 2
    shape = () if size == 1 else (2,)

    def verdict(last: int) -> bool:
        first = [row.largest] if size > 1 else []
        got = array(name, *first, last).reshape(shape)
        return accepted(op, attributes, args, got)

    assert verdict(row.largest)
    for wrong in (row.largest - 1, row.canonical_nan or 0, row.largest | row.sign_bit, 0):
        assert not verdict(wrong), hex(wrong)


@pytest.mark.parametrize("name", FLOAT8)
def test_a_negative_result_that_vanishes(name: str) -> None:
    """It is -0 where there is one, and the zero there is elsewhere, but no NaN."""
    row = FORMATS[name]
    zero, least, nan = row.sign_bit if row.minus_zero else 0, 1, row.canonical_nan or 0
    for op, args in (
        ("mul", [array(name, least | row.sign_bit), array(name, least)]),
        ("silu", [array(name, row.largest | row.sign_bit)]),
        ("mod", [array(name, 0), array(name, least | row.sign_bit)]),
    ):  # fmt: skip
        assert accepted(op, {}, args, array(name, zero)), op
        assert not accepted(op, {}, args, array(name, nan)), op
        if row.minus_zero and ROWS[op].exactness is not Exactness.COMPOSITE:
            assert not accepted(op, {}, args, array(name, 0)), op


@pytest.mark.parametrize("name", ONE_ZERO)
@pytest.mark.parametrize("op", ["neg", "abs", "sin", "round", "relu"])
def test_the_only_zero_stays(name: str, op: str) -> None:
    """The pattern of -0 is the NaN, and what moves bits must not make one of the other."""
    zero, nan = array(name, 0), array(name, FORMATS[name].sign_bit)
    assert accepted(op, {}, [zero], zero) and not accepted(op, {}, [zero], nan)
    assert accepted(op, {}, [nan], nan) and not accepted(op, {}, [nan], zero)
