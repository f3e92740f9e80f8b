"""What a worker is running, on disk before it runs: its text, then draw and device as comments.

It is written in place and not forced to the disk: it outlives any process, not a loss of power.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from conformance.harness.case import MAX_TEXT, read_text

FOLDER = "running"
TOGETHER = -1  # in the place of a program's number in its draw: all of them run at once
_PLACE = re.compile(r"# draw (\d{1,18}) program (-1|\d{1,9})", re.ASCII)
_ON = "# running on "
_WAY = ": "


@dataclass(frozen=True)
class Running:
    """What a journal says: the program, its draw, its number there, and where it runs.

    `device` is "" before any, `way` where there are no several ways to run it.
    """

    text: str
    draw: int
    program: int
    device: str
    way: str


class Journal:
    """The file of one worker."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.number = os.open(file, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)

    def begin(self, text: str, draw: int, program: int) -> None:
        """The program that runs from now on; the first of a draw whose programs run together.

        The number comes after the text: where it stands, all of the text does.
        """
        self.clear()
        self._write(f"{text}# draw {draw} program {program}\n")

    def on(self, device: str, way: str = "") -> None:
        """The device that runs it, and in which way."""
        self._write(f"{_ON}{device}{_WAY if way else ''}{way}\n")

    def clear(self) -> None:
        """Nothing runs."""
        os.ftruncate(self.number, 0)
        os.lseek(self.number, 0, os.SEEK_SET)

    def _write(self, text: str) -> None:
        data = text.encode()
        while data:
            data = data[os.write(self.number, data) :]


def read_journal(file: Path, read: Callable[[str], object]) -> Running | None:
    """What a worker has left behind; None where it ran nothing, or had not written all of it.

    `read` raises ValueError for a text that is no program.
    """
    try:
        *lines, _ = read_text(file, MAX_TEXT).split("\n")
        places = [k for k, line in enumerate(lines) if _PLACE.fullmatch(line)]
        if not places:
            return None
        text = "\n".join(lines[: places[-1]]) + "\n"
        read(text)
    except (OSError, ValueError):
        return None
    place = _PLACE.fullmatch(lines[places[-1]])
    assert place is not None
    ran = [line.removeprefix(_ON) for line in lines[places[-1] :] if line.startswith(_ON)]
    device, _, way = (ran[-1] if ran else "").partition(_WAY)
    return Running(text, int(place[1]), int(place[2]), device, way)
