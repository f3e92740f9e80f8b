"""Tensors in memory, and their values by the tensor-level interpreter.

So these tests launch nothing: they say that the right graph was built.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine import dtypes, storage
from engine.arrays import NUMPY
from engine.graph import Node
from engine.interpret.tensors import evaluate
from engine.spec import verify_tensor
from engine.tensor import Tensor

Loaded = Callable[..., Tensor]
Value = Callable[[Tensor], Any]


def _loaded(data: Any, dtype: str | None = None, device: str = "LLVM") -> Tensor:
    """A tensor in memory with the values of an array."""
    array = np.asarray(data, None if dtype is None else NUMPY[dtypes.as_dtype(dtype)])
    row = dtypes.BY_NAME[array.dtype.name]
    return Tensor.from_node(storage.from_host(array.tobytes(), row, array.shape, device))


def _contents(buffer: Node) -> Any:
    """The items in a buffer's memory."""
    return np.frombuffer(storage.memory_of(buffer).read(), NUMPY[buffer.dtype])[: buffer.arg[1]]


def _value(tensor: Tensor) -> Any:
    """The array that a tensor stands for; its dtype and shape must be as announced."""
    verify_tensor(tensor.node)
    (result,) = evaluate([tensor.node], _contents)
    assert result.dtype.name == tensor.dtype.name
    if all(isinstance(size, int) for size in tensor.shape):
        assert result.shape == tensor.shape
    return result


@pytest.fixture(scope="session")
def value() -> Value:
    return _value


@pytest.fixture(scope="session")
def loaded() -> Loaded:
    return _loaded
