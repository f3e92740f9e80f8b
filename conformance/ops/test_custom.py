"""Kernels that a user writes run on every device, between operations, and declare what they touch.

None is a catalog row: what such a kernel computes is its author's affair.
"""

from __future__ import annotations

import numpy as np
import pytest

from conformance.harness.devices import under_test
from engine import Tensor
from engine.custom import Memory, fold, loop
from engine.graph import Node, const, dump, parse
from engine.interpret.tensors import evaluate
from engine.ops import Op

DEVICES = [device.name for device in under_test() if device.subject is not None]


def doubled(out: Memory, x: Memory) -> Node:
    i = loop(0, x.size)
    return out.write(i, x.load(i) * 2.0)


def sums(total: Memory, largest: Memory, x: Memory) -> list[Node]:
    """The sum and the maximum of each row: two results of one program."""
    rows, columns = x.shape
    row = loop(0, rows)

    def element(i: Node) -> Node:
        return x.load(row * columns + i)

    zero = const(0, x.dtype)
    added = fold(1, columns, zero, lambda value, i: value + element(i))
    top = fold(2, columns, zero, lambda value, i: value.binary(Op.MAXIMUM, element(i)))
    return [total.write(row, added), largest.write(row, top)]


@pytest.mark.parametrize("device", DEVICES)
def test_a_kernel_between_operations(device: str) -> None:
    x = Tensor([1.0, -0.0, 3.0], device=device)
    y, same = Tensor.zeros(3, device=device).custom_kernel(x + 1, fxn=doubled)
    assert (y - 1).tolist() == [3.0, 1.0, 7.0]
    assert same.tolist() == [2.0, 1.0, 4.0]


@pytest.mark.parametrize("device", DEVICES)
def test_several_results(device: str) -> None:
    x = Tensor([[1, 5, 2], [7, 0, 1]], device=device)
    total, largest, _ = Tensor.zeros(2, dtype="int32", device=device).custom_kernel(
        Tensor.zeros(2, dtype="int32", device=device), x, fxn=sums
    )
    total.realize(largest)
    assert total.tolist() == [8, 8]
    assert largest.tolist() == [5, 7]


@pytest.mark.parametrize("device", DEVICES)
def test_what_is_not_written_keeps_its_value(device: str) -> None:
    """The tensor passed in does not change: the result is its next version."""
    x = Tensor([1, 2, 3, 4], device=device)

    def second(out: Memory) -> Node:
        return out.write(1, 9)

    (y,) = x.custom_kernel(fxn=second)
    assert y.tolist() == [1, 9, 3, 4]
    assert x.tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("device", DEVICES)
def test_it_reads_views_in_their_own_order(device: str) -> None:
    x = Tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    y = Tensor.zeros(4, device=device).custom_kernel(x.permute(1, 0), fxn=doubled)[0]
    assert y.tolist() == [2.0, 6.0, 4.0, 8.0]


def test_the_interpreter_and_the_text_agree() -> None:
    data = np.array([0.5, -2.0], np.float32)
    x = Tensor(data)
    node = Tensor.zeros(2).custom_kernel(x, fxn=doubled)[0].node
    assert parse(dump(node)) is node
    (value,) = evaluate([node], lambda buffer: data)
    assert value.tolist() == [1.0, -4.0]


@pytest.mark.parametrize(
    ("fxn", "match"),
    [
        (lambda out, x: out.write(loop(0, 3), x.load(loop(0, 3) + 1)), "may leave"),
        (lambda out, x: out.write(loop(0, 4), x.load(loop(0, 4))), "may leave"),
        (lambda out, x: out.write(loop(0, 3), out.load(loop(0, 3))), "read and written"),
        (lambda out, x: out.write(loop(0, 3), x.load(loop(0, 3)).lt(1.0)), "spec"),
    ],
)
def test_refused(fxn: object, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Tensor.zeros(3).custom_kernel(Tensor([1.0, 2.0, 3.0]), fxn=fxn)  # type: ignore[arg-type]


def test_a_gate_makes_an_access_safe() -> None:
    def shifted(out: Memory, x: Memory) -> Node:
        i = loop(0, out.size)
        return out.write(i, x.load(i + 1, (i + 1).lt(x.size)))

    y = Tensor.zeros(3).custom_kernel(Tensor([1.0, 2.0, 3.0]), fxn=shifted)[0]
    assert y.tolist() == [2.0, 3.0, 0.0]


def test_empty_and_symbolic_tensors_are_refused() -> None:
    with pytest.raises(ValueError, match="no elements"):
        Tensor.zeros(0).custom_kernel(fxn=lambda out: out.write(0, 1.0))
