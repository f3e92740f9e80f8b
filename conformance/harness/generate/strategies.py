"""Hypothesis strategies: the programs of `generate`, so that failures shrink."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from conformance.harness.case import Case, Input
from conformance.harness.generate.programs import program
from conformance.harness.subject import array_bytes
from oracles.edges import edges
from oracles.formats import FORMATS


class DrawChooser:
    """Decisions that hypothesis makes."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw

    def integer(self, low: int, high: int) -> int:
        return int(self.draw(st.integers(low, high)))


@st.composite
def programs(draw: st.DrawFn, min_length: int = 10, max_length: int = 14) -> Case:
    """Programs of the catalog's rows; shrinking goes for fewer and simpler decisions."""
    length = draw(st.integers(min_length, max_length))
    return program(DrawChooser(draw), length)


def words(dtype: str) -> st.SearchStrategy[int]:
    """Bit patterns of a dtype, edges as often as any others."""
    row = FORMATS[dtype]
    top = 1 if row.kind == "bool" else (1 << row.bits) - 1
    return st.sampled_from([int(bits) for bits in edges(dtype)]) | st.integers(0, top)


@st.composite
def inputs(draw: st.DrawFn, dtype: str, count: int) -> Input:
    """A flat input of `count` words."""
    import numpy as np

    row = FORMATS[dtype]
    bits = draw(st.lists(words(dtype), min_size=count, max_size=count))
    array = row.from_bits(np.array(bits, dtype=row.unsigned))
    return Input(dtype, (count,), array_bytes(array))
