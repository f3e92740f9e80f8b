"""Steering: what still leads somewhere new is drawn more often, and draws can be made again."""

from __future__ import annotations

from collections import Counter

import pytest

from conformance.harness.campaign.steering import (
    LEAST,
    MOST,
    print_weights,
    read_weights,
    weights,
)
from conformance.harness.generate import case_seed, random_draw
from conformance.harness.generate.recipes import RECIPES
from oracles.catalog import ALL


def seen(row: str, dtype: str, statements: int, once: int) -> dict[str, int]:
    """Features of a row: so many statements, so many edge classes that were met once."""
    edges = {f"op/{row}/{dtype}/edge{k}": 1 for k in range(once)}
    return {f"op/{row}/{dtype}/": statements, **edges}


def test_what_was_never_drawn_comes_first_and_what_says_nothing_new_last() -> None:
    found = weights(seen("neg", "int8", 100, 1) | seen("abs", "int16", 100, 60))
    assert found["add"] == MOST
    assert found["neg"] == LEAST
    assert LEAST < found["abs"] <= MOST
    assert found["int8"] < found["int16"] < found["int32"] == MOST


def test_weights_are_those_of_rows_and_dtypes() -> None:
    assert weights({}).keys() == {*RECIPES, *ALL}
    assert weights({"rule/fold/x/": 3}) == weights({}), "rules are no rows"
    assert all(LEAST <= weight <= MOST for weight in weights(seen("neg", "int8", 9, 0)).values())


def test_weights_are_text() -> None:
    found = weights(seen("neg", "int8", 100, 1))
    assert read_weights(print_weights(found)) == found
    with pytest.raises((ValueError, AttributeError)):
        read_weights("[1]")


def test_the_generator_follows_and_repeats() -> None:
    steering = dict.fromkeys([*RECIPES, *ALL], LEAST) | {"neg": 100.0}
    cases = [random_draw(case_seed(1, k), 8, 1, steering).cases[0] for k in range(20)]
    ops = Counter(statement.op for case in cases for statement in case.statements)
    plain = [random_draw(case_seed(1, k), 8).cases[0] for k in range(20)]
    before = Counter(statement.op for case in plain for statement in case.statements)
    assert ops["neg"] > 5 * max(1, before["neg"])
    again = [random_draw(case_seed(1, k), 8, 1, steering).cases[0] for k in range(20)]
    assert [case.text for case in again] == [case.text for case in cases]
