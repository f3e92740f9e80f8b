"""Elementwise operations: meaning by the interpreter, and what is refused."""

from typing import Any

import numpy as np
import pytest

from engine import dtypes
from engine.ops import Op
from engine.tensor import Tensor

INTS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
FLOATS = ["float16", "float32", "float64"]


def test_scalars_stand_on_either_side(loaded: Any, value: Any) -> None:
    x = loaded([1, 2, 3], "int32")
    for result, wanted in (
        (x - 1, [0, 1, 2]), (10 - x, [9, 8, 7]), (7 // x, [7, 3, 2]), (-7 % x, [0, 1, 2]),
        (x.sub(5, reverse=True), [4, 3, 2]), (1 << x, [2, 4, 8]), (x >> 1, [0, 1, 1]),
        (x ^ 3, [2, 1, 0]), (6 & x, [0, 2, 2]), (8 | x, [9, 10, 11]), (~x, [-2, -3, -4]),
        (-x, [-1, -2, -3]), (abs(-x), [1, 2, 3]), (+x, [1, 2, 3]),
        (x.div(2, rounding_mode="floor"), [0, 1, 1]), (6 / x, [6, 3, 2]),
        (x.div(6, reverse=True), [6, 3, 2]), (x.gt(1), [False, True, True]),
        (x.logical_not(), [False] * 3), ((x - 2).where(x, -1), [1, -1, 3]),
    ):  # fmt: skip
        assert value(result).tolist() == wanted


def test_bools_add_as_or_and_multiply_as_and(loaded: Any, value: Any) -> None:
    x, y = loaded([[False], [True]]), loaded([False, True])
    for result, wanted in (
        (x + y, [[0, 1], [1, 1]]), (x * y, [[0, 0], [0, 1]]), (x.maximum(y), [[0, 1], [1, 1]]),
        (x.minimum(y), [[0, 0], [0, 1]]), (x ^ True, [[1], [0]]), (~x, [[1], [0]]),
        (x / y, [[np.nan, 0], [np.inf, 1]]),
    ):  # fmt: skip
        np.testing.assert_array_equal(value(result), wanted)
    assert (x + y).dtype is dtypes.bool_


def test_constants_are_not_expanded(loaded: Any) -> None:
    node = (loaded(np.zeros((2, 3), "float32")) + 1).node
    assert node.op is Op.ADD and node.src[1].op is Op.CONST


@pytest.mark.parametrize("shapes", [((3,), (2, 3)), ((2, 1), (1, 3)), ((), (2, 3)), ((0,), (1,))])
def test_broadcasting(shapes: Any, loaded: Any, value: Any) -> None:
    x, y = (np.arange(np.prod(s, dtype=int)).reshape(s).astype("int64") for s in shapes)
    assert (value(loaded(x) + loaded(y)) == x + y).all()
    assert (loaded(x) + loaded(y)).shape == (x + y).shape


def test_casts(loaded: Any, value: Any) -> None:
    x = loaded([-1.5, 300.0, np.nan, np.inf], "float32")
    assert value(x.cast("uint8")).tolist() == [0, 255, 0, 255]
    assert value(x.int()).tolist() == [-1, 300, 0, 2**31 - 1]
    assert value(x.bool()).all()
    names = [t.dtype.name for t in (x.half(), x.float(), x.double(), x.short(), x.long())]
    assert names == ["float16", "float32", "float64", "int16", "int64"]
    assert x.cast("float32") is x and x.float() is x and x.bitcast("float32") is x
    assert value(x.bitcast("uint32"))[1] == np.float32(300).view(np.uint32)


@pytest.mark.parametrize("dtype", ["bool", *INTS, *FLOATS])
def test_what_has_no_meaning_is_refused(dtype: str) -> None:
    x = Tensor.ones(2, dtype=dtype)
    refused = {
        "bool": ["sub", "neg", "abs", "floordiv", "mod", "fmod", "lshift", "rshift", "trunc",
                 "floor", "ceil", "round", "sign"],
        "float": ["bitwise_and", "bitwise_or", "bitwise_xor", "lshift", "rshift", "bitwise_not"],
    }.get(dtype.rstrip("0123456789"), [])  # fmt: skip
    unary = ["neg", "abs", "bitwise_not", "trunc", "floor", "ceil", "round", "sign", "square"]
    binary = ["add", "sub", "mul", "maximum", "minimum", "floordiv", "mod", "fmod", "bitwise_and",
              "bitwise_or", "bitwise_xor", "lshift", "rshift"]  # fmt: skip
    for name in unary + binary:
        arguments = [] if name in unary else [x]
        if name in refused:
            with pytest.raises(TypeError, match=f"{name}: not defined for {dtype};"):
                getattr(x, name)(*arguments)
        else:
            assert getattr(x, name)(*arguments).dtype.name == dtype


def test_other_operands_are_refused() -> None:
    x = Tensor.ones(2)
    for other in (None, "1", [1, 2], np.ones(2), 1j, np.float32(1)):
        with pytest.raises(TypeError, match=r"add: an operand is a tensor or a number, not"):
            x + other
        with pytest.raises(TypeError):
            other + x
    assert (x == None) is False  # noqa: E711 # an object that is no operand is not equal
    for other in ("x", [1, 2], np.int64(1)):
        with pytest.raises(TypeError, match="eq: an operand"):
            x == other  # noqa: B015 # a silent False would be taken for a result
        with pytest.raises(TypeError, match="ne: an operand"):
            x != other  # noqa: B015


def test_errors_say_what_to_do(loaded: Any) -> None:
    with pytest.raises(ValueError, match=r"mul: shapes \(2, 3\) and \(2,\) do not broadcast"):
        Tensor.ones(2, 3) * Tensor.ones(2)
    with pytest.raises(ValueError, match=r"float32 \(3,\) does not divide into elements of int64"):
        Tensor.ones(3).bitcast("int64")
    with pytest.raises(ValueError, match=r"last axis .* neighbours in memory"):
        loaded([[1, 2], [3, 4]], "int32").T.bitcast("int64")
    with pytest.raises(TypeError, match="float32 to bool: the bits of a bool are not defined"):
        Tensor.ones(4).bitcast("bool")
    with pytest.raises(ValueError, match="rounding_mode must be None, 'floor' or 'trunc', not"):
        Tensor.ones(2).div(1, rounding_mode="up")
    with pytest.raises(TypeError, match="'complex' is not a dtype"):
        Tensor.ones(2).cast("complex")
    with pytest.raises(TypeError, match="no dtype index"):
        Tensor.ones(2).cast(dtypes.index)
    with pytest.raises(RuntimeError, match=r"add: operands on LLVM and LLVM:1; .*\.to\('LLVM'\)"):
        loaded([1]) + loaded([1], device="LLVM:1")


def test_constants_go_where_they_are_used(loaded: Any) -> None:
    x = loaded([1.0], device="LLVM:1")
    assert (Tensor.ones(1) + x).device == "LLVM:1"
    assert (x + Tensor(2) > 1).device == "LLVM:1"
    assert Tensor.ones(1).to("LLVM:1").device == "LLVM:1"
    with pytest.raises(RuntimeError, match="where"):
        Tensor.ones(1, device="LLVM").where(x, 1)


def test_tensors_are_hashed_by_identity() -> None:
    x, y = Tensor.ones(2), Tensor.ones(2)
    assert len({x, y, x}) == 2 and x.node is y.node


def test_deep_graphs_are_built_and_shown() -> None:
    x = Tensor.ones(2)
    for i in range(5000):
        x = x * i + x
    assert x.shape == (2,)
    assert repr(x).startswith("<Tensor float32 (2,) on ")
