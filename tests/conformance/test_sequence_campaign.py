"""Campaigns of sequences: they go on whoever is killed, and what ends a process is made small."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from conformance.harness.campaign import session, summary
from conformance.harness.campaign.findings import Bucket
from conformance.harness.campaign.isolated import Devices, IsolatedSequences
from conformance.harness.campaign.kinds import KINDS
from conformance.harness.campaign.sequences import last_event
from conformance.harness.campaign.store import Store
from conformance.harness.process import Limits
from conformance.harness.sequences.text import HEADER, parse_sequence, read_sequences
from conformance.harness.trial import Problem
from tests.conformance.campaigns import SOURCE, done, fuzz_sequences
from tests.conformance.command import lockstep

ROOT = Path(__file__).parents[2]
DRAWS = 12
TRAP = f"""{HEADER}
x = arange(4, 'int32')
y = x + 1
realize(y)
x ^= 3
z = x + y
realize(z)
"""


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers import the devices of the tests."""
    monkeypatch.syspath_prepend(str(ROOT))


def buckets(folder: Path) -> list[Bucket]:
    store = Store(folder)
    try:
        return store.findings.buckets()
    finally:
        store.close()


def test_a_clean_campaign_goes_on_where_it_ended(tmp_path: Path) -> None:
    assert fuzz_sequences(tmp_path, 4, "PYTHON", workers=1) == 0
    console = Console(file=(text := StringIO()), width=200)
    assert fuzz_sequences(tmp_path, 9, "PYTHON", workers=1, console=console) == 0
    assert [number for number, *_ in done(tmp_path)["draws"]] == list(range(9))
    assert "random sequences on PYTHON" in text.getvalue()
    assert "\n5 sequences in" in text.getvalue()
    assert "in all: 9 sequences, " in text.getvalue()


def test_what_is_reached_is_counted(tmp_path: Path) -> None:
    assert fuzz_sequences(tmp_path, 6, "PYTHON", workers=1) == 0
    coverage = done(tmp_path)["coverage"]
    assert coverage["way/eagerly//"] == coverage["way/lazily//"] == 6
    kinds = {feature.split("/")[0] for feature in coverage}
    assert kinds == {"way", "statement", "rule", "pass", "kernels"}
    assert any(feature.startswith("statement/write ") for feature in coverage)


def test_whoever_is_killed_every_sequence_is_judged_once(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert fuzz_sequences(whole, DRAWS, "PYTHON") == 0
    killed.mkdir()
    command = [sys.executable, "-m", "tests.conformance.campaigns", "sequences", str(killed),
               str(DRAWS), "3", "PYTHON"]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    store = Store(killed)
    while store.totals().draws < 2:
        time.sleep(0.01)
    store.close()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert len(done(killed)["draws"]) < DRAWS
    assert fuzz_sequences(killed, DRAWS, "PYTHON") == 0
    assert done(killed) == done(whole)


@pytest.mark.parametrize(("device", "verdict", "key"), [
    ("SKIPS", "fail", "code; "), ("TRAPS", "crash", "code; "),
])  # fmt: skip
def test_a_wrong_device_is_found_named_and_its_sequence_made_small(
    tmp_path: Path, device: str, verdict: str, key: str
) -> None:
    console = Console(file=(text := StringIO()), width=200)
    assert fuzz_sequences(tmp_path, 10, device, workers=1, console=console) == 1
    for bucket in (found := buckets(tmp_path)):
        assert bucket.verdict == verdict
        assert bucket.key.startswith(key), bucket.key
        small = parse_sequence(bucket.body)
        assert len(small.statements) <= 3, bucket.body
        assert "^" in bucket.body and device in small.notes[0]
    file, script, _ = summary.files_of(tmp_path, KINDS["sequences"], found[0])
    assert f"lockstep repro {file}" in text.getvalue()
    assert not script.exists(), "the sequence is one itself"
    (again,) = read_sequences(file)
    assert again.text == found[0].body
    assert lockstep("repro", str(file), "--device", "PYTHON")[0] == 0


@pytest.mark.slow
def test_what_hangs_is_a_timeout_and_made_small(tmp_path: Path) -> None:
    assert fuzz_sequences(tmp_path, 6, "STAYS", workers=1, limits=Limits(0.5)) == 1
    found = buckets(tmp_path)
    assert {bucket.verdict for bucket in found} == {"timeout"}
    for bucket in found:
        assert "^" in bucket.body and len(parse_sequence(bucket.body).statements) <= 6


def test_the_computation_is_found_that_ends_a_process() -> None:
    apart = IsolatedSequences(Devices(SOURCE, ("TRAPS",)), Limits())
    problem = Problem("crash", ("TRAPS",), -1, "", (), "", "lazily")
    try:
        event = last_event(apart, parse_sequence(TRAP), problem)
        assert event == 2, "after `realize(y)`, which is seen: the second `realize`"
        assert last_event(apart, parse_sequence(TRAP.replace("^", "+")), problem) is None
        blame = apart.blame(parse_sequence(TRAP), problem, event)
    finally:
        apart.close()
    assert blame.key.startswith("code;")


def test_a_campaign_of_sequences_comes_back(tmp_path: Path) -> None:
    campaign, text, again = tmp_path / "campaign", tmp_path / "text", tmp_path / "again"
    assert fuzz_sequences(campaign, 10, "SKIPS", workers=1) == 1
    assert lockstep("export", str(campaign), str(text))[0] == 0
    assert lockstep("import", str(text), str(again))[0] == 0
    assert done(again) == done(campaign)
    assert [b.body for b in buckets(again)] == [b.body for b in buckets(campaign)]


def test_where_no_terminal_is_there_are_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "LOG_SECONDS", 0.0)
    console = Console(file=(text := StringIO()), width=200)
    assert fuzz_sequences(tmp_path, 3, "PYTHON", workers=1, console=console) == 0
    assert "\n3 sequences, " in text.getvalue()


def test_the_command(tmp_path: Path) -> None:
    folder = str(tmp_path / "new")
    options = ("fuzz", "--kind", "sequences", "--device", "PYTHON", "--workers", "1", "--out")
    code, output = lockstep(*options, folder, "--cases", "3")
    assert code == 0, output
    assert "3 sequences" in output
    assert lockstep("fuzz", "--resume", folder, "--cases", "5", "--workers", "1")[0] == 0
    assert len(done(tmp_path / "new")["draws"]) == 5
    assert lockstep("fuzz", "--resume", folder, "--kind", "programs")[0] == 2
    assert lockstep("fuzz", "--kind", "tunes", "--out", str(tmp_path / "x"))[0] == 2
