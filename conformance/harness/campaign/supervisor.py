"""The process of the command: it hands out numbers, starts workers, and knows why they end.

It makes no program and runs none.  Whatever a worker takes with it is found in its journal.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import wait
from pathlib import Path
from signal import SIGKILL, SIGTERM

from conformance.harness.campaign.findings import Hit
from conformance.harness.campaign.isolated import Devices
from conformance.harness.campaign.journal import Running, read_journal
from conformance.harness.campaign.kinds import KINDS, Kind
from conformance.harness.campaign.skill import Post
from conformance.harness.campaign.steering import Pace, print_weights, weights
from conformance.harness.campaign.store import Order, Settings, Store
from conformance.harness.campaign.worker import EXPLAIN_SECONDS, serve
from conformance.harness.ledger.entries import FILE
from conformance.harness.process import OUT_OF_TIME, WAITS, Child, Ending, Limits
from conformance.harness.trial import Problem

GRACE_SECONDS = 30.0  # beyond a worker's own limits, before it is ended from outside
SLOWEST_DRAW = 20  # limits of one program, on the clock, until a draw is not believed to end
STARTS = 3  # workers that end before they are ready, one after another: nothing works here
FROM_OUTSIDE = (SIGKILL, SIGTERM)  # generated code does not send these; the memory killer does
DEATHS = 3  # of workers with one draw, until it is to blame even for those
TICK_SECONDS = 0.5


@dataclass
class Worker(Child):
    """A worker and what it does: a draw, or looking for a cause."""

    post: Post | None = None
    ready: bool = False
    order: Order | None = None
    explains: bool = False
    patience: float = 0.0  # until when to wait for a word of it, by the monotonic clock
    silent: bool = False

    @property
    def busy(self) -> bool:
        return self.order is not None or self.explains


@dataclass
class Progress:
    """What this run has done so far."""

    cases: int = 0
    draws: int = 0
    deaths: int = 0
    started: int = 0


@dataclass
class Campaign:
    """`run` works until the numbers below `draws` are done or `deadline` passes.

    The deadline is one of the monotonic clock; causes are looked for a little longer.
    """

    store: Store
    settings: Settings
    devices: Devices
    limits: Limits
    count: int
    ledger: Path = FILE
    draws: int | None = None
    deadline: float | None = None
    report: Callable[[Progress], None] | None = None
    progress: Progress = field(default_factory=Progress, init=False)
    _workers: list[Worker] = field(default_factory=list, init=False)
    _open: deque[Order] = field(default_factory=deque, init=False)
    _next: int = field(default=0, init=False)
    _failed_starts: int = field(default=0, init=False)
    _weights: int | None = field(default=None, init=False)
    _pace: Pace = field(default_factory=Pace, init=False)

    @property
    def kind(self) -> Kind:
        """What the programs are."""
        return KINDS[self.settings.kind]

    def run(self) -> None:
        """RuntimeError for an error of the harness itself; nothing that was done is lost by it."""
        self._open.extend(self.store.open_orders())
        self._next = self.store.next_number()
        try:
            while self._turn():
                if self.report is not None:
                    self.report(self.progress)
        finally:
            for worker in self._workers:
                worker.close(kill=worker.busy or not worker.ready)
            for worker in tuple(self._workers):
                worker.leave()
                self._remove(worker)

    def _turn(self) -> bool:
        """Give work to everybody, and hear who is done with it; whether there is more to do."""
        while len(self._workers) < self.count and self._work_left():
            self._start()
        for worker in tuple(self._workers):
            if worker.ready and not worker.busy:
                self._give(worker)
        busy = [worker for worker in self._workers if worker.busy or not worker.ready]
        if not any(worker.busy for worker in busy) and not self._work_left():
            return False
        by_line = {id(worker.line): worker for worker in busy}
        for line in wait([worker.line for worker in busy], TICK_SECONDS):
            self._listen(by_line[id(line)])
        self._end_the_silent()
        return True

    # -- work --------------------------------------------------------------------------------------
    def _time_left(self, more: float = 0.0) -> bool:
        return self.deadline is None or time.monotonic() < self.deadline + more

    def _draws_left(self) -> bool:
        more = bool(self._open) or self.draws is None or self._next < self.draws
        return more and self._time_left()

    def _causes_left(self) -> bool:
        return self._time_left(EXPLAIN_SECONDS) and self.store.findings.waiting() > 0

    def _work_left(self) -> bool:
        return self._draws_left() or self._causes_left()

    def _give(self, worker: Worker) -> None:
        """A cause before a draw: a campaign that finds a bug again and again should know it."""
        seconds = self.limits.seconds
        if self._causes_left():
            worker.explains = True
            worker.patience = time.monotonic() + WAITS * EXPLAIN_SECONDS + GRACE_SECONDS
            sent = worker.send(explain=True)
        elif self._draws_left():
            order = worker.order = self._order()
            worker.patience = time.monotonic() + SLOWEST_DRAW * seconds + GRACE_SECONDS
            sent = worker.send(draw=asdict(order))
        else:
            return
        if not sent:
            self._died(worker)

    def _order(self) -> Order:
        if self._open:
            return self._open.popleft()
        if self.settings.steered and self._pace.is_due(self._next):
            self._steer()
        self._next += 1
        return Order(self._next - 1, self._weights)

    def _steer(self) -> None:
        """Draw more of what still leads somewhere new from now on."""
        found = weights(self.store.coverage())
        self._weights = self.store.keep_weights(print_weights(found))

    # -- workers -----------------------------------------------------------------------------------
    def _start(self) -> None:
        name = f"{self.store.run}.{self.progress.started}"
        self.progress.started += 1
        assert self.store.run is not None
        post = Post(str(self.store.folder), self.store.run, name, self.devices, self.settings,
                    self.limits, str(self.ledger))  # fmt: skip
        worker = Worker.start(serve, post, daemon=False)
        worker.post = post
        worker.patience = time.monotonic() + WAITS * self.limits.seconds + GRACE_SECONDS
        self._workers.append(worker)

    def _listen(self, worker: Worker) -> None:
        message = worker.receive()
        if message is None:
            self._died(worker)
            return
        if "error" in message:
            raise RuntimeError(f"a worker failed:\n{message['error']}")
        if "ready" in message:
            worker.ready, self._failed_starts = True, 0
            return
        self._count(message)
        worker.order, worker.explains = None, False
        if message["replace"]:
            self._remove(worker)
            worker.close(kill=False)
            worker.leave()

    def _count(self, message: Mapping[str, int]) -> None:
        self.progress.draws += "cases" in message
        self.progress.cases += message.get("cases", 0)

    def _end_the_silent(self) -> None:
        """A process that its own timer did not end: stopped, or held by the system."""
        for worker in self._workers:
            if (worker.busy or not worker.ready) and time.monotonic() > worker.patience:
                worker.silent = True
                worker.process.kill()  # and its pipe will say so

    def _remove(self, worker: Worker) -> None:
        self._workers.remove(worker)
        assert worker.post is not None
        worker.post.journal.unlink(missing_ok=True)

    # -- deaths ------------------------------------------------------------------------------------
    def _died(self, worker: Worker) -> None:
        """Why a worker has ended, and what becomes of what it did."""
        assert worker.post is not None
        ending = worker.end()
        if worker.silent:
            ending = Ending("the process gave no answer", OUT_OF_TIME[-1])
        running = read_journal(worker.post.journal, self.kind.read)
        self._remove(worker)
        self.progress.deaths += 1
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= STARTS:
                raise RuntimeError(f"a worker could not start: {ending.text}")
        outside = ending.number in FROM_OUTSIDE
        self.store.findings.released(worker.post.name, counts=not outside)
        if worker.order is not None:
            again = outside and self.store.deaths(worker.order.number) < DEATHS
            rest, hit = self._rest(worker.order, running, ending, again)
            if self.store.died(worker.order, rest, hit):
                self._open.appendleft(rest)
        self._give_up_causes(ending)

    def _rest(
        self, order: Order, running: Running | None, ending: Ending, again: bool
    ) -> tuple[Order, Hit | None]:
        """What is left of a draw that has lost its worker, and what is known of why."""
        if again:
            return order, None
        if running is None or running.draw != order.number:
            if self.store.deaths(order.number) < DEATHS:
                return order, None
            raise RuntimeError(f"draw {order.number} ran nothing, and {ending.text}")
        if not order.alone:
            return order.singly(ending), None
        text = f"{running.device or 'before any device'}: {ending.text}"
        devices = (running.device,) if running.device else self.devices.names
        problem = Problem(ending.kind, devices, -1, "", (), text, running.way)
        hit = Hit(order.number, running.program, problem, running.text)
        return order.without(running.program), hit

    def _give_up_causes(self, ending: Ending) -> None:
        """What has ended two workers that looked for its cause is a finding without one."""
        for claim in self.store.findings.hopeless():
            name = f"unexplained; {claim.hit.signature}"
            if self.store.findings.ask(name, claim, "supervisor"):
                text = f"{claim.hit.problem.text}; looking for the cause: {ending.text}"
                self.store.findings.shrunk(name, claim, "fail", text, claim.hit.body, "", "{}")
