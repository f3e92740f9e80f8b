"""What can be said of a cell: nothing is green that was not judged."""

from __future__ import annotations

import time

import pytest

from conformance.harness import check as check_module, plan
from conformance.harness.case import Case
from conformance.harness.cells import Cell, Cells, Verdict, merge
from conformance.harness.check import Check, Device
from conformance.harness.subject import NotAvailable, ReferenceSubject

KEY = ("add", ("int8", "int8"), "X")


def cell(planned: int = 1) -> Cell:
    return Cells().plan(*KEY, planned)


def test_a_planned_cell_is_not_run() -> None:
    assert cell().verdict is Verdict.NOT_RUN
    assert cell(0).verdict is Verdict.NOT_RUN
    assert cell().record().reason
    assert cell().record().remedy


def test_a_cell_passes_when_all_batches_were_judged() -> None:
    found = cell(2)
    found.judged(10, ["buffer"])
    assert found.verdict is Verdict.NOT_RUN
    found.judged(10, ["const"])
    assert found.verdict is Verdict.PASS
    assert found.record().coverage == {"buffer": 1, "const": 1}


def test_batches_without_elements_are_no_pass() -> None:
    found = cell()
    found.judged(0, ["buffer"])
    assert found.verdict is Verdict.NOT_RUN


def test_the_worst_verdict_stays_with_its_reason() -> None:
    found = cell()
    found.judged(5, [])
    found.found(Verdict.FAIL, "first", 2)
    found.found(Verdict.FAIL, "second", 1)
    assert (found.verdict, found.reason, found.failures) == (Verdict.FAIL, "first", 3)
    found.found(Verdict.CRASH, "third")
    assert (found.verdict, found.reason) == (Verdict.CRASH, "third")


def test_exit_codes() -> None:
    cells = Cells()
    assert cells.exit_code() == 2
    here = cells.plan(*KEY, 1)
    cells.plan("add", ("int8", "int8"), "ABSENT", 0)
    assert cells.exit_code() == 2, "nothing ran"
    here.judged(4, [])
    assert cells.exit_code() == 0
    half = cells.plan("sub", ("int8", "int8"), "X", 2)
    half.judged(4, [])
    assert cells.exit_code() == 1, "a cell that was begun and not finished"
    half.judged(4, [])
    half.found(Verdict.FAIL, "wrong")
    assert cells.exit_code() == 1


def test_records_of_workers_merge() -> None:
    parts = [cell(1), cell(1)]
    for part in parts:
        part.judged(3, ["buffer"])
    (merged,) = merge(part.record() for part in parts)
    assert (merged.verdict, merged.cases, merged.elements) == ("pass", 2, 6)
    parts[1].found(Verdict.FAIL, "wrong", 1)
    (merged,) = merge(part.record() for part in parts)
    assert (merged.verdict, merged.reason, merged.failures) == ("fail", "wrong", 1)
    (merged,) = merge([cell(1).record(), parts[0].record()])
    assert merged.verdict == "not run"


class Broken:
    """A subject that cannot run, or crashes."""

    name = "BROKEN"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def run(self, case: Case) -> list[bytes]:
        raise self.error


class Crashes(ReferenceSubject):
    """Right, except where the program has a given operator."""

    def __init__(self, op: str) -> None:
        self.op = op

    def run(self, case: Case) -> list[bytes]:
        if any(statement.op == self.op for statement in case.statements):
            raise RuntimeError("no such instruction")
        return super().run(case)


TARGETS = [("neg", ("int8",)), ("abs", ("int8",))]


def test_an_absent_device_is_not_run_with_reason_and_remedy() -> None:
    absent = Device("GPU", None, reason="no driver", remedy="install one")
    check = Check([absent, Device("X", ReferenceSubject())], TARGETS)
    check.run()
    records = [c.record() for c in check.cells if c.device == "GPU"]
    assert {(r.verdict, r.reason, r.remedy) for r in records} == {
        ("not run", "no driver", "install one")
    }
    assert check.cells.exit_code() == 0
    only = Check([absent], TARGETS)
    only.run()
    assert only.cells.exit_code() == 2


def test_a_device_that_disappears_is_not_run() -> None:
    check = Check([Device("X", Broken(NotAvailable("lost", "plug it in")))], TARGETS)
    check.run()
    assert {c.verdict for c in check.cells} == {Verdict.NOT_RUN}
    assert check.cells.exit_code() == 2


def test_a_crash_is_named_and_its_neighbours_still_run() -> None:
    check = Check([Device("X", Crashes("abs"))], TARGETS)
    check.run()
    assert {c.op: c.verdict for c in check.cells} == {"neg": Verdict.PASS, "abs": Verdict.CRASH}
    assert "no such instruction" in check.cells[("abs", ("int8",), "X")].reason
    assert check.found


def test_what_the_budget_cut_off_is_not_run() -> None:
    check = Check([Device("X", ReferenceSubject())], TARGETS)
    check.run(budget=0.0)
    assert {c.verdict for c in check.cells} == {Verdict.NOT_RUN}
    assert "budget" in check.cells[("neg", ("int8",), "X")].record().reason


class Slow(ReferenceSubject):
    """Right, at a tenth of a second a launch."""

    launches = 0

    def run(self, case: Case) -> list[bytes]:
        self.launches += 1
        time.sleep(0.1)
        return super().run(case)


def test_the_budget_is_read_between_devices() -> None:
    """The second device of a group is not launched when the first has used the time up."""
    first, second = Slow(), Slow()
    check = Check([Device("A", first), Device("B", second)], TARGETS)
    check.run(budget=0.05)
    assert (first.launches, second.launches) == (1, 0)
    assert {c.verdict for c in check.cells} == {Verdict.NOT_RUN}
    assert not check.complete


def test_progress_advances_with_every_batch() -> None:
    check = Check([Device("X", ReferenceSubject())], TARGETS)
    heard: list[int] = []
    check.run(lambda what, done: heard.append(done))
    assert list(dict.fromkeys(heard)) == list(range(check.planned + 1))
    assert check.planned == sum(len(list(plan.batches(op, names))) for op, names in TARGETS)


def test_the_first_launch_is_small() -> None:
    targets = list(plan.selected(("neg", "abs", "add")))
    sizes = [len(group) for group in Check([Device("X", None)], targets)._groups()]
    assert sizes[0] < 16
    assert max(sizes) >= 64


def test_an_error_of_the_judge_is_a_crash_of_that_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = check_module.judge_batch

    def judged(batch: plan.Batch, outputs: dict[str, list[bytes]]) -> object:
        if batch.op == "abs":
            raise OverflowError("too large")
        return judge(batch, outputs)

    monkeypatch.setattr(check_module, "judge_batch", judged)
    check = Check([Device("X", ReferenceSubject())], TARGETS)
    check.run()
    assert {c.op: c.verdict for c in check.cells} == {"neg": Verdict.PASS, "abs": Verdict.CRASH}
    assert "OverflowError: too large" in check.cells[("abs", ("int8",), "X")].reason
    assert check.complete and check.cells.exit_code() == 1
    assert {found.failure.record("").verdict for found in check.found} == {"crash"}
