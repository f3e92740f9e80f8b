"""Edges of the contract, one by one, against the numpy reference."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from oracles import numpy_ref
from oracles.edges import edges
from oracles.formats import FORMATS, Array, format_of
from oracles.numpy_ref import functions
from tests.oracles import (
    activation_cases,
    elementwise_cases,
    factorisation_cases,
    loss_cases,
    movement_cases,
    neural_cases,
    random_cases,
)
from tests.oracles.arrays import INF, NAN, f32, i8, u8

SNAN = np.array([0x7F800001], np.uint32).view(np.float32)
PAYLOAD = np.array([0xFFC0005A], np.uint32).view(np.float32)


def same(got: Array, want: Array) -> bool:
    """The same dtype, shape and bits."""
    if got.dtype != want.dtype or got.shape != want.shape:
        return False
    return bool(np.array_equal(format_of(got).to_bits(got), format_of(want).to_bits(want)))


BOOL = np.array([False, True])
COLUMN = BOOL[:, None]
MIN8 = -128
ONE_UINT64 = np.array([1], np.uint64)

CASES: list[tuple[str, list[Array], dict[str, Any], Array]] = [
    ("add", [i8(127), i8(1)], {}, i8(MIN8)),
    ("add", [COLUMN, BOOL], {}, COLUMN | BOOL),
    ("add", [f32(-0.0), f32(-0.0)], {}, f32(-0.0)),
    ("add", [f32(INF), f32(-INF)], {}, f32(NAN)),
    ("add", [i8(-1), ONE_UINT64], {}, np.array([0], np.uint64)),
    ("sub", [u8(0), u8(1)], {}, u8(255)),
    ("sub", [f32(0.0), f32(0.0)], {}, f32(0.0)),
    ("mul", [COLUMN, BOOL], {}, COLUMN & BOOL),
    ("mul", [f32(-1.0), f32(0.0)], {}, f32(-0.0)),
    ("mul", [PAYLOAD, f32(1.0)], {}, f32(NAN)),
    ("div", [i8(1, -1, 0), i8(0, 0, 0)], {}, f32(INF, -INF, NAN)),
    ("div", [np.array([2**24 + 1], np.int32), i8(1)], {}, f32(2**24)),
    ("floordiv", [i8(-7, 7, 5, MIN8), i8(2, -2, 0, -1)], {}, i8(-4, -4, 0, MIN8)),
    ("mod", [i8(-7, 7, 5, MIN8), i8(2, -2, 0, -1)], {}, i8(1, -1, 0, 0)),
    ("neg", [i8(MIN8)], {}, i8(MIN8)),
    ("neg", [u8(1)], {}, u8(255)),
    ("neg", [f32(0.0, -0.0)], {}, f32(-0.0, 0.0)),
    ("abs", [i8(MIN8, -1)], {}, i8(MIN8, 1)),
    ("maximum", [f32(-0.0, 0.0, 1), f32(0.0, -0.0, NAN)], {}, f32(0.0, 0.0, NAN)),
    ("minimum", [f32(-0.0, 0.0, 1), f32(0.0, -0.0, NAN)], {}, f32(-0.0, -0.0, NAN)),
    ("maximum", [COLUMN, BOOL], {}, COLUMN | BOOL),
    ("sqrt", [f32(-0.0, -1.0, INF)], {}, f32(-0.0, NAN, INF)),
    ("sqrt", [i8(4)], {}, f32(2)),
    ("eq", [f32(-0.0, NAN), f32(0.0, NAN)], {}, np.array([True, False])),
    ("ne", [f32(NAN), f32(NAN)], {}, np.array([True])),
    ("lt", [np.array([-1], np.int64), ONE_UINT64], {}, np.array([True])),
    ("le", [np.array([2**63], np.uint64), np.array([-1], np.int64)], {}, np.array([False])),
    ("gt", [u8(255), i8(-1)], {}, np.array([True])),
    ("ge", [np.array([2**24 + 1], np.int32), f32(2**24)], {}, np.array([True])),
    ("eq", [np.array([2**24 + 1], np.int32), f32(2**24)], {}, np.array([True])),
    ("bitwise_and", [i8(-1), i8(6)], {}, i8(6)),
    ("bitwise_or", [COLUMN, BOOL], {}, COLUMN | BOOL),
    ("bitwise_xor", [u8(5), i8(-1)], {}, np.array([-6], np.int16)),
    ("bitwise_not", [BOOL], {}, np.array([True, False])),
    ("lshift", [i8(1, 1, 1, 1), i8(7, 8, -1, 127)], {}, i8(MIN8, 0, 0, 0)),
    ("rshift", [i8(-8, -8, 8, 8), i8(1, 8, 8, -1)], {}, i8(-4, -1, 0, 0)),
    ("rshift", [u8(255, 255), u8(7, 8)], {}, u8(1, 0)),
    ("where", [np.array([True, False]), np.r_[SNAN, SNAN], f32(0, -0.0)], {},
     np.r_[SNAN, f32(-0.0)]),
    ("cast", [f32(300, -300, -1.9, NAN, INF)], {"dtype": "int8"}, i8(127, -128, -1, 0, 127)),
    ("cast", [f32(-1, 256, 255.9, NAN)], {"dtype": "uint8"}, u8(0, 255, 255, 0)),
    ("cast", [f32(2.0**63, -(2.0**63))], {"dtype": "int64"},
     np.array([2**63 - 1, -(2**63)], np.int64)),
    ("cast", [f32(2.0**64, -1)], {"dtype": "uint64"}, np.array([2**64 - 1, 0], np.uint64)),
    ("cast", [f32(NAN, 0, -0.0, 1e-45)], {"dtype": "bool"},
     np.array([True, False, False, True])),
    ("cast", [np.array([300, -1], np.int32)], {"dtype": "uint8"}, u8(44, 255)),
    ("cast", [np.array([1 + 2**-11 + 2**-40])], {"dtype": "float16"},
     np.array([1.0009765625], np.float16)),
    ("cast", [np.r_[SNAN, PAYLOAD]], {"dtype": "float64"}, np.array([NAN, NAN])),
    ("cast", [np.r_[SNAN, PAYLOAD]], {"dtype": "float32"}, np.r_[SNAN, PAYLOAD]),
    ("bitcast", [SNAN], {"dtype": "int32"}, np.array([0x7F800001], np.int32)),
    ("reshape", [np.r_[SNAN, PAYLOAD]], {"shape": (2, -1)}, np.r_[SNAN, PAYLOAD][:, None]),
    ("permute", [f32(1, 2)[None]], {"order": (1, 0)}, f32(1, 2)[:, None]),
    ("expand", [SNAN], {"shape": (2, -1)}, np.r_[SNAN, SNAN][:, None]),
    ("pad", [SNAN], {"padding": ((1, 1),), "value": -0.0}, np.r_[f32(-0.0), SNAN, f32(-0.0)]),
    ("shrink", [f32(1, 2, 3)], {"arg": ((1, 3),)}, f32(2, 3)),
    ("flip", [np.r_[SNAN, PAYLOAD]], {"axis": (0,)}, np.r_[PAYLOAD, SNAN]),
    ("sum", [np.full(3, -0.0, np.float32)], {}, np.asarray(np.float32(0.0))),
    ("sum", [u8(255, 255)], {}, np.asarray(np.uint32(510))),
    ("sum", [BOOL], {"keepdim": True}, np.array([1], np.int32)),
    ("sum", [np.zeros((0, 2), np.float32)], {"axis": 0}, f32(0, 0)),
    ("sum", [np.full(70000, 1, np.float16)], {}, np.asarray(np.float16(INF))),
    ("sum", [np.full(5000, 1, np.float16)], {}, np.asarray(np.float16(5000))),
    ("prod", [np.zeros(0, np.float32)], {}, np.asarray(np.float32(1))),
    ("prod", [PAYLOAD], {}, np.asarray(np.float32(NAN))),
    ("max", [f32(0.0, -0.0)], {}, np.asarray(np.float32(0.0))),
    ("max", [f32(-0.0, 0.0)], {}, np.asarray(np.float32(0.0))),
    ("max", [np.r_[PAYLOAD, f32(INF)]], {}, np.asarray(np.float32(NAN))),
    ("max", [np.zeros((0, 3), np.float32)], {"axis": 1}, np.zeros(0, np.float32)),
    ("min", [f32(-0.0, 0.0)], {}, np.asarray(np.float32(-0.0))),
    ("min", [f32(0.0, -0.0)], {"keepdim": True}, f32(-0.0)),
    ("mean", [np.array([1, 2], np.int8)], {}, np.asarray(np.float32(1.5))),
    ("sum", [np.asarray(np.int8(3))], {"axis": -1, "keepdim": True}, np.asarray(np.int32(3))),
    ("mean", [np.zeros((0, 2), np.float16)], {"axis": 0}, np.full(2, NAN, np.float16)),
    ("mean", [np.full(3, 65504, np.float16)], {}, np.asarray(np.float16(65504))),
    ("mean", [np.array([2**24 + 1], np.int32)], {}, np.asarray(np.float32(2**24))),
    ("var", [f32(1, 2, 4, 5)], {}, np.asarray(np.float32(10 / 3))),
    ("var", [f32(1, 2, 4, 5)], {"correction": 0, "keepdim": True}, f32(2.5)),
    ("var", [f32(1, 3)], {"correction": 2}, np.asarray(np.float32(INF))),
    ("var", [f32(3)], {}, np.asarray(np.float32(NAN))),
    ("std", [BOOL], {"correction": 0}, np.asarray(np.float32(0.5))),
    ("std", [f32(INF, 0)], {}, np.asarray(np.float32(NAN))),
    ("var_mean", [f32(1, 3)], {"output": 0}, np.asarray(np.float32(2))),
    ("std_mean", [f32(1, 3)], {"output": 1}, np.asarray(np.float32(2))),
    ("any", [f32(-0.0, 0, NAN)], {}, np.asarray(True)),
    ("any", [np.zeros((2, 0), np.int8)], {"axis": 1}, np.array([False, False])),
    ("all", [f32(1, NAN, INF)], {}, np.asarray(True)),
    ("all", [np.zeros((2, 0), np.int8)], {"keepdim": True}, np.array([[True]])),
    ("argmax", [f32(-0.0, 0.0, -1)], {}, np.asarray(np.int32(0))),
    ("argmax", [f32(1, NAN, INF, NAN)], {}, np.asarray(np.int32(1))),
    ("argmax", [COLUMN], {"keepdim": True}, np.array([[1]], np.int32)),
    ("argmin", [u8(3, 1, 1)], {"axis": 0}, np.asarray(np.int32(1))),
    ("cumsum", [f32(-0.0, -0.0, 1)], {"axis": 0}, f32(0.0, 0.0, 1)),
    ("cumsum", [u8(255, 1)], {"axis": -1}, np.array([255, 256], np.uint32)),
    ("cumsum", [np.full(5000, 1, np.float16)], {"axis": 0},
     np.arange(1, 5001).astype(np.float16)),
    ("cumsum", [f32(1)], {"axis": 0, "dtype": "int8"}, i8(1)),
    ("cumprod", [f32(2, -0.0, INF)], {}, f32(2, -0.0, NAN)),
    ("cumprod", [np.asarray(np.int64(3))], {"axis": -1}, np.asarray(np.int64(3))),
    ("cummax", [f32(-0.0, 0.0, NAN, 7)], {"output": 0}, f32(-0.0, 0.0, NAN, NAN)),
    ("cummax", [f32(-0.0, 0.0, NAN, NAN)], {"output": 1}, np.array([0, 0, 2, 2], np.int32)),
    ("cummin", [u8(3, 3, 1, 2)], {"output": 1}, np.array([0, 0, 2, 2], np.int32)),
    ("cummin", [np.zeros((2, 0), np.float16)], {"axis": 1, "output": 0},
     np.zeros((2, 0), np.float16)),
    ("sort", [np.r_[PAYLOAD, f32(0.0, -0.0, -1), SNAN]], {"output": 0},
     np.r_[f32(-1, 0.0, -0.0), PAYLOAD, SNAN]),
    ("sort", [f32(0.0, NAN, -0.0, 1)], {"descending": True, "output": 1},
     np.array([1, 3, 0, 2], np.int32)),
    ("argsort", [u8(3, 1, 3, 0)], {"dim": 0}, np.array([3, 1, 0, 2], np.int32)),
    ("argsort", [COLUMN], {"dim": 0, "descending": True}, np.array([[1], [0]], np.int32)),
    ("topk", [i8(5, 7, 7, MIN8)], {"k": 2, "output": 1}, np.array([1, 2], np.int32)),
    ("topk", [i8(5, 7, 7, MIN8)], {"k": 1, "largest": False, "output": 0}, i8(MIN8)),
    ("scatter", [f32(1, 2), i8(-1, -1, 2, -3), np.r_[f32(5), SNAN, f32(6, 7)]], {"dim": 0},
     np.r_[f32(1), SNAN]),
    ("scatter", [i8(127, 1), u8(0, 0), i8(1, 1)], {"dim": 0, "reduce": "add"}, i8(-127, 1)),
    ("scatter", [np.full(1, 2048, np.float16), u8(0, 0), np.ones(2, np.float16)],
     {"dim": 0, "reduce": "add"}, np.full(1, 2050, np.float16)),
    ("scatter", [np.r_[PAYLOAD, SNAN], u8(0), f32(2)], {"dim": 0, "reduce": "multiply"},
     f32(NAN, NAN)),
    ("scatter_reduce", [i8(-3, 9), u8(0, 0), i8(0, 0)], {"dim": 0, "reduce": "mean"}, i8(-1, 9)),
    ("scatter_reduce", [i8(100, 0), u8(0, 0, 0), i8(100, 100, 100)],
     {"dim": 0, "reduce": "mean"}, i8(100, 0)),
    ("scatter_reduce", [f32(-0.0, -0.0), u8(0, 0), f32(-0.0, -0.0)],
     {"dim": 0, "reduce": "sum", "include_self": False}, f32(0.0, -0.0)),
    ("scatter_reduce", [f32(9, 1), u8(0, 0), f32(-0.0, 0.0)],
     {"dim": 0, "reduce": "amin", "include_self": False}, f32(-0.0, 1)),
    ("scatter_reduce", [f32(9, 1), u8(1, 0), f32(NAN, 10)], {"dim": 0, "reduce": "amax"},
     f32(10, NAN)),
    ("softmax", [f32(3, 3)], {}, f32(0.5, 0.5)),
    ("softmin", [f32(INF, 0)], {}, f32(0, 1)),
    ("log_softmax", [i8(3)], {}, f32(0.0)),
    ("logsumexp", [f32(-INF, -INF)], {}, np.asarray(np.float32(-INF))),
    ("logcumsumexp", [f32(-INF, 1)], {}, f32(-INF, 1)),
    ("matmul", [i8(127, 127), i8(127, 127)], {}, np.asarray(np.int32(2 * 127 * 127))),
    ("matmul", [np.ones((2, 0), np.float32), np.ones((0, 1), np.float32)], {},
     np.zeros((2, 1), np.float32)),
    ("arange", [], {"start": 5, "stop": 0, "step": -2}, np.array([5, 3, 1], np.int32)),
    ("arange", [], {"start": 3, "stop": 0}, np.zeros(0, np.int32)),
    ("full", [], {"shape": (2,), "fill_value": -0.0}, f32(-0.0, -0.0)),
    ("full", [], {"shape": (1,), "fill_value": NAN}, f32(NAN)),
    ("getitem", [np.r_[SNAN, PAYLOAD]], {"index": (slice(None, None, -1), None)},
     np.r_[PAYLOAD, SNAN][:, None]),
    ("take", [np.r_[SNAN, f32(2)], i8(0, -1, 2, -3, 127)], {"axis": 0},
     np.r_[SNAN, f32(2, 0, 0, 0)]),
    ("take", [f32(1, 2)[:, None], i8(-1, 0)[:, None]], {}, f32(2, 1)[:, None]),
    ("take", [f32(1, 2), np.array([2**64 - 1, 1], np.uint64)], {}, f32(0, 2)),
    *activation_cases.CASES,
    *elementwise_cases.CASES,
    *factorisation_cases.CASES,
    *neural_cases.CASES,
    *loss_cases.CASES,
    *random_cases.CASES,
    *movement_cases.CASES,
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "args", "attrs", "want"), CASES, ids=[f"{k}-{case[0]}" for k, case in enumerate(CASES)]
)
def test_edge(name: str, args: list[Array], attrs: dict[str, Any], want: Array) -> None:
    with np.errstate(all="raise"):
        got = numpy_ref.evaluate(name, args, attrs)
    assert same(got, want), f"{got!r} instead of {want!r}"


def test_every_function_has_an_edge_case() -> None:
    assert {case[0] for case in CASES} == set(numpy_ref.FUNCTIONS)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "maximum", "minimum", "div"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_computed_nans_are_canonical(name: str, dtype: str) -> None:
    row = FORMATS[dtype]
    x = row.from_bits(edges(dtype))
    bits = row.to_bits(numpy_ref.evaluate(name, [x[:, None], x[None, :]], {}))
    assert set(bits[row.is_nan(bits)].tolist()) == {row.canonical_nan}


def test_neg_and_abs_move_bits() -> None:
    bits = numpy_ref.evaluate("neg", [SNAN], {}).view(np.uint32)
    assert bits.tolist() == [0xFF800001]
    assert numpy_ref.evaluate("abs", [PAYLOAD], {}).view(np.uint32).tolist() == [0x7FC0005A]


INTEGERS = [name for name, row in FORMATS.items() if row.kind in ("int", "uint")]


@pytest.mark.parametrize(("left", "right"), list(product(INTEGERS, repeat=2)))
def test_integers_compare_as_numbers(left: str, right: str) -> None:
    x = FORMATS[left].from_bits(edges(left))
    y = FORMATS[right].from_bits(edges(right))
    got = numpy_ref.evaluate("lt", [x[:, None], y[None, :]], {})
    want = [[a < b for b in y.tolist()] for a in x.tolist()]
    assert got.tolist() == want


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integer_arithmetic_against_python(dtype: str) -> None:
    """Python's unbounded integers, wrapped into the dtype."""
    row = FORMATS[dtype]
    x = row.from_bits(edges(dtype))
    rules = {
        "add": lambda a, b: a + b,
        "mul": lambda a, b: a * b,
        "floordiv": lambda a, b: a // b if b else 0,
        "mod": lambda a, b: a % b if b else 0,
        "lshift": lambda a, b: a << b if 0 <= b < row.bits else 0,
        "rshift": lambda a, b: a >> b if 0 <= b < row.bits else (-1 if a < 0 else 0),
    }
    for name, rule in rules.items():
        got = row.to_bits(numpy_ref.evaluate(name, [x[:, None], x[None, :]], {}))
        want = [[rule(a, b) % (1 << row.bits) for b in x.tolist()] for a in x.tolist()]
        assert got.tolist() == want, name


