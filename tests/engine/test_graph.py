"""The graph: one object for equal nodes, a text that reads back to it, and no recursion."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from engine import Tensor, Variable, dtypes, graph
from engine.dtypes import DType
from engine.graph import (
    Node,
    axis_range,
    checked_attribute,
    const,
    dump,
    index,
    parse,
    parse_all,
    substitute,
    toposort,
)
from engine.ops import Axis, Op

F32, I32 = dtypes.float32, dtypes.int32


def buffer(number: int = 0, dtype: DType = F32, size: int = 4) -> Node:
    return Node(Op.BUFFER, dtype, (), (number, size, "LLVM"))


# -- interning -------------------------------------------------------------------------------------
def test_equal_nodes_are_one_object() -> None:
    x, y = buffer(1), buffer(2)
    assert x + y is x + y
    assert x + y is not y + x, "operands are in order"
    assert x is not y, "a buffer is an identity"
    assert (x + y).replace((x, y)) is x + y


@pytest.mark.parametrize(
    ("dtype", "a", "b"),
    [
        (F32, 0, 1 << 31),  # 0.0 and -0.0, equal and hashed alike as Python numbers
        (F32, 0x7FC00000, 0x7FC00001),  # two NaNs
        (F32, 0x7FC00000, 0xFFC00000),
        (dtypes.uint64, 2**63, 2**63 + 1),  # one double
        (dtypes.uint64, 2**63, 2**63 - 1),
    ],
)
def test_constants_are_bits(dtype: DType, a: int, b: int) -> None:
    x, y = Node(Op.CONST, dtype, (), a), Node(Op.CONST, dtype, (), b)
    assert x is not y
    assert (x.arg, y.arg) == (a, b)
    assert dump(x) != dump(y)


def test_zeros_of_both_signs_are_different_constants() -> None:
    assert const(0.0, F32) is not const(-0.0, F32)
    assert const(0.0, F32) is const(0, F32)
    assert buffer() + 0.0 is not buffer() + -0.0


def test_numbers_of_different_dtypes_are_different_constants() -> None:
    ones = [const(1, dtype) for dtype in dtypes.TENSOR_DTYPES]
    assert len(set(ones)) == len(dtypes.TENSOR_DTYPES)


@pytest.mark.parametrize("dtype", dtypes.TENSOR_DTYPES)
def test_true_and_one_are_the_same_bits(dtype: DType) -> None:
    """As Python numbers they are equal too, but a bool in an attribute would print as True."""
    assert const(True, dtype) is const(1, dtype)
    assert type(const(True, dtype).arg) is int
    assert type(index(1).arg) is int


def test_attributes_hold_no_floats_and_no_bools() -> None:
    assert checked_attribute((1, "a", None, (2, ("b",)))) == (1, "a", None, (2, ("b",)))
    for wrong in (1.0, True, (1, (2.0,)), [1], {"a": 1}, b"a", (1, [2])):
        with pytest.raises(TypeError, match="attributes hold"):
            checked_attribute(wrong)


def test_nodes_die_with_their_last_user() -> None:
    x = buffer(77_001) * 3.0
    y = x + 1.0
    alive = weakref.ref(x)
    del x
    assert alive() is not None, "y still needs it"
    del y
    gc.collect()
    assert alive() is None
    assert (buffer(77_001) * 3.0).src[0].arg[0] == 77_001, "and can be made again"


class Overtaken(dict[Any, Any]):
    """A table of nodes in which another thread makes what a look-up does not find.

    Of the dead it removes the entry just after somebody has met it.
    """

    rival: Node | None = None

    def get(self, key: Any, default: Any = None) -> Any:
        found = super().get(key, default)
        if found is None:
            self.rival = object.__new__(Node)
            self.rival.op, self.rival.dtype, self.rival.src, self.rival.arg = key
            self.enter(key, self.rival)
        return found

    def setdefault(self, key: Any, default: Any = None) -> Any:
        found = super().setdefault(key, default)
        if found() is None:
            del self[key]
        return found

    def enter(self, key: Any, node: Node) -> None:
        self[key] = graph._Reference(node, graph._forget)
        self[key].key = key


def test_the_node_of_a_faster_thread_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Overtaken()
    monkeypatch.setattr(graph, "_interned", table)
    made = buffer(77_002)
    assert made is table.rival is buffer(77_002)


def test_a_dead_node_in_the_way_leaves_one_object(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its entry goes while a thread makes the node again, and nobody enters another one."""
    table = Overtaken()
    key = (Op.BUFFER, F32, (), (77_003, 4, "LLVM"))
    table.enter(key, object.__new__(Node))
    assert table[key]() is None
    monkeypatch.setattr(graph, "_interned", table)
    made = buffer(77_003)
    assert table[key]() is made and table.rival is None


