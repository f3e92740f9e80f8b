"""The program that is wrong by itself, where a relation has found a program to be wrong.

What a relation compares with may be wrong, and not the program from which it was made: then that is
the one to bisect and to make small.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from conformance.harness.case import MAX_VALUES, Case
from conformance.harness.subject import EngineSubject, ReferenceSubject, Subject, array_bytes
from conformance.harness.trial import Outcome, judge
from conformance.harness.trial.outcome import worst
from conformance.harness.trial.relations import REWRITTEN, SETTINGS
from conformance.harness.trial.stages import stages


@dataclass(frozen=True)
class Witness:
    """A program, what it runs on, and its judgement there."""

    case: Case
    subjects: Mapping[str, Subject]
    outcome: Outcome


def witness(case: Case, subjects: Mapping[str, Subject], outcome: Outcome) -> Witness:
    """The first related program that is wrong by itself, if the worst problem is of a relation.

    Otherwise, and where there is none, the program itself.
    """
    problem = worst(outcome.problems)
    if problem is not None and problem.kind == "relation":
        for related, on in _relatives(case, subjects):
            found = judge(related, on)
            if found.problems:
                return Witness(related, on, found)
    return Witness(case, subjects, outcome)


def _relatives(
    case: Case, subjects: Mapping[str, Subject]
) -> Iterator[tuple[Case, Mapping[str, Subject]]]:
    """The programs of all relations, with the subjects that run them as these do."""
    values = ReferenceSubject().evaluate(case)
    shapes = [value.shape for value in values]
    for relation in REWRITTEN.values():
        related = relation(case, shapes)
        if related.count <= MAX_VALUES:
            yield related, subjects
    for overrides in SETTINGS.values():
        yield case, {name: _set(subject, overrides) for name, subject in subjects.items()}
    for stage in stages(case, [array_bytes(value) for value in values], shapes):
        yield stage, subjects


def _set(subject: Subject, overrides: Mapping[str, int | str]) -> Subject:
    """The engine with other settings; what is not the engine has none."""
    if not isinstance(subject, EngineSubject):
        return subject
    return EngineSubject(subject.name, overrides)
