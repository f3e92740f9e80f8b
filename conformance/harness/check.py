"""A check: the planned cells on all devices, in lockstep, with partial results at any time."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from conformance.harness import plan
from conformance.harness.build import merged
from conformance.harness.case import in_file_names, print_case
from conformance.harness.cells import Cell, Cells, Verdict
from conformance.harness.judging import Failure, Outputs, Verdicts, judge_batch, minimised
from conformance.harness.ledger import Entry, Ledger, current, match
from conformance.harness.plan import Batch, Dtypes
from conformance.harness.subject import NotAvailable, Subject

FIRST_GROUP = 8  # batches of the first launch, so that something is known soon; then twice as many
GROUP_BATCHES = 64
GROUP_BYTES = 1 << 24
FILES_PER_CELL = 2
FILES = 64


@dataclass(frozen=True)
class Device:
    """A device under test; `subject` is None where it cannot run, and `reason` says why.

    It is the one at `place` of the `places` devices that share the cells of which the cover has few
    calls; where there are no places, it has all of them.
    `driver` is what the ledger calls its driver by: what it runs on, and versions.
    """

    name: str
    subject: Subject | None
    full: bool = True
    reason: str = ""
    remedy: str = ""
    place: int = 0
    places: int = 0
    driver: str = ""

    def runs(self, op: str, dtypes: Dtypes) -> bool:
        """Whether the plan has a cell on this device."""
        return self.full or plan.meets(op, dtypes, self.place, self.places)


@dataclass
class Found:
    """A failure and the file that shows it again, if one was written."""

    failure: Failure
    file: str = ""


Report = Callable[[str, int], None]
Watch = Callable[[str, str], None]
Answer = Outputs | str | None  # of one program: bits, or how it crashed, or nothing


def collect_seldom() -> None:
    """Let this process look for reference cycles less often.

    A check makes millions of small objects and hardly a cycle, while many live on in caches, so
    that looking took a fifth of the time. It needs no more memory: counting references frees it.
    """
    gc.set_threshold(1_000_000, 20, 100)


class _TimeIsUp(Exception):
    """The deadline passed between two launches or two cells."""


@dataclass
class Check:
    """`run` may be interrupted at any time: cells hold what is known so far.

    `targets` that the plan has on none of the devices are left out.
    At most `files` failures are kept.  The first launch holds `first` batches; with `alone` each
    batch is a launch of its own.  `watch` hears of every launch before it is made: the device, and
    the layout of a batch that is alone in it; ("", "") when judging begins.
    """

    devices: Sequence[Device]
    targets: Sequence[tuple[str, Dtypes]]
    seed: int = plan.SEED
    out: Path | None = None
    files: int = FILES
    first: int = FIRST_GROUP
    alone: bool = False
    watch: Watch | None = None
    ledger: Ledger = field(default_factory=current)
    cells: Cells = field(default_factory=Cells)
    found: list[Found] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)  # of launches, by device
    complete: bool = False
    _deadline: float | None = field(default=None, init=False)
    _report: Report | None = field(default=None, init=False)
    _done: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.targets = [t for t in self.targets if any(d.runs(*t) for d in self.devices)]
        for device in self.devices:
            for op, dtypes in self.targets:
                if not device.runs(op, dtypes):
                    continue
                cell = self.cells.plan(op, dtypes, device.name, 0)
                if device.subject is None:
                    cell.skipped(device.reason, device.remedy)

    @property
    def planned(self) -> int:
        """How many batches a whole run judges."""
        full = any(device.full for device in self.devices)
        return sum(len(plan.names(op, dtypes, full)) for op, dtypes in self.targets)

    def run(self, report: Report | None = None, budget: float | None = None) -> None:
        """Judge everything, or what fits into `budget` seconds.

        `report` hears what is going on and how many of the `planned` batches are done.
        """
        if not self.judge(report, None if budget is None else time.monotonic() + budget):
            self.out_of_time(budget)

    def judge(self, report: Report | None = None, deadline: float | None = None) -> bool:
        """Judge until the deadline, in seconds of the monotonic clock; whether all was judged."""
        self._deadline = deadline
        self._report = report
        self._done = 0
        try:
            for group in self._groups():
                self._run_group(group)
        except _TimeIsUp:
            return False
        self.complete = True
        return True

    def out_of_time(self, budget: float | None) -> None:
        """The cells that did not run are those for which there was no time."""
        self.leave(f"the budget of {budget:g} s ended", "raise --budget")

    def _keep_time(self) -> None:
        """The budget is looked at before each launch and before each cell is judged.

        So no cell is left half judged unless its own launch was the last.
        """
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise _TimeIsUp

    def _say(self, what: str, batches: int = 0) -> None:
        self._done += batches
        if self._report is not None:
            self._report(what, self._done)

    def leave(self, reason: str, remedy: str) -> None:
        """Say of every cell that did not run why it will not."""
        for cell in self.cells:
            if cell.verdict is Verdict.NOT_RUN:
                cell.skipped(reason, remedy)

    def _groups(self) -> Iterator[list[Batch]]:
        """Batches of whole cells, as many as one launch should hold."""
        group: list[Batch] = []
        size = 0
        limit = self.first
        full = any(device.full for device in self.devices)
        for op, dtypes in self.targets:
            for batch in plan.batches(op, dtypes, full, self.seed):
                group.append(batch)
                size += sum(len(item.data) for item in batch.case.inputs)
            if len(group) >= limit or size >= GROUP_BYTES:
                yield group
                group, size, limit = [], 0, min(2 * limit, GROUP_BATCHES)
        if group:
            yield group

    def _run_group(self, group: Sequence[Batch]) -> None:
        outputs: list[dict[str, Outputs]] = [{} for _ in group]
        crashes: list[dict[str, str]] = [{} for _ in group]
        for device in self.devices:
            chosen = [k for k, batch in enumerate(group) if wanted(device, batch)]
            if device.subject is None or not chosen:
                continue
            self._keep_time()
            self._say(f"{group[0].op} on {device.name}")
            for k in chosen:
                self.cells.plan(group[k].op, group[k].dtypes, device.name, 1)
            started = time.monotonic()
            answers = self._launch(device, [group[k] for k in chosen])
            self.spent(device.name, time.monotonic() - started)
            for k, answer in zip(chosen, answers):
                if isinstance(answer, str):
                    crashes[k][device.name] = answer
                elif answer is not None:
                    outputs[k][device.name] = answer
        self._watch("", "")
        before = None
        for batch, given, crashed in zip(group, outputs, crashes):
            if before != (batch.op, batch.dtypes):
                self._keep_time()
                before = (batch.op, batch.dtypes)
            for name, text in crashed.items():
                self.keep(crash(batch, name, text))
            self._judge(batch, given)
            self._say(batch.op, 1)

    def spent(self, device: str, seconds: float) -> None:
        """Add to the seconds of a device."""
        self.seconds[device] = self.seconds.get(device, 0.0) + seconds

    def _watch(self, device: str, layout: str) -> None:
        if self.watch is not None:
            self.watch(device, layout)

    def _judge(self, batch: Batch, given: Mapping[str, Outputs]) -> None:
        """An error of the judge is a verdict of the cells that it was judging, not the end."""
        try:
            self._record(batch, judge_batch(batch, given), given)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run goes on
            text = _first_line(f"{batch.layout}: the judge failed: ", error)
            for name in given:
                self._crashed(batch, name, text)
                self.keep(crash(batch, name, text))

    def _launch(self, device: Device, batches: Sequence[Batch]) -> list[Answer]:
        """All programs as one; where that fails, one by one, to name the one that fails."""
        assert device.subject is not None
        if self.alone:
            return self._launch_each(device, batches)
        self._watch(device.name, "")
        try:
            given = device.subject.run(merged([batch.case for batch in batches]))
        except Exception:  # noqa: BLE001 - whatever it is, it is found again below
            return self._launch_each(device, batches)
        return list(_split(given, [len(batch.case.outputs) for batch in batches]))

    def _launch_each(self, device: Device, batches: Sequence[Batch]) -> list[Answer]:
        found: list[Answer] = []
        for batch in batches:
            self._keep_time()
            self._watch(device.name, batch.layout)
            found.append(self._launch_alone(device, batch))
        return found

    def _launch_alone(self, device: Device, batch: Batch) -> Answer:
        assert device.subject is not None
        cell = self.cells[(batch.op, batch.dtypes, device.name)]
        try:
            return device.subject.run(batch.case)
        except NotAvailable as error:
            cell.skipped(error.reason, error.remedy)
            return None
        except Exception as error:  # noqa: BLE001 - a crash of the subject is a verdict
            text = _first_line(f"{batch.layout}: ", error)
            self._crashed(batch, device.name, text)
            return text

    def _crashed(self, batch: Batch, name: str, text: str) -> None:
        self.cells[(batch.op, batch.dtypes, name)].found(Verdict.CRASH, text, 1)

    def _record(
        self, batch: Batch, verdicts: Mapping[str, Verdicts], given: Mapping[str, Outputs]
    ) -> None:
        for device in self.devices:
            if device.name not in verdicts:
                continue
            verdict = verdicts[device.name]
            cell = self.cells[(batch.op, batch.dtypes, device.name)]
            cell.judged(verdict.elements, batch.features, verdict.evidence)
            entries = self.ledger.about(device.name, device.driver, batch.op, batch.dtypes)
            found = match(entries, batch.op, batch.case, given[device.name])
            if found.idle is not None:
                text = f"{batch.layout}: the ledger's {found.idle.name} matches what passes"
                cell.found(Verdict.FAIL, text, 1)
            for failure in verdict.failures:
                self._fail(cell, failure, batch, device, found.known)

    def _fail(
        self, cell: Cell, failure: Failure, batch: Batch, device: Device, known: Entry | None
    ) -> None:
        """One more failure of a cell, which the ledger may know."""
        if known is not None:
            failure = replace(failure, verdict=Verdict.KNOWN)
        if cell.failures < FILES_PER_CELL and len(self.found) < self.files:
            assert device.subject is not None
            self.keep(minimised(failure, batch, device.subject))
        if known is None:
            cell.found(Verdict.FAIL, failure.message, failure.count)
        else:
            cell.found(Verdict.KNOWN, f"{known.name}: {known.reason}", failure.count)

    def keep(self, failure: Failure) -> None:
        """Keep the failure, and its case as a file if there is a place for files.

        Failures come in the order of the plan, however the batches were grouped.
        """
        if len(self.found) >= self.files:
            return
        file = ""
        if self.out is not None:
            name = "-".join((failure.op, *failure.dtypes, in_file_names(failure.device)))
            folder = self.out / "cases"
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{name}-{len(self.found)}.case"
            path.write_text(print_case(failure.case), "utf-8")
            file = f"cases/{path.name}"
        self.found.append(Found(failure, file))


def wanted(device: Device, batch: Batch) -> bool:
    """Whether a device runs a batch: all of them, or those of the cover."""
    if device.full:
        return True
    layouts = plan.names(batch.op, batch.dtypes, full=False)
    return batch.layout in layouts and device.runs(batch.op, batch.dtypes)


def crash(batch: Batch, name: str, text: str) -> Failure:
    """The failure of a device that did not come back from a program with a result."""
    case = batch.case.with_notes(text)
    return Failure(batch.op, batch.dtypes, name, 1, text, case, verdict=Verdict.CRASH)


def _first_line(before: str, error: Exception) -> str:
    return f"{before}{type(error).__name__}: {error}".splitlines()[0][:300]


def _split(outputs: Sequence[bytes], counts: Sequence[int]) -> Iterator[Outputs]:
    at = 0
    for count in counts:
        yield outputs[at : at + count]
        at += count
