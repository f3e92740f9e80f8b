"""What the commands do, on a terminal: progress while it runs, partial results on Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from rich.console import Console

from conformance.harness import output
from conformance.harness.case import Case, hex_words, value_dtypes
from conformance.harness.check import Check, Device, collect_seldom
from conformance.harness.devices import under_test, versions
from conformance.harness.judging import judge_case
from conformance.harness.ledger import Driven, current, replay
from conformance.harness.plan import Dtypes
from conformance.harness.subject import NotAvailable, ReferenceSubject
from conformance.harness.workers import Pool
from oracles.formats import FORMATS
from reports.markdown import counted, printable
from reports.records import CellRecord, RunRecord

WORDS = 6  # of an output that `repro` prints


def run_check(
    devices: Sequence[Device],
    targets: Sequence[tuple[str, Dtypes]],
    seed: int,
    out: Path,
    full: bool,
    budget: float | None,
    console: Console,
    workers: int = 1,
) -> int:
    """Check, print, write; the exit code.

    No more workers are started than there are groups of cells; one is this process.
    """
    collect_seldom()
    output.clear_cases(out)
    check = Check(devices, targets, seed, out, ledger=current())
    pool = Pool(check, workers)
    run_all = pool.run if pool.useful else check.run
    started = time.monotonic()
    interrupted = False
    on = ", ".join(device.name for device in devices)
    console.print(f"{counted(len(check.targets), 'cell')} on {on}, seed {seed}", markup=False)
    with output.progress_bar(console) as progress:
        try:
            run_all(output.reporter(progress, check.planned), budget)
        except KeyboardInterrupt:
            interrupted = True
            check.leave("the run was interrupted", "run it again")
    seconds = time.monotonic() - started
    plan_name = "full" if full else "cover"
    names = tuple(device.name for device in devices)
    run = RunRecord(seed, plan_name, names, versions(), seconds, check.complete,
                    dict(check.seconds))  # fmt: skip
    found = output.records(check, run)
    output.write(out, found)
    cells = [record for record in found if isinstance(record, CellRecord)]
    output.show_matrix(console, cells)
    output.show_failures(console, check.found, out)
    output.show_totals(console, cells, seconds)
    if interrupted:
        console.print("interrupted: the results so far are above", style="yellow")
    for name in output.PAGES:
        console.print(f"report: {out / name}", markup=False, soft_wrap=True)
    driven = [Driven(d.name, d.driver, d.subject) for d in devices if d.subject is not None]
    wrong = replay(check.ledger, driven, date.today())
    for text in wrong:
        console.print(f"ledger: {text}", style="bold red", markup=False, soft_wrap=True)
    code = max(check.cells.exit_code(), int(bool(wrong)))
    if code == 2:
        console.print("nothing ran", style="bold red")
    return max(code, 1) if interrupted else code


def run_case(case: Case, names: Sequence[str], console: Console) -> int:
    """One case on the named devices, or on all: 0 if all are right, 1 if one is not, 2 if none ran.

    ValueError for devices that do not exist and for cases that the reference refuses.
    """
    try:
        reference = ReferenceSubject().run(case)
    except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
        raise ValueError(f"the reference refuses this case: {error}") from error
    devices = under_test(names, full=True)
    _print_notes(case.notes[:1], console)
    text = f"{'numpy':10} {_shown(case, reference)}"
    console.print(text, markup=False, highlight=False, soft_wrap=True)
    answers: dict[str, list[bytes]] = {}
    problems: list[str] = []
    for device in devices:
        for problem in _run_on(device, case, answers, console):
            problems.append(problem)
            console.print(problem, style="red", markup=False, highlight=False, soft_wrap=True)
    given = [bits for bits in answers.values() if bits]
    if any(bits != given[0] for bits in given):
        problems.append("the devices differ")
        console.print(problems[-1], style="red")
    if not answers:
        console.print("nothing ran", style="bold red")
        return 2
    _print_notes(case.notes[1:], console, problems)
    if not any(bits is not None for bits in case.expected):
        said = "no bits are expected: the oracles judged, and the devices were compared"
        console.print(f"the case has no `expect`: {said}", style="dim", markup=False)
    console.print("FAILED" if problems else "passed", style="red" if problems else "green")
    return int(bool(problems))


def _run_on(
    device: Device, case: Case, answers: dict[str, list[bytes]], console: Console
) -> list[str]:
    """What is wrong with the answer of one device, which is added to `answers`."""

    def say(text: str) -> None:
        text = f"{device.name:10} {text}"
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    if device.subject is None:
        say(f"not run: {device.reason}" + (f" ({device.remedy})" if device.remedy else ""))
        return []
    try:
        bits = device.subject.run(case)
    except NotAvailable as error:
        say(f"not run: {error}")
        return []
    except MemoryError:
        raise  # says nothing about the device
    except Exception as error:  # noqa: BLE001 - what the case was written to show
        answers[device.name] = []
        return [f"{device.name:10} {type(error).__name__}: {error}"]
    answers[device.name] = bits
    say(_shown(case, bits))
    try:
        return judge_case(case, bits)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - an error of the judge is no verdict, and no pass
        return [f"the judge failed: {type(error).__name__}: {error}"]


def _print_notes(notes: Sequence[str], console: Console, problems: Sequence[str] = ()) -> None:
    """The notes of a case, unless a problem has just said the same, its first line aside."""
    said = {" ".join(line.split()) for text in problems for line in text.splitlines()[1:]}
    if said and set(notes[1:]) <= said:
        return
    for note in notes:
        text = printable(f"# {note}")
        console.print(text, style="dim", markup=False, highlight=False, soft_wrap=True)


def _shown(case: Case, outputs: Sequence[bytes]) -> str:
    """The words of each output, or the first of them."""
    dtypes = value_dtypes(case)
    texts = []
    for value, bits in zip(case.outputs, outputs):
        row = FORMATS[dtypes[value]]
        size = row.bits // 8
        words = hex_words(bits[: WORDS * size], row)
        more = ["…"] if len(bits) > WORDS * size else []
        texts.append(" ".join([row.name, *words, *more]))
    return "  ".join(texts)
