"""Sequences that an engine with a fault gets wrong: they are found, bisected, and said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import engine.inplace as inplace
import engine.realize as driver
import engine.tensor.advanced as advanced
from conformance.harness.cli import app
from conformance.harness.sequences.bisect import bisect_sequence, wrong_statement
from conformance.harness.sequences.judge import judge, judge_again, same
from conformance.harness.sequences.text import HEADER, parse_sequence
from engine.graph import Node
from engine.ops import Op
from engine.realize import forget

DEVICES = ("PYTHON", "LLVM")
MASK = f"""{HEADER}
x = arange(4, 'int32')
y = x * 2
x[x > 2] = 7
"""
HELD = f"""{HEADER}
x = arange(4, 'int32') + 0
realize(x)
y = x[::2]
z = y * 3
x += 1
realize(x)
"""
SHIFT = f"""{HEADER}
x = arange(6, 'int32') + 0
realize(x)
x[1:] = x[:-1]
"""


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    forget()


def invert_masks(patch: pytest.MonkeyPatch) -> None:
    def masked(x: advanced.Merged, mask: Node, value: Node) -> Node:
        return right(x, Node(Op.EQ, mask.dtype, (mask, mask.constant(0))), value)

    right = advanced.masked
    patch.setattr(advanced, "masked", masked)


def forget_readers(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(driver, "still_read", lambda buffers, computed: set())


def blamed(text: str) -> tuple[str, str]:
    """The key of what is wrong with a sequence, and the text."""
    sequence = parse_sequence(text)
    (wrong, *_) = judge(sequence, DEVICES)
    assert same(wrong, judge_again(sequence, wrong, DEVICES))
    blame = bisect_sequence(sequence, DEVICES, wrong)
    return blame.key, blame.place.text


def test_what_is_right_has_no_wrong_statement() -> None:
    for text in (MASK, HELD, SHIFT):
        sequence = parse_sequence(text)
        assert not judge(sequence, DEVICES)
        assert wrong_statement(sequence, *DEVICES) is None


def test_a_wrong_graph_is_named_by_its_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    invert_masks(monkeypatch)
    key, text = blamed(MASK)
    assert key == "front end; write tensor; integer; bits"
    assert "x[x > 2] = 7" in text


def test_memory_that_is_taken_too_early_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_readers(monkeypatch)
    key, text = blamed(HELD)
    assert key.startswith("versions;")
    assert "written over" in text


def test_a_missing_edge_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inplace, "reads_in_place", lambda kernel, memory: True)
    key, text = blamed(SHIFT)
    assert key.startswith("versions;")
    assert "may have written" in text


def test_the_commands_say_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "mask.seq"
    file.write_text(MASK)
    here = [str(file), "--device", "PYTHON"]
    run = CliRunner().invoke
    assert run(app, ["repro", *here]).exit_code == 0
    assert run(app, ["bisect", *here]).exit_code == 0
    invert_masks(monkeypatch)
    said = run(app, ["repro", *here])
    assert said.exit_code == 1 and "step 4: x is int32" in said.output
    said = run(app, ["bisect", *here, "--json"])
    assert said.exit_code == 1
    assert json.loads(said.output)["key"] == "front end; write tensor; integer; bits"
