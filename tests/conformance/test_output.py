"""What a reader of the terminal and of the report is told, and how often."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from conformance.harness import devices, output, session
from conformance.harness.case import parse_case
from conformance.harness.check import Device
from conformance.harness.script import print_script
from conformance.harness.subject import NotAvailable, ReferenceSubject
from engine.backends import registry
from engine.backends.base import DeviceInfo
from tests.conformance.command import Wrong, lockstep, use, widen

HARNESS = "conformance.harness"
NARROW = ["--op", "neg", "--dtype", "int8"]
REMEDY = "pip install lockstep-tensor[zig] brings one"
CASE = """lockstep case 1
devices CPU
%0 = buffer float32 (2,)
    3dcccccd 7fc00001
%1 = neg %0
output %1
"""
EXPECT = CASE + "expect\n    bdcccccd ffc00001\n"


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    widen(monkeypatch)


def test_a_remedy_is_shown_as_it_is_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = DeviceInfo("CPU", available=False, detail=f"no compiler: {REMEDY}", remedy=REMEDY)
    monkeypatch.setattr(registry, "info", lambda *names: [absent])
    code, output = lockstep("devices")
    assert code == 2
    assert output.count(REMEDY) == 1, "brackets are not markup"
    assert devices.under_test(["CPU"])[0].reason == "no compiler"
    assert str(NotAvailable(f"no compiler: {REMEDY}", REMEDY)).count(REMEDY) == 1


def test_text_from_outside_is_not_markup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Device("GPU", None, reason="no [red] driver", remedy="[/] get one"))
    output = lockstep("check", "--out", str(tmp_path), *NARROW)[1]
    assert "not run on GPU: 1 cell: no [red] driver ([/] get one)" in output


@pytest.mark.parametrize("options", [["check", *NARROW], ["fuzz", "--device", "PYTHON"]])
def test_a_folder_that_cannot_be_written_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    use(monkeypatch, Device("RIGHT", ReferenceSubject()))
    file = tmp_path / "file"
    file.write_text("not a folder")
    code, output = lockstep(*options, "--out", str(file))
    assert code == 2
    assert "cannot be written" in output
    assert "seed" not in output, "nothing ran"


def test_commands_work_from_where_the_check_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Device("WRONG", Wrong()))
    monkeypatch.chdir(tmp_path)
    assert lockstep("check", "--out", "some report", *NARROW)[0] == 1
    page = Path("some report/report.md").read_text()
    found = re.findall(r"lockstep repro '([^']*)'", page)
    assert found
    assert all(Path(file).is_file() for file in found)


def test_the_legend_says_what_stands_in_the_matrix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Device("RIGHT", ReferenceSubject()))
    output = lockstep("check", "--out", str(tmp_path), *NARROW)[1]
    page = (tmp_path / "report.md").read_text()
    for text in (output, page):
        assert "no such cell" in text
        assert "the first operand" in text
        assert "timeout" not in text
        assert "unspecified" not in text
    assert "1 cell," in page


def test_repro_says_things_once_and_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Device("WRONG", Wrong()))
    lockstep("check", "--out", str(tmp_path), *NARROW)
    file = next((tmp_path / "cases").glob("*.case"))
    code, output = lockstep("repro", str(file))
    assert code == 1
    assert output.count("accepted") == 1, "the notes say the same"
    use(monkeypatch, Device("RIGHT", ReferenceSubject()))
    assert lockstep("repro", str(file))[1].count("accepted") == 1, "here only the notes do"
    (tmp_path / "small.case").write_text(CASE)
    output = lockstep("repro", str(tmp_path / "small.case"))[1]
    assert "numpy      float32 bdcccccd ffc00001" in output
    assert "no bits are expected" in output
    (tmp_path / "small.case").write_text(EXPECT)
    assert "no bits are expected" not in lockstep("repro", str(tmp_path / "small.case"))[1]


def test_the_script_runs_on_the_device_of_the_case_and_asserts(tmp_path: Path) -> None:
    script = print_script(parse_case(EXPECT))
    assert '"CPU"' in script
    assert "assert v1.tobytes()" in script
    file = tmp_path / "small.case"
    file.write_text(EXPECT)
    assert lockstep("repro", "--script", str(file))[1] == script
    assert '"PYTHON"' in lockstep("repro", "--script", "--device", "python", str(file))[1]
    wrong = print_script(parse_case(EXPECT.replace("bdcccccd", "00000000")), "PYTHON")
    file = tmp_path / "script.py"
    file.write_text(wrong)
    done = subprocess.run([sys.executable, str(file)], check=False, capture_output=True, text=True)
    assert done.returncode == 1 and "AssertionError: cdccccbd" in done.stderr


def modules_in_order() -> list[str]:
    readme = Path(session.__file__).with_name("README.md").read_text()
    rows = re.findall(r"^\| (`.*?) \|", readme, re.MULTILINE)
    return re.findall(r"`(\w+)`", " ".join(rows))


def test_the_harness_is_in_the_order_of_its_readme() -> None:
    """Each module imports those above it, inside functions too."""
    order = modules_in_order()
    folder = Path(session.__file__).parent
    files = {name: [folder / f"{name}.py"] for name in order}
    folders = {file.parent.name for file in folder.glob("*/__init__.py")}
    files.update({name: list((folder / name).glob("*.py")) for name in folders})
    assert set(order) == {file.stem for file in folder.glob("*.py")} - {"__init__"} | folders
    for k, name in enumerate(order):
        used = {module for file in files[name] for module in imported(file)} - {name}
        assert used <= set(order[:k]), f"{name} imports {used - set(order[:k])}"


def imported(file: Path) -> Iterator[str]:
    """The modules of the harness that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(HARNESS):
            module = (node.module or "").removeprefix(HARNESS).lstrip(".").split(".")[0]
            yield from [module] if module else [alias.name for alias in node.names]


def test_a_log_has_a_line_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(output.time, "monotonic", lambda: now[0])
    log = io.StringIO()
    console = Console(file=log, width=200)
    with output.progress_bar(console) as progress:
        report = output.reporter(progress, 1234)
        for now[0], done in ((1.0, 10), (60.0, 20), (61.0, 30), (119.0, 40), (120.0, 1200)):
            report("add on LLVM", done)
    lines = log.getvalue().splitlines()
    assert lines == ["20 of 1,234, add on LLVM", "1,200 of 1,234, add on LLVM"]
