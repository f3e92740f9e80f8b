"""Whether an entry explains what is wrong: all of it, element by element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from conformance.harness.case import Case
from conformance.harness.judging import Outputs, beside_of, judged
from conformance.harness.ledger.classes import marked
from conformance.harness.ledger.entries import Entry
from conformance.harness.plans.elementwise import is_elementwise
from conformance.harness.subject import ReferenceSubject, array_bytes
from oracles.formats import Array


@dataclass(frozen=True)
class Match:
    """What a ledger says about a program: `known` explains all that is wrong with it; `idle`
    matches it although nothing is wrong.
    """

    known: Entry | None = None
    idle: Entry | None = None


def match(entries: Sequence[Entry], op: str, case: Case, outputs: Outputs) -> Match:
    """Which of these entries explains the outputs of a program that `op` makes.

    Outputs of other rows must have the bits of the reference.
    """
    if not entries or len(outputs) != len(case.outputs):
        return Match()
    values = ReferenceSubject().evaluate(case)
    left, idle, wrong = list(entries), list(entries), False
    for value, data in zip(case.outputs, outputs):
        statement = case.statement_of(value)
        if statement is None or statement.op != op:
            if data != array_bytes(values[value]):
                return Match()
            continue
        judgement = judged(statement, value, values, data, beside_of(case, value, outputs))
        if judgement is None:
            return Match()
        bad = ~judgement.ok
        operands = [values[k] for k in statement.operands]
        about = {e.name: _about(e, op, operands, bad.shape) for e in entries}
        left = [e for e in left if not (bad & ~about[e.name]).any()]
        idle = [e for e in idle if about[e.name].any()]
        wrong |= not judgement.passed
    return Match(known=next(iter(left), None)) if wrong else Match(idle=next(iter(idle), None))


def _about(entry: Entry, op: str, operands: Sequence[Array], shape: tuple[int, ...]) -> Array:
    """The elements of the result that an entry is about: those of operands of its classes."""
    if not entry.inputs:
        return np.ones(shape, bool)
    masks = [marked(entry.inputs, operand) for operand in operands]
    if not is_elementwise(op):
        return np.full(shape, any(mask.any() for mask in masks))
    found = np.zeros(shape, bool)
    for mask in masks:
        found |= np.broadcast_to(mask, shape)
    return found
