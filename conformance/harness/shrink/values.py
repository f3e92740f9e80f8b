"""Candidates with simpler values: 0, 1, one number, as few others as possible."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np

from conformance.harness.case import Case, Input
from conformance.harness.draws import as_input
from oracles.formats import FORMATS, Array, Format

SINGLES = 24  # elements that are tried one by one


def simpler_values(case: Case) -> Iterator[Case]:
    """One input simpler: all 0, all 1, parts of it 0, then single elements 0 or 1."""
    for number, item in enumerate(case.inputs):
        row = FORMATS[item.dtype]
        words = words_of(item)
        for simpler in _simpler(row, words):
            if not np.array_equal(simpler, words):
                inputs = list(case.inputs)
                inputs[number] = as_input(row.name, simpler, item.shape, item.const)
                yield replace(case, inputs=tuple(inputs), expected=())


def words_of(item: Input) -> Array:
    """The bit patterns of an input, flat."""
    row = FORMATS[item.dtype]
    return np.frombuffer(item.data, dtype=row.unsigned.newbyteorder("<")).astype(row.unsigned)


def _simpler(row: Format, words: Array) -> Iterator[Array]:
    """Every one of them is simpler in an order in which 0 comes before 1 before anything else."""
    zero, one = row.unsigned.type(0), row.unsigned.type(_one(row))
    if words.any():
        yield np.full_like(words, zero)
    if ((words != zero) & (words != one)).any():
        yield np.full_like(words, one)
    yield from _parts(words, zero)
    for place in np.flatnonzero((words != zero) & (words != one))[:SINGLES]:
        for value in (zero, one):
            changed = words.copy()
            changed[place] = value
            yield changed
    for place in np.flatnonzero(words == one)[:SINGLES]:
        changed = words.copy()
        changed[place] = zero
        yield changed


def _parts(words: Array, zero: np.generic) -> Iterator[Array]:
    """Halves, quarters … of what is not 0 become 0."""
    places = np.flatnonzero(words != zero)
    count = 2
    while count < len(places):
        for part in np.array_split(places, count):
            changed = words.copy()
            changed[part] = zero
            yield changed
        count *= 2


def _one(row: Format) -> int:
    return int(row.round(Fraction(1))) if row.is_float else 1
