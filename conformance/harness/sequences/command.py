"""Sequences on a terminal: `lockstep fuzz --kind sequences`, `repro` and `bisect` of a file."""

from __future__ import annotations

import time
from collections.abc import Sequence as Several
from pathlib import Path

from rich.console import Console

from conformance.harness.bisect.page import show
from conformance.harness.check import Device
from conformance.harness.devices import under_test
from conformance.harness.output import progress_bar
from conformance.harness.sequences.bisect import bisect_sequence
from conformance.harness.sequences.hunt import Found, Hunt
from conformance.harness.sequences.judge import expected, judge
from conformance.harness.sequences.text import Sequence, read_sequences
from reports.markdown import counted, printable

SHOWN = 5  # findings


def run_hunt(
    names: Several[str], seed: int, workers: int, count: int | None, seconds: float | None,
    out: Path, console: Console,
) -> int:  # fmt: skip
    """Hunt random sequences: 0 nothing was wrong, 1 something was, 2 no device is here.

    What was found is in `out`, one file for each kind. ValueError for names of no device.
    """
    devices = _here(under_test(names), console)
    if not devices:
        return 2
    started = time.monotonic()
    deadline = None if seconds is None else started + seconds
    hunt = Hunt(devices, seed, workers, count, deadline)
    text = f"random sequences on {', '.join(devices)}, seed {seed}, {counted(workers, 'worker')}"
    console.print(text, markup=False)
    try:
        with progress_bar(console) as bar:
            task = bar.add_task("", total=count if count is not None else seconds)
            for _ in hunt.run():
                done = hunt.sequences if count is not None else time.monotonic() - started
                bar.update(task, description=f"{hunt.sequences} sequences", completed=done)
    except KeyboardInterrupt:
        console.print("interrupted", style="yellow")
    _summary(hunt, time.monotonic() - started, out, console)
    return 1 if hunt.found else 0 if hunt.sequences else 2


def _here(found: Several[Device], console: Console) -> tuple[str, ...]:
    for device in found:
        if device.subject is None:
            text = f"{device.name} not run: {device.reason} ({device.remedy})"
            console.print(text, style="yellow", markup=False, soft_wrap=True)
    return tuple(device.name for device in found if device.subject is not None)


def _summary(hunt: Hunt, seconds: float, out: Path, console: Console) -> None:
    speed = hunt.steps / max(seconds, 1e-9)
    console.print(
        f"{hunt.sequences:,} sequences, {hunt.steps:,} steps, {speed:,.0f} a second; "
        f"{counted(len(hunt.found), 'sequence')} wrong", highlight=False,
    )  # fmt: skip
    first: dict[tuple[str, str, str], Found] = {}
    for one in hunt.found:
        kept = first.setdefault(one.key, one)
        if len(one.body) < len(kept.body):
            first[one.key] = one
    for one in list(first.values()):
        out.mkdir(parents=True, exist_ok=True)
        file = out / f"sequence-{hunt.seed}-{one.number}.seq"
        file.write_text(one.body, "utf-8")
    for one in list(first.values())[:SHOWN]:
        file = out / f"sequence-{hunt.seed}-{one.number}.seq"
        console.print(printable(str(one.wrong)), style="red", markup=False, soft_wrap=True)
        text = f"{one.body}\nlockstep repro {file}\n"
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def run_bisect(file: Path, names: Several[str], as_json: bool, console: Console) -> int:
    """Say where the sequences of a file go wrong: 0 none does, 1 one does, 2 no device is here.

    ValueError and OSError for what cannot be read.
    """
    devices = _here(under_test(names), console)
    if not devices:
        return 2
    code = 0
    for sequence in read_sequences(file):
        for wrong in judge(sequence, devices):
            blame, code = bisect_sequence(sequence, devices, wrong), 1
            if as_json:
                console.print(blame.to_json(), markup=False, highlight=False, soft_wrap=True)
            else:
                show(blame, console)
    if not code and not as_json:
        console.print(f"{', '.join(devices)}: nothing is wrong", markup=False)
    return code


def run_file(file: Path, names: Several[str], console: Console) -> int:
    """Run the sequences of a file: 0 all are right, 1 one is not, 2 no device is here.

    ValueError and OSError for what cannot be read.
    """
    devices = _here(under_test(names), console)
    if not devices:
        return 2
    wrong = [_run(one, devices, console) for one in read_sequences(file)]
    return int(any(wrong))


def _run(sequence: Sequence, devices: tuple[str, ...], console: Console) -> bool:
    """Whether something is wrong with a sequence, which is said."""
    title = sequence.notes[0] if sequence.notes else "sequence"
    try:
        expected(sequence)
    except Exception as error:  # noqa: BLE001 - what the sequence itself says is not right
        console.print(f"numpy      {title}: {error}", style="red", markup=False, soft_wrap=True)
        return True
    found = judge(sequence, devices)
    for one in found:
        console.print(printable(str(one)), style="red", markup=False, soft_wrap=True)
    if not found:
        console.print(f"{', '.join(devices)}: right: {title}", markup=False, soft_wrap=True)
    return bool(found)
