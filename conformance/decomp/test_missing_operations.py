"""Division, shifts, selects and complements where devices lack them, against Python's integers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from conformance.decomp.integers import as_array, as_counts, numbers, pairs, results
from conformance.harness import plan
from conformance.harness.build import Builder
from conformance.harness.case import Case
from conformance.harness.devices import under_test
from engine.context import Context
from oracles.catalog import INTEGERS
from oracles.edges import edges
from oracles.formats import FORMATS

RANDOM = 200
EVERYTHING = "no_div,no_shift,no_where,no_not,int64"
MISSING = ("no_div", "no_shift", "no_div,no_shift", EVERYTHING)


def on_devices(
    case: Case, due: list[bytes], missing: str, names: Sequence[str] = ()
) -> None:
    for device in under_test(names):
        if device.subject is not None:
            with Context(EMULATE=missing):
                assert device.subject.run(case) == due, device.name


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize("missing", MISSING)
def test_operations(missing: str, name: str) -> None:
    row = FORMATS[name]
    left, right = pairs(name, RANDOM)
    build = Builder()
    x, y = (build.input(name, as_array(side, row)) for side in (left, right))
    counts = as_counts(right, row)
    count = build.input(name, as_array(counts, row))
    due = []
    for op in ("floordiv", "mod", "fmod"):
        build.judged(op, x, y)
        due.append(results(op, row, left, right))
    for op in ("lshift", "rshift"):
        build.judged(op, x, count)
        due.append(results(op, row, left, counts))
    on_devices(build.case(), due, missing)


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize("missing", MISSING[:3])
def test_known_operands(missing: str, name: str) -> None:
    """Divisors and counts that the compiler knows: powers of two and others, negative ones too.

    On one device: what becomes of each is judged in `test_reciprocals` and `test_expansions`.
    """
    row = FORMATS[name]
    mask = (1 << row.bits) - 1
    left = numbers(name, 40)
    build = Builder()
    x = build.input(name, as_array(left, row))
    divisors = [1, 2, 3, 7, 8, 64, 100, row.sign_bit]
    divisors += [-d & mask for d in divisors] if row.kind == "int" else []
    known = [(op, d) for d in divisors for op in ("floordiv", "mod")]
    known += [(op, n) for n in range(0, row.bits + 1, 5) for op in ("lshift", "rshift")]
    for op, y in known:
        build.judged(op, x, build.input(name, as_array([y], row), (), const=True))
    due = [results(op, row, left, [y] * len(left)) for op, y in known]
    on_devices(build.case(), due, missing, ["LLVM"])


@pytest.mark.parametrize("name", ("bool", *INTEGERS, "float16", "float32", "float64"))
def test_selects_move_bits(name: str) -> None:
    """Every bit of both sides, NaNs too."""
    row = FORMATS[name]
    left = edges(name)
    right = left[::-1]
    conditions = np.arange(left.size) % 3 == 0
    build = Builder()
    condition = build.input("bool", conditions.astype(np.uint8))
    build.judged("where", condition, build.input(name, left), build.input(name, right))
    due = np.where(conditions, left, right).astype(row.unsigned).tobytes()
    on_devices(build.case(), [due], "no_where")


CELLS = ("sort", "sin", "bitwise_not", "reshape", "rand", "gather", "mod")


@pytest.mark.parametrize("op", CELLS)
def test_programs_keep_their_bits(op: str) -> None:
    """Cells of the catalog with and without the operations, every ninth."""
    (subject,) = [d.subject for d in under_test(["LLVM"])]
    assert subject is not None
    for place, (name, dtypes) in enumerate(list(plan.selected([op]))[::9]):
        for batch in plan.batches(name, dtypes, full=False):
            due = subject.run(batch.case)
            missing = (*MISSING[:3], "no_where,no_not")[place % 4]
            with Context(EMULATE=missing):
                assert subject.run(batch.case) == due, (name, dtypes, batch.layout, missing)
