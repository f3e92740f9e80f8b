"""Programs in a process of their own: what kills the process is raised as an error here."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from conformance.harness.bisect import Blame
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
from conformance.harness.sequences.bisect import bisect_sequence, comes_to
from conformance.harness.sequences.judge import judge_again
from conformance.harness.sequences.text import Sequence, parse_sequence
from conformance.harness.subject import EngineSubject, NotAvailable, Subject
from conformance.harness.trial.outcome import Problem, print_problem, read_problem
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


class Isolated:
    """Devices.  Who dies of a program is replaced by a fork, which has nothing to import.

    Where a driver does not survive a fork, a new process takes its place.  `life` is what the
    process does, `serve` or something around it.
    """

    def __init__(self, devices: Devices, limits: Limits, life: Serve | None = None) -> None:
        self.devices, self.limits, self.life = devices, limits, life or serve
        self.child: Child | None = None

    def ask(self, **message: object) -> Mapping[str, Any]:
        """The answer to a message of ANSWERS; Ended where the process did not survive it."""
        if self.child is None:
            self.child = Child.start(self.life, self.devices, self.limits)
        child = self.child
        answer = child.receive() if child.send(**message) else None
        if answer is None:
            ending, self.child = child.end(), None
            raise Ended(ending)
        if "ended" in answer:
            raise Ended(Ending.of(answer["ended"]))
        if "absent" in answer:
            raise NotAvailable(*answer["absent"])
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def close(self) -> None:
        """End the process."""
        if self.child is not None:
            self.child.close(kill=True)
            self.child.leave()
            self.child = None


class IsolatedSubject(Isolated):
    """One device, as a subject."""

    def __init__(self, devices: Devices, limits: Limits, life: Serve | None = None) -> None:
        super().__init__(devices, limits, life)
        (self.name,) = devices.names

    def run(self, case: Case) -> list[bytes]:
        """As any subject; Ended where the process did not survive it."""
        return [base64.b64decode(text) for text in self.ask(case=case.text)["outputs"]]


class IsolatedSequences(Isolated):
    """Sequences, in the way in which one was wrong.  What `ended` a process is a problem, too."""

    def again(self, sequence: Sequence, problem: Problem) -> Problem | None:
        """What is wrong with a sequence on the device and in the way of a problem."""
        try:
            found = self._ask("judge", sequence, problem)["problem"]
        except Ended as error:
            return replace(problem, kind=error.ending.kind, text=error.ending.text)
        return None if found is None else read_problem(found)

    def survives(self, sequence: Sequence, problem: Problem, stop: int) -> bool | None:
        """Whether a sequence comes to its computation `stop`; None where it has fewer."""
        try:
            return True if self._ask("run", sequence, problem, stop)["halted"] else None
        except Ended:
            return False

    def blame(self, sequence: Sequence, problem: Problem, event: int | None = None) -> Blame:
        """Where it goes wrong, in computation `event` if that is known; Ended as above."""
        return Blame.from_json(self._ask("bisect", sequence, problem, event)["blame"])

    def _ask(
        self, what: str, sequence: Sequence, problem: Problem, event: int | None = None
    ) -> Mapping[str, Any]:
        return self.ask(sequence=sequence.text, what=what, problem=print_problem(problem),
                        event=event)  # fmt: skip


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
    subjects = devices.subjects()
    if not all(map(may_fork, subjects.values())):
        _answer_all(line, subjects, limits)
    warm_up(EngineSubject("PYTHON"))  # imports what all devices need
    with until_nobody_asks():
        while True:
            number = os.fork()
            if number == 0:
                _answer_all(line, subjects, limits)
            _, status = os.waitpid(number, 0)
            code = os.waitstatus_to_exitcode(status)
            if code == 0:  # nobody asks any more
                os._exit(0)
            tell(line, ended=code)


def may_fork(subject: Subject) -> bool:
    """Whether a process in which the subject's device is known to be here may fork."""
    return not isinstance(subject, EngineSubject) or backend(subject.device).forks


def _answer_all(line: Connection, subjects: Mapping[str, Subject], limits: Limits) -> NoReturn:
    """The life of who runs what is sent."""
    with until_nobody_asks():
        while True:
            _answer(line, subjects, limits)
    raise AssertionError("the pipe has no end")


def _answer(line: Connection, subjects: Mapping[str, Subject], limits: Limits) -> None:
    message = json.loads(line.recv_bytes())
    (answer,) = (row for name, row in ANSWERS.items() if name in message)
    try:
        with time_limit(limits.seconds):
            said = answer(subjects, message)
    except NotAvailable as error:
        tell(line, absent=[error.reason, error.remedy])
    except Exception as error:  # noqa: BLE001 - it is raised again where it is asked for
        tell(line, error=f"{type(error).__name__}: {error}")
    else:
        tell(line, **said)


def _run_case(
    subjects: Mapping[str, Subject], message: Mapping[str, Any]
) -> dict[str, object]:
    """The outputs of a case on the only device."""
    (subject,) = subjects.values()
    outputs = subject.run(parse_case(message["case"]))
    return {"outputs": [base64.b64encode(bits).decode() for bits in outputs]}


def _try_sequence(
    subjects: Mapping[str, Subject], message: Mapping[str, Any]
) -> dict[str, object]:
    """`what` is asked of a sequence, in the way of a problem."""
    sequence, problem = parse_sequence(message["sequence"]), read_problem(message["problem"])
    names, event = tuple(subjects), message["event"]
    match message["what"]:
        case "judge":
            found = judge_again(sequence, problem, names)
            return {"problem": None if found is None else print_problem(found)}
        case "run":
            return {"halted": comes_to(sequence, names, problem, event)}
        case "bisect":
            return {"blame": bisect_sequence(sequence, names, problem, event).to_json()}
    raise ValueError(f"nothing is known of {message['what']!r}")


Answer = Callable[[Mapping[str, Subject], Mapping[str, Any]], dict[str, object]]
ANSWERS: Mapping[str, Answer] = {"case": _run_case, "sequence": _try_sequence}
"""What a message is about, and who answers it."""
