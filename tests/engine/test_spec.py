"""The spec: what each level refuses, and that the message names the pass and the node."""

from __future__ import annotations

import dataclasses

import pytest

from engine import dtypes
from engine.dtypes import DType
from engine.folds import fold
from engine.graph import Node, axis_range, const, index
from engine.ops import ELEMENTWISE, Axis, Op, Operation
from engine.spec import KERNEL_ROWS, Level, SpecError, verify, verify_tensor, well_typed
from engine.target import HOST_DTYPES, Target

F16, F32, I32 = dtypes.float16, dtypes.float32, dtypes.int32
BOOL, INDEX = dtypes.bool_, dtypes.index
HOST = Target("HOST")
LOOP = axis_range(8, (0,), Axis.LOOP)


def param(slot: int, dtype: DType = F32, size: int = 8) -> Node:
    return Node(Op.PARAM, dtype, (), (slot, size))


def load(slot: int = 1, dtype: DType = F32, place: Node = LOOP) -> Node:
    return Node(Op.LOAD, dtype, (param(slot, dtype), place))


def kernel(value: Node, place: Node = LOOP) -> Node:
    """A kernel that writes one value a round."""
    write = Node(Op.WRITE, value.dtype.scalar, (param(0, value.dtype.scalar), place, value))
    return Node(Op.SINK, BOOL, (write,))


def refused(root: Node, level: Level = Level.LOOPS, target: Target = HOST) -> str:
    with pytest.raises(SpecError) as error:
        verify(root, level, target, "some pass")
    return str(error.value)


def test_a_good_kernel_passes_the_levels_that_it_is_on() -> None:
    good = kernel(load() + load(2))
    for level in (Level.LOOPS, Level.STORED, Level.EXPANDED):
        verify(good, level, HOST, "some pass")
    narrow = axis_range(8, (0,), Axis.LOOP)
    narrow = Node(Op.RANGE, I32, (const(8, I32),), narrow.arg)
    good = kernel(load(place=narrow) + load(2, place=narrow), narrow)
    for level in (Level.ADDRESSED, Level.MACHINE):
        verify(good, level, HOST, "some pass")


def test_the_message_names_the_pass_and_the_node() -> None:
    wrong = Node(Op.ADD, F32, (load(), load(2, I32)))
    message = refused(kernel(wrong))
    assert message == (
        "after pass 'some pass': ADD float32 (LOAD float32, LOAD int32) None breaks its row of "
        "the spec"
    )


# -- operands --------------------------------------------------------------------------------------
X, N, C = load(), load(2, I32), load(3, BOOL)
WRONGLY_TYPED = [
    Node(Op.ADD, F32, (X, N)),
    Node(Op.ADD, I32, (X, X)),
    Node(Op.ADD, F32, (X,)),
    Node(Op.ADD, F32, (X, X, X)),
    Node(Op.ADD, BOOL, (C, C)),
    Node(Op.DIV, I32, (N, N)),
    Node(Op.SQRT, I32, (N,)),
    Node(Op.EXP2, I32, (N,)),
    Node(Op.CANON, I32, (N,)),
    Node(Op.LSHIFT, F32, (X, X)),
    Node(Op.LSHIFT, F32, (X, X)),
    Node(Op.SHL, BOOL, (C, C)),
    Node(Op.AND, F32, (X, X)),
    Node(Op.NOT, F32, (X,)),
    Node(Op.NEG, BOOL, (C,)),
    Node(Op.LT, F32, (X, X)),
    Node(Op.EQ, BOOL, (X, N)),
    Node(Op.WHERE, F32, (N, X, X)),
    Node(Op.WHERE, F32, (C, X, N)),
    Node(Op.WHERE, I32, (C, X, X)),
    Node(Op.BITCAST, dtypes.float64, (X,)),
    Node(Op.CONVERT, BOOL, (N,)),
    Node(Op.OPAQUE, I32, (X,)),
    Node(Op.CONST, dtypes.int8, (), 256),
    Node(Op.CONST, dtypes.int8, (), -1),
    Node(Op.CONST, BOOL, (), 2),
    Node(Op.CONST, F32, (), "1"),
    Node(Op.CONST, F32.vec(4), (), 0),
    Node(Op.LOAD, I32, (param(1), LOOP)),
    Node(Op.LOAD, F32, (X, LOOP)),
    Node(Op.LOAD, F32, (param(1), X)),
    Node(Op.LOAD, F32, (param(1), LOOP, N)),
    Node(Op.LOAD, F32, (param(1), LOOP, C, C)),
    Node(Op.CARRY, F32, (X,), 0),
    Node(Op.PICK, F32, (X,), 0),
    Node(Op.TREE, F32, (X, X), "ADD"),
    Node(Op.TREE, F16, (axis_range(4, (9,), Axis.REDUCE), load(dtype=F16)), "ADD"),
    Node(Op.TREE, F32, (axis_range(4, (9,), Axis.REDUCE), X), "NOSUCH"),
    Node(Op.BROADCAST, F32.vec(4), (N,)),
    Node(Op.SLICE, F32.vec(2), (X,), 0),
]


