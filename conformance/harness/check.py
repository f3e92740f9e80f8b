"""A check: the planned cells on all devices, in lockstep, with partial results at any time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from conformance.harness import plan
from conformance.harness.build import merged
from conformance.harness.case import print_case
from conformance.harness.cells import Cells, Verdict
from conformance.harness.judging import Failure, Outputs, Verdicts, judge_batch, minimised
from conformance.harness.plan import Batch, Dtypes
from conformance.harness.subject import NotAvailable, Subject

GROUP_BATCHES = 64
GROUP_BYTES = 1 << 24
FILES_PER_CELL = 2
FILES = 64


@dataclass(frozen=True)
class Device:
    """A device under test; `subject` is None where it cannot run, and `reason` says why."""

    name: str
    subject: Subject | None
    full: bool = True
    reason: str = ""
    remedy: str = ""


@dataclass
class Found:
    """A failure and the file that shows it again, if one was written."""

    failure: Failure
    file: str = ""


Report = Callable[[str, int], None]


@dataclass
class Check:
    """`run` may be interrupted at any time: cells hold what is known so far."""

    devices: Sequence[Device]
    targets: Sequence[tuple[str, Dtypes]]
    seed: int = plan.SEED
    out: Path | None = None
    cells: Cells = field(default_factory=Cells)
    found: list[Found] = field(default_factory=list)
    complete: bool = False

    def __post_init__(self) -> None:
        for device in self.devices:
            for op, dtypes in self.targets:
                cell = self.cells.plan(op, dtypes, device.name, 0)
                if device.subject is None:
                    cell.skipped(device.reason, device.remedy)

    def run(self, report: Report | None = None, budget: float | None = None) -> None:
        """Judge everything, or what fits into `budget` seconds.  `report` hears op and progress."""
        deadline = None if budget is None else time.monotonic() + budget
        done = 0
        for group in self._groups():
            if deadline is not None and time.monotonic() > deadline:
                self.leave(f"the budget of {budget:g} s ended", "raise --budget")
                return
            self._run_group(group)
            done += len({(b.op, b.dtypes) for b in group})
            if report is not None:
                report(group[0].op, min(done, len(self.targets)))
        self.complete = True

    def leave(self, reason: str, remedy: str) -> None:
        """Say of every cell that did not run why it will not."""
        for cell in self.cells:
            if cell.verdict is Verdict.NOT_RUN:
                cell.skipped(reason, remedy)

    def _groups(self) -> Iterator[list[Batch]]:
        """Batches of whole cells, as many as one launch should hold."""
        group: list[Batch] = []
        size = 0
        full = any(device.full for device in self.devices)
        for op, dtypes in self.targets:
            for batch in plan.batches(op, dtypes, full, self.seed):
                group.append(batch)
                size += sum(len(item.data) for item in batch.case.inputs)
            if len(group) >= GROUP_BATCHES or size >= GROUP_BYTES:
                yield group
                group, size = [], 0
        if group:
            yield group

    def _run_group(self, group: Sequence[Batch]) -> None:
        outputs: list[dict[str, Outputs]] = [{} for _ in group]
        for device in self.devices:
            chosen = [k for k, batch in enumerate(group) if wanted(device, batch)]
            for k in chosen:
                batch = group[k]
                if device.subject is not None:
                    self.cells.plan(batch.op, batch.dtypes, device.name, 1)
            if device.subject is not None and chosen:
                results = self._launch(device, [group[k] for k in chosen])
                for k, result in zip(chosen, results):
                    if result is not None:
                        outputs[k][device.name] = result
        for batch, given in zip(group, outputs):
            self._record(batch, judge_batch(batch, given))

    def _launch(self, device: Device, batches: Sequence[Batch]) -> list[Outputs | None]:
        """All programs as one; where that fails, one by one, to name the one that fails."""
        assert device.subject is not None
        try:
            given = device.subject.run(merged([batch.case for batch in batches]))
        except Exception:  # noqa: BLE001 - whatever it is, it is found again below
            return [self._launch_alone(device, batch) for batch in batches]
        return list(_split(given, [len(batch.case.outputs) for batch in batches]))

    def _launch_alone(self, device: Device, batch: Batch) -> Outputs | None:
        assert device.subject is not None
        cell = self.cells[(batch.op, batch.dtypes, device.name)]
        try:
            return device.subject.run(batch.case)
        except NotAvailable as error:
            cell.skipped(error.reason, error.remedy)
        except Exception as error:  # noqa: BLE001 - a crash of the subject is a verdict
            text = f"{batch.layout}: {type(error).__name__}: {error}".splitlines()[0][:300]
            cell.found(Verdict.CRASH, text, 1)
            self._write(Failure(batch.op, batch.dtypes, device.name, 1, text, batch.case))
        return None

    def _record(self, batch: Batch, verdicts: Mapping[str, Verdicts]) -> None:
        subjects = {device.name: device.subject for device in self.devices}
        for name, verdict in verdicts.items():
            cell = self.cells[(batch.op, batch.dtypes, name)]
            cell.judged(verdict.elements, batch.features)
            for failure in verdict.failures:
                if cell.failures < FILES_PER_CELL and len(self.found) < FILES:
                    subject = subjects[name]
                    assert subject is not None
                    self._write(minimised(failure, batch, subject))
                cell.found(Verdict.FAIL, failure.message, failure.count)

    def _write(self, failure: Failure) -> None:
        """Keep the failure, and its case as a file if there is a place for files."""
        if len(self.found) >= FILES:
            return
        file = ""
        if self.out is not None:
            name = "-".join((failure.op, *failure.dtypes, failure.device.replace(":", "_")))
            folder = self.out / "cases"
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{name}-{len(self.found)}.case"
            path.write_text(print_case(failure.case), "utf-8")
            file = f"cases/{path.name}"
        self.found.append(Found(failure, file))


def wanted(device: Device, batch: Batch) -> bool:
    """Whether a device runs a batch: all of them, or those of the cover."""
    return device.full or batch.layout in plan.cover(batch.op, batch.dtypes)


def _split(outputs: Sequence[bytes], counts: Sequence[int]) -> Iterator[Outputs]:
    at = 0
    for count in counts:
        yield outputs[at : at + count]
        at += count
