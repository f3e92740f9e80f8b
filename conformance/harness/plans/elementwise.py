"""Batches of the elementwise rows: thousands of cases as the elements of one launch.

Four layouts of each cell: `main` has all patterns or all edges in contiguous buffers with a vector
tail; `strided` reads through permuted, shrunk, flipped and expanded buffers; `const` has one or all
operands as constants inside the program; `kernels` puts reductions between the input and the
operator, so that it starts behind a kernel boundary.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from conformance.harness.build import Builder, through_kernels
from conformance.harness.case import Case
from conformance.harness.draws import (
    Generator,
    core_edges,
    every,
    near,
    random_bits,
)
from conformance.harness.values import Value
from oracles.catalog import ROWS
from oracles.edges import edges
from oracles.formats import FORMATS, Array

RANDOM = 2048
TAIL = 7  # added to whole sets, so that no vector width divides them
ROWS_STRIDED, COLUMNS_STRIDED = 35, 29
SHARE = 8  # of the data of `main`, what further variants of the attributes are tried on
SCALARS = 4  # constants that stand alone beside buffers
Variants = tuple[Mapping[str, Value], ...]  # attributes to try


def data(rng: Generator, op: str, dtypes: tuple[str, ...]) -> list[Array]:
    """The operands of `main`, of one length: what a row must be tried on."""
    if len(dtypes) == 1:
        return [_unary(rng, dtypes[0])]
    return _pairs(rng, op, dtypes) if len(dtypes) == 2 else _several(rng, dtypes)


def _unary(rng: Generator, dtype: str) -> Array:
    row = FORMATS[dtype]
    if row.kind == "bool" or row.bits <= 16:
        whole = every(dtype)
        return np.concatenate([whole, whole[:TAIL], whole[:1]])
    return _odd(np.concatenate([edges(dtype), random_bits(rng, dtype, 2 * RANDOM)]))


def _odd(bits: Array) -> Array:
    return bits if bits.size % 2 else bits[:-1]


def _pairs(rng: Generator, op: str, dtypes: tuple[str, ...]) -> list[Array]:
    """Every edge with every edge, every pair of bytes, random bits, and neighbours."""
    left, right = dtypes
    first, second = _operand(left), _operand(right)
    if op in ("lshift", "rshift"):
        second = _counts(right)
    x, y = np.repeat(first, second.size), np.tile(second, first.size)
    more = random_bits(rng, left, RANDOM)
    others = random_bits(rng, right, RANDOM)
    if left == right:
        others[RANDOM // 2 :] = near(rng, left, more[RANDOM // 2 :])
    x, y = np.concatenate([x, more]), np.concatenate([y, others])
    return [_odd(x), _odd(y)]


def _operand(dtype: str) -> Array:
    row = FORMATS[dtype]
    return every(dtype) if row.kind != "bool" and row.bits == 8 else edges(dtype)


def _counts(dtype: str) -> Array:
    """Shift counts around 0 and the widths, and the edges."""
    row = FORMATS[dtype]
    values = [*range(-3, 68), 127, 128]
    kept = [v & ((1 << row.bits) - 1) for v in values if row.minimum <= v <= row.maximum]
    return np.unique(np.concatenate([np.array(kept, dtype=row.unsigned), edges(dtype)]))


def _several(rng: Generator, dtypes: tuple[str, ...]) -> list[Array]:
    """Three operands or more: each holds every edge, in an order of its own."""
    count = 2 * RANDOM + TAIL
    operands = []
    for dtype in dtypes:
        bits = np.concatenate([edges(dtype), random_bits(rng, dtype, count)])[:count]
        operands.append(rng.permutation(bits))
    return operands


def main(rng: Generator, op: str, dtypes: tuple[str, ...], variants: Variants) -> Case:
    """All data in contiguous buffers; a share of them with every further variant of attributes."""
    build = Builder()
    whole = data(rng, op, dtypes)
    operands = [build.input(dtype, bits) for dtype, bits in zip(dtypes, whole)]
    build.judged(op, *operands, **variants[0])
    if len(variants) == 1:
        return build.case()
    share = rng.permutation(whole[0].size)[: whole[0].size // SHARE | 1]
    operands = [build.input(dtype, bits[share]) for dtype, bits in zip(dtypes, whole)]
    for attributes in variants[1:]:
        build.judged(op, *operands, **attributes)
    return build.case()


def strided(rng: Generator, op: str, dtypes: tuple[str, ...], variants: Variants) -> Case:
    """Operands as views: transposed; a flipped window of a larger buffer; one row for all."""
    build = Builder()
    rows, columns = ROWS_STRIDED, COLUMNS_STRIDED
    operands = []
    for place, dtype in enumerate(dtypes):
        kind = place % 3
        count = ((rows * columns), (rows + 2) * (columns + 3), columns)[kind]
        bits = rng.permutation(np.resize(_mixed(rng, dtype), count))
        if kind == 0:
            value = build.input(dtype, bits, (columns, rows))
            operands.append(build.apply("permute", value, order=(1, 0)))
        elif kind == 1:
            value = build.input(dtype, bits, (rows + 2, columns + 3))
            window = build.apply("shrink", value, arg=((1, rows + 1), (2, columns + 2)))
            operands.append(build.apply("flip", window, axis=(0, 1)))
        else:
            value = build.input(dtype, bits, (1, columns))
            operands.append(build.apply("expand", value, shape=(rows, columns)))
    build.judged(op, *operands, **variants[-1])
    return build.case()


def _mixed(rng: Generator, dtype: str) -> Array:
    return np.concatenate([edges(dtype), random_bits(rng, dtype, 512)])


def constants(rng: Generator, op: str, dtypes: tuple[str, ...], variants: Variants) -> Case:
    """All operands constant; of equal dtypes also each in turn a scalar beside buffers."""
    build = Builder()
    attributes = variants[0]
    tables = []
    for place, dtype in enumerate(dtypes):
        bits = core_edges(dtype)
        shape = (bits.size,) + (1,) * (len(dtypes) - 1 - place)
        tables.append(build.input(dtype, bits, shape, const=True))
    build.judged(op, *tables, **attributes)
    if len(set(dtypes[-2:])) > 1 or op == "cast":
        return build.case()
    for place, dtype in enumerate(dtypes):
        for bits in core_edges(dtype, SCALARS).reshape(-1, 1):
            scalar = build.input(dtype, bits, (), const=True)
            if len(dtypes) == 1:
                build.judged(op, scalar, **attributes)
                continue
            others = {
                k: build.input(d, np.resize(np.roll(core_edges(d, 64), 5 * k), 37))
                for k, d in enumerate(dtypes) if k != place
            }  # fmt: skip
            operands = [scalar if k == place else others[k] for k in range(len(dtypes))]
            build.judged(op, *operands, **variants[-1])
    return build.case()


def kernels(rng: Generator, op: str, dtypes: tuple[str, ...], variants: Variants) -> Case:
    """Operands come out of reductions."""
    build = Builder()
    count = 4 * 61 + 1
    operands = []
    for dtype in dtypes:
        bits = np.resize(rng.permutation(_mixed(rng, dtype)), count)
        value = build.input(dtype, bits)
        operands.append(through_kernels(build, value, dtype, count))
    build.judged(op, *operands, **variants[-1])
    return build.case()


LAYOUTS = {
    "main": (main, ("buffer", "contiguous", "tail", "single kernel")),
    "strided": (strided, ("buffer", "strided", "tail", "single kernel")),
    "const": (constants, ("const", "contiguous", "single kernel")),
    "kernels": (kernels, ("buffer", "contiguous", "tail", "multi kernel")),
}
FAMILIES = ("elementwise", "compare", "bitwise", "shift", "cast")


def is_elementwise(op: str) -> bool:
    """True where element i of the result depends on element i of the operands alone."""
    return ROWS[op].family in FAMILIES
