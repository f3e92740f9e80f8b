"""Candidates with less structure: fewer outputs, statements and inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from conformance.harness.build import part
from conformance.harness.case import Case, Input, Statement, value_dtypes
from conformance.harness.draws import as_input
from conformance.harness.subject import ReferenceSubject
from oracles.formats import FORMATS, Array

DEPTHS = (1, 2, 3, 4, 6)


def single_outputs(case: Case) -> Iterator[Case]:
    """Each output alone, where there are several; and the program without what no output needs."""
    if len(case.outputs) > 1:
        for value in case.outputs:
            yield _part(case, value)
    smaller = replace(part(case, case.outputs), devices=case.devices)
    if smaller.count < case.count:
        yield smaller


def earlier_outputs(case: Case) -> Iterator[Case]:
    """Every earlier value as the only output, in the order of the program."""
    for value in range(len(case.inputs), case.count):
        if (value,) != case.outputs:
            yield _part(case, value)


def near_the_output(case: Case) -> Iterator[Case]:
    """The last statements alone, what they need given as inputs: the last one, two, three …"""
    if len(case.outputs) != 1:
        return
    values = ReferenceSubject().evaluate(case)
    for depth in DEPTHS:
        kept = _within(case, case.outputs[0], depth)
        if len(kept) < len(case.statements):
            yield with_given(case, kept, values)


def _within(case: Case, value: int, depth: int) -> set[int]:
    """The statements no more than `depth` uses before a value, by the values that they make."""
    found: set[int] = set()
    reached = {value}
    for _ in range(depth):
        made = {k for k in reached if case.statement_of(k) is not None}
        found |= made
        reached = {k for m in made for k in _statement(case, m).operands}
    return found


def lifted(case: Case) -> Iterator[Case]:
    """One value given as an input, and what only it needed left out."""
    values = ReferenceSubject().evaluate(case)
    made = set(range(len(case.inputs), case.count))
    for value in sorted(made - set(case.outputs), reverse=True):
        yield with_given(case, made - {value}, values)


def bypassed(case: Case) -> Iterator[Case]:
    """A statement replaced by one of its operands that has its dtype and shape."""
    names = value_dtypes(case)
    shapes = [value.shape for value in ReferenceSubject().evaluate(case)]
    for value in range(case.count - 1, len(case.inputs) - 1, -1):
        for operand in _statement(case, value).operands:
            if names[operand] == names[value] and shapes[operand] == shapes[value]:
                yield _without(case, value, operand)


def _statement(case: Case, value: int) -> Statement:
    statement = case.statement_of(value)
    assert statement is not None
    return statement


def _part(case: Case, value: int) -> Case:
    return replace(part(case, [value]), devices=case.devices)


def _without(case: Case, value: int, operand: int) -> Case:
    """Every use of a value is one of an operand of it."""
    statements = tuple(
        replace(one, operands=tuple(operand if k == value else k for k in one.operands))
        for one in case.statements
    )
    outputs = tuple(operand if k == value else k for k in case.outputs)
    changed = replace(case, statements=statements, outputs=outputs, expected=())
    return replace(part(changed, outputs), devices=case.devices)


def with_given(case: Case, kept: set[int], values: Sequence[Array]) -> Case:
    """The program with the statements `kept`, by the values that they make; others are inputs.

    `values` are those of the reference.
    """
    inputs: list[Input] = []
    number: dict[int, int] = {}
    needed = {k for value in kept for k in _statement(case, value).operands} | set(case.outputs)
    for value in sorted(needed - kept):
        number[value] = len(inputs)
        given = value < len(case.inputs)
        inputs.append(case.inputs[value] if given else as_given(values[value]))
    statements: list[Statement] = []
    for value in sorted(kept):
        one = _statement(case, value)
        number[value] = len(inputs) + len(statements)
        statements.append(replace(one, operands=tuple(number[k] for k in one.operands)))
    outputs = tuple(number[k] for k in case.outputs)
    whole = Case(tuple(inputs), tuple(statements), outputs)
    return replace(part(whole, outputs), devices=case.devices)


def as_given(value: Array) -> Input:
    """An array as an input in memory."""
    row = FORMATS[value.dtype.name]
    return as_input(row.name, row.to_bits(value).reshape(-1), value.shape)
