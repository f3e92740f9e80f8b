"""Batches of tensors from scalars and ranges."""

from __future__ import annotations

from conformance.harness.build import Builder
from conformance.harness.case import Case
from conformance.harness.draws import Generator
from conformance.harness.plans.layouts import CONST, Layouts
from conformance.harness.plans.movement import edge_scalars
from conformance.harness.values import Value
from oracles.catalog import NUMBERS
from oracles.formats import FORMATS

RANGES: tuple[tuple[Value, Value, Value], ...] = (
    (0, 37, 1), (3, 100, 7), (5, 5, 1), (5, 1, 1), (0, 1, 1),
)  # fmt: skip
SIGNED_RANGES: tuple[tuple[Value, Value, Value], ...] = (
    (10, -11, -3), (-5, 6, 2), (0, -3, -1),  # the last starts at +0: 0 + 0 * -1
)  # fmt: skip
FLOAT_RANGES: tuple[tuple[Value, Value, Value], ...] = (
    (0.0, 1.0, 0.1), (1.5, -2.0, -0.25), (0.0, 5000.0, 1.0),
)  # fmt: skip


def aranges(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Ranges that fit the dtype."""
    build = Builder()
    row = FORMATS[dtypes[0]]
    ranges = list(RANGES)
    if row.kind != "uint":
        ranges += SIGNED_RANGES
    if row.is_float:
        ranges += FLOAT_RANGES
    for start, stop, step in ranges:
        build.judged(op, start=start, stop=stop, step=step, dtype=row.name)
    return build.case()


SPACES: tuple[tuple[Value, Value, int], ...] = (
    (0, 1, 11), (1.5, -2.0, 37), (3, 4, 1), (0, 0, 3), (-1e30, 1e30, 9), (0.1, 0.7, 4), (5, 9, 0),
)  # fmt: skip


def spaces(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Ends that the steps reach exactly and ends that they miss."""
    build = Builder()
    for start, stop, steps in SPACES:
        build.judged(op, start=start, stop=stop, steps=steps, dtype=dtypes[0])
    return build.case()


def fulls(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Edge values as Python scalars, in several shapes."""
    build = Builder()
    for value in (*edge_scalars(dtypes[0]), 0):
        for shape in ((), (37,), (2, 0), (3, 1, 5)):
            build.judged(op, shape=shape, fill_value=value, dtype=dtypes[0])
    return build.case()


CELLS = dict.fromkeys(("arange", "linspace"), tuple((name,) for name in NUMBERS))
LAYOUTS: dict[str, Layouts] = {
    "arange": {"main": (aranges, CONST)},
    "linspace": {"main": (spaces, CONST)},
    "full": {"main": (fulls, CONST)},
}
