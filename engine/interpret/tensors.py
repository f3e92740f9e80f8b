"""The tensor level, executed: one numpy operation a node, in the order of the graph.

This is the definition that schedules and kernels must agree with, bit for bit. It shares no stage
with them: it knows neither loops nor memory, and a STORE makes a copy.

Invariants:
- A value has the shape of its node; a size that is symbolic is the int that its node evaluates to.
- Operations of group COMPUTE and reductions yield the canonical NaN; all others keep the bits.
- Float reductions follow `ordered`, the order of accumulation that their attribute names.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.arrays import NUMPY
from engine.custom import placed
from engine.dtypes import DType
from engine.graph import Node, toposort
from engine.interpret.kernels import run
from engine.interpret.preconditions import Array
from engine.interpret.rounding import canonical, constant
from engine.interpret.semantics import apply, number
from engine.linearize import linearize
from engine.ops import ELEMENTWISE, MARKERS, OPERATIONS, Group, Op, Operation
from engine.shapes import resolved

Order = tuple[int, int]


def evaluate(roots: Sequence[Node], load: Callable[[Node], Array]) -> list[Array]:
    """The values of the roots. `load` gives the items of a BUFFER, of shape (size,).

    Raises ValueError for a node that is not of the tensor level, or a variable without a value.
    """
    return _Evaluation(roots, load).run()


class _Evaluation:
    """The values known so far. Values are dropped after their last use."""

    def __init__(self, roots: Sequence[Node], load: Callable[[Node], Array]) -> None:
        self.roots = roots
        self.load = load
        self.order = toposort(roots, stop=lambda node: node.op is Op.BIND)
        self.values: dict[Node, Array] = {}
        self.bindings: dict[Node, set[int]] = {}  # every value that a variable is bound to
        for node in self.order:
            if node.op is Op.BIND:
                self.bindings.setdefault(node.src[0], set()).add(node.src[1].arg)

    def run(self) -> list[Array]:
        uses = Counter(s for node in self.order for s in _operands(node))
        uses.update(self.roots)
        for node in self.order:
            self.values[node] = self.value(node)
            for operand in _operands(node):
                uses[operand] -= 1
                if not uses[operand]:
                    del self.values[operand]
        return [self.values[root] for root in self.roots]

    def value(self, node: Node) -> Array:
        """The value of a node whose operands have theirs."""
        if node.op in ELEMENTWISE:
            return self.elementwise(node)
        if node.op not in _ROWS:
            raise ValueError(f"{node.op} is not an operation of the tensor level")
        return _ROWS[node.op](self, node)

    def operand(self, node: Node, position: int = 0) -> Array:
        return self.values[node.src[position]]

    def sizes(self, node: Node) -> tuple[Any, ...]:
        """The attribute of a movement node or STORE, all sizes ints."""
        return _plain(resolved(node), self.values)

    # -- rows --------------------------------------------------------------------------------------
    def elementwise(self, node: Node) -> Array:
        operands = [self.values[s] for s in node.src]
        result = apply(node.op, node.dtype, operands, [s.dtype for s in node.src])
        return canonical(node.dtype, result) if node.op.group is Group.COMPUTE else result

    def buffer(self, node: Node) -> Array:
        items = self.load(node)
        if items.shape != (node.arg[1],) or items.dtype != NUMPY[node.dtype]:
            raise ValueError(
                f"a buffer of {node.arg[1]} {node.dtype} was loaded as {items.dtype}{items.shape}"
            )
        return items

    def const(self, node: Node) -> Array:
        return constant(node.dtype, node.arg)

    def table(self, node: Node) -> Array:
        return table(node.dtype, node.arg)

    def iota(self, node: Node) -> Array:
        return np.arange(node.arg).astype(NUMPY[node.dtype])

    def variable(self, node: Node) -> Array:
        """Outside a BIND a variable has the one value that the graph binds it to elsewhere."""
        values = sorted(self.bindings.get(node, ()))
        if not values:
            raise ValueError(f"the variable {node.arg[0]} has no value: nothing binds it")
        if len(values) > 1:
            found = " and ".join(map(str, values))
            raise ValueError(f"the variable {node.arg[0]} stands alone, and is bound to {found}")
        return constant(node.dtype, values[0])

    def bind(self, node: Node) -> Array:
        return constant(node.dtype, node.src[1].arg)

    def reshape(self, node: Node) -> Array:
        return self.operand(node).reshape(self.sizes(node))

    def permute(self, node: Node) -> Array:
        return self.operand(node).transpose(node.arg)

    def expand(self, node: Node) -> Array:
        return np.broadcast_to(self.operand(node), self.sizes(node))

    def pad(self, node: Node) -> Array:
        x, widths = self.operand(node), self.sizes(node)
        shape = [before + size + after for size, (before, after) in zip(x.shape, widths)]
        result = np.full(shape, self.operand(node, 1))
        result[tuple(slice(b, b + size) for size, (b, _) in zip(x.shape, widths))] = x
        return result

    def shrink(self, node: Node) -> Array:
        return self.operand(node)[_region(self.sizes(node))]

    def flip(self, node: Node) -> Array:
        return np.flip(self.operand(node), node.arg)

    def affine(self, node: Node) -> Array:
        shape, places = node.arg
        x = self.operand(node)
        if 0 in shape:
            return np.zeros(shape, x.dtype)
        index = tuple(flat_places(shape, offset, factors) for offset, factors in places)
        return np.asarray(x[index]).reshape(shape)

    def cat(self, node: Node) -> Array:
        return np.concatenate([self.values[s] for s in node.src], axis=node.arg)

    def scan(self, node: Node) -> Array:
        """One element after another, from the identity."""
        op, x = OPERATIONS[node.arg], self.operand(node)
        total = np.full(x.shape[:-1], identity(op, node.dtype))
        result = np.empty(x.shape, x.dtype)
        for i in range(x.shape[-1]):
            total = apply(op, node.dtype, [total, x[..., i]], [node.dtype, node.dtype])
            result[..., i] = total
        return canonical(node.dtype, result)

    def merge(self, node: Node) -> Array:
        """Each pair of runs in order; the numbers are distinct, so any sort will do."""
        x, run = self.operand(node).copy(), 2 * node.arg
        for start in range(0, x.shape[-1], run):
            x[..., start : start + run].sort(axis=-1)
        return x

    def scatter(self, node: Node) -> Array:
        """Round i of the axis writes, or combines, element i of the value, one after another."""
        axis, name = node.arg
        result, picks, value = (self.values[s] for s in node.src)
        result = result.copy()
        size = result.shape[axis]
        for i in range(picks.shape[axis]):
            step = picks.take([i], axis)
            inside = (step >= -size) & (step < size)
            near = np.where(inside, step, step.dtype.type(0)).astype("int64") % max(size, 1)
            place = list(np.nonzero(inside))
            place[axis] = near[inside]
            given = value.take([i], axis)[inside]
            if name is not None:
                pair = [result[tuple(place)], given]
                op = OPERATIONS[name]
                given = canonical(node.dtype, apply(op, node.dtype, pair, [node.dtype] * 2))
            result[tuple(place)] = given
        return result

    def custom(self, node: Node) -> Array:
        """The kernel on copies of its memory."""
        buffers = [np.ascontiguousarray(self.values[s]).reshape(-1).copy() for s in node.src]
        params = [Node(Op.PARAM, s.dtype, (), (k, b.size)) for k, (s, b) in
                  enumerate(zip(node.src, buffers, strict=True))]
        part = linearize(placed(node.arg, params), "custom", ())
        run(part.kernel, [buffers[slot] for slot in part.slots])
        return buffers[0].reshape(self.operand(node).shape)

    def reduce(self, node: Node) -> Array:
        """The reduced axes, row-major in their own order, become one; they stay as axes of 1."""
        name, axes, order = node.arg
        x, reduced = self.operand(node), sorted(axes)
        kept = [i for i in range(x.ndim) if i not in reduced]
        count = int(np.prod([x.shape[i] for i in reduced], dtype="int64"))
        flat = x.transpose([*kept, *reduced]).reshape([*(x.shape[i] for i in kept), count])
        result = reduced_last_axis(OPERATIONS[name], node.dtype, flat, order)
        shape = [1 if i in reduced else size for i, size in enumerate(x.shape)]
        return canonical(node.dtype, result).reshape(shape)

    def partial(self, node: Node) -> Array:
        name, order = node.arg
        result = blocks(OPERATIONS[name], node.dtype, self.operand(node), order)
        return canonical(node.dtype, result)

    def gather(self, node: Node) -> Array:
        """x[…, index, …]; an index out of range reads 0, a negative one counts back."""
        x, picks, axis = self.operand(node), self.operand(node, 1), node.arg
        size = x.shape[axis]
        inside = (picks >= -size) & (picks < size)
        result = np.zeros((*x.shape[:axis], *picks.shape, *x.shape[axis + 1 :]), x.dtype)
        if inside.any():
            near = np.where(inside, picks, picks.dtype.type(0)).astype("int64")
            there = inside.reshape(inside.shape + (1,) * (x.ndim - axis - 1))
            result = np.where(there, np.take(x, near % size, axis), result)
        return result

    def store(self, node: Node) -> Array:
        base, value = self.operand(node), self.operand(node, 1)
        result = base.reshape(-1).copy()
        result[flat_places(value.shape, *self.sizes(node))] = value
        return result.reshape(base.shape)

    def first(self, node: Node) -> Array:
        return self.operand(node)


_ROWS: dict[Operation, Callable[[_Evaluation, Node], Array]] = {
    Op.BUFFER: _Evaluation.buffer,
    Op.CONST: _Evaluation.const,
    Op.TABLE: _Evaluation.table,
    Op.IOTA: _Evaluation.iota,
    Op.VARIABLE: _Evaluation.variable,
    Op.BIND: _Evaluation.bind,
    Op.RESHAPE: _Evaluation.reshape,
    Op.PERMUTE: _Evaluation.permute,
    Op.EXPAND: _Evaluation.expand,
    Op.PAD: _Evaluation.pad,
    Op.SHRINK: _Evaluation.shrink,
    Op.FLIP: _Evaluation.flip,
    Op.AFFINE: _Evaluation.affine,
    Op.CAT: _Evaluation.cat,
    Op.SCAN: _Evaluation.scan,
    Op.MERGE: _Evaluation.merge,
    Op.SCATTER: _Evaluation.scatter,
    Op.CUSTOM: _Evaluation.custom,
    Op.REDUCE: _Evaluation.reduce,
    Op.PARTIAL: _Evaluation.partial,
    Op.GATHER: _Evaluation.gather,
    Op.STORE: _Evaluation.store,
    Op.COPY: _Evaluation.first,
    Op.CONTIGUOUS: _Evaluation.first,
    Op.AFTER: _Evaluation.first,
    **dict.fromkeys(MARKERS, _Evaluation.first),
}


def _operands(node: Node) -> tuple[Node, ...]:
    """The operands that are evaluated: a BIND is a leaf here."""
    return () if node.op is Op.BIND else node.src


def _plain(arg: tuple[Any, ...], values: dict[Node, Array]) -> tuple[Any, ...]:
    """An attribute with the value of each symbolic size in its place."""
    return tuple(
        int(values[item]) if isinstance(item, Node)
        else _plain(item, values) if isinstance(item, tuple)
        else item
        for item in arg
    )  # fmt: skip


def _region(parts: tuple[tuple[int, int], ...]) -> tuple[slice, ...]:
    return tuple(slice(offset, offset + size) for offset, size in parts)


def flat_places(shape: tuple[int, ...], offset: int, strides: tuple[int, ...]) -> Array:
    """offset + sum of position * stride, for every position in `shape`."""
    steps = [
        (stride * np.arange(n)).reshape(-1, *(1,) * (len(shape) - 1 - axis))
        for axis, (stride, n) in enumerate(zip(strides, shape, strict=True))
    ]
    return np.broadcast_to(sum(steps, np.array(offset)), shape)


def table(dtype: DType, bits: Sequence[int]) -> Array:
    """The items of a TABLE."""
    return np.array([constant(dtype, item) for item in bits], NUMPY[dtype])


# -- reductions of the last axis -------------------------------------------------------------------
def identity(op: Operation, dtype: DType) -> Array:
    """The value that changes nothing: an empty reduction yields it, and lanes start at it."""
    lowest = -math.inf if dtype.is_float else dtype.min
    highest = math.inf if dtype.is_float else dtype.max
    values: dict[Operation, float] = {
        Op.ADD: 0, Op.MUL: 1, Op.MAXIMUM: lowest, Op.MINIMUM: highest,
        Op.OR: 0, Op.XOR: 0, Op.AND: -1,
    }  # fmt: skip
    return number(dtype, values[op])


def reduced_last_axis(op: Operation, dtype: DType, x: Array, order: Order | None) -> Array:
    """Shape (…, n) to (…), in the order named, or in any order where that does not matter."""
    if order is not None:
        return ordered(op, dtype, x, order)
    if dtype.is_float and op not in (Op.MAXIMUM, Op.MINIMUM):
        raise ValueError(f"{op} of {dtype} depends on the order, and none is named")
    while x.shape[-1] > 1:
        half = x.shape[-1] // 2
        pairs = apply(op, dtype, [x[..., :half], x[..., half : 2 * half]], [dtype, dtype])
        x = np.concatenate([pairs, x[..., 2 * half :]], axis=-1)
    return _only(op, dtype, x)


def ordered(op: Operation, dtype: DType, x: Array, order: Order) -> Array:
    """Order(lanes, rows): blocks, then blocks of their results, until one remains."""
    x = blocks(op, dtype, x, order)
    while x.shape[-1] > 1:
        x = blocks(op, dtype, x, order)
    return _only(op, dtype, x)


def _only(op: Operation, dtype: DType, x: Array) -> Array:
    """Element 0 of the last axis, or the identity if there is none."""
    return x[..., 0] if x.shape[-1] else np.full(x.shape[:-1], identity(op, dtype))


def blocks(op: Operation, dtype: DType, x: Array, order: Order) -> Array:
    """The results of the blocks of lanes * rows elements, shape (…, n) to (…, number of blocks).

    Element i of a block belongs to lane i % lanes. Each lane starts at the identity and combines
    its elements in sequence; then lanes combine by halving. Missing elements of the last block are
    the identity, which changes nothing, so rows that no block has are left out.
    """
    lanes, rows = order
    n = x.shape[-1]
    rows = min(rows, -(-n // lanes)) or 1
    count = -(-n // (lanes * rows))
    start = identity(op, dtype)
    padded = np.full((*x.shape[:-1], count * rows * lanes), start)
    padded[..., :n] = x
    grid = padded.reshape(*x.shape[:-1], count, rows, lanes)
    total = np.full((*x.shape[:-1], count, lanes), start)
    for row in range(rows):
        total = apply(op, dtype, [total, grid[..., row, :]], [dtype, dtype])
    while total.shape[-1] > 1:
        half = total.shape[-1] // 2
        total = apply(op, dtype, [total[..., :half], total[..., half:]], [dtype, dtype])
    return total[..., 0]
