"""Kernels of single operations, and small ones with control flow, with the bits that are due.

Machines differ in the dtypes that they have and in how bools lie in memory: a `Machine` says so,
and has the cases for what it can do.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine import dtypes
from engine.backends.base import Memory, Program
from engine.dtypes import DType
from engine.linear import LinearKernel, parse
from engine.ops import ELEMENTWISE, Op, Operation

Allocate = Callable[[int], Memory]


# -- cases -----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Case:
    """A kernel, the bits of its inputs, and the bits it must write to its last buffer.

    Where `any_nan` holds, a NaN stands for all of them: arithmetic does not promise a payload.
    """

    text: str
    inputs: list[list[int]]
    expected: list[int]
    variables: tuple[int, ...] = ()
    any_nan: bool = False
    kernel: LinearKernel = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernel", parse(self.text))


def edge_bits(row: DType) -> list[int]:
    """Edge values as bits; for floats also NaNs with payload, quiet and signalling."""
    if row.is_int:
        edges = (0, 1, 2, 3, 7, row.max // 3, row.max, row.max - 1, row.min, row.min + 1, -1, -2)
        return sorted({row.encode(value) for value in edges})
    numbers = [row.encode(v) for v in (0.0, 1.0, 3.0, 0.1, 1.5, 1e-3, 123456789.0)]
    normal = 1 << row.mantissa_bits
    numbers += [1, normal - 1, normal, normal + 1, row.infinity - 1, row.encode(1.0) + 1]
    numbers += [row.infinity, row.canonical_nan | 5, row.infinity | 3]
    return [bits | sign for bits in numbers for sign in (0, row.sign_bit)]


Reference = Callable[..., int | None]  # bits of the operands -> bits, None outside of the domain


def on_integers(
    row: DType, compute: Callable[[int, int], int], domain: Callable[[int, int], bool]
) -> Reference:
    def reference(x: int, y: int) -> int | None:
        a, b = int(row.decode(x)), int(row.decode(y))
        return row.encode(compute(a, b)) if domain(a, b) else None

    return reference


def truncated(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def numpy_of(row: DType, bits: int) -> np.generic:
    return np.array([bits], row.unsigned.name).view(row.name)[0]  # type: ignore[no-any-return]


def bits_of(row: DType, value: object) -> int:
    return int(np.array([value], row.name).view(row.unsigned.name)[0])


def float_to_integer(source: DType, target: DType, bits: int) -> int | None:
    value = float(source.decode(bits))
    inside = math.isfinite(value) and target.min <= math.trunc(value) <= target.max
    return target.encode(math.trunc(value)) if inside else None


def constant_case(row: DType) -> Case:
    """Every edge value as a constant, then through a table: the bits that were asked for."""
    edges = edge_bits(row)
    n = len(edges)
    lines = [f"kernel constants_{row} global 1", f"param {row} {2 * n} out"]
    lines += [f"r0 {row} = PARAM [(0, {2 * n})]"]
    for i, bits in enumerate(edges):
        lines += [f"r{10 + 2 * i} {row} = CONST [{bits}]", f"r{11 + 2 * i} int32 = CONST [{i}]"]
        lines += [f"{row} = WRITE r0 r{11 + 2 * i} r{10 + 2 * i}"]
    lines += [f"r1 {row} = TABLE [{tuple(edges)}]", f"r2 int32 = CONST [{n}]"]
    lines += ["r3 int32 = LOOP r2 [((0,), 'loop')]", f"r4 {row} = LOAD r1 r3"]
    lines += ["r5 int32 = ADD r3 r2", f"{row} = WRITE r0 r5 r4", "int32 = END r3"]
    return Case("\n".join(lines), [], edges * 2)


def canonical_case(row: DType) -> Case:
    """`x == x ? x : NaN` must not become `x`: the payload of a NaN is ours to choose."""
    edges = edge_bits(row)
    n, nan = len(edges), row.canonical_nan
    expected = [nan if math.isnan(float(row.decode(bits))) else bits for bits in edges]
    text = f"""kernel canonical_{row} global 1
        param {row} {n} in
        param {row} {n} out
        r0 {row} = PARAM [(0, {n})]
        r1 {row} = PARAM [(1, {n})]
        r2 {row} = CONST [{nan}]
        r3 int32 = CONST [{n}]
        r4 int32 = LOOP r3 [((0,), 'loop')]
        r5 {row} = LOAD r0 r4
        r6 bool = EQ r5 r5
        r7 {row} = WHERE r6 r5 r2
        {row} = WRITE r1 r4 r7
        int32 = END r4"""
    return Case(text, [edges], expected)


CONTRACTED = Case(  # a*b + c with a product that has to round first; FMA would give -2**-48
    """kernel multiply_add global 1
    param float32 3 in
    param float32 1 out
    r0 float32 = PARAM [(0, 3)]
    r1 float32 = PARAM [(1, 1)]
    r2 int32 = CONST [0]
    r3 int32 = CONST [1]
    r4 int32 = CONST [2]
    r5 float32 = LOAD r0 r2
    r6 float32 = LOAD r0 r3
    r7 float32 = LOAD r0 r4
    r8 float32 = MUL r5 r6
    r9 float32 = ADD r8 r7
    float32 = WRITE r1 r2 r9""",
    [[dtypes.float32.encode(v) for v in (1 + 2**-23, 1 - 2**-23, -1.0)]],
    [dtypes.float32.encode(0.0)],
)
ERROR_OF_SUM = Case(  # (a + b) - a - b: what a compiler that reassociates makes 0
    """kernel error_of_sum global 1
    param float32 2 in
    param float32 1 out
    r0 float32 = PARAM [(0, 2)]
    r1 float32 = PARAM [(1, 1)]
    r2 int32 = CONST [0]
    r3 int32 = CONST [1]
    r4 float32 = LOAD r0 r2
    r5 float32 = LOAD r0 r3
    r6 float32 = ADD r4 r5
    r7 float32 = OPAQUE r6
    r8 float32 = SUB r7 r4
    r9 float32 = OPAQUE r8
    r10 float32 = SUB r9 r5
    float32 = WRITE r1 r2 r10""",
    [[dtypes.float32.encode(v) for v in (2.0**24, 1.0)]],
    [dtypes.float32.encode(-1.0)],
)


# -- control flow ----------------------------------------------------------------------------------
def fibonacci(rounds: int, row: DType = dtypes.uint8, backwards: bool = False) -> Case:
    """Two carried values that swap; `rounds` arrives as a variable, and may be 0.

    Backwards the first takes the sum, so that the second must still see the old first.
    """
    a, b, modulus = 3, 5, 1 << row.bits
    for _ in range(rounds):
        a, b = ((a + b) % modulus, a) if backwards else (b, (a + b) % modulus)
    end = "END r6 r4 r7 r5 r4" if backwards else "END r6 r4 r5 r5 r7"
    text = f"""kernel fibonacci global 1
        param {row} 2 out
        variable n 0 1000
        r0 {row} = PARAM [(0, 2)]
        r1 int32 = ARGUMENT [0]
        r2 {row} = CONST [3]
        r3 {row} = CONST [5]
        r4 {row} = CARRY r2
        r5 {row} = CARRY r3
        r6 int32 = LOOP r1 [((0,), 'reduce')]
        r7 {row} = ADD r4 r5
        int32 = {end}
        r8 int32 = CONST [0]
        r9 int32 = CONST [1]
        {row} = WRITE r0 r8 r4
        {row} = WRITE r0 r9 r5"""
    return Case(text, [], [a, b], (rounds,))


NESTED = Case(  # out[i] = sum of x[i, j]: an inner loop that carries, addresses in int32
    """kernel row_sums global 1
    param int16 6 in
    param int16 2 out
    r0 int16 = PARAM [(0, 6)]
    r1 int16 = PARAM [(1, 2)]
    r2 int32 = CONST [2]
    r3 int32 = CONST [3]
    r4 int16 = CONST [0]
    r5 int32 = LOOP r2 [((0,), 'loop')]
      r6 int32 = MUL r5 r3
      r7 int16 = CARRY r4
      r8 int32 = LOOP r3 [((1,), 'reduce')]
        r9 int32 = ADD r6 r8
        r10 int16 = LOAD r0 r9
        r11 int16 = ADD r7 r10
      int32 = END r8 r7 r11
      int16 = WRITE r1 r5 r7
    int32 = END r5""",
    [[30000, 30000, 30000, 1, 2, 65535]],
    [90000 % 65536, 2],
)
GATED = Case(  # out[i] = x[i] or 0 beyond the end of x; written only where i is odd
    """kernel gated global 1
    param int64 3 in
    param int64 6 out
    r0 int64 = PARAM [(0, 3)]
    r1 int64 = PARAM [(1, 6)]
    r2 int64 = CONST [6]
    r3 int64 = CONST [3]
    r4 int64 = CONST [1]
    r5 int64 = CONST [0]
    r6 int64 = LOOP r2 [((0,), 'loop')]
    r7 bool = LT r6 r3
    r8 int64 = LOAD r0 r6 r7
    r9 int64 = AND r6 r4
    r10 bool = NE r9 r5
    int64 = WRITE r1 r6 r8 r10
    int64 = END r6""",
    [[11, 22, 33]],
    [0xAAAAAAAAAAAAAAAA, 22, 0xAAAAAAAAAAAAAAAA, 0, 0xAAAAAAAAAAAAAAAA, 0],
)
# A product of loop variables that leaves int32 must wrap although most addresses do not.
WRAPPING_INDEX = Case(
    """kernel wrapping_index global 1
    param int32 4 out
    r0 int32 = PARAM [(0, 4)]
    r1 int32 = CONST [4]
    r2 int32 = CONST [2000000000]
    r3 int32 = LOOP r1 [((0,), 'loop')]
    r4 int32 = MUL r3 r2
    r5 int32 = CONST [0]
    r6 bool = LT r4 r5
    r7 int32 = CONVERT r6
    r8 int32 = ADD r4 r7
    int32 = WRITE r0 r3 r8
    int32 = END r3""",
    [],
    [0, 2000000000, (4000000000 + 1) % 2**32, 6000000000 % 2**32],
)

WRITTEN = (
    *(fibonacci(rounds, row) for row in (dtypes.uint8, dtypes.uint32) for rounds in (0, 1, 2, 40)),
    fibonacci(20, backwards=True), fibonacci(20, dtypes.uint32, backwards=True),
    CONTRACTED, ERROR_OF_SUM, NESTED, GATED, WRAPPING_INDEX,
)  # fmt: skip


# -- machines --------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Machine:
    """The dtypes of a target, its operations, and the dtype as which bools lie in memory."""

    integers: tuple[DType, ...]
    floats: tuple[DType, ...]
    ops: frozenset[Operation]
    flags: DType = dtypes.uint8

    def cases(self) -> list[Case]:
        """All that the machine can do."""
        rows = (*self.integers, *self.floats)
        made = [
            *self.integer_cases(), *self.bool_cases(), *self.float_cases(),
            *self.conversion_cases(), *map(constant_case, rows), *map(canonical_case, self.floats),
            *WRITTEN,
        ]  # fmt: skip
        known = {*rows, dtypes.bool_}
        return [
            case for case in made
            if all(item.dtype in known for item in case.kernel.instructions)
            and all(
                item.op in self.ops for item in case.kernel.instructions
                if item.op in ELEMENTWISE and item.op is not Op.OPAQUE
            )
        ]

    def elementwise(self, op: str, result: DType, sources: Sequence[DType], n: int) -> str:
        """A kernel that applies one operation to n items."""
        memory = [self.flags if row is dtypes.bool_ else row for row in (*sources, result)]
        lines = [f"kernel k_{op}_{result}_{'_'.join(map(str, sources))} global 1"]
        lines += [f"param {row} {n} in" for row in memory[:-1]] + [f"param {memory[-1]} {n} out"]
        lines += [f"r{slot} {row} = PARAM [({slot}, {n})]" for slot, row in enumerate(memory)]
        lines += [f"r8 int32 = CONST [{n}]", "r9 int32 = LOOP r8 [((0,), 'loop')]"]
        for slot, row in enumerate(sources):
            lines.append(f"r{10 + slot} {memory[slot]} = LOAD r{slot} r9")
            cast = "CONVERT" if row is dtypes.bool_ else "OPAQUE"
            lines.append(f"r{20 + slot} {row} = {cast} r{10 + slot}")
        operands = " ".join(f"r{20 + slot}" for slot in range(len(sources)))
        lines.append(f"r30 {result} = {op} {operands}")
        final = 30
        if result is dtypes.bool_:
            final = 31
            lines.append(f"r31 {self.flags} = CONVERT r30")
        lines += [f"{memory[-1]} = WRITE r{len(sources)} r9 r{final}", "int32 = END r9"]
        return "\n".join(lines)

    def applied(
        self,
        op: str,
        result: DType,
        sources: Sequence[DType],
        reference: Reference,
        any_nan: bool = False,
    ) -> Case:
        """A case over all combinations of the operands' edge values that lie in the domain."""
        edges = [[0, 1] if row is dtypes.bool_ else edge_bits(row) for row in sources]
        rows = [(x, reference(*x)) for x in itertools.product(*edges)]
        kept = [(x, bits) for x, bits in rows if bits is not None]
        inputs = [[x[slot] for x, _ in kept] for slot in range(len(sources))]
        text = self.elementwise(op, result, sources, len(kept))
        return Case(text, inputs, [bits for _, bits in kept], any_nan=any_nan)

    def integer_cases(self) -> Iterator[Case]:
        for row in self.integers:

            def anywhere(a: int, b: int) -> bool:
                return True

            def divides(a: int, b: int, row: DType = row) -> bool:
                return b != 0 and truncated(a, b) <= row.max

            def counts(a: int, b: int, row: DType = row) -> bool:
                return 0 <= b < row.bits

            rules: dict[str, tuple[Callable[[int, int], int], Callable[[int, int], bool]]] = {
                "ADD": (operator.add, anywhere),
                "SUB": (operator.sub, anywhere),
                "MUL": (operator.mul, anywhere),
                "AND": (operator.and_, anywhere),
                "OR": (operator.or_, anywhere),
                "XOR": (operator.xor, anywhere),
                "IDIV": (truncated, divides),
                "IREM": (lambda a, b: a - b * truncated(a, b), divides),
                "SHL": (operator.lshift, counts),
                "SHR": (operator.rshift, counts),
            }
            for op, (compute, domain) in rules.items():
                yield self.applied(op, row, [row, row], on_integers(row, compute, domain))
            yield self.applied("NOT", row, [row], lambda x, row=row: x ^ ((1 << row.bits) - 1))
            for op, compare in (("LT", operator.lt), ("EQ", operator.eq), ("NE", operator.ne)):
                yield self.applied(
                    op, dtypes.bool_, [row, row],
                    lambda x, y, row=row, f=compare: int(f(row.decode(x), row.decode(y))),
                )  # fmt: skip

    def bool_cases(self) -> Iterator[Case]:
        flag = dtypes.bool_
        yield self.applied("AND", flag, [flag, flag], operator.and_)
        yield self.applied("OR", flag, [flag, flag], operator.or_)
        yield self.applied("XOR", flag, [flag, flag], operator.xor)
        yield self.applied("NOT", flag, [flag], lambda x: 1 - x)
        for row in (*self.integers, *self.floats):
            yield self.applied("CONVERT", row, [flag], lambda x, row=row: row.encode(x))
            yield self.applied("WHERE", row, [flag, row, row], lambda c, x, y: x if c else y)

    def float_cases(self) -> Iterator[Case]:
        for row in self.floats:
            arithmetic = {"ADD": np.add, "SUB": np.subtract, "MUL": np.multiply, "DIV": np.divide}
            for op, compute in arithmetic.items():
                yield self.applied(
                    op, row, [row, row],
                    lambda x, y, row=row, f=compute: bits_of(
                        row, f(numpy_of(row, x), numpy_of(row, y))
                    ),
                    any_nan=True,
                )  # fmt: skip
            yield self.applied(
                "SQRT", row, [row], lambda x, row=row: bits_of(row, np.sqrt(numpy_of(row, x))), True
            )
            yield self.applied("OPAQUE", row, [row], lambda x: x)
            for op, compare in (("LT", operator.lt), ("EQ", operator.eq), ("NE", operator.ne)):
                yield self.applied(
                    op, dtypes.bool_, [row, row],
                    lambda x, y, row=row, f=compare: int(f(numpy_of(row, x), numpy_of(row, y))),
                )  # fmt: skip
            for other in self.floats:
                if other is not row:
                    yield self.applied(
                        "CONVERT", other, [row],
                        lambda x, row=row, to=other: bits_of(to, numpy_of(row, x).astype(to.name)),
                        any_nan=True,
                    )  # fmt: skip

    def conversion_cases(self) -> Iterator[Case]:
        for source, target in itertools.product(self.integers, self.integers):
            yield self.applied(
                "CONVERT", target, [source],
                lambda x, s=source, t=target: t.encode(s.decode(x)),
            )  # fmt: skip
        for integer, number in itertools.product(self.integers, self.floats):
            yield self.applied(
                "CONVERT", number, [integer], lambda x, s=integer, t=number: t.encode(s.decode(x))
            )
            yield self.applied(
                "CONVERT", integer, [number],
                lambda x, s=number, t=integer: float_to_integer(s, t, x),
            )  # fmt: skip
        for source, target in itertools.product((*self.integers, *self.floats), repeat=2):
            if source.bits == target.bits:
                yield self.applied("BITCAST", target, [source], lambda x: x)


