"""The linear level: kernels written as text, run with rounds in order and shuffled."""

from __future__ import annotations

import numpy as np
import pytest

from engine.backends.python import PythonBackend
from engine.interpret.kernels import OutOfBounds, RaceError, run
from engine.interpret.preconditions import Array, PreconditionError
from engine.linear import dump, operations, parse

ADD = """
kernel add global 6
param float32 6 in
param float32 6 in
param float32 6 out
r0 float32 = PARAM [(0, 6)]
r1 float32 = PARAM [(1, 6)]
r2 float32 = PARAM [(2, 6)]
r3 int32 = CONST [6]
r4 int32 = LOOP r3 [((0,), 'global')]
  r5 float32 = LOAD r0 r4
  r6 float32 = LOAD r1 r4
  r7 float32 = ADD r5 r6
  float32 = WRITE r2 r4 r7
int32 = END r4
"""

# out[i] = sum over j of x[i * 4 + j], scaled after the loop by a value from before it
ROW_SUMS = """
kernel row_sums global 3
param float32 12 in
param float32 3 out
r0 float32 = PARAM [(0, 12)]
r1 float32 = PARAM [(1, 3)]
r2 int32 = CONST [3]
r3 int32 = CONST [4]
r4 float32 = CONST [0]
r15 float32 = CONST [1073741824]
r5 int32 = LOOP r2 [((0,), 'global')]
  r6 int32 = MUL r5 r3
  r7 float32 = CARRY r4
  r8 int32 = LOOP r3 [((1,), 'reduce')]
    r9 int32 = ADD r6 r8
    r10 float32 = LOAD r0 r9
    r11 float32 = ADD r7 r10
  int32 = END r8 r7 r11
  r12 float32 = MUL r7 r15
  float32 = WRITE r1 r5 r12
int32 = END r5
"""

# out[i, j] = f(x[i], x[j]) + f(x[j], x[i]) with f(a, b) = 3 * a - b, by adding in a loop
CALLS = """
kernel calls global 3
param int32 3 in
param int32 9 out
function f r6
  r0 int32 = FORMAL [0]
  r1 int32 = FORMAL [1]
  r2 int32 = CONST [0]
  r3 int32 = CONST [3]
  r4 int32 = CARRY r2
  r5 int32 = LOOP r3 [((9,), 'reduce')]
    r7 int32 = ADD r4 r0
  int32 = END r5 r4 r7
  r6 int32 = SUB r4 r1
return
r0 int32 = PARAM [(0, 3)]
r1 int32 = PARAM [(1, 9)]
r2 int32 = CONST [3]
r3 int32 = LOOP r2 [((0,), 'global')]
  r4 int32 = LOAD r0 r3
  r5 int32 = MUL r3 r2
  r6 int32 = LOOP r2 [((1,), 'loop')]
    r7 int32 = LOAD r0 r6
    r8 int32 = CALL r4 r7 ['f']
    r9 int32 = CALL r7 r4 ['f']
    r10 int32 = ADD r8 r9
    r11 int32 = SUB r8 r9
    r12 int32 = MUL r10 r11
    r13 int32 = ADD r5 r6
    int32 = WRITE r1 r13 r12
  int32 = END r6
int32 = END r3
"""

# Fibonacci: both carried values are read before either is written
FIBONACCI = """
kernel fibonacci global 1
param int64 1 out
variable n 0 90
r0 int64 = PARAM [(0, 1)]
r1 int64 = ARGUMENT [0]
r2 int64 = CONST [0]
r3 int64 = CONST [1]
r4 int64 = CARRY r2
r5 int64 = CARRY r3
r6 int64 = LOOP r1 [((0,), 'reduce')]
  r7 int64 = ADD r4 r5
int64 = END r6 r4 r5 r5 r7
int64 = WRITE r0 r2 r4
"""

# out[3 - l] = x[l] + x[3] for l < 4, in pairs; then out[4] = x[1]
VECTORS = """
kernel vectors global 1
param int32 4 in
param int32 5 out
r0 int32 = PARAM [(0, 4)]
r1 int32 = PARAM [(1, 5)]
r2 int32 = CONST [0]
r3 int32 = CONST [3]
r4 int32 = CONST [4]
r5 int32x4 = LOAD r0 r2
r6 int32 = SLICE r5 [3]
r7 int32x4 = BROADCAST r6
r8 int32x4 = ADD r5 r7
r9 int32x4 = LANES
r10 int32x4 = BROADCAST r3
r11 int32x4 = SUB r10 r9
int32x4 = WRITE r1 r11 r8
r12 int32x2 = SLICE r5 [1]
r13 int32 = SLICE r12 [0]
int32 = WRITE r1 r4 r13
"""

