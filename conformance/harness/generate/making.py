"""Statements without operands, random numbers, and losses."""

from __future__ import annotations

from conformance.harness.generate.choosing import chance, choose
from conformance.harness.generate.data import places, shares
from conformance.harness.generate.growing import Program, Shape
from conformance.harness.values import Value
from oracles.catalog import ALL, FLOATS, INTEGERS, NUMBERS, ROWS
from oracles.formats import FORMATS

SHAPES: tuple[Shape, ...] = ((3,), (17,), (2, 5), (3, 1), (33,))
SEEDS = (0, 1, 2**64 - 1, 0x853C49E6748FEA9B)
REDUCTIONS = ("mean", "none", "sum")


# -- creation --------------------------------------------------------------------------------------
def arange(p: Program, op: str) -> bool:
    start, step = p.chooser.integer(0, 9), p.chooser.integer(1, 4)
    stop = start + step * p.chooser.integer(0, 20)
    dtype = p.dtype(NUMBERS)
    if FORMATS[dtype].kind != "uint" and chance(p.chooser, 3):
        return p.apply(op, [], start=start, stop=start - (stop - start), step=-step, dtype=dtype)
    return p.apply(op, [], start=start, stop=stop, step=step, dtype=dtype)


def linspace(p: Program, op: str) -> bool:
    ends = choose(p.chooser, ((0, 1), (1.5, -2.0), (0.1, 0.7), (-0.0, 3)))
    return p.apply(op, [], start=ends[0], stop=ends[1], steps=p.chooser.integer(0, 19),
                   dtype=p.dtype(FLOATS))  # fmt: skip


def full(p: Program, op: str) -> bool:
    dtype = p.dtype(ALL)
    row = FORMATS[dtype]
    values: tuple[Value, ...] = (True, False) if row.kind == "bool" else (row.maximum, 0, 1)
    if row.is_float:
        values = (-0.0, 1.5, float("nan"), float("inf"))
    return p.apply(op, [], shape=choose(p.chooser, SHAPES), fill_value=choose(p.chooser, values),
                   dtype=dtype)  # fmt: skip


# -- random numbers --------------------------------------------------------------------------------
RANGES: dict[str, tuple[dict[str, Value], ...]] = {
    "uniform": ({}, {"low": -2.5, "high": 1.25}),
    "randint": ({}, {"low": 1, "high": 100}),
    "normal": ({}, {"mean": -3.0, "std": 0.5}),
}
DRAWN = tuple(name for name, row in ROWS.items() if {"shape", "seed"} <= {*row.attributes})


def drawn(p: Program, op: str) -> bool:
    """Random numbers of a seed."""
    dtype = p.dtype(INTEGERS if op == "randint" else FLOATS)
    return p.apply(op, [], shape=choose(p.chooser, SHAPES), seed=choose(p.chooser, SEEDS),
                   dtype=dtype, **choose(p.chooser, RANGES.get(op, ({},))))  # fmt: skip


def randperm(p: Program, op: str) -> bool:
    dtype = p.dtype(NUMBERS)
    most = min(40, 1 << FORMATS[dtype].precision)  # the places that the dtype holds
    return p.apply(op, [], n=p.chooser.integer(0, most), seed=choose(p.chooser, SEEDS),
                   dtype=dtype)  # fmt: skip


def threefry(p: Program, op: str) -> bool:
    counters = p.pick(("uint64",))
    if counters < 0:
        counters = p.operand(("uint64",), choose(p.chooser, SHAPES))
    keys = p.partner([counters], ("uint64",)) if counters >= 0 else -1
    return keys >= 0 and p.apply(op, [counters, keys])


def random_bits(p: Program, op: str) -> bool:
    key, counter = p.operand(("uint64",), (1,)), p.operand(("uint64",), (1,))
    return min(key, counter) >= 0 and p.apply(op, [key, counter], num=p.chooser.integer(0, 70))


def multinomial(p: Program, op: str) -> bool:
    weights = p.pick(min_ndim=1, max_ndim=2)
    if weights < 0:
        return False
    again = bool(p.chooser.integer(0, 1))
    most = 9 if again else min(9, p.values[weights].shape[-1])
    return most > 0 and p.apply(
        op, [weights], num_samples=p.chooser.integer(1, most), replacement=again,
        seed=choose(p.chooser, SEEDS),
    )  # fmt: skip


# -- losses ----------------------------------------------------------------------------------------
def binary_loss(p: Program, op: str) -> bool:
    """Targets between 0 and 1 of the predictions' shape."""
    x = p.pick()
    targets = p.operand(ALL, p.values[x].shape, shares)
    return targets >= 0 and p.apply(op, [x, targets], reduction=choose(p.chooser, REDUCTIONS))


def class_loss(p: Program, op: str) -> bool:
    """Labels, or for `cross_entropy` a share of each class as well."""
    x = p.pick(min_ndim=2, max_ndim=3)
    if x < 0:
        return False
    shape = p.values[x].shape
    axis = len(shape) - 1 if op.startswith("sparse") else 1
    if op == "cross_entropy" and p.chooser.integer(0, 1):
        targets = p.operand(ALL, shape, shares)
    else:
        targets = p.operand(INTEGERS, shape[:axis] + shape[axis + 1 :], places(shape[axis]))
    more: dict[str, Value] = {"reduction": choose(p.chooser, REDUCTIONS)}
    if op != "cross_entropy" and chance(p.chooser, 3):
        more["ignore_index"] = p.chooser.integer(-1, 2)
    return targets >= 0 and p.apply(op, [x, targets], **more)


RECIPES = {
    "arange": arange, "linspace": linspace, "full": full, **dict.fromkeys(DRAWN, drawn),
    "randperm": randperm, "threefry": threefry, "random_bits": random_bits,
    "multinomial": multinomial,
    **dict.fromkeys(("binary_crossentropy", "binary_crossentropy_logits"), binary_loss),
    **dict.fromkeys(("cross_entropy", "sparse_categorical_crossentropy", "nll_loss"), class_loss),
}  # fmt: skip
