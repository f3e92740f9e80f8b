"""Candidates with smaller shapes: one size, wherever it stands, becomes a smaller one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import prod

import numpy as np

from conformance.harness.case import Case, Input, Statement
from conformance.harness.draws import as_input
from conformance.harness.subject import input_array
from conformance.harness.values import Value
from oracles.formats import FORMATS

SIZED = ("shape", "arg", "size")  # attributes that name sizes of the whole


def smaller_shapes(case: Case) -> Iterator[Case]:
    """Every size of an input's axis replaced by 1, 2, 3, a half, and one less.

    Inputs lose elements at the end of each axis of that size; attributes that name sizes, or a size
    that is a product with it, follow. Where that makes no program, nothing is lost.
    """
    sizes = sorted({n for item in case.inputs for n in item.shape if n > 1}, reverse=True)
    for size in sizes:
        for less in sorted({n for n in (1, 2, 3, size // 2, size - 1) if n < size}):
            yield _resized(case, size, less)
    for number, item in enumerate(case.inputs):  # one input alone: its axes of that size broadcast
        for axis, size in enumerate(item.shape):
            if size > 1:
                inputs = list(case.inputs)
                inputs[number] = _cut(item, {axis: 1})
                yield replace(case, inputs=tuple(inputs), expected=())


def _resized(case: Case, size: int, less: int) -> Case:
    inputs = tuple(
        _cut(item, {axis: less for axis, n in enumerate(item.shape) if n == size})
        for item in case.inputs
    )
    statements = tuple(_with_sizes(one, size, less) for one in case.statements)
    return replace(case, inputs=inputs, statements=statements, expected=())


def _cut(item: Input, sizes: Mapping[int, int]) -> Input:
    """The beginning of an input along some axes."""
    if not sizes:
        return item
    row = FORMATS[item.dtype]
    array = input_array(item)
    array = array[tuple(slice(sizes.get(axis)) for axis in range(array.ndim))]
    bits = np.ascontiguousarray(row.to_bits(array)).reshape(-1)
    return as_input(row.name, bits, array.shape, item.const)


def _with_sizes(statement: Statement, size: int, less: int) -> Statement:
    attributes = {
        name: _sized(value, size, less) if name in SIZED else value
        for name, value in statement.attributes.items()
    }
    return replace(statement, attributes=attributes)


def _sized(value: Value, size: int, less: int) -> Value:
    """The sizes in a shape that are the size, or a product with it."""
    if isinstance(value, tuple):
        plain = [n for n in value if type(n) is int]
        flat = len(value) == 1 and len(plain) == 1 and plain[0] != size
        if flat and plain[0] % size == 0 and prod(plain) > 1:
            return (plain[0] // size * less,)
        return tuple(_sized(part, size, less) for part in value)
    return less if type(value) is int and value == size else value
