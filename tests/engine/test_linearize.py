"""Graph to instructions: where things stand, what loops carry, and the text."""

from __future__ import annotations

import pytest

from engine import dtypes
from engine.backends.registry import backend
from engine.compile import compile_kernel
from engine.dtypes import DType
from engine.folds import fold, fold_many, pick
from engine.graph import Node, axis_range, const, index
from engine.linear import Instruction, LinearKernel, dump, parse
from engine.linearize import linearize
from engine.ops import Axis, Op, Operation
from engine.steps import Output, Variables
from engine.target import Target

F32, I32, INDEX = dtypes.float32, dtypes.int32, dtypes.index
HOST = Target("HOST")


def param(slot: int, size: int, dtype: DType = F32) -> Node:
    return Node(Op.PARAM, dtype, (), (slot, size))


def load(slot: int, place: Node, size: int = 64) -> Node:
    return Node(Op.LOAD, F32, (param(slot, size), place))


def write(slot: int, place: Node, value: Node, size: int = 64) -> Node:
    return Node(Op.WRITE, F32, (param(slot, size), place, value))


def listed(*writes: Node, variables: Variables = ()) -> LinearKernel:
    kernel = linearize(Node(Op.SINK, dtypes.bool_, writes), "test", variables).kernel
    check(kernel)
    return kernel


def check(kernel: LinearKernel) -> None:
    """The invariants of the list: registers are written once, before use, inside open loops."""
    visible: list[set[int]] = [set()]
    written: set[int] = set()
    loops: list[int] = []
    carried: set[int] = set()
    for item in kernel.instructions:
        for register in item.src:
            assert any(register in scope for scope in visible), f"r{register} is not visible"
        if item.op is Op.END:
            assert item.src[0] == loops.pop()
            assert set(item.src[1::2]) <= carried
            visible.pop()
        if item.out >= 0:
            assert item.out not in written
            written.add(item.out)
            if item.op is Op.CARRY:
                carried.add(item.out)
            if item.op is Op.LOOP:
                loops.append(item.out)
                visible.append(set())
            visible[-1].add(item.out)
    assert not loops


def depths(kernel: LinearKernel) -> dict[int, int]:
    """How many loops are open where each register is written."""
    found: dict[int, int] = {}
    depth = 0
    for item in kernel.instructions:
        depth -= item.op is Op.END
        found[item.out] = depth
        depth += item.op is Op.LOOP
    return found


def only(kernel: LinearKernel, op: Operation) -> Instruction:
    (found,) = [item for item in kernel.instructions if item.op is op]
    return found


# -- places ----------------------------------------------------------------------------------------
I, J = axis_range(8, (0,), Axis.LOOP), axis_range(4, (1,), Axis.LOOP)


def test_what_a_loop_does_not_change_stands_outside() -> None:
    once = load(1, index(0)).sqrt()  # for the whole kernel
    row = load(2, I) / load(2, index(1))  # for each round of the outer loop
    kernel = listed(write(0, I * 4 + J, (once * row - load(1, J)).unary(Op.EXP2)))
    depth = depths(kernel)
    assert depth[only(kernel, Op.SQRT).out] == 0
    assert depth[only(kernel, Op.DIV).out] == 1
    assert depth[only(kernel, Op.EXP2).out] == 2
    assert sum(item.op is Op.LOOP for item in kernel.instructions) == 2


def test_a_fold_stands_where_its_operands_allow() -> None:
    """A sum that does not depend on the loop around its use is computed once, before it."""
    k = axis_range(16, (5,), Axis.REDUCE)
    total = fold(k, const(0.0, F32), Op.ADD, load(1, k))
    kernel = listed(write(0, I, load(2, I) * total))
    assert [item.arg[1] for item in kernel.instructions if item.op is Op.LOOP] == ["reduce", "loop"]
    assert depths(kernel)[only(kernel, Op.MUL).out] == 1


def test_nested_folds_with_something_invariant_inside() -> None:
    outer, inner = axis_range(3, (5,), Axis.REDUCE), axis_range(5, (6,), Axis.REDUCE)
    factor = load(2, outer).sqrt()
    rows = fold(inner, const(0.0, F32), Op.ADD, load(1, outer * 5 + inner) * factor)
    kernel = listed(write(0, index(0), fold(outer, const(1.0, F32), Op.MUL, rows)))
    depth = depths(kernel)
    assert depth[only(kernel, Op.SQRT).out] == 1
    carries = [item for item in kernel.instructions if item.op is Op.CARRY]
    assert sorted(depth[item.out] for item in carries) == [0, 1]
    ends = [item for item in kernel.instructions if item.op is Op.END]
    assert [len(item.src) for item in ends] == [3, 3]


