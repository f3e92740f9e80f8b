"""Random sequences by their numbers, on devices, in processes that may die.

A sequence is judged in every way on the first device, and in one way on another one; the other
devices and the ways take turns. What is wrong is shrunk by the process that has found it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait

from conformance.harness.check import collect_seldom
from conformance.harness.process import (
    Child,
    Limits,
    begin,
    tell,
    time_limit,
    until_nobody_asks,
)
from conformance.harness.sequences.bisect import bisect_sequence
from conformance.harness.sequences.draw import random_sequence
from conformance.harness.sequences.judge import Wrong, judge_way, same
from conformance.harness.sequences.lazy import WAYS, Way
from conformance.harness.sequences.shrink import shrink
from conformance.harness.sequences.text import Sequence

CHUNK = 25  # sequences that a process is sent at once
SHRINK_SECONDS = 20.0
SELDOM = 4  # one sequence in so many runs on a device beside the first


@dataclass(frozen=True)
class Found:
    """A sequence that is wrong; `body` is the smallest one of its kind that was found."""

    number: int
    wrong: Wrong
    body: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What findings that look alike have in common."""
        kind = self.wrong.text.partition(":")[0] if self.wrong.kind == "error" else "bits"
        return self.wrong.device, self.wrong.way, kind


def plan(number: int, devices: tuple[str, ...]) -> Iterator[tuple[str, Way]]:
    """The devices and ways in which sequence `number` runs."""
    for way in WAYS:
        yield devices[0], way
    turn, beside = divmod(number, SELDOM)
    if beside == 0 and len(devices) > 1:
        yield devices[1 + turn % (len(devices) - 1)], WAYS[turn % len(WAYS)]


def tried(
    sequence: Sequence, number: int, devices: tuple[str, ...], seconds: float = 60.0
) -> Wrong | None:
    """What is wrong with a sequence, as far as its number asks."""
    for device, way in plan(number, devices):
        with time_limit(seconds):
            wrong = judge_way(sequence, device, devices, way)
        if wrong is not None:
            return wrong
    return None


def smallest(sequence: Sequence, wrong: Wrong, devices: tuple[str, ...]) -> Sequence:
    """The smallest sequence that is wrong in the same way, with a note that says how."""
    small = shrink(sequence, lambda one: same(wrong, one, devices), SHRINK_SECONDS)
    blame = bisect_sequence(small, devices, wrong)
    notes = (str(wrong), f"{blame.key}: {blame.place.text}")
    return Sequence(small.statements, tuple(" ".join(note.split()) for note in notes))


# -- in the worker ---------------------------------------------------------------------------------
def serve(line: Connection, devices: tuple[str, ...], seed: int, limits: Limits) -> None:
    """The life of a worker: judge the numbers that it is sent."""
    begin(limits.memory)
    collect_seldom()
    os.environ["LOCKSTEP_CACHE"] = "off"
    known: set[tuple[str, str, str]] = set()
    with until_nobody_asks():
        tell(line, ready=True)
        while True:
            first, last = json.loads(line.recv_bytes())["numbers"]
            steps, found = 0, []
            for number in range(first, last):
                sequence = random_sequence(seed, number)
                steps += len(sequence.statements)
                wrong = tried(sequence, number, devices, limits.seconds)
                if wrong is None:
                    continue
                one = Found(number, wrong, sequence.text)
                if one.key not in known:
                    known.add(one.key)
                    one = Found(number, wrong, smallest(sequence, wrong, devices).text)
                found.append([one.number, *vars(one.wrong).values(), one.body])
            tell(line, done=[first, last], steps=steps, found=found)


# -- where the results are -------------------------------------------------------------------------
@dataclass
class Worker(Child):
    """A process, and the numbers that it judges."""

    numbers: tuple[int, int] | None = None


@dataclass
class Hunt:
    """A hunt of the sequences of a seed, from number 0 on, until `count` or `deadline`."""

    devices: tuple[str, ...]
    seed: int
    workers: int
    count: int | None = None
    deadline: float | None = None
    limits: Limits = field(default_factory=Limits)
    next: int = 0
    sequences: int = 0
    steps: int = 0
    found: list[Found] = field(default_factory=list)
    again: list[tuple[int, int]] = field(default_factory=list)

    def run(self) -> Iterator[Hunt]:
        """Hunt; after each answer the hunt itself, as it stands."""
        pool = [self._start() for _ in range(self.workers)]
        try:
            while pool:
                ready = wait([worker.line for worker in pool], 1.0)
                for worker in [one for one in pool if one.line in ready]:
                    pool.remove(worker)
                    if (left := self._hear(worker)) is not None:
                        pool.append(left)
                yield self
        finally:
            for worker in pool:
                worker.close(kill=True)
                worker.leave()

    def _start(self) -> Worker:
        return Worker.start(serve, self.devices, self.seed, self.limits)

    def _hear(self, worker: Worker) -> Worker | None:
        """The worker, which has its next numbers; another one if it died; None if all is done."""
        answer = worker.receive()
        if answer is None:
            self._died(worker)
            worker = self._start()
            answer = worker.receive()
        if answer is not None and "done" in answer:
            first, last = answer["done"]
            self.sequences += last - first
            self.steps += answer["steps"]
            for number, kind, device, way, text, body in answer["found"]:
                self.found.append(Found(number, Wrong(kind, device, way, text), body))
        worker.numbers = self._numbers()
        if worker.numbers is None:
            worker.close(kill=False)
            worker.leave()
            return None
        worker.send(numbers=worker.numbers)
        return worker

    def _died(self, worker: Worker) -> None:
        """Its numbers are tried again, one by one; one that was alone has ended it."""
        ending = worker.end()
        if worker.numbers is None:
            raise RuntimeError(f"a worker ended before it was asked anything: {ending.text}")
        first, last = worker.numbers
        if last - first > 1:
            self.again += [(number, number + 1) for number in range(first, last)]
            return
        body = random_sequence(self.seed, first).text
        wrong = Wrong(ending.kind, self.devices[0], "", ending.text)
        self.sequences += 1
        self.found.append(Found(first, wrong, body))

    def _numbers(self) -> tuple[int, int] | None:
        if self.deadline is not None and time.monotonic() > self.deadline:
            return None
        if self.again:
            return self.again.pop(0)
        last = self.next + CHUNK if self.count is None else min(self.next + CHUNK, self.count)
        if last <= self.next:
            return None
        first, self.next = self.next, last
        return first, last
