"""The command line: exit codes and what is left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.harness import cli, devices
from conformance.harness.check import Check, Device
from conformance.harness.subject import ReferenceSubject
from reports.records import CellRecord, FailureRecord, RunRecord, read, to_line
from tests.conformance.command import Wrong, lockstep, use, widen

NARROW = ["--op", "neg", "--dtype", "int8", "--dtype", "float16"]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    widen(monkeypatch)


def test_devices_are_listed() -> None:
    code, output = lockstep("devices")
    assert code == 0
    assert all(name in output for name in ("LLVM", "CPU", "PYTHON"))


def test_check_passes_and_writes_a_report(tmp_path: Path) -> None:
    code, output = lockstep("check", "--device", "PYTHON", "--out", str(tmp_path), *NARROW)
    assert code == 0
    assert "neg" in output
    assert "elements judged" in output
    records = list(read((tmp_path / "cells.jsonl").read_text().splitlines()))
    assert isinstance(records[0], RunRecord)
    assert {r.verdict for r in records if isinstance(r, CellRecord)} == {"pass"}
    assert "| `neg` |" in (tmp_path / "report.md").read_text()


def test_check_fails_with_cases_that_repro_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Device("WRONG", Wrong()))
    code, output = lockstep("check", "--out", str(tmp_path), *NARROW)
    assert code == 1
    assert "WRONG" in output
    records = list(read((tmp_path / "cells.jsonl").read_text().splitlines()))
    failures = [record for record in records if isinstance(record, FailureRecord)]
    assert failures
    assert failures[0].accepted
    file = tmp_path / failures[0].case
    assert f"lockstep repro {file}" in output
    assert lockstep("repro", str(file))[0] == 1
    use(monkeypatch, Device("RIGHT", ReferenceSubject()))
    assert lockstep("repro", str(file))[0] == 0


def test_check_of_absent_devices_ran_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Device("GPU", None, reason="no driver", remedy="install one"))
    code, output = lockstep("check", "--out", str(tmp_path), *NARROW)
    assert code == 2
    assert "nothing ran" in output
    assert "no driver" in output
    assert "install one" in (tmp_path / "report.md").read_text()


def test_check_without_time_ran_nothing(tmp_path: Path) -> None:
    options = ("--device", "PYTHON", "--out", str(tmp_path), "--budget", "0")
    assert lockstep("check", *options, *NARROW)[0] == 2


def test_interruption_keeps_what_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Device("RIGHT", ReferenceSubject()))
    whole = Check.run

    def interrupted(self: Check, *arguments: object) -> None:
        self.targets = self.targets[:1]
        whole(self)
        self.complete = False
        raise KeyboardInterrupt

    monkeypatch.setattr(Check, "run", interrupted)
    code, output = lockstep("check", "--out", str(tmp_path), *NARROW)
    assert code == 1
    assert "interrupted" in output
    verdicts = {r.verdict for r in read((tmp_path / "cells.jsonl").read_text().splitlines())
                if isinstance(r, CellRecord)}  # fmt: skip
    assert verdicts == {"pass", "not run"}


@pytest.mark.parametrize("arguments", [
    ("check", "--op", "frobnicate"), ("check", "--dtype", "int7"), ("check", "--device", "QUANTUM"),
    ("check", "--op", "neg", "--dtype", "bool"), ("repro", "no-such-file.case"),
    ("bench", "--only", "beauty"), ("frobnicate",), ("check", "--budget", "-1"),
    ("check", "--seed", "-1"), ("check", "--budget", "nan"),
    ("check", "--seed", str(1 << 64)), ("check", "--device", "PYTHON:1000"),
])  # fmt: skip
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    assert lockstep(*arguments)[0] == 2


def test_the_module_is_the_command() -> None:
    module = [sys.executable, "-m", "conformance.harness.cli", "check", "--op", "frobnicate"]
    done = subprocess.run(module, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "frobnicate" in done.stderr


def test_ctrl_c_before_a_run_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(devices, "under_test", interrupted)
    code, output = lockstep("check", *NARROW)
    assert code == 1
    assert output == "interrupted\n"
    monkeypatch.setattr(cli, "app", interrupted)
    with pytest.raises(SystemExit) as raised:
        cli.main()
    assert raised.value.code == 1


def test_only_case_files_of_the_run_before_are_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Device("WRONG", Wrong()))
    assert lockstep("check", "--out", str(tmp_path), *NARROW)[0] == 1
    written = set((tmp_path / "cases").iterdir())
    own, outside = tmp_path / "cases/mine.case", tmp_path / "outside.case"
    evil = FailureRecord("neg", ("int8",), "X", "fail", "cases/../outside.case", "")
    with (tmp_path / "cells.jsonl").open("a") as records:
        records.write(to_line(evil) + "\n")
    for file in (own, outside):
        file.write_text("precious")
    use(monkeypatch, Device("RIGHT", ReferenceSubject()))
    assert written
    assert lockstep("check", "--out", str(tmp_path), *NARROW)[0] == 0
    assert set((tmp_path / "cases").iterdir()) == {own}
    assert outside.exists()


def test_a_device_with_less_than_it_has_gets_case_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name has signs that file systems read otherwise."""
    use(monkeypatch, Device("WRONG:1/int64,no_div", Wrong()))
    assert lockstep("check", "--out", str(tmp_path), *NARROW)[0] == 1
    names = [file.name for file in (tmp_path / "cases").iterdir()]
    assert names and all("WRONG_1_int64_no_div" in name for name in names)


def test_repro_refuses_what_is_no_case(tmp_path: Path) -> None:
    file = tmp_path / "evil.case"
    file.write_text("lockstep case 1\n%0 = __import__('os')\n")
    code, output = lockstep("repro", str(file))
    assert code == 2
    assert "line 2" in output


def test_repro_prints_a_script(tmp_path: Path) -> None:
    file = tmp_path / "small.case"
    file.write_text("lockstep case 1\n%0 = buffer int8 (1,)\n    80\n%1 = neg %0\noutput %1\n")
    code, output = lockstep("repro", "--script", str(file))
    assert code == 0
    assert "from engine import Tensor" in output
    assert lockstep("repro", str(file))[0] == 0


def test_bench_prints_json() -> None:
    code, output = lockstep("bench", "--json", "--only", "import")
    body = json.loads(output)
    assert code in (0, 1)
    assert body["figures"][0]["name"] == "import engine"
    assert {figure["group"] for figure in body["figures"]} == {"import"}
    assert "group" in lockstep("bench", "--only", "import")[1]
