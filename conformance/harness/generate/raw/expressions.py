"""Random kernels as the scheduler hands them on, below the level of the API.

They have any operation of the spec, machine operations and telling constants among them, and orders
of accumulation that no row of the catalog has.  The interpreter of tensors knows their results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from conformance.harness.generate.choosing import Chooser, chance, choose
from conformance.harness.generate.data import Maker, mixed, telling
from conformance.harness.generate.raw.kernel import Kernel, garbage
from conformance.harness.subject import array_bytes
from engine import dtypes
from engine.arrays import NUMPY
from engine.dtypes import TENSOR_DTYPES, DType
from engine.graph import Node, substitute, toposort
from engine.interpret.preconditions import Array, PreconditionError
from engine.interpret.tensors import evaluate
from engine.lower import lower
from engine.ops import FUNCTIONS, ROUNDINGS, Group, Op, Operation
from engine.rewrite import Bindings, Pattern
from engine.simplify.values import RULES
from engine.steps import Output
from oracles.edges import edges
from oracles.formats import FORMATS

Shape = tuple[int, ...]
SHAPES: tuple[Shape, ...] = ((5,), (17,), (33,), (3, 5), (2, 9), (4, 8), (1, 7), (2, 3, 4), (70,))

BOOLS = (dtypes.bool_,)
INTEGERS = tuple(d for d in TENSOR_DTYPES if d.kind in ("int", "uint"))
FLOATS = tuple(d for d in TENSOR_DTYPES if d.is_float)
NUMBERS = (*INTEGERS, *FLOATS)
ALL = (*BOOLS, *NUMBERS)

# Operations whose operands and result have one dtype, with the dtypes that they take.
ALIKE: dict[Operation, tuple[DType, ...]] = {
    **dict.fromkeys((Op.ADD, Op.SUB, Op.MUL, Op.NEG, Op.ABS), NUMBERS),
    **dict.fromkeys((Op.MAXIMUM, Op.MINIMUM, Op.OPAQUE), ALL),
    **dict.fromkeys((Op.FLOORDIV, Op.FLOORMOD, Op.FMOD), NUMBERS),
    **dict.fromkeys((Op.DIV, Op.SQRT, Op.CANON, *ROUNDINGS), FLOATS),
    **dict.fromkeys((Op.AND, Op.OR, Op.XOR, Op.NOT), (*BOOLS, *INTEGERS)),
    **dict.fromkeys((Op.LSHIFT, Op.RSHIFT, Op.SHL, Op.SHR, Op.IDIV, Op.IREM), INTEGERS),
}
DIVISIONS = (Op.FLOORDIV, Op.FLOORMOD, Op.FMOD, Op.IDIV, Op.IREM)
UNARY = (Op.NEG, Op.ABS, Op.NOT, Op.CANON, Op.OPAQUE)
# What decompositions convert, of what can be converted whatever it is.
CONVERTED = ((dtypes.int32, dtypes.float32), (dtypes.int64, dtypes.float64))
OTHERS = (Op.LT, Op.EQ, Op.NE, Op.WHERE, Op.CAST, Op.BITCAST, Op.CONVERT)
OPERATIONS = (*ALIKE, *OTHERS, *OTHERS)
RARE = tuple(sorted(FUNCTIONS, key=str))  # a hundred operations each when they are decomposed
RESULTS = 4  # of a kernel, at most
# Numbers that rules look for, and their neighbours.
TELLING: tuple[float, ...] = (0, 1, -1, 2, -0.0, 0.5, 3, 7, 8)
MAKES: tuple[Maker, ...] = (mixed, mixed, telling)
ORDERS = ((1, 256), (2, 64), (8, 16), (32, 8), (4, 32), (16, 16))
ROUNDED = (*INTEGERS, dtypes.float32, dtypes.float64)  # narrower floats are summed in float32
COMBINED: tuple[tuple[str, tuple[DType, ...]], ...] = (
    ("ADD", ROUNDED), ("MUL", ROUNDED), ("MAXIMUM", ALL), ("MINIMUM", ALL),
)  # fmt: skip


@dataclass
class _Expression:
    """Nodes of one shape, beside scalar constants, that can be used further."""

    chooser: Chooser
    shape: Shape
    make: Maker = mixed
    memory: list[Array] = field(default_factory=list)
    params: list[Node] = field(default_factory=list)
    made: list[Node] = field(default_factory=list)
    used: set[Node] = field(default_factory=set)

    def leaf(self, dtype: DType) -> Node:
        """A new buffer of this shape."""
        count = prod(self.shape)
        rng = np.random.default_rng(self.chooser.integer(0, (1 << 20) - 1))
        self.memory.append(FORMATS[dtype.name].from_bits(self.make(rng, dtype.name, count)))
        self.params.append(Node(Op.PARAM, dtype, (), (len(self.params), count)))
        node = Node(Op.RESHAPE, dtype, (self.params[-1],), self.shape)
        self.made.append(node)
        return node

    def operand(self, dtype: DType) -> Node:
        """A constant, something that has been made, or a new buffer."""
        if chance(self.chooser, 4):
            return self.constant(dtype)
        found = [node for node in self.made if node.dtype is dtype]
        if not found:
            return self.leaf(dtype)
        late = max(self.chooser.integer(0, len(found) - 1) for _ in range(2))
        return found[late]

    def constant(self, dtype: DType) -> Node:
        """One that rules look for, or any edge."""
        if chance(self.chooser, 3):
            return Node(Op.CONST, dtype, (), choose(self.chooser, edges(dtype.name).tolist()))
        bits = [dtype.encode(value) for value in TELLING]
        return Node(Op.CONST, dtype, (), choose(self.chooser, (*bits, (1 << dtype.bits) - 1)))

    def grow(self) -> None:
        """One operation more, unless its operands are none for which it promises anything."""
        made: Node | None = None
        if chance(self.chooser, 5):
            made = self.again()
        elif chance(self.chooser, 4):
            made = self.left_side()
        if made is not None:
            node = made
        else:
            op = choose(self.chooser, RARE if chance(self.chooser, 12) else OPERATIONS)
            dtype, operands = self.typed(op)
            node = Node(op, dtype, tuple(operands))
        try:
            self.values([node])
        except PreconditionError:
            return
        self.made.append(node)
        self.used.update(node.src)

    def left_side(self) -> Node | None:
        """What a rule of algebra is looking for; None if that is not found."""
        rule = choose(self.chooser, RULES)
        allowed = [dtype for dtype in ALL if dtype.kind in rule.kinds]
        return self.instance(rule.pattern, choose(self.chooser, allowed), {})

    def instance(self, pattern: Pattern, dtype: DType, bound: Bindings) -> Node | None:
        """A node of this dtype that a pattern matches; what it names is added to `bound`."""
        if pattern.constant is not None:
            bits = [*(dtype.encode(value) for value in TELLING), (1 << dtype.bits) - 1]
            found = [word for word in bits if pattern.constant(dtype, word)]
            return Node(Op.CONST, dtype, (), choose(self.chooser, found)) if found else None
        if pattern.op is None:
            assert pattern.name is not None
            node = bound.setdefault(pattern.name, self.operand(dtype))
            return node if node.dtype is dtype else None
        src = []
        for inner, kind in zip(pattern.src or (), self.kinds(pattern.op, dtype), strict=True):
            operand = self.instance(inner, kind, bound)
            if operand is None:
                return None
            src.append(operand)
        return Node(pattern.op, dtype, tuple(src))

    def kinds(self, op: Operation, dtype: DType) -> tuple[DType, ...]:
        """Dtypes of operands with which an operation has this result."""
        if op is Op.WHERE:
            return dtypes.bool_, dtype, dtype
        if op is Op.BITCAST:
            return (choose(self.chooser, [d for d in ALL if d.itemsize == dtype.itemsize]),)
        if op is Op.CAST:
            return (choose(self.chooser, ALL),)
        return (dtype,) * (op.arity or 0)

    def again(self) -> Node:
        """What was done last is done once more, or undone."""
        x = self.made[-1]
        if x.op is Op.BITCAST:
            return Node(Op.BITCAST, x.src[0].dtype, (x,))
        found = [op for op in UNARY if x.dtype in ALIKE[op]]
        return Node(x.op if x.op in found else choose(self.chooser, found), x.dtype, (x,))

    def typed(self, op: Operation) -> tuple[DType, list[Node]]:
        """The dtype of a result of `op`, and its operands."""
        if op in ALIKE or op in FUNCTIONS:
            dtype = self.dtype(ALIKE.get(op, FLOATS))
            return dtype, self.alike(op, dtype)
        if op is Op.WHERE:
            dtype = self.dtype(ALL)
            return dtype, [self.operand(dtypes.bool_), self.operand(dtype), self.operand(dtype)]
        if op is Op.CONVERT:
            source, target = choose(self.chooser, CONVERTED)
            return target, [self.operand(source)]
        source = self.dtype(NUMBERS if op is Op.BITCAST else ALL)
        if op in (Op.LT, Op.EQ, Op.NE):
            return dtypes.bool_, [self.operand(source), self.operand(source)]
        targets: Sequence[DType] = ALL if op is Op.CAST else NUMBERS
        if op is Op.BITCAST:
            targets = [d for d in NUMBERS if d.bits == source.bits]
        return choose(self.chooser, targets), [self.operand(source)]

    def alike(self, op: Operation, dtype: DType) -> list[Node]:
        operands = [self.operand(dtype) for _ in range(op.arity or 0)]
        if op in (Op.SHL, Op.SHR):  # a count below the width
            mask = Node(Op.CONST, dtype, (), dtype.bits - 1)
            operands[1] = Node(Op.AND, dtype, (operands[1], mask))
        if op in DIVISIONS and chance(self.chooser, 2):
            operands[1] = self.constant(dtype)
        return operands

    def dtype(self, allowed: Sequence[DType]) -> DType:
        """Mostly one that something has been made of."""
        found = [node.dtype for node in self.made if node.dtype in allowed]
        return choose(self.chooser, found if found and self.chooser.integer(0, 3) else allowed)

    def reduced(self) -> None:
        """The last axis of something is combined; the rest of the kernel has that shape.

        Not of machine operations: behind the end of an axis they would be given zeros.
        """
        name, allowed = choose(self.chooser, COMBINED)
        found = [
            node for node in self.made if node.dtype in allowed and node.shape == self.shape
            and all(below.op.group is not Group.MACHINE for below in toposort([node]))
        ]
        if not found:
            return
        x = choose(self.chooser, found)
        ordered = name in ("ADD", "MUL") and x.dtype.is_float
        order = choose(self.chooser, ORDERS) if ordered else None
        axes = (len(self.shape) - 1,)
        self.shape = (*self.shape[:-1], 1)
        self.made = [Node(Op.REDUCE, x.dtype, (x,), (name, axes, order))]

    def values(self, nodes: Sequence[Node]) -> list[Array]:
        """What nodes stand for, by the interpreter of tensors."""
        known = {
            param: Node(Op.BUFFER, param.dtype, (), (k, param.arg[1], "PYTHON"))
            for k, param in enumerate(self.params)
        }
        sink = substitute(Node(Op.SINK, dtypes.bool_, tuple(nodes)), known)
        return evaluate(sink.src, lambda buffer: self.memory[buffer.arg[0]])


def expressions(chooser: Chooser) -> Kernel:
    """A kernel whose results are what nothing in it uses."""
    e = _Expression(chooser, choose(chooser, SHAPES), choose(chooser, MAKES))
    for dtype in (choose(chooser, FLOATS), choose(chooser, INTEGERS)):
        e.leaf(dtype)
    length = chooser.integer(2, 14)
    middle = chooser.integer(1, length) if chance(chooser, 3) else 0
    for k in range(length):
        e.grow()
        if k + 1 == middle:
            e.reduced()
    results = [node for node in e.made if node.shape == e.shape and node not in e.used][-RESULTS:]
    arrays = [np.broadcast_to(array, e.shape) for array in e.values(results)]
    targets = [Node(Op.PARAM, node.dtype, (), (len(e.params) + k, prod(e.shape)))
               for k, node in enumerate(results)]  # fmt: skip
    outputs = tuple(map(Output, targets, results))
    inputs = [array_bytes(array) for array in e.memory]
    due = [array.astype(NUMPY[node.dtype], copy=False).tobytes()
           for array, node in zip(arrays, results, strict=True)]  # fmt: skip
    spoilt = [garbage(len(data), node.dtype) for data, node in zip(due, results, strict=True)]
    return Kernel(lower(outputs), (*inputs, *spoilt), (*inputs, *due), outputs)