def test_what_must_raise() -> None:
    flag, x = np.array([True]), f32(1, 2)
    empty = np.zeros((0, 3), np.float32)
    refused: list[tuple[type[Exception], str, list[Array], dict[str, Any]]] = [
        (TypeError, "neg", [flag], {}),
        (TypeError, "sub", [flag, flag], {}),
        (TypeError, "floordiv", [flag, flag], {}),
        (TypeError, "bitcast", [x], {"dtype": "bool"}),
        (ValueError, "bitcast", [f32(1)], {"dtype": "int64"}),
        (ValueError, "split", [x], {"sizes": (1, 2)}),
        (ValueError, "unfold", [x], {"dim": 0, "size": 3, "step": 1}),
        (ValueError, "cat", [x, x[None]], {}),
        (ValueError, "gather", [x, np.zeros((1, 1), np.int8)], {"dim": 0}),
        (ValueError, "rearrange", [x], {"formula": "(a b) -> a b"}),
        (IndexError, "getitem", [x, i8(0)], {"index": ("t1", "t1")}),
        (ValueError, "max", [empty], {"axis": 0}),
        (ValueError, "argmin", [empty], {"axis": 0}),
        (IndexError, "cumsum", [x], {"axis": 1}),
        (ValueError, "topk", [x], {"k": 3}),
        (ValueError, "scatter", [x, u8(0), f32(1)[None]], {"dim": 0}),
        (ValueError, "scatter", [x, u8(0, 1), f32(1)], {"dim": 0}),
        (IndexError, "getitem", [x], {"index": 2}),
        (OverflowError, "full", [], {"shape": (1,), "fill_value": 300, "dtype": "uint8"}),
        (ValueError, "arange", [], {"stop": 3, "step": 0}),
        (ValueError, "arange", [], {"stop": INF}),
        (ValueError, "shrink", [x], {"arg": ((0, 3),)}),
    ]
    for error, name, args, attrs in refused:
        with pytest.raises(error):
            numpy_ref.evaluate(name, args, attrs)


def test_powers_of_integers() -> None:
    x = i8(0, 0, 2, 2, -1, -1, 1, -2, -2, 3)[:, None]
    y = i8(0, -1, 7, 100, -3, -4)
    want = [
        [pow(int(b), int(e), 256) if e >= 0 else (int(b) ** int(e) if abs(int(b)) == 1 else 0)
         for e in y] for b in x[:, 0]
    ]  # fmt: skip
    got = functions.pow(x, y)
    assert got.dtype == np.int8
    assert np.array_equal(got.view(np.uint8), np.array(want, np.int64).astype(np.uint8))
    assert functions.pow(u8(3, 0, 255), u8(200, 0, 255)).tolist() == [pow(3, 200, 256), 1, 255]
    assert np.array_equal(functions.pow(COLUMN, BOOL), [[True, False], [True, True]])
