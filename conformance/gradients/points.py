"""Calls of the catalog at points where they are smooth.

The calls are those of the plan. Their float operands get values that are all different, at equal
distances: no two of them meet, and none lies on an integer, within a step of a difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from conformance.harness import plan
from conformance.harness.case import Statement
from conformance.harness.plan import Dtypes
from conformance.harness.subject import ReferenceSubject
from oracles.catalog import OUTPUT, ROWS
from oracles.formats import FORMATS, Array, format_of
from oracles.numpy_ref import evaluate

MOST_CALLS = 6
MOST_ELEMENTS = 400
# Where a row's operands are not taken from [-2, 2].
POSITIVE, UNIT = (0.3, 2.5), (-0.9, 0.9)
DOMAINS = {
    **dict.fromkeys(("log", "log2", "log10", "sqrt", "rsqrt", "reciprocal", "pow"), POSITIVE),
    **dict.fromkeys(("asin", "acos", "atanh", "tan"), UNIT),
    "log1p": (-0.5, 3.0), "acosh": (1.2, 3.0), "binary_crossentropy": (0.1, 0.9),
}  # fmt: skip


@dataclass(frozen=True)
class Point:
    """A call, its operands, and what it makes of them in float64."""

    statement: Statement
    operands: tuple[Array, ...]
    result: Array

    @property
    def floats(self) -> list[int]:
        """The operands that a gradient is asked of."""
        return [k for k, x in enumerate(self.operands) if format_of(x).is_float]


def points(op: str) -> list[Point]:
    """Calls of a row, spread over those of its plan, with a result that is finite and has elements.

    Deterministic.
    """
    found = []
    cell = _cell(op)
    for number, (statement, shapes) in enumerate(_spread(_calls(op, cell))):
        operands = _smooth(op, shapes, number)
        result = evaluate(op, operands, statement.attributes)
        if result.dtype == np.float64 and result.size and np.isfinite(result).all():
            found.append(Point(statement, tuple(operands), result))
    return found


def _is_determined(statement: Statement) -> bool:
    """Whether the reference has the same result: the vectors of svd may have other signs."""
    return statement.op != "svd" or statement.attributes[OUTPUT] == 1


def _cell(op: str) -> Dtypes:
    """A cell of the plan whose floats, the first operand among them if it can be, are float64."""
    wide = [
        cell for cell in plan.cells(op)
        if {name for name in cell if FORMATS[name].is_float} == {"float64"}
    ]
    return max(wide, key=lambda cell: (cell.count("float64"), cell[0] == "float64"))


def _calls(op: str, cell: Dtypes) -> list[tuple[Statement, list[Array]]]:
    """Different calls of a row in the full plan of a cell, with the operands that it gives them."""
    found: dict[str, tuple[Statement, list[Array]]] = {}
    for batch in plan.batches(op, cell, full=True):
        values = ReferenceSubject().evaluate(batch.case)
        for place, statement in enumerate(batch.case.statements, len(batch.case.inputs)):
            operands = [values[k] for k in statement.operands]
            sizes = [x.size for x in (*operands, values[place])]
            if statement.op != op or not _is_determined(statement):
                continue
            if 0 < max(sizes) <= MOST_ELEMENTS:
                shapes = [x.shape for x in operands]
                key = repr((sorted(statement.attributes.items(), key=str), shapes))
                found.setdefault(key, (statement, operands))
    return list(found.values())


def _spread(
    calls: Sequence[tuple[Statement, list[Array]]],
) -> Sequence[tuple[Statement, list[Array]]]:
    return calls[:: -(-len(calls) // MOST_CALLS) or 1]


def _smooth(op: str, operands: Sequence[Array], seed: int) -> list[Array]:
    """The operands with other floats; integers and bools, which are places and masks, stay."""
    low, high = DOMAINS.get(op, (-2.0, 2.0))
    floats = [x for x in operands if format_of(x).is_float]
    count = sum(x.size for x in floats)
    grid = low + (high - low) * (np.arange(count) + 0.37) / max(count, 1)
    values = iter(np.split(
        np.random.default_rng(seed).permutation(grid), np.cumsum([x.size for x in floats])
    ))
    return [next(values).reshape(x.shape) if format_of(x).is_float else x for x in operands]


def slope(point: Point, place: int, direction: Array, weights: Array) -> tuple[float, float]:
    """The derivative of the weighted result when an operand moves, and the size of its terms.

    A central difference of the reference in float64: its error is of the order of 1e-10 of the
    size.
    """
    step = 1e-5
    ends = []
    for moved in (step, -step):
        operands = list(point.operands)
        operands[place] = operands[place] + moved * direction
        ends.append(evaluate(point.statement.op, operands, point.statement.attributes))
    terms = (ends[0] - ends[1]) / (2 * step) * weights
    return float(terms.sum()), float(np.abs(terms).sum())


def differentiable() -> list[str]:
    """The rows that have a gradient."""
    return [name for name, row in ROWS.items() if row.differentiable]
