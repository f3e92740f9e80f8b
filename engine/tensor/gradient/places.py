"""Gradients of reading and writing at places that an index names."""

from __future__ import annotations

from engine import dtypes
from engine.graph import Node
from engine.ops import OPERATIONS, Op, Operation
from engine.tensor import views
from engine.tensor.gradient.algebra import is_mask, wide, zeros
from engine.tensor.gradient.functions import Parts
from engine.tensor.gradient.movement import scatter_added
from engine.tensor.scatter import scattered
from engine.tensor.selection import gathered_along, own_places

EXTREMES = (Op.MAXIMUM, Op.MINIMUM)


def gather(node: Node, g: Node) -> Parts:
    """Each element is added where it was read; what was read out of range goes nowhere."""
    x, picks = node.src
    axis, count = node.arg, views.product(picks.shape)
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    shape = (*before, count, *after)
    column = views.reshape(picks, (*(1,) * len(before), count, *(1,) * len(after)))
    picked = views.expand(column, shape)
    return [scatter_added(x.shape, axis, picked, views.reshape(g, shape)), None]


def combined_by(node: Node) -> Operation | None:
    """How a SCATTER combines values with what is there; None if the last one wins."""
    name = node.arg[1]
    return None if name is None else OPERATIONS[name]


def scatter(node: Node, g: Node) -> Parts:
    op = combined_by(node)
    if op is None:
        return _overwritten(node, g)
    if op in EXTREMES:
        return _extreme(node, g)
    if op is Op.MUL and not is_mask(g):
        return _multiplied(node, g)
    return [g, None, gathered_along(g, node.arg[0], node.src[1])]


def _overwritten(node: Node, g: Node) -> Parts:
    """To what was there where nothing fell; to the last value that fell on a place."""
    base, picks, value = node.src
    axis = node.arg[0]
    rest = scattered(g, picks, zeros(value.shape, g), axis, None)
    turns = own_places(picks.shape, axis)
    nobody = views.expand(turns.constant(-1), base.shape)
    last = scattered(nobody, picks, turns, axis, None)
    won = gathered_along(last, axis, picks).eq(turns)
    given = gathered_along(g, axis, picks)
    return [rest, None, won.where(given, zeros(given.shape, g))]


def _extreme(node: Node, g: Node) -> Parts:
    """In equal shares to all that are the extreme of their place."""
    base, picks, value = node.src
    axis = node.arg[0]
    stayed = same(base, node)
    fell = same(value, gathered_along(node, axis, picks))
    number = scattered(stayed.cast(dtypes.int32), picks, fell.cast(dtypes.int32), axis, Op.ADD)
    share = shared(g, number)
    return [stayed.where(share, 0), None, fell.where(gathered_along(share, axis, picks), 0)]


def _multiplied(node: Node, g: Node) -> Parts:
    """The product of the other factors of a place."""
    base, picks, value = node.src
    axis = node.arg[0]
    zero, x = without_zeros(base)
    fallen_zero, y = without_zeros(value)
    count = scattered(zero, picks, fallen_zero, axis, Op.ADD)
    rest = scattered(x, picks, y, axis, Op.MUL)
    at_base = others(zero, x, count, rest)
    counts, rests = (gathered_along(one, axis, picks) for one in (count, rest))
    at_value = others(fallen_zero, y, counts, rests)
    return [g * at_base, None, gathered_along(g, axis, picks) * at_value]


# -- products and extremes of several elements -----------------------------------------------------
def same(x: Node, extreme: Node) -> Node:
    """Whether an element is the extreme of those that it was chosen from; all NaNs are."""
    return x.eq(extreme) | x.ne(x)


def shared(g: Node, number: Node) -> Node:
    """A gradient in equal shares."""
    return g if is_mask(g) else wide(g) / number.cast(wide(g).dtype)


def without_zeros(x: Node) -> tuple[Node, Node]:
    """1 for each zero, as int32; and factors with 1 in the place of zeros."""
    zero = x.eq(0)
    return zero.cast(dtypes.int32), zero.where(1, x)


def others(zero: Node, x: Node, zeros_of_all: Node, product: Node) -> Node:
    """The product of all factors but one, from that of all that are not 0."""
    return zeros_of_all.eq(zero).where(product / x, 0)
