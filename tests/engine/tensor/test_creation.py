"""Tensors from Python, numpy, bytes and ranges; what they read back; what import costs."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import dtypes, realize
from engine.arrays import NUMPY
from engine.ops import Op
from engine.tensor import Tensor
from engine.tensor.host import encoded

ROOT = Path(__file__).resolve().parents[3]
NAMES = [row.name for row in dtypes.TENSOR_DTYPES]


def test_python_scalars_are_constants(value: Any) -> None:
    for data, dtype in ((True, "bool"), (3, "int32"), (2.5, "float32")):
        t = Tensor(data)
        assert t.node.op is Op.CONST and t.shape == () and value(t) == data
        assert t.dtype.name == dtype
    assert np.signbit(value(Tensor(-0.0))) and Tensor(-0.0).node is not Tensor(0.0).node


def test_lists(value: Any) -> None:
    for data, dtype in (
        ([True, False], "bool"), ([True, 2], "int32"), ([1, 2.5], "float32"), ([], "float32"),
        ([[1, 2], [3, 4]], "int32"), ([[], []], "float32"), (((1.0,), (2.0,)), "float32"),
    ):  # fmt: skip
        t = Tensor(data)
        assert t.dtype.name == dtype and t.shape == np.shape(data)
        assert value(t).tolist() == np.array(data).tolist()


@pytest.mark.parametrize("name", [row.name for row in dtypes.TENSOR_DTYPES if row.is_float])
def test_every_list_rounds_once(name: str) -> None:
    """The fast ways of packing give the bits that the dtype gives for each number alone."""
    row = dtypes.BY_NAME[name]
    tiny = math.ldexp(1.0, 1 - row.bias - row.mantissa_bits)
    floats = [0.0, -0.0, 1 / 3, 65519.9, -65520.0, 1e39, math.inf, tiny / 2, tiny * 0.51]
    for values in (
        floats, [math.nan, -math.nan, 1.0], [2**53 + 1, 0.5], [10**400, 1.0], [1, 2.5, True],
        [2**24 + 1, -(2**24) - 3], [np.float64(1 / 3), 0.1], [1.0] * 9,
    ):  # fmt: skip
        wanted = b"".join(row.encode(v).to_bytes(row.itemsize, "little") for v in values)
        assert encoded(list(values), row) == wanted


def test_floats_in_an_integer_dtype_are_cast(value: Any) -> None:
    data = [1.9, -1.9, math.nan, math.inf, -1e30, 300]
    assert value(Tensor(data, dtype="int16")).tolist() == [
        1, -1, 0, 32767, -32768, 300,
    ]  # fmt: skip
    assert value(Tensor(2.7, dtype="uint8")) == 2
    assert value(Tensor.full((2,), math.nan, dtype="int32")).tolist() == [0, 0]


@pytest.mark.parametrize("name", NAMES)
def test_arrays_are_copied(name: str, value: Any) -> None:
    x = np.array([[0, 1], [1, 0]], NUMPY[dtypes.as_dtype(name)])
    t = Tensor(x)
    scalar = Tensor(x[0, 1])
    x[0, 0] = 1
    assert t.dtype.name == name and value(t).tolist() == [[0, 1], [1, 0]]
    assert scalar.shape == () and scalar.dtype.name == name
    assert value(Tensor(x[:, ::-1])).tolist() == [[1, 1], [0, 1]]


def test_foreign_arrays(value: Any) -> None:
    assert value(Tensor(np.array([1, 2], ">i4"))).tolist() == [1, 2]
    assert value(Tensor(np.array([2, 0], "uint8").view(bool))).view("uint8").tolist() == [1, 0]
    assert value(Tensor(np.array([1.5]), dtype="int32")).tolist() == [1]
    for wrong in (np.array([1j]), np.array(["a"]), np.array([None]), np.array([1], "M8[s]")):
        with pytest.raises(TypeError, match=r"have no counterpart; the dtypes are bool, int8"):
            Tensor(wrong)


@pytest.mark.parametrize("name", NAMES)
def test_bytes(name: str, value: Any) -> None:
    x = np.array([[0, 1, 2], [1, 0, 1]]).astype(NUMPY[dtypes.as_dtype(name)])
    assert value(Tensor.from_bytes(x.tobytes(), name, (2, 3))).tobytes() == x.tobytes()
    assert value(Tensor(x.tobytes(), dtype=name)).tobytes() == x.tobytes()
    with pytest.raises(ValueError, match=rf"bytes do not make shape \(7,\) of {name}"):
        Tensor.from_bytes(x.tobytes(), name, (7,))


def test_bytes_alone(value: Any) -> None:
    assert value(Tensor(b"\x01\xff")).tolist() == [1, 255]
    assert value(Tensor.from_bytes(b"\x00\x02", "bool", (2,))).view("uint8").tolist() == [0, 1]


def test_a_tensor_of_a_tensor(loaded: Any) -> None:
    x = loaded([1, 2], "int32")
    assert Tensor(x).node is x.node and Tensor(x, dtype="float32").dtype is dtypes.float32
    assert Tensor(x, device="LLVM:1").device == "LLVM:1"


def test_filled(value: Any, loaded: Any) -> None:
    assert value(Tensor.zeros(2, 3)).tolist() == [[0.0] * 3] * 2
    assert Tensor.ones((2, 3), dtype="int8").dtype is dtypes.int8
    assert Tensor.full(3, True).dtype is dtypes.bool_ and Tensor.full((), 2).shape == ()
    x = loaded([1, 2], "uint8", device="LLVM:1")
    for t, item in ((x.zeros_like(), 0), (x.ones_like(), 1), (x.full_like(7), 7)):
        assert (t.dtype, t.shape, t.device) == (x.dtype, x.shape, "LLVM:1")
        assert value(t).tolist() == [item] * 2
    assert value(Tensor.eye(2, 3)).tolist() == np.eye(2, 3).tolist()
    assert Tensor.eye(2, dtype="bool").dtype is dtypes.bool_


@pytest.mark.parametrize("arguments", [
    (5,), (0,), (-3,), (2, 7), (2, 9, 3), (9, 2, -3), (9, 2), (0, 10**6 + 1, 10**5),
    (1.0, 2.0, 0.25), (5.0,), (1, 2, 0.5), (-1.0, 1.0), (2.0, -1.0, -0.5),
])  # fmt: skip
def test_ranges(arguments: Any, value: Any) -> None:
    wanted = np.arange(*arguments)
    t = Tensor.arange(*arguments)
    assert t.dtype is (dtypes.float32 if wanted.dtype.kind == "f" else dtypes.int32)
    assert value(t).tolist() == wanted.tolist()


def test_range_dtypes(value: Any) -> None:
    assert value(Tensor.arange(2**40, 2**40 + 2, dtype="int64")).tolist() == [2**40, 2**40 + 1]
    assert value(Tensor.arange(2**64 - 2, 2**64, dtype="uint64")).tolist() == [2**64 - 2, 2**64 - 1]
    assert value(Tensor.arange(2, -3, -2, dtype="int8")).tolist() == [2, 0, -2]
    thirds = [np.float32(np.float32(i) * np.float32(1 / 3)) for i in range(4)]
    assert value(Tensor.arange(0, 1.1, 1 / 3)).tolist() == thirds
    assert value(Tensor.arange(3000, dtype="float16"))[2049] == 2048
    for error, text, call in (
        (ValueError, "by 0 is no range", lambda: Tensor.arange(0, 1, 0)),
        (ValueError, "inf", lambda: Tensor.arange(math.inf)),
        (OverflowError, "256 does not fit uint8", lambda: Tensor.arange(250, 257, dtype="uint8")),
        (OverflowError, "does not fit int32", lambda: Tensor.arange(2**31, 2**31 + 1)),
        (TypeError, "bool", lambda: Tensor.arange(2, dtype="bool")),
        (TypeError, "must be integers", lambda: Tensor.arange(0, 2, 0.5, dtype="int32")),
    ):
        with pytest.raises(error, match=text):
            call()


def test_errors() -> None:
    for error, text, call in (
        (OverflowError, "4294967296 does not fit int32", lambda: Tensor(2**32)),
        (OverflowError, "4294967296 does not fit int32", lambda: Tensor([1, 2**32])),
        (OverflowError, "-1 does not fit uint8", lambda: Tensor([-1], dtype="uint8")),
        (ValueError, "depth 1 differ in length", lambda: Tensor([[1], [2, 3]])),
        (ValueError, "depth 1 differ in length", lambda: Tensor([[1], 2])),
        (TypeError, "is a list", lambda: Tensor([1, [2]])),
        (TypeError, "is a str", lambda: Tensor(["a"])),
        (TypeError, "cannot make a tensor of a dict", lambda: Tensor({})),
        (TypeError, "cannot make a tensor of a str", lambda: Tensor("abc")),
        (TypeError, "must be a number, not str", lambda: Tensor.full((2,), "a")),
        (ValueError, "negative", lambda: Tensor.zeros(-1)),
        (TypeError, "not a dtype", lambda: Tensor([1], dtype="complex64")),
        (ValueError, "NOWHERE", lambda: Tensor([1], device="NOWHERE")),
    ):
        with pytest.raises(error, match=text):
            call()


# -- reading ---------------------------------------------------------------------------------------
@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch, value: Any) -> None:
    """Reading by the interpreter instead of a device."""

    def read(node: Any) -> bytes:
        return bytes(value(Tensor.from_node(node)).tobytes())

    def concrete_shape(node: Any) -> tuple[int, ...]:
        return tuple(value(Tensor.from_node(node)).shape)

    monkeypatch.setattr(realize, "read", read)
    monkeypatch.setattr(realize, "concrete_shape", concrete_shape)


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("name", NAMES)
def test_reading(name: str, loaded: Any) -> None:
    row = dtypes.as_dtype(name)
    kind = {"bool": bool, "float": float}.get(row.kind, int)
    x = np.array([[[0, 1, 1], [1, 0, 1]]]).astype(NUMPY[row])
    t = loaded(x)
    assert t.tobytes() == x.tobytes() == bytes(t.data())
    assert t.tolist() == x.tolist() and type(t.tolist()[0][0][0]) is kind
    back = t.numpy()
    assert back.dtype == x.dtype and (back == x).all() and back.flags.writeable
    assert t[0, 0, 1].item() == x.item(1) and t[0, 0, 1].tolist() == x.item(1)
    assert t[:, :, :0].tolist() == [[[], []]] and t[:0].tolist() == []
    assert (t.nbytes(), t.element_size(), t.numel()) == (x.nbytes, x.itemsize, 6)


@pytest.mark.usefixtures("interpreted")
def test_one_element(loaded: Any) -> None:
    x = loaded([[2.5]])
    assert float(x) == 2.5 and int(x) == 2 and bool(x)
    with pytest.raises(ValueError, match=r"item: a tensor of shape \(2,\) is not one element"):
        bool(loaded([1, 2]))


def test_places(loaded: Any) -> None:
    x = loaded([1.0])
    assert x.to("LLVM:0") is x
    moved = x.to("LLVM:1")
    assert moved.node.op is Op.COPY and moved.device == "LLVM:1" and moved.shape == (1,)
    assert x.contiguous().node.op is Op.CONTIGUOUS and x.clone("LLVM:1").device == "LLVM:1"


def test_constants_are_placed_when_they_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(realize, "realize", seen.extend)
    x, y = Tensor.ones(2, device="LLVM:1") + 1, Tensor.ones(2)
    assert x.node.op is Op.ADD
    assert x.realize(y) is x
    assert seen == [x.node, y.node] and x.node.op is Op.COPY and y.node.device is None


# -- cost ------------------------------------------------------------------------------------------
PURE = """
import sys
import engine
from engine import Tensor
x = Tensor.arange(6).reshape(2, 3)
y = ((x[:, ::-1].float() @ x.T.float()).sum() + 1 > 2).where(x.max(), 0)
print(repr(y), sorted(
    {"numpy", "torch", "hypothesis", "llvmlite", "wgpu", "engine.realize"} & set(sys.modules)
))
"""


def test_import_and_building_load_nothing_heavy() -> None:
    result = subprocess.run(
        [sys.executable, "-c", PURE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.split(" on ")[0] == "<Tensor int32 ()"
    assert result.stdout.endswith("> []\n")
