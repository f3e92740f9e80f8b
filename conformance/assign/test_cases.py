"""The written cases: what numpy makes of each is what the case says, and what every device makes.

Each runs lazily, with everything computed after each statement, and with memory of its own for each
intermediate value.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.harness.devices import under_test
from conformance.harness.sequences.judge import expected, judge_way
from conformance.harness.sequences.lazy import WAYS
from conformance.harness.sequences.text import Sequence, parse_sequences, read_sequences

FILES = sorted((Path(__file__).parent / "cases").glob("*.seq"))
CASES = {f"{file.stem}: {one.notes[0]}": one for file in FILES for one in read_sequences(file)}
DEVICES = [device.name for device in under_test() if device.subject is not None]
LONG = 120  # steps; above, each would be a kernel of its own where everything is computed

each = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def test_there_are_cases() -> None:
    assert len(CASES) == sum(len(read_sequences(file)) for file in FILES) >= 120
    assert len(DEVICES) >= 2, "nothing to compare"


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_a_case_prints_as_it_is_read(file: Path) -> None:
    text = file.read_text("utf-8")
    assert "\n".join(one.text for one in parse_sequences(text)) == text


@each
def test_numpy_makes_of_a_case_what_it_says(case: Sequence) -> None:
    assert expected(case)


@pytest.mark.parametrize("device", DEVICES)
@each
def test_a_case_is_right(case: Sequence, device: str) -> None:
    steps = expected(case)[-1].step
    for way in WAYS:
        if way.eager and steps > LONG:
            continue
        wrong = judge_way(case, device, DEVICES, way)
        assert wrong is None, f"{wrong}\n\n{case.text}"
