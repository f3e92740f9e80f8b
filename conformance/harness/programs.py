"""Campaigns of random programs, each judged by `trial`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console

from conformance.harness.case import Case, print_case
from conformance.harness.check import Device
from conformance.harness.devices import versions
from conformance.harness.generate import LENGTH, case_seed, random_draw
from conformance.harness.output import clear_cases, progress_bar, show_command, write
from conformance.harness.subject import Subject
from conformance.harness.trial import Outcome, judge
from reports.markdown import counted
from reports.records import FailureRecord, RunRecord

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
    files: dict[int, Path] = field(default_factory=dict)  # of problems[k]
    absent: dict[str, str] = field(default_factory=dict)
    ran: dict[str, int] = field(default_factory=dict)

    def count(self, case: Case, outcome: Outcome) -> None:
        """One program more."""
        self.programs += 1
        self.statements += len(case.statements)
        self.outputs += outcome.outputs
        self.compared += outcome.compared
        self.absent.update(outcome.absent)
        for name in outcome.ran:
            self.ran[name] = self.ran.get(name, 0) + 1


def shrunk(case: Case, subjects: Mapping[str, Subject]) -> Case:
    """The case cut to the first value, in program order, that goes wrong.

    Every intermediate is made an output in turn, on its own; what is behind the first wrong one
    is dropped.  (Making a value an output can change what is fused: then the case stays whole.)
    """
    for value in range(len(case.inputs), case.count):
        cut = replace(case, outputs=(value,), expected=())
        cut = pruned(cut)
        if judge(cut, subjects).problems:
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


def run_programs(
    subjects: Mapping[str, Subject],
    count: int,
    seed: int,
    out: Path | None = None,
    budget: float | None = None,
    length: int = LENGTH,
    report: Callable[[int], None] | None = None,
    tally: Tally | None = None,
) -> Tally:
    """Run programs until `count` or `budget` is reached; failing ones are shrunk and written.

    A `tally` given keeps what is known when the run is interrupted.
    """
    tally = Tally() if tally is None else tally
    deadline = None if budget is None else time.monotonic() + budget
    for number in range(count):
        if deadline is not None and time.monotonic() > deadline:
            break
        one = random_draw(case_seed(seed, number), length)
        case = one.cases[0]
        if out is not None:
            _running(case, number, seed, out)
        outcome = judge(case, subjects, one.values[0])
        tally.count(case, outcome)
        if outcome.problems:
            said = "; ".join(problem.text for problem in outcome.problems)
            label = f"program {number} of seed {seed}: {said}"
            tally.problems.append(label)
            if out is not None and len(tally.problems) <= FILES:
                file = _write(shrunk(case, subjects), label, number, out)
                tally.files[len(tally.problems) - 1] = file
        if report is not None:
            report(number + 1)
    if out is not None:
        (out / RUNNING).unlink(missing_ok=True)
    return tally


def _running(case: Case, number: int, seed: int, out: Path) -> None:
    """The case is on disk before it runs: a crash of the process leaves it behind."""
    out.mkdir(parents=True, exist_ok=True)
    text = print_case(case.with_notes(f"program {number} of seed {seed} was running"))
    (out / RUNNING).write_text(text, "utf-8")


def _write(case: Case, label: str, number: int, out: Path) -> Path:
    folder = out / "cases"
    folder.mkdir(parents=True, exist_ok=True)
    text = print_case(case.with_notes(label))
    file = folder / f"program-{number}.case"
    file.write_text(text, "utf-8")
    return file


def campaign(
    devices: Sequence[Device],
    count: int,
    seed: int,
    out: Path,
    console: Console,
    budget: float | None,
) -> int:
    """`lockstep check --programs`: 0 all equal, 1 something differs, 2 no device ran."""
    clear_cases(out)
    subjects = {d.name: d.subject for d in devices if d.subject is not None}
    for device in devices:
        if device.subject is None:
            text = f"{device.name} not run: {device.reason}"
            text += f" ({device.remedy})" if device.remedy else ""
            console.print(text, style="yellow", markup=False)
    if not subjects:
        console.print("nothing ran", style="bold red")
        return 2
    said = f"{counted(count, 'program')} of {LENGTH} statements on {', '.join(subjects)}"
    console.print(f"{said}, seed {seed}", markup=False)
    tally, started, interrupted = Tally(), time.monotonic(), False
    with progress_bar(console) as progress:
        task = progress.add_task("programs", total=count)
        try:
            run_programs(subjects, count, seed, out, budget, tally=tally,
                         report=lambda done: progress.update(task, completed=done))  # fmt: skip
        except KeyboardInterrupt:
            interrupted = True
    seconds = time.monotonic() - started
    complete = tally.programs == count
    plan = f"{count} random programs"
    run = RunRecord(seed, plan, tuple(subjects), versions(), seconds, complete)
    write(out, [run, *_records(tally, out)])
    _summarise(tally, seconds, console)
    if interrupted:
        console.print("interrupted: the results so far are above", style="yellow")
    if not tally.ran:
        console.print("nothing ran", style="bold red")
        return 2
    return 1 if tally.problems or tally.programs < count else 0


def _records(tally: Tally, out: Path) -> list[FailureRecord]:
    """The programs that have a case file, so that a later run knows which files are its own."""
    return [
        FailureRecord("program", (), "", "fail", file.relative_to(out).as_posix(),
                      tally.problems[k])
        for k, file in tally.files.items()
    ]  # fmt: skip


def _summarise(tally: Tally, seconds: float, console: Console) -> None:
    """The first problems with the commands that show them again, and counts."""
    for k, problem in enumerate(tally.problems[:10]):
        console.print(problem, style="red", markup=False, soft_wrap=True)
        if k in tally.files:
            show_command(console, tally.files[k])
    said = [counted(tally.programs, "program"), counted(tally.statements, "statement"),
            counted(tally.outputs, "output")]  # fmt: skip
    console.print(
        f"{', '.join(said)}, {tally.compared:,} of them compared with numpy, "
        f"{counted(len(tally.problems), 'program')} failed, {seconds:.1f} s"
    )
    if len(tally.problems) > 10:
        folder = next(iter(tally.files.values())).parent
        console.print(f"all cases: {folder}", markup=False, soft_wrap=True)
