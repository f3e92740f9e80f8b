"""64-bit integers made of two words, on every device, against Python's integers.

Each device runs as if it had no 64-bit integers; PYTHON checks that no machine operation is given
operands for which it promises nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pytest

from conformance.decomp.integers import (
    BINARY,
    as_array,
    as_counts,
    numbers,
    pairs,
    results,
    value,
)
from conformance.harness import plan
from conformance.harness.build import Builder
from conformance.harness.case import Case
from conformance.harness.devices import under_test
from engine.context import Context
from oracles.catalog import ALL
from oracles.edges import edges
from oracles.exact import cast_bits
from oracles.formats import FORMATS

WIDE = ("int64", "uint64")
EMULATED = "int64,uint64"
RANDOM = 600


def on_every_device(case: Case, due: list[bytes]) -> None:
    for device in under_test():
        if device.subject is not None:
            with Context(EMULATE=EMULATED):
                assert device.subject.run(case) == due, device.name


# -- two operands ----------------------------------------------------------------------------------
TESTS: dict[str, Callable[[int, int], bool]] = {
    "lt": lambda x, y: x < y,
    "le": lambda x, y: x <= y,
    "eq": lambda x, y: x == y,
    "ne": lambda x, y: x != y,
}


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("op", BINARY)
def test_operations(op: str, name: str) -> None:
    row = FORMATS[name]
    left, right = pairs(name, RANDOM)
    if op.endswith("shift"):
        right = as_counts(right, row)
    build = Builder()
    build.judged(op, *(build.input(name, as_array(side, row)) for side in (left, right)))
    on_every_device(build.case(), [results(op, row, left, right)])


@pytest.mark.parametrize("name", WIDE)
def test_tests(name: str) -> None:
    row = FORMATS[name]
    left, right = pairs(name, RANDOM)
    build = Builder()
    sides = [build.input(name, as_array(side, row)) for side in (left, right)]
    for op in TESTS:
        build.judged(op, *sides)
    numbered = [(value(row, x), value(row, y)) for x, y in zip(left, right, strict=True)]
    due = [bytes(test(x, y) for x, y in numbered) for test in TESTS.values()]
    on_every_device(build.case(), due)


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("op, known", [
    ("lshift", range(66)), ("rshift", range(66)),
    ("floordiv", (1, 2, 3, 10, 641, (1 << 32) - 1, 1 << 32, (1 << 32) + 1, (1 << 63) - 1)),
])  # fmt: skip
def test_known_operands(op: str, known: Sequence[int], name: str) -> None:
    """Counts and divisors that the compiler knows."""
    row = FORMATS[name]
    left = numbers(name, 40)
    build = Builder()
    x = build.input(name, as_array(left, row))
    for y in known:
        build.judged(op, x, build.input(name, as_array([y], row), (), const=True))
    on_every_device(build.case(), [results(op, row, left, [y] * len(left)) for y in known])


# -- casts -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("target", ALL)
def test_casts_from(target: str, name: str) -> None:
    """Rounded once: around every power of two, the halves of every last place of float32."""
    row = FORMATS[name]
    bits = numbers(name, RANDOM)
    for size in range(24, 64):
        half = 1 << size >> 24
        bits += [(1 << size) + k * half + e for k in range(1, 6) for e in (-1, 0, 1)]
        bits += [-((1 << size) + 3 * half) & ((1 << 64) - 1)]
    build = Builder()
    build.judged("cast", build.input(name, as_array(bits, row)), dtype=target)
    due = np.array([cast_bits(name, target, x) for x in bits], FORMATS[target].unsigned)
    on_every_device(build.case(), [due.tobytes()])


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("source", ALL)
def test_casts_to(source: str, name: str) -> None:
    bits = [int(x) for x in edges(source)]
    if FORMATS[source].is_float and FORMATS[source].bits > 16:
        row = FORMATS[source]
        powers = [Fraction(2) ** e for e in range(-2, 66)]
        bits += [
            row.round(power * factor) | sign for power in powers
            for factor in (1, Fraction(4, 3), Fraction(7, 4)) for sign in (0, row.sign_bit)
        ]
    build = Builder()
    words = np.array(bits, FORMATS[source].unsigned)
    build.judged("cast", build.input(source, words), dtype=name)
    due = np.array([cast_bits(source, name, x) for x in bits], FORMATS[name].unsigned)
    on_every_device(build.case(), [due.tobytes()])


# -- whole programs --------------------------------------------------------------------------------
CELLS = (
    "sum", "prod", "cumsum", "sort", "argsort", "gather", "scatter", "matmul", "where", "pow",
    "nonzero", "getitem", "roll", "argmax", "randint", "cat", "pad", "clip",
)  # fmt: skip


@pytest.mark.parametrize("op", CELLS)
def test_programs_keep_their_bits(op: str) -> None:
    """Cells of the catalog with and without 64-bit integers, and so without the bits of float64."""
    (subject,) = [d.subject for d in under_test(["LLVM"])]
    assert subject is not None
    found = 0
    for name, dtypes in plan.selected([op], WIDE):
        if "float64" in dtypes:  # whose bits are 64-bit integers
            continue
        for batch in plan.batches(name, dtypes, full=False):
            due = subject.run(batch.case)
            with Context(EMULATE=f"{EMULATED},float64"):
                assert subject.run(batch.case) == due, (name, dtypes, batch.layout)
            found += 1
    assert found
