"""Footguns of the schedule cache: a program that looks like an earlier one and is another.

Each test is what a user writes, what they expect, and what a cache on the wrong key would give.
Every device must give the expected bits, whatever ran before.
"""

import struct

import pytest

from conformance.harness.case import Case, Input, Statement
from conformance.harness.devices import under_test
from conformance.harness.subject import EngineSubject
from engine import Tensor

SUBJECTS = [device.name for device in under_test() if device.subject is not None]


@pytest.fixture(params=SUBJECTS)
def device(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def floats(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def run(device: str, op: str, *inputs: Input) -> bytes:
    """One statement on inputs that are constants or buffers."""
    case = Case(inputs, (Statement(op, tuple(range(len(inputs)))),), (len(inputs),))
    return EngineSubject(device).run(case)[0]


def constant(bits: int) -> Input:
    return Input("float32", (), struct.pack("<I", bits), const=True)


def buffer(*values: float) -> Input:
    return Input("float32", (len(values),), floats(*values))


def test_zeros_of_both_signs(device: str) -> None:
    """1 / 0.0, then 1 / -0.0: Python thinks the constants equal; the results have other signs."""
    ones = buffer(1.0, 1.0)
    assert run(device, "div", ones, constant(0x00000000)) == floats(float("inf"), float("inf"))
    assert run(device, "div", ones, constant(0x80000000)) == floats(-float("inf"), -float("inf"))


def test_nan_payloads(device: str) -> None:
    """where keeps bits: two NaNs that differ only in their payload are two constants."""
    condition = Input("bool", (3,), b"\1\0\1")
    zeros = buffer(0.0, 0.0, 0.0)
    for payload in (0x7FC00001, 0x7FC00002, 0xFFC00001, 0x7F800001):
        word = struct.pack("<I", payload)
        got = run(device, "where", condition, constant(payload), zeros)
        assert got == word + bytes(4) + word


def test_one_and_true(device: str) -> None:
    """x + 1 and x + True differ for a bool tensor: int32, and or."""
    x = Tensor.from_bytes(b"\0\1", "bool", (2,), device)
    assert (x + True).tobytes() == b"\1\1"
    assert (x + 1).tobytes() == struct.pack("<2i", 1, 2)


def test_other_buffers(device: str) -> None:
    """The same program on new data: not the old answer."""
    for k in range(3):
        assert run(device, "add", buffer(k, k + 1), buffer(10, 20)) == floats(k + 10, k + 21)


def test_swapped_arguments(device: str) -> None:
    """a - b, then b - a: the holes of a cached schedule are in another order."""
    a = Tensor.from_bytes(floats(5, 7), "float32", (2,), device)
    b = Tensor.from_bytes(floats(1, 2), "float32", (2,), device)
    assert (a - b).tobytes() == floats(4, 5)
    assert (b - a).tobytes() == floats(-4, -5)
    assert ((a - b) * a).tobytes() == floats(20, 35)
    assert ((b - a) * a).tobytes() == floats(-20, -35)


def test_one_tensor_twice(device: str) -> None:
    """x - x, then x - y: one hole and two; and x * x must not become the kernel of x * y."""
    x = Tensor.from_bytes(floats(3, 4), "float32", (2,), device)
    y = Tensor.from_bytes(floats(1, 1), "float32", (2,), device)
    assert (x - x).tobytes() == floats(0, 0)
    assert (x - y).tobytes() == floats(2, 3)
    assert (x * y).tobytes() == floats(3, 4)
    assert (x * x).tobytes() == floats(9, 16)


def test_other_shapes_and_dtypes(device: str) -> None:
    """Structure alone is no key: shape, dtype and order of axes are part of it."""
    for shape in ((6,), (2, 3), (3, 2), (1, 6)):
        x = Tensor.from_bytes(floats(*range(6)), "float32", shape, device)
        assert (x + x).tobytes() == floats(*range(0, 12, 2))
        assert x.sum(axis=0).shape == shape[1:]
    for name, code in (("int32", "i"), ("uint32", "I"), ("int64", "q"), ("float64", "d")):
        raw = struct.pack(f"<3{code}", 1, 2, 3)
        x = Tensor.from_bytes(raw, name, (3,), device)
        assert (x + x).tobytes() == struct.pack(f"<3{code}", 2, 4, 6)


def test_views_of_one_buffer(device: str) -> None:
    """Windows at other offsets of one tensor are other programs, or other arguments."""
    x = Tensor.from_bytes(floats(*range(8)), "float32", (8,), device)
    for low in range(4):
        window = x[low : low + 4]
        assert (window * 2).tobytes() == floats(*(2 * k for k in range(low, low + 4)))
    assert (x[::-1] + 0).tobytes() == floats(*reversed(range(8)))


def test_an_earlier_result_is_kept(device: str) -> None:
    """The second run does not write into the first one's output or intermediate memory."""
    kept = []
    for k in range(4):
        x = Tensor.from_bytes(floats(k, k), "float32", (2,), device)
        kept.append(((x + 1).sum() * (x + 2)).realize())
    for k, tensor in enumerate(kept):
        assert tensor.tobytes() == floats((2 * k + 2) * (k + 2), (2 * k + 2) * (k + 2))


def test_an_input_that_was_a_result(device: str) -> None:
    """A realized intermediate is a buffer the second time, and the answer is the same."""
    x = Tensor.from_bytes(floats(1, 2, 3), "float32", (3,), device)
    y = x * 3
    lazy = (y + 1).tobytes()
    y.realize()
    assert (y + 1).tobytes() == lazy == floats(4, 7, 10)