# out[i] = x[i - 2] where that exists, else 0, for i < 7
GATED = """
kernel gated global 8
param float32 4 in
param float32 8 out
r0 float32 = PARAM [(0, 4)]
r1 float32 = PARAM [(1, 8)]
r2 int32 = CONST [8]
r3 int32 = CONST [2]
r4 int32 = CONST [1]
r5 int32 = CONST [6]
r6 int32 = CONST [7]
r7 int32 = LOOP r2 [((0,), 'loop')]
  r8 int32 = SUB r7 r3
  r9 bool = LT r4 r7
  r10 bool = LT r7 r5
  r11 bool = AND r9 r10
  r12 float32 = LOAD r0 r8 r11
  r13 bool = LT r7 r6
  float32 = WRITE r1 r7 r12 r13
int32 = END r7
"""

# out[i] = the sum of 60 / j for j = x[i] … 1, the terms in a row of a triangle. A round too many
# would divide by zero and write into the next row.
RAGGED = """
kernel ragged global 4
param int32 4 in
param int32 4 out
param int32 10 out
r0 int32 = PARAM [(0, 4)]
r1 int32 = PARAM [(1, 4)]
r2 int32 = PARAM [(2, 10)]
r3 int32 = CONST [4]
r4 int32 = CONST [0]
r5 int32 = CONST [60]
r16 int32 = CONST [1]
r6 int32 = LOOP r3 [((0,), 'global')]
  r7 int32 = LOAD r0 r6
  r8 int32 = CARRY r4
  r9 int32 = LOOP r7 [((1,), 'reduce')]
    r10 int32 = SUB r7 r9
    r11 int32 = IDIV r5 r10
    r12 int32 = ADD r8 r11
    r13 int32 = MUL r6 r6
    r14 int32 = SUB r13 r6
    r15 int32 = SHR r14 r16
    r17 int32 = ADD r15 r9
    int32 = WRITE r2 r17 r11
  int32 = END r9 r8 r12
  int32 = WRITE r1 r6 r8
int32 = END r6
"""

# out[i, j] = 10 * i + j for j <= i: a parallel loop whose end differs, inside another
TRIANGLE = """
kernel triangle global 3
param int32 9 out
r0 int32 = PARAM [(0, 9)]
r1 int32 = CONST [3]
r2 int32 = CONST [1]
r3 int32 = CONST [10]
r4 int32 = LOOP r1 [((0,), 'global')]
  r5 int32 = ADD r4 r2
  r6 int32 = LOOP r5 [((1,), 'unroll')]
    r7 int32 = MUL r4 r3
    r8 int32 = ADD r7 r6
    r9 int32 = MUL r4 r1
    r10 int32 = ADD r9 r6
    int32 = WRITE r0 r10 r8
  int32 = END r6
int32 = END r4
"""

# out[2 * (3 * i + j) + k] = (k + 1) * (3 * i + j) for j <= i, k < 2: a loop that carries, and has
# as many rounds everywhere, inside one that has not
TRIANGLE_SUMS = """
kernel triangle_sums global 3
param int32 18 out
r0 int32 = PARAM [(0, 18)]
r1 int32 = CONST [3]
r2 int32 = CONST [1]
r3 int32 = CONST [2]
r4 int32 = CONST [0]
r5 int32 = LOOP r1 [((0,), 'global')]
  r6 int32 = ADD r5 r2
  r7 int32 = LOOP r6 [((1,), 'unroll')]
    r8 int32 = MUL r5 r1
    r9 int32 = ADD r8 r7
    r10 int32 = MUL r9 r3
    r11 int32 = CARRY r4
    r12 int32 = LOOP r3 [((2,), 'reduce')]
      r13 int32 = ADD r11 r9
      r14 int32 = ADD r10 r12
      int32 = WRITE r0 r14 r13
    int32 = END r12 r11 r13
  int32 = END r7
int32 = END r5
"""

TABLE = """
kernel table global 4
param float16 4 out
r0 float16 = PARAM [(0, 4)]
r1 float16 = TABLE [(15360, 32256, 32768)]
r2 int32 = CONST [4]
r3 int32 = CONST [3]
r4 int32 = LOOP r2 [((0,), 'lane')]
  r5 int32 = FLOORMOD r4 r3
  r6 float16 = LOAD r1 r5
  float16 = WRITE r0 r4 r6
int32 = END r4
"""

