"""Tensors whose memory is a dictionary, and their values by the tensor-level interpreter.

So these tests need no device: they say that the right graph was built.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from engine import dtypes, shapes, storage
from engine.dtypes import DType
from engine.graph import Node
from engine.interpret.tensors import evaluate
from engine.spec import verify_tensor
from engine.tensor import Tensor

Loaded = Callable[..., Tensor]
Value = Callable[[Tensor], Any]
_contents: dict[Node, Any] = {}


def _loaded(data: Any, dtype: str | None = None, device: str = "LLVM") -> Tensor:
    """A tensor in memory with the values of an array."""
    array = np.asarray(data, dtype)
    row = dtypes.BY_NAME[array.dtype.name]
    buffer = storage.new_buffer(row, math.prod(array.shape), device)
    _contents[buffer] = array.ravel()
    return Tensor.from_node(shapes.view_of(buffer, array.shape))


def _from_host(data: bytes, dtype: DType, shape: tuple[int, ...], device: str) -> Node:
    """What `storage.from_host` does, without a device."""
    return _loaded(np.frombuffer(data, dtype.name).reshape(shape), device=device).node


def _value(tensor: Tensor) -> Any:
    """The array that a tensor stands for; its dtype and shape must be as announced."""
    verify_tensor(tensor.node)
    (result,) = evaluate([tensor.node], _contents.__getitem__)
    assert result.dtype.name == tensor.dtype.name
    if all(isinstance(size, int) for size in tensor.shape):
        assert result.shape == tensor.shape
    return result


@pytest.fixture(scope="session")
def value() -> Value:
    return _value


@pytest.fixture(autouse=True, scope="session")
def no_device() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage, "from_host", _from_host)
        yield


@pytest.fixture(scope="session")
def loaded() -> Loaded:
    return _loaded
