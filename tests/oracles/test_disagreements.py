"""Outside oracles still contradict each other or the contract, as the table says."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from oracles import numpy_ref, torch_ref
from oracles.catalog import ROWS as CATALOG
from oracles.disagreements import NEVER_CALLED, ROWS, VARIES, Answer, Asked, Disagreement, OneOf
from oracles.formats import Array, format_of

ASKED = [(row, asked) for row in ROWS for asked in row.answers]


def same(x: Array, y: Array) -> bool:
    """The same dtype, shape and bits; NaN is one class."""
    if x.dtype != y.dtype or x.shape != y.shape:
        return False
    row = format_of(x)
    x_bits, y_bits = row.to_bits(x), row.to_bits(y)
    return bool(((x_bits == y_bits) | (row.is_nan(x_bits) & row.is_nan(y_bits))).all())


def answer(row: Disagreement, asked: Asked) -> Array | type[Exception]:
    """What an oracle gives now: an array, or the class of what it raises."""
    if asked.oracle == "numpy":
        module: Any = np
        operands: list[Any] = list(row.operands)
    elif asked.oracle == "torch":
        module = pytest.importorskip("torch", reason=torch_ref.REMEDY)
        operands = [module.from_numpy(one.copy()) for one in row.operands]
    else:
        module = pytest.importorskip("mpmath")
        operands = list(row.operands)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = asked.call(module, *operands)
    except Exception as error:  # noqa: BLE001 - its class is the answer
        return type(error)
    if asked.oracle == "mpmath":
        return np.array([float(value) for value in found])
    return np.asarray(found.numpy() if asked.oracle == "torch" else found)


def ruling(row: Disagreement) -> Array | type[Exception]:
    """What our reference gives."""
    try:
        found = row.rule() if row.rule else numpy_ref.evaluate(row.op, row.operands, row.attributes)
    except (TypeError, OverflowError) as error:
        return type(error)
    return np.asarray(found)


def agree(x: Array | type[Exception], y: Array | type[Exception]) -> bool:
    if isinstance(x, type) or isinstance(y, type):
        return isinstance(x, type) and isinstance(y, type) and issubclass(x, y)
    return same(x, y)


def known_answers(gives: Answer) -> tuple[Array | type[Exception], ...]:
    """What an oracle may give; nothing is known of one that varies."""
    if isinstance(gives, OneOf):
        return gives.answers
    return () if gives is VARIES else (gives,)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("row", "asked"), ASKED, ids=[f"{asked.oracle}: {row.title}" for row, asked in ASKED]
)
def test_the_oracle_still_says_so(row: Disagreement, asked: Asked) -> None:
    found = answer(row, asked)
    if asked.gives is VARIES:
        assert not agree(found, row.ruling), f"{asked.oracle} now agrees with the ruling: {found}"
        return
    said = f"{asked.oracle} changed its mind: {found!r} instead of {asked.gives!r}"
    assert any(agree(found, known) for known in known_answers(asked.gives)), said


@pytest.mark.parametrize("row", ROWS, ids=[row.title for row in ROWS])
def test_the_reference_gives_the_ruling(row: Disagreement) -> None:
    found = ruling(row)
    assert agree(found, row.ruling), f"{found!r} instead of {row.ruling!r}"


@pytest.mark.parametrize("row", ROWS, ids=[row.title for row in ROWS])
def test_every_row_is_a_disagreement(row: Disagreement) -> None:
    """At least one oracle contradicts the ruling, and the operator exists."""
    assert row.op in CATALOG
    against = [
        asked
        for asked in row.answers
        if asked.gives is VARIES
        or not all(agree(known, row.ruling) for known in known_answers(asked.gives))
    ]
    assert against and row.authority


def test_titles_are_distinct_and_deadly_calls_have_reasons() -> None:
    assert len({row.title for row in ROWS}) == len(ROWS)
    assert all(call.call and call.reason for call in NEVER_CALLED)
