"""Kernel expression -> loops: shapes disappear, every element gets an index.

A tensor-level expression over PARAM leaves is evaluated at a position: movement operations become
index arithmetic, reductions become folds, leaves become loads. The order of accumulation (Order(L,
R): element i belongs to lane i % L, lanes combine by halving) becomes loops here and nowhere else:

    lanes = TREE(l, FOLD(row, identity, carry op x[row * L + l]))

Rows that are full need no test; a last partial row is combined after the fold, where absent
elements are the identity, which changes no lane: a lane is never -0, since it starts at +0.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

from engine import dtypes
from engine.dtypes import DType
from engine.folds import fold, identity
from engine.graph import Node, Sint, axis_range, const, index as index_of
from engine.moves import MOVES, Position, parallel_loops
from engine.ops import ELEMENTWISE, OPERATIONS, Axis, Op, Operation
from engine.sequential import SEQUENTIAL
from engine.shapes import numel
from engine.simplify import index
from engine.steps import Output

Request = tuple[Node, Position, Node]  # node, position, gate: an element that is needed
Steps = Generator[Request, Node, Node]  # asks for elements, gets their values, returns its own
Element = Callable[[Node, Node], Steps]  # number of an element of a reduction, gate -> its value
FREE_ORDER = (32, 32)  # lanes and rows for reductions that have no order of their own


class Lowering:
    """The expressions of one kernel.

    Expressions are deeper than Python's stack, so what follows is written as generators: a step
    that needs an element yields the request, and `value` keeps the steps that wait.
    """

    def __init__(self, outputs: int) -> None:
        self.known: dict[Request, Node] = {}
        self.next_path = outputs

    def reduce_range(self, end: Sint) -> Node:
        self.next_path += 1
        return axis_range(end, (self.next_path,), Axis.REDUCE)

    def value(self, node: Node, at: Position, gate: Node) -> Node:
        """The element of `node` at a position; loads happen only where `gate` holds."""
        request = (node, at, gate)
        waiting = [(request, self._value(*request))]
        result: Node | None = None
        while waiting:
            request, steps = waiting[-1]
            try:
                wanted = steps.send(result) if result is not None else next(steps)
            except StopIteration as finished:
                result = self.known[request] = finished.value
                waiting.pop()
                continue
            result = self.known.get(wanted)
            if result is None:
                waiting.append((wanted, self._value(*wanted)))
        assert result is not None
        return result

    def _value(self, node: Node, at: Position, gate: Node) -> Steps:
        fills: list[tuple[Node, Node]] = []
        while node.op in MOVES:
            at, valid, fill = MOVES[node.op](node, at)
            if valid is not index.TRUE and fill is not None:
                fills.append((valid, (yield fill, (), gate)))
                gate = index.both(gate, valid)
            node = node.src[0]
        result = yield from self._inner(node, at, gate)
        for valid, fill in reversed(fills):
            if not _reads_zero(result, gate, fill):
                result = index.select(valid, result, fill)
        return result

    def _inner(self, node: Node, at: Position, gate: Node) -> Steps:
        if node.op in ELEMENTWISE:
            src = []
            for operand in node.src:
                src.append((yield operand, at if operand.shape else (), gate))
            return Node(node.op, node.dtype, tuple(src), node.arg)
        if node.op is Op.REDUCE:
            return (yield from self._reduce(node, at, gate))
        if node.op is Op.PARTIAL:
            return (yield from self._partial(node, at, gate))
        if node.op is Op.GATHER:
            return (yield from self._gather(node, at, gate))
        return _leaf(node, at, gate)

    def _gather(self, node: Node, at: Position, gate: Node) -> Steps:
        """x[..., i, ...] for an index read from memory; out of range reads 0."""
        x, picks = node.src
        axis, last = node.arg, node.arg + len(picks.shape)
        place, inside = index.on_axis((yield picks, at[axis:last], gate), x.shape[axis])
        found = yield x, (*at[:axis], place, *at[last:]), index.both(gate, inside)
        return index.select(inside, found, const(0, node.dtype))

    # -- reductions --------------------------------------------------------------------------------
    def _reduce(self, node: Node, at: Position, gate: Node) -> Steps:
        name, axes, order = node.arg
        x = node.src[0]
        sizes = tuple(x.shape[a] for a in axes)

        def element(number: Node, gate: Node) -> Steps:
            inner = iter(index.unravel(number, sizes))
            position = tuple(next(inner) if i in axes else p for i, p in enumerate(at))
            return (yield x, position, gate)

        count = numel(sizes)
        lanes, rows = order or (1 if isinstance(count, Node) else FREE_ORDER[0], 0)
        most = index.bounds(index_of(count))[1]
        if order is not None and most > lanes * rows and (lanes > 1 or most > rows * rows):
            raise ValueError(
                f"{name}: a reduction of up to {most} elements in the order {order} must be cut "
                "into blocks first, which needs a size that does not depend on a variable"
            )
        op = OPERATIONS[name]
        if lanes == 1 and order is not None:
            return (yield from self._blocks(op, node.dtype, count, rows, element, gate))
        return (yield from self._lanes(op, node.dtype, count, lanes, element, gate))

    def _lanes(
        self, op: Operation, dtype: DType, count: Sint, lanes: int, element: Element, gate: Node
    ) -> Steps:
        """One block of Order(lanes, any number of rows)."""
        if isinstance(count, int):
            lanes = min(lanes, 1 << max(0, count - 1).bit_length())
        lane = self.reduce_range(lanes) if lanes > 1 else index_of(0)
        full, rest = index.floordiv(index_of(count), lanes), index.mod(index_of(count), lanes)
        start = index.multiply(full, lanes)
        result = yield from self._rows(op, dtype, full, lanes, lane, element, gate)
        if rest is not index_of(0):
            present = index.less(lane, rest)
            tail = yield from element(index.add(start, lane), index.both(gate, present))
            result = result.binary(op, index.select(present, tail, identity(op, dtype)))
        return result if lanes == 1 else Node(Op.TREE, dtype, (lane, result), op.name)

    def _rows(
        self, op: Operation, dtype: DType, rows: Node, lanes: int, lane: Node, element: Element,
        gate: Node,
    ) -> Steps:
        """identity op x[lane] op x[lanes + lane] op … for `rows` rows"""
        start = identity(op, dtype)
        if rows is index_of(0):
            return start
        if rows is index_of(1):
            return start.binary(op, (yield from element(lane, gate)))
        row = self.reduce_range(rows)
        number = index.add(index.multiply(row, lanes), lane)
        return fold(row, start, op, (yield from element(number, gate)))

    def _blocks(
        self, op: Operation, dtype: DType, count: Sint, rows: int, element: Element, gate: Node
    ) -> Steps:
        """Order(1, rows): sequential blocks, whose results are combined in the same way."""
        blocks, rest = index.floordiv(index_of(count), rows), index.mod(index_of(count), rows)
        if index.bounds(index_of(count))[1] <= rows:
            everything = self._rows(op, dtype, index_of(count), 1, index_of(0), element, gate)
            return (yield from everything)
        block = self.reduce_range(blocks)

        def in_block(number: Node, gate: Node) -> Steps:
            return (yield from element(index.add(index.multiply(block, rows), number), gate))

        inner = yield from self._rows(op, dtype, index_of(rows), 1, index_of(0), in_block, gate)
        result = fold(block, identity(op, dtype), op, inner)
        if rest is index_of(0):
            return result

        def in_tail(number: Node, gate: Node) -> Steps:
            return (yield from element(index.add(index.multiply(blocks, rows), number), gate))

        tail = yield from self._rows(op, dtype, rest, 1, index_of(0), in_tail, gate)
        return result.binary(op, tail)

    def _partial(self, node: Node, at: Position, gate: Node) -> Steps:
        """Block number at[-1] of the last axis. Only the last block may have fewer rows."""
        name, (lanes, rows) = node.arg
        x = node.src[0]
        size = x.shape[-1]
        assert isinstance(size, int)
        first = index.multiply(at[-1], lanes * rows)

        def element(number: Node, gate: Node) -> Steps:
            return (yield x, (*at[:-1], index.add(first, number)), gate)

        left = index.subtract(size, first)
        if size % (lanes * rows):
            left = index.select(index.less(left, lanes * rows), left, index_of(lanes * rows))
        else:
            left = index_of(lanes * rows)
        return (yield from self._lanes(OPERATIONS[name], node.dtype, left, lanes, element, gate))


def _reads_zero(value: Node, gate: Node, fill: Node) -> bool:
    """Whether a load gives the fill by itself: 0, where its gate is false."""
    gated = value.op is Op.LOAD and value.src[2:] == (gate,)
    return gated and fill.op is Op.CONST and fill.arg == 0


# -- leaves --------------------------------------------------------------------------------------
def _leaf(node: Node, at: Position, gate: Node) -> Node:
    if node.op is Op.CONST:
        return node
    if node.op in (Op.PARAM, Op.TABLE):
        src = (node, at[0]) if gate is index.TRUE else (node, at[0], gate)
        return Node(Op.LOAD, node.dtype, src)
    if node.op is Op.IOTA:
        return at[0].cast(node.dtype)
    if node.op is Op.VARIABLE:
        return node
    raise ValueError(f"{node.op} must be a kernel of its own, it cannot be lowered inside one")


# -- kernels ---------------------------------------------------------------------------------------
def lower(outputs: Sequence[Output]) -> Node:
    """SINK of the writes of one kernel. Its outputs have one shape."""
    first = outputs[0].expression
    shape = first.shape
    lowering = Lowering(len(shape))
    if first.op in SEQUENTIAL:
        return SEQUENTIAL[first.op](lowering, outputs[0])
    loops = parallel_loops(shape)
    writes = []
    for output in outputs:
        value = lowering.value(output.expression, loops, index.TRUE)
        places = output.places
        number = index.ravel(loops, shape) if places is None else index.place(loops, *places)
        writes.append(Node(Op.WRITE, output.target.dtype, (output.target, number, value)))
    return Node(Op.SINK, dtypes.bool_, tuple(writes))
