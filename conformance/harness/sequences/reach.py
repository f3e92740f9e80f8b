"""What the statements of a sequence do, by name, and to what."""

from __future__ import annotations

import ast
from collections import Counter

import numpy as np

from conformance.harness.sequences.evaluate import OPERATORS, Run
from conformance.harness.sequences.model import Model
from conformance.harness.sequences.text import Sequence
from conformance.harness.trial.outcome import Reached
from oracles.formats import Array

AT_END = ""  # what is done after the last statement: everything is computed and seen


def doing(tree: ast.stmt) -> str:
    """What a statement does, as a name of an operation."""
    match tree:
        case ast.AugAssign(target=ast.Subscript(), op=op):
            return f"update part {OPERATORS[type(op)]}"
        case ast.AugAssign(op=op):
            return f"update {OPERATORS[type(op)]}"
        case ast.Assign(targets=[ast.Subscript(slice=key)]):
            return f"write {_key(key)}"
        case ast.Assign(value=value):
            return _value(value)
        case ast.Expr(value=value):
            return _value(value)
        case ast.With():
            return "refused"
        case ast.For():
            return "loop"
    return "delete"


def _value(tree: ast.expr) -> str:
    """What an expression does last."""
    match tree:
        case ast.Call(func=ast.Attribute(attr=name)) | ast.Call(func=ast.Name(id=name)):
            return name
        case ast.BinOp(op=op) | ast.UnaryOp(op=op) | ast.Compare(ops=[op]):
            return OPERATORS[type(op)]
        case ast.Subscript(slice=key):
            return f"read {_key(key)}"
    return "alias"


def _key(key: ast.expr) -> str:
    """Of which kind a key is."""
    kinds = {type(node) for node in ast.walk(key)}
    if kinds & {ast.Compare, ast.Name}:
        return "tensor"
    if ast.Call in kinds or ast.List in kinds:
        return "places"
    return "slices" if ast.Slice in kinds else "element"


def statement_at(sequence: Sequence, step: int) -> ast.stmt | None:
    """The statement that was a step; those in a loop are steps, too. None after the last."""
    run = Run(Model())
    for one in sequence.statements:
        run.one(one)
        if run.step >= step:
            return one.tree
    return None


def done_at(sequence: Sequence, step: int) -> str:
    """What the statement does that was a step."""
    found = statement_at(sequence, step)
    return AT_END if found is None else doing(found)


def statement_coverage(sequence: Sequence) -> Counter[Reached]:
    """For every statement what it does, to which dtype, and whether that is a view."""
    found: Counter[Reached] = Counter()
    run = Run(Model())
    for one in sequence.statements:
        run.one(one)
        name = _target(one.tree)
        x = run.names.get(name)
        if isinstance(x, np.ndarray):
            edge = "shared" if _is_shared(name, x, run) else ""
            found[Reached("statement", doing(one.tree), x.dtype.name, edge)] += 1
        else:
            found[Reached("statement", doing(one.tree))] += 1
    return found


def _is_shared(name: str, x: Array, run: Run) -> bool:
    """Whether something of another name has memory in common with a tensor."""
    others = (y for other, y in run.names.items() if other != name)
    return any(isinstance(y, np.ndarray) and np.may_share_memory(x, y) for y in others)


def _target(tree: ast.AST) -> str:
    """The name of what is made or written, "" for none."""
    match tree:
        case ast.Name(id=name):
            return name
        case ast.Assign(targets=[target]) | ast.AugAssign(target=target):
            return _target(target)
        case ast.Subscript(value=value) | ast.Expr(value=value) | ast.Attribute(value=value):
            return _target(value)
        case ast.Call(func=ast.Attribute(value=value)):
            return _target(value)
    return ""
