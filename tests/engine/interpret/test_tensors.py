"""The tensor level: graphs against numpy and against the order of accumulation written out."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest

from engine import dtypes
from engine.arrays import NUMPY
from engine.decompose.functions import FUNCTIONS
from engine.dtypes import DType
from engine.graph import Node, const, index
from engine.interpret.preconditions import Array
from engine.interpret.tensors import evaluate
from engine.ops import OPERATIONS, Op, Operation


def buffer(array: Array, number: int = 0) -> Node:
    """A flat buffer of a numpy array's dtype."""
    return Node(Op.BUFFER, dtypes.as_dtype(array.dtype.name), (), (number, array.size, "X"))


def shaped(array: Array, number: int = 0) -> Node:
    node = buffer(array, number)
    return Node(Op.RESHAPE, node.dtype, (node,), array.shape)


def value(node: Node, *arrays: Array) -> Array:
    """The value of a graph; buffer i holds the items of array i."""
    return evaluate([node], lambda leaf: arrays[leaf.arg[0]].ravel())[0]


def moved(op: Operation, x: Node, arg: object, *more: Node) -> Node:
    return Node(op, x.dtype, (x, *more), arg)


def reduced(
    x: Node, op: Operation, axes: tuple[int, ...], order: tuple[int, int] | None = None
) -> Node:
    return moved(Op.REDUCE, x, (op.name, axes, order))


CUBE = np.arange(24, dtype="float32").reshape(2, 3, 4)
INTS = np.arange(24, dtype="int32").reshape(2, 3, 4)


def test_movement() -> None:
    x = shaped(CUBE)
    rows = [
        (moved(Op.PERMUTE, x, (2, 0, 1)), CUBE.transpose(2, 0, 1)),
        (moved(Op.FLIP, x, (0, 2)), CUBE[::-1, :, ::-1]),
        (moved(Op.SHRINK, x, ((1, 1), (0, 2), (1, 3))), CUBE[1:2, 0:2, 1:4]),
        (
            moved(Op.PAD, x, ((0, 0), (1, 2), (0, 1)), const(-0.0, dtypes.float32)),
            np.pad(CUBE, ((0, 0), (1, 2), (0, 1)), constant_values=-0.0),
        ),
        (moved(Op.RESHAPE, x, (4, 6)), CUBE.reshape(4, 6)),
        (
            moved(Op.EXPAND, moved(Op.RESHAPE, x, (1, 24)), (3, 24)),
            np.broadcast_to(CUBE.reshape(1, 24), (3, 24)),
        ),
    ]
    for node, wanted in rows:
        actual = value(node, CUBE)
        assert actual.shape == node.shape
        assert actual.tobytes() == wanted.tobytes()


def test_leaves_and_passing_through() -> None:
    table = Node(Op.TABLE, dtypes.float16, (), (0x7C01, 0x8000, 0x3C00))
    assert value(table).view("uint16").tolist() == [0x7C01, 0x8000, 0x3C00]
    iota = Node(Op.IOTA, dtypes.int32, (), 4)
    assert value(iota).tolist() == [0, 1, 2, 3]
    copy = moved(Op.AFTER, moved(Op.CONTIGUOUS, moved(Op.COPY, iota, "Y"), None), None, table)
    assert value(copy).dtype == np.int32
    assert value(iota * 2 + const(1, dtypes.int32)).tolist() == [1, 3, 5, 7]
    with pytest.raises(ValueError, match="not an operation of the tensor level"):
        value(Node(Op.PARAM, dtypes.int32, (), (0, 4)))
    with pytest.raises(ValueError, match="was loaded as"):
        value(buffer(CUBE), INTS)


def test_computed_nan_is_canonical_and_a_moved_one_keeps_its_bits() -> None:
    x = np.array([0xFFC12345, 0x7F800001], "uint32").view("float32")
    node = buffer(x)
    assert value(node + node, x).view("uint32").tolist() == [0x7FC00000] * 2
    assert value(-node, x).view("uint32").tolist() == [0x7FC12345, 0xFF800001]
    assert value(reduced(node, Op.MAXIMUM, (0,)), x).view("uint32").tolist() == [0x7FC00000]


