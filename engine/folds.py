"""Loops that carry values, as nodes: how they start, go on and end."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.dtypes import DType
from engine.graph import Node, const
from engine.ops import Op, Operation


def identity(op: Operation, dtype: DType) -> Node:
    """The value that changes nothing: 0, 1, or the far end of the dtype's order."""
    if op is Op.ADD:
        return const(0, dtype)
    if op is Op.MUL:
        return const(1, dtype)
    lowest = op is Op.MAXIMUM
    if dtype.is_float:
        return const(-math.inf if lowest else math.inf, dtype)
    if dtype.kind == "bool":
        return const(not lowest, dtype)
    return const(dtype.min if lowest else dtype.max, dtype)


def fold(loop: Node, start: Node, op: Operation, element: Node) -> Node:
    """start op element op element … over the rounds of a loop"""
    carry = Node(Op.CARRY, start.dtype, (loop,), 0)
    return pick(fold_many(loop, (start,), (carry.binary(op, element),)), 0)


def fold_many(loop: Node, starts: Sequence[Node], updates: Sequence[Node]) -> Node:
    """A loop that carries several values; CARRY nodes of the same loop are their values before."""
    return Node(Op.FOLD, starts[0].dtype, (loop, *starts, *updates), len(starts))


def pick(folded: Node, number: int) -> Node:
    """Carried value `number` after the last round."""
    return Node(Op.PICK, folded.src[1 + number].dtype, (folded,), number)
