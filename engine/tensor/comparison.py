"""Comparisons of nodes, exact between integers of any two dtypes.

Two integers are compared as the numbers they are: -1 is less than every uint64, and a uint8 is
greater than -1. An integer with a float is compared in the promoted dtype.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

from engine import dtypes, graph
from engine.dtypes import DType, Scalar
from engine.graph import Node
from engine.ops import Op
from engine.tensor import promotion


def less(x: Node, y: Node) -> Node:
    """x < y, false with NaN."""
    if _mixed(x, y):
        return x.lt(0) | x.cast(y.dtype).lt(y)
    if _mixed(y, x):
        return ~y.lt(0) & x.lt(y.cast(x.dtype))
    x, y = _aligned(x, y)
    return ~x & y if x.dtype is dtypes.bool_ else x.lt(y)


def equal(x: Node, y: Node) -> Node:
    """x = y, false with NaN."""
    if _mixed(x, y):
        return ~x.lt(0) & x.cast(y.dtype).eq(y)
    if _mixed(y, x):
        return equal(y, x)
    x, y = _aligned(x, y)
    return x.eq(y)


def unequal(x: Node, y: Node) -> Node:
    """x ≠ y, true with NaN."""
    if _mixed(x, y) or _mixed(y, x):
        return ~equal(x, y)
    x, y = _aligned(x, y)
    return x.ne(y)


def less_equal(x: Node, y: Node) -> Node:
    """x ≤ y, false with NaN: for floats it is not the negation of y < x."""
    if dtypes.promote(x.dtype, y.dtype).is_float:
        return less(x, y) | equal(x, y)
    return ~less(y, x)


def greater(x: Node, y: Node) -> Node:
    return less(y, x)


def greater_equal(x: Node, y: Node) -> Node:
    return less_equal(y, x)


COMPARISONS: dict[str, Callable[[Node, Node], Node]] = {
    "lt": less, "le": less_equal, "gt": greater, "ge": greater_equal, "eq": equal, "ne": unequal,
}  # fmt: skip
_OF_PYTHON: dict[str, Callable[[int, int], bool]] = {
    name: getattr(operator, name) for name in COMPARISONS
}


def _mixed(x: Node, y: Node) -> bool:
    """A signed integer against uint64: no dtype holds both."""
    return x.dtype.kind == "int" and y.dtype is dtypes.uint64


def _aligned(x: Node, y: Node) -> tuple[Node, Node]:
    dtype = dtypes.promote(x.dtype, y.dtype)
    return x.cast(dtype), y.cast(dtype)


def scalar_operand(value: Scalar, tensor: DType) -> Node | None:
    """A Python scalar to compare with; None for an integer outside the range of the tensor."""
    dtype = dtypes.weak(tensor, value)
    if dtype.is_int and not promotion.fits(int(value), dtype):
        return None
    return graph.const(value, dtype)


def outside(name: str, value: int) -> Node:
    """What comparing gives when `value` is beyond the range: the same for all, so also for 0."""
    return Node(Op.CONST, dtypes.bool_, (), int(_OF_PYTHON[name](0, value)))
