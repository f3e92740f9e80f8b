"""Every case of the corpus on every device, and on those that lack much: the expected bits."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.harness.case import parse_case, print_case, read_case
from conformance.harness.devices import subjects_of
from conformance.harness.judging import judge_case, tainted
from conformance.harness.subject import Subject
from engine.target import TEST_TARGETS

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*.case"))


@pytest.fixture(scope="module")
def subjects() -> dict[str, Subject]:
    return {**subjects_of(), **subjects_of([f"LLVM/{name}" for name in TEST_TARGETS])}


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_a_case_is_right_everywhere(file: Path, subjects: dict[str, Subject]) -> None:
    case = read_case(file)
    answers = {name: subject.run(case) for name, subject in subjects.items()}
    assert len(set(map(tuple, answers.values()))) == 1, "the devices differ"
    for name, outputs in answers.items():
        assert not judge_case(case, outputs), name


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_a_case_says_what_was_wrong_and_what_is_right(file: Path) -> None:
    text = file.read_text("utf-8")
    case = parse_case(text)
    assert print_case(case) == text
    assert case.notes
    expected = case.expected or (None,) * len(case.outputs)
    for value, bits in zip(case.outputs, expected, strict=True):
        assert bits is not None or value in tainted(case), f"%{value} has no expected bits"


def test_there_is_a_corpus(subjects: dict[str, Subject]) -> None:
    assert len(FILES) >= 15
    assert len(subjects) >= 2, "nothing to compare"


def test_a_wrong_bit_is_noticed(subjects: dict[str, Subject]) -> None:
    case = read_case(FOLDER / "abs-minus-zero.case")
    (outputs,) = {tuple(subject.run(case)) for subject in subjects.values()}
    for k in range(len(outputs)):
        wrong = list(outputs)
        wrong[k] = bytes([wrong[k][0] ^ 1]) + wrong[k][1:]
        assert judge_case(case, wrong)
