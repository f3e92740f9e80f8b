"""Elementwise statements: one recipe for all rows whose operands broadcast."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.harness.generate.choosing import chance, choose
from conformance.harness.generate.growing import MAX_INPUTS, Program, broadcasts
from oracles.catalog import ALL, NUMBERS, OPEN, ROWS
from oracles.formats import FORMATS

FAMILIES = ("elementwise", "compare", "bitwise", "shift")
NAMES = tuple(row.name for row in ROWS.values() if row.family in FAMILIES)
FAITHFUL = tuple(name for name in NAMES if ROWS[name].exactness in OPEN)
"""Rows of which no reference knows the last bit, nor that of what follows."""


IN_ORDER = ("where", "lshift", "rshift")  # whose operands are of different kinds


def elementwise(p: Program, op: str) -> bool:
    """Operands that broadcast, in any order that the row accepts; attributes that suites try."""
    row = ROWS[op]
    first = p.pick(row.dtypes[0])
    places = [first if first >= 0 else p.operand(row.dtypes[0], p.values[-1].shape)]
    while places[-1] >= 0 and len(places) < row.operands:
        partner = _partner(p, places, row.allowed(len(places)))
        last = op in IN_ORDER or partner < 0 or p.chooser.integer(0, 1)
        places.insert(len(places) if last else 0, partner)
    return places[-1] >= 0 and p.apply(op, places, **choose(p.chooser, row.variants))


NUMBERS_ONE_IN = 4  # of second operands are numbers in the program,
NEAR_ONE_IN = 6     # of the others the first again, or what that was made of: (x + y) - y


def _partner(p: Program, places: Sequence[int], allowed: Sequence[str]) -> int:
    """A value that broadcasts with the others, or a number of their dtype; -1 if there is none.
    """
    name = p.name(places[-1])
    if name in allowed and len(p.sources) < MAX_INPUTS and chance(p.chooser, NUMBERS_ONE_IN):
        return p.number(name)
    if chance(p.chooser, NEAR_ONE_IN):
        near = p.near(places[-1])
        shapes = [p.values[k].shape for k in (*places, near)]
        if p.name(near) in allowed and broadcasts(*shapes):
            return near
    return p.partner(places, allowed)


def cast(p: Program, op: str) -> bool:
    return p.apply(op, [p.pick()], dtype=p.dtype(ALL))


def bitcast(p: Program, op: str) -> bool:
    place = p.pick(NUMBERS)
    if place < 0:
        return False
    bits = FORMATS[p.name(place)].bits
    alike = tuple(name for name in NUMBERS if FORMATS[name].bits == bits)
    return p.apply(op, [place], dtype=p.dtype(alike))


RECIPES = {**dict.fromkeys(NAMES, elementwise), "cast": cast, "bitcast": bitcast}
