"""What the passes ask of loops: which there are, what depends on them, how to replace them."""

from __future__ import annotations

from collections.abc import Sequence

from engine.graph import Node, order_of, toposort
from engine.ops import PARALLEL, Op
from engine.simplify import index


def loops_below(order: Sequence[Node]) -> dict[Node, frozenset[Node]]:
    """For every node of a list, operands first, the loops in which its value differs by round.

    A fold closes its loop, and so does a TREE that of its lanes: their results have no round. The
    body of a function is in no loop, and need not be in the list.
    """
    below: dict[Node, frozenset[Node]] = {}
    nothing = frozenset[Node]()
    for node in order:
        found = nothing
        for operand in () if node.op is Op.FUNCTION else node.src:
            more = below[operand]
            if not more <= found:
                found = found | more if found else more
        if node.op is Op.RANGE:
            found = found | {node}
        elif node.op is Op.FOLD or node.op is Op.TREE:
            found = found - {node.src[0]}
        below[node] = found
    return below


def replace_ranges(root: Node, mapping: dict[Node, Node]) -> Node:
    """Loop variables replaced by expressions, index arithmetic simplified again."""
    return replace_in_all([root], mapping)[0]


def replace_in_all(roots: Sequence[Node], mapping: dict[Node, Node]) -> list[Node]:
    """`replace_ranges` in several expressions."""
    result = dict(mapping)
    for node in toposort(roots, stop=mapping.__contains__):
        if node not in result:
            src = tuple([result[s] for s in node.src])
            result[node] = node if src == node.src else index.rebuild(node, src)
    return [result[root] for root in roots]


def loops_of(sink: Node) -> list[Node]:
    """The parallel loops, outermost first."""
    loops = [n for n in order_of(sink) if n.op is Op.RANGE and n.arg[1] in PARALLEL]
    return sorted(loops, key=lambda n: n.arg[0])


def static_size(loop: Node) -> int | None:
    """Rounds of a loop, None if they depend on something."""
    return loop.src[0].arg if loop.src[0].op is Op.CONST else None


def dependents(root: Node, axis: Node) -> set[Node]:
    """The nodes whose value changes with `axis`, through the values that folds carry.

    A TREE over the axis combines all its rounds, so it does not change with it.
    """
    order = toposort([root])
    varying: set[Node] = {axis}
    carried: set[Node] = set()
    grown = True
    while grown:
        grown = False
        for node in order:
            if node in varying or (node.op is Op.TREE and node.src[0] is axis):
                continue
            if any(s in varying for s in node.src) or (
                node.op is Op.CARRY and node.src[0] in carried
            ):
                varying.add(node)
                if node.op is Op.FOLD:
                    carried.add(node.src[0])
                    grown = True
    return varying