def test_what_died_does_not_take_the_entry_of_its_successor() -> None:
    x = buffer(77_004)
    late = graph._Reference(x, None)
    late.key = (x.op, x.dtype, x.src, x.arg)
    graph._forget(late)
    assert buffer(77_004) is x


# -- building --------------------------------------------------------------------------------------
def test_operators() -> None:
    x = buffer()
    assert (2.0 - x).op is Op.SUB and (2.0 - x).src == (const(2.0, F32), x)
    assert x.lt(1.0).dtype is dtypes.bool_
    assert x.cast("float32") is x and x.bitcast(F32) is x
    assert x.bitcast("uint32").dtype is dtypes.uint32
    with pytest.raises(TypeError, match="at least one"):
        x.lt(0.0).where(1, 2)


def test_constants_beside_vectors_fill_every_lane() -> None:
    vector = Node(Op.BROADCAST, F32.vec(4), (const(2.0, F32),))
    total = vector + 1.0
    assert total.dtype is F32.vec(4)
    assert total.src[1].op is Op.BROADCAST and total.src[1].src == (const(1.0, F32),)
    assert vector.lt(0.0).dtype is dtypes.bool_.vec(4)


def test_toposort_puts_operands_first_and_each_node_once() -> None:
    x, y = buffer(1), buffer(2)
    root = (x + y) * (y + x) + (x + y)
    order = toposort([root])
    place = {node: i for i, node in enumerate(order)}
    assert len(place) == len(order) == 6
    assert all(place[s] < place[node] for node in order for s in node.src)
    assert toposort([root], stop=lambda node: node.op is Op.ADD) == [root]


def test_substitute_rebuilds_what_depends() -> None:
    x, y, z = buffer(1), buffer(2), buffer(3)
    kept = y * y
    result = substitute((x + y) * kept, {x: z})
    assert result is (z + y) * kept
    assert substitute(kept, {x: z}) is kept


# -- text ------------------------------------------------------------------------------------------
UNARY = (Op.NEG, Op.ABS, Op.SQRT, Op.OPAQUE, Op.CANON)
BINARY = (Op.ADD, Op.SUB, Op.MUL, Op.DIV, Op.MAXIMUM)


@st.composite
def graphs(draw: st.DrawFn) -> Node:
    """Graphs of all kinds of attributes, with shared nodes; not all of them mean something."""
    nodes = [
        buffer(draw(st.integers(0, 3)), F32, draw(st.integers(0, 9))),
        Node(Op.CONST, F32, (), draw(st.integers(0, 2**32 - 1))),
        Node(Op.TABLE, F32, (), tuple(draw(st.lists(st.integers(0, 2**32 - 1), max_size=3)))),
        Node(Op.VARIABLE, dtypes.index, (), (draw(st.text(max_size=5)), -(2**70), 5)),
        axis_range(draw(st.integers(0, 2**40)), (0, 1), draw(st.sampled_from(list(Axis)))),
    ]
    for _ in range(draw(st.integers(0, 12))):
        x, y = draw(st.sampled_from(nodes)), draw(st.sampled_from(nodes))
        kind = draw(st.integers(0, 3))
        if kind == 0:
            nodes.append(x.unary(draw(st.sampled_from(UNARY))))
        elif kind == 1:
            nodes.append(Node(draw(st.sampled_from(BINARY)), x.dtype, (x, y)))
        elif kind == 2:
            shape = tuple(draw(st.lists(st.none() | st.integers(0, 5), max_size=3)))
            nodes.append(Node(Op.RESHAPE, x.dtype, (x,), shape))
        else:
            order = draw(st.none() | st.just((32, 32)))
            nodes.append(Node(Op.REDUCE, x.dtype, (x,), ("ADD", (0, 1), order)))
    return nodes[-1]


@given(graphs())
def test_text_reads_back_to_the_identical_node(node: Node) -> None:
    text = dump(node)
    assert parse(text) is node
    assert dump(parse(text)) == text


