"""A process that may die with what it runs: started afresh, limited, heard through a pipe, ended.

Time is limited by the kernel's own timers, whose signals end the process: generated code that never
returns to Python is ended too, and nobody else has to be alive to do it.

Memory is limited by RLIMIT_DATA, which counts private memory that can be written.  RLIMIT_AS would
count the hundreds of GiB that drivers of GPUs reserve and never touch, and somebody who looks at
resident memory from outside comes too late for a kernel that fills it within a second.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

LEAVE_SECONDS = 5.0  # for a process that has nothing to do to end by itself
SOON = 1e-3  # a timer of 0 would never ring


@dataclass(frozen=True)
class Timer:
    """The signal of a timer of the kernel, its clock, and its seconds for each of a limit's."""

    number: signal.Signals
    clock: Callable[[], float]
    factor: float


WAITS = 5.0
# What computes is measured in seconds of the processor, which do not depend on who else computes;
# what waits (for a device, or for ever) is given more.
TIMERS = {
    signal.ITIMER_PROF: Timer(signal.SIGPROF, time.process_time, 1.0),
    signal.ITIMER_REAL: Timer(signal.SIGALRM, time.monotonic, WAITS),
}
OUT_OF_TIME = tuple(timer.number for timer in TIMERS.values())
C = TypeVar("C", bound="Child")


# -- where the process was started -----------------------------------------------------------------
@dataclass(frozen=True)
class Ending:
    """How a process has ended: by which signal, if by one, and in words."""

    text: str
    number: int = 0

    @classmethod
    def of(cls, code: int | None) -> Ending:
        """The ending of a process with this exit code, negative for a signal."""
        if code is not None and code < 0:
            late = ", since its time was up" if -code in OUT_OF_TIME else ""
            return cls(f"the process was ended by {signal.Signals(-code).name}{late}", -code)
        return cls(f"the process ended with exit code {code}")

    @property
    def kind(self) -> str:
        """`timeout` where it was the timer of `time_limit`, else `crash`."""
        return "timeout" if self.number in OUT_OF_TIME else "crash"


@dataclass
class Child:
    """A process and the pipe to it.  Messages are objects of JSON."""

    process: BaseProcess
    line: Connection

    @classmethod
    def start(
        cls: type[C], target: Callable[..., None], *arguments: object, daemon: bool = True
    ) -> C:
        """A new process that calls `target(line, *arguments)`; a daemon has none of its own.

        It is spawned: a fork would take the locks of other threads and the driver of a GPU along.
        """
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=target, args=(there, *arguments), daemon=daemon)
        process.start()
        there.close()  # so that the end of the process is the end of the pipe
        return cls(process, here)

    def send(self, **message: object) -> bool:
        """Whether there is still somebody to send it to."""
        return self.send_bytes(json.dumps(message).encode())

    def send_bytes(self, line: bytes) -> bool:
        """The same with a line that is written already."""
        try:
            self.line.send_bytes(line)
        except OSError:
            return False
        return True

    def receive(self) -> dict[str, Any] | None:
        """The next message; None where the process has ended, be it in the middle of one."""
        try:
            message: dict[str, Any] = json.loads(self.line.recv_bytes())
        except (EOFError, OSError):
            return None
        return message

    def end(self) -> Ending:
        """How the process, which is no longer at its end of the pipe, has ended."""
        self.line.close()
        self.process.join(LEAVE_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
            return Ending("the process closed its pipe and did not end")
        return Ending.of(self.process.exitcode)

    def close(self, kill: bool) -> None:
        """Say that nothing more will come, or end a process that may not listen."""
        self.line.close()
        if kill:
            self.process.kill()

    def leave(self) -> None:
        """Wait for a process that was closed; it does not stay behind."""
        self.process.join(LEAVE_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


# -- in the process --------------------------------------------------------------------------------
@dataclass(frozen=True)
class Limits:
    """What a process may use: seconds for a program on a device (`time_limit`), bytes in all."""

    seconds: float = 60.0
    memory: int | None = 2 << 30


def begin(memory: int | None = None) -> None:
    """What every such process does first; `memory` is its limit in bytes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that has the results
    if memory is not None:
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        if most != resource.RLIM_INFINITY:
            memory = min(memory, most)
        resource.setrlimit(resource.RLIMIT_DATA, (memory, most))


def tell(line: Connection, **message: object) -> None:
    """Send a message."""
    line.send_bytes(json.dumps(message).encode())


@contextmanager
def until_nobody_asks() -> Iterator[None]:
    """End the process where the pipe ends.

    At once: taking its caches apart, node by node, would take seconds.
    """
    try:
        yield
    except (EOFError, BrokenPipeError, ConnectionResetError):
        os._exit(0)


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """The process is ended where this takes so many seconds of the processor, or waits for long.

    A limit around this one stands.
    """
    around = []
    for timer, row in TIMERS.items():
        left, _ = signal.getitimer(timer)
        around.append((timer, row, left, row.clock()))
        signal.signal(row.number, signal.SIG_DFL)
        limit = seconds * row.factor
        signal.setitimer(timer, min(limit, left) if left else limit)
    try:
        yield
    finally:
        for timer, row, left, started in around:
            again = max(left - (row.clock() - started), SOON) if left else 0.0
            signal.setitimer(timer, again)
