"""Norms, attention and losses at their corners, and functions one after the other."""

from typing import Any

import numpy as np
import pytest

from conformance.harness.calls import Operand, call_of
from conformance.harness.case import Statement
from engine import Tensor
from oracles.formats import Array
from tests.oracles.loss_cases import CASES


@pytest.mark.parametrize(
    ("name", "args", "attrs", "want"), CASES, ids=[f"{k}-{case[0]}" for k, case in enumerate(CASES)]
)
def test_corners(
    name: str, args: list[Array], attrs: dict[str, Any], want: Array, loaded: Any, value: Any
) -> None:
    """What the formula gives by hand, also where no oracle judges: infinities, NaN, zeros."""
    call = call_of(Statement(name, tuple(range(len(args))), attrs))
    x, *others = (loaded(one) for one in args)
    positional = [others[p.place - 1] if isinstance(p, Operand) else p for p in call.positional]
    named = {
        key: others[p.place - 1] if isinstance(p, Operand) else p
        for key, p in call.keywords.items()
    }
    got = value(getattr(x, call.method)(*positional, **named))
    assert (got.dtype, got.shape) == (want.dtype, want.shape)
    assert np.allclose(got, want, rtol=1e-6, atol=0, equal_nan=True)
    assert np.array_equal(np.signbit(got), np.signbit(want)), "of zeros, and of NaNs"


def test_functions_one_after_the_other(loaded: Any, value: Any) -> None:
    x = loaded([-1.0, 2.0])
    assert value(x.sequential([Tensor.relu, lambda t: t * 3, Tensor.neg])).tolist() == [0.0, -6.0]
    assert x.sequential([]) is x