def test_a_fold_carries_several_values_through_one_loop() -> None:
    k = axis_range(16, (5,), Axis.REDUCE)
    total, most = (Node(Op.CARRY, F32, (k,), i) for i in range(2))
    x = load(1, k)
    both = fold_many(
        k, (const(0.0, F32), const(1.0, F32)), (total + x, most.binary(Op.MAXIMUM, x + total))
    )
    kernel = listed(write(0, index(0), pick(both, 0)), write(0, index(1), pick(both, 1)))
    assert sum(item.op is Op.LOOP for item in kernel.instructions) == 1
    end = only(kernel, Op.END)
    carries = [item.out for item in kernel.instructions if item.op is Op.CARRY]
    assert list(end.src[1::2]) == carries
    writes = [item for item in kernel.instructions if item.op is Op.WRITE]
    assert [item.src[2] for item in writes] == carries, "which hold the results afterwards"


def test_loops_nest_in_the_order_of_their_paths() -> None:
    kernel = listed(write(0, J * 8 + I, load(1, I * 4 + J)))
    assert [item.arg[0] for item in kernel.instructions if item.op is Op.LOOP] == [(0,), (1,)]


def test_unused_slots_are_no_parameters() -> None:
    sink = Node(Op.SINK, dtypes.bool_, (write(4, I, load(2, I)),))
    launchable = linearize(sink, "test", ())
    assert launchable.slots == (2, 4)
    assert [p.written for p in launchable.kernel.parameters] == [False, True]
    memory = [item for item in launchable.kernel.instructions if item.op is Op.PARAM]
    assert {item.arg[0] for item in memory} == {0, 1}


def test_variables_are_arguments_in_the_order_of_the_launch() -> None:
    n = Node(Op.VARIABLE, INDEX, (), ("n", 1, 8))
    written = write(0, axis_range(n, (0,), Axis.LOOP), const(1.0, F32))
    kernel = listed(written, variables=(("a", 0, 3), ("n", 1, 8)))
    assert kernel.variables == (("a", 0, 3), ("n", 1, 8))
    assert only(kernel, Op.ARGUMENT).arg == 1


@pytest.mark.parametrize(
    ("end", "kind", "size"),
    [
        (index(8), Axis.GLOBAL, 8),
        (index(8), Axis.LOOP, 1),
        (Node(Op.VARIABLE, INDEX, (), ("n", 1, 8)), Axis.GLOBAL, 0),
    ],
)
def test_the_rounds_that_threads_share(end: Node, kind: Axis, size: int) -> None:
    loop = axis_range(end, (0,), kind)
    assert listed(write(0, loop, load(1, loop)), variables=(("n", 1, 8),)).global_size == size


def test_deep_kernels_do_not_recurse() -> None:
    value = load(1, I)
    for _ in range(20_000):
        value = value.sqrt()
    assert len(listed(write(0, I, value)).instructions) > 20_000


# -- text ------------------------------------------------------------------------------------------
ROW_SUMS = """\
kernel rows global 1
param float32 3 out
param float32 12 in
r0 float32 = PARAM [(0, 3)]
r1 int32 = CONST [3]
r2 int32 = CONST [4]
r3 float32 = CONST [0]
r4 float32 = PARAM [(1, 12)]
r5 float32 = CONST [1073741824]
r6 float32 = CONST [2143289344]
r7 int32 = LOOP r1 [((0,), 'loop')]
  r8 int32 = MUL r7 r2
  r9 float32 = CARRY r3
  r10 int32 = LOOP r2 [((3,), 'reduce')]
    r11 int32 = ADD r8 r10
    r12 float32 = LOAD r4 r11
    r13 float32 = ADD r9 r12
  int32 = END r10 r9 r13
  r14 float32 = MUL r9 r5
  r15 bool = EQ r14 r14
  r16 float32 = WHERE r15 r14 r6
  float32 = WRITE r0 r7 r16
int32 = END r7"""

SQUARES = """\
kernel squares global 1
param float32 8 out
param float32 8 in
r0 float32 = PARAM [(0, 8)]
r1 int32 = CONST [2]
r2 int32 = CONST [4]
r3 float32 = PARAM [(1, 8)]
r4 float32 = CONST [2143289344]
r5 float32x4 = BROADCAST r4
r6 int32 = LOOP r1 [((0, 0), 'loop')]
  r7 int32 = MUL r6 r2
  r8 float32x4 = LOAD r3 r7
  r9 float32x4 = MUL r8 r8
  r10 boolx4 = EQ r9 r9
  r11 float32x4 = WHERE r10 r9 r5
  float32 = WRITE r0 r7 r11
int32 = END r6"""


