"""float32 and float64 where a device has none: the pass that makes them unsigned integers.

It acts after every operation with the meaning of the contract has become machine operations. What
hands bits on does so with integers; arithmetic, comparisons and conversions are those of
`softfloat`, each a function that a kernel holds once and calls: written out, the power of a float64
would be 46,000 instructions of 32-bit words; with calls it is 1,500. A device that has a float
dtype but does not divide or take roots in it exactly gets these two, on the bits of its floats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

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
_BINARY = {
    Op.ADD: ("add", softfloat.add),
    Op.SUB: ("add", softfloat.add),
    Op.MUL: ("mul", softfloat.mul),
}
_TESTS = {
    Op.LT: ("lt", softfloat.lt),
    Op.EQ: ("eq", softfloat.eq),
    Op.NE: ("ne", softfloat.ne),
}


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
        self.functions: dict[str, Node] = {}

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
    def call(self, name: str, build: Callable[..., Node], *operands: Node) -> Node:
        """`build` of the operands, as a subroutine: its body is in the kernel once."""
        key = "_".join([name, *(str(x.dtype) for x in operands)])
        function = self.functions.get(key)
        if function is None:
            formals = [Node(Op.FORMAL, x.dtype, (), (key, i)) for i, x in enumerate(operands)]
            result = build(*formals)
            function = Node(Op.FUNCTION, result.dtype, (result, *formals), key)
            self.functions[key] = function
        return Node(Op.CALL, function.dtype, (function, *operands))

    def binary(self, node: Node, src: tuple[Node, ...]) -> Node:
        """A difference is the sum with the second sign flipped."""
        (x, y), fmt = src, self.format(node.dtype)
        if node.op is Op.SUB:
            y = y ^ fmt.row.sign_bit
        name, function = _BINARY[node.op]
        return self.call(name, partial(function, fmt), x, y)

    def test(self, node: Node, src: tuple[Node, ...]) -> Node:
        (x, y), fmt = src, self.format(node.src[0].dtype)
        if x is y:  # whether it is a number
            return _TESTS[node.op][1](fmt, x, y)
        name, function = _TESTS[node.op]
        return self.call(name, partial(function, fmt), x, y)

    def digits(self, node: Node, src: tuple[Node, ...]) -> Node:
        """What takes a loop, whose path is the name of the function."""
        function = softfloat.div if node.op is Op.DIV else softfloat.sqrt
        name = "div" if node.op is Op.DIV else "sqrt"
        path = tuple(f"{name}_{node.dtype}".encode())
        return self.call(name, partial(function, self.format(node.dtype), path), *src)

    def convert(self, node: Node, src: tuple[Node, ...]) -> Node:
        (x,), source, target = src, node.src[0].dtype, node.dtype
        if source.is_float:
            x = x.bitcast(source.unsigned)
        if not source.is_float:
            build = partial(softfloat.from_int, self.format(target))
        elif not target.is_float:
            build = partial(softfloat.to_int, self.format(source), target.scalar)
        else:
            build = partial(softfloat.convert, self.format(source), self.format(target))
        return self.call(f"{source}_to_{target}", build, x).bitcast(self.bits(target))

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
