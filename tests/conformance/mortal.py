"""Devices for tests of the workers: some of them end the process in which they run."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence

from conformance.harness.case import Case
from conformance.harness.check import Device
from conformance.harness.subject import EngineSubject, ReferenceSubject, Subject
from tests.conformance.command import Wrong

SOURCE = "tests.conformance.mortal:under_test"


class Deadly(ReferenceSubject):
    """Right, except that some programs are the last ones that a process runs."""

    def __init__(self, name: str, deadly: Callable[[Case], bool]) -> None:
        self.name, self.deadly = name, deadly

    def run(self, case: Case) -> list[bytes]:
        if self.deadly(case):
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().run(case)


class Fatal(EngineSubject):
    """The engine; abs ends the process."""

    def __init__(self) -> None:
        super().__init__("PYTHON")
        self.name = "FATAL"

    def run(self, case: Case) -> list[bytes]:
        if has_abs(case):
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().run(case)


class Slow(ReferenceSubject):
    """Right, at half a second a launch."""

    def run(self, case: Case) -> list[bytes]:
        time.sleep(0.5)
        return super().run(case)


class Hangs(ReferenceSubject):
    """Does not come back from abs."""

    def run(self, case: Case) -> list[bytes]:
        while has_abs(case):
            time.sleep(60)
        return super().run(case)


def has_abs(case: Case) -> bool:
    return any(statement.op == "abs" for statement in case.statements)


def is_crowded(case: Case) -> bool:
    """Several operators in one launch; a batch alone has no other than its own and helpers."""
    return len({statement.op for statement in case.statements} & {"neg", "abs", "exp2"}) > 1


def under_test(names: Sequence[str] = (), full: bool = False) -> list[Device]:
    subjects = {
        "RIGHT": ReferenceSubject(), "WRONG": Wrong(), "SLOW": Slow(),
        "ABS": Deadly("ABS", has_abs), "CROWD": Deadly("CROWD", is_crowded),
        "HANGS": Hangs(), "TURNS": Hangs(),
    }  # fmt: skip
    places = {"TURNS": 2}  # the first of two that take turns
    return [Device(name, subjects[name], full, places=places.get(name, 0)) for name in names]


def subjects_of(names: Sequence[str] = ()) -> dict[str, Subject]:
    """Engines, for what looks inside of them."""
    return {name: Fatal() if name == "FATAL" else EngineSubject(name) for name in names}
