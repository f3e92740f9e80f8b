"""Arithmetic of gradients, and of bools in their place.

What a gradient goes through linearly (movement, sums, choices) also takes bools, which say where a
gradient is alive: there `or` stands for sums, and factors and signs for nothing. Sums of narrow
floats are accumulated in float32 and rounded once.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine import dtypes
from engine.graph import Node, const
from engine.ops import Op
from engine.shapes import Shape
from engine.tensor import views
from engine.tensor.linalg import PRODUCT_ORDER
from engine.tensor.reduce import SUM_ORDER, reduced


def is_mask(g: Node) -> bool:
    """Whether this says where a gradient is alive."""
    return g.dtype is dtypes.bool_


def zeros(shape: Shape, g: Node) -> Node:
    """No gradient of this shape, in the dtype of g."""
    return views.expand(const(0, g.dtype), shape)


def added(x: Node, y: Node) -> Node:
    return x | y if is_mask(x) else x + y


def negated(g: Node) -> Node:
    return g if is_mask(g) else -g


def halved(g: Node) -> Node:
    return g if is_mask(g) else g * 0.5


def wide(x: Node) -> Node:
    """x in the dtype in which its sums are kept."""
    return x if is_mask(x) else x.cast(dtypes.accumulator(x.dtype))


def converted(g: Node, x: Node) -> Node:
    """g in the dtype of what it is the gradient of."""
    return g if is_mask(g) else g.cast(x.dtype)


def total(parts: Sequence[Node]) -> Node:
    """The sum of parts of one dtype and shape, from left to right."""
    result = wide(parts[0])
    for part in parts[1:]:
        result = added(result, wide(part))
    return converted(result, parts[0])


def summed(g: Node, axes: tuple[int, ...]) -> Node:
    """g summed over axes, which stay with size 1.

    Sums of products are contractions, as in a matrix product, and have the order of those.
    """
    if not axes:
        return g
    if is_mask(g):
        return reduced(Op.MAXIMUM, g, axes, None)
    order = PRODUCT_ORDER if _is_product(g) else SUM_ORDER
    return converted(reduced(Op.ADD, wide(g), axes, order), g)


def _is_product(g: Node) -> bool:
    while g.op is Op.WHERE:
        g = g.src[1]
    return g.op is Op.MUL


def summed_to(g: Node, shape: Shape) -> Node:
    """g for an operand that was a scalar beside tensors; others have the shape of g."""
    if g.shape == shape:
        return g
    if not g.shape:
        return views.expand(g, shape)
    assert not shape, "elementwise operands have one shape or are scalars"
    return views.reshape(summed(g, tuple(range(len(g.shape)))), ())
