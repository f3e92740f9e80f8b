"""A subject in a process of its own: what kills the process is raised as an error here."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from multiprocessing.connection import Connection

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
from conformance.harness.subject import NotAvailable, Subject


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


class IsolatedSubject:
    """One device.  Its process lives as long as nothing kills it."""

    def __init__(self, devices: Devices, limits: Limits) -> None:
        (self.name,) = devices.names
        self.devices, self.limits = devices, limits
        self.child: Child | None = None

    def run(self, case: Case) -> list[bytes]:
        """As any subject; Ended where the process did not survive it."""
        if self.child is None:
            child = self.child = Child.start(serve, self.devices, self.limits)
        child = self.child
        answer = child.receive() if child.send(case=case.text) else None
        if answer is None:
            ending, self.child = child.end(), None
            raise Ended(ending)
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


def serve(line: Connection, devices: Devices, limits: Limits) -> None:
    """The life of the process: run what it is sent."""
    begin(limits.memory)
    collect_seldom()
    os.environ["LOCKSTEP_CACHE"] = "off"
    (subject,) = devices.subjects().values()
    with until_nobody_asks():
        while True:
            _answer(line, subject, limits)


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
