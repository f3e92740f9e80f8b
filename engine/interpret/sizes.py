"""Symbolic sizes as numbers, in plain Python: the interpreter of index arithmetic."""

from __future__ import annotations

from collections.abc import Callable

from engine.graph import Node, toposort
from engine.ops import Op, Operation

_MEANING: dict[Operation, Callable[[int, int], int]] = {
    Op.ADD: int.__add__,
    Op.SUB: int.__sub__,
    Op.MUL: int.__mul__,
    Op.FLOORDIV: int.__floordiv__,
    Op.FLOORMOD: int.__mod__,
    Op.MINIMUM: min,
    Op.MAXIMUM: max,
}


def evaluate(size: Node) -> int:
    """The value of index arithmetic over constants and bound variables.

    ValueError names a variable that has no value.
    """
    values: dict[Node, int] = {}
    for node in toposort([size], stop=lambda n: n.op is Op.BIND):
        if node.op is Op.CONST:
            values[node] = node.arg
        elif node.op is Op.BIND:
            values[node] = node.src[1].arg
        elif node.op is Op.VARIABLE:
            raise ValueError(f"variable {node.arg[0]} has no value: bind it first")
        else:
            x, y = (values[s] for s in node.src)
            values[node] = _MEANING[node.op](x, y)
    return values[size]
