"""exp2 and log2 against mpmath on every device, for every half and for points that are hard."""

import numpy as np
import pytest

from conformance.harness.build import Builder
from conformance.harness.devices import under_test
from conformance.harness.draws import every, generator, plain
from conformance.harness.judging import as_array
from conformance.harness.subject import array_bytes
from oracles import accept
from oracles.edges import edges
from oracles.formats import FORMATS, Array

POINTS = 4000


def points(op: str, name: str) -> Array:
    """Every pattern of float16; else edges, ordinary numbers, and where the function turns."""
    row = FORMATS[name]
    if row.bits == 16:
        return every(name)
    rng = generator(7, op, name)
    near_one = np.exp2(rng.uniform(-0.02, 0.02, POINTS)).astype(row.numpy_dtype)
    spread = rng.uniform(row.emin - 60, row.emax + 2, POINTS).astype(row.numpy_dtype)
    if op == "log2":
        with np.errstate(over="ignore", under="ignore"):
            spread = np.exp2(spread.astype(np.float64)).astype(row.numpy_dtype)
    turning = [row.to_bits(near_one), row.to_bits(spread)]
    return np.concatenate([edges(name), plain(rng, name, POINTS), *turning])


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
@pytest.mark.parametrize("op", ["exp2", "log2"])
def test_function(op: str, name: str) -> None:
    bits = points(op, name)
    build = Builder()
    build.judged(op, build.input(name, bits))
    case = build.case()
    x = FORMATS[name].from_bits(bits)
    answers = {d.name: d.subject.run(case)[0] for d in under_test() if d.subject is not None}
    assert len(set(answers.values())) == 1, "the devices differ"
    got = as_array(next(iter(answers.values())), x)
    assert got is not None
    judgement = accept.judge(op, [x], {}, got)
    assert judgement.passed, judgement.certificate(int(np.flatnonzero(~judgement.ok)[0])).text()
    assert len(array_bytes(x)) == len(next(iter(answers.values())))
