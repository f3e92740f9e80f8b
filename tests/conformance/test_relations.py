"""Relations hold for what is right, change the program, and are seen to fail on a wrong device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from conformance.harness.case import Case, parse_case
from conformance.harness.generate import case_seed, random_draw
from conformance.harness.subject import ReferenceSubject
from conformance.harness.trial import RELATIONS, judge
from conformance.harness.trial.relations import REWRITTEN, run_related
from engine.context import setting, text_setting

SEED = 23
DRAWS = [random_draw(case_seed(SEED, k), 8) for k in range(60)]
SMALL = """lockstep case 1
%0 = buffer float32 (2,3)
    3f800000 40000000 40400000 7fc00001 80000000 00000001
%1 = add %0 %0
%2 = mul %1 %0
%3 = sum %2 axis=(1,)
output %2
output %3
"""
RIGHT = ReferenceSubject()


class Deviates(ReferenceSubject):
    """Another device: the last bit of the first output is another one where a program has it."""

    def __init__(self, has: Callable[[Case], bool]) -> None:
        self.has = has

    def run(self, case: Case) -> list[bytes]:
        first, *others = super().run(case)
        return [bytes([first[0] ^ 1]) + first[1:] if self.has(case) else first, *others]


def uses(op: str) -> Callable[[Case], bool]:
    return lambda case: any(statement.op == op for statement in case.statements)


# What the program of each relation has that the program itself does not have.
WRONG: dict[str, Callable[[Case], bool]] = {
    "permuted": uses("permute"),
    "split": uses("cat"),
    "one more": uses("pad"),
    "rows apart": lambda case: sum(s.op == "sum" for s in case.statements) > 1,
    "round trip": uses("flip"),
    "all outputs": lambda case: len(case.outputs) > 2,
    "twice": lambda case: len(case.statements) > 5,
    "constants": lambda case: case.inputs[0].const,
    "as if large": lambda case: setting("LARGE_FROM") == 1,
    "as lowered": lambda case: not setting("OPTIMIZE"),
    "memory of its own": lambda case: not setting("MEMORY_PLAN"),
    "like_wgsl": lambda case: text_setting("EMULATE") == "like_wgsl",
    "in stages": lambda case: len(case.inputs) == 2,
}


def test_every_relation_has_a_wrong_device() -> None:
    assert set(WRONG) == set(RELATIONS)


@pytest.mark.parametrize("name", RELATIONS)
def test_a_relation_is_seen_to_fail(name: str) -> None:
    case = parse_case(SMALL)
    assert judge(case, {"A": RIGHT}, relations=RELATIONS).problems == ()
    found = judge(case, {"A": RIGHT, "B": Deviates(WRONG[name])}, relations=(name,)).problems
    assert {(problem.kind, problem.devices) for problem in found} == {("relation", ("B",))}
    assert found[0].text.startswith("%2 mul float32 float32 float32: " + name)


@pytest.mark.parametrize("name", RELATIONS)
def test_a_relation_that_raises_is_a_problem(name: str) -> None:
    class Raises(Deviates):
        def run(self, case: Case) -> list[bytes]:
            if self.has(case):
                raise AssertionError("what is this?")
            return RIGHT.run(case)

    found = judge(parse_case(SMALL), {"B": Raises(WRONG[name])}, relations=(name,)).problems
    assert [(problem.kind, problem.value) for problem in found] == [("relation", -1)]


@pytest.mark.parametrize("name", RELATIONS)
def test_the_reference_holds_every_relation(name: str) -> None:
    counted = Counter[bool]()
    for draw in DRAWS:
        case, values = draw.cases[0], draw.values[0]
        found = run_related(name, case, RIGHT, [value.shape for value in values])
        counted[found is not None] += 1
        assert found is None or found == RIGHT.run(case), case.text
    assert counted[True] > len(DRAWS) / 5, "a relation that hardly ever says anything"


@pytest.mark.parametrize("name", REWRITTEN)
def test_a_related_program_is_another_one(name: str) -> None:
    case = parse_case(SMALL)
    assert REWRITTEN[name](case, [(2, 3)] * 3 + [(2,)]).text != case.text
