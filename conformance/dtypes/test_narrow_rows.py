"""Rows of which the matrix leaves the last bit open, on the floats that numpy lacks: all steps are
taken in float32, and the result is rounded once.

So the same program with its operands as float32 must give results that, rounded, are those of the
narrow dtype, bit for bit. How a float32 is rounded comes from `narrow`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conformance.dtypes.narrow import FLOAT8, nearest, values
from conformance.harness import plan
from conformance.harness.case import Case, Input, Statement
from conformance.harness.plan import Dtypes
from conformance.harness.subject import EngineSubject
from oracles.catalog import ROWS, Exactness
from oracles.formats import FORMATS, Array

SUBJECT = EngineSubject("LLVM")
LACKED = (*FLOAT8, "bfloat16")
OPEN = [
    op for op, row in ROWS.items()
    if row.exactness in (Exactness.COMPOSITE, Exactness.BACKWARD)
]  # fmt: skip


def own_cell(op: str, name: str) -> Dtypes | None:
    """The cell in which promoted operands, or the first one, are of one dtype."""
    for names in plan.cells(op):
        shared = [names[k] for k in ROWS[op].shared(len(names))] or list(names[:1])
        if set(shared) == {name}:
            return names
    return None


def widened_input(item: Input) -> Input:
    """The same numbers in float32, whose NaN is canonical."""
    if item.dtype not in LACKED:
        return item
    numbers = values(item.dtype, np.frombuffer(item.data, FORMATS[item.dtype].unsigned))
    wide = numbers.astype(np.float32)
    wide[np.isnan(numbers)] = np.nan
    return replace(item, dtype="float32", data=wide.tobytes())


def widened_statement(statement: Statement) -> Statement:
    renamed = {k: "float32" if v in LACKED else v for k, v in statement.attributes.items()}
    return replace(statement, attributes=renamed)


def widened(case: Case) -> Case:
    """The program on float32."""
    statements = tuple(map(widened_statement, case.statements))
    return replace(case, inputs=tuple(map(widened_input, case.inputs)), statements=statements)


def results(case: Case) -> list[tuple[str, Array]]:
    """Dtype and bits of each output."""
    found = []
    outputs = [output.contiguous() for output in SUBJECT.build(case)]
    outputs[0].realize(*outputs[1:])
    for output in outputs:
        row = FORMATS[output.dtype.name]
        found.append((row.name, np.frombuffer(output.tobytes(), row.unsigned)))
    return found


@pytest.mark.parametrize("op", OPEN)
def test_float32_rounded_once(op: str) -> None:
    """With bfloat16 and one float8, in turn."""
    for name in ("bfloat16", FLOAT8[OPEN.index(op) % len(FLOAT8)]):
        cell = own_cell(op, name)
        assert cell is not None, f"{op} has no cell of {name}"
        case = next(iter(plan.batches(op, cell, full=True))).case
        for (dtype, bits), (wide, more) in zip(results(case), results(widened(case)), strict=True):
            assert (dtype, wide) == (name, "float32")
            due = nearest(name, FORMATS[wide].from_bits(more).astype(np.float64))
            assert np.array_equal(bits, due), (name, np.flatnonzero(bits != due)[:8])
