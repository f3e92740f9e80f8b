"""Workers: the same records whatever their number, and nothing is lost when one of them dies."""

from __future__ import annotations

import json
import multiprocessing
import time
from pathlib import Path

import pytest

from conformance.harness import plan
from conformance.harness.cells import Verdict
from conformance.harness.check import Check
from conformance.harness.output import records
from conformance.harness.tasks import (
    Order,
    Task,
    prepared,
    read_order,
    read_result,
    result_line,
    tasks,
)
from conformance.harness.workers import Pool
from reports.records import RunRecord, to_line
from tests.conformance.mortal import SOURCE, under_test

ROOT = Path(__file__).parents[2]
OPS = ("neg", "abs", "exp2")
TARGETS = list(plan.selected(OPS, ("int8", "uint16", "float16")))
RUN = RunRecord(0, "", ())


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers import the devices of the tests."""
    monkeypatch.syspath_prepend(str(ROOT))


def judged(count: int, *names: str, out: Path | None = None, budget: float | None = None) -> Check:
    check = Check(under_test(names), TARGETS, out=out)
    if count == 1:
        check.run(budget=budget)
    else:
        Pool(check, count, SOURCE).run(budget=budget)
    assert not multiprocessing.active_children()
    return check


def verdicts(check: Check, device: str) -> dict[str, set[Verdict]]:
    found: dict[str, set[Verdict]] = {}
    for cell in check.cells:
        if cell.device == device:
            found.setdefault(cell.op, set()).add(cell.verdict)
    return found


def test_records_are_the_same_whatever_the_number_of_workers(tmp_path: Path) -> None:
    lines, files = [], []
    for count in (1, 2, 3):
        out = tmp_path / str(count)
        check = judged(count, "RIGHT", "WRONG", out=out)
        lines.append([to_line(record) for record in records(check, RUN)])
        files.append({file.name: file.read_text() for file in (out / "cases").iterdir()})
        assert check.complete
    assert lines[0] == lines[1] == lines[2]
    assert files[0] == files[1] == files[2]
    assert len(files[0]) > 3


def test_files_are_limited_in_the_order_of_the_plan() -> None:
    limited = []
    for count in (1, 2):
        check = Check(under_test(("WRONG",)), TARGETS, files=2)
        Pool(check, count, SOURCE).run()
        limited.append([found.failure.case.text for found in check.found])
    assert limited[0] == limited[1]
    assert len(limited[0]) == 2


def test_a_worker_that_dies_costs_the_cell_that_killed_it_and_no_other(tmp_path: Path) -> None:
    check = judged(2, "RIGHT", "ABS", out=tmp_path)
    passed = {op: {Verdict.PASS} for op in OPS}
    assert verdicts(check, "RIGHT") == passed
    assert verdicts(check, "ABS") == passed | {"abs": {Verdict.CRASH}}
    crashed = check.cells[("abs", ("int8",), "ABS")].record()
    assert crashed.reason == "main: the process was ended by SIGSEGV"
    assert {found.failure.op for found in check.found} == {"abs"}
    assert all((tmp_path / found.file).is_file() for found in check.found)
    assert check.complete
    assert check.cells.exit_code() == 1


def test_what_dies_only_in_company_is_a_crash_of_all() -> None:
    check = judged(2, "RIGHT", "CROWD")
    assert verdicts(check, "RIGHT") == {op: {Verdict.PASS} for op in OPS}
    assert Verdict.CRASH in set.union(*verdicts(check, "CROWD").values())
    reasons = {cell.reason for cell in check.cells if cell.verdict is Verdict.CRASH}
    assert all("none does it alone" in reason for reason in reasons)


def test_the_budget_ends_all_workers() -> None:
    started = time.monotonic()
    check = judged(2, "SLOW", budget=1e-3)
    assert time.monotonic() - started < 30
    assert not check.complete
    open_cells = [cell for cell in check.cells if cell.verdict is Verdict.NOT_RUN]
    assert open_cells
    assert {cell.reason for cell in open_cells} == {"the budget of 0.001 s ended"}


def test_what_does_not_end_is_a_timeout() -> None:
    check = Check(under_test(("RIGHT", "HANGS")), TARGETS)
    Pool(check, 2, SOURCE, grace=2.0).run(budget=4.0)
    assert not multiprocessing.active_children()
    assert not check.complete
    late = {cell.op for cell in check.cells if cell.verdict is Verdict.TIMEOUT}
    assert "abs" in late
    assert Verdict.TIMEOUT not in set.union(*verdicts(check, "RIGHT").values())
    assert check.cells.exit_code() == 1


def test_what_does_not_end_is_no_timeout_of_cells_that_the_device_does_not_run() -> None:
    targets = list(plan.selected(("abs",), ("int8", "float8_e4m3fn", "float8_e5m2", "bfloat16")))
    check = Check(under_test(("RIGHT", "TURNS")), targets)
    there = {(cell.op, cell.dtypes) for cell in check.cells if cell.device == "TURNS"}
    assert there < set(targets)
    Pool(check, 2, SOURCE, grace=2.0).run(budget=4.0)
    late = {(c.op, c.dtypes) for c in check.cells if c.verdict is Verdict.TIMEOUT}
    assert late and late <= there


def test_an_interruption_keeps_what_is_known_and_ends_the_workers() -> None:
    check = Check(under_test(("RIGHT",)), TARGETS)

    def interrupt(what: str, done: int) -> None:
        if any(cell.verdict is Verdict.PASS for cell in check.cells):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Pool(check, 2, SOURCE).run(interrupt)
    assert not multiprocessing.active_children()
    assert not check.complete
    assert {cell.verdict for cell in check.cells} == {Verdict.PASS, Verdict.NOT_RUN}


def test_an_error_of_the_harness_is_raised_where_it_is_seen() -> None:
    check = Check(under_test(("RIGHT",)), TARGETS)
    pool = Pool(check, 2, SOURCE)
    check.seed = -1  # no generator takes it
    with pytest.raises(RuntimeError, match="a worker failed"):
        pool.run()
    with pytest.raises(RuntimeError, match="could not start"):
        Pool(Check(under_test(("RIGHT",)), TARGETS), 2, "tests.conformance.mortal:nothing").run()
    assert not multiprocessing.active_children()


def test_a_worker_that_ends_while_it_has_nothing_to_do_is_replaced() -> None:
    pool = Pool(Check(under_test(("RIGHT",)), TARGETS), 2, SOURCE)
    pool._start()
    (worker,) = pool._workers
    worker.process.kill()
    worker.process.join()
    count = len(pool._queue)
    pool._give(worker, pool._queue.popleft())
    assert worker not in pool._workers
    assert len(pool._queue) == count
    pool.run()
    assert {cell.verdict for cell in pool.check.cells} == {Verdict.PASS}


def test_progress_ends_at_what_was_planned() -> None:
    check = Check(under_test(("RIGHT", "ABS")), TARGETS)
    heard: list[int] = []
    Pool(check, 2, SOURCE).run(lambda what, done: heard.append(done))
    assert heard[-1] == max(heard) == check.planned


@pytest.mark.parametrize("count", [1, 2, 7])
def test_tasks_are_all_cells_in_order(count: int) -> None:
    targets = list(plan.selected())
    found = tasks(targets, False, ("X",), count)
    assert [(t.first, t.last) for t in found] == [
        (a, b) for a, b in zip([0, *(t.last for t in found)], [t.last for t in found])
    ]
    assert found[-1].last == len(targets)
    assert found[-1].last - found[-1].first <= found[0].last - found[0].first


def test_orders_and_results_are_lines() -> None:
    order = Order(TARGETS[:2], ("WRONG",), False, 3, 5, False, None)
    assert read_order(order.line()) == order
    check = prepared(order, {device.name: device for device in under_test(("WRONG",))})
    check.judge()
    result = read_result(json.loads(result_line(check)))
    assert result.complete
    assert [found.failure for found in check.found] == list(result.failures)
    assert [cell.record() for cell in check.cells] == list(result.cells)


def test_one_group_of_cells_needs_no_worker() -> None:
    check = Check(under_test(("RIGHT",)), TARGETS[:2])
    assert not Pool(check, 8).useful
    assert not Pool(Check([], TARGETS), 8).useful
    assert tasks(TARGETS[:2], False, ("RIGHT",), 8) == [Task(0, 2, ("RIGHT",))]


def test_what_hangs_is_a_timeout_of_its_cell_and_costs_no_other() -> None:
    """Without a budget nobody would end it; with one, everything after it would not run."""
    check = Check(under_test(("RIGHT", "HANGS")), TARGETS)
    Pool(check, 2, SOURCE, limit=0.3).run()
    assert not multiprocessing.active_children()
    assert check.complete
    assert verdicts(check, "HANGS") == {
        "neg": {Verdict.PASS}, "abs": {Verdict.TIMEOUT}, "exp2": {Verdict.PASS},
    }  # fmt: skip
    assert set.union(*verdicts(check, "RIGHT").values()) == {Verdict.PASS}
    (reason, *_) = {cell.reason for cell in check.cells if cell.verdict is Verdict.TIMEOUT}
    assert reason == "main: the process was ended by SIGALRM, since its time was up"
