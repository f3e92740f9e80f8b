"""Functions against mpmath on every device, for every half and for points that are hard."""

import numpy as np
import pytest

from conformance.decomp.points import TURNING, powers, unary
from conformance.harness.build import Builder
from conformance.harness.devices import under_test
from conformance.harness.draws import every, generator
from conformance.harness.judging import as_array
from oracles import accept
from oracles.catalog import ROWS, Exactness
from oracles.formats import FORMATS, Array

FAITHFUL = [name for name, row in ROWS.items() if row.exactness is Exactness.FAITHFUL]


def points(op: str, name: str) -> tuple[Array, ...]:
    """Every pattern of float16; else edges, ordinary numbers, and where the function turns."""
    row, rng = FORMATS[name], generator(7, op, name)
    if ROWS[op].operands == 2:
        return powers(row, rng)
    return (every(name) if row.bits == 16 else unary(op, row, rng),)


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
@pytest.mark.parametrize("op", FAITHFUL)
def test_function(op: str, name: str) -> None:
    bits = points(op, name)
    build = Builder()
    build.judged(op, *(build.input(name, operand) for operand in bits))
    case = build.case()
    operands = [FORMATS[name].from_bits(operand) for operand in bits]
    answers = {d.name: d.subject.run(case)[0] for d in under_test() if d.subject is not None}
    assert len(set(answers.values())) == 1, "the devices differ"
    got = as_array(next(iter(answers.values())), operands[0])
    assert got is not None
    judgement = accept.judge(op, operands, {}, got)
    assert judgement.passed, judgement.certificate(int(np.flatnonzero(~judgement.ok)[0])).text()


def test_every_function_has_points() -> None:
    assert {op for op in FAITHFUL if ROWS[op].operands == 1} <= set(TURNING)
