"""A subject in a process of its own: what kills the process is raised as an error here."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from multiprocessing.connection import Connection
from typing import NoReturn

from conformance.harness.case import Case, parse_case
from conformance.harness.check import collect_seldom
from conformance.harness.process import (
    Child,
    Ending,
    Limits,
    begin,
    tell,
    time_limit,
    until_nobody_asks,
)
from conformance.harness.subject import EngineSubject, NotAvailable, Subject
from engine.backends.registry import backend


class Ended(RuntimeError):
    """The process of a subject has ended, by itself or by a limit."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.text)
        self.ending = ending


@dataclass(frozen=True)
class Devices:
    """Devices that another process can make again.

    `source` names the function (`module:function`) that gives the subjects of `names`; `drivers`
    are what the ledger calls theirs by.
    """

    source: str
    names: tuple[str, ...]
    drivers: Mapping[str, str] = field(default_factory=dict)

    def subjects(self) -> dict[str, Subject]:
        """Those that can run here, in this process."""
        module, _, function = self.source.partition(":")
        found: dict[str, Subject] = getattr(import_module(module), function)(self.names)
        return found

    def alone(self, name: str) -> Devices:
        """One of them."""
        return replace(self, names=(name,))


SMALL = "lockstep case 1\n%0 = buffer int8 (1,)\n    01\n%1 = neg %0\noutput %1\n"
Serve = Callable[[Connection, Devices, Limits], None]


class IsolatedSubject:
    """One device.  Who dies of a program is replaced by a fork, which has nothing to import.

    Where a driver does not survive a fork, a new process takes its place.  `life` is what its
    process does, `serve` or something around it.
    """

    def __init__(self, devices: Devices, limits: Limits, life: Serve | None = None) -> None:
        (self.name,) = devices.names
        self.devices, self.limits, self.life = devices, limits, life or serve
        self.child: Child | None = None

    def run(self, case: Case) -> list[bytes]:
        """As any subject; Ended where the process did not survive it."""
        if self.child is None:
            child = self.child = Child.start(self.life, self.devices, self.limits)
        child = self.child
        answer = child.receive() if child.send(case=case.text) else None
        if answer is None:
            ending, self.child = child.end(), None
            raise Ended(ending)
        if "ended" in answer:
            raise Ended(Ending.of(answer["ended"]))
        if "absent" in answer:
            raise NotAvailable(*answer["absent"])
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return [base64.b64decode(text) for text in answer["outputs"]]

    def close(self) -> None:
        """End the process."""
        if self.child is not None:
            self.child.close(kill=True)
            self.child.leave()
            self.child = None


def warm_up(subject: Subject) -> None:
    """What a device does once in a process must not count as the time of a program."""
    with suppress(Exception):
        subject.run(parse_case(SMALL))


def serve(line: Connection, devices: Devices, limits: Limits) -> None:
    """The life of the process: it runs nothing itself, and replaces who dies of what was sent.

    So it has no threads that a fork could not take along.  A device whose driver has some runs in
    this process, and ends with it.
    """
    begin(limits.memory)
    collect_seldom()
    os.environ["LOCKSTEP_CACHE"] = "off"
    (subject,) = devices.subjects().values()
    if not may_fork(subject):
        _answer_all(line, subject, limits)
    warm_up(EngineSubject("PYTHON"))  # imports what all devices need
    with until_nobody_asks():
        while True:
            number = os.fork()
            if number == 0:
                _answer_all(line, subject, limits)
            _, status = os.waitpid(number, 0)
            code = os.waitstatus_to_exitcode(status)
            if code == 0:  # nobody asks any more
                os._exit(0)
            tell(line, ended=code)


def may_fork(subject: Subject) -> bool:
    """Whether a process in which the subject's device is known to be here may fork."""
    return not isinstance(subject, EngineSubject) or backend(subject.device).forks


def _answer_all(line: Connection, subject: Subject, limits: Limits) -> NoReturn:
    """The life of who runs what is sent."""
    with until_nobody_asks():
        while True:
            _answer(line, subject, limits)
    raise AssertionError("the pipe has no end")


def _answer(line: Connection, subject: Subject, limits: Limits) -> None:
    case = parse_case(json.loads(line.recv_bytes())["case"])
    try:
        with time_limit(limits.seconds):
            outputs = subject.run(case)
    except NotAvailable as error:
        tell(line, absent=[error.reason, error.remedy])
    except Exception as error:  # noqa: BLE001 - it is raised again where it is asked for
        tell(line, error=f"{type(error).__name__}: {error}")
    else:
        tell(line, outputs=[base64.b64encode(bits).decode() for bits in outputs])
