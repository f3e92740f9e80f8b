"""The seam of assignment that exists today: STORE makes the next version of a storage, a pure node.

    version 1 = STORE(version 0, value, (offset, strides))

A reader of version 0 sees the old elements, a reader of version 1 the new ones at the places of the
value and the old ones elsewhere, in whatever order they are computed.
"""

import struct

import pytest

from conformance.harness.devices import under_test
from engine import Tensor
from engine.graph import Node
from engine.ops import Op

DEVICES = [device.name for device in under_test() if device.subject is not None]


def ints(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}i", *values)


def tensor(device: str, *values: int) -> Tensor:
    return Tensor.from_bytes(ints(*values), "int32", (len(values),), device)


def stored(target: Tensor, value: Tensor, offset: int) -> Tensor:
    """The version after `target[offset:offset + len(value)] = value`."""
    node = Node(Op.STORE, target.dtype, (target.node, value.node), (offset, (1,)))
    return Tensor._wrap(node, target.device)


@pytest.mark.parametrize("device", DEVICES)
def test_a_region_is_replaced(device: str) -> None:
    version = stored(tensor(device, 0, 1, 2, 3, 4), tensor(device, 10, 20), 2)
    assert version.tobytes() == ints(0, 1, 10, 20, 4)


@pytest.mark.parametrize("device", DEVICES)
def test_readers_see_their_version(device: str) -> None:
    """Readers made before and after the store, computed in both orders."""
    for order in (1, -1):
        old = tensor(device, 1, 2, 3, 4)
        before = old * 10
        new = stored(old, tensor(device, 7), 0)
        after = new * 10
        readers = [(before, ints(10, 20, 30, 40)), (after, ints(70, 20, 30, 40))][::order]
        for reader, due in readers:
            assert reader.tobytes() == due


@pytest.mark.parametrize("device", DEVICES)
def test_both_versions_in_one_program(device: str) -> None:
    old = tensor(device, 1, 2, 3)
    new = stored(old, tensor(device, 9, 9), 1)
    assert (old + new).tobytes() == ints(2, 11, 12)


@pytest.mark.parametrize("device", DEVICES)
def test_the_value_is_read_before_the_write(device: str) -> None:
    """Shifting a tensor into itself: the value is what was there before."""
    x = tensor(device, 1, 2, 3, 4, 5)
    assert stored(x, x[:4], 1).tobytes() == ints(1, 1, 2, 3, 4)
    assert stored(x, x[1:], 0).tobytes() == ints(2, 3, 4, 5, 5)


@pytest.mark.parametrize("device", DEVICES)
def test_a_chain_of_versions(device: str) -> None:
    x = tensor(device, 0, 0, 0, 0)
    for k in range(4):
        x = stored(x, x[k : k + 1] + (k + 1), k)
    assert x.tobytes() == ints(1, 2, 3, 4)
