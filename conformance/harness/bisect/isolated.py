"""Bisecting in a process of its own: what is wrong may end the process that runs it.

A case that does is bisected once more by the interpreters alone, which need no device: they often
know why (an address outside its memory, a division that traps).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from multiprocessing.connection import Connection

from conformance.harness.bisect.blame import NOT_FOUND, Blame, Place
from conformance.harness.bisect.search import bisect
from conformance.harness.case import Case, parse_case
from conformance.harness.process import Child, Ending, begin, tell, time_limit
from conformance.harness.subject import Subject
from conformance.harness.trial import RELATIONS, Outcome, Problem, judge
from conformance.harness.trial.outcome import worst

SOURCE = "conformance.harness.devices:subjects_of"
SECONDS = 120.0
MEMORY = 4 << 30  # bytes


def bisect_isolated(
    case: Case,
    names: tuple[str, ...],
    seconds: float = SECONDS,
    ended: Problem | None = None,
    source: str = SOURCE,
    related: bool = False,
) -> Blame:
    """The blame for a case on the devices `names`; with the relations, if it is `related`.

    `ended` says which device has ended a process already, and how; it is not run then. `source`
    names the function (`module:function`) that gives the subjects of names: they cannot travel.
    """
    ask = partial(_ask, case, names, seconds, source, related)
    if ended is None:
        found, device, ending = ask(None)
        if found is not None or ending is None:
            return found or _lost(names, "the process said nothing")
        ended = Problem(ending.kind, (device,) if device else names, -1, "", (), ending.text)
    found, _, ending = ask(ended)
    text = "" if ending is None else ending.text
    return found or Blame(ended.kind, ended.devices[0], ended.devices, Place(NOT_FOUND, text=text))


def _lost(names: tuple[str, ...], text: str) -> Blame:
    return Blame("error", names[0], (), Place(NOT_FOUND, text=text))


def _ask(
    case: Case, names: tuple[str, ...], seconds: float, source: str, related: bool,
    ended: Problem | None,
) -> tuple[Blame | None, str, Ending | None]:
    """The blame, or the device that ran last and how the process ended."""
    known = None if ended is None else (ended.kind, ended.devices[0], ended.text)
    child = Child.start(_serve, case.text, names, seconds, source, related, known)
    device = ""
    while (message := child.receive()) is not None:
        if "blame" in message:
            child.close(kill=True)
            child.leave()
            return Blame.from_json(message["blame"]), device, None
        device = message["where"]
    return None, device, child.end()


# -- in the process --------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Announced:
    """A subject that says when it runs."""

    inner: Subject
    line: Connection

    @property
    def name(self) -> str:
        return self.inner.name

    def run(self, case: Case) -> list[bytes]:
        tell(self.line, where=self.name)
        return self.inner.run(case)


def _serve(
    line: Connection, text: str, names: tuple[str, ...], seconds: float, source: str,
    related: bool, ended: tuple[str, str, str] | None,
) -> None:
    begin(MEMORY)
    module, _, function = source.partition(":")
    case, subjects = parse_case(text), getattr(import_module(module), function)(names)
    with time_limit(seconds):
        if ended is None:
            outcome = _judged(case, subjects, RELATIONS if related else (), line)
        else:
            kind, device, said = ended
            outcome = Outcome((Problem(kind, (device,), -1, "", (), said),), ran=tuple(subjects))
        problem = worst(outcome.problems)
        if problem is not None:
            tell(line, where=problem.devices[0])
        blame = bisect(case, subjects, outcome)
    tell(line, blame=blame.to_json())


def _judged(
    case: Case, subjects: Mapping[str, Subject], relations: Sequence[str], line: Connection
) -> Outcome:
    announced = {name: _Announced(row, line) for name, row in subjects.items()}
    return judge(case, announced, relations=relations)
