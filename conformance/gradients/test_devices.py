"""Gradients are programs like others: every device gives the bits of the interpreter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from conformance.harness.devices import under_test
from engine import Tensor
from engine.arrays import NUMPY
from engine.graph import Node
from engine.interpret.tensors import evaluate
from engine.storage import memory_of
from oracles.formats import Array

DEVICES = [device.name for device in under_test() if device.subject is not None]
Program = Callable[[Tensor, Tensor], Tensor]


def _network(x: Tensor, w: Tensor) -> Tensor:
    hidden = (x @ w).relu().layernorm()
    return (hidden @ w.T).log_softmax()[:, 1].mean()


def _pooled(x: Tensor, w: Tensor) -> Tensor:
    pooled = x.reshape(1, 1, 6, 5).max_pool2d((3, 2), stride=1)
    assert isinstance(pooled, Tensor)
    return pooled.square().sum()


PROGRAMS: dict[str, Program] = {
    "network": _network,
    "windows": lambda x, w: x.reshape(1, 1, 6, 5).conv2d(w[None, None, :3, :3], padding=1).sum(),
    "pool": _pooled,
    "scans": lambda x, w: x.cumprod(1).cumsum(0).std(),
    "places": lambda x, w: x.sort(0)[0].take(Tensor([3, 0, 3], device=x.device), 0).exp().sum(),
    "choices": lambda x, w: (x > 0).where(x.log(), x.sigmoid()).prod(1).sum(),
    "twice": lambda x, w: (x.tanh() * x.erf()).sum().gradient(x)[0].square().sum(),
}  # fmt: skip


def _gradient_nodes(program: Program, device: str, dtype: str) -> list[Tensor]:
    rng = np.random.default_rng(11)
    x, w = (
        Tensor(rng.standard_normal(shape).astype("float32"), device=device).cast(dtype)
        .contiguous().requires_grad_() for shape in ((6, 5), (5, 5))
    )
    program(x, w).backward()
    return [one.grad for one in (x, w) if one.grad is not None]


def _items(buffer: Node) -> Array:
    return np.frombuffer(memory_of(buffer).read(), NUMPY[buffer.dtype], buffer.arg[1])


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_device_gives_the_same_bits(name: str, dtype: str) -> None:
    program = PROGRAMS[name]
    found = _gradient_nodes(program, "PYTHON", dtype)
    due = [array.tobytes() for array in evaluate([x.node for x in found], _items)]
    assert due, "the program has no gradient"
    for device in DEVICES:
        got = [x.tobytes() for x in _gradient_nodes(program, device, dtype)]
        assert got == due, device