@pytest.mark.parametrize("node", WRONGLY_TYPED, ids=lambda n: f"{n.op} {n.dtype}")
def test_wrong_operands_are_refused(node: Node) -> None:
    assert not well_typed(node)
    write = Node(Op.WRITE, node.dtype.scalar, (param(0, node.dtype.scalar), LOOP, node))
    message = refused(Node(Op.SINK, BOOL, (write,)))
    assert f"{node.op} {node.dtype}" in message and "breaks its row" in message


def test_functions_read_their_operands_and_calls_give_them() -> None:
    x, y, other = (Node(Op.FORMAL, F32, (), (name, i)) for name, i in
                   (("f", 0), ("f", 1), ("g", 0)))
    function = Node(Op.FUNCTION, F32, (x + y, x, y), "f")
    verify(kernel(Node(Op.CALL, F32, (function, X, X))), Level.LOOPS, HOST, "some pass")
    for operands in ((X,), (X, N), (X, X, X)):
        assert "CALL" in refused(kernel(Node(Op.CALL, F32, (function, *operands))))
    bodies = ((x + y, x), (x + y, y, x), (x + other, x, y), (x + X, x), (X, x))
    for src in (*bodies, (Node(Op.CALL, F32, (function, x, x)), x)):
        wrong = Node(Op.FUNCTION, F32, src, "f")
        call = Node(Op.CALL, F32, (wrong, *([X] * (len(src) - 1))))
        assert "FUNCTION" in refused(kernel(call))


def test_sinks_hold_writes_and_writes_go_to_parameters() -> None:
    table = Node(Op.TABLE, F32, (), (0, 0))
    assert "SINK" in refused(Node(Op.SINK, BOOL, (X,)))
    assert "SINK" in refused(Node(Op.SINK, BOOL, ()))
    assert "WRITE" in refused(Node(Op.SINK, BOOL, (Node(Op.WRITE, F32, (table, LOOP, X)),)))
    assert "WRITE" in refused(Node(Op.SINK, BOOL, (Node(Op.WRITE, F32, (param(0), LOOP, N)),)))


def test_folds_carry_as_many_values_as_they_update() -> None:
    loop = axis_range(4, (1,), Axis.REDUCE)
    good = fold(loop, const(0.0, F32), Op.ADD, X)
    verify(kernel(good), Level.LOOPS, HOST, "some pass")
    for src, count in (((loop, X), 1), ((loop, X, N), 1), ((X, X, X), 1), ((loop, X, X, X), 2)):
        wrong = Node(Op.FOLD, F32, src, count)
        assert "FOLD" in refused(kernel(Node(Op.PICK, F32, (wrong,), 0)))


def test_loops_have_a_known_kind_and_a_path_of_numbers() -> None:
    for arg in (((0,), "sideways"), (("0",), "loop")):
        wrong = Node(Op.RANGE, INDEX, (index(8),), arg)
        assert "RANGE" in refused(kernel(load(place=wrong), wrong))


@pytest.mark.parametrize("arg", [1.5, True])
def test_plain_attributes_are_refused_when_a_node_is_made(arg: object) -> None:
    with pytest.raises(TypeError, match="attribute"):
        Node(Op.ADD, F32, (X, const(3.0, F32)), arg)