SHUFFLES = [None, 0, 1]


def f32(*items: float) -> Array:
    return np.array(items, "float32")


def i32(*items: int) -> Array:
    return np.array(items, "int32")


@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_elementwise(shuffle: int | None) -> None:
    x, y, out = np.arange(6, dtype="float32"), np.full(6, 0.5, "float32"), np.zeros(6, "float32")
    run(parse(ADD), [x, y, out], shuffle=shuffle)
    assert out.tolist() == (x + y).tolist()


@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_a_loop_that_carries_runs_in_sequence(shuffle: int | None) -> None:
    x = np.random.default_rng(0).standard_normal(12).astype("float32")
    out = np.zeros(3, "float32")
    run(parse(ROW_SUMS), [x, out], shuffle=shuffle)
    wanted = f32(0, 0, 0)
    for column in x.reshape(3, 4).T:
        wanted = wanted + column
    assert out.tobytes() == (wanted * np.float32(2)).tobytes()


@pytest.mark.parametrize(
    ("n", "wanted"), [(0, 0), (1, 1), (2, 1), (10, 55), (90, 2880067194370816120)]
)
def test_carried_values_are_read_before_any_is_written(n: int, wanted: int) -> None:
    out = np.zeros(1, "int64")
    run(parse(FIBONACCI), [out], [n])
    assert out.item() == wanted


def test_vectors() -> None:
    out = np.zeros(5, "int32")
    run(parse(VECTORS), [i32(1, 2, 3, 40), out])
    assert out.tolist() == [80, 43, 42, 41, 2]


@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_gates(shuffle: int | None) -> None:
    """Where a gate is false, an address outside the memory does no harm."""
    out = np.full(8, -1, "float32")
    run(parse(GATED), [f32(1, 2, 3, 4), out], shuffle=shuffle)
    assert out.tolist() == [0, 0, 1, 2, 3, 4, 0, -1]


@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_rounds_that_are_over_change_nothing(shuffle: int | None) -> None:
    """Lengths 0 … 3: no division by zero, no address past the end, no carried value after it."""
    out, trace = np.zeros(4, "int32"), np.full(10, -1, "int32")
    run(parse(RAGGED), [i32(0, 1, 2, 3), out, trace], shuffle=shuffle)
    assert out.tolist() == [0, 60, 90, 110]
    assert trace.tolist() == [60, 30, 60, 20, 30, 60, -1, -1, -1, -1]


@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_parallel_loops_of_different_lengths(shuffle: int | None) -> None:
    out = np.full(9, -1, "int32")
    run(parse(TRIANGLE), [out], shuffle=shuffle)
    assert out.tolist() == [0, -1, -1, 10, 11, -1, 20, 21, 22]


@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_rounds_that_are_over_stay_so_in_a_loop_inside(shuffle: int | None) -> None:
    out = np.full(18, -1, "int32")
    run(parse(TRIANGLE_SUMS), [out], shuffle=shuffle)
    rows = [[0, 0, -1, -1, -1, -1], [3, 6, 4, 8, -1, -1], [6, 12, 7, 14, 8, 16]]
    assert out.reshape(3, 6).tolist() == rows


def test_loops_without_rounds() -> None:
    out = np.full(9, -1, "int32")
    run(parse(TRIANGLE.replace("r1 int32 = CONST [3]", "r1 int32 = CONST [0]")), [out])
    assert (out == -1).all()


def test_tables() -> None:
    out = np.zeros(4, "float16")
    run(parse(TABLE), [out], shuffle=3)
    assert out.view("uint16").tolist() == [0x3C00, 0x7E00, 0x8000, 0x3C00]


@pytest.mark.parametrize(("gate", "item"), [(" r9", 4), (" r10", -2), ("", -2)])
def test_a_load_outside_its_memory(gate: str, item: int) -> None:
    text = GATED.replace("LOAD r0 r8 r11", f"LOAD r0 r8{gate}")
    with pytest.raises(OutOfBounds) as error:
        run(parse(text), [f32(1, 2, 3, 4), np.zeros(8, "float32")])
    assert str(error.value) == (
        f"kernel gated, `r12 float32 = LOAD r0 r8{gate}`: r8 reaches item {item} of 4"
    )


def test_a_vector_load_that_ends_outside() -> None:
    text = VECTORS.replace("r5 int32x4 = LOAD r0 r2", "r5 int32x4 = LOAD r0 r3")
    with pytest.raises(OutOfBounds, match="r3 reaches item 4 of 4"):
        run(parse(text), [i32(1, 2, 3, 4), np.zeros(5, "int32")])


