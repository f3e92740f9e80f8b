"""Kernels that a user writes: what they may look like, and what they declare.

    def doubled(out: Memory, x: Memory) -> Node:
        i = loop(0, x.size)
        return out.write(i, x.load(i) * 2.0)

    y, _ = Tensor.empty(8).custom_kernel(x, fxn=doubled)

A kernel is a graph of the level that lowering makes: loops, loads, arithmetic, writes. What it
reads and writes can be seen in it, so it is scheduled like any other, optimised, and compiled for
every device. The graph goes as text into the attribute of a CUSTOM node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from engine import dtypes
from engine.dtypes import DType, Scalar
from engine.folds import fold_many, pick
from engine.graph import (
    Node,
    Sint,
    axis_range,
    dump,
    index as index_of,
    order_of,
    parse,
    substitute,
)
from engine.ops import Axis, Op
from engine.simplify.index import bounds
from engine.spec import Level, verify
from engine.target import Target


@dataclass(frozen=True)
class Memory:
    """The elements of one tensor, row-major, as a kernel sees them."""

    node: Node
    shape: tuple[int, ...]

    @property
    def dtype(self) -> DType:
        return self.node.dtype

    @property
    def size(self) -> int:
        """The number of elements."""
        size: int = self.node.arg[1]
        return size

    def load(self, place: Sint, gate: Node | None = None) -> Node:
        """The element at a place; 0, and nothing is read, where the gate is false."""
        src = (self.node, index_of(place), *(() if gate is None else (gate,)))
        return Node(Op.LOAD, self.dtype, src)

    def write(self, place: Sint, value: Node | Scalar, gate: Node | None = None) -> Node:
        """A value for a place, where the gate is true. Rounds of parallel loops must not meet."""
        given = value if isinstance(value, Node) else self.node.constant(value)
        src = (self.node, index_of(place), given, *(() if gate is None else (gate,)))
        return Node(Op.WRITE, self.dtype, src)


def loop(level: int, count: Sint) -> Node:
    """A parallel loop 0 … count-1, as its variable. Loops nest by level, 0 is the outermost."""
    return axis_range(count, (level,), Axis.LOOP)


def fold(level: int, count: Sint, start: Node, step: Callable[[Node, Node], Node]) -> Node:
    """start, then step(value so far, i) for i = 0 … count-1, one after another.

    `level` is larger than that of every loop around it, and no two folds share one.
    """
    around = axis_range(count, (level,), Axis.REDUCE)
    carried = Node(Op.CARRY, start.dtype, (around,), 0)
    return pick(fold_many(around, (start,), (step(carried, around),)), 0)


def written_by(kernel: Node | Iterable[Node]) -> Node:
    """The SINK of what a kernel function returned: one write, several, or a SINK."""
    if isinstance(kernel, Node):
        return kernel if kernel.op is Op.SINK else Node(Op.SINK, dtypes.bool_, (kernel,))
    return Node(Op.SINK, dtypes.bool_, tuple(kernel))


def memories(rows: Sequence[tuple[DType, tuple[int, ...]]]) -> list[Memory]:
    """What a kernel function is given for tensors of these dtypes and shapes."""
    found = []
    for slot, (dtype, shape) in enumerate(rows):
        size = 1
        for n in shape:
            size *= n
        found.append(Memory(Node(Op.PARAM, dtype, (), (slot, size)), shape))
    return found


def declared(sink: Node) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The slots that a kernel reads, and those that it writes.

    ValueError for a graph that is no kernel, an access that may leave its memory, or a slot that is
    both read and written: whether a load sees the old or the new element would depend on the order
    in which rounds run.
    """
    verify(sink, Level.LOOPS, Target("HOST"), "custom kernel")
    order = order_of(sink)
    for node in order:
        if node.op in (Op.LOAD, Op.WRITE):
            _check_place(node)
    read = tuple(sorted({n.src[0].arg[0] for n in order if n.op is Op.LOAD}))
    written = tuple(sorted({n.src[0].arg[0] for n in order if n.op is Op.WRITE}))
    both = set(read) & set(written)
    if both:
        raise ValueError(
            f"custom_kernel: tensors {sorted(both)} are read and written; pass the tensor twice, "
            "once to be read and once to be written"
        )
    return read, written


def _check_place(node: Node) -> None:
    memory, place = node.src[:2]
    low, high = bounds(place)
    gated = len(node.src) > (2 if node.op is Op.LOAD else 3)
    if not gated and memory.op is Op.PARAM and not (0 <= low and high < memory.arg[1]):
        raise ValueError(
            f"custom_kernel: {node.op} at {low} … {high} may leave the {memory.arg[1]} elements of "
            f"tensor {memory.arg[0]}; give it a gate"
        )


def text_for(sink: Node, target: int, read: Sequence[int]) -> str:
    """The part of a kernel that writes slot `target`, which becomes slot 0, as text.

    The slots that it reads become 1, 2 … in their order.
    """
    kept = tuple(w for w in sink.src if w.op is not Op.WRITE or w.src[0].arg[0] == target)
    part = Node(Op.SINK, sink.dtype, kept)
    numbers = {target: 0, **{slot: k for k, slot in enumerate(read, 1)}}
    return dump(_renumbered(part, lambda slot, size: (numbers[slot], size)))


def placed(text: str, params: Sequence[Node]) -> Node:
    """The kernel of a CUSTOM node over the PARAMs of its launch. ValueError for other text."""
    sink = parse(text)
    mapping = {
        node: params[node.arg[0]] for node in order_of(sink) if node.op is Op.PARAM
    }
    return substitute(sink, mapping)


def _renumbered(sink: Node, number: Callable[[int, int], tuple[int, int]]) -> Node:
    mapping = {
        node: Node(Op.PARAM, node.dtype, (), number(*node.arg))
        for node in order_of(sink) if node.op is Op.PARAM
    }
    return substitute(sink, mapping)
