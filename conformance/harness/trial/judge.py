"""The judgement of one program.

All devices must give the same bits.  Where no function is involved whose last bit is open, they are
those of the numpy reference; where one is, they are those of the interpreter of tensors, and what
such a function makes of known operands is within its row's bound.  Related programs must give the
same bits as the program.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from conformance.harness.build import part
from conformance.harness.case import Case, Statement, value_dtypes
from conformance.harness.generate import Draw
from conformance.harness.judging import beside_of, minority, refused, tainted
from conformance.harness.subject import (
    InterpreterSubject,
    NotAvailable,
    ReferenceSubject,
    Subject,
    array_bytes,
)
from conformance.harness.trial.outcome import Outcome, Problem, Reached
from conformance.harness.trial.reach import engine_coverage, operand_coverage
from conformance.harness.trial.relations import run_related
from oracles.formats import Array

INTERPRETER = InterpreterSubject()
ONCE = ("PYTHON",)
"""Devices that are slow, and of which other values show nothing: an interpreter of instructions."""
ONCE_IN = 4
"""Of so many draws the devices of ONCE run one. They share all but the last step with the others,
and what is wrong there is wrong in many programs."""


def judge(
    case: Case,
    subjects: Mapping[str, Subject],
    values: Sequence[Array] | None = None,
    relations: Sequence[str] = (),
    definition: Subject = INTERPRETER,
) -> Outcome:
    """Run a program on every subject, and say what is wrong and what it reached.

    `values` are the reference's values of all inputs and statements where they are known already.
    `relations` name those of `trial.RELATIONS` that are tried on each subject.  `definition` knows
    the bits that the reference leaves open.  What generated code raises is a problem of its device,
    and raises nothing here.
    """
    values = ReferenceSubject().evaluate(case) if values is None else values
    return _Trial(case, values, definition).run(subjects, relations)


def judge_draw(
    draw: Draw, subjects: Mapping[str, Subject], relations: Sequence[str] = ()
) -> list[Outcome]:
    """The judgement of every value vector of a structure; of the first with the relations.

    The devices of ONCE run the first vector alone, unless there are no others.
    """
    others = {name: subject for name, subject in subjects.items() if name not in ONCE} or subjects
    pairs = zip(draw.cases, draw.values, strict=True)
    return [
        judge(case, others, values) if k else judge(case, subjects, values, relations)
        for k, (case, values) in enumerate(pairs)
    ]


def on_turn(subjects: Mapping[str, Subject], seed: int, number: int) -> Mapping[str, Subject]:
    """The subjects that run draw `number` of a seed: those of ONCE take part in some draws."""
    others = {name: subject for name, subject in subjects.items() if name not in ONCE}
    is_theirs = random.Random(f"{seed}/once {number}").randrange(ONCE_IN) == 0
    return subjects if is_theirs or not others else others


@dataclass
class _Trial:
    """What is known so far of one program."""

    case: Case
    values: Sequence[Array]
    definition: Subject
    answers: dict[str, list[bytes]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def run(self, subjects: Mapping[str, Subject], relations: Sequence[str]) -> Outcome:
        uncertain = tainted(self.case)
        open_outputs = [value for value in self.case.outputs if value in uncertain]
        coverage = operand_coverage(self.case, self.values)
        for name, subject in subjects.items():
            with engine_coverage(coverage):
                found = self._run(name, subject, self.case)
            if found is not None:
                self.answers[name] = found
        due = self._due(open_outputs)
        judges = {value: "the interpreter" if value in uncertain else "numpy" for value in due}
        for k, value in enumerate(self.case.outputs):
            given = {name: bits[k] if k < len(bits) else b"" for name, bits in self.answers.items()}
            for name in self._compare(value, given, due.get(value), judges.get(value, "")):
                del given[name]
            statement = self.case.statement_of(value)
            if value in uncertain and statement and not uncertain.intersection(statement.operands):
                self._accept(statement, value, given)
        for relation in relations:
            for name in self.answers:
                if self._relate(relation, name, subjects[name]):
                    coverage[Reached("relation", relation)] += 1
        return Outcome(
            tuple(self.problems), len(self.case.outputs),
            len(self.case.outputs) - len(open_outputs), tuple(self.answers), self.absent,
            coverage,
        )  # fmt: skip

    def _run(self, name: str, subject: Subject, case: Case) -> list[bytes] | None:
        """The outputs; None, and a problem, where there are none."""
        try:
            return subject.run(case)
        except NotAvailable as error:
            self.absent[name] = str(error)
        except Exception as error:  # noqa: BLE001 - whatever generated code does is a finding
            self._add("error", (name,), -1, error_text(name, error))
        return None

    def _due(self, open_outputs: Sequence[int]) -> dict[int, bytes]:
        """The bits of each output: the reference's, and the interpreter's of those it leaves open.
        """
        due = {value: array_bytes(self.values[value]) for value in self.case.outputs
               if value not in open_outputs}  # fmt: skip
        if open_outputs:
            found = self._run("INTERPRETER", self.definition, part(self.case, open_outputs))
            due.update(zip(open_outputs, found or ()))
        return due

    def _compare(
        self, value: int, given: Mapping[str, bytes], due: bytes | None, judge: str
    ) -> list[str]:
        """The devices that do not give the bits of one output that are due, or that most give."""
        disagree = len(set(given.values())) > 1
        if due is None:
            wrong = minority(given) if disagree else []
        else:
            wrong = [name for name, bits in given.items() if bits != due]
        if wrong:
            text = f"{', '.join(wrong)} differ from {judge or 'the others'}"
            self._add("bits" if disagree else "oracle", wrong, value, text)
        return wrong

    def _accept(self, statement: Statement, value: int, given: Mapping[str, bytes]) -> None:
        """Whether the result of an open row is within its bounds."""
        known: dict[bytes, str | None] = {}
        for name, bits in given.items():
            if bits not in known:
                beside = beside_of(self.case, value, self.answers[name])
                known[bits] = refused(statement, value, self.values, bits, beside)
        wrong = [name for name, bits in given.items() if known[bits]]
        if wrong:
            self._add("oracle", wrong, value, str(known[given[wrong[0]]]))

    def _relate(self, relation: str, name: str, subject: Subject) -> bool:
        """Hold the outputs against those of the related program; whether there is one."""
        shapes = [value.shape for value in self.values]
        try:
            found = run_related(relation, self.case, subject, shapes)
        except Exception as error:  # noqa: BLE001 - as above
            self._add("relation", (name,), -1, f"{relation}: {error_text(name, error)}")
            return True
        for value, bits, other in zip(self.case.outputs, self.answers[name], found or ()):
            if bits != other:
                text = f"{relation}: {name} gives other bits than the program itself"
                self._add("relation", (name,), value, text)
        return found is not None

    def _add(self, kind: str, devices: Sequence[str], value: int, text: str) -> None:
        op, dtypes = statement_dtypes(self.case, value)
        place = f"%{value} {op} {' '.join(dtypes)}: " if value >= 0 else ""
        self.problems.append(Problem(kind, tuple(devices), value, op, dtypes, place + text))


def error_text(device: str, error: BaseException) -> str:
    """What a device raised: the kind of the error and its first line."""
    text = str(error).splitlines()[0][:200] if str(error) else ""
    return f"{device}: {type(error).__name__}: {text}"


def statement_dtypes(case: Case, value: int) -> tuple[str, tuple[str, ...]]:
    """The row that makes a value, the dtypes of its operands and of its result; nothing for -1."""
    if value < 0:
        return "", ()
    names = value_dtypes(case)
    statement = case.statement_of(value)
    if statement is None:
        return "", (names[value],)
    return statement.op, (*(names[k] for k in statement.operands), names[value])
