"""Places CANON where a computed float meets an operation that moves bits, or memory.

Between arithmetic operations any NaN will do, so most kernels pay for one CANON, before the store.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.graph import Node, order_of
from engine.ops import OPERATIONS, Group, Op

# Select operands or make the canonical NaN themselves; they compute, but need no CANON.
CANONICAL_ALREADY = frozenset({Op.CANON, Op.MAXIMUM, Op.MINIMUM})
_ARITHMETIC = (Group.COMPUTE, Group.MACHINE, Group.TEST)
_FROM_FOLDS = (Op.PICK, Op.TREE)


def place_canon(sink: Node) -> Node:
    """The same kernel with every computed NaN canonical before its bits are looked at."""
    done: dict[Node, Node] = {}
    order = order_of(sink)
    between = _choices_between_arithmetic(order)
    for node in order:
        src = [done[s] for s in node.src]
        if node.op is Op.WRITE:
            src[2] = _canonical(src[2])
        elif node.op.group is Group.MOVE_BITS and node not in between:
            src = [_canonical(s) for s in src]
        done[node] = node.replace(tuple(src))
    return done[sink]


def _choices_between_arithmetic(order: Sequence[Node]) -> set[Node]:
    """WHERE nodes whose results only arithmetic uses, which takes any NaN for the same."""
    looked_at: set[Node] = set()
    found: set[Node] = set()
    for node in reversed(order):  # users before what they use
        if node.op is Op.WHERE and node not in looked_at:
            found.add(node)
        elif node.op.group not in _ARITHMETIC:
            looked_at.update(node.src)
    return found


def _canonical(value: Node) -> Node:
    return value.canonical() if value.dtype.is_float and _is_computed(value) else value


def _is_computed(value: Node) -> bool:
    """Whether a NaN in `value` may have other bits than the canonical ones."""
    while value.op in _FROM_FOLDS:
        if value.op is Op.TREE:
            if OPERATIONS[value.arg] not in CANONICAL_ALREADY:
                return True
            value = value.src[1]
        else:
            folded = value.src[0]
            value = folded.src[1 + folded.arg + value.arg]
    if value.op in CANONICAL_ALREADY:
        return False
    return value.op is Op.CARRY or value.op.group in (Group.COMPUTE, Group.MACHINE)
