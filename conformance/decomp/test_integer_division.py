"""Integer division on every device against Python's integers, which know no width."""

import random
from collections.abc import Callable

import numpy as np
import pytest

from conformance.harness.build import Builder
from conformance.harness.devices import under_test
from oracles.catalog import INTEGERS
from oracles.edges import edges
from oracles.formats import FORMATS, Format

RANDOM = 400
DIVISORS = (1, 2, 3, 5, 6, 7, 10, 12, 25, 60, 100, 125, 127, 641, 1000, 65537)


def floor(x: int, y: int) -> int:
    return x // y if y else 0


def modulo(x: int, y: int) -> int:
    return x % y if y else 0


def operands(row: Format, name: str) -> list[tuple[int, int]]:
    """Edges with edges; divisors that are made into multiplications; random pairs."""
    draw = random.Random(name)
    known = [int(bits) for bits in edges(name)]
    divisors = [d for d in DIVISORS if d <= row.maximum]
    pairs = [(x, y) for x in known for y in known]
    pairs += [(draw.getrandbits(row.bits), d) for d in divisors for _ in range(8)]
    pairs += [(draw.getrandbits(row.bits), draw.getrandbits(row.bits)) for _ in range(RANDOM)]
    return pairs


def signed(row: Format, bits: int) -> int:
    return bits - (1 << row.bits) if row.kind == "int" and bits & row.sign_bit else bits


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize("op, python", [("floordiv", floor), ("mod", modulo)])
def test_division(name: str, op: str, python: Callable[[int, int], int]) -> None:
    row = FORMATS[name]
    pairs = operands(row, name)
    build = Builder()
    sides = [np.array(side, dtype=row.unsigned) for side in zip(*pairs)]
    build.judged(op, *(build.input(name, side) for side in sides))
    case = build.case()
    size = row.bits // 8
    mask = (1 << row.bits) - 1
    due = b"".join(
        (python(signed(row, x), signed(row, y)) & mask).to_bytes(size, "little") for x, y in pairs
    )
    for device in under_test():
        if device.subject is not None:
            assert device.subject.run(case)[0] == due, device.name


@pytest.mark.parametrize("name", INTEGERS)
def test_division_by_constants(name: str) -> None:
    """A divisor that the compiler knows, which it may turn into a multiplication."""
    row = FORMATS[name]
    known = [int(bits) for bits in edges(name)]
    divisors = [d for d in DIVISORS if d <= row.maximum]
    if row.kind == "int":
        divisors += [(-d) & ((1 << row.bits) - 1) for d in divisors[:8]]
    build = Builder()
    x = build.input(name, np.array(known, dtype=row.unsigned))
    for divisor in divisors:
        y = build.input(name, np.array([divisor], dtype=row.unsigned), (), const=True)
        build.judged("floordiv", x, y)
    case = build.case()
    mask = (1 << row.bits) - 1
    size = row.bits // 8
    due = [
        b"".join(
            (floor(signed(row, a), signed(row, d)) & mask).to_bytes(size, "little") for a in known
        )
        for d in divisors
    ]
    for device in under_test():
        if device.subject is not None:
            assert list(device.subject.run(case)) == due, device.name
