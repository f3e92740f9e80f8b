"""Campaigns: each program once whoever is killed, and what ends a process is a finding."""

from __future__ import annotations

import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from conformance.harness import devices
from conformance.harness.campaign import session, summary
from conformance.harness.campaign.findings import KEPT, Bucket, Hit
from conformance.harness.campaign.isolated import Devices, Ended, IsolatedSubject
from conformance.harness.campaign.journal import TOGETHER, Journal, Running, read_journal
from conformance.harness.campaign.kinds import KINDS
from conformance.harness.campaign.schema import FILE, Outrun
from conformance.harness.campaign.store import Done, Order, Settings, Store
from conformance.harness.campaign.supervisor import Campaign
from conformance.harness.case import parse_case, read_case
from conformance.harness.check import Device
from conformance.harness.process import Limits
from conformance.harness.trial import Problem
from tests.conformance.campaigns import SOURCE, done, fuzz, seed_with_both
from tests.conformance.command import lockstep

ROOT = Path(__file__).parents[2]
SEED = 4
DRAWS = 10
SETTINGS = Settings(1, ("RIGHT",), 5, 3)
CASE = "lockstep case 1\n%0 = buffer int8 (1,)\n    80\n%1 = neg %0\noutput %1\n"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers import the devices of the tests."""
    monkeypatch.syspath_prepend(str(ROOT))


def start(folder: Path, seed: int) -> subprocess.Popen[bytes]:
    numbers = (str(DRAWS), str(seed))
    module = "tests.conformance.campaigns"
    command = [sys.executable, "-m", module, "programs", str(folder), *numbers]
    return subprocess.Popen([*command, "RIGHT", "WRONG", "DEADLY"], cwd=ROOT)


def children(pid: int) -> list[int]:
    """The workers of a campaign."""
    command = ["ps", "-o", "pid=", "--ppid", str(pid)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [int(word) for word in done.stdout.split()]


def wait_for(folder: Path, draws: int) -> None:
    """Until so many draws are done."""
    store = Store(folder)
    while store.totals().draws < draws:
        time.sleep(0.01)
    store.close()


@pytest.mark.slow
@pytest.mark.timeout(900)  # two dozen processes are started, one after another
def test_whoever_is_killed_every_program_is_judged_once(tmp_path: Path) -> None:
    rng, seed = random.Random(SEED), seed_with_both(DRAWS)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert start(whole, seed).wait() == 1
    killed.mkdir()
    for least in (2, 6):
        campaign = start(killed, seed)
        wait_for(killed, least)
        time.sleep(rng.uniform(0.0, 0.3))
        for worker in children(campaign.pid)[:1]:
            os.kill(worker, signal.SIGKILL)
        time.sleep(rng.uniform(0.0, 0.3))
        campaign.kill()
        campaign.wait()
    assert start(killed, seed).wait() == 1
    found = done(whole)
    assert done(killed) == found
    assert [number for number, *_ in found["draws"]] == list(range(DRAWS))
    kinds = {name.split()[0] for name in found["signatures"]}
    assert "crash" in kinds and kinds & {"bits", "relation"}
    assert not found["unexplained"]


def test_what_hangs_is_a_timeout(tmp_path: Path) -> None:
    assert fuzz(tmp_path, 3, "RIGHT", "HANGS", limits=Limits(1.0)) == 1
    assert set(done(tmp_path)["signatures"]) == {"timeout HANGS - "}
    assert {verdict for _, _, verdict in done(tmp_path)["buckets"]} == {"timeout"}


def test_memory_has_a_limit(tmp_path: Path) -> None:
    assert fuzz(tmp_path, 1, "RIGHT", "GREEDY", workers=1) == 1
    (bucket,) = buckets(tmp_path)
    assert "GREEDY: MemoryError" in bucket.text


def test_who_dies_is_replaced_without_another_start() -> None:
    case = parse_case(CASE)
    deadly = IsolatedSubject(Devices(SOURCE, ("KILLS",)), Limits())
    right = IsolatedSubject(Devices(SOURCE, ("RIGHT",)), Limits())
    try:
        for _ in range(3):
            with pytest.raises(Ended, match="SIGSEGV") as caught:
                deadly.run(case)
            assert caught.value.ending.kind == "crash"
            assert deadly.child is not None and deadly.child.process.is_alive()
        assert right.run(case) == right.run(case) == [bytes([0x80])]
    finally:
        deadly.close()
        right.close()


def test_a_lost_device_costs_its_process(tmp_path: Path) -> None:
    console = Console(file=(text := StringIO()), width=200)
    assert fuzz(tmp_path, 2, "RIGHT", "LOST", workers=1, console=console) == 1
    assert "LOST: RuntimeError: the device was lost" in text.getvalue()
    assert "2 workers died" not in text.getvalue(), "they leave"


def test_what_dies_only_in_company_is_a_crash_of_the_draw(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONCE", str(tmp_path / "once"))
    assert fuzz(tmp_path, 1, "ONCE", workers=1) == 1
    (bucket,) = buckets(tmp_path)
    assert re.search(r"by SIGSEGV while \d programs? ran; none does it alone", bucket.text)


def buckets(folder: Path) -> list[Bucket]:
    store = Store(folder)
    try:
        return store.findings.buckets()
    finally:
        store.close()


def test_a_clean_campaign_goes_on_where_it_ended(tmp_path: Path) -> None:
    assert fuzz(tmp_path, 2, "RIGHT", workers=1) == 0
    before = sum(cases for _, cases, _ in done(tmp_path)["draws"])
    console = Console(file=(text := StringIO()), width=200)
    assert fuzz(tmp_path, 5, "RIGHT", workers=1, console=console) == 0
    draws = done(tmp_path)["draws"]
    assert [number for number, *_ in draws] == list(range(5))
    count = sum(cases for _, cases, _ in draws)
    assert f"\n{count - before} programs in" in text.getvalue()
    assert f"in all: {count} programs of 5 structures, 25 statements" in text.getvalue()
    with pytest.raises(ValueError, match="other settings"):
        fuzz(tmp_path, 5, "RIGHT", "WRONG")


def test_an_interrupted_campaign_says_what_it_knows_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Campaign._turn

    def interrupted(self: Campaign) -> bool:
        if self.progress.draws == 2:
            raise KeyboardInterrupt
        return whole(self)

    console = Console(file=(text := StringIO()), width=200)
    with monkeypatch.context() as patch:
        patch.setattr(Campaign, "_turn", interrupted)
        assert fuzz(tmp_path, 4, "RIGHT", workers=1, console=console) == 0
    assert "of 2 structures" in text.getvalue()
    assert f"interrupted: lockstep fuzz --resume {tmp_path} goes on" in text.getvalue()
    assert not multiprocessing.active_children()
    assert fuzz(tmp_path, 4, "RIGHT", workers=1) == 0
    assert [number for number, *_ in done(tmp_path)["draws"]] == list(range(4))


def test_findings_are_files_that_repro_runs(tmp_path: Path) -> None:
    console = Console(file=(text := StringIO()), width=200)
    assert fuzz(tmp_path, 1, "RIGHT", "LOST", workers=1, console=console) == 1
    (first, *_) = buckets(tmp_path)
    case, script, _ = summary.files_of(tmp_path, KINDS["programs"], first)
    assert f"lockstep repro {case}" in text.getvalue()
    assert read_case(case).text == first.body
    assert "from engine import Tensor" in script.read_text()
    assert lockstep("repro", str(case), "--device", "PYTHON")[0] == 0


def test_a_fault_of_a_device_is_found_named_and_shrunk(tmp_path: Path) -> None:
    assert fuzz(tmp_path, 2, "PYTHON", "FLIPS") == 1
    found = buckets(tmp_path)
    assert found
    for bucket in found:
        assert bucket.key.startswith("code;"), bucket.key
        assert len(parse_case(bucket.body).statements) <= 3
        assert bucket.script.count("\n") <= 10


def test_nothing_ran_is_no_success(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.begin(SETTINGS, 1, {})
    assert summary.exit_code(store) == 2


# -- the database ----------------------------------------------------------------------------------
def opened(folder: Path, count: int) -> list[Store]:
    """A campaign with one hit of each of two signatures, as `count` processes see it."""
    first = Store(folder)
    run = first.begin(SETTINGS, count, {})
    hits = [Hit(0, k, Problem("bits", ("A",), 1, op, ("int8",), ""), CASE)
            for k, op in enumerate(("neg", "abs"))]  # fmt: skip
    first.finish(Order(0), Done(cases=2, hits=hits))
    return [Store(folder, run) for _ in range(count)]


def test_no_bucket_is_shrunk_twice(tmp_path: Path) -> None:
    one, other = opened(tmp_path, 2)
    mine, yours = one.findings.claim("1"), other.findings.claim("2")
    assert mine is not None and yours is not None and mine.key != yours.key
    assert one.findings.claim("1") is None
    assert one.findings.ask("cause", mine, "1")
    assert not other.findings.ask("cause", yours, "2")
    one.findings.shrunk("cause", mine, "fail", "", CASE, "", "{}")
    (bucket,) = one.findings.buckets()
    assert (bucket.count, bucket.state) == (2, "closed")
    assert not one.findings.unexplained()


def test_what_the_dead_had_claimed_is_free_again(tmp_path: Path) -> None:
    one, other = opened(tmp_path, 2)
    claim = one.findings.claim("1")
    assert claim is not None and one.findings.ask("cause", claim, "1")
    one.findings.released("1", counts=True)
    again = other.findings.claim("2")
    assert again is not None and again.hit.problem.op == "abs", "what was not tried comes first"
    assert other.findings.ask("cause", again, "2")


def test_what_ends_everybody_who_looks_for_its_cause_is_given_up(tmp_path: Path) -> None:
    (store,) = opened(tmp_path, 1)
    for _ in range(8):
        if store.findings.claim("1") is not None:
            store.findings.released("1", counts=True)
    assert store.findings.claim("1") is None
    assert len(store.findings.hopeless()) == 2
    assert summary.exit_code(store) == 1


def test_a_run_that_has_ended_writes_nothing_more(tmp_path: Path) -> None:
    (old,) = opened(tmp_path, 1)
    new = Store(tmp_path)
    new.begin(SETTINGS, 1, {})
    with pytest.raises(Outrun):
        old.finish(Order(1), Done(cases=1))
    with pytest.raises(Outrun):
        old.findings.claim("1")
    new.finish(Order(1), Done(cases=1))
    with pytest.raises(Outrun, match="done already"):
        new.finish(Order(1), Done(cases=1))
    assert new.totals().cases == 3


def test_a_worker_that_ends_before_it_says_that_it_is_done_has_done_it(tmp_path: Path) -> None:
    (store,) = opened(tmp_path, 1)
    hit = Hit(0, 0, Problem("crash", ("A",), -1, "", (), ""), CASE)
    assert not store.died(Order(0), Order(0, alone=True), hit)
    assert store.open_orders() == []
    assert "crash A - " not in store.findings.signatures()
    assert store.died(Order(2), rest := Order(2, alone=True), hit)
    assert store.open_orders() == [Order(1), rest]


def test_a_bucket_that_was_never_opened_goes(tmp_path: Path) -> None:
    """Bisecting may say something else the second time."""
    (store,) = opened(tmp_path, 1)
    claim = store.findings.claim("1")
    assert claim is not None and store.findings.ask("first", claim, "1")
    store.findings.released("1", counts=False)
    again = store.findings.claim("1")
    assert again == claim
    assert store.findings.ask("second", again, "1")
    store.findings.shrunk("second", again, "fail", "", CASE, "", "")
    assert [bucket.key for bucket in store.findings.buckets()] == ["second"]


def test_findings_do_not_grow_with_what_fails(tmp_path: Path) -> None:
    (store,) = opened(tmp_path, 1)
    for number in range(1, 20):
        hits = [Hit(number, 0, Problem("bits", ("A",), 1, "neg", ("int8",), ""), CASE)]
        store.finish(Order(number), Done(cases=1, hits=hits))
    assert store.findings.signatures()["bits A neg int"] == 20
    assert len(store.findings.unexplained()) == KEPT + 1


def test_a_file_that_is_no_campaign_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("something else, and long enough to be looked at" * 100)
    with pytest.raises(ValueError, match="not the database of a campaign"):
        Store(tmp_path)


# -- the journal, the command ----------------------------------------------------------------------
def test_a_journal_says_what_ran_where(tmp_path: Path) -> None:
    file = tmp_path / "1.0"
    journal = Journal(file)

    def read() -> Running | None:
        return read_journal(file, parse_case)

    assert read() is None
    journal.begin(CASE, 7, TOGETHER)
    assert read() == Running(CASE, 7, TOGETHER, "", "")
    for device in ("LLVM", "CPU"):
        journal.on(device)
    assert read() == Running(CASE, 7, TOGETHER, "CPU", "")
    journal.begin(CASE, 8, 2)
    journal.on("LLVM/int64,no_div", "memory of its own")
    assert read() == Running(CASE, 8, 2, "LLVM/int64,no_div", "memory of its own")
    assert read_case(file) == parse_case(CASE).with_notes(
        "draw 8 program 2", "running on LLVM/int64,no_div: memory of its own"
    )
    journal.clear()
    assert read() is None


@pytest.mark.parametrize("cut", range(1, 80, 6))
def test_a_journal_that_was_not_written_whole_says_nothing(tmp_path: Path, cut: int) -> None:
    file = tmp_path / "1.0"
    Journal(file).begin(CASE, 7, 12)
    text = file.read_text()
    file.write_text(text[:-cut])
    assert read_journal(file, parse_case) is None


def test_an_absent_device_is_said_to_be_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def under_test(names: Sequence[str] = (), full: bool = False) -> list[Device]:
        gpu = Device("GPU", None, reason="no driver", remedy="install one")
        return [gpu, *devices.under_test(["PYTHON"])] if "PYTHON" in names else [gpu]

    monkeypatch.setattr(session, "under_test", under_test)
    options = ("--out", str(tmp_path / "a"), "--cases", "1", "--workers", "1")
    code, output = lockstep("fuzz", *options, "--device", "GPU", "--device", "PYTHON")
    assert code == 0
    assert "GPU not run: no driver (install one)" in output
    code, output = lockstep("fuzz", "--out", str(tmp_path / "b"), "--device", "GPU")
    assert code == 2
    assert "no driver" in output


def test_durations() -> None:
    texts = {"90": 90.0, "1.5s": 1.5, "30m": 1800.0, "8h": 28800.0}
    assert {text: session.duration(text) for text in texts} == texts
    assert session.duration(None) is None
    for text in ("", "m", "-1", "1d", "nan", "1e9", "1 s"):
        with pytest.raises(ValueError, match="--time"):
            session.duration(text)


def test_the_command(tmp_path: Path) -> None:
    folder = str(tmp_path / "new")
    options = ("fuzz", "--device", "PYTHON", "--cases", "5", "--workers", "1", "--out", folder)
    code, output = lockstep(*options)
    assert code == 0, output
    assert "0 findings" in output
    assert lockstep(*options)[0] == 2, "there is one already"
    assert lockstep("fuzz", "--resume", folder, "--cases", "5", "--workers", "1")[0] == 0
    with session.locked(tmp_path / "new"):
        assert lockstep("fuzz", "--resume", folder, "--cases", "5")[0] == 2


@pytest.mark.parametrize("arguments", [
    ("--time", "soon"), ("--device", "QUANTUM"), ("--resume", "no-such-folder"),
    ("--cases", "0"), ("--resume", ".", "--seed", "3"),
])  # fmt: skip
def test_wrong_usage(arguments: tuple[str, ...], tmp_path: Path) -> None:
    assert lockstep("fuzz", "--out", str(tmp_path / "x"), *arguments)[0] == 2
