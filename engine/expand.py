"""Vector and unrolled axes disappear: copies of nodes, or nodes with lanes.

A fold inside an unrolled axis becomes one fold that carries a value for every copy, so the copies
share their loop and, since nodes are interned, every load that does not differ between them.
"""

from __future__ import annotations

from engine import dtypes
from engine.dtypes import DType
from engine.folds import fold, identity
from engine.graph import Node, axis_range, index as index_of, order_of, toposort
from engine.loops import dependents, replace_ranges, static_size
from engine.ops import OPERATIONS, Axis, Op, Operation
from engine.simplify import index

Copies = tuple[Node, ...]


def halve(op: Operation, lanes: Copies) -> Node:
    """lane[l] = lane[l] op lane[l + h] for h = half the lanes, a quarter, …, 1"""
    while len(lanes) > 1:
        half = len(lanes) // 2
        lanes = tuple(lanes[i].binary(op, lanes[i + half]) for i in range(half))
    return lanes[0]


# -- unrolled axes ---------------------------------------------------------------------------------
def unroll(root: Node, axis: Node) -> Node:
    """Copies of everything that depends on `axis`, one a round."""
    count = static_size(axis)
    assert count is not None
    varying = dependents(root, axis)
    copies: dict[Node, Copies] = {axis: tuple(index_of(i) for i in range(count))}
    for node in toposort([root]):
        if node in copies:
            continue
        if node.op is Op.TREE and node.src[0] is axis:
            copies[node] = (halve(OPERATIONS[node.arg], _spread(copies[node.src[1]], count)),)
        elif node not in varying:
            copies[node] = (node.replace(tuple(copies[s][0] for s in node.src)),)
        else:
            copies[node] = _copies(node, axis, copies, count)
    return copies[root][0]


def _copies(node: Node, axis: Node, copies: dict[Node, Copies], count: int) -> Copies:
    src = [_spread(copies[s], count) for s in node.src]
    if node.op is Op.SINK:
        writes = [copy for s in node.src for copy in copies[s]]
        return (Node(Op.SINK, node.dtype, tuple(writes)),)
    if node.op is Op.CARRY:
        return tuple(
            Node(Op.CARRY, node.dtype, node.src, node.arg * count + i) for i in range(count)
        )
    if node.op is Op.FOLD:
        carried = [copy for operand in src[1:] for copy in operand]
        return (Node(Op.FOLD, node.dtype, (node.src[0], *carried), node.arg * count),)
    if node.op is Op.PICK:
        folded = copies[node.src[0]][0]
        return tuple(
            Node(Op.PICK, node.dtype, (folded,), node.arg * count + i) for i in range(count)
        )
    return tuple(index.rebuild(node, tuple(s[i] for s in src)) for i in range(count))


def _spread(copies: Copies, count: int) -> Copies:
    return copies if len(copies) == count else copies * count


# -- vector axes -----------------------------------------------------------------------------------
def vectorise(root: Node, axis: Node) -> Node:
    """Every node that depends on `axis` gets a lane for each of its rounds."""
    lanes = static_size(axis)
    assert lanes is not None
    varying = dependents(root, axis)
    wide: dict[Node, Node] = {axis: Node(Op.LANES, dtypes.index.vec(lanes))}
    for node in toposort([root]):
        if node in wide:
            continue
        src = tuple(wide[s] for s in node.src)
        if node.op is Op.TREE and node.src[0] is axis:
            wide[node] = _halve_vector(OPERATIONS[node.arg], broadcast(src[1], lanes))
        else:
            wide[node] = _widen(node, src, axis, varying) if node in varying else node.replace(src)
    return wide[root]


def broadcast(node: Node, lanes: int) -> Node:
    """The value in every lane."""
    if node.dtype.lanes == lanes:
        return node
    return Node(Op.BROADCAST, node.dtype.vec(lanes), (node,))


