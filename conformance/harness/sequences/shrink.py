"""The smallest sequence that is wrong in the same way: fewer statements, then simpler ones."""

from __future__ import annotations

import ast
import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain

from conformance.harness.sequences.text import Sequence, Statement, statement

StillWrong = Callable[[Sequence], bool]


def shrink(sequence: Sequence, still_wrong: StillWrong, seconds: float) -> Sequence:
    """The simplest sequence that was found to be still wrong within `seconds`.

    What `still_wrong` raises counts as no: a candidate may be no program at all.
    """
    end = time.monotonic() + seconds
    best, changed = sequence, True
    while changed:
        changed = False
        for candidate in chain(_fewer(best), _without_second_names(best), _simpler(best)):
            if time.monotonic() > end:
                return best
            if _holds(still_wrong, candidate):
                best, changed = candidate, True
                break
    return best


def _holds(still_wrong: StillWrong, candidate: Sequence) -> bool:
    try:
        return still_wrong(candidate)
    except Exception:  # noqa: BLE001 - no program, or another fault
        return False


def _fewer(sequence: Sequence) -> Iterator[Sequence]:
    """Without some of its statements: halves first, one at the end; the last ones first."""
    all_of = sequence.statements
    size = len(all_of) // 2
    while size:
        for end in range(len(all_of), 0, -size):
            yield replace(sequence, statements=all_of[: max(0, end - size)] + all_of[end:])
        size //= 2


def _without_second_names(sequence: Sequence) -> Iterator[Sequence]:
    """Without `a = b`: what was called a is called b."""
    for k, one in enumerate(sequence.statements):
        match one.tree:
            case ast.Assign(targets=[ast.Name(id=second)], value=ast.Name(id=first)):
                rest = [_renamed(other, second, first) for other in sequence.statements[k + 1 :]]
                yield replace(sequence, statements=(*sequence.statements[:k], *rest))


def _renamed(one: Statement, old: str, new: str) -> Statement:
    tree = copy.deepcopy(one.tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == old:
            node.id = new
    return statement(ast.unparse(tree))


def _simpler(sequence: Sequence) -> Iterator[Sequence]:
    """With one statement in a simpler form."""
    for k, one in enumerate(sequence.statements):
        for other in _forms(one):
            changed = (*sequence.statements[:k], other, *sequence.statements[k + 1 :])
            yield replace(sequence, statements=changed)


def _forms(one: Statement) -> Iterator[Statement]:
    """Statements in which a part of the expression stands for the whole, or a number is smaller."""
    for place, node in enumerate(ast.walk(one.tree)):
        for other in _instead(node):
            text = ast.unparse(_with(one.tree, place, other))
            if len(text) < len(one.text):
                try:
                    yield statement(text)
                except ValueError:
                    continue


def _instead(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.Call(func=ast.Name(id="bits"), args=[dtype, shape, _]):
            yield ast.Call(ast.Name("zeros"), [shape, dtype], [])
        case ast.Call(func=ast.Name(id="tensor"), args=[ast.List(elts=items), dtype]) if items:
            yield ast.Call(ast.Name("arange"), [ast.Constant(len(items)), dtype], [])
        case ast.Call(func=ast.Attribute(value=value)):
            yield value
        case ast.BinOp(left=left, right=right):
            yield left
            yield right
        case ast.Subscript(value=value, ctx=ast.Load()):
            yield value
        case ast.Tuple(elts=[first, *_]):
            yield first
        case ast.Name(ctx=ast.Load()):
            yield ast.Constant(1)
        case ast.Constant(value=float() | int() as value) if value not in (0, 1):
            yield ast.Constant(1)
            yield ast.Constant(value // 2 if isinstance(value, int) else 2.0)


def _with(tree: ast.stmt, place: int, other: ast.expr) -> ast.stmt:
    """The tree with another expression at a place of the walk."""
    made = copy.deepcopy(tree)
    old = list(ast.walk(made))[place]

    class Exchange(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return other if node is old else self.generic_visit(node)

    Exchange().visit(made)
    return ast.fix_missing_locations(made)