def test_symbolic_sizes() -> None:
    size = Node(Op.VARIABLE, dtypes.index, (), ("n", 1, 8))
    bound = Node(Op.BIND, dtypes.index, (size, index(2)))
    x = shaped(CUBE)
    assert value(bound).item() == 2
    for n in (bound + 1, size + 1):  # outside BIND the variable has the value bound elsewhere
        part = moved(Op.SHRINK, x, ((0, 2), (0, None), (None, 2)), n, bound)
        assert value(part, CUBE).tolist() == CUBE[:, 0:3, 2:4].tolist()
    wide = moved(Op.EXPAND, moved(Op.RESHAPE, buffer(CUBE), (1, 24)), (None, 24), bound)
    assert value(wide, CUBE).shape == (2, 24)
    with pytest.raises(ValueError, match="n has no value"):
        value(size)
    other = Node(Op.BIND, dtypes.index, (size, index(3)))
    assert value(bound + other).item() == 5
    with pytest.raises(ValueError, match="n stands alone, and is bound to 2 and 3"):
        value(bound + other + size)


def test_store_makes_a_new_version() -> None:
    x, v = shaped(INTS), shaped(INTS[:1, :2, :2], 1)
    new = Node(Op.STORE, dtypes.int32, (x, v * 100), (14, (12, 4, 1)))
    before, after = evaluate([x, new], lambda leaf: [INTS, INTS[:1, :2, :2]][leaf.arg[0]].ravel())
    wanted = INTS.copy()
    wanted[1:2, 0:2, 2:4] = INTS[:1, :2, :2] * 100
    assert before.tolist() == INTS.tolist() and after.tolist() == wanted.tolist()


WRITTEN = [  # a view as numpy writes it, and the same places: offset, strides
    (lambda x: x[::-1, 1], (20, (-8, 1))),
    (lambda x: x[:, ::-2, 2].T, (6, (-8, 8))),
    (lambda x: np.einsum("iij->ij", x[:2, :, ::3]), (0, (12, 3))),
    (lambda x: x[1, 1, 1, ...], (13, ())),
]


@pytest.mark.parametrize("view, places", WRITTEN)
def test_a_store_goes_to_any_places(
    view: Callable[[Array], Array], places: tuple[int, tuple[int, ...]]
) -> None:
    want = np.arange(24, dtype="int32").reshape(3, 2, 4)
    old, part = want.copy(), view(want)
    given = -1 - np.arange(part.size, dtype="int32").reshape(part.shape)
    node = Node(Op.STORE, dtypes.int32, (shaped(old), shaped(given, 1)), places)
    part[...] = given
    assert value(node, old, given).tolist() == want.tolist()


@pytest.mark.parametrize("dtype", ["int8", "int64", "uint64"])
def test_gather(dtype: str) -> None:
    """Out of range reads 0, a negative index counts back."""
    far = {"int8": [127, -128], "int64": [2**40, -(2**63)], "uint64": [2**64 - 1, 2**63]}[dtype]
    back = [-1, -3] if dtype != "uint64" else [2, 0]
    picks = np.array([[1, 3, *far], [0, *back, 2]], dtype)
    node = Node(Op.GATHER, dtypes.float32, (shaped(CUBE), shaped(picks, 1)), 1)
    result = value(node, CUBE, picks)
    assert result.shape == node.shape == (2, 2, 4, 4)
    assert (result[:, 0, 1:] == 0).all()
    assert (result[:, 0, 0] == CUBE[:, 1]).all()
    assert (result[:, 1] == CUBE[:, [0, 2, 0, 2]]).all()
    empty = Node(Op.GATHER, dtypes.float32, (buffer(CUBE[:0], 0), shaped(picks, 1)), 0)
    assert (value(empty, CUBE[:0], picks) == np.zeros((2, 4))).all()


def ordered_sum(items: list[np.float32], lanes: int, rows: int) -> np.float32:
    """The contract in plain loops."""
    while True:
        results = []
        for start in range(0, len(items), lanes * rows):
            total = [np.float32(0)] * lanes
            for i, item in enumerate(items[start : start + lanes * rows]):
                total[i % lanes] = np.float32(total[i % lanes] + item)
            half = lanes // 2
            while half:
                for lane in range(half):
                    total[lane] = np.float32(total[lane] + total[lane + half])
                half //= 2
            results.append(total[0])
        if len(results) == 1:
            return results[0]
        items = results