@pytest.mark.parametrize("arg", [(1, 2.5), (1, (True,))])
def test_attributes_hold_no_floats(arg: object) -> None:
    """Python takes 0.0 for -0.0 and True for 1, so caches would."""
    wrong = Node(Op.ADD, F32, (X, const(3.0, F32)), arg)
    with pytest.raises(TypeError, match="attributes hold"):
        verify(kernel(wrong), Level.LOOPS, HOST, "some pass")
    with pytest.raises(TypeError, match="attributes hold"):
        verify_tensor(Node(Op.ADD, F32, (const(1.0, F32), const(3.0, F32)), arg))


@pytest.mark.parametrize("op", [Op.REDUCE, Op.RESHAPE, Op.BUFFER, Op.COPY, Op.LOOP, Op.ARGUMENT])
def test_operations_of_other_levels_are_refused(op: Operation) -> None:
    """There is no row that accepts anything."""
    assert op not in KERNEL_ROWS
    assert str(op) in refused(kernel(Node(op, F32, (X,), None)))


def test_every_elementwise_operation_has_a_row() -> None:
    assert set(KERNEL_ROWS) >= ELEMENTWISE


# -- levels ----------------------------------------------------------------------------------------
VECTOR = Node(Op.LOAD, F32.vec(4), (param(1), index(0)))


def test_lanes_come_with_expansion() -> None:
    early = kernel(VECTOR, index(0))
    for level in (Level.LOOPS, Level.STORED):
        assert "has lanes before vectors are made" in refused(early, level)
    verify(early, Level.EXPANDED, HOST, "some pass")


@pytest.mark.parametrize("kind", [Axis.VECTOR, Axis.UNROLL])
def test_vector_and_unrolled_axes_go_with_expansion(kind: Axis) -> None:
    axis = axis_range(4, (0,), kind)
    late = kernel(load(place=axis), axis)
    verify(late, Level.STORED, HOST, "some pass")
    assert "should have been expanded" in refused(late, Level.EXPANDED)
    last = Node(Op.RANGE, I32, (const(4, I32),), axis.arg)
    for level in (Level.ADDRESSED, Level.MACHINE):
        assert "should have been expanded" in refused(kernel(load(place=last), last), level)


def test_trees_go_with_expansion() -> None:
    lane = axis_range(4, (1,), Axis.REDUCE)
    late = kernel(Node(Op.TREE, F32, (lane, load(place=lane)), "ADD"))
    verify(late, Level.STORED, HOST, "some pass")
    assert "TREE" in refused(late, Level.EXPANDED)


def test_index_goes_with_narrowing() -> None:
    good = kernel(X)
    verify(good, Level.EXPANDED, HOST, "some pass")
    assert "still has dtype index" in refused(good, Level.ADDRESSED)
    lanes = Node(Op.LANES, INDEX.vec(4))
    scattered = Node(Op.LOAD, F32.vec(4), (param(1), lanes))
    assert "still has dtype index" in refused(kernel(scattered, const(0, I32)), Level.ADDRESSED)


@pytest.mark.parametrize("dtype", [dtypes.float16, BOOL])
def test_memory_holds_what_the_target_can_load(dtype: DType) -> None:
    early = kernel(load(1, dtype))
    verify(early, Level.LOOPS, HOST, "some pass")
    assert "HOST cannot load and store" in refused(early, Level.STORED)
    able = dataclasses.replace(HOST, storage=HOST.storage | {dtype})
    verify(early, Level.STORED, able, "some pass")
    refused(early, Level.STORED)  # what another target can is not remembered


ROUND = Node(Op.RANGE, I32, (const(8, I32),), ((0,), "loop"))


@pytest.mark.parametrize("op", [Op.EXP2, Op.CAST, Op.CANON, Op.NEG, Op.MAXIMUM, Op.ABS])
def test_machine_level_has_only_operations_of_the_target(op: Operation) -> None:
    x = load(place=ROUND)
    late = kernel(Node(op, F32, (x,) * (op.arity or 0)), ROUND)
    verify(late, Level.ADDRESSED, HOST, "some pass")
    assert "is no operation of HOST" in refused(late, Level.MACHINE)


