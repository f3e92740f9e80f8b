"""The judge of the softmax family accepts the formula and refuses what is off."""

import numpy as np
import pytest

from oracles import numpy_ref
from oracles.accept import judge


@pytest.mark.parametrize(
    "name", ["softmax", "softmin", "log_softmax", "logsumexp", "logcumsumexp"]
)
def test_what_is_off_is_refused(name: str) -> None:
    x = np.random.default_rng(1).uniform(0.5, 2, (3, 5)).astype(np.float32)
    result = numpy_ref.evaluate(name, [x], {"axis": 1})
    assert judge(name, [x], {"axis": 1}, result).passed
    off = result * np.float32(1 + 2**-14)
    assert not judge(name, [x], {"axis": 1}, off).passed
