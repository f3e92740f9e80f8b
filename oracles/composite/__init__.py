"""Composite operators: published formulas evaluated in high precision, and their error.

Devices must agree in every bit, which is judged elsewhere.  Here a result is compared with the
value of the formula on real numbers, in longdouble and, near the bound, in mpmath: each row says
what cancels on the way (its error scale) and on which domain the bound of the catalog holds.
"""

from __future__ import annotations

from oracles.composite import activations, losses, random, reductions, spatial
from oracles.composite.row import CompositeRow, Evaluated, Outside
from oracles.composite.verdict import Composed, compose, distances, judged, reach, reference

__all__ = [
    "ROWS", "Composed", "CompositeRow", "Evaluated", "Outside", "compose", "distances", "judged",
    "reach", "reference",
]  # fmt: skip

ROWS: dict[str, CompositeRow] = {
    name: row
    for family in (activations, reductions, losses, spatial, random)
    for name, row in family.ROWS.items()
}