@pytest.mark.parametrize("order", [(32, 32), (1, 256), (4, 2)])
@pytest.mark.parametrize("n", [1, 5, 31, 33, 1024, 1500])
def test_float_sums_follow_their_order(n: int, order: tuple[int, int]) -> None:
    rng = np.random.default_rng(n)
    x = (rng.standard_normal(n) * 10.0 ** rng.integers(-6, 6, n)).astype("float32")
    result = value(reduced(buffer(x), Op.ADD, (0,), order), x)
    assert result.tobytes() == np.array([ordered_sum(list(x), *order)]).tobytes()
    partial = value(moved(Op.PARTIAL, buffer(x), ("ADD", order)), x)
    assert partial.shape == (-(-n // (order[0] * order[1])),)
    if len(partial) == 1:
        assert partial.tobytes() == result.tobytes()
    else:  # cut at a multiple of the block, the rest of the sum is a sum of the partial results
        again = value(reduced(buffer(partial), Op.ADD, (0,), order), partial)
        assert again.tobytes() == result.tobytes()


def test_reduced_axes_are_row_major() -> None:
    x = np.random.default_rng(0).standard_normal((7, 5, 11)).astype("float32")
    result = value(reduced(shaped(x), Op.ADD, (2, 0), (4, 2)), x)
    assert result.shape == (1, 5, 1)
    flat = x.transpose(1, 0, 2).reshape(5, -1)
    assert result.ravel().tolist() == [ordered_sum(list(row), 4, 2) for row in flat]


EDGES: list[tuple[Operation, DType, list[float], tuple[int, int] | None, float]] = [
    (Op.ADD, dtypes.float32, [-0.0], (32, 32), 0.0),  # a sum is never -0
    (Op.ADD, dtypes.float32, [], (32, 32), 0.0),
    (Op.MUL, dtypes.float64, [], (32, 32), 1.0),
    (Op.MUL, dtypes.float32, [-0.0], (32, 32), -0.0),
    (Op.MAXIMUM, dtypes.float32, [-0.0, 0.0, -0.0], None, 0.0),
    (Op.MINIMUM, dtypes.float32, [0.0, -0.0, 0.0], None, -0.0),
    (Op.MAXIMUM, dtypes.float32, [1.0, np.nan, np.inf], None, np.nan),
    (Op.MAXIMUM, dtypes.int32, [], None, -(2**31)),
    (Op.ADD, dtypes.int32, [2**31 - 1, 1, 5], None, -(2**31) + 5),
    (Op.MUL, dtypes.uint32, [2**31, 3, 1], None, 2**31),
    (Op.AND, dtypes.int32, [], None, -1),
    (Op.MINIMUM, dtypes.bool_, [True, False], None, False),
    (Op.MAXIMUM, dtypes.bool_, [], None, False),
]


@pytest.mark.parametrize(("op", "dtype", "items", "order", "wanted"), EDGES)
def test_reductions_at_their_edges(
    op: Operation, dtype: DType, items: list[float], order: tuple[int, int] | None, wanted: float
) -> None:
    x = np.array(items, NUMPY[dtype])
    result = value(reduced(buffer(x), op, (0,), order), x)
    assert result.tobytes() == np.array([wanted], NUMPY[dtype]).tobytes()


def test_a_float_sum_names_its_order() -> None:
    with pytest.raises(ValueError, match="depends on the order"):
        value(reduced(buffer(CUBE), Op.ADD, (0,)), CUBE)


@pytest.mark.parametrize("name", ["exp2", "log2"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_functions_have_the_bits_of_their_decomposition(name: str, dtype: str) -> None:
    """What constant folding computes is what devices compute from the expanded graph."""
    word = f"uint{8 * np.dtype(dtype).itemsize}"
    rng = np.random.default_rng(1)
    x = rng.integers(0, np.iinfo(word).max, 2000, word, endpoint=True).view(dtype)
    x = np.concatenate([x, np.linspace(-200, 200, 2000).astype(dtype)])
    node = buffer(x)
    whole = value(Node(OPERATIONS[name.upper()], node.dtype, (node,)), x)
    steps = value(FUNCTIONS[name](node).canonical(), x)
    assert whole.tobytes() == steps.tobytes()


def test_deep_graphs() -> None:
    node = one = buffer(np.ones(2, "int32"))
    for _ in range(3 * sys.getrecursionlimit()):
        node = node + one
    wanted = 3 * sys.getrecursionlimit() + 1
    assert value(node, np.ones(2, "int32")).tolist() == [wanted] * 2
