"""Random typed programs as cases.

`draw` takes its decisions from a `Chooser`, of which there are two: a seeded generator, fast enough
for campaigns of thousands, and hypothesis, which shrinks.  The numpy reference is evaluated while
the program grows, so shapes and dtypes are known, and every statement is one that the catalog
allows.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from conformance.harness.case import Case, Input
from conformance.harness.draws import as_input
from conformance.harness.generate.choosing import Chooser, RandomChooser, chance, choose
from conformance.harness.generate.data import Source, in_turn, mixed, telling
from conformance.harness.generate.growing import Program, shaping_operands
from conformance.harness.generate.recipes import RECIPES, dtype_weights, statements
from conformance.harness.subject import ReferenceSubject, input_array
from oracles.catalog import ALL, FLOATS, INTEGERS, ROWS
from oracles.formats import FORMATS, Array

LENGTH = 10
MIN_LENGTH, MAX_LENGTH = 2, 60
# Of inputs on which each of the edges that matter most meets each other one: `CROSSED` is 16 rows
# of them, or more, with vector tails, and a few in which something else is rare.
CROSSED: tuple[tuple[int, ...], ...] = (
    (17, 17), (17, 17), (16, 16), (33, 16), (2, 17, 9), (3, 5), (17,),
)  # fmt: skip
# What makes NaNs, in front of a row, and what moves them, behind it: all is compiled quickly.
BEFORE = ("add", "sub", "mul", "div")
AFTER = ("neg", "where", "bitcast", "cast", "permute", "pad", "cat", "add", "sum")
OTHER_CONSTANTS_ONE_IN = 2
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
    on which the shape of a value depends.  A program without others has one vector.  Now and then
    the last vector has other constants too, which must not be taken for those of the others.
    """
    p = _grown(chooser, _length(chooser) if length is None else length, steering)
    return with_vectors(p, p.finished(4 if chance(chooser, 3) else 0), vectors)


def focused(
    chooser: Chooser, op: str, vectors: int = 1, steering: Mapping[str, float] = NO_STEERING
) -> Draw:
    """A short program about one row: on inputs of which the first vector has all pairs of edges, on
    what arithmetic makes of them, and on what it has made; then something that moves the results.

    `steering` multiplies how often dtypes are drawn, each once by default.
    """
    p = Program(chooser, {name: steering.get(name, 1.0) for name in ALL}, chain=True)
    for _ in range(chooser.integer(2, 4)):
        if not p.build.statements or chance(chooser, 2):
            _crossed_inputs(p, op)
        if chance(chooser, 2):
            _apply(p, choose(chooser, BEFORE))
        _apply(p, op)
    for _ in range(chooser.integer(0, 3)):
        _apply(p, choose(chooser, AFTER))
    while not p.build.statements:
        _apply(p, "cast")
    return with_vectors(p, p.finished(choose(chooser, (0, 1, 2))), vectors)


def _apply(p: Program, op: str) -> bool:
    """A statement of the row, if it finds operands."""
    return any(RECIPES[op](p, op) for _ in range(TRIES))


def with_vectors(p: Program, case: Case, vectors: int) -> Draw:
    """A finished program with up to so many value vectors."""
    cases, values = [case], [p.all_values()]
    free = _free_inputs(case)
    memory = {k for k in free if not case.inputs[k].const}
    for vector in range(1, vectors if memory else 1):
        last = vector == vectors - 1 and chance(p.chooser, OTHER_CONSTANTS_ONE_IN)
        cases.append(_with_new_values(p, case, free if last else memory, vector))
        values.append(tuple(ReferenceSubject().evaluate(cases[-1])))
    return Draw(tuple(cases), tuple(values))


def _length(chooser: Chooser) -> int:
    """Short programs most of the time: what is found in them needs no shrinking."""
    return chooser.integer(MIN_LENGTH, choose(chooser, (6, 12, 12, 20, MAX_LENGTH)))


def _free_inputs(case: Case) -> set[int]:
    """The inputs whose values no shape depends on."""
    fixed: set[int] = set()
    for value in reversed(range(len(case.inputs), case.count)):
        statement = case.statement_of(value)
        assert statement is not None
        fixed.update(statement.operands if value in fixed else shaping_operands(statement))
    return {
        k for k, item in enumerate(case.inputs) if k not in fixed and item.data
    }


def _with_new_values(p: Program, case: Case, free: set[int], vector: int) -> Case:
    """The same program with other values in some of its inputs."""
    inputs = tuple(
        _with_new_bits(p, item, p.sources[k], vector) if k in free else item
        for k, item in enumerate(case.inputs)
    )
    return replace(case, inputs=inputs)


def _with_new_bits(p: Program, item: Input, source: Source, vector: int) -> Input:
    """Other data from the same source; of a constant float often the same with other signs, by
    which the zeros differ, although they compare equal."""
    row = FORMATS[item.dtype]
    if item.const and row.is_float and p.chooser.integer(0, 2):
        bits = row.to_bits(input_array(item)).reshape(-1) ^ row.unsigned.type(row.sign_bit)
    else:
        bits = source.bits(p.chooser, vector)
    return as_input(item.dtype, bits, item.shape, item.const)


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
        p.add_input(choose(p.chooser, dtypes), base, (telling,), const=False)


def _crossed_inputs(p: Program, op: str) -> None:
    """An input in memory for each of the first operands, perhaps a number for the last one."""
    row, shape = ROWS[op], choose(p.chooser, CROSSED)
    kinds = [row.allowed(place) for place in range(row.operands)] or [ALL]
    kinds += [kinds[-1]] * (2 - len(kinds))
    dtype = ""
    for place, allowed in enumerate(kinds):
        if place == 0 or allowed != kinds[place - 1]:  # others are of one dtype
            dtype = _crossed_dtype(p, allowed)
        if place and chance(p.chooser, 3):
            p.number(dtype)
        else:
            first = in_turn(1 if place else shape[-1])
            p.add_input(dtype, shape, (first, telling, mixed), None if place else False)


def _crossed_dtype(p: Program, allowed: Sequence[str]) -> str:
    """A float as often as not, where there are some."""
    floats = [name for name in allowed if name in FLOATS]
    return p.dtype(floats if floats and chance(p.chooser, 2) else allowed)


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
