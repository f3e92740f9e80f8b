"""Random programs: deterministic, long enough, within the catalog; and they agree."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from itertools import pairwise

import numpy as np
from hypothesis import given, settings

from conformance.harness.build import merged, part
from conformance.harness.case import Case
from conformance.harness.devices import under_test
from conformance.harness.draws import core_edges
from conformance.harness.generate import (
    MAX_LENGTH,
    RandomChooser,
    case_seed,
    numbered_draw,
    random_case,
    random_draw,
)
from conformance.harness.generate.course import row_of, turn_of
from conformance.harness.generate.data import halfway
from conformance.harness.generate.elementwise import FAITHFUL
from conformance.harness.generate.growing import shaping_operands
from conformance.harness.generate.programs import focused
from conformance.harness.generate.recipes import RECIPES, base_weights
from conformance.harness.generate.strategies import programs
from conformance.harness.judging import tainted
from conformance.harness.plan import batches
from conformance.harness.shrink.values import words_of
from conformance.harness.subject import EngineSubject, ReferenceSubject, array_bytes
from conformance.harness.trial import judge
from oracles.catalog import ALL, ROWS
from oracles.numpy_ref import evaluate

SEED = 11

def test_programs_depend_on_the_seed_alone() -> None:
    texts = [random_case(case_seed(SEED, k)).text for k in range(20)]
    assert texts == [random_case(case_seed(SEED, k)).text for k in range(20)]
    assert len(set(texts)) == 20


def test_every_row_of_the_catalog_is_drawn() -> None:
    """In a long run, each of them; rows that are not drawn often are preferred to see them soon."""
    assert set(RECIPES) == set(ROWS)
    rare = {name: 8.0 for name, weight in base_weights().items() if weight < 0.3}
    draws = [random_draw(case_seed(SEED, k), None, 1, rare) for k in range(500)]
    ops = Counter(statement.op for draw in draws for statement in draw.cases[0].statements)
    assert set(ops) == set(ROWS), set(ROWS) - set(ops)


def test_programs_are_of_every_length_and_kind() -> None:
    cases = [random_case(case_seed(SEED, k), None) for k in range(200)]
    lengths = Counter(len(case.statements) for case in cases)
    assert min(lengths) <= 3 and max(lengths) > 40 and len(lengths) > 20
    assert max(lengths) <= MAX_LENGTH
    inputs = [item for case in cases for item in case.inputs]
    assert any(item.const for item in inputs) and any(not item.const for item in inputs)
    assert any(0 in item.shape for item in inputs) and any(item.shape == () for item in inputs)
    assert {item.dtype for item in inputs} == set(ALL)


def test_a_length_that_is_asked_for_is_given() -> None:
    cases = [random_case(case_seed(SEED, k), 10) for k in range(30)]
    assert {len(case.statements) for case in cases} == {10}


def test_steering_makes_rows_and_dtypes_frequent() -> None:
    wanted = {"erf": 500.0, "uint16": 500.0}
    draws = [random_draw(case_seed(SEED, k), 10, 1, wanted) for k in range(20)]
    ops = Counter(statement.op for draw in draws for statement in draw.cases[0].statements)
    assert ops["erf"] > sum(ops.values()) / 3
    assert all(any(item.dtype == "uint16" for item in draw.cases[0].inputs) for draw in draws)


def test_no_statement_is_without_effect() -> None:
    for k in range(40):
        case = random_case(case_seed(SEED, k))
        assert len(part(case, case.outputs).statements) == len(case.statements)


@settings(max_examples=25)
@given(programs())
def test_the_reference_runs_what_hypothesis_draws(case: Case) -> None:
    assert len(ReferenceSubject().run(case)) == len(case.outputs)


def test_the_values_that_come_with_a_program_are_its_reference() -> None:
    for k in range(20):
        draw = random_draw(case_seed(SEED, k), vectors=3)
        for case, values in zip(draw.cases, draw.values, strict=True):
            due = [array_bytes(values[v]) for v in case.outputs]
            assert ReferenceSubject().run(case) == due


def other_constants(one: Case, other: Case) -> bool:
    pairs = zip(one.inputs, other.inputs, strict=True)
    return any(a != b for a, b in pairs if a.const)


def test_vectors_of_a_draw_share_its_structure() -> None:
    draws = [random_draw(case_seed(SEED, k), vectors=4) for k in range(40)]
    assert sum(len(draw.cases) == 4 for draw in draws) > 30
    for draw in draws:
        first = draw.cases[0]
        for case, values in zip(draw.cases, draw.values, strict=True):
            assert case.statements == first.statements
            assert [v.shape for v in values] == [v.shape for v in draw.values[0]]
            assert [v.dtype for v in values] == [v.dtype for v in draw.values[0]]
        for case in draw.cases[1:-1]:
            assert not other_constants(case, first)
    assert any(other_constants(draw.cases[-1], draw.cases[0]) for draw in draws)
    assert any(draw.cases[0].text != draw.cases[1].text for draw in draws if len(draw.cases) > 1)


def test_each_row_has_its_turn_before_any_has_a_second() -> None:
    turns = [turn for turn in map(turn_of, range(500)) if turn is not None]
    assert turns == list(range(len(turns))) and len(turns) > len(RECIPES)
    assert sorted(row_of(SEED, k) for k in range(len(RECIPES))) == sorted(RECIPES)
    wanted = dict.fromkeys(RECIPES, 0.25) | {"erf": 500.0}
    assert sorted(row_of(SEED, k, wanted) for k in range(len(RECIPES))) == sorted(RECIPES)
    later = [row_of(SEED, len(RECIPES) + k, wanted) for k in range(20)]
    assert later.count("erf") > 10


def test_a_draw_about_a_row_has_it_and_repeats() -> None:
    first = [numbered_draw(SEED, k, None, 2) for k in range(20)]
    again = [numbered_draw(SEED, k, None, 2) for k in range(20)]
    assert [d.cases for d in first] == [d.cases for d in again]
    for number, made in enumerate(first):
        turn = turn_of(number)
        ops = {statement.op for statement in made.cases[0].statements}
        assert turn is None or row_of(SEED, turn) in ops
    assert len(numbered_draw(SEED, 0, 7, 1).cases[0].statements) == 7


def test_a_draw_about_a_row_has_all_pairs_of_edges() -> None:
    """In one of a few, since its shape may be a small one, and a number may be an operand."""
    met: set[tuple[int, int]] = set()
    core = {int(word) for word in core_edges("int16")}
    for k in range(30):
        case = focused(RandomChooser(case_seed(SEED, k)), "maximum", 1, {"int16": 1e4}).cases[0]
        inputs = [words_of(item).tolist() for item in case.inputs if item.dtype == "int16"]
        met |= {pair for one, other in pairwise(inputs) for pair in zip(one, other)}
    assert {(x, y) for x in core for y in core} <= met


def test_integers_halfway_between_floats_are_rounded_twice_wrong() -> None:
    """Through float32 some of them become another bfloat16 than at once."""
    words = halfway(np.random.default_rng(SEED), "int32", 2000).view(np.int32)
    at_once = evaluate("cast", [words], {"dtype": "bfloat16"})
    twice = evaluate("cast", [words.astype(np.float32)], {"dtype": "bfloat16"})
    assert 10 < (at_once != twice).sum() < 1000


def test_merged_programs_give_the_outputs_of_each() -> None:
    cases = [random_case(case_seed(SEED, k)) for k in range(8)]
    one_by_one = [bits for case in cases for bits in ReferenceSubject().run(case)]
    assert ReferenceSubject().run(merged(cases)) == one_by_one


def test_faithful_functions_taint_what_follows() -> None:
    cases = (random_case(case_seed(SEED, k)) for k in range(200))
    case = next(c for c in cases if any(s.op in FAITHFUL for s in c.statements))
    place = next(k for k, s in enumerate(case.statements) if s.op in FAITHFUL) + len(
        case.inputs
    )
    users = [k for k, s in enumerate(case.statements, len(case.inputs)) if place in s.operands]
    assert {place, *users} <= tainted(case)
    assert not tainted(case) & set(range(len(case.inputs)))


def test_no_shape_depends_on_bits_that_nobody_knows() -> None:
    """A mask that one ulp decides would have another number of places on a device."""
    shaped = 0
    for k in range(150):
        case = random_case(case_seed(SEED, k), None)
        for statement in case.statements:
            shaped += bool(shaping_operands(statement))
            assert not tainted(case).intersection(shaping_operands(statement))
    assert shaped > 10


def test_all_devices_agree_on_random_programs() -> None:
    subjects = {d.name: d.subject for d in under_test() if d.subject is not None}
    for k in range(40):
        outcome = judge(random_case(case_seed(SEED, k)), subjects)
        assert outcome.problems == ()
        assert outcome.ran == tuple(subjects)


def test_batches_that_promise_several_kernels_have_them() -> None:
    """The word in the coverage is measured, not hoped for."""
    from engine.counters import GlobalCounters

    for op, dtypes in (("add", ("float32", "float32")), ("sum", ("int32",)), ("neg", ("int8",))):
        for batch in batches(op, dtypes):
            if "multi kernel" in batch.features:
                before = GlobalCounters.kernel_count
                EngineSubject("PYTHON").run(batch.case)
                assert GlobalCounters.kernel_count - before > len(batch.case.outputs), batch.layout


NEW_ROW = """
from dataclasses import replace
from oracles import catalog
catalog.ROWS["frob"] = replace(catalog.ROWS["neg"], name="frob")
from conformance.harness import bench, plan, suite
from conformance.harness.generate import elementwise
from oracles import numpy_ref, torch_ref
assert "frob" in elementwise.NAMES, "programs are made of the catalog's rows"
print(torch_ref.not_judged("frob", ("int8",), {}))
try:
    numpy_ref.evaluate("frob", [], {})
except LookupError as error:
    print(error)
"""


def test_a_row_without_references_ends_no_import() -> None:
    """The suites are collected, and say of their new row what it lacks."""
    command = [sys.executable, "-c", NEW_ROW]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "no row in torch_ref.DOMAINS" in done.stdout
    assert "frob has no numpy reference: write it in one of oracles.numpy_ref." in done.stdout
