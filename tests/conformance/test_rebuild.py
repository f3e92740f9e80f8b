"""`lockstep report`: the pages once more, from records that may be a stranger's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conformance.harness.check import Device
from conformance.harness.output import MAX_RECORDS, PAGES
from conformance.harness.subject import ReferenceSubject
from tests.conformance.command import Wrong, lockstep, use, widen

NARROW = ["--op", "neg", "--dtype", "int8"]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    widen(monkeypatch)


def test_pages_are_rebuilt_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Device("RIGHT", ReferenceSubject()), Device("WRONG", Wrong()))
    assert lockstep("check", "--out", str(tmp_path), *NARROW)[0] == 1
    before = {name: (tmp_path / name).read_bytes() for name in PAGES}
    assert set(PAGES) == {"report.md", "report.html"}
    for name in PAGES:
        (tmp_path / name).unlink()
    code, output = lockstep("report", str(tmp_path))
    assert code == 0
    assert f"report: {tmp_path}/report.html" in output
    assert {name: (tmp_path / name).read_bytes() for name in PAGES} == before


@pytest.mark.parametrize("text", [
    b"", b"\n\n", b"{}", b"not json", b"\xff\xfe", b'{"version": 1, "kind": "run"}',
])  # fmt: skip
def test_what_is_no_record_is_wrong_usage(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "cells.jsonl").write_bytes(text)
    code, output = lockstep("report", str(tmp_path))
    assert code == 2
    assert "cells.jsonl" in output
    assert not (tmp_path / "report.html").exists()


def test_no_file_or_no_ordinary_file_is_wrong_usage(tmp_path: Path) -> None:
    assert lockstep("report", str(tmp_path / "nowhere"))[0] == 2
    file = tmp_path / "cells.jsonl"
    os.mkfifo(file)
    assert lockstep("report", str(tmp_path))[0] == 2
    file.unlink()
    with file.open("wb") as stream:
        stream.truncate(MAX_RECORDS + 1)
    code, output = lockstep("report", str(tmp_path))
    assert code == 2
    assert "at most" in output
