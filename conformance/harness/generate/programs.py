"""Random typed programs as cases.

`draw` takes its decisions from a `Chooser`, of which there are two: a seeded generator, fast enough
for campaigns of thousands, and hypothesis, which shrinks.  The numpy reference is evaluated while
the program grows, so shapes and dtypes are known, and every statement is one that the catalog
allows.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

from conformance.harness.case import Case
from conformance.harness.draws import as_input
from conformance.harness.generate.choosing import Chooser, RandomChooser, chance, choose
from conformance.harness.generate.data import telling
from conformance.harness.generate.growing import Program, shaping_operands
from conformance.harness.generate.recipes import RECIPES, dtype_weights, statements
from conformance.harness.subject import ReferenceSubject
from oracles.catalog import ALL, FLOATS, INTEGERS
from oracles.formats import Array

LENGTH = 10
MIN_LENGTH, MAX_LENGTH = 2, 60
NO_STEERING: Mapping[str, float] = {}
TRIES = 40  # of each statement, until a cast takes its place

# Vectors and their tails, odd sizes, zero-size and scalar tensors, more than one block of a sum.
SHAPES: tuple[tuple[int, ...], ...] = (
    (), (1,), (3,), (17,), (33,), (2, 3), (5, 7), (4, 1), (1, 9), (3, 16), (2, 3, 5), (1, 4, 8),
    (0,), (2, 0), (31, 33), (1025,), (2, 1, 65), (64, 8), (2, 2, 3, 3), (7, 129), (2050,),
)  # fmt: skip


@dataclass(frozen=True)
class Draw:
    """Programs of one structure with several value vectors.

    `values[k]` are the reference's values of all inputs and statements of `cases[k]`.
    """

    cases: tuple[Case, ...]
    values: tuple[tuple[Array, ...], ...]


def draw(
    chooser: Chooser,
    length: int | None = LENGTH,
    vectors: int = 1,
    steering: Mapping[str, float] = NO_STEERING,
) -> Draw:
    """A program of `length` statements, None for any, with up to `vectors` value vectors.

    `steering` multiplies how often rows, and dtypes of inputs, are drawn.

    Vectors differ in inputs in memory alone: constants belong to the structure, and so do inputs
    on which the shape of a value depends.  A program without others has one vector.
    """
    p = _grown(chooser, _length(chooser) if length is None else length, steering)
    case = p.finished(more_outputs=chance(chooser, 3))
    cases, values = [case], [p.all_values()]
    free = _free_inputs(case)
    for _ in range(vectors - 1 if free else 0):
        cases.append(_with_new_values(p, case, free))
        values.append(tuple(ReferenceSubject().evaluate(cases[-1])))
    return Draw(tuple(cases), tuple(values))


def _length(chooser: Chooser) -> int:
    """Short programs most of the time: what is found in them needs no shrinking."""
    return chooser.integer(MIN_LENGTH, choose(chooser, (6, 12, 12, 20, MAX_LENGTH)))


def _free_inputs(case: Case) -> set[int]:
    """The inputs in memory whose values no shape depends on."""
    fixed: set[int] = set()
    for value in reversed(range(len(case.inputs), case.count)):
        statement = case.statement_of(value)
        assert statement is not None
        fixed.update(statement.operands if value in fixed else shaping_operands(statement))
    return {
        k for k, item in enumerate(case.inputs) if k not in fixed and not item.const and item.data
    }


def _with_new_values(p: Program, case: Case, free: set[int]) -> Case:
    """The same program with other values in some of its inputs."""
    inputs = tuple(
        as_input(item.dtype, p.sources[k].bits(p.chooser), item.shape) if k in free else item
        for k, item in enumerate(case.inputs)
    )
    return replace(case, inputs=inputs)


def _grown(chooser: Chooser, length: int, steering: Mapping[str, float]) -> Program:
    """A program of that many statements."""
    p = Program(chooser, dtype_weights(steering))
    base = choose(chooser, SHAPES)
    (_edge_inputs if chance(chooser, 3) else _usual_inputs)(p, base)
    names = statements(steering)
    tries = TRIES * length
    while len(p.build.statements) < length:
        tries -= 1
        op = names.choose(chooser) if tries > 0 else "cast"
        RECIPES[op](p, op)
    return p


def _usual_inputs(p: Program, base: tuple[int, ...]) -> None:
    """One has integers and one floats, so that every recipe finds operands."""
    p.add_input(p.dtype(FLOATS), base)
    p.add_input(p.dtype(INTEGERS), base if p.chooser.integer(0, 1) else base[-1:])
    for _ in range(p.chooser.integer(0, 2)):
        shape = choose(p.chooser, (base, base[1:], choose(p.chooser, SHAPES)))
        p.add_input(p.dtype(ALL), shape)


def _edge_inputs(p: Program, base: tuple[int, ...]) -> None:
    """Nothing but edges, and as often as not of one dtype: each of them meets each other one."""
    dtypes = [p.dtype(FLOATS), p.dtype(INTEGERS)]
    for _ in range(3):
        p.add_input(choose(p.chooser, dtypes), base, telling, const=False)


def program(chooser: Chooser, length: int | None = LENGTH) -> Case:
    """A program with one value vector."""
    return draw(chooser, length).cases[0]


def random_draw(
    rng: random.Random,
    length: int | None = LENGTH,
    vectors: int = 1,
    steering: Mapping[str, float] = NO_STEERING,
) -> Draw:
    """A draw without hypothesis."""
    return draw(RandomChooser(rng), length, vectors, steering)


def random_case(rng: random.Random, length: int | None = LENGTH) -> Case:
    """A program without hypothesis."""
    return random_draw(rng, length).cases[0]


def case_seed(seed: int, number: int) -> random.Random:
    """Program `number` of a campaign can be made without the ones before it."""
    return random.Random(f"{seed}/{number}")
