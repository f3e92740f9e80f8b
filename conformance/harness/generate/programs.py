"""Random typed programs as cases.

`program` draws from a `Chooser`, of which there are two: a seeded generator, fast enough for
campaigns of thousands, and hypothesis, which shrinks.  The numpy reference is evaluated while the
program grows, so shapes and dtypes are known, and every statement is one that the catalog allows.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from math import prod

from conformance.harness.case import Case
from conformance.harness.draws import as_input
from conformance.harness.generate.growing import Chooser, Program, RandomChooser, choose, draw_bits
from conformance.harness.generate.statements import STEPS, is_shaped_by_data, settle
from conformance.harness.subject import ReferenceSubject, input_array
from oracles.catalog import ALL, FLOATS, INTEGERS
from oracles.formats import Array

LENGTH = 10
SHAPES: tuple[tuple[int, ...], ...] = (
    (), (1,), (3,), (17,), (33,), (2, 3), (5, 7), (4, 1), (1, 9), (3, 16), (2, 3, 5), (1, 4, 8),
    (0,), (2, 0), (31, 33), (1025,),
)  # fmt: skip


@dataclass(frozen=True)
class Draw:
    """Programs of one structure with several value vectors.

    `values[k]` are the reference's values of all inputs and statements of `cases[k]`.
    """

    cases: tuple[Case, ...]
    values: tuple[tuple[Array, ...], ...]


def draw(chooser: Chooser, length: int = LENGTH, vectors: int = 1) -> Draw:
    """A program of `length` statements with up to `vectors` value vectors.

    Vectors differ in inputs in memory alone: constants belong to the structure, and so do inputs
    on which the shape of a value depends.  A program without others has one vector.
    """
    p = _grown(chooser, length)
    case = p.build.case()
    inputs = [input_array(item) for item in p.build.inputs]
    made = [value for value, handle in zip(p.values, p.handles) if handle >= 0]
    cases, values = [case], [(*inputs, *made)]
    free = _free_inputs(case)
    for _ in range(vectors - 1 if free else 0):
        cases.append(_with_new_values(chooser, case, free))
        values.append(tuple(ReferenceSubject().evaluate(cases[-1])))
    return Draw(tuple(cases), tuple(values))


def _free_inputs(case: Case) -> set[int]:
    """The inputs in memory whose values no shape depends on."""
    fixed: set[int] = set()
    for value in reversed(range(len(case.inputs), case.count)):
        statement = case.statement_of(value)
        assert statement is not None
        if value in fixed or is_shaped_by_data(statement):
            fixed.update(statement.operands)
    return {
        k for k, item in enumerate(case.inputs) if k not in fixed and not item.const and item.data
    }


def _with_new_values(chooser: Chooser, case: Case, free: set[int]) -> Case:
    """The same program with other values in some of its inputs."""
    inputs = tuple(
        as_input(item.dtype, draw_bits(chooser, item.dtype, prod(item.shape)), item.shape)
        if k in free else item
        for k, item in enumerate(case.inputs)
    )  # fmt: skip
    return replace(case, inputs=inputs)


def _grown(chooser: Chooser, length: int) -> Program:
    """A program whose every value that no statement uses is an output: no statement is without
    effect.  One input has integers and one floats, so that every step finds operands.
    """
    p = Program(chooser)
    base = choose(chooser, SHAPES)
    p.add_input(choose(chooser, FLOATS), base)
    p.add_input(choose(chooser, INTEGERS), base if chooser.integer(0, 1) else base[-1:])
    for _ in range(chooser.integer(0, 2)):
        shape = choose(chooser, (base, base[1:], choose(chooser, SHAPES)))
        p.add_input(choose(chooser, ALL), shape)
    tries = 0
    while len(p.build.statements) < length and tries < 50 * length:
        tries += 1
        choose(chooser, STEPS)(p)
    while len(p.build.statements) < length:
        settle(p)
    p.build.outputs = [h for k, h in enumerate(p.handles) if k not in p.used and h >= 0]
    return p


def program(chooser: Chooser, length: int = LENGTH) -> Case:
    """A program of `length` statements with one value vector."""
    return draw(chooser, length).cases[0]


def random_draw(rng: random.Random, length: int = LENGTH, vectors: int = 1) -> Draw:
    """A draw without hypothesis."""
    return draw(RandomChooser(rng), length, vectors)


def random_case(rng: random.Random, length: int = LENGTH) -> Case:
    """A program without hypothesis."""
    return random_draw(rng, length).cases[0]


def case_seed(seed: int, number: int) -> random.Random:
    """Program `number` of a campaign can be made without the ones before it."""
    return random.Random(f"{seed}/{number}")
