"""A check on all cores: every worker is a process that judges one task after another.

A worker may die with the code that it runs.  Then its cells are judged once more, each batch alone,
in a new worker: what dies again is a crash of that cell on that device, and the rest has lost
nothing.  If nothing dies alone, all that ran together is a crash.  What takes too long dies by the
kernel's timers, and is a timeout.  Records come in the order of the plan, whatever the number of
workers.
"""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from multiprocessing.connection import Connection, wait
from typing import Any

from conformance.harness import plan
from conformance.harness.case import Case
from conformance.harness.cells import Verdict
from conformance.harness.check import Check, Device, Report, collect_seldom, crash
from conformance.harness.judging import Failure
from conformance.harness.process import (
    Child,
    Ending,
    begin,
    tell,
    time_limit,
    until_nobody_asks,
)
from conformance.harness.subject import Subject
from conformance.harness.tasks import (
    Order,
    Task,
    prepared,
    read_order,
    read_result,
    result_line,
    tasks,
)

SOURCE = "conformance.harness.devices:under_test"
GRACE_SECONDS = 60.0  # after the budget, for a launch that was begun before its end
LAUNCH_SECONDS = 600.0  # of the processor for one launch, see `time_limit`: what takes more hangs


# -- in the worker ---------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Limited:
    """A subject whose launches end the process where they take too long."""

    inner: Subject
    seconds: float

    @property
    def name(self) -> str:
        return self.inner.name

    def run(self, case: Case) -> list[bytes]:
        with time_limit(self.seconds):
            return self.inner.run(case)


def _limited(device: Device, seconds: float) -> Device:
    if device.subject is None:
        return device
    return replace(device, subject=_Limited(device.subject, seconds))


def serve(
    line: Connection, source: str, names: tuple[str, ...], full: bool, limit: float
) -> None:
    """The life of a worker: say that it is ready, then judge what it is sent, until nobody asks.

    `source` names the function (`module:function`) that gives the devices: they cannot travel.
    `limit` is that of a launch in seconds.
    """
    begin()
    collect_seldom()
    module, _, function = source.partition(":")
    found = getattr(import_module(module), function)(names, full)
    devices = {device.name: _limited(device, limit) for device in found}
    with until_nobody_asks():
        tell(line, ready=True)
        while True:
            order = read_order(line.recv_bytes())
            _work(line, prepared(order, devices), order.seconds)


def _work(line: Connection, check: Check, seconds: float | None) -> None:
    """Judge, and answer with the result or with what is wrong with the harness itself."""
    check.watch = lambda device, layout: tell(line, where=[device, layout])
    deadline = None if seconds is None else time.monotonic() + seconds
    try:
        check.judge(lambda what, done: tell(line, say=what, done=done), deadline)
        answer = result_line(check)
    except (BrokenPipeError, ConnectionResetError):
        raise
    except Exception:  # noqa: BLE001 - it is raised again where the user sees it
        tell(line, error=traceback.format_exc())
        return
    line.send_bytes(answer)


# -- where the results are -------------------------------------------------------------------------
def _verdict(ending: Ending) -> Verdict:
    """What became of the cell that has ended its worker."""
    return Verdict.TIMEOUT if ending.kind == "timeout" else Verdict.CRASH


@dataclass
class Death:
    """A worker that ended while several cells were together: are any of them guilty alone?"""

    ending: Ending
    task: Task
    device: str
    open: int
    blamed: bool = False


@dataclass(frozen=True)
class Job:
    """A task, and the death for which its cells are judged once more."""

    task: Task
    death: Death | None = None


@dataclass
class Worker(Child):
    """What a process has been given and what it said last."""

    ready: bool = False
    job: Job | None = None
    device: str = ""
    layout: str = ""
    done: int = 0


