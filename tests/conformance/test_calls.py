"""Statements as calls: several results of one call are made by one call."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.harness.calls import same_call
from conformance.harness.case import Statement, parse_case
from conformance.harness.subject import EngineSubject
from engine import Tensor

TEXT = """lockstep case 1
%0 = buffer int8 (3,)
    03 01 02
%1 = sort %0 output=0
%2 = sort %0 descending=True output=1
%3 = sort %0 output=1
output %1
output %2
output %3
"""


def test_results_of_one_call_come_from_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []
    real = Tensor.sort

    def counted(self: Tensor, **given: Any) -> tuple[Tensor, Tensor]:
        asked.append(given)
        return real(self, **given)

    monkeypatch.setattr(Tensor, "sort", counted)
    got = EngineSubject("PYTHON").run(parse_case(TEXT))
    assert got == [bytes([1, 2, 3]), *(bytes(word(*k)) for k in ((0, 2, 1), (1, 2, 0)))]
    assert asked == [{}, {"descending": True}]


def word(*places: int) -> list[int]:
    """Places as int32."""
    return [byte for place in places for byte in (place, 0, 0, 0)]


def test_what_makes_a_call_another() -> None:
    one = Statement("svd", (0,), {"output": 0})
    assert same_call(one) == same_call(Statement("svd", (0,), {"output": 2}))
    others = [
        Statement("qr", (0,), {"output": 0}), Statement("svd", (1,), {"output": 0}),
        Statement("svd", (0,), {"output": 0, "full_matrices": False}),
    ]  # fmt: skip
    assert same_call(one) not in map(same_call, others)