def row_sums() -> Output:
    x = Node(Op.RESHAPE, F32, (param(1, 12),), (3, 4))
    total = Node(Op.REDUCE, F32, (x,), ("ADD", (1,), (1, 256)))
    return Output(param(0, 3), total * 2.0)


def squares() -> Output:
    return Output(param(0, 8), param(1, 8) * param(1, 8))


def test_a_small_kernel_as_text() -> None:
    """Twice the sums of rows of 4: addresses, a carried sum, and one NaN before the store."""
    (part,) = compile_kernel([row_sums()], HOST, "rows", ())
    assert dump(part.kernel) == ROW_SUMS


def test_one_kernel_takes_the_arguments_of_each_program() -> None:
    """Instructions are remembered, but not with the variables or the name of another program."""
    variables = (("m", 1, 9), ("n", 1, 8))
    made = [
        compile_kernel([row_sums()], HOST, name, given)[0].kernel
        for name, given in (("one", ()), ("two", variables), ("three", variables[1:]))
    ]
    assert [kernel.variables for kernel in made] == [(), variables, variables[1:]]
    assert [kernel.name for kernel in made] == ["one", "two", "three"]


def test_a_small_kernel_in_vectors_as_text() -> None:
    target = Target("SSE", vector_bytes=16, vector_registers=16)
    (part,) = compile_kernel([squares()], target, "squares", ())
    assert dump(part.kernel) == SQUARES


@pytest.mark.parametrize("device", ["LLVM", "PYTHON"])
def test_text_reads_back_to_an_equal_kernel(device: str) -> None:
    target = backend(device).target
    x = Node(Op.RESHAPE, F32, (param(1, 3000),), (3, 1000))
    wide = Node(Op.REDUCE, F32, (x.unary(Op.EXP2),), ("ADD", (1,), (32, 32)))
    half = Node(Op.PARAM, dtypes.float16, (), (1, 19))
    outputs = [
        row_sums(), squares(), Output(param(0, 3), wide),
        Output(Node(Op.PARAM, dtypes.bool_, (), (0, 19)), half.unary(Op.LOG2).lt(0.5)),
    ]  # fmt: skip
    for output in outputs:
        for part in compile_kernel([output], target, "kernel", ()):
            assert parse(dump(part.kernel)) == part.kernel
            check(part.kernel)


def test_variables_and_tables_read_back_too() -> None:
    n = Node(Op.VARIABLE, INDEX, (), ("n", -2, 8))
    table = Node(Op.TABLE, F32, (), (0, 1 << 31, 0x7FC00001))
    picked = Node(Op.LOAD, F32, (table, I))
    kernel = listed(write(0, I + n, picked), variables=(("n", -2, 8),))
    assert parse(dump(kernel)) == kernel


HOSTILE = [
    "",
    "kernel",
    "kernel a global x",
    "kernel a global 1\nr0 float32 = NOSUCH",
    "kernel a global 1\nr0 float33 = CONST [1]",
    "kernel a global 1\nr0 float32 = CONST [1.0]",
    "kernel a global 1\nr0 float32 = CONST [__import__('os')]",
    "kernel a global 1\nr0 float32 = CONST [",
    "kernel a global 1\nparam float32 x in",
    "kernel a global 1\nr0 float32 CONST 1",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_strangers_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"line [12]"):
        parse(text)


def test_functions_have_instructions_of_their_own() -> None:
    """Loops and constants of a body stay in it, and equal functions are one."""
    x = Node(Op.FORMAL, F32, (), ("twice", 0))
    loop = Node(Op.RANGE, I32, (const(2, I32),), ((-1,), str(Axis.REDUCE)))
    twice = Node(Op.FUNCTION, F32, (fold(loop, const(0.0, F32), Op.ADD, x), x), "twice")
    place = axis_range(4, (0,), Axis.LOOP)
    once = Node(Op.CALL, F32, (twice, load(1, place)))
    kernel = listed(write(0, place, Node(Op.CALL, F32, (twice, once))))
    (function,) = kernel.functions
    assert parse(dump(kernel)) == kernel
    assert [item.arg for item in kernel.instructions if item.op is Op.CALL] == ["twice"] * 2
    assert [item.op for item in kernel.instructions].count(Op.LOOP) == 1
    assert [item.op for item in function.instructions] == [
        Op.FORMAL, Op.CONST, Op.CONST, Op.CARRY, Op.LOOP, Op.ADD, Op.END,
    ]  # fmt: skip
    assert function.dtype is F32 and [item.arg for item in function.formals] == [0]
