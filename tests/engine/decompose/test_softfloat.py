"""Soft floats against the processor's, bit by bit, and against exact rationals where it is hard."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from engine import dtypes
from engine.arrays import NUMPY
from engine.decompose import softfloat
from engine.decompose.softfloat import Format, parts, recurrence
from engine.dtypes import DType, round_magnitude
from engine.graph import Node, const, toposort
from engine.interpret.kernels import run
from engine.interpret.preconditions import Array
from engine.linearize import linearize
from engine.ops import Axis, Op
from engine.spec import Level, verify
from engine.target import Target

COUNT = 40_000
FORMATS = [Format(row, single) for row in (dtypes.float32, dtypes.float64)
           for single in (False, True)]
names = [f"{fmt.row}{'_single' if fmt.single else ''}" for fmt in FORMATS]
formats = pytest.mark.parametrize("fmt", FORMATS, ids=names)
HOST = Target("HOST")
Build = Callable[..., Node]


def evaluate(build: Build, *arrays: Array) -> Array:
    """What the linear interpreter makes of an expression in the elements of arrays."""
    count = len(arrays[0])
    rounds = const(count, dtypes.int64)
    loop = Node(Op.RANGE, dtypes.int64, (rounds,), ((0,), str(Axis.LOOP)))
    loads = []
    for slot, array in enumerate(arrays):
        dtype = dtypes.as_dtype(array.dtype.name)
        loads.append(Node(Op.LOAD, dtype, (Node(Op.PARAM, dtype, (), (slot, count)), loop)))
    value = build(*loads)
    if value.dtype is dtypes.bool_:
        value = value.convert(dtypes.uint8)
    memory = Node(Op.PARAM, value.dtype, (), (len(arrays), count))
    write = Node(Op.WRITE, value.dtype, (memory, loop, value))
    sink = Node(Op.SINK, dtypes.bool_, (write,))
    verify(sink, Level.MACHINE, HOST, "build")
    result = np.zeros(count, NUMPY[value.dtype])
    run(linearize(sink, "soft", ()).kernel, [*arrays, result])
    return result


# -- operands --------------------------------------------------------------------------------------
def edges(row: DType) -> list[int]:
    """Magnitudes at which something changes, and their neighbours."""
    one, least = row.encode(1.0), 1 << row.mantissa_bits
    near = [0, 1, 2, 3, least, least * 2, least * row.mantissa_bits, one, row.infinity,
            row.infinity - least, row.canonical_nan, row.encode(1.5), row.encode(2.0)]
    return sorted({max(0, bits + step) for bits in near for step in (-2, -1, 0, 1, 2)})


def operands(row: DType, seed: int) -> tuple[Array, Array]:
    """Pairs: edges with edges; random bits; near exponents and few digits; cancellation."""
    rng = np.random.default_rng(seed)
    word = NUMPY[row.unsigned].type
    known = np.array(edges(row), dtype=word)
    known = np.concatenate([known, known | word(row.sign_bit)])
    x, y = np.repeat(known, known.size), np.tile(known, known.size)

    def drawn() -> Array:
        raw = rng.integers(0, 1 << row.bits, COUNT, dtype=np.uint64).astype(word)
        near = rng.integers(row.bias - 30, row.bias + 30, COUNT).astype(word)
        kept = word((1 << row.bits) - 1) << rng.integers(0, row.precision, COUNT).astype(word)
        fraction = raw & kept & word((1 << row.mantissa_bits) - 1)
        plain = near << word(row.mantissa_bits) | fraction | raw & word(row.sign_bit)
        tiny = raw & word(row.sign_bit | (4 << row.mantissa_bits) - 1)
        choice = rng.random(COUNT)
        return np.where(choice < 0.4, raw, np.where(choice < 0.8, plain, tiny))

    a, b = drawn(), drawn()
    close = a[:2000] + rng.integers(0, 4, 2000).astype(word)
    opposite = close ^ word(row.sign_bit)
    return (
        np.concatenate([x, a, a[:2000], a[:2000]]), np.concatenate([y, b, close, opposite])
    )


def floats(row: DType, bits: Array) -> Array:
    return bits.view(NUMPY[row])


def assert_same(row: DType, got: Array, want: Array, *given: Array) -> None:
    """Equal bits, or NaN for NaN. The message shows the first operands that differ."""
    word = NUMPY[row.unsigned].type
    is_nan = (got & word(row.sign_bit - 1)) > word(row.infinity)
    wrong = np.flatnonzero(np.where(np.isnan(want), ~is_nan, got != want.view(word)))
    shown = [[hex(int(side[i])) for side in (*given, got, want.view(word))] for i in wrong[:3]]
    assert not wrong.size, f"{wrong.size} differ: operands, got, due: {shown}"


# -- against the processor -------------------------------------------------------------------------
BINARY: dict[str, tuple[Build, Any]] = {
    "add": (softfloat.add, np.add),
    "sub": (softfloat.sub, np.subtract),
    "mul": (softfloat.mul, np.multiply),
    "div": (lambda fmt, a, b: softfloat.div(fmt, (0,), a, b), np.divide),
}
TESTS = {
    "lt": (softfloat.lt, np.less), "eq": (softfloat.eq, np.equal),
    "ne": (softfloat.ne, np.not_equal),
}  # fmt: skip


@formats
@pytest.mark.parametrize("name", BINARY)
def test_arithmetic(fmt: Format, name: str) -> None:
    function, reference = BINARY[name]
    a, b = operands(fmt.row, 1)
    with np.errstate(all="ignore"):
        due = reference(floats(fmt.row, a), floats(fmt.row, b))
    assert_same(fmt.row, evaluate(lambda x, y: function(fmt, x, y), a, b), due, a, b)


@formats
def test_square_roots(fmt: Format) -> None:
    a, _ = operands(fmt.row, 2)
    with np.errstate(all="ignore"):
        due = np.sqrt(floats(fmt.row, a))
    assert_same(fmt.row, evaluate(lambda x: softfloat.sqrt(fmt, (0,), x), a), due, a)


@formats
@pytest.mark.parametrize("name", TESTS)
def test_comparisons(fmt: Format, name: str) -> None:
    function, reference = TESTS[name]
    a, b = operands(fmt.row, 3)
    with np.errstate(all="ignore"):
        due = reference(floats(fmt.row, a), floats(fmt.row, b))
        itself = reference(floats(fmt.row, a), floats(fmt.row, a))
    assert (evaluate(lambda x, y: function(fmt, x, y), a, b) == due).all()
    assert (evaluate(lambda x: function(fmt, x, x), a) == itself).all()


INTEGERS = [row for row in dtypes.TENSOR_DTYPES if row.is_int]


@formats
@pytest.mark.parametrize("to", INTEGERS, ids=str)
def test_to_integers(fmt: Format, to: DType) -> None:
    """Truncation of what is in range, up to the last float below the end."""
    a, _ = operands(fmt.row, 4)
    spread = np.random.default_rng(5).uniform(float(to.min), float(to.max), COUNT)
    ends = np.array([float(to.min), float(to.max + 1), 0.5, -0.5, 1.0], np.float64)
    kind = NUMPY[fmt.row]
    around = [np.nextafter(ends.astype(kind), kind.type(s)) for s in (-np.inf, np.inf)]
    values = np.concatenate(
        [spread.astype(kind), ends.astype(kind), *around, floats(fmt.row, a)]
    )
    with np.errstate(all="ignore"):
        whole = np.trunc(values.astype(np.float64))
    values = values[(whole >= float(to.min)) & (whole < float(to.max + 1))]
    bits = values.view(NUMPY[fmt.row.unsigned])
    assert values.size > COUNT / 2
    with np.errstate(all="ignore"):
        due = np.trunc(values).astype(NUMPY[to])
    assert (evaluate(lambda x: softfloat.to_int(fmt, to, x), bits) == due).all()


@formats
@pytest.mark.parametrize("of", INTEGERS, ids=str)
def test_from_integers(fmt: Format, of: DType) -> None:
    """Numbers of every length, and those around ties and powers of two."""
    rng = np.random.default_rng(6)
    kind = NUMPY[of].type
    drawn = rng.integers(of.min, of.max, COUNT, kind, endpoint=True)
    short = drawn >> rng.integers(0, of.bits, COUNT).astype(kind)
    powers = (1 << k for k in range(of.bits))
    halves = [p + (p >> fmt.row.precision) * n + d for p in powers for n in (0, 1, 3)
              for d in (-1, 0, 1)]
    exact = [n for n in (*halves, of.min, of.max, 0, 1) if of.min <= n <= of.max]
    x = np.concatenate([drawn, short, np.array(exact, dtype=kind)])
    due = x.astype(NUMPY[fmt.row])
    assert_same(fmt.row, evaluate(lambda v: softfloat.from_int(fmt, v), x), due, x)


@pytest.mark.parametrize("single", [False, True])
def test_between_floats(single: bool) -> None:
    """Widening is exact; narrowing is tried at every kind of float32, the midpoints, and beside."""
    short, long = Format(dtypes.float32, single), Format(dtypes.float64, single)
    a, _ = operands(dtypes.float32, 7)
    with np.errstate(all="ignore"):
        wide = floats(dtypes.float32, a).astype(np.float64)
        got = evaluate(lambda x: softfloat.convert(short, long, x), a)
        assert_same(dtypes.float64, got, wide, a)
        upper = floats(dtypes.float32, a + np.uint32(1)).astype(np.float64)
        middle = wide / 2 + upper / 2
        beside = [np.nextafter(m, s) for m in (wide, middle) for s in (-np.inf, np.inf)]
        b, _ = operands(dtypes.float64, 8)
        values = np.concatenate([wide, middle, *beside, floats(dtypes.float64, b)])
        got = evaluate(lambda x: softfloat.convert(long, short, x), values.view(np.uint64))
        assert_same(dtypes.float32, got, values.astype(np.float32), values.view(np.uint64))


# -- against exact rationals -----------------------------------------------------------------------
def rounded(row: DType, exact: Fraction) -> int:
    return round_magnitude(abs(exact), row) | (row.sign_bit if exact < 0 else 0)


def knife_edges(row: DType) -> list[tuple[int, int]]:
    """Products and quotients that are ties, or one unit beside one, at normal and subnormal size.

    A tie is an odd number of precision + 1 bits; it is factored, and divided by a power of two that
    takes it to the end of the range.
    """
    pairs = []
    for digits in range(1, 40):
        tie = (1 << row.precision) + 2 * digits + 1
        for factor in (3, 5, 7, 11, 13, 641, 6700417):
            if tie % factor:
                continue
            for scale in (1.0, 2.0 ** (2 - row.bias), 2.0 ** (-row.bias // 2)):
                x = round_magnitude(Fraction(tie // factor) * Fraction(scale), row)
                y = row.encode(factor)
                pairs += [(x, y), (x + 1, y), (x - 1, y), (x, y + 1), (x, y | row.sign_bit)]
    return pairs


def factors(row: DType, residue: int) -> Iterator[tuple[int, int]]:
    """Pairs of significands whose product is `residue` modulo 2**precision: y is odd and has an
    inverse.
    """
    draw = random.Random(13)
    least, whole = 1 << row.mantissa_bits, 1 << row.precision
    while True:
        y = draw.randrange(least, whole) | 1
        x = residue * pow(y, -1, whole) % whole
        if x >= least:
            yield x, y


def encoded(row: DType, numbers: Iterable[int]) -> Array:
    return np.array([row.encode(n) for n in numbers], NUMPY[row.unsigned])


def ties(row: DType) -> Iterator[tuple[int, int]]:
    """Pairs of significands whose product is in the middle of two floats: both end in zeros."""
    draw = random.Random(14)
    for places in range(row.precision):
        for _ in range(8):
            pair = (places, row.mantissa_bits - places)
            x, y = (draw.randrange(1 << row.mantissa_bits - k, 1 << row.precision - k) | 1
                    for k in pair)
            yield x << pair[0], y << pair[1]


@formats
def test_a_product_is_a_tie_unless_a_lower_bit_is_set(fmt: Format) -> None:
    """Products in the middle of two floats, of which the even one is below, and one bit more."""
    row = fmt.row
    middle = 1 << row.mantissa_bits

    def is_long_and_even(pair: tuple[int, int]) -> bool:
        x, y = pair
        return x * y >= 2 * middle**2 and not x * y & 2 * middle

    exact = list(filter(is_long_and_even, ties(row)))
    above = [
        next(filter(is_long_and_even, factors(row, middle | 1 << k)))
        for k in range(row.mantissa_bits)
    ]
    assert all(x * y % (2 * middle) == middle for x, y in exact) and len(exact) > row.precision
    pairs = [*exact, *above]
    a, b = (encoded(row, side) for side in zip(*pairs, strict=True))
    got = evaluate(lambda x, y: softfloat.mul(fmt, x, y), a, b)
    assert got.tolist() == [rounded(row, Fraction(x * y)) for x, y in pairs]


@formats
def test_cancellation_leaves_the_last_bits_of_a_product(fmt: Format) -> None:
    """x * y + c with c the float below the product, or the one above it, and the other sign."""
    row = fmt.row
    left = [sign << k for sign in (1, -1) for k in range(row.mantissa_bits)]
    pairs = [next(factors(row, rest % (1 << row.precision))) for rest in left]
    a, b = (encoded(row, side) for side in zip(*pairs, strict=True))
    c = encoded(row, [rest - x * y for (x, y), rest in zip(pairs, left, strict=True)])
    got = evaluate(lambda x, y, z: softfloat.fma(fmt, x, y, z), a, b, c)
    assert got.tolist() == encoded(row, left).tolist()


@formats
@pytest.mark.parametrize("name", ["mul", "div", "add", "sub"])
def test_knife_edges(fmt: Format, name: str) -> None:
    row = fmt.row
    pairs = knife_edges(row)
    exact = {
        "mul": lambda x, y: x * y, "div": lambda x, y: x / y,
        "add": lambda x, y: x + y, "sub": lambda x, y: x - y,
    }[name]  # fmt: skip
    a, b = (np.array(side, NUMPY[row.unsigned]) for side in zip(*pairs, strict=True))
    got = evaluate(lambda x, y: BINARY[name][0](fmt, x, y), a, b)
    due = [rounded(row, exact(Fraction(row.decode(x)), Fraction(row.decode(y)))) for x, y in pairs]
    assert len(pairs) > 100 and got.tolist() == due


@formats
def test_square_roots_of_squares_and_their_neighbours(fmt: Format) -> None:
    """The root of a square is exact; beside it the remainder alone decides."""
    row = fmt.row
    rng = np.random.default_rng(9)
    roots = rng.integers(1, 1 << row.precision // 2, 300)
    squares = [row.encode(int(n) * int(n)) for n in roots]
    bits = [b + step for b in squares for step in (-1, 0, 1)] + list(range(1, 40))
    got = evaluate(lambda x: softfloat.sqrt(fmt, (0,), x), np.array(bits, NUMPY[row.unsigned]))
    for given, result in zip(bits, got.tolist(), strict=True):
        exact = Fraction(row.decode(given))
        low, high = (Fraction(row.decode(result + step)) for step in (-1, 1))
        middle = Fraction(row.decode(result))
        assert ((low + middle) / 2) ** 2 < exact < ((high + middle) / 2) ** 2


@formats
def test_fused_products(fmt: Format) -> None:
    """Random operands, cancellation to the last bits of the product, ties that c breaks, edges."""
    row = fmt.row
    word = NUMPY[row.unsigned].type
    rng = np.random.default_rng(10)
    drawn = [side[-6000:-2000] for seed in (11, 12) for side in operands(row, seed)]
    known = np.array([*edges(row)[::4], 0, row.infinity], dtype=word)
    known = np.concatenate([known, known | word(row.sign_bit)])
    grid = [rng.choice(known, 3000) for _ in range(3)]
    a, b, c = (np.concatenate(sides) for sides in zip(drawn[:3], grid, strict=True))
    with np.errstate(all="ignore"):
        product = (floats(row, drawn[0]) * floats(row, drawn[1])).view(word)
    near = product ^ word(row.sign_bit)
    near += rng.integers(0, 3, near.size).astype(word)
    ties = np.array(knife_edges(row)[::5], dtype=word)
    tiny = rng.integers(0, 9, len(ties)).astype(word) | word(row.sign_bit) * (ties[:, 0] & word(1))
    a, b = np.concatenate([a, drawn[0], ties[:, 0]]), np.concatenate([b, drawn[1], ties[:, 1]])
    c = np.concatenate([c, near, tiny])
    got = evaluate(lambda x, y, z: softfloat.fma(fmt, x, y, z), a, b, c).tolist()
    wrong = [
        (x, y, z) for x, y, z, result in zip(a.tolist(), b.tolist(), c.tolist(), got, strict=True)
        if not fused(row, x, y, z, result)
    ]
    assert not wrong and len(got) > 10_000


def fused(row: DType, a: int, b: int, c: int, result: int) -> bool:
    """Whether `result` is a * b + c: an exact number, or what IEEE 754-2019, 7.2 and 6.3 say."""
    x, y, z = (float(row.decode(bits)) for bits in (a, b, c))
    if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(z)):
        special = x * y if math.isinf(x) or math.isinf(y) else math.copysign(1.0, x * y)
        due = special + z
        if math.isnan(due) or math.isnan(x) or math.isnan(y):
            return math.isnan(row.decode(result))
        return result == row.encode(due)
    exact = Fraction(x) * Fraction(y) + Fraction(z)
    if exact == 0 and Fraction(x) * Fraction(y) == 0 == z:
        return result == ((a ^ b) & c & row.sign_bit)
    return result == rounded(row, exact)


# -- which operations ------------------------------------------------------------------------------
@formats
def test_zeros_are_counted_by_float32_where_there_is_one(fmt: Format) -> None:
    word = Node(Op.PARAM, fmt.row.unsigned, (), (0, 1))
    nodes = toposort([parts.leading_zeros(fmt, word)])
    assert any(n.dtype.is_float for n in nodes) == fmt.single


# -- faults ----------------------------------------------------------------------------------------
def test_a_quotient_without_its_sticky_bit_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurrence, "set_if", lambda x, condition: x)
    with pytest.raises(AssertionError):
        test_arithmetic(FORMATS[0], "div")


def test_a_shift_that_loses_bits_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.decompose.softfloat import arithmetic

    monkeypatch.setattr(arithmetic, "shifted_right", lambda x, n: x >> n.convert(x.dtype))
    with pytest.raises(AssertionError):
        test_arithmetic(FORMATS[2], "add")


def test_a_fused_product_that_loses_bits_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.decompose.softfloat import fused as module

    monkeypatch.setattr(module, "set_if", lambda x, condition: x)
    with pytest.raises(AssertionError):
        test_fused_products(FORMATS[0])


def test_infinities_of_the_reference() -> None:
    """What the comparison above rests on: NaN and infinity are told apart by their bits."""
    bits = np.array([dtypes.float32.infinity], np.uint32)
    with pytest.raises(AssertionError):
        assert_same(dtypes.float32, bits, np.array([math.nan], np.float32), bits)
