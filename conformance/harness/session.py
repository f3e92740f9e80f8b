"""What the commands do, on a terminal: progress while it runs, partial results on Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from conformance.harness import output
from conformance.harness.case import Case
from conformance.harness.check import Check, Device
from conformance.harness.devices import under_test, versions
from conformance.harness.judging import judge_case
from conformance.harness.plan import Dtypes
from conformance.harness.subject import NotAvailable, ReferenceSubject
from reports.records import CellRecord, RunRecord


def progress_bar(console: Console) -> Progress:
    """The one bar of all commands; nothing where the output is not a terminal."""
    return Progress(
        TextColumn("{task.description:14}"), BarColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip


def run_check(
    devices: Sequence[Device],
    targets: Sequence[tuple[str, Dtypes]],
    seed: int,
    out: Path,
    full: bool,
    budget: float | None,
    console: Console,
) -> int:
    """Check, print, write; the exit code."""
    clear_cases(out)
    check = Check(devices, targets, seed, out)
    started = time.monotonic()
    interrupted = False
    console.print(f"{len(targets)} cells on {', '.join(d.name for d in devices)}, seed {seed}")
    with progress_bar(console) as progress:
        task = progress.add_task("", total=len(targets))
        try:
            check.run(lambda op, done: progress.update(task, description=op, completed=done),
                      budget)  # fmt: skip
        except KeyboardInterrupt:
            interrupted = True
            check.leave("the run was interrupted", "run it again")
    seconds = time.monotonic() - started
    plan_name = "full" if full else "full on LLVM, cover elsewhere"
    names = tuple(device.name for device in devices)
    run = RunRecord(seed, plan_name, names, versions(), seconds, check.complete)
    found = output.records(check, run)
    output.write(out, found)
    cells = [record for record in found if isinstance(record, CellRecord)]
    output.show_matrix(console, cells)
    output.show_failures(console, check.found, out)
    output.show_totals(console, cells, seconds)
    if interrupted:
        console.print("interrupted: the results so far are above", style="yellow")
    console.print(f"report: {out / 'report.md'}", markup=False, soft_wrap=True)
    code = check.cells.exit_code()
    if code == 2:
        console.print("nothing ran", style="bold red")
    return max(code, 1) if interrupted else code


def clear_cases(out: Path) -> None:
    """Case files of an earlier run would pass for findings of this one."""
    for file in (out / "cases").glob("*.case"):
        file.unlink()


def run_case(case: Case, names: Sequence[str], console: Console) -> int:
    """One case on the named devices, or on all: 0 if all are right, 1 if one is not, 2 if none ran.

    ValueError for devices that do not exist and for cases that the reference refuses.
    """
    try:
        reference = ReferenceSubject().run(case)
    except (ArithmeticError, LookupError, TypeError) as error:
        raise ValueError(f"the reference refuses this case: {error}") from error
    for note in case.notes:
        console.print(f"# {note}", style="dim", markup=False, highlight=False)
    console.print(f"{'numpy':10} {_shown(reference)}", markup=False, highlight=False)
    answers: dict[str, list[bytes]] = {}
    wrong = False
    for device in under_test(names, full=True):
        if device.subject is None:
            text = f"not run: {device.reason} {device.remedy}"
            console.print(f"{device.name:10} {text}", markup=False)
            continue
        try:
            answers[device.name] = device.subject.run(case)
        except NotAvailable as error:
            console.print(f"{device.name:10} not run: {error}", markup=False)
            continue
        except Exception as error:  # noqa: BLE001 - what the case was written to show
            console.print(f"{device.name:10} {type(error).__name__}: {error}", markup=False)
            answers[device.name], wrong = [], True
            continue
        text = _shown(answers[device.name])
        console.print(f"{device.name:10} {text}", markup=False, highlight=False)
        for problem in judge_case(case, answers[device.name]):
            wrong = True
            console.print(problem, style="red", markup=False, highlight=False)
    given = [bits for bits in answers.values() if bits]
    if any(bits != given[0] for bits in given):
        wrong = True
        console.print("the devices differ", style="red")
    if not answers:
        console.print("nothing ran", style="bold red")
        return 2
    console.print("FAILED" if wrong else "passed", style="red" if wrong else "green")
    return int(wrong)


def _shown(outputs: Sequence[bytes]) -> str:
    """The bytes of each output, or their beginnings."""
    return "  ".join(bits[:24].hex() + ("…" if len(bits) > 24 else "") for bits in outputs)
