"""A program in two launches: what the first half makes is memory to the second."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from conformance.harness.case import Case, Input, Statement, value_dtypes
from conformance.harness.subject import Subject

Shape = tuple[int, ...]


def run_in_stages(case: Case, subject: Subject, shapes: Sequence[Shape]) -> list[bytes]:
    """The outputs of a program whose first half is realized before the second is built."""
    made = _passed_on(case)
    known = dict(zip(made, subject.run(_first(case, made)))) if made else {}
    return subject.run(_second(case, known, shapes))


def stages(case: Case, values: Sequence[bytes], shapes: Sequence[Shape]) -> Iterator[Case]:
    """The two programs, the second on the `values` that are due."""
    made = _passed_on(case)
    if made:
        yield _first(case, made)
    yield _second(case, {k: values[k] for k in made}, shapes)


def _middle(case: Case) -> int:
    """The first value of the second half."""
    return len(case.inputs) + len(case.statements) // 2


def _needed(case: Case) -> list[int]:
    """What the second half needs, and does not make."""
    second = case.statements[len(case.statements) // 2 :]
    needed = {k for statement in second for k in statement.operands} | {*case.outputs}
    return sorted(k for k in needed if k < _middle(case))


def _passed_on(case: Case) -> list[int]:
    """What of that the first half makes."""
    return [k for k in _needed(case) if k >= len(case.inputs)]


def _first(case: Case, made: Sequence[int]) -> Case:
    return Case(case.inputs, case.statements[: len(case.statements) // 2], tuple(made))


def _second(case: Case, known: dict[int, bytes], shapes: Sequence[Shape]) -> Case:
    """The second half; `known` are the bits that the first has made."""
    dtypes, kept, middle = value_dtypes(case), _needed(case), _middle(case)
    inputs = tuple(
        case.inputs[k] if k < len(case.inputs) else Input(dtypes[k], shapes[k], known[k])
        for k in kept
    )
    number = {k: place for place, k in enumerate(kept)}
    number.update({k: k - middle + len(kept) for k in range(middle, case.count)})
    statements = tuple(
        Statement(s.op, tuple(number[k] for k in s.operands), s.attributes)
        for s in case.statements[len(case.statements) // 2 :]
    )
    return Case(inputs, statements, tuple(number[k] for k in case.outputs))