@dataclass
class Pool:
    """`run` fills `check` as its own `run` would, with `count` workers."""

    check: Check
    count: int
    source: str = SOURCE
    grace: float = GRACE_SECONDS
    limit: float = LAUNCH_SECONDS
    _queue: deque[Job] = field(default_factory=deque, init=False)
    _workers: list[Worker] = field(default_factory=list, init=False)
    _failures: list[tuple[int, Failure]] = field(default_factory=list, init=False)
    _report: Report | None = field(default=None, init=False)
    _deadline: float | None = field(default=None, init=False)
    _done: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._full = any(device.full for device in self.check.devices)
        self._names = tuple(d.name for d in self.check.devices if d.subject is not None)
        found = tasks(self.check.targets, self._full, self._names, self.count)
        self._queue.extend(Job(task) for task in found)

    @property
    def useful(self) -> bool:
        """Whether there is work for more than one worker, and a device for it."""
        return min(self.count, len(self._queue)) > 1 and bool(self._names)

    def run(self, report: Report | None = None, budget: float | None = None) -> None:
        """As `Check.run`; what is known when it is interrupted is in the check."""
        self._report = report
        self._deadline = None if budget is None else time.monotonic() + budget
        self.check.complete = True
        try:
            self._work()
        except BaseException:
            self.check.complete = False
            raise
        finally:
            self._close()
            for _, failure in sorted(self._failures, key=lambda item: item[0]):
                self.check.keep(failure)
        if not self.check.complete:
            self.check.out_of_time(budget)

    def _work(self) -> None:
        """Hand out what is in the queue and listen, until all is done or the time is up."""
        for _ in range(min(self.count, len(self._queue))):
            self._start()
        while True:
            if self._queue and self._deadline is not None and time.monotonic() > self._deadline:
                self._queue.clear()
                self.check.complete = False
            for worker in tuple(self._workers):
                if worker.ready and worker.job is None and self._queue:
                    self._give(worker, self._queue.popleft())
            busy = [w for w in self._workers if w.job is not None or (self._queue and not w.ready)]
            if not busy:
                return
            lines = {worker.line: worker for worker in busy}
            heard = wait(list(lines), self._patience())
            for line in heard:
                assert isinstance(line, Connection)
                self._listen(lines[line])
            if not heard:
                self._give_up(busy)
                return

    def _patience(self) -> float | None:
        """For how many seconds to wait for a word: as long as it takes where there is no budget."""
        if self._deadline is None:
            return None
        return max(0.0, self._deadline + self.grace - time.monotonic())

    def _give_up(self, busy: Sequence[Worker]) -> None:
        """Long after the budget nobody says a word: generated code that does not end."""
        self.check.complete = False
        for worker in busy:
            text = f"no answer {self.grace:g} s after the end of the budget"
            for place, device in self._suspects(worker):
                self._found(place, device, worker.layout, text, Verdict.TIMEOUT)

    def _suspects(self, worker: Worker) -> list[tuple[int, str]]:
        """The cells and devices of which one keeps a worker busy, or has ended it."""
        if worker.job is None:
            return []
        task = worker.job.task
        devices = (worker.device,) if worker.device else task.devices
        return [(place, device) for place in range(task.first, task.last) for device in devices]

    def _start(self) -> None:
        started = Worker.start(serve, self.source, self._names, self._full, self.limit)
        self._workers.append(started)

    def _close(self) -> None:
        """Nobody is left behind: who is busy is ended, who is idle leaves."""
        for worker in self._workers:
            worker.close(kill=worker.job is not None or not worker.ready)
        for worker in self._workers:
            worker.leave()

    def _give(self, worker: Worker, job: Job) -> None:
        task = job.task
        seconds = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
        order = Order(
            self.check.targets[task.first : task.last], task.devices, self._full, self.check.seed,
            max(0, self.check.files - len(self._failures)), task.alone, seconds,
        )  # fmt: skip
        worker.job, worker.device, worker.layout, worker.done = job, "", "", 0
        if not worker.send_bytes(order.line()):  # it ended while it had nothing to do
            self._queue.appendleft(job)
            self._drop(worker)
            self._start()

    def _listen(self, worker: Worker) -> None:
        """One message of a worker, or its end."""
        message = worker.receive()
        if message is None:
            self._died(worker)
        elif "ready" in message:
            worker.ready = True
        elif "where" in message:
            worker.device, worker.layout = message["where"]
        elif "say" in message:
            worker.done = message["done"]
            self._say(message["say"])
        elif "error" in message:
            raise RuntimeError(f"a worker failed:\n{message['error']}")
        else:
            self._finished(worker, message)

    def _say(self, what: str) -> None:
        if self._report is not None:
            self._report(what, self._done + sum(worker.done for worker in self._workers))

    def _finished(self, worker: Worker, message: dict[str, Any]) -> None:
        job = worker.job
        assert job is not None
        result = read_result(message)
        for record in result.cells:
            if not result.complete and record.verdict == Verdict.NOT_RUN:
                record = replace(record, reason="", remedy="")  # there was no time
            self.check.cells[(record.op, record.dtypes, record.device)].absorb(record)
        self._failures += [(self._place(job.task, failure), failure) for failure in result.failures]
        self.check.complete &= result.complete
        for device, seconds in result.seconds.items():
            self.check.spent(device, seconds)
        worker.job, worker.done = None, 0
        self._closed(job)

    def _place(self, task: Task, failure: Failure) -> int:
        """The number of the cell in the plan."""
        return self.check.targets.index((failure.op, failure.dtypes), task.first, task.last)

    def _closed(self, job: Job) -> None:
        """A job is done: count it, and blame all of a death when nobody was guilty alone."""
        cells = self.check.targets[job.task.first : job.task.last]
        self._done += sum(len(plan.names(op, dtypes, self._full)) for op, dtypes in cells)
        self._say(cells[-1][0])
        death = job.death
        if death is None:
            return
        death.open -= 1
        if death.open == 0 and not death.blamed:
            many = death.task.last - death.task.first
            text = f"{death.ending.text} while {many} cells ran together; none does it alone"
            for place in range(death.task.first, death.task.last):
                for device in [death.device] if death.device else death.task.devices:
                    self._found(place, device, "", text, _verdict(death.ending))

    def _drop(self, worker: Worker) -> Ending:
        """A worker is no more; how it ended."""
        self._workers.remove(worker)
        return worker.end()

    # -- deaths ------------------------------------------------------------------------------------
    def _died(self, worker: Worker) -> None:
        """Replace the worker; judge what it had once more, or know who was guilty."""
        ending, job = self._drop(worker), worker.job
        if job is None:
            raise RuntimeError(f"a worker could not start: {ending.text}")
        self._start()
        if not job.task.alone:
            death = Death(ending, job.task, worker.device, job.task.last - job.task.first)
            places = range(job.task.first, job.task.last)
            alone = [Job(Task(k, k + 1, job.task.devices, True), death) for k in places]
            self._queue.extendleft(reversed(alone))
            return
        self._blame(worker, job, ending)

    def _blame(self, worker: Worker, job: Job, ending: Ending) -> None:
        """A cell that ends its process alone; the other devices are judged without the guilty."""
        if job.death is not None:
            job.death.blamed = True
        guilty = (worker.device,) if worker.device else job.task.devices
        text = f"{worker.layout}: {ending.text}" if worker.layout else ending.text
        for device in guilty:
            self._found(job.task.first, device, worker.layout, text, _verdict(ending))
        rest = tuple(name for name in job.task.devices if name not in guilty)
        if rest:
            self._queue.appendleft(Job(replace(job.task, devices=rest), job.death))
        else:
            self._closed(job)

    def _found(
        self, place: int, device: str, layout: str, text: str, verdict: Verdict
    ) -> None:
        """The verdict of a cell that the device has, with the program that ran if that is known."""
        op, dtypes = self.check.targets[place]
        cell = self.check.cells.get((op, dtypes, device))
        if cell is None:  # the cover does not have it on this device
            return
        if not cell.planned:
            cell.planned = len(plan.names(op, dtypes, self._full))
        cell.found(verdict, text, 1)
        for batch in plan.batches(op, dtypes, self._full, self.check.seed):
            if batch.layout == layout:
                failure = replace(crash(batch, device, text), verdict=verdict.value)
                self._failures.append((place, failure))
