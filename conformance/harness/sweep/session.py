"""The command `sweep`: parts on all cores, kept as they are finished, and added up."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np
from rich.console import Console

from conformance.harness import devices
from conformance.harness.check import collect_seldom
from conformance.harness.output import progress_bar
from conformance.harness.sweep import progress
from conformance.harness.sweep.measure import Sweep, identified, joined, measure
from conformance.harness.sweep.operands import chosen as plan_for
from conformance.harness.sweep.subjects import LIBRARIES, subject
from engine.backends.base import DeviceUnavailable
from engine.context import Context
from oracles.catalog import ROWS
from oracles.mpmath_ref import NAMES
from reports.accuracy import operands, share
from reports.markdown import counted
from reports.records import SweepRecord

QUEUED = 3  # parts that a worker has ahead, so that none waits for the process that keeps them


@dataclass
class Job:
    """One part to be measured; `known` is its record where that is only to be confirmed."""

    state: State
    part: int
    known: SweepRecord | None = None


@dataclass
class State:
    """A sweep and what is known of it.

    `absent` says why it cannot run here, and `problem` what was wrong with the judge or the file.
    """

    sweep: Sweep
    name: str
    file: Path
    identity: str = ""
    found: dict[int, SweepRecord] = field(default_factory=dict)
    absent: str = ""
    problem: str = ""

    def open(self) -> None:
        """Ask the subject who it is, and read what is already known."""
        try:
            self.identity = subject(self.sweep.subject).identity(
                self.sweep.op, self.sweep.plan.dtype
            )
        except (DeviceUnavailable, ValueError) as error:
            self.absent = f"not run: {error}"
            return
        self.found = progress.read(self.file, self.sweep, self.name, self.identity)

    def jobs(self) -> Iterator[Job]:
        """One known part once more, then those that are missing.

        They come in an order that covers all operands thinly, should time run out.
        """
        if self.absent:
            return
        order = np.random.default_rng(len(self.found)).permutation(self.sweep.plan.parts).tolist()
        again = next((part for part in order if part in self.found), None)
        if again is not None:
            yield Job(self, again, self.found[again])
        for part in order:
            if part not in self.found and not self.problem:
                yield Job(self, part)

    def take(self, job: Job, record: SweepRecord | str) -> None:
        """Keep what a worker found, or what was wrong."""
        if isinstance(record, str):
            self.problem = record
            return
        record = identified(record, self.identity)
        if job.known is None:
            progress.append(self.file, record)
            self.found[job.part] = record
        elif replace(record, seconds=job.known.seconds) != job.known:
            self.problem = f"{self.file} says something else of part {job.part} than is measured"

    @property
    def record(self) -> SweepRecord | None:
        """What is known of the whole."""
        usable = self.found and not self.problem
        return joined(list(self.found.values())) if usable else None


def chosen(
    ops: Sequence[str],
    dtypes: Sequence[str],
    subjects: Sequence[str],
    sample: int | None,
    seed: int,
) -> list[Sweep]:
    """The sweeps that names ask for; ValueError says which of them means nothing here."""
    for op in ops:
        if op not in NAMES:
            raise ValueError(f"no function of floats: {op}; there are {', '.join(NAMES)}")
    bounded = sorted(set.intersection(*(set(ROWS[op].bound_ulp) for op in ops or NAMES)))
    for dtype in dtypes:
        if dtype not in bounded:
            raise ValueError(f"no bound for {dtype}; there are some for {', '.join(bounded)}")
    for name in subjects:
        if name not in LIBRARIES:
            devices.under_test([name])
    return [
        Sweep(op, plan_for(dtype, sample, seed, ROWS[op].operands), name)
        for name in dict.fromkeys(one if one in LIBRARIES else one.upper() for one in subjects)
        for dtype in dict.fromkeys(dtypes or ("float32",))
        for op in dict.fromkeys(ops or NAMES)
    ]


def run_sweeps(
    sweeps: Sequence[Sweep], out: Path, budget: float | None, console: Console, workers: int
) -> tuple[int, list[SweepRecord]]:
    """Measure, keep, print; the exit code and what is known of each sweep.

    0: nothing broke its bound, 1: something did, could not be judged, or was interrupted, 2:
    nothing ran. ValueError for a file of finished parts that cannot be trusted.
    """
    collect_seldom()
    out.mkdir(parents=True, exist_ok=True)
    states = []
    for sweep in sweeps:
        name = subject(sweep.subject).name
        states.append(State(sweep, name, out / progress.file_name(sweep, name)))
        states[-1].open()
    interrupted = ""
    deadline = None if budget is None else time.monotonic() + budget
    started = time.monotonic()
    before = sum(len(state.found) for state in states)
    try:
        _work(states, deadline, console, workers)
    except KeyboardInterrupt:
        interrupted = "interrupted: the finished parts are kept, and the same command goes on"
    except BrokenProcessPool:
        interrupted = "a worker process was ended: the finished parts are kept"
    done = sum(len(state.found) for state in states) - before
    records = [record for state in states if (record := state.record) is not None]
    _show(console, states, records)
    if done:
        _show_rate(console, records, done, time.monotonic() - started)
    if interrupted:
        console.print(interrupted, style="yellow")
    if interrupted or any(r.failures for r in records) or any(s.problem for s in states):
        return 1, records
    return (0 if records else 2), records


def _work(
    states: Sequence[State], deadline: float | None, console: Console, workers: int
) -> None:
    """Measure what is missing, until all is known or the time is up."""
    jobs = (
        job for state in states for job in state.jobs()
        if deadline is None or time.monotonic() < deadline
    )  # fmt: skip
    with progress_bar(console) as bar:
        total = sum(state.sweep.plan.parts for state in states if not state.absent)
        task = bar.add_task("", total=total, completed=sum(len(s.found) for s in states))
        for job, outcome in _outcomes(jobs, workers):
            job.state.take(job, outcome)
            known = sum(len(state.found) for state in states)
            bar.update(task, description=str(job.state.sweep), completed=known)


# -- workers ---------------------------------------------------------------------------------------
def _outcomes(jobs: Iterator[Job], workers: int) -> Iterator[tuple[Job, SweepRecord | str]]:
    """The jobs as they are done, by this process or by others."""
    if workers == 1:
        for job in jobs:
            yield job, judged(job.state.sweep, job.part)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start_worker) as pool:
        open_ones: dict[Future[SweepRecord | str], Job] = {}
        try:
            while True:
                for job in islice(jobs, workers * QUEUED - len(open_ones)):
                    open_ones[pool.submit(judged, job.state.sweep, job.part)] = job
                if not open_ones:
                    return
                for future in wait(open_ones, return_when=FIRST_COMPLETED).done:
                    yield open_ones.pop(future), future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that has the results
    collect_seldom()


def judged(sweep: Sweep, part: int) -> SweepRecord | str:
    """The record of a part, or why it could not be judged. Kernels run on one thread."""
    try:
        with Context(THREADS=1):
            return measure(sweep, part)
    except (ArithmeticError, ValueError) as error:
        return f"part {part} was not judged: {error}"


# -- on the terminal -------------------------------------------------------------------------------
def _show(console: Console, states: Sequence[State], records: Sequence[SweepRecord]) -> None:
    for record in records:
        style = "bold red" if record.failures else None
        console.print(summary(record), style=style, markup=False, highlight=False, soft_wrap=True)
        for text in record.worst if record.failures else ():
            ulp, *words, result = text.split(" ")
            text = f"    at {', '.join(words)} the result {result} is {ulp} ulp from the true value"
            console.print(text, style="red", markup=False, highlight=False)
    for state in states:
        missing = state.sweep.plan.parts - len(state.found)
        left = f"{counted(missing, 'part')} of {state.sweep.plan.parts} left" if missing else ""
        if text := state.problem or state.absent or left:
            style = "bold red" if state.problem else "yellow"
            console.print(f"{state.sweep}: {text}", style=style, markup=False, soft_wrap=True)


def summary(record: SweepRecord) -> str:
    """What a sweep has found, in a line."""
    text = f"{record.op:8} {record.dtype:8} {record.subject:6} {operands(record)} operands"
    ulp, *words, _ = (record.worst or ("0 - -",))[0].split(" ")
    text += f", at most {ulp} ulp (at {', '.join(words)})"
    if record.bound_ulp:
        text += f" of {record.bound_ulp}, {record.failures:,} failed"
    elif record.wrong_special:
        text += f", {record.wrong_special:,} of {record.special:,} special values wrong"
    return f"{text}, {share(record)} correctly rounded"


def _show_rate(
    console: Console, records: Sequence[SweepRecord], done: int, seconds: float
) -> None:
    """How fast the parts of this run were measured, and how many elements mpmath decided."""
    parts = sum(record.parts for record in records) or 1
    elements = sum(record.elements for record in records) * done / parts
    decided = sum(record.decided for record in records)
    text = f"{elements:,.0f} results judged in {seconds:.1f} s"
    text += f" ({elements / seconds / 1e6:.1f} million a second); {decided:,} by mpmath in all"
    console.print(text, markup=False, highlight=False)
