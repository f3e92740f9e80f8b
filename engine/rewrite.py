"""Rewriting: patterns, named rules, and the engine that applies them until nothing changes.

A rule states its algebra as text, the kinds of dtype it is true for, a pattern for the left side
and a function for the right side. Since the left side is data, the theorem can be tested: build an
instance of the pattern, apply the rule, evaluate both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from engine.dtypes import DType
from engine.graph import Node
from engine.ops import COMMUTATIVE, Op

Bindings = dict[str, Node]


class RewriteLoop(RuntimeError):
    """Rules that undo each other. Names the rules that fired last."""


@dataclass(frozen=True)
class Pattern:
    """A node to find. `op` None matches any; `name` binds the node; a name twice is one node.

    `constant` matches a CONST whose bits it accepts for the constant's dtype.
    """

    op: Op | None = None
    src: tuple[Pattern, ...] | None = None
    name: str | None = None
    constant: Callable[[DType, int], bool] | None = None

    def match(self, node: Node, bound: Bindings) -> Bindings | None:
        """The bindings with those of this pattern added, or None."""
        if self.op is not None and node.op is not self.op:
            return None
        if self.constant is not None and not (
            node.op is Op.CONST and self.constant(node.dtype, node.arg)
        ):
            return None
        if self.name is not None:
            if bound.get(self.name, node) is not node:
                return None
            bound = {**bound, self.name: node}
        if self.src is None:
            return bound
        found = _match_all(self.src, node.src, bound)
        if found is None and self.op in COMMUTATIVE:
            found = _match_all(self.src, node.src[::-1], bound)
        return found


def _match_all(
    patterns: tuple[Pattern, ...], nodes: tuple[Node, ...], bound: Bindings
) -> Bindings | None:
    if len(patterns) != len(nodes):
        return None
    for pattern, node in zip(patterns, nodes, strict=True):
        found = pattern.match(node, bound)
        if found is None:
            return None
        bound = found
    return bound


@dataclass(frozen=True)
class Rule:
    """`algebra` for the reader; `kinds` the dtype kinds of the root for which it is a theorem."""

    name: str
    algebra: str
    kinds: frozenset[str]
    pattern: Pattern
    result: Callable[[Bindings], Node | None] = field(repr=False)

    def apply(self, node: Node) -> Node | None:
        """The right side if `node` is an instance of the left side, else None."""
        if node.dtype.kind not in self.kinds:
            return None
        bound = self.pattern.match(node, {})
        return None if bound is None else self.result(bound)


@dataclass(frozen=True)
class Expansion:
    """A rule without a pattern: every node of these operations becomes what `result` makes of it.

    Decompositions have this form. `result` returns None to leave the node as it is.
    """

    name: str
    ops: tuple[Op, ...]
    result: Callable[[Node], Node | None] = field(repr=False)

    def apply(self, node: Node) -> Node | None:
        return self.result(node)


class RuleSet:
    """Rules by the operation at their root."""

    def __init__(self, rules: Iterable[Rule | Expansion]) -> None:
        self.rules: tuple[Rule | Expansion, ...] = tuple(rules)
        self.by_op: dict[Op, list[Rule | Expansion]] = {}
        for rule in self.rules:
            ops: Sequence[Op | None] = (
                rule.ops if isinstance(rule, Expansion) else (rule.pattern.op,)
            )
            for op in ops:
                assert op is not None, f"rule {rule.name}: the root must name an operation"
                self.by_op.setdefault(op, []).append(rule)

    def first(self, node: Node) -> tuple[Node, str] | None:
        """The result of the first rule that applies, and its name."""
        for rule in self.by_op.get(node.op, ()):
            result = rule.apply(node)
            if result is not None and result is not node:
                return result, rule.name
        return None


def rewrite(root: Node, rules: RuleSet, fuel: int = 1_000_000) -> Node:
    """`root` with the rules applied everywhere, operands first, until none applies."""
    done: dict[Node, Node] = {}
    stack: list[tuple[Node, Node | None, Node | None]] = [(root, None, None)]
    recent: list[str] = []
    while stack:
        node, rebuilt, result = stack.pop()
        if result is not None:
            assert rebuilt is not None
            done[node] = done[rebuilt] = done[result]
            continue
        if node in done:
            continue
        missing = [s for s in node.src if s not in done]
        if missing:
            stack.append((node, None, None))
            stack.extend((s, None, None) for s in reversed(missing))
            continue
        rebuilt = node.replace(tuple([done[s] for s in node.src]))
        if rebuilt in done:
            done[node] = done[rebuilt]
            continue
        fired = rules.first(rebuilt)
        if fired is None:
            done[node] = done[rebuilt] = rebuilt
            continue
        recent = [*recent[-5:], fired[1]]
        fuel -= 1
        if fuel < 0:
            raise RewriteLoop(f"rules do not come to an end, the last were {recent}")
        stack.append((node, rebuilt, fired[0]))
        stack.append((fired[0], None, None))
    return done[root]
