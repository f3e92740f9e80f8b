"""A program in two launches: what the first half makes is memory to the second."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.harness.case import Case, Input, Statement, value_dtypes
from conformance.harness.subject import Subject

Shape = tuple[int, ...]


def run_in_stages(case: Case, subject: Subject, shapes: Sequence[Shape]) -> list[bytes]:
    """The outputs of a program whose first half is realized before the second is built."""
    half = len(case.statements) // 2
    first, second = case.statements[:half], case.statements[half:]
    middle = len(case.inputs) + half
    needed = {k for statement in second for k in statement.operands} | {*case.outputs}
    kept = sorted(k for k in needed if k < middle)
    made = [k for k in kept if k >= len(case.inputs)]
    known: dict[int, bytes] = {}
    if made:
        known = dict(zip(made, subject.run(Case(case.inputs, first, tuple(made)))))
    dtypes = value_dtypes(case)
    inputs = tuple(
        case.inputs[k] if k < len(case.inputs) else Input(dtypes[k], shapes[k], known[k])
        for k in kept
    )
    number = {k: place for place, k in enumerate(kept)}
    number.update({k: k - middle + len(kept) for k in range(middle, case.count)})
    statements = tuple(
        Statement(s.op, tuple(number[k] for k in s.operands), s.attributes) for s in second
    )
    return subject.run(Case(inputs, statements, tuple(number[k] for k in case.outputs)))
