"""Shrinking keeps the fault and little else."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.harness.bisect import bisect
from conformance.harness.case import Case, parse_case
from conformance.harness.generate import case_seed, random_case
from conformance.harness.script import print_script
from conformance.harness.shrink import described, same_bucket, shrink
from conformance.harness.shrink.values import words_of
from conformance.harness.subject import EngineSubject, ReferenceSubject
from conformance.harness.trial import judge
from engine import moves, realize
from engine.ops import Op
from engine.simplify import index
from oracles.catalog import ROWS

SECONDS = 30.0


def is_given_a_nan(case: Case) -> bool:
    """A stand-in for a fault: some pointwise statement on floats is given a NaN."""
    values = ReferenceSubject().evaluate(case)
    operands = [
        values[k] for statement in case.statements if ROWS[statement.op].family == "elementwise"
        for k in statement.operands
    ]
    return any(x.dtype == np.float32 and np.isnan(x).any() for x in operands)


def test_a_program_becomes_one_statement_on_one_number() -> None:
    found = 0
    for number in range(100):
        case = random_case(case_seed(7, number))
        if not is_given_a_nan(case):
            continue
        found += 1
        small = shrink(case, is_given_a_nan, SECONDS)
        (statement,) = small.statements
        assert ROWS[statement.op].family == "elementwise"
        words = np.concatenate([words_of(item) for item in small.inputs])
        assert np.isin(words, (0, 0x3F800000, 1)).sum() >= len(words) - 1, "all but the NaN"
        if found == 2:
            return
    raise AssertionError("too few programs have such a value")


LONG = """lockstep case 1
%0 = buffer float32 (3,4)
    3f800000 40000000 40400000 40800000 40a00000 40c00000 40e00000 41000000 41100000 41200000
    41300000 41400000
%1 = buffer float32 (4,)
    3f800000 3f800000 3f800000 3f800000
%2 = mul %0 %1
%3 = permute %2 order=(1,0)
%4 = add %3 %3
%5 = flip %4 axis=(0,1)
%6 = sum %5 axis=0 keepdim=True
%7 = reshape %6 shape=(3,)
%8 = neg %7
output %8
output %2
"""


@pytest.fixture
def _flips_nothing(monkeypatch: pytest.MonkeyPatch) -> object:
    """A fault of the engine: a flipped view that is not."""
    realize.forget()
    monkeypatch.setitem(moves.MOVES, Op.FLIP, lambda node, at: (at, index.TRUE, None))
    yield
    monkeypatch.undo()
    realize.forget()


@pytest.mark.usefixtures("_flips_nothing")
def test_a_fault_of_the_engine_keeps_its_bucket() -> None:
    subjects = {"PYTHON": EngineSubject("PYTHON")}
    case = parse_case(LONG)
    blame = bisect(case, subjects)
    small = described(shrink(case, same_bucket(blame, subjects), SECONDS), blame)
    assert [statement.op for statement in small.statements] == ["flip"]
    assert small.inputs[0].data.count(b"\0") >= len(small.inputs[0].data) - 2, "0 but for one 1"
    again = bisect(parse_case(small.text), subjects)
    assert again.key == blame.key == small.notes[0]
    assert len(print_script(small).splitlines()) <= 10


def test_what_is_right_is_not_called_the_same() -> None:
    """The bucket of a fault that is gone holds nothing, so nothing is shrunk."""
    subjects = {"PYTHON": EngineSubject("PYTHON")}
    case = parse_case(LONG)
    assert not judge(case, subjects).problems
    blame = bisect(case, subjects)
    assert shrink(case, same_bucket(blame, {"": subjects["PYTHON"]}), SECONDS) == case
