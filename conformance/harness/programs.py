"""Campaigns of random programs: the same bits on all devices, and those of the reference wherever
no faithful function is involved."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console

from conformance.harness.case import Case, print_case
from conformance.harness.check import Device
from conformance.harness.generate import RandomChooser, program
from conformance.harness.judging import minority, tainted
from conformance.harness.subject import NotAvailable, Subject, array_bytes

LENGTH = 10
RUNNING = "running.case"
FILES = 32


@dataclass
class Tally:
    """What a campaign found."""

    programs: int = 0
    statements: int = 0
    outputs: int = 0
    compared: int = 0  # outputs compared with the reference
    problems: list[str] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)
    ran: dict[str, int] = field(default_factory=dict)


def compare(
    case: Case, reference: Sequence[bytes], subjects: Mapping[str, Subject], tally: Tally
) -> list[str]:
    """What is wrong with one program; `reference` are the bits of each output."""
    answers: dict[str, list[bytes]] = {}
    problems = []
    for name, subject in subjects.items():
        try:
            answers[name] = subject.run(case)
        except NotAvailable as error:
            tally.absent[name] = str(error)
        except Exception as error:  # noqa: BLE001 - whatever generated code does is a finding
            text = str(error).splitlines()[0][:200] if str(error) else ""
            problems.append(f"{name}: {type(error).__name__}: {text}")
        else:
            tally.ran[name] = tally.ran.get(name, 0) + 1
    uncertain = tainted(case)
    for k, value in enumerate(case.outputs):
        given = {name: bits[k] if k < len(bits) else b"" for name, bits in answers.items()}
        tally.outputs += 1
        if value in uncertain:
            if len(set(given.values())) > 1:
                problems.append(f"%{value}: {', '.join(minority(given))} differ from the others")
            continue
        tally.compared += 1
        wrong = [name for name, bits in given.items() if bits != reference[k]]
        if wrong:
            problems.append(f"%{value}: {', '.join(wrong)} differ from numpy")
    return problems


def shrunk(case: Case, subjects: Mapping[str, Subject]) -> Case:
    """The case cut to the first value, in program order, that goes wrong.

    Every intermediate is made an output in turn, on its own; what is behind the first wrong one
    is dropped.  (Making a value an output can change what is fused: then the case stays whole.)
    """
    from conformance.harness.subject import ReferenceSubject

    for value in range(len(case.inputs), case.count):
        cut = replace(case, outputs=(value,), expected=())
        cut = pruned(cut)
        if compare(cut, ReferenceSubject().run(cut), subjects, Tally()):
            return cut
    return case


def pruned(case: Case) -> Case:
    """Without the statements and inputs that no output needs."""
    needed = set(case.outputs)
    for value in range(case.count - 1, len(case.inputs) - 1, -1):
        statement = case.statement_of(value)
        if value in needed and statement is not None:
            needed.update(statement.operands)
    order = sorted(needed)
    number = {value: k for k, value in enumerate(order)}
    statements = []
    for value in order:
        statement = case.statement_of(value)
        if statement is not None:
            operands = tuple(number[k] for k in statement.operands)
            statements.append(replace(statement, operands=operands))
    kept = tuple(item for k, item in enumerate(case.inputs) if k in needed)
    outputs = tuple(number[value] for value in case.outputs)
    return Case(kept, tuple(statements), outputs, (), case.devices, case.notes)


def case_seed(seed: int, number: int) -> random.Random:
    """Program `number` of a campaign can be made without the ones before it."""
    return random.Random(f"{seed}/{number}")


def run_programs(
    subjects: Mapping[str, Subject],
    count: int,
    seed: int,
    out: Path | None = None,
    budget: float | None = None,
    length: int = LENGTH,
    report: object = None,
) -> Tally:
    """Run programs until `count` or `budget` is reached; failing ones are shrunk and written."""
    tally = Tally()
    deadline = None if budget is None else time.monotonic() + budget
    for number in range(count):
        if deadline is not None and time.monotonic() > deadline:
            break
        case, values = program(RandomChooser(case_seed(seed, number)), length)
        reference = [array_bytes(values[k]) for k in case.outputs]
        if out is not None:
            _running(case, number, seed, out)
        problems = compare(case, reference, subjects, tally)
        tally.programs += 1
        tally.statements += len(case.statements)
        if problems:
            label = f"program {number} of seed {seed}: {'; '.join(problems)}"
            tally.problems.append(label)
            if out is not None and len(tally.problems) <= FILES:
                _write(shrunk(case, subjects), label, number, out)
        if callable(report):
            report(number + 1)
    if out is not None:
        (out / RUNNING).unlink(missing_ok=True)
    return tally


def _running(case: Case, number: int, seed: int, out: Path) -> None:
    """The case is on disk before it runs: a crash of the process leaves it behind."""
    out.mkdir(parents=True, exist_ok=True)
    text = print_case(case.with_notes(f"program {number} of seed {seed} was running"))
    (out / RUNNING).write_text(text, "utf-8")


def _write(case: Case, label: str, number: int, out: Path) -> None:
    folder = out / "cases"
    folder.mkdir(parents=True, exist_ok=True)
    text = print_case(case.with_notes(label))
    (folder / f"program-{number}.case").write_text(text, "utf-8")


def campaign(
    devices: Sequence[Device],
    count: int,
    seed: int,
    out: Path,
    console: Console,
    budget: float | None,
) -> int:
    """`lockstep check --programs`: 0 all equal, 1 something differs, 2 no device ran."""
    from conformance.harness.session import clear_cases, progress_bar

    clear_cases(out)
    subjects = {d.name: d.subject for d in devices if d.subject is not None}
    for device in devices:
        if device.subject is None:
            text = f"{device.name} not run: {device.reason} {device.remedy}"
            console.print(text, style="yellow", markup=False)
    if not subjects:
        console.print("nothing ran", style="bold red")
        return 2
    console.print(f"{count} programs of {LENGTH} statements on {', '.join(subjects)}, seed {seed}")
    started = time.monotonic()
    with progress_bar(console) as progress:
        task = progress.add_task("programs", total=count)
        tally = run_programs(subjects, count, seed, out, budget,
                             report=lambda done: progress.update(task, completed=done))  # fmt: skip
    seconds = time.monotonic() - started
    for problem in tally.problems[:10]:
        console.print(problem, style="red", markup=False, soft_wrap=True)
    console.print(
        f"{tally.programs} programs, {tally.statements} statements, {tally.outputs} outputs, "
        f"{tally.compared} of them compared with numpy, {len(tally.problems)} programs failed, "
        f"{seconds:.1f} s"
    )
    if tally.problems:
        console.print(f"cases: {out / 'cases'}", markup=False, soft_wrap=True)
    if not tally.ran:
        console.print("nothing ran", style="bold red")
        return 2
    return 1 if tally.problems or tally.programs < count else 0