@given(graphs(), graphs())
def test_several_roots(a: Node, b: Node) -> None:
    assert parse_all(dump(a, b, a)) == (a, b, a)


def test_the_text_is_what_people_expect() -> None:
    assert repr(buffer(7).sqrt() + -0.0) == """\
%0 = BUFFER float32 [(7, 4, 'LLVM')]
%1 = SQRT float32 %0
%2 = CONST float32 [2147483648]
%3 = ADD float32 %1 %2
-> %3"""


HOSTILE = [
    ("", "roots"),
    ("%0 = CONST int32 [1]", "roots"),
    ("nonsense", "line 1"),
    ("%0 = CONST int32 [1]\n%1 = NEG int32 %0 %\n-> %1", "line 2"),
    ("%0 = NOSUCH int32 [1]\n-> %0", "line 1"),
    ("%0 = CONST int33 [1]\n-> %0", "line 1"),
    ("%0 = NEG int32 %0\n-> %0", "line 1"),
    ("%0 = NEG int32 %7\n-> %0", "line 1"),
    ("%0 = CONST float32 [1.0]\n-> %0", "line 1"),
    ("%0 = CONST bool [True]\n-> %0", "line 1"),
    ("%0 = CONST int32 [[1]]\n-> %0", "line 1"),
    ("%0 = CONST int32 [b'1']\n-> %0", "line 1"),
    ("%0 = CONST int32 [__import__('os').getcwd()]\n-> %0", "line 1"),
    ("%0 = CONST int32 [1 for _ in '']\n-> %0", "line 1"),
    ("%0 = CONST int32 [" + "(" * 3000 + "]\n-> %0", "line 1"),
    ("%0 = CONST int32 [" + "9" * 5000 + "]\n-> %0", "line 1"),
]


@pytest.mark.parametrize(("text", "message"), HOSTILE)
def test_text_from_strangers_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("%0 = CONST int32 [1]\n-> %9", "line 2"),
        ("%0 = CONST int32 [1]\n-> x", "line 2"),
        ("%0 = CONST int32 [1]\n->", "line 2"),
        ("%0 = CONST int32 [1]\n%0 = CONST int32 [2]\n-> %0", "line 2"),
        ("%0 = CONST int32 [" + "-" * 200_000 + "1]\n-> %0", "line 1"),
    ],
    ids=["unknown root", "no name", "no root", "a name twice", "nesting"],
)
def test_wrong_roots_and_names_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text)


# -- depth -----------------------------------------------------------------------------------------
def test_chains_deeper_than_the_stack() -> None:
    depth = 50_000
    node = first = buffer(77_002)
    for _ in range(depth):
        node = node.sqrt()
    assert len(toposort([node])) == depth + 1
    assert node.shape == (4,) and node.device == "LLVM"
    text = dump(node)
    assert text.count("\n") == depth + 1
    assert parse(text) is node
    swapped = substitute(node, {first: buffer(77_003)})
    assert toposort([swapped])[0] is buffer(77_003)
    alive = weakref.ref(node.src[0])
    del node, swapped
    gc.collect()
    assert alive() is None


def test_wide_sharing_is_not_walked_twice() -> None:
    """2**200 paths from the root to the leaf."""
    node = buffer()
    for _ in range(200):
        node = node + node
    assert len(toposort([node])) == 201
    assert parse(dump(node)) is node


# -- from the public API ---------------------------------------------------------------------------
NUMPY_INTEGERS = {
    "arange": lambda n: Tensor.arange(n(77_004)),
    "from_bytes": lambda n: Tensor.from_bytes(b"1234", "uint8", (n(4),), device="PYTHON"),
    "Variable": lambda n: Tensor([1.0] * 6, device="PYTHON")[Variable("q", n(0), n(5)).bind(n(3))],
    "sum": lambda n: Tensor.arange(77_005).reshape((n(5), -1)).sum(n(1)),
    "views": lambda n: Tensor.arange(77_006)[n(1) : n(9)].reshape((n(2), n(4))).permute(n(1), n(0)),
}


@pytest.mark.parametrize("name", NUMPY_INTEGERS)
def test_integers_of_numpy_become_plain_ones(name: str) -> None:
    """They equal ints: a node with one would be found instead of the right one, and not parse."""
    node = NUMPY_INTEGERS[name](np.int64).node
    for inner in toposort([node]):
        checked_attribute(inner.arg)
    assert parse(dump(node)) is node