# -- running ---------------------------------------------------------------------------------------
def is_nan(row: DType, bits: int) -> bool:
    return row.is_float and math.isnan(float(row.decode(bits)))


def execute(program: Program, case: Case, allocate: Allocate) -> list[int]:
    """The bits of the last buffer. Memory holds 0xAA before."""
    memories = []
    for parameter, items in itertools.zip_longest(case.kernel.parameters, case.inputs):
        size = parameter.dtype.itemsize
        memory = allocate(size * parameter.size)
        memory.write(b"\xaa" * memory.nbytes)
        if items:
            memory.write(b"".join(bits.to_bytes(size, "little") for bits in items))
        memories.append(memory)
    program(memories, case.variables)
    data, size = memories[-1].read(), case.kernel.parameters[-1].dtype.itemsize
    return [int.from_bytes(data[i : i + size], "little") for i in range(0, len(data), size)]


def wrong_bits(
    program: Program, case: Case, allocate: Allocate
) -> dict[tuple[str, ...], tuple[str, str]]:
    """Operands -> (what came out, what should have)."""
    row = case.kernel.parameters[-1].dtype
    found = execute(program, case, allocate)
    columns = [column for column in case.inputs if len(column) == len(found)]
    return {
        (f"item {i}", *(hex(column[i]) for column in columns)): (hex(got), hex(wanted))
        for i, (got, wanted) in enumerate(zip(found, case.expected, strict=True))
        if got != wanted and not (case.any_nan and is_nan(row, got) and is_nan(row, wanted))
    }
