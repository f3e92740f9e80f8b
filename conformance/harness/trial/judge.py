"""The judgement of one program: the same bits on all devices, and those of the reference wherever
no function is involved whose last bit is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from conformance.harness.case import Case, value_dtypes
from conformance.harness.generate import Draw
from conformance.harness.judging import minority, tainted
from conformance.harness.subject import NotAvailable, ReferenceSubject, Subject, array_bytes
from conformance.harness.trial.outcome import Outcome, Problem
from conformance.harness.trial.reach import operand_coverage
from oracles.formats import Array


def judge(
    case: Case, subjects: Mapping[str, Subject], values: Sequence[Array] | None = None
) -> Outcome:
    """Run a program on every subject, and say what is wrong and what it reached.

    `values` are the reference's values of all inputs and statements where they are known already.
    What generated code raises is a problem of its device, and raises nothing here.
    """
    values = ReferenceSubject().evaluate(case) if values is None else values
    answers: dict[str, list[bytes]] = {}
    absent: dict[str, str] = {}
    problems: list[Problem] = []
    for name, subject in subjects.items():
        try:
            answers[name] = subject.run(case)
        except NotAvailable as error:
            absent[name] = str(error)
        except Exception as error:  # noqa: BLE001 - whatever generated code does is a finding
            problems.append(Problem("error", (name,), -1, "", (), error_text(name, error)))
    found = compared(case, answers, values)
    return replace(
        found, problems=(*problems, *found.problems), ran=tuple(answers), absent=absent,
        coverage=operand_coverage(case, values),
    )  # fmt: skip


def judge_draw(draw: Draw, subjects: Mapping[str, Subject]) -> list[Outcome]:
    """The judgement of every value vector of a structure."""
    return [judge(case, subjects, values) for case, values in zip(draw.cases, draw.values)]


def error_text(device: str, error: BaseException) -> str:
    """What a device raised: the kind of the error and its first line."""
    text = str(error).splitlines()[0][:200] if str(error) else ""
    return f"{device}: {type(error).__name__}: {text}"


def compared(
    case: Case, answers: Mapping[str, Sequence[bytes]], values: Sequence[Array]
) -> Outcome:
    """The problems of a program's outputs, as the devices gave them."""
    uncertain = tainted(case)
    problems = []
    for k, value in enumerate(case.outputs):
        given = {name: bits[k] if k < len(bits) else b"" for name, bits in answers.items()}
        due = None if value in uncertain else array_bytes(values[value])
        problem = _of_output(case, value, given, due)
        if problem is not None:
            problems.append(problem)
    certain = sum(value not in uncertain for value in case.outputs)
    return Outcome(tuple(problems), len(case.outputs), certain)


def _of_output(
    case: Case, value: int, given: Mapping[str, bytes], due: bytes | None
) -> Problem | None:
    """What is wrong with one output; `due` is None where the reference leaves its bits open."""
    if due is None:
        wrong = minority(given) if len(set(given.values())) > 1 else []
        said = "differ from the others"
    else:
        wrong = [name for name, bits in given.items() if bits != due]
        said = "differ from numpy"
    if not wrong:
        return None
    kind = "bits" if len(set(given.values())) > 1 else "oracle"
    op, dtypes = statement_dtypes(case, value)
    text = f"%{value} {op} {' '.join(dtypes)}: {', '.join(wrong)} {said}"
    return Problem(kind, tuple(wrong), value, op, dtypes, text)


def statement_dtypes(case: Case, value: int) -> tuple[str, tuple[str, ...]]:
    """The row that makes a value, and the dtypes of its operands and of its result."""
    names = value_dtypes(case)
    statement = case.statement_of(value)
    if statement is None:
        return "", (names[value],)
    return statement.op, (*(names[k] for k in statement.operands), names[value])
