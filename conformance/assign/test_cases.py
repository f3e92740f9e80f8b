"""The written cases: what numpy makes of each is what the case says."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.harness.sequences.judge import expected
from conformance.harness.sequences.text import Sequence, parse_sequences, read_sequences

FILES = sorted((Path(__file__).parent / "cases").glob("*.seq"))
CASES = {f"{file.stem}: {one.notes[0]}": one for file in FILES for one in read_sequences(file)}

each = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def test_there_are_cases() -> None:
    assert len(CASES) == sum(len(read_sequences(file)) for file in FILES) >= 120


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_a_case_prints_as_it_is_read(file: Path) -> None:
    text = file.read_text("utf-8")
    assert "\n".join(one.text for one in parse_sequences(text)) == text


@each
def test_numpy_makes_of_a_case_what_it_says(case: Sequence) -> None:
    assert expected(case)
