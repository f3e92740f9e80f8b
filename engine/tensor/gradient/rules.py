"""The one table of gradients: for each operation, what its operands get of the result's gradient.

A rule takes a node and the gradient of it, and gives one for each operand, of the shape of the node
where the node is elementwise, of the operand's shape otherwise; None for nothing. What is linear in
the gradient takes bools as well: see `algebra`. Operations without a row have no gradient, and to
ask for one raises.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.graph import Node
from engine.ops import ROUNDINGS, Op, Operation
from engine.tensor.gradient import movement, places, reductions
from engine.tensor.gradient.algebra import converted, halved, is_mask, negated
from engine.tensor.gradient.functions import FORMULAS, Parts, pointwise


def _never(node: Node) -> bool:
    return False


def _always(node: Node) -> bool:
    return True


@dataclass(frozen=True)
class Rule:
    """`gradients` as above, and two questions about a node: whether it `selects`, and so does not
    use all elements of its operands; whether its rule `multiplies` by what may not be finite."""

    gradients: Callable[[Node, Node], Parts]
    selects: Callable[[Node], bool] = _never
    multiplies: Callable[[Node], bool] = _never


# -- rules of a line -------------------------------------------------------------------------------
def _to_all(node: Node, g: Node) -> Parts:
    return [g for _ in node.src]


def _to_first(node: Node, g: Node) -> Parts:
    return [g, *(None for _ in node.src[1:])]


def _to_none(node: Node, g: Node) -> Parts:
    return [None for _ in node.src]


def _difference(node: Node, g: Node) -> Parts:
    return [g, negated(g)]


def _opposite(node: Node, g: Node) -> Parts:
    return [negated(g)]


def _cast(node: Node, g: Node) -> Parts:
    return [converted(g, node.src[0])]


def _copy(node: Node, g: Node) -> Parts:
    return [Node(Op.COPY, g.dtype, (g,), node.src[0].device)]


def _in_memory(node: Node, g: Node) -> Parts:
    return [g if is_mask(g) else Node(Op.CONTIGUOUS, g.dtype, (g,))]


def _model(node: Node, g: Node) -> Parts:
    return [None, g]


def _refused(node: Node, g: Node) -> Parts:
    why, times = node.arg
    if not times:
        raise NotImplementedError(f"gradient: {why}")
    once_less = g if is_mask(g) else Node(Op.REFUSE, g.dtype, (g, *node.src), (why, times - 1))
    return [once_less, *(None for _ in node.src[1:])]


# -- choices ---------------------------------------------------------------------------------------
def _where(node: Node, g: Node) -> Parts:
    condition = node.src[0]
    if is_mask(g):
        return [None, condition & g, ~condition & g]
    return [None, condition.where(g, 0), condition.where(0, g)]


def _maximum(node: Node, g: Node) -> Parts:
    """To the larger one, half to each of equals; to both of what cannot be compared."""
    x, y = node.src
    even = x.eq(y).where(halved(g), g)
    return [x.lt(y).where(0, even), y.lt(x).where(0, even)]


def _minimum(node: Node, g: Node) -> Parts:
    x, y = node.src
    even = x.eq(y).where(halved(g), g)
    return [y.lt(x).where(0, even), x.lt(y).where(0, even)]


# -- nodes of which the attribute decides ----------------------------------------------------------
def _is_extreme(node: Node) -> bool:
    return reductions.operation_of(node) in places.EXTREMES


def _is_product(node: Node) -> bool:
    return reductions.operation_of(node) is Op.MUL


def _drops(node: Node) -> bool:
    return places.combined_by(node) in (None, *places.EXTREMES)


def _scatters_product(node: Node) -> bool:
    return places.combined_by(node) is Op.MUL


RULES: dict[Operation, Rule] = {
    **{op: Rule(pointwise(formula), multiplies=_always) for op, formula in FORMULAS.items()},
    **dict.fromkeys((Op.FLOORDIV, *ROUNDINGS), Rule(_to_none)),
    **dict.fromkeys((Op.ADD, Op.CANON, Op.OPAQUE, Op.CONTIGUOUS), Rule(_to_all)),
    Op.SUB: Rule(_difference),
    Op.NEG: Rule(_opposite),
    Op.CAST: Rule(_cast),
    Op.COPY: Rule(_copy),
    Op.AFTER: Rule(_to_first),
    Op.WHERE: Rule(_where, selects=_always),
    Op.MAXIMUM: Rule(_maximum, selects=_always),
    Op.MINIMUM: Rule(_minimum, selects=_always),
    Op.RESHAPE: Rule(movement.reshape),
    Op.PERMUTE: Rule(movement.permute),
    Op.EXPAND: Rule(movement.expand),
    Op.PAD: Rule(movement.pad),
    Op.SHRINK: Rule(movement.shrink, selects=_always),
    Op.FLIP: Rule(movement.flip),
    Op.AFFINE: Rule(movement.affine, selects=_always),
    Op.CAT: Rule(movement.cat),
    Op.STORE: Rule(movement.store, selects=_always),
    Op.GATHER: Rule(places.gather, selects=_always),
    Op.SCATTER: Rule(places.scatter, selects=_drops, multiplies=_scatters_product),
    Op.REDUCE: Rule(reductions.reduce, selects=_is_extreme, multiplies=_is_product),
    Op.SCAN: Rule(reductions.scan, selects=_is_extreme, multiplies=_is_product),
    Op.SURROGATE: Rule(_model),
    Op.CONTIGUOUS_BACKWARD: Rule(_in_memory),
    Op.REFUSE: Rule(_refused),
}
