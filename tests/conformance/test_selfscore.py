"""The selfscore: faults that are still faults, hunts that find what is there and nothing else."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from conformance.harness.bisect import STAGES
from conformance.harness.selfscore import table
from conformance.harness.selfscore.command import chosen, run_selfscore
from conformance.harness.selfscore.faults import CLASSES, Fault, faults, plant
from conformance.harness.selfscore.score import CONTROL, Hunt, Job, score
from engine.compile import PASSES

FAULTS = faults()
ENOUGH = 40


def test_there_are_enough_faults_of_every_class() -> None:
    assert len(FAULTS) >= ENOUGH
    assert {fault.kind for fault in FAULTS} == set(CLASSES)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_still_changes_the_engine(fault: Fault) -> None:
    """Its text stands in the module once, and what comes in its place is Python."""
    spec = find_spec(fault.module)
    assert spec is not None and spec.origin is not None
    source = Path(spec.origin).read_text("utf-8")
    compile(fault.applied(source), spec.origin, "exec")
    names = {*STAGES, *(step.name for step in PASSES)}
    for place in fault.place:
        assert any(name.startswith(place.split(" / ")[0].split(";")[0]) for name in names), place


def test_a_fault_whose_text_has_changed_is_refused() -> None:
    gone = Fault("gone", "rules", "none", "engine.folds", "no such text", "other", ("lower",))
    with pytest.raises(ValueError, match=r"stands 0 times in engine\.folds"):
        gone.applied("x = 1\n")


def test_a_module_that_is_imported_already_cannot_be_changed() -> None:
    with pytest.raises(RuntimeError, match="is imported already"):
        plant(FAULTS[0])


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="no such fault: nothing"):
        chosen(["nothing"])


def test_a_fault_is_found_and_named_and_a_control_is_quiet() -> None:
    """Two hunts at once, each in its process."""
    (flip,) = chosen(["flip-of-one-axis"])
    rows = {row.name: row for row in score([Job(flip, 60, 1), Job(None, 1, 2)], 2)}
    found, control = rows["flip-of-one-axis"], rows[f"{CONTROL} 2"]
    assert found.found and found.named and found.key.startswith("lower; FLIP")
    assert found.statements <= 3 and found.case.startswith("lockstep case")
    assert not control.found and control.programs > 0


def test_what_no_device_is_here_for_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither found nor missed: the reason and the remedy are shown, and nothing is recorded."""
    monkeypatch.setenv("WGPU_ADAPTER_NAME", "no such adapter")
    hunted = [fault for fault in FAULTS if fault.kind == "shaders"][:1]
    console = Console(file=(text := StringIO()), width=400)
    assert run_selfscore(hunted, 60, 0, 0, 1, tmp_path, console) == 2
    said = text.getvalue()
    assert "not run" in said and "WEBGPU not run: " in said
    assert "lockstep devices --install-vulkan" in said
    assert "0 of 0 faults found" in said and said.rstrip().endswith("1 not run.")
    assert not (tmp_path / table.RECORDS).exists()


def test_records_make_the_page(tmp_path: Path) -> None:
    first = FAULTS[0]
    rows = [
        Hunt(first.name, first.kind, first.about, True, 1.5, 7, 120, "here | there", True),
        Hunt(f"{CONTROL} 0", CONTROL, "no fault", False, 120, 900, 120, commit="b1c",
             day="2026-02-03"),
    ]  # fmt: skip
    table.keep(tmp_path, rows)
    assert table.load(tmp_path) == rows
    assert not table.is_stale(tmp_path)
    page = (tmp_path / table.PAGE).read_text()
    assert "1 of 1 faults found, the place named of 1" in page
    assert "0 false alarms in 900 programs" in page
    assert "`here \\| there`" in page
    assert "several commits" in page and "b1c of 2026-02-03: 1; an unknown commit: 1" in page
    table.keep(tmp_path, [replace(rows[0], commit="b1c", day="2026-02-03")])
    page = (tmp_path / table.PAGE).read_text()
    assert "several commits" not in page and "Hunts by commit: b1c of 2026-02-03: 2." in page
    (tmp_path / table.PAGE).write_text(page.replace("1.5 s", "0.5 s"))
    assert table.is_stale(tmp_path) and table.write(tmp_path)
    (tmp_path / table.RECORDS).write_text('{"name": "a"}\n')
    with pytest.raises(ValueError, match="missing"):
        table.load(tmp_path)
