"""Operations as kernels: what passes make of one must give the same bits.

A kernel reads its operands from buffers, applies one operation in a loop and writes the results.
The interpreter of the linear level executes it before and after: all rounds at once, so that all
pairs of bytes take milliseconds; an operand outside of a machine operation's domain is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from conformance.decomp.theorems import interesting_bits
from engine import dtypes
from engine.arrays import NUMPY
from engine.dtypes import TENSOR_DTYPES, DType
from engine.graph import Node, axis_range
from engine.interpret.kernels import run
from engine.interpret.rounding import canonical
from engine.linearize import linearize
from engine.ops import Axis, Op, Operation
from engine.spec import Level, verify
from engine.target import Target
from oracles.formats import Array

HOST = Target("HOST")
WORD = 4  # bytes

INTS = tuple(d for d in TENSOR_DTYPES if d.is_int)
FLOATS = (dtypes.float16, dtypes.float32, dtypes.float64)
BOOL = (dtypes.bool_,)


@dataclass(frozen=True)
class Application:
    """An operation on operands of these dtypes; `known` is the last one where it is constant."""

    op: Operation
    operands: tuple[DType, ...]
    result: DType
    known: int | None = None

    def __str__(self) -> str:
        operands = ", ".join(map(str, self.operands))
        return f"{self.op}({operands}{'' if self.known is None else f' {self.known}'})"


# -- which there are -------------------------------------------------------------------------------
def applications(op: Operation, kinds: Sequence[DType]) -> Iterator[Application]:
    """Of an operation whose operands, conditions apart, have one dtype, or that makes another."""
    for dtype in kinds:
        if op in (Op.CAST, Op.CONVERT):
            yield from (Application(op, (dtype,), to) for to in (*BOOL, *INTS, *FLOATS))
        elif op is Op.BITCAST:
            same = [to for to in (*BOOL, *INTS, *FLOATS) if to.itemsize == dtype.itemsize]
            yield from (Application(op, (dtype,), to) for to in same)
        elif op is Op.WHERE:
            yield Application(op, (dtypes.bool_, dtype, dtype), dtype)
        else:
            result = dtypes.bool_ if op in (Op.LT, Op.EQ, Op.NE) else dtype
            yield Application(op, (dtype,) * (op.arity or 0), result)


# -- their operands --------------------------------------------------------------------------------
def operands(row: Application) -> list[Array]:
    """All pairs of bytes, else of edges and random bits; only those that the operation takes."""
    if row.known is not None:
        return [_one(row.operands[0])]
    dtype = row.operands[-1]
    bits = _one(dtype)
    if len(row.operands) == 1:
        return [bits[_accepted(row, bits)]]
    left, right = np.repeat(bits, len(bits)), np.tile(bits, len(bits))
    taken = _taken(row, left, right)
    sides = [left[taken], right[taken]]
    if row.op in (Op.SHL, Op.SHR):
        sides[1] = (sides[1].view(NUMPY[dtype.unsigned]) % dtype.bits).view(NUMPY[dtype])
    if row.op is Op.WHERE:
        return [np.arange(len(sides[0])) % 3 == 0, *sides]
    return sides


def _one(dtype: DType) -> Array:
    bits = interesting_bits(dtype, seed=dtype.bits)
    return bits.astype("bool") if dtype.kind == "bool" else bits.view(NUMPY[dtype])


def _accepted(row: Application, x: Array) -> Array:
    of, to = row.operands[0], row.result
    if row.op is Op.BITCAST and to.kind == "bool":
        return np.asarray(x <= 1) & np.asarray(x >= 0)
    if row.op is not Op.CONVERT or not of.is_float or not to.is_int:
        return np.ones(len(x), "bool")
    whole = np.trunc(x.astype("float64"))
    inside: Array = (whole >= float(to.min)) & (whole < float(to.max + 1))
    return inside


def _taken(row: Application, x: Array, y: Array) -> Array:
    if row.op not in (Op.IDIV, Op.IREM):
        return np.ones(len(x), "bool")
    whole = row.operands[0]
    overflows = (x == whole.min) & (y == -1) if whole.is_signed else np.zeros(len(x), "bool")
    inside: Array = (y != 0) & ~overflows
    return inside


# -- execution -------------------------------------------------------------------------------------
def kernel(row: Application, count: int) -> Node:
    """result[i] = op(operand[i], …) for i < count, operands in the first slots."""
    loop = axis_range(count, (0,), Axis.LOOP)
    varying = row.operands if row.known is None else row.operands[:-1]
    values = [
        Node(Op.LOAD, dtype, (Node(Op.PARAM, dtype, (), (slot, count)), loop))
        for slot, dtype in enumerate(varying)
    ]
    if row.known is not None:
        values.append(values[0].constant(row.known))
    result = Node(row.op, row.result, tuple(values))
    memory = Node(Op.PARAM, row.result, (), (len(varying), count))
    write = Node(Op.WRITE, row.result, (memory, loop, result))
    return Node(Op.SINK, dtypes.bool_, (write,))


def executed(kernels: Sequence[Node], given: Sequence[Array], result: DType) -> bytes:
    """What kernels write; memory has the dtypes that their parameters have by now."""
    size = len(given[0]) * result.itemsize
    raw = [*(bytearray(side.tobytes()) for side in given), bytearray(size)]
    for memory in raw:
        memory += bytes(-len(memory) % WORD)
    for sink in kernels:
        made = linearize(sink, "theorem", ())
        rows = zip(made.slots, made.kernel.parameters, strict=True)
        run(made.kernel, [np.frombuffer(raw[slot], NUMPY[r.dtype], r.size) for slot, r in rows])
    return bytes(raw[-1][:size])


Rewritten = Callable[[Node], Node | list[Node]]
# A NaN that these compute may have any bits before they are decomposed.
_COMPUTES = frozenset({Op.MAXIMUM, Op.MINIMUM, Op.CAST, Op.CONVERT})


def same_bits(row: Application, rewritten: Rewritten) -> bool:
    """Whether the kernel gives the same bits after it as before. SpecError if it is none."""
    given = operands(row)
    sink = kernel(row, len(given[0]))
    made = rewritten(sink)
    kernels = [made] if isinstance(made, Node) else made
    for state in kernels:
        verify(state, Level.LOOPS, HOST, str(row))
    due, got = (executed(state, given, row.result) for state in ([sink], kernels))
    return _compared(row, got) == _compared(row, due)


def _compared(row: Application, raw: bytes) -> bytes:
    if row.op not in _COMPUTES:
        return raw
    return canonical(row.result, np.frombuffer(raw, NUMPY[row.result])).tobytes()
