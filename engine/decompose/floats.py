"""float32 and float64 where a device has none: the pass that makes them unsigned integers.

It acts after every operation with the meaning of the contract has become machine operations. What
hands bits on does so with integers; arithmetic, comparisons and conversions are those of
`softfloat`. A device that has a float dtype but does not divide or take roots in it exactly gets
these two, on the bits of its floats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine import dtypes
from engine.decompose import softfloat
from engine.decompose.softfloat import Format
from engine.dtypes import DType
from engine.graph import Node, order_of
from engine.ops import Op, Operation
from engine.target import Target

FLOATS = (dtypes.float32, dtypes.float64)

# Operations that hand bits on: on integers they mean the same.
CARRIES_BITS = frozenset({
    Op.CONST, Op.WHERE, Op.FOLD, Op.CARRY, Op.PICK, Op.BROADCAST, Op.SLICE, Op.SINK,
})  # fmt: skip
_BINARY = {Op.ADD: softfloat.add, Op.SUB: softfloat.sub, Op.MUL: softfloat.mul}
_TESTS = {Op.LT: softfloat.lt, Op.EQ: softfloat.eq, Op.NE: softfloat.ne}


def decompose_floats(sink: Node, target: Target) -> Node:
    """The kernel without the floats, and without the operations on them, that the target lacks."""
    order = order_of(sink)
    missing = frozenset(row for row in FLOATS if row not in target.arithmetic)
    inexact = frozenset({Op.DIV, Op.SQRT}) - target.ops
    if not any(n.dtype.scalar in missing or n.op in inexact for n in order):
        return sink
    return _Softening(target, missing, inexact).run(order)


class _Softening:
    """One run: which floats become integers, and what has become of the nodes so far."""

    def __init__(
        self, target: Target, missing: frozenset[DType], inexact: frozenset[Operation]
    ) -> None:
        self.target, self.missing, self.inexact = target, missing, inexact
        self.done: dict[Node, Node] = {}
        self.loops = 0

    def run(self, order: Sequence[Node]) -> Node:
        for node in order:
            self.done[node] = self.softened(node)
        return self.done[order[-1]]

    def softened(self, node: Node) -> Node:
        src = tuple([self.done[s] for s in node.src])
        operand = node.src[-1].dtype if node.src else node.dtype
        if not self.is_soft(node.dtype) and not self.is_soft(operand):
            return self.hard(node, src)
        row = _ROWS.get(node.op)
        if row is not None:
            return row(self, node, src)
        if node.op in CARRIES_BITS:
            return Node(node.op, self.bits(node.dtype), src, node.arg)
        raise ValueError(f"{node.op} of {node.dtype} has no form in integers")

    def hard(self, node: Node, src: tuple[Node, ...]) -> Node:
        """A node whose dtypes the device has."""
        if node.op not in self.inexact:
            return node.replace(src)
        bits = tuple([x.bitcast(x.dtype.unsigned) for x in src])
        return self.digits(node, bits).bitcast(node.dtype)

    # -- dtypes ------------------------------------------------------------------------------------
    def is_soft(self, dtype: DType) -> bool:
        return dtype.scalar in self.missing

    def bits(self, dtype: DType) -> DType:
        return dtype.unsigned if self.is_soft(dtype) else dtype

    def format(self, dtype: DType) -> Format:
        if dtype.scalar not in FLOATS:
            raise ValueError(f"{dtype} should have become other floats before")
        return Format(dtype.scalar, dtypes.float32 in self.target.arithmetic)

    # -- rows --------------------------------------------------------------------------------------
    def binary(self, node: Node, src: tuple[Node, ...]) -> Node:
        x, y = src
        return _BINARY[node.op](self.format(node.dtype), x, y)

    def test(self, node: Node, src: tuple[Node, ...]) -> Node:
        x, y = src
        return _TESTS[node.op](self.format(node.src[0].dtype), x, y)

    def digits(self, node: Node, src: tuple[Node, ...]) -> Node:
        """What takes a loop, which gets the next number."""
        self.loops += 1
        fmt = self.format(node.dtype)
        if node.op is Op.SQRT:
            return softfloat.sqrt(fmt, src[0], self.loops)
        return softfloat.div(fmt, src[0], src[1], self.loops)

    def convert(self, node: Node, src: tuple[Node, ...]) -> Node:
        source, target = node.src[0].dtype, node.dtype
        if not source.is_float:
            return softfloat.from_int(self.format(target), src[0])
        if not target.is_float:
            return softfloat.to_int(self.format(source), src[0], target)
        bits = src[0].bitcast(source.unsigned)
        result = softfloat.convert(self.format(source), self.format(target), bits)
        return result.bitcast(self.bits(target))

    def bitcast(self, node: Node, src: tuple[Node, ...]) -> Node:
        return src[0].bitcast(self.bits(node.dtype))

    def opaque(self, node: Node, src: tuple[Node, ...]) -> Node:
        """It keeps rules for floats away, and there is none."""
        return src[0]

    def memory(self, node: Node, src: tuple[Node, ...]) -> Node:
        """Of a device that loads and stores what it cannot compute with."""
        return node

    def load(self, node: Node, src: tuple[Node, ...]) -> Node:
        return node.replace(src).bitcast(node.dtype.unsigned)

    def write(self, node: Node, src: tuple[Node, ...]) -> Node:
        memory, place, value, *gate = src
        stored = value.bitcast(node.src[2].dtype)
        return node.replace((memory, place, stored, *gate))


_ROWS: dict[Operation, Callable[[_Softening, Node, tuple[Node, ...]], Node]] = {
    **dict.fromkeys(_BINARY, _Softening.binary),
    **dict.fromkeys(_TESTS, _Softening.test),
    Op.DIV: _Softening.digits,
    Op.SQRT: _Softening.digits,
    Op.CONVERT: _Softening.convert,
    Op.BITCAST: _Softening.bitcast,
    Op.OPAQUE: _Softening.opaque,
    Op.PARAM: _Softening.memory,
    Op.TABLE: _Softening.memory,
    Op.LOAD: _Softening.load,
    Op.WRITE: _Softening.write,
}