def test_a_write_outside_its_memory() -> None:
    text = ADD.replace("param float32 6 out", "param float32 5 out").replace("(2, 6)", "(2, 5)")
    with pytest.raises(OutOfBounds, match="WRITE r2 r4 r7`: r4 reaches item 5 of 5"):
        run(parse(text), [np.zeros(n, "float32") for n in (6, 6, 5)])


@pytest.mark.parametrize("text", [
    ADD.replace("WRITE r2 r4 r7", "WRITE r2 r3 r7").replace("CONST [6]", "CONST [5]"),
    VECTORS.replace("WRITE r1 r11 r8", "WRITE r1 r7 r8"),
], ids=["rounds", "lanes"])  # fmt: skip
def test_two_writers_of_one_item(text: str) -> None:
    kernel = parse(text)
    buffers = [np.zeros(p.size, p.dtype.name) for p in kernel.parameters]
    with pytest.raises(RaceError, match=f"kernel {kernel.name}, .*WRITE.*: two rounds write item"):
        run(kernel, buffers)


def test_a_precondition_names_the_instruction() -> None:
    text = RAGGED.replace("SUB r7 r9", "SUB r9 r9")
    with pytest.raises(PreconditionError, match=r"kernel ragged, `r11 .*: IDIV of int32 \(60, 0\)"):
        run(parse(text), [i32(0, 1, 2, 3), np.zeros(4, "int32"), np.zeros(10, "int32")])


def test_arguments_that_do_not_fit() -> None:
    x = np.zeros(6, "float32")
    for buffers in ([x, x], [x, x, x.astype("float64")], [x, x, x[:5]]):
        with pytest.raises(ValueError, match="kernel add"):
            run(parse(ADD), buffers)
    with pytest.raises(ValueError, match=r"n = 91 is not in 0 … 90"):
        run(parse(FIBONACCI), [np.zeros(1, "int64")], [91])


def test_inputs_are_not_written() -> None:
    with pytest.raises(ValueError, match="writes what the kernel only reads"):
        run(parse(ADD.replace("WRITE r2", "WRITE r1")), [np.zeros(6, "float32")] * 3)


def test_items_have_the_dtype_of_their_memory() -> None:
    text = ADD.replace("r5 float32 = LOAD", "r5 int32 = LOAD")
    with pytest.raises(ValueError, match="the items are float32, not int32"):
        run(parse(text), [np.zeros(6, "float32")] * 3)


def test_the_python_device() -> None:
    backend = PythonBackend()
    kernel = parse(ADD)
    (program,) = backend.compile([kernel])
    memories = [backend.allocate(24) for _ in range(3)]
    for memory in memories[:2]:
        memory.write(np.arange(6, dtype="float32").tobytes())
    program(memories, ())
    assert np.frombuffer(memories[2].read(), "float32").tolist() == [0, 2, 4, 6, 8, 10]
    assert backend.render([kernel]) == dump(kernel) and parse(backend.render([kernel])) == kernel
    assert backend.info().available and backend.info().hardware == "interpreter"


def test_operations_of_functions_count_at_every_call() -> None:
    """3 rounds of 9: two calls of 3 ADD and a SUB, and four operations; 3 of one MUL."""
    assert operations(parse(CALLS)) == 9 * (2 * 4 + 4) + 3


@pytest.mark.parametrize("right, wrong", [
    ("return\n", ""), ("function f r6", "function f r99"), ("['f']", "['g']"),
    ("function f", "r9 int32 = CONST [1]\nfunction f"), ("ADD r4 r0", "CALL r4 r0 ['f']"),
])
def test_functions_end_yield_something_and_are_known(right: str, wrong: str) -> None:
    assert right in CALLS
    with pytest.raises(ValueError, match=r"line \d+"):
        parse(CALLS.replace(right, wrong))


@pytest.mark.parametrize("shuffle", [None, 3])
def test_functions_are_called_in_all_rounds(shuffle: int | None) -> None:
    """The product of f(a, b) + f(b, a) = 2 * (a + b) and their difference 4 * (a - b)."""
    kernel = parse(CALLS)
    assert parse(dump(kernel)) == kernel and kernel.functions[0].result == 6
    x, out = np.array([5, -7, 100], np.int32), np.zeros(9, np.int32)
    run(kernel, [x, out], shuffle=shuffle)
    assert (out.reshape(3, 3) == 8 * (x[:, None] ** 2 - x**2)).all()
