"""Processes that may die: their limits, how they ended, and what was heard of them."""

from __future__ import annotations

import os
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from conformance.harness import process
from conformance.harness.process import Child, Ending, begin, tell, time_limit

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes import this file."""
    monkeypatch.syspath_prepend(str(ROOT))


def behave(line: Connection, how: str) -> None:
    """What a process of these tests does."""
    begin(1 << 30)
    tell(line, ready=True)
    BEHAVIOUR[how](line)


def compute(line: Connection) -> None:
    with time_limit(60), time_limit(0.1), time_limit(60):
        while True:
            pass


def wait(line: Connection) -> None:
    with time_limit(0.1):
        time.sleep(60)


def go_on(line: Connection) -> None:
    """Limits that have passed without harm leave those around them as they were."""
    with time_limit(0.3):
        for _ in range(3):
            with time_limit(5):
                pass
        while True:
            pass


def finish(line: Connection) -> None:
    with time_limit(0.05):
        pass
    time.sleep(0.5)
    tell(line, done=True)


def fill(line: Connection) -> None:
    try:
        bytearray(2 << 30)
    except MemoryError:
        tell(line, refused=True)


def break_off(line: Connection) -> None:
    """The process ends in the middle of a message."""
    os.write(line.fileno(), (1000).to_bytes(4, "big") + b"[1, ")
    os.kill(os.getpid(), signal.SIGKILL)


BEHAVIOUR = {f.__name__: f for f in (compute, wait, go_on, finish, fill, break_off)}


def lived(how: str) -> tuple[list[dict[str, object]], Ending]:
    """What a process said after it was ready, and how it ended."""
    child = Child.start(behave, how)
    assert child.receive() == {"ready": True}
    heard = []
    while (message := child.receive()) is not None:
        heard.append(message)
    assert not child.send(more=1)
    return heard, child.end()


@pytest.mark.parametrize("how", ["compute", "go_on", "wait"])
def test_what_takes_too_long_is_a_timeout(how: str) -> None:
    """Of which timer, on a machine that computes much else, cannot be said of what computes."""
    heard, ending = lived(how)
    assert heard == []
    assert ending.kind == "timeout"
    assert how != "wait" or ending.number == signal.SIGALRM


def test_a_limit_that_has_passed_is_forgotten() -> None:
    heard, ending = lived("finish")
    assert heard == [{"done": True}]
    assert ending == Ending("the process ended with exit code 0")


def test_memory_is_refused() -> None:
    assert lived("fill")[0] == [{"refused": True}]


def test_half_a_message_is_an_end() -> None:
    heard, ending = lived("break_off")
    assert heard == []
    assert (ending.kind, ending.number) == ("crash", signal.SIGKILL)


def test_waiting_is_given_more_than_computing() -> None:
    timers = process.TIMERS
    assert timers[signal.ITIMER_REAL].factor > timers[signal.ITIMER_PROF].factor == 1