def test_a_target_without_an_operation_or_a_dtype() -> None:
    divided = kernel(load(place=ROUND) / load(2, place=ROUND), ROUND)
    verify(divided, Level.MACHINE, HOST, "some pass")
    poor = dataclasses.replace(HOST, ops=HOST.ops - {Op.DIV})
    assert "DIV float32" in refused(divided, Level.MACHINE, poor)
    lacks = HOST_DTYPES - {dtypes.float64}
    small = dataclasses.replace(HOST, arithmetic=lacks, storage=lacks)
    wide = load(place=ROUND).convert("float64")
    message = refused(kernel((wide + wide).convert(F32), ROUND), Level.MACHINE, small)
    assert "CONVERT float64" in message and "has a dtype that HOST lacks" in message


def test_an_operation_on_one_dtype_says_nothing_of_another() -> None:
    narrow = dataclasses.replace(HOST, arithmetic=HOST.arithmetic - {dtypes.float64})
    known, foreign = load(1, F32, ROUND), load(2, dtypes.float64, ROUND)
    tests = [x.binary(Op.LT, x) for x in (known, foreign)]
    able = dataclasses.replace(narrow, storage=HOST.storage | {BOOL})
    verify(kernel(tests[0], ROUND), Level.MACHINE, able, "some pass")
    message = refused(kernel(tests[0] & tests[1], ROUND), Level.MACHINE, able)
    assert "LT bool (LOAD float64, LOAD float64)" in message


def test_storage_alone_is_not_arithmetic() -> None:
    """A dtype that can be loaded and stored may be moved; adding needs more."""
    target = dataclasses.replace(HOST, arithmetic=HOST.arithmetic - {dtypes.int8})
    x = load(1, dtypes.int8, ROUND)
    verify(kernel(x, ROUND), Level.MACHINE, target, "some pass")
    assert "ADD" in refused(kernel(x + x, ROUND), Level.MACHINE, target)


def test_a_verdict_for_one_target_is_not_remembered_for_another() -> None:
    divided = kernel(load(place=ROUND) / load(3, place=ROUND), ROUND)
    verify(divided, Level.MACHINE, HOST, "some pass")
    refused(divided, Level.MACHINE, dataclasses.replace(HOST, ops=frozenset()))


# -- tensors ---------------------------------------------------------------------------------------
def test_tensor_level() -> None:
    x = Node(Op.BUFFER, F32, (), (1, 4, "LLVM"))
    n = Node(Op.BUFFER, I32, (), (2, 4, "LLVM"))
    verify_tensor(Node(Op.REDUCE, F32, (x * 2.0,), ("ADD", (0,), (32, 32))))
    wrong = [
        Node(Op.ADD, F32, (x, n)),
        x << 1,  # machine operations are made by decomposition only
        Node(Op.CONVERT, I32, (x,)),
        Node(Op.LOAD, F32, (x, index(0))),
        axis_range(4, (0,), Axis.LOOP),
    ]
    for node in wrong:
        with pytest.raises(SpecError, match=f"after pass 'build': {node.op}"):
            verify_tensor(node)
        with pytest.raises(SpecError):
            verify_tensor(Node(Op.SINK, BOOL, (node,)))


@pytest.mark.parametrize("places", [
    (-1, (1,)), (2, (1,)), (0, (-1,)), (0, (2,)), (0, (0,)), (0, (1, 1)), (0, ()),
])
def test_a_store_stays_inside_and_writes_a_place_once(places: tuple[object, ...]) -> None:
    base = Node(Op.BUFFER, F32, (), (1, 4, "LLVM"))
    value = Node(Op.BUFFER, F32, (), (2, 3, "LLVM"))
    for right in ((1, (1,)), (2, (-1,))):
        verify_tensor(Node(Op.STORE, F32, (base, value), right))
    with pytest.raises(SpecError, match="STORE"):
        verify_tensor(Node(Op.STORE, F32, (base, value), places))
    with pytest.raises(SpecError, match="STORE"):
        verify_tensor(Node(Op.STORE, F32, (base, value.cast(I32)), (0, (1,))))
