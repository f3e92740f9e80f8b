"""Rewriting: patterns, named rules, and the engine that applies them until nothing changes.

A rule states its algebra as text, the kinds of dtype it is true for, a pattern for the left side
and a function for the right side. Since the left side is data, the theorem can be tested: build an
instance of the pattern, apply the rule, evaluate both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from engine.counters import Compiling
from engine.dtypes import DType
from engine.graph import Node, order_of
from engine.ops import COMMUTATIVE, Op, Operation

Bindings = dict[str, Node]


class RewriteLoop(RuntimeError):
    """Rules that undo each other. Names the rules that fired last."""


@dataclass(frozen=True)
class Pattern:
    """A node to find. `op` None matches any; `name` binds the node; a name twice is one node.

    `constant` matches a CONST whose bits it accepts for the constant's dtype.
    """

    op: Operation | None = None
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
    ops: tuple[Operation, ...]
    result: Callable[[Node], Node | None] = field(repr=False)

    def apply(self, node: Node) -> Node | None:
        return self.result(node)


class RuleSet:
    """Rules by the operation at their root."""

    def __init__(self, rules: Iterable[Rule | Expansion]) -> None:
        self.rules: tuple[Rule | Expansion, ...] = tuple(rules)
        self.by_op: dict[Operation, list[Rule | Expansion]] = {}
        for rule in self.rules:
            ops: Sequence[Operation | None] = (
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


@dataclass
class Applications:
    """How often rules may still apply in a block of code, and what the last one did.

    Which application changes what a program computes is found by bisecting the number.
    """

    limit: int
    count: int = 0
    last: tuple[str, Node, Node] | None = None  # name, node, what became of it

    def allow(self, name: str, node: Node, result: Node) -> bool:
        """Count an application, or refuse it."""
        if self.count >= self.limit:
            return False
        self.count += 1
        self.last = name, node, result
        return True


_applications: ContextVar[Applications | None] = ContextVar("applications", default=None)


@contextmanager
def limited(limit: int) -> Iterator[Applications]:
    """Inside the block no more than `limit` rules apply, all rewriting taken together."""
    counted = Applications(limit)
    token = _applications.set(counted)
    try:
        yield counted
    finally:
        _applications.reset(token)


def rewrite(root: Node, rules: RuleSet, fuel: int = 1_000_000) -> Node:
    """`root` with the rules applied everywhere, operands first, until none applies."""
    run = _Rewriting(rules, fuel)
    for node in order_of(root):
        run.visit(node)
    return run.done[root]


class _Rewriting:
    """One run: what has become of the nodes so far."""

    def __init__(self, rules: RuleSet, fuel: int) -> None:
        self.rules = rules
        self.fuel = fuel
        self.applications = _applications.get()
        self.done: dict[Node, Node] = {}
        self.recent: list[str] = []

    def visit(self, node: Node) -> None:
        """Finish a node whose operands are done."""
        if node in self.done:
            return
        rebuilt, result = self.step(node)
        if result is None:
            self.done[node] = rebuilt
        else:
            self.settle(node, rebuilt, result)

    def step(self, node: Node) -> tuple[Node, Node | None]:
        """The node on its new operands, and what the first rule that applies makes of it."""
        done = self.done
        rebuilt = node.replace(tuple([done[s] for s in node.src]))
        known = done.get(rebuilt)
        if known is not None:
            return known, None
        fired = self.rules.first(rebuilt)
        if fired is None or self.refused(rebuilt, *fired):
            done[rebuilt] = rebuilt
            return rebuilt, None
        self.recent = [*self.recent[-5:], fired[1]]
        if Compiling.rules is not None:
            Compiling.rules[fired[1]] += 1
        self.fuel -= 1
        if self.fuel < 0:
            raise RewriteLoop(f"rules do not come to an end, the last were {self.recent}")
        return rebuilt, fired[0]

    def refused(self, node: Node, result: Node, name: str) -> bool:
        """Whether this application is one too many for a block of `limited`."""
        return self.applications is not None and not self.applications.allow(name, node, result)

    def settle(self, node: Node, rebuilt: Node, result: Node) -> None:
        """Rewrite what a rule has made of a node, and what rules make of that."""
        done = self.done
        waiting: list[tuple[Node, Node, Node]] = [(node, rebuilt, result)]
        stack: list[Node | None] = [None, result]  # None: the last of `waiting` has come to an end
        while stack:
            top = stack.pop()
            if top is None:
                node, rebuilt, result = waiting.pop()
                done[node] = done[rebuilt] = done[result]
                continue
            if top in done:
                continue
            missing = [s for s in top.src if s not in done]
            if missing:
                stack.append(top)
                stack.extend(reversed(missing))
                continue
            made, again = self.step(top)
            if again is None:
                done[top] = made
            else:
                waiting.append((top, made, again))
                stack += [None, again]
