"""Cases from strangers: no memory, no time and no terminal is theirs to take."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conformance.harness import session
from conformance.harness.case import (
    MAX_NOTES,
    MAX_OUTPUTS,
    MAX_TEXT,
    Statement,
    parse_case,
    read_case,
)
from conformance.harness.check import Device
from conformance.harness.subject import ReferenceSubject
from conformance.harness.work import Budget
from tests.conformance.command import lockstep, use

START = "lockstep case 1\n"
BYTE = START + "%0 = buffer int8 (1,)\n    01\n"
NOTHING = START + "%0 = buffer int8 (0,)\n"
WIDE = 1_000_000  # elements that one value may have, and forty values not


def refused(text: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        ReferenceSubject().run(parse_case(text))


@pytest.mark.parametrize("statement", [
    "%1 = flip %0 axis=False", "%1 = max_unpool2d %0 %0 output_size=True",
    "%1 = reshape %0 shape=(True,)", "%1 = pad %0 padding=((True,False),)", "%1 = sum %0 axis=True",
])  # fmt: skip
def test_a_truth_value_is_no_integer(statement: str) -> None:
    with pytest.raises(ValueError, match=r"line 4: .*truth value"):
        parse_case(f"{BYTE}{statement}\noutput %1\n")


@pytest.mark.parametrize("statement", [
    "%1 = arange stop=3", "%1 = arange start=3 dtype='bool'", "%1 = getitem %0 index=((0,),)",
    "%1 = pad %0 padding=((0,1),) value=f3ff8000000000000", "%1 = sum %0 keepdim=1",
    "%1 = pad %0 padding=((0,1),) value=None", "%1 = arange start=0 stop=(3,)",
    "%1 = max_pool2d %0 output=1", "%1 = max_pool2d %0 return_indices=True",
])  # fmt: skip
def test_what_the_engine_refuses_is_no_case(statement: str) -> None:
    """The reference would take it, and the device would look wrong."""
    with pytest.raises(ValueError, match=r"^line 4: "):
        parse_case(f"{BYTE}{statement}\noutput %1\n")


@pytest.mark.parametrize("padding", ["()", "((0,1),(0,1))"])
def test_padding_has_a_pair_for_each_axis(padding: str) -> None:
    refused(f"{BYTE}%1 = pad %0 padding={padding}\noutput %1\n")


@pytest.mark.parametrize("line", [
    "%\u0661 = neg %0", "%1 = neg %\u0660", "%1 = getitem %0 index=\u0660", "%1 = neg\u2003%0",
    "devicesLLVM CPU", "devices LLVM:1234",
])  # fmt: skip
def test_only_ascii_words_and_short_ordinals(line: str) -> None:
    with pytest.raises(ValueError, match=r"^line 4: "):
        parse_case(f"{BYTE}{line}\noutput %1\n")


def test_outputs_and_notes_are_counted() -> None:
    parse_case(START + "# note\n" * MAX_NOTES + BYTE.removeprefix(START) + "output %0\n")
    with pytest.raises(ValueError, match="notes"):
        parse_case(START + "# note\n" * (MAX_NOTES + 1))
    with pytest.raises(ValueError, match="outputs"):
        parse_case(BYTE + "output %0\n" * (MAX_OUTPUTS + 1))


def test_an_input_of_nothing_is_not_wide_either() -> None:
    with pytest.raises(ValueError, match="at most"):
        parse_case(START + "%0 = buffer int8 (0,99999999999)\noutput %0\n")


@pytest.mark.parametrize("statements", [
    "%1 = reshape %0 shape=(0,99999999999)\n%2 = sum %1 axis=(0,)\noutput %2",
    "%1 = expand %0 shape=(16777217,0)\n%2 = sum %1 axis=(1,)\noutput %2",
])  # fmt: skip
def test_what_nothing_is_reduced_to_counts(statements: str) -> None:
    refused(f"{NOTHING}{statements}\n")


def test_the_work_of_a_case_adds_up() -> None:
    """Each value alone would pass."""
    lines = [f"%{k} = full shape=({WIDE},) fill_value={k}" for k in range(1, 41)]
    refused(BYTE + "\n".join(lines) + "\noutput %40\n")
    outputs = "output %1\n" * 40
    refused(f"{BYTE}%1 = full shape=({WIDE},) fill_value=1\n{outputs}")


@pytest.mark.parametrize(("op", "shapes", "work"), [
    ("add", [(4, 1), (1, 5)], 20), ("sum", [(4, 5)], 20), ("matmul", [(64, 3), (3, 64)], 3 << 12),
    ("matmul", [(9,), (9,)], 9 << 10), ("exp2", [(4,)], 32), ("neg", [(0, 7)], 7),
    ("scaled_dot_product_attention", [(2, 3, 4), (5, 4), (5, 6)], (5 * (8 + 4)) << 10),
    ("cross_entropy", [(6, 5, 4), (6, 4)], 8 * 120), ("batchnorm", [(6, 5), (5,), (1, 5)], 30),
])  # fmt: skip
def test_work_is_known_from_shapes(op: str, shapes: list[tuple[int, ...]], work: int) -> None:
    budget = Budget(limit=work)
    budget.spend(Statement(op, tuple(range(len(shapes)))), shapes)
    assert budget.done == work
    with pytest.raises(ValueError, match="in all"):
        budget.add(1)


@pytest.mark.parametrize("statement", [
    "max_pool2d %0 kernel_size=(4000,4000) stride=1 padding=2000",
    "avg_pool2d %0 kernel_size=(100000000,) padding=50000000", "interpolate %0 size=(99999999,1)",
    "max_unpool2d %0 %0 kernel_size=(99999999,1)", "interpolate %0 size=7",
    "avg_pool2d %0 kernel_size=()", "max_pool2d %0 stride=()", "avg_pool2d %0 kernel_size='2'",
])  # fmt: skip
def test_windows_and_sizes_count(statement: str) -> None:
    """A kernel that is mostly padding sees one element, and reads many."""
    refused(f"{START}%0 = buffer int8 (1,1)\n    01\n%1 = {statement}\noutput %1\n")


@pytest.mark.parametrize(("op", "shapes"), [
    ("cross_entropy", [(6, 5), (WIDE,)]), ("cross_entropy", [(), ()]),
    ("nll_loss", [(6, 5), (6,), (WIDE,)]), ("batchnorm", [(6, 5), (WIDE, 1), (5,)]),
    ("sparse_categorical_crossentropy", [(6, 5, 4), (6, 4)]),
    ("binary_crossentropy", [(1,), (WIDE,)]), ("binary_crossentropy_logits", [(1,), (1,), (9,)]),
    ("scaled_dot_product_attention", [(2, 1), (2, 1), (2, 1), (WIDE, 1, 2)]),
    ("scaled_dot_product_attention", [(2, 1), (2, 3), (2, 3)]),
    ("scaled_dot_product_attention", [(1,), (2, 1), (2, 1)]),
])  # fmt: skip
def test_what_would_only_broadcast_is_refused(op: str, shapes: list[tuple[int, ...]]) -> None:
    """As the engine does; the references would make more than was counted."""
    with pytest.raises(ValueError, match="fit"):
        Budget().spend(Statement(op, tuple(range(len(shapes)))), shapes)


def test_an_index_takes_the_place_of_an_axis() -> None:
    for attributes, work in (({"axis": 0}, 35), ({"axis": None}, 21)):
        budget = Budget()
        budget.spend(Statement("take", (0, 1), attributes), [(3, 7), (5,)])
        assert budget.done == work


def test_only_regular_files_of_bounded_size_are_read(tmp_path: Path) -> None:
    pipe, large = tmp_path / "pipe.case", tmp_path / "large.case"
    os.mkfifo(pipe)
    with pytest.raises(ValueError, match="regular"):
        read_case(pipe)
    with large.open("wb") as file:
        file.truncate(MAX_TEXT + 1)
    with pytest.raises(ValueError, match="at most"):
        read_case(large)
    for file in (pipe, large, tmp_path, Path("/dev/zero")):
        assert lockstep("repro", str(file))[0] == 2


class Starved:
    """A subject for which there is no memory."""

    name = "STARVED"

    def run(self, case: object) -> list[bytes]:
        raise MemoryError


def test_too_little_memory_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Device("STARVED", Starved()))
    file = tmp_path / "small.case"
    file.write_text(f"{BYTE}%1 = neg %0\noutput %1\n")
    code, output = lockstep("repro", str(file))
    assert code == 2
    assert "not enough memory" in output


def test_notes_do_not_write_on_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Device("RIGHT", ReferenceSubject()))
    file = tmp_path / "small.case"
    notes = "# first\x1b[2J\n# second\x1b]0;title\x07\n"
    file.write_text(START + notes + BYTE.removeprefix(START) + "output %0\n")
    code, output = lockstep("repro", str(file))
    assert code == 0
    assert "first [2J" in output
    assert "\x1b" not in output
    assert "\x07" not in output


@pytest.mark.parametrize("name", ["run_case", "under_test"])
def test_ctrl_c_in_repro_is_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(session, name, interrupted)
    file = tmp_path / "small.case"
    file.write_text(f"{BYTE}output %0\n")
    code, output = lockstep("repro", str(file))
    assert code == 1
    assert output.endswith("interrupted\n")
