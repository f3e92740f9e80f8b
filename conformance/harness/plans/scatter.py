"""Batches of writing at named places: duplicates, places outside, every way to combine."""

from __future__ import annotations

from conformance.harness.build import Builder, through_kernels
from conformance.harness.case import Case
from conformance.harness.draws import Generator, core_edges, styled
from conformance.harness.plans.layouts import (
    CONST,
    CONTIGUOUS,
    KERNELS,
    STRIDED,
    Layouts,
    beside,
    count_of,
    positions,
)
from conformance.harness.values import Value
from oracles.catalog import ALL, INTEGERS

Shape = tuple[int, ...]
SHAPES: tuple[tuple[Shape, Shape, Shape, int], ...] = (
    # tensor, index, values, axis: the index may be smaller, and the values larger than it
    ((37,), (90,), (90,), 0), ((5, 7), (4, 19), (5, 20), 1), ((5, 7), (9, 7), (9, 7), 0),
    ((3, 4, 5), (2, 6, 5), (2, 6, 6), -2), ((), (), (), 0), ((4, 3), (4, 0), (4, 2), 1),
    ((0, 3), (2, 3), (2, 3), 0), ((1,), (40,), (40,), 0),
)  # fmt: skip
STYLES = ("edges", "plain", "zeros", "ties")
WAYS: dict[str, tuple[dict[str, Value], ...]] = {
    "scatter": ({"reduce": None}, {"reduce": "add"}, {"reduce": "multiply"}),
    "scatter_reduce": tuple(
        {"reduce": name, "include_self": include}
        for name in ("sum", "prod", "mean", "amax", "amin") for include in (True, False)
    ),
}  # fmt: skip


def _operands(
    rng: Generator, build: Builder, dtypes: tuple[str, ...], shapes: tuple[Shape, Shape, Shape],
    extent: int, style: str,
) -> tuple[int, int, int]:  # fmt: skip
    base, picks, values = shapes
    x = build.input(dtypes[0], styled(rng, dtypes[0], count_of(base), style), base)
    found = positions(rng, dtypes[1], count_of(picks), extent)
    index = build.input(dtypes[1], found, picks)
    return x, index, build.input(dtypes[2], styled(rng, dtypes[2], count_of(values), style), values)


def scatters(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Every way to combine, each on some of the shapes."""
    build = Builder()
    for turn, (base, picks, values, dim) in enumerate(SHAPES):
        extent = base[dim] if base else 1
        shapes = (base, picks, values)
        operands = _operands(rng, build, dtypes, shapes, extent, STYLES[turn % 4])
        ways = WAYS[op] if turn < 2 else WAYS[op][turn % 3 :: 3]
        for way in ways:
            build.judged(op, *operands, dim=dim, **way)
    return build.case()


def scatters_strided(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Into a transposed tensor, at flipped places, from a padded one."""
    build = Builder()
    shapes = ((5, 7), (7, 8), (7, 6))
    x, index, values = _operands(rng, build, dtypes, shapes, 5, "plain")
    view = build.apply("permute", x, order=(1, 0))
    picks = build.apply("flip", index, axis=(0, 1))
    given = build.apply("pad", values, padding=((0, 0), (1, 1)))
    for way in WAYS[op][::2]:
        build.judged(op, view, picks, given, dim=1, **way)
    return build.case()


def scatters_const(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Constant operands, and rows that are alike."""
    build = Builder()
    index = build.input(dtypes[1], positions(rng, dtypes[1], 9, 5), const=True)
    values = build.input(dtypes[2], core_edges(dtypes[2], 9).repeat(9)[:9], const=True)
    x = build.input(dtypes[0], core_edges(dtypes[0]).repeat(5)[:5], const=True)
    scalar = build.input(dtypes[0], core_edges(dtypes[0])[1:2], (), const=True)
    wide = build.apply("expand", scalar, shape=(3, 5))
    rows = [build.apply("expand", one, shape=(3, 9)) for one in (index, values)]
    for way in WAYS[op][::3]:
        build.judged(op, x, index, values, dim=0, **way)
        build.judged(op, wide, *rows, dim=1, **way)
    return build.case()


def scatters_kernels(rng: Generator, op: str, dtypes: tuple[str, ...]) -> Case:
    """Into what reductions made, from what reductions made."""
    build = Builder()
    x, index, values = _operands(rng, build, dtypes, ((37,), (50,), (50,)), 37, "edges")
    target = through_kernels(build, x, dtypes[0], 37)
    given = through_kernels(build, values, dtypes[2], 50)
    for way in WAYS[op][1::4]:
        build.judged(op, target, index, given, dim=0, **way)
    return build.case()


SCATTER: Layouts = {
    "main": (scatters, CONTIGUOUS), "strided": (scatters_strided, STRIDED),
    "const": (scatters_const, CONST), "kernels": (scatters_kernels, KERNELS),
}  # fmt: skip
LAYOUTS: dict[str, Layouts] = dict.fromkeys(("scatter", "scatter_reduce"), SCATTER)

# Values of the tensor's own dtype, and for each dtype of one that is cast.
_CELLS = tuple(
    (name, INTEGERS[(k + turn) % len(INTEGERS)], beside(name, ALL, k + 5) if turn else name)
    for turn in range(2) for k, name in enumerate(ALL)
)  # fmt: skip
CELLS = {"scatter": _CELLS, "scatter_reduce": _CELLS}
