"""Places CANON where a computed float meets an operation that moves bits, or memory.

Between arithmetic operations any NaN will do, so most kernels pay for one CANON, before the store.
"""

from __future__ import annotations

from engine.graph import Node, toposort
from engine.ops import Group, Op

# Select operands or make the canonical NaN themselves; they compute, but need no CANON.
CANONICAL_ALREADY = frozenset({Op.CANON, Op.MAXIMUM, Op.MINIMUM})
_FROM_FOLDS = (Op.PICK, Op.TREE)


def place_canon(sink: Node) -> Node:
    """The same kernel with every computed NaN canonical before its bits are looked at."""
    done: dict[Node, Node] = {}
    for node in toposort([sink]):
        src = [done[s] for s in node.src]
        if node.op is Op.WRITE:
            src[2] = _canonical(src[2])
        elif node.op.row.group is Group.MOVE_BITS:
            src = [_canonical(s) for s in src]
        done[node] = node.replace(tuple(src))
    return done[sink]


def _canonical(value: Node) -> Node:
    return value.canonical() if value.dtype.is_float and _is_computed(value) else value


def _is_computed(value: Node) -> bool:
    """Whether a NaN in `value` may have other bits than the canonical ones."""
    while value.op in _FROM_FOLDS:
        if value.op is Op.TREE:
            if Op[value.arg] not in CANONICAL_ALREADY:
                return True
            value = value.src[1]
        else:
            folded = value.src[0]
            value = folded.src[1 + folded.arg + value.arg]
    if value.op in CANONICAL_ALREADY:
        return False
    return value.op is Op.CARRY or value.op.row.group in (Group.COMPUTE, Group.MACHINE)