def _widen(node: Node, src: Copies, axis: Node, varying: set[Node]) -> Node:
    lanes = static_size(axis)
    assert lanes is not None
    if node.op is Op.LOAD:
        return _access(node, src, axis, varying, node.dtype.vec(lanes))
    if node.op is Op.WRITE:
        memory, place, value, *gate = src
        wide = (memory, place, broadcast(value, lanes), *gate)
        return _access(node, wide, axis, varying, node.dtype)
    if node.op is Op.SINK:
        return node.replace(src)
    if node.op is Op.FOLD:
        carried = tuple(broadcast(s, lanes) for s in src[1:])
        return Node(Op.FOLD, node.dtype.vec(lanes), (src[0], *carried), node.arg)
    if node.op in (Op.CARRY, Op.PICK):
        return Node(node.op, node.dtype.vec(lanes), src, node.arg)
    if node.op is Op.TREE:
        return Node(Op.TREE, node.dtype.vec(lanes), (src[0], broadcast(src[1], lanes)), node.arg)
    operands = tuple(broadcast(s, lanes) for s in src)
    return Node(node.op, node.dtype.vec(lanes), operands, node.arg)


def _access(node: Node, src: Copies, axis: Node, varying: set[Node], dtype: DType) -> Node:
    """Neighbouring items where the index is `axis` plus something that is the same in every lane,
    else an address a lane."""
    lanes = static_size(axis)
    assert lanes is not None
    terms, constant = index.terms_of(node.src[1])
    rest = {t: f for t, f in terms.items() if t is not axis}
    plain = terms.get(axis) == 1 and not any(t in varying or axis in toposort([t]) for t in rest)
    place = index.sum_of(rest, constant) if plain else broadcast(src[1], lanes)
    first_gate = 2 if node.op is Op.LOAD else 3
    gate = tuple(g if plain and g.dtype.lanes == 1 else broadcast(g, lanes)
                 for g in src[first_gate:])
    if not plain and src[1].dtype.lanes == 1 and not any(g.dtype.lanes > 1 for g in gate):
        return node.replace(src)
    return Node(node.op, dtype, (src[0], place, *src[2:first_gate], *gate), node.arg)


def _halve_vector(op: Operation, vector: Node) -> Node:
    while vector.dtype.lanes > 1:
        half = vector.dtype.lanes // 2
        dtype = vector.dtype.vec(half)
        low = Node(Op.SLICE, dtype, (vector,), 0)
        high = Node(Op.SLICE, dtype, (vector,), half)
        vector = low.binary(op, high)
    return vector


# -- lanes that are still loops --------------------------------------------------------------------
def replace_trees(sink: Node) -> Node:
    """TREE of what is still a loop: of a workgroup, or of one invocation."""
    done: dict[Node, Node] = {}
    for node in order_of(sink):
        made = node.replace(tuple(done[s] for s in node.src))
        if node.op is Op.TREE:
            made = _exchange(made) if node.src[0].arg[1] == Axis.WORKGROUP else _tree_loops(made)
        done[node] = made
    return done[sink]


def _exchange(tree: Node) -> Node:
    """TREE among the invocations of a workgroup: lane l + h joins lane l, for h a half, a quarter …

    Lanes from h on join others, round the end, and what they get is not used: lane 0 has the
    result.
    """
    lane, value = tree.src
    lanes = static_size(lane)
    assert lanes is not None
    while lanes > 1:
        lanes //= 2
        partner = index.mod(index.add(lane, lanes), 2 * lanes)
        other = Node(Op.SHUFFLE, value.dtype, (lane, partner, value))
        value = value.binary(OPERATIONS[tree.arg], other)
    return value


def _tree_loops(tree: Node) -> Node:
    """Nested loops of two rounds: lane l + h joins lane l, the largest h innermost."""
    lane, value = tree.src
    lanes = static_size(lane)
    assert lanes is not None
    op = OPERATIONS[tree.arg]
    path, _ = lane.arg
    bits = [axis_range(2, (*path, i), Axis.REDUCE) for i in range(lanes.bit_length() - 1)]
    number = index_of(0)
    for i, bit in enumerate(bits):
        number = index.add(number, index.multiply(bit, 1 << i))
    result = replace_ranges(value, {lane: number})
    start = broadcast(identity(op, tree.dtype.scalar), tree.dtype.lanes)
    for bit in reversed(bits):
        result = fold(bit, start, op, result)
    return result


# -- all of them -----------------------------------------------------------------------------------
def expand(sink: Node) -> Node:
    """Unrolled axes first, so that indices stay scalar sums as long as possible; then vectors."""
    for kind, step in ((Axis.UNROLL, unroll), (Axis.VECTOR, vectorise)):
        axes = [n for n in order_of(sink) if n.op is Op.RANGE and n.arg[1] == kind]
        for axis in axes:
            sink = step(sink, axis)
    return replace_trees(sink) if any(n.op is Op.TREE for n in order_of(sink)) else sink
