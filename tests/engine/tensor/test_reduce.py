"""Reductions and matrix products: dtypes, orders, empty and single elements."""

from typing import Any

import numpy as np
import pytest

from engine import dtypes
from engine.graph import Node
from engine.ops import Op
from engine.tensor import Tensor

SUMS = {
    "bool": "int32", "int8": "int32", "int16": "int32", "int32": "int32", "int64": "int64",
    "uint8": "uint32", "uint16": "uint32", "uint32": "uint32", "uint64": "uint64",
    "float16": "float16", "float32": "float32", "float64": "float64",
}  # fmt: skip


def reduce_of(tensor: Tensor) -> Node:
    """The REDUCE below casts and reshapes."""
    node = tensor.node
    while node.op is not Op.REDUCE:
        node = node.src[0]
    return node


@pytest.mark.parametrize("dtype", SUMS)
def test_dtypes_and_orders(dtype: str) -> None:
    x = Tensor.ones(4, 4, dtype=dtype)
    kept = "float32" if dtype == "float16" else SUMS[dtype]
    ordered = "float" in dtype
    for result, order in ((x.sum(), (32, 32)), (x.prod(0), (32, 32)), (x @ x, (1, 256))):
        assert result.dtype.name == SUMS[dtype]
        assert reduce_of(result).dtype.name == kept
        assert reduce_of(result).arg[2] == (order if ordered else None)
    for result in (x.max(), x.min(1)):
        assert result.dtype.name == dtype and reduce_of(result).arg[2] is None


@pytest.mark.parametrize("axis", [0, -1])
def test_a_scalar_has_one_axis(axis: int, loaded: Any, value: Any) -> None:
    x = np.asarray(7, dtype="int64")
    for name in ("sum", "prod", "max", "min", "any", "all", "argmax", "argmin"):
        wanted = getattr(x, name)(axis=axis)
        result = value(getattr(loaded(x), name)(axis))
        assert result.shape == () and result == wanted
        assert getattr(loaded(x), name)(axis, True).shape == ()
        with pytest.raises(IndexError, match=rf"{name}: axis 1 is out of range"):
            getattr(loaded(x), name)(1)
    assert value(loaded(x).mean(axis)) == 7 and value(loaded(x).var(axis, correction=0)) == 0


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (2, 1, 0), ()])
def test_axes_are_numpys(axis: Any, loaded: Any, value: Any) -> None:
    x = np.arange(24, dtype="int64").reshape(2, 3, 4) - 7
    for name in ("sum", "prod", "max", "min"):
        for keepdim in (False, True):
            wanted = getattr(x, name)(axis=axis, keepdims=keepdim)
            result = value(getattr(loaded(x), name)(axis, keepdim))
            assert result.shape == wanted.shape and (result == wanted).all()


def test_a_sum_of_one_element_computes(loaded: Any, value: Any) -> None:
    payload = np.array([0xFFC00001], "uint32").view("float32")
    for x in (loaded([-0.0], "float32"), loaded(-0.0, "float32")):
        assert not np.signbit(value(x.sum())).any()
        assert not np.signbit(value(x.sum(())))
    assert value(loaded(payload).max()).view("uint32") == 0x7FC00000


def test_empty(loaded: Any, value: Any) -> None:
    x = loaded(np.zeros((0, 3), "float32"))
    assert value(x.sum(0)).tolist() == [0, 0, 0] and value(x.prod()) == 1
    assert value(x.max(1)).shape == (0,)
    assert value(loaded(np.zeros((0, 0))).max(0)).shape == (0,)
    for reduce in (x.max, x.min):
        for axis in (None, 0, (0, 1)):
            with pytest.raises(ValueError, match=r"no elements along axes .* of \(0, 3\)"):
                reduce(axis)
    assert (value(loaded(np.zeros((2, 0))) @ loaded(np.zeros((0, 3)))) == np.zeros((2, 3))).all()


def test_dtype_overrides(loaded: Any, value: Any) -> None:
    x = loaded([200, 100], "uint8")
    assert value(x.sum(dtype="int8")) == 44 and x.sum(dtype="int8").dtype is dtypes.int8
    assert value(x.sum(dtype="float16")) == 300 and value(x.prod(dtype="int64")) == 20000
    assert (loaded([[1.5]]) @ loaded([[2]])).dtype is dtypes.float64
    assert loaded([1], "int8").matmul(loaded([1], "int8"), dtype="int64").dtype is dtypes.int64


def test_float16_rounds_once(loaded: Any, value: Any) -> None:
    x = np.full(3000, 1.0, "float16")
    assert value(loaded(x).sum()) == np.float16(3000)


def test_the_order_of_sums(loaded: Any, value: Any) -> None:
    """32 lanes take turns; written out for one block."""
    x = np.random.default_rng(1).standard_normal(100).astype("float32")
    lanes = np.zeros(32, "float32")
    for i, item in enumerate(x):
        lanes[i % 32] += item
    while len(lanes) > 1:
        lanes = lanes[: len(lanes) // 2] + lanes[len(lanes) // 2 :]
    assert value(loaded(x).sum()) == lanes[0]
    assert value(loaded(x.reshape(10, 10)).sum()) == lanes[0]


@pytest.mark.parametrize("shapes", [
    ((2, 3), (3, 4)), ((3,), (3, 4)), ((2, 3), (3,)), ((3,), (3,)), ((5, 2, 3), (3, 4)),
    ((5, 1, 2, 3), (6, 3, 4)), ((3,), (5, 3, 4)), ((5, 2, 3), (3,)), ((1, 1), (1, 1)),
])  # fmt: skip
def test_matmul_shapes_are_numpys(shapes: Any, loaded: Any, value: Any) -> None:
    x, y = (np.arange(np.prod(s), dtype="int64").reshape(s) - 4 for s in shapes)
    for result in (loaded(x) @ loaded(y), loaded(x).dot(loaded(y)),
                   loaded(y).matmul(loaded(x), reverse=True)):  # fmt: skip
        assert result.shape == (x @ y).shape and (value(result) == x @ y).all()
    assert (value(loaded(x).float() @ loaded(y).float()) == x @ y).all()


def test_matmul_sums_in_the_order_of_k(loaded: Any, value: Any) -> None:
    x = np.random.default_rng(2).standard_normal(300).astype("float32")
    blocks = np.zeros(2, "float32")
    for i, item in enumerate(x * x):
        blocks[i // 256] += item
    assert value(loaded(x) @ loaded(x)) == blocks[0] + blocks[1]


def test_errors() -> None:
    x = Tensor.ones(2, 3)
    for error, text, call in (
        (IndexError, "sum: axis 2 is out of range for 2", lambda: x.sum(2)),
        (IndexError, "max: axis -3", lambda: x.max(-3)),
        (ValueError, "prod: an axis appears twice", lambda: x.prod((0, -2))),
        (TypeError, "float where an integer", lambda: x.min(0.5)),
        (ValueError, r"inner sizes of \(2, 3\) and \(2, 3\) differ", lambda: x @ x),
        (ValueError, "at least one axis", lambda: x @ Tensor(1.0)),
        (TypeError, "must be a Tensor, not float", lambda: x @ 1.0),
        (ValueError, "do not broadcast", lambda: Tensor.ones(2, 1, 1) @ Tensor.ones(3, 1, 1)),
    ):
        with pytest.raises(error, match=text):
            call()
