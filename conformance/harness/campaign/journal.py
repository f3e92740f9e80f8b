"""What a worker is running, on disk before it runs: a case file that names draw and device.

It is written in place and not forced to the disk: it outlives any process, not a loss of power.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from conformance.harness.case import Case, print_case, read_case

FOLDER = "running"
TOGETHER = -1  # in the place of a program's number in its draw: all of them run at once
_PLACE = re.compile(r"draw (\d{1,18}) program (-1|\d{1,9})", re.ASCII)
_ON = "running on "


@dataclass(frozen=True)
class Running:
    """What a journal says: the program, its draw, its number there, the device ("" before any)."""

    case: Case
    draw: int
    program: int
    device: str


class Journal:
    """The file of one worker."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.number = os.open(file, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)

    def begin(self, case: Case, draw: int, program: int) -> None:
        """The program that runs from now on; the first of a draw whose programs run together."""
        self.clear()
        self._write(print_case(case.with_notes(f"draw {draw} program {program}")))

    def on(self, device: str) -> None:
        """The device that runs it."""
        self._write(f"# {_ON}{device}\n")

    def clear(self) -> None:
        """Nothing runs."""
        os.ftruncate(self.number, 0)
        os.lseek(self.number, 0, os.SEEK_SET)

    def _write(self, text: str) -> None:
        data = text.encode()
        while data:
            data = data[os.write(self.number, data) :]


def read_journal(file: Path) -> Running | None:
    """What a worker has left behind; None where it ran nothing, or had not written all of it."""
    try:
        case = read_case(file)
    except (OSError, ValueError):
        return None
    place = _PLACE.fullmatch(case.notes[0]) if case.notes else None
    if place is None:
        return None
    ran = [note.removeprefix(_ON) for note in case.notes if note.startswith(_ON)]
    return Running(case.with_notes(), int(place[1]), int(place[2]), ran[-1] if ran else "")
