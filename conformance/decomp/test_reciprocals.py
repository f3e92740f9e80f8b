"""Division by constants, against Python's integers: factors for every divisor of 8 and 16 bits.

Wider ones: every power of two and its neighbours, and random divisors of every length. Where a
factor that is a little off would show: at multiples of the divisor, one below them, and the ends.
The operations made of them: all pairs of bytes, and every eleventh divisor of 16 bits.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import numpy as np
import pytest

from conformance.decomp.kernels import INTS, Application, same_bits
from conformance.decomp.test_expansions import in_words
from engine import dtypes
from engine.arrays import NUMPY
from engine.decompose.arithmetic import EXPANSIONS
from engine.decompose.operations import without_missing
from engine.decompose.operations.reciprocals import Reciprocal, by_reciprocals, reciprocal
from engine.dtypes import DType
from engine.graph import Node, order_of
from engine.interpret.tensors import evaluate
from engine.ops import Op, Operation
from engine.rewrite import RuleSet, rewrite
from engine.simplify.values import VALUE_RULES
from engine.target import HOST_OPS, Target
from oracles.formats import Array

DIVISIONS = (Op.IDIV, Op.IREM)
TOGETHER = 2048  # divisors evaluated at once
SEED = 7


# -- the factors -----------------------------------------------------------------------------------
def critical(divisor: int, limit: int) -> Iterator[int]:
    """Dividends next to a multiple, smallest and largest, and the largest of all."""
    last = limit // divisor * divisor
    near = (divisor, 2 * divisor, last // 2 // divisor * divisor, last - divisor, last)
    for multiple in near:
        yield from (n for n in (multiple - 1, multiple, multiple + 1) if 0 <= n <= limit)
    yield limit


def test_factors_of_8_bits_hold_for_every_dividend() -> None:
    for limit in (127, 128, 255):
        for divisor in range(1, 256):
            found = reciprocal(divisor, limit, 8)
            for n in range(limit + 1):
                assert n * found.factor >> found.places == n // divisor, (n, found)


@pytest.mark.parametrize("width", [16, 32, 64])
def test_factors_hold_at_critical_dividends(width: int) -> None:
    for limit in (1 << (width - 1), (1 << width) - 1):
        for divisor in divisors(width):
            found = reciprocal(divisor, limit, width)
            assert found.factor < 2 << width, "one bit more than a word at most"
            for n in critical(divisor, limit):
                assert n * found.factor >> found.places == n // divisor, (n, found)


def divisors(width: int) -> Iterable[int]:
    """All of 16 bits; else powers of two, neighbours, and random ones of every length."""
    if width <= 16:
        return range(1, 1 << width)
    draw = random.Random(SEED)
    powers = {(1 << n) + e for n in range(width) for e in (-1, 0, 1)}
    drawn = {draw.getrandbits(draw.randint(2, width)) for _ in range(300)}
    return sorted(d for d in powers | drawn if 0 < d < 1 << width)


@pytest.mark.parametrize("factor, places", [(1, 9), (170, 9), (172, 9), (171 << 4, 13), (0, 8)])
def test_a_wrong_factor_is_refused(factor: int, places: int) -> None:
    """171 / 2**9 is the reciprocal of 3 for bytes."""
    assert Reciprocal(3, 255, 171, 9)
    if factor == 171 << 4:
        assert Reciprocal(3, 255, factor, places)
        return
    with pytest.raises(ValueError, match=f"{factor} / 2\\*\\*{places} is no reciprocal of 3"):
        Reciprocal(3, 255, factor, places)


# -- the operations --------------------------------------------------------------------------------
def truncating(x: int, y: int) -> tuple[int, int]:
    whole = abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)
    return whole, x - whole * y


def dividends(dtype: DType, divisor: int) -> list[int]:
    """All bytes; else those next to multiples, of both signs."""
    if dtype.bits == 8:
        found = range(dtype.min, dtype.max + 1)
        return [n for n in found if fits(dtype, n, divisor)]
    near = set(critical(abs(divisor), dtype.max))
    near |= {-n for n in near} | {dtype.min, dtype.min + 1} if dtype.is_signed else set()
    return sorted(n for n in near if fits(dtype, n, divisor))


def fits(dtype: DType, x: int, y: int) -> bool:
    return not (dtype.is_signed and x == dtype.min and y == -1)


def contents(items: dict[int, Array], node: Node) -> Array:
    return items[node.arg[0]]


def applied(rules: RuleSet, node: Node) -> Node:
    found = rules.first(node)
    assert found is not None
    return found[0]


def check(dtype: DType, row: Sequence[int]) -> None:
    """Quotients and remainders by each divisor, of dividends of its own."""
    rules, mask = by_reciprocals(frozenset({dtype})), (1 << dtype.bits) - 1
    for start in range(0, len(row), TOGETHER):
        given = {d: dividends(dtype, d) for d in row[start : start + TOGETHER]}
        items = {d & mask: np.array(ns, NUMPY[dtype]) for d, ns in given.items()}
        roots = []
        for d, ns in given.items():
            x = Node(Op.BUFFER, dtype, (), (d & mask, len(ns), "LLVM"))
            roots += [applied(rules, x.binary(op, x.constant(d))) for op in DIVISIONS]
        results = iter(evaluate(roots, partial(contents, items)))
        for d, ns in given.items():
            got = list(zip(*(np.broadcast_to(next(results), len(ns)).tolist() for _ in DIVISIONS)))
            assert got == [truncating(n, d) for n in ns], f"{dtype} divided by {d}"


@pytest.mark.parametrize("dtype", [d for d in INTS if d.bits == 8], ids=str)
def test_all_pairs_of_bytes(dtype: DType) -> None:
    check(dtype, [d for d in range(dtype.min, dtype.max + 1) if d])


@pytest.mark.parametrize("dtype", [d for d in INTS if d.bits > 8], ids=str)
def test_divisors_at_critical_dividends(dtype: DType) -> None:
    """Powers of two and their neighbours among them."""
    row = [d for d in divisors(dtype.bits) if d <= dtype.max]
    if dtype.bits == 16:
        powers = {(1 << n) + e for n in range(15) for e in (-1, 0, 1)}
        row = sorted(({*row[::11]} | powers) - {0})
    check(dtype, [*row, *([dtype.min, *(-d for d in row)] if dtype.is_signed else [])])


def test_other_dtypes_and_divisors_are_left_alone() -> None:
    rules = by_reciprocals(frozenset({dtypes.int64}))
    x, y = (Node(Op.BUFFER, row, (), (0, 4, "LLVM")) for row in (dtypes.int32, dtypes.int64))
    for op in DIVISIONS:
        for node in (x.binary(op, 3), y.binary(op, y), y.binary(op, 0)):
            assert rules.first(node) is None
        assert rules.first(y.binary(op, 3)) is not None


# -- where they are used ---------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", [dtypes.int64, dtypes.uint64], ids=str)
def test_words_of_64_bits(dtype: DType) -> None:
    """In two words, where divisors of one word, of two, and powers of two differ."""
    row = [3, 7, 10, 641, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 32) + 1, 10**12, (1 << 63) - 1]
    for d in [*row, *(-d for d in row if dtype.is_signed)]:
        for op in DIVISIONS:
            application = Application(op, (dtype, dtype), dtype, d)
            assert same_bits(application, without_loops), application


def without_loops(sink: Node) -> Node:
    made = in_words(sink)
    assert not [n for n in order_of(made) if n.op is Op.FOLD]
    return made


@pytest.mark.parametrize("op", [Op.FLOORDIV, Op.FLOORMOD, Op.FMOD], ids=str)
@pytest.mark.parametrize("dtype", INTS, ids=str)
def test_floor_and_remainder_by_constants(dtype: DType, op: Operation) -> None:
    """On a target that cannot divide, no guard and no loop is left of them; 0 and -1 included."""
    row = (0, 1, -1, 2, 3, -3, 7, 10, -10, 100, dtype.max, dtype.min)
    for d in (d for d in row if dtype.min <= d <= dtype.max):
        application = Application(op, (dtype, dtype), dtype, d)
        assert same_bits(application, partial(meant, loops=d in (0, -1))), application


def meant(sink: Node, loops: bool) -> Node:
    made = rewrite(sink, RuleSet([*VALUE_RULES.rules, *EXPANSIONS.rules]))
    made = without_missing(made, Target("NO_DIV", ops=HOST_OPS - {Op.IDIV, Op.IREM}))
    assert loops or not [n for n in order_of(made) if n.op is Op.FOLD]
    return made
