"""The walk from a result to what gradients are asked of, each node once.

Beside its value a gradient knows where it is alive: which elements of the node the result depends
on at all. A choice, a cut or a maximum takes elements out of the game, whatever they are; their
gradient is exactly 0, and stays so where it meets a derivative that is infinite or NaN. So
`where(x > 0, log(x), 0)` has the gradient 0 at 0 and not 0 · ∞. None means that all are alive.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from engine import dtypes
from engine.graph import Node, const, toposort
from engine.ops import Op
from engine.tensor import views
from engine.tensor.gradient.algebra import added, converted, summed_to
from engine.tensor.gradient.rules import RULES
from engine.tensor.variable import show


class Gradient(NamedTuple):
    """Of a node, in its dtype and shape; `alive` has bools of that shape."""

    value: Node
    alive: Node | None = None


def gradients(root: Node, seed: Node, targets: Iterable[Node]) -> Mapping[Node, Node]:
    """The gradients of targets that the root depends on; 0 where it is constant in them.

    `seed` is the gradient of the root. NotImplementedError for an operation between the root and a
    target that has no gradient.
    """
    order = toposort([root], stop=lambda node: not node.tracked or node.op is Op.LEAF)
    wanted = set(targets)
    between: set[Node] = set()  # the targets, and what is made of them
    for node in order:
        if node in wanted or (node.tracked and not between.isdisjoint(node.src)):
            between.add(node)
    found = {root: Gradient(seed)} if root in between else {}
    for node in reversed(order):
        if node in found and node.src and node.op is not Op.LEAF:
            for operand, part in _passed_on(node, found[node], between):
                found[operand] = _sum(found[operand], part) if operand in found else part
    return {node: found[node].value if node in found else _nothing(node)
            for node in order if node in wanted}  # fmt: skip


def _passed_on(
    node: Node, gradient: Gradient, between: set[Node]
) -> Iterator[tuple[Node, Gradient]]:
    """What each operand gets."""
    if between.isdisjoint(node.src):
        return
    if node.op not in RULES:
        raise NotImplementedError(
            f"gradient: {node.op} of {node.dtype} {show(node.shape)} on {node.device} has no "
            "gradient; .detach() what goes into it, or leave it out"
        )
    rule = RULES[node.op]
    values = rule.gradients(node, gradient.value)
    alive = gradient.alive
    if alive is None and rule.selects(node):
        alive = views.expand(const(True, dtypes.bool_), node.shape)
    masks = [None for _ in values] if alive is None else rule.gradients(node, alive)
    for operand, value, mask in zip(node.src, values, masks):
        if value is None or operand not in between:
            continue
        if mask is not None and rule.multiplies(node):
            value = mask.where(value, 0)
        value = converted(summed_to(value, operand.shape), operand)
        yield operand, Gradient(value, None if mask is None else summed_to(mask, operand.shape))


def _sum(x: Gradient, y: Gradient) -> Gradient:
    """Of a node that is used twice; an element is alive if it is in one use."""
    everywhere = x.alive is None or y.alive is None
    alive = None if everywhere else added(x.alive, y.alive)  # type: ignore[arg-type] # neither is
    return Gradient(added(x.value, y.value), alive)


def _nothing(node: Node) -> Node:
    return views.expand(const(0, node.dtype), node.shape)
