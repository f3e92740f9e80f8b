"""Functions of narrow floats are correctly rounded, with no entry too few, too many or wrong."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from conformance.dtypes.narrow import NARROW, nearest, patterns, rounded_function
from engine import dtypes
from engine.decompose.functions import FUNCTIONS
from engine.decompose.functions.ties import TIES, Ties, without_ties
from oracles.formats import Array
from tools.ties import UNARY, found, single_results

ROWS = [(dtype, name) for dtype, rows in TIES.items() for name in rows]
every_row = pytest.mark.parametrize("dtype, name", ROWS)


@cache
def rounded(name: str, dtype: str) -> Array:
    """The correct results at all operands."""
    return rounded_function(name, dtype, patterns(dtype))


def wrongly_rounded(name: str, dtype: str, ties: Ties) -> set[int]:
    """The operands, without their signs, at which a function is not correctly rounded."""
    function = without_ties(FUNCTIONS[name], ties, dtypes.as_dtype(dtype))
    got = nearest(dtype, single_results(function, dtype).astype(np.float64))
    wrong = np.flatnonzero(got != rounded(name, dtype)).tolist()
    return {operand & (dtypes.as_dtype(dtype).sign_bit - 1) for operand in wrong}


@pytest.mark.parametrize("dtype", NARROW)
def test_the_rows_are_those_that_are_needed(dtype: str) -> None:
    rows = {name: ties for name in UNARY if (ties := found(name, dtype)) != Ties()}
    assert rows == TIES.get(dtype, {})


@every_row
def test_a_missing_entry_is_noticed(dtype: str, name: str) -> None:
    ties = TIES[dtype][name]
    assert wrongly_rounded(name, dtype, ties) == set()
    assert wrongly_rounded(name, dtype, replace(ties, greater=())) == set(ties.greater)
    assert wrongly_rounded(name, dtype, replace(ties, smaller=())) == set(ties.smaller)


@every_row
def test_a_wrong_entry_is_noticed(dtype: str, name: str) -> None:
    ties = TIES[dtype][name]
    swapped = Ties(ties.smaller, ties.greater)
    assert wrongly_rounded(name, dtype, swapped) == {*ties.greater, *ties.smaller}
