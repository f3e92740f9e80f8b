"""Relations: programs that must give the bits of another one, whatever these are.

They need no oracle, and make the same values by other kernels: other loops, vector tails, fusion,
memory.  Each is made from a program and the shapes of its values alone, in one way, so that a
program that is made smaller keeps its relation.  The first outputs are those of the program.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from typing import Any

from conformance.harness.build import merged
from conformance.harness.case import CONST_LIMIT, MAX_OUTPUTS, MAX_VALUES, Case, Statement
from conformance.harness.subject import Subject
from conformance.harness.trial.stages import run_in_stages
from conformance.harness.values import Value
from oracles.catalog import ROWS

Shape = tuple[int, ...]
Shapes = Sequence[Shape]
Relation = Callable[[Case, Shapes], Case]
"""The related program; one without any difference where there is nothing to change."""

POINTWISE = ("elementwise", "compare", "bitwise", "shift", "cast")


class _Rebuilt:
    """A program that is written again, value by value; inputs keep their numbers."""

    def __init__(self, case: Case, shapes: Shapes) -> None:
        self.case, self.shapes = case, shapes
        self.statements: list[Statement] = []
        self.numbers = list(range(len(case.inputs)))  # of the old values

    def add(self, op: str, *operands: int, **attributes: Value) -> int:
        self.statements.append(Statement(op, operands, attributes))
        return len(self.case.inputs) + len(self.statements) - 1

    def again(self, statement: Statement, operands: Sequence[int]) -> int:
        return self.add(statement.op, *operands, **statement.attributes)

    def wide(self, statement: Statement, shape: Shape) -> list[int]:
        """The operands, each of the shape of the result."""
        pairs = [(self.numbers[k], self.shapes[k]) for k in statement.operands]
        return [n if own == shape else self.add("expand", n, shape=shape) for n, own in pairs]

    def finished(self) -> Case:
        outputs = tuple(self.numbers[k] for k in self.case.outputs)
        return replace(self.case, statements=tuple(self.statements), outputs=outputs, expected=())


Rewrite = Callable[[_Rebuilt, Statement, Shape], int]


def _rewritten(case: Case, shapes: Shapes, rewrite: Rewrite, pointwise: bool = True) -> Case:
    """Every statement, or every pointwise one, as `rewrite` writes it."""
    made = _Rebuilt(case, shapes)
    for value, statement in enumerate(case.statements, len(case.inputs)):
        shape = shapes[value]
        chosen = not pointwise or (ROWS[statement.op].family in POINTWISE and shape != ())
        if chosen and 0 not in shape:
            number = rewrite(made, statement, shape)
        else:
            number = made.again(statement, [made.numbers[k] for k in statement.operands])
        made.numbers.append(number)
    return made.finished()


# -- of pointwise statements -----------------------------------------------------------------------
def permuted(case: Case, shapes: Shapes) -> Case:
    """op(x, y) = (op(xᵀ, yᵀ))ᵀ"""

    def rewrite(made: _Rebuilt, statement: Statement, shape: Shape) -> int:
        order = tuple(reversed(range(len(shape))))
        turned = [made.add("permute", n, order=order) for n in made.wide(statement, shape)]
        return made.add("permute", made.again(statement, turned), order=order)

    return _rewritten(case, shapes, rewrite)


def split(case: Case, shapes: Shapes) -> Case:
    """op(x, y) is op of the first part of x and y, then of the second."""

    def rewrite(made: _Rebuilt, statement: Statement, shape: Shape) -> int:
        axis = max(range(len(shape)), key=lambda k: shape[k])
        middle = shape[axis] // 2
        parts = []
        whole = made.wide(statement, shape)
        for low, high in ((0, middle), (middle, shape[axis])):
            region = tuple((low, high) if k == axis else (0, n) for k, n in enumerate(shape))
            parts.append(made.again(statement, [made.add("shrink", n, arg=region) for n in whole]))
        return made.add("cat", *parts, dim=axis)

    return _rewritten(case, shapes, rewrite)


def one_more(case: Case, shapes: Shapes) -> Case:
    """An element more along the last axis does not change the others."""

    def rewrite(made: _Rebuilt, statement: Statement, shape: Shape) -> int:
        around = (*((0, 0) for _ in shape[:-1]), (0, 1))
        longer = [made.add("pad", n, padding=around) for n in made.wide(statement, shape)]
        region = tuple((0, n) for n in shape)
        return made.add("shrink", made.again(statement, longer), arg=region)

    return _rewritten(case, shapes, rewrite)


# -- of statements along axes ----------------------------------------------------------------------
# Rows that combine the elements of some axes: which attribute names these, and whether they stay.
ALONG: dict[str, tuple[str, bool]] = {
    **dict.fromkeys(("sum", "prod", "max", "min", "mean", "var", "std", "any", "all", "logsumexp"),
                    ("axis", False)),
    **dict.fromkeys(("argmax", "argmin"), ("axis", False)),
    **dict.fromkeys(("cumsum", "cumprod", "cummax", "cummin", "logcumsumexp"), ("axis", True)),
    **dict.fromkeys(("softmax", "softmin", "log_softmax", "layernorm"), ("axis", True)),
    **dict.fromkeys(("sort", "argsort", "topk", "normalize"), ("dim", True)),
}  # fmt: skip


def _independent(statement: Statement, shapes: Sequence[Shape]) -> tuple[int, int] | None:
    """An axis of the first operand that is not combined, and where it is in the result."""
    ndim = len(shapes[0])
    if statement.op == "matmul":
        return (ndim - 2, ndim - 2) if ndim > 1 and len(shapes[1]) < 3 else None
    if statement.op not in ALONG:
        return None
    name, stays = ALONG[statement.op]
    given = statement.attributes.get(name, ROWS[statement.op].defaults.get(name))
    if given is None:
        return None
    several: Any = (given,) if isinstance(given, int) else given
    combined = {k % ndim for k in several}
    kept = [k for k in range(ndim) if k not in combined]
    if not kept:
        return None
    stays = stays or bool(statement.attributes.get("keepdim"))
    return kept[0], kept[0] if stays else 0


def rows_apart(case: Case, shapes: Shapes) -> Case:
    """What is combined along some axes does not depend on the others: in two parts of one of these.
    """

    def rewrite(made: _Rebuilt, statement: Statement, shape: Shape) -> int:
        own = [shapes[k] for k in statement.operands]
        numbers = [made.numbers[k] for k in statement.operands]
        found = _independent(statement, own) if own and own[0] else None
        if found is None:
            return made.again(statement, numbers)
        axis, place = found
        parts = []
        for low, high in ((0, own[0][axis] // 2), (own[0][axis] // 2, own[0][axis])):
            region = tuple((low, high) if k == axis else (0, n) for k, n in enumerate(own[0]))
            first = made.add("shrink", numbers[0], arg=region)
            parts.append(made.again(statement, [first, *numbers[1:]]))
        return made.add("cat", *parts, dim=place)

    return _rewritten(case, shapes, rewrite, pointwise=False)


# -- of all statements -----------------------------------------------------------------------------
def round_trip(case: Case, shapes: Shapes) -> Case:
    """x = x, reversed and flat, and back."""

    def rewrite(made: _Rebuilt, statement: Statement, shape: Shape) -> int:
        value = made.again(statement, [made.numbers[k] for k in statement.operands])
        axes = tuple(range(len(shape)))
        flat = made.add("reshape", made.add("flip", value, axis=axes), shape=(prod(shape),))
        return made.add("flip", made.add("reshape", flat, shape=shape), axis=axes)

    return _rewritten(case, shapes, rewrite, pointwise=False)


def all_outputs(case: Case, shapes: Shapes) -> Case:
    """What is made on the way is asked for, too."""
    others = [k for k in range(len(case.inputs), case.count) if k not in case.outputs]
    return replace(case, outputs=(*case.outputs, *others)[:MAX_OUTPUTS], expected=())


def twice(case: Case, shapes: Shapes) -> Case:
    """Beside itself, in one launch."""
    made, count = merged([case, case]), len(case.outputs)
    return replace(made, outputs=(*made.outputs[count:], *made.outputs[:count]))


def constants(case: Case, shapes: Shapes) -> Case:
    """Inputs in memory become constants where they are small, and constants inputs in memory."""
    turned = tuple(
        replace(item, const=not item.const and prod(item.shape) <= CONST_LIMIT)
        for item in case.inputs
    )
    return replace(case, inputs=turned)


REWRITTEN: dict[str, Relation] = {
    "permuted": permuted, "split": split, "one more": one_more, "rows apart": rows_apart,
    "round trip": round_trip,
    "all outputs": all_outputs, "twice": twice, "constants": constants,
}  # fmt: skip
# The program itself, compiled in another way.
SETTINGS: dict[str, dict[str, int | str]] = {
    "as if large": {"LARGE_FROM": 1, "THREADS": 4},
    "as lowered": {"OPTIMIZE": 0},
    "memory of its own": {"MEMORY_PLAN": 0},
    "like_wgsl": {"EMULATE": "like_wgsl"},
}
EMULATED = 12  # statements at most, since what a device lacks takes long to compile
IN_STAGES = "in stages"
RELATIONS = (*REWRITTEN, *SETTINGS, IN_STAGES)


def relation_of(seed: int, number: int) -> str:
    """The relation that draw `number` of a seed is tried with."""
    return random.Random(f"{seed}/relation {number}").choice(RELATIONS)


def run_related(name: str, case: Case, subject: Subject, shapes: Shapes) -> list[bytes] | None:
    """What a program's related one gives for the outputs of the program, as `subject` runs it.

    None where the related program is the program itself, or takes too much.
    """
    from engine.context import Context

    if name in SETTINGS:
        if "EMULATE" in SETTINGS[name] and len(case.statements) > EMULATED:
            return None
        with Context(**SETTINGS[name]):
            return subject.run(case)
    if name == IN_STAGES:
        return run_in_stages(case, subject, shapes)
    made = REWRITTEN[name](case, shapes)
    same = made.statements == case.statements and made.inputs == case.inputs
    if (same and made.outputs == case.outputs) or made.count > MAX_VALUES:
        return None
    return subject.run(made)[: len(case.outputs)]
