"""Gradients of reductions and scans."""

from __future__ import annotations

from engine import dtypes
from engine.graph import Node
from engine.ops import OPERATIONS, Op, Operation
from engine.tensor import views
from engine.tensor.along import cut_last, padded_last
from engine.tensor.gradient.algebra import is_mask
from engine.tensor.gradient.functions import Parts
from engine.tensor.gradient.movement import scatter_added
from engine.tensor.gradient.places import EXTREMES, others, same, shared, without_zeros
from engine.tensor.linalg import PRODUCT_ORDER
from engine.tensor.reduce import reduced


def operation_of(node: Node) -> Operation:
    """What a REDUCE or SCAN combines by."""
    name = node.arg[0] if node.op is Op.REDUCE else node.arg
    return OPERATIONS[name]


def reduce(node: Node, g: Node) -> Parts:
    """A sum gives the gradient to all elements; where it is a contraction all are alive."""
    op = operation_of(node)
    if op in EXTREMES:
        return _extreme(node, g)
    if is_mask(g) and node.arg[2] == PRODUCT_ORDER:
        return [None]
    everywhere = views.expand(g, node.src[0].shape)
    return [everywhere if op is Op.ADD or is_mask(g) else everywhere * _other_factors(node)]


def _other_factors(node: Node) -> Node:
    """For each element the product of all others."""
    x, (_, axes, order) = node.src[0], node.arg
    zero, factors = without_zeros(x)
    count = reduced(Op.ADD, zero, axes, None)
    rest = reduced(Op.MUL, factors, axes, order)
    return others(zero, factors, views.expand(count, x.shape), views.expand(rest, x.shape))


def _extreme(node: Node, g: Node) -> Parts:
    """In equal shares to all elements that are the extreme."""
    x, axes = node.src[0], node.arg[1]
    chosen = same(x, views.expand(node, x.shape))
    number = reduced(Op.ADD, chosen.cast(dtypes.int32), axes, None)
    return [chosen.where(views.expand(shared(g, number), x.shape), 0)]


# -- scans of the last axis ------------------------------------------------------------------------
def scan(node: Node, g: Node) -> Parts:
    op = operation_of(node)
    if op in EXTREMES:
        return _running_extreme(node, g)
    if op is Op.MUL and not is_mask(g):
        return _running_product(node, g)
    last = (len(g.shape) - 1,)
    behind = "MAXIMUM" if is_mask(g) else "ADD"
    return [views.flip(Node(Op.SCAN, g.dtype, (views.flip(g, last),), behind), last)]


def _running_product(node: Node, g: Node) -> Parts:
    """Exact also with zeros: nothing is divided.

    The gradient of x[j] is out[j-1] · e[j], where e[j] = g[j] + x[j+1] · e[j+1]. The recurrence is
    solved in rounds that double how far each element sees.
    """
    x, e = node.src[0], g
    size, step = x.shape[-1], 1
    assert isinstance(size, int)
    factor = _later(x, 1)
    while step < size:
        e = e + factor * _later(e, step)
        factor = factor * _later(factor, step)
        step *= 2
    before = padded_last(cut_last(node, 0, size - 1), 1, 0, node.constant(1))
    return [before * e]


def _later(x: Node, step: int) -> Node:
    """The element that is `step` further, 0 behind the end."""
    size = x.shape[-1]
    assert isinstance(size, int)
    return padded_last(cut_last(x, min(step, size), size), 0, min(step, size), x.constant(0))


def _running_extreme(node: Node, g: Node) -> Parts:
    """To the first element of which each result is a copy."""
    x = node.src[0]
    size = x.shape[-1]
    assert isinstance(size, int)
    places = views.expand(views.iota(size), x.shape)
    before = padded_last(cut_last(node, 0, size - 1), 1, 0, node.constant(0))
    grown = before.lt(x) if operation_of(node) is Op.MAXIMUM else x.lt(before)
    grown = grown | (x.ne(x) & before.eq(before))
    source = Node(Op.SCAN, places.dtype, (grown.where(places, 0),), "MAXIMUM")
    return [scatter_added(x.shape, len(x.shape) - 1, source, g)]
