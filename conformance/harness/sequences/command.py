"""Sequences on a terminal: `lockstep repro` and `lockstep bisect` of a file."""

from __future__ import annotations

from collections.abc import Sequence as Several
from pathlib import Path

from rich.console import Console

from conformance.harness.bisect.page import show
from conformance.harness.check import Device
from conformance.harness.devices import under_test
from conformance.harness.sequences.bisect import bisect_sequence
from conformance.harness.sequences.judge import described, expected, judge
from conformance.harness.sequences.text import Sequence, read_sequences
from reports.markdown import printable


def _here(found: Several[Device], console: Console) -> tuple[str, ...]:
    for device in found:
        if device.subject is None:
            text = f"{device.name} not run: {device.reason} ({device.remedy})"
            console.print(text, style="yellow", markup=False, soft_wrap=True)
    return tuple(device.name for device in found if device.subject is not None)


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
        console.print(printable(described(one)), style="red", markup=False, soft_wrap=True)
    if not found:
        console.print(f"{', '.join(devices)}: right: {title}", markup=False, soft_wrap=True)
    return bool(found)
