"""The softmax family: infinities, scalars, dtypes, growth."""

from typing import Any

import numpy as np
import pytest

from engine import Tensor, dtypes
from engine.graph import toposort

INF = np.inf


def test_values(loaded: Any, value: Any) -> None:
    x = np.random.default_rng(0).standard_normal((3, 40)) * 9
    powers = np.exp(x - x.max(1, keepdims=True))
    total = powers.sum(1, keepdims=True)
    tensor = loaded(x)
    assert np.allclose(value(tensor.softmax(1)), powers / total, rtol=1e-13)
    assert np.allclose(value(loaded(-x).softmin(1)), powers / total, rtol=1e-13)
    assert np.allclose(value(tensor.log_softmax(1)), np.log(powers / total), rtol=1e-13)
    assert np.allclose(value(tensor.logsumexp(1)), np.log(np.exp(x).sum(1)), rtol=1e-13)
    running = np.log(np.cumsum(np.exp(x), 1))
    assert np.allclose(value(tensor.logcumsumexp(1)), running, rtol=1e-13)


def test_infinities(loaded: Any, value: Any) -> None:
    assert value(loaded([-INF, -INF]).logsumexp()) == -INF
    assert value(loaded([-INF, INF]).logsumexp()) == INF
    assert value(loaded(np.zeros((0, 2))).logsumexp(0)).tolist() == [-INF, -INF]
    assert np.isnan(value(loaded([-INF, -INF]).softmax())).all()
    assert value(loaded([-INF, 0.0]).softmax()).tolist() == [0.0, 1.0]
    assert value(loaded([-INF, 1.0, INF, 2.0]).logcumsumexp()).tolist() == [-INF, 1.0, INF, INF]


def test_a_small_beginning_is_not_lost_to_a_large_end(loaded: Any, value: Any) -> None:
    assert value(loaded([0.0, 1000.0]).logcumsumexp()).tolist() == [0.0, 1000.0]


def test_dtypes_and_scalars(loaded: Any, value: Any) -> None:
    assert Tensor([1, 2]).softmax().dtype is dtypes.float32
    assert Tensor([1, 2]).softmax(dtype="float16").dtype is dtypes.float16
    assert value(loaded(3.0).softmax()) == 1.0 and value(loaded(3.0).logcumsumexp()) == 3.0
    with pytest.raises(TypeError, match="log_softmax: the result is a float, not int8"):
        Tensor([1.0]).log_softmax(dtype="int8")


def test_growth_is_logarithmic() -> None:
    sizes = [len(toposort([Tensor.zeros(n).logcumsumexp().node])) for n in (1 << 8, 1 << 16)]
    assert sizes[1] < 2.1 * sizes[0]
