"""Every elementwise operation at its edges, as the contract states them, and exact rounding."""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from engine import dtypes
from engine.arrays import NUMPY
from engine.dtypes import DType, Scalar, round_magnitude
from engine.graph import TESTS
from engine.interpret.preconditions import Array, PreconditionError
from engine.interpret.rounding import canonical, constant
from engine.interpret.semantics import MEANING, apply
from engine.ops import ELEMENTWISE, Op, Operation

INF, NAN = math.inf, math.nan
MIN32, MAX32 = -(2**31), 2**31 - 1
MIN64, MAX64 = -(2**63), 2**63 - 1
FLOATS = [dtypes.float16, dtypes.float32, dtypes.float64]

# operation, dtype of the operands, operands, result
SAME_DTYPE: list[tuple[Operation, str, tuple[Scalar, ...], Scalar]] = [
    # integers wrap
    (Op.ADD, "int32", (MAX32, 1), MIN32),
    (Op.ADD, "uint8", (255, 1), 0),
    (Op.SUB, "uint64", (0, 1), 2**64 - 1),
    (Op.SUB, "int8", (-128, 1), 127),
    (Op.MUL, "int64", (MIN64, -1), MIN64),
    (Op.MUL, "uint16", (65535, 65535), 1),
    (Op.NEG, "int32", (MIN32,), MIN32),
    (Op.NEG, "uint8", (1,), 255),
    (Op.ABS, "int64", (MIN64,), MIN64),
    (Op.ABS, "uint8", (200,), 200),
    (Op.ADD, "index", (5, -7), -2),
    # bool: + is or, * is and
    (Op.ADD, "bool", (True, True), True),
    (Op.MUL, "bool", (True, False), False),
    (Op.NOT, "bool", (False,), True),
    (Op.MAXIMUM, "bool", (False, True), True),
    (Op.XOR, "bool", (True, True), False),
    # division: rounds down, 0 by zero, MIN // -1 = MIN; the remainder has the sign of y
    (Op.FLOORDIV, "int32", (-7, 2), -4),
    (Op.FLOORDIV, "int32", (7, -2), -4),
    (Op.FLOORDIV, "int32", (-7, 0), 0),
    (Op.FLOORDIV, "int32", (MIN32, -1), MIN32),
    (Op.FLOORDIV, "int8", (-128, -1), -128),
    (Op.FLOORDIV, "uint64", (2**64 - 1, 2), 2**63 - 1),
    (Op.FLOORDIV, "uint8", (9, 0), 0),
    (Op.FLOORMOD, "int32", (-7, 2), 1),
    (Op.FLOORMOD, "int32", (7, -2), -1),
    (Op.FLOORMOD, "int32", (7, 0), 0),
    (Op.FLOORMOD, "int64", (MIN64, -1), 0),
    (Op.FLOORMOD, "uint8", (255, 7), 3),
    (Op.IDIV, "int32", (-7, 2), -3),
    (Op.IDIV, "int64", (MIN64, 3), MIN64 // 3 + 1),
    (Op.IREM, "int32", (-7, 2), -1),
    (Op.IREM, "int32", (7, -2), 1),
    # shifts: any count
    (Op.LSHIFT, "int32", (1, 31), MIN32),
    (Op.LSHIFT, "int32", (1, 32), 0),
    (Op.LSHIFT, "int32", (1, -1), 0),
    (Op.LSHIFT, "uint8", (255, 8), 0),
    (Op.RSHIFT, "int32", (-8, 1), -4),
    (Op.RSHIFT, "int32", (-8, 32), -1),
    (Op.RSHIFT, "int32", (8, 99), 0),
    (Op.RSHIFT, "int32", (-8, -1), -1),
    (Op.RSHIFT, "uint32", (2**32 - 1, 31), 1),
    (Op.RSHIFT, "uint32", (2**32 - 1, 32), 0),
    (Op.SHL, "int64", (1, 63), MIN64),
    (Op.SHR, "int64", (-1, 63), -1),
    (Op.SHR, "uint64", (2**64 - 1, 63), 1),
    # signed zeros and infinities
    (Op.ADD, "float32", (-0.0, -0.0), -0.0),
    (Op.ADD, "float32", (INF, -INF), NAN),
    (Op.SUB, "float16", (0.0, 0.0), 0.0),
    (Op.MUL, "float64", (-0.0, 3.0), -0.0),
    (Op.DIV, "float32", (1.0, -0.0), -INF),
    (Op.DIV, "float32", (0.0, 0.0), NAN),
    (Op.DIV, "float16", (65504.0, 0.5), INF),
    (Op.MUL, "float32", (2.0**-149, 0.5), 0.0),
    (Op.MUL, "float32", (2.0**-148, 0.5), 2.0**-149),
    (Op.SQRT, "float64", (-0.0,), -0.0),
    (Op.SQRT, "float32", (-1.0,), NAN),
    (Op.NEG, "float32", (0.0,), -0.0),
    (Op.ABS, "float16", (-0.0,), 0.0),
    # maximum, minimum: a NaN wins, -0 < +0
    (Op.MAXIMUM, "float32", (-0.0, 0.0), 0.0),
    (Op.MAXIMUM, "float32", (0.0, -0.0), 0.0),
    (Op.MAXIMUM, "float16", (-0.0, -0.0), -0.0),
    (Op.MINIMUM, "float32", (-0.0, 0.0), -0.0),
    (Op.MINIMUM, "float32", (0.0, -0.0), -0.0),
    (Op.MINIMUM, "float64", (0.0, 0.0), 0.0),
    (Op.MAXIMUM, "float64", (NAN, INF), NAN),
    (Op.MAXIMUM, "float64", (INF, NAN), NAN),
    (Op.MINIMUM, "float16", (NAN, -INF), NAN),
    (Op.MINIMUM, "float16", (-INF, NAN), NAN),
    (Op.MAXIMUM, "int8", (-128, 127), 127),
    (Op.MINIMUM, "uint64", (2**64 - 1, 1), 1),
    # powers of integers
    (Op.POW, "int8", (-2, 7), -128),
    (Op.POW, "int8", (-128, 2), 0),
    (Op.POW, "uint64", (3, 41), 3**41 % 2**64),
    (Op.POW, "int32", (0, 0), 1),
    (Op.POW, "int64", (-1, -3), -1),
    (Op.POW, "int64", (-1, MIN64), 1),
    (Op.POW, "int16", (0, -1), 0),
    (Op.POW, "int32", (2, -1), 0),
    (Op.POW, "int32", (MIN32, -1), 0),
    # functions
    *[(Op.EXP2, d.name, (x,), y) for d in FLOATS for x, y in
      [(3.0, 8.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (NAN, NAN), (-14.0, 2.0**-14)]],
    *[(Op.LOG2, d.name, (x,), y) for d in FLOATS for x, y in
      [(8.0, 3.0), (1.0, 0.0), (0.0, -INF), (-0.0, -INF), (-1.0, NAN), (INF, INF), (NAN, NAN)]],
    (Op.EXP2, "float16", (-24.0,), 2.0**-24),
    (Op.EXP2, "float16", (16.0,), INF),
    (Op.LOG2, "float16", (2.0**-24,), -24.0),
    (Op.CANON, "float32", (NAN,), NAN),
    (Op.CANON, "int32", (7,), 7),
]  # fmt: skip

TO_BOOL: list[tuple[Operation, str, tuple[Scalar, Scalar], bool]] = [
    (Op.LT, "float32", (NAN, 1.0), False),
    (Op.LT, "float32", (-0.0, 0.0), False),
    (Op.LT, "bool", (False, True), True),
    (Op.LT, "uint64", (1, 2**63), True),
    (Op.EQ, "float64", (NAN, NAN), False),
    (Op.EQ, "float16", (-0.0, 0.0), True),
    (Op.NE, "float64", (NAN, NAN), True),
    (Op.NE, "int8", (-1, -1), False),
]

# from, to, value, result
CASTS: list[tuple[str, str, Scalar, Scalar]] = [
    ("int32", "int8", 300, 44),
    ("int8", "uint64", -1, 2**64 - 1),
    ("uint8", "int32", 255, 255),
    ("index", "int32", 2**32 + 5, 5),
    ("float32", "uint8", -1.0, 0),
    ("float32", "uint8", -0.9, 0),
    ("float32", "int8", 300.0, 127),
    ("float32", "int8", -128.9, -128),
    ("float32", "int32", 2.0**31, MAX32),
    ("float32", "int32", -(2.0**31), MIN32),
    ("float64", "int64", 2.0**63, MAX64),
    ("float64", "uint64", 2.0**64, 2**64 - 1),
    ("float64", "uint64", 2.0**64 - 2048, 2**64 - 2048),
    ("float16", "int64", INF, MAX64),
    ("float16", "uint32", -INF, 0),
    ("float16", "int32", 65504.0, 65504),
    ("float64", "int16", NAN, 0),
    ("float64", "uint64", NAN, 0),
    ("float32", "int32", -2.7, -2),
    ("float32", "bool", NAN, True),
    ("float32", "bool", -0.0, False),
    ("float32", "bool", 0.25, True),
    ("uint64", "bool", 2**63, True),
    ("bool", "float16", True, 1.0),
    ("bool", "int64", True, 1),
    ("int32", "float16", 65520, INF),
    ("int32", "float16", 65519, 65504.0),
    ("float64", "float32", 1e39, INF),
    ("float64", "float16", -1e-10, -0.0),
    ("float64", "float16", 1 + 2.0**-11 + 2.0**-40, 1 + 2.0**-10),  # float32 lies on a tie
    ("float64", "float16", 1 + 2.0**-11, 1.0),
    ("float16", "float64", -0.0, -0.0),
    ("float32", "float16", NAN, NAN),
]  # fmt: skip

# operation, dtype, result dtype, operands that break the precondition
BROKEN: list[tuple[Operation, str, str, tuple[Scalar, ...]]] = [
    (Op.SHL, "int32", "int32", (1, 32)),
    (Op.SHL, "int8", "int8", (1, -1)),
    (Op.SHR, "uint64", "uint64", (1, 64)),
    (Op.IDIV, "int32", "int32", (5, 0)),
    (Op.IDIV, "int32", "int32", (MIN32, -1)),
    (Op.IREM, "uint8", "uint8", (5, 0)),
    (Op.IREM, "int64", "int64", (MIN64, -1)),
    (Op.CONVERT, "float32", "int32", (2.0**31,)),
    (Op.CONVERT, "float64", "int64", (NAN,)),
    (Op.CONVERT, "float16", "uint8", (-1.0,)),
    (Op.CONVERT, "float64", "uint64", (2.0**64,)),
    (Op.BITCAST, "uint8", "bool", (2,)),
]


def value(dtype: DType, number: Scalar) -> Array:
    return constant(dtype, int(number) if dtype is dtypes.index else dtype.encode(number))


def bits(x: Array) -> list[int]:
    words = np.atleast_1d(x).view(f"uint{8 * x.dtype.itemsize}").tolist()
    return list(map(int, words))


def exact_bits(exact: Fraction, dtype: DType) -> int:
    return round_magnitude(abs(exact), dtype) | (dtype.sign_bit if exact < 0 else 0)


def assert_means(
    op: Operation, of: DType, to: DType, operands: tuple[Scalar, ...], wanted: Scalar
) -> None:
    """As arrays of shape (), and in every element of longer ones; never a warning."""
    for shape in [(), (3,)]:
        arrays = [np.broadcast_to(value(of, x), shape) for x in operands]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = apply(op, to, arrays, [of] * len(operands))
        assert result.shape == shape and result.dtype == NUMPY[to]
        assert set(bits(canonical(to, result))) == set(bits(value(to, wanted)))


@pytest.mark.parametrize(("op", "dtype", "operands", "wanted"), SAME_DTYPE)
def test_arithmetic(
    op: Operation, dtype: str, operands: tuple[Scalar, ...], wanted: Scalar
) -> None:
    assert_means(op, dtypes.BY_NAME[dtype], dtypes.BY_NAME[dtype], operands, wanted)


@pytest.mark.parametrize(("op", "dtype", "operands", "wanted"), TO_BOOL)
def test_comparison(
    op: Operation, dtype: str, operands: tuple[Scalar, ...], wanted: Scalar
) -> None:
    assert_means(op, dtypes.BY_NAME[dtype], dtypes.bool_, operands, wanted)


@pytest.mark.parametrize(("of", "to", "number", "wanted"), CASTS)
def test_cast(of: str, to: str, number: Scalar, wanted: Scalar) -> None:
    assert_means(Op.CAST, dtypes.BY_NAME[of], dtypes.BY_NAME[to], (number,), wanted)


@pytest.mark.parametrize(("op", "of", "to", "operands"), BROKEN)
def test_preconditions(op: Operation, of: str, to: str, operands: tuple[Scalar, ...]) -> None:
    """A broken one names operation and operands. Elements that are not active do not count."""
    kind, target = dtypes.BY_NAME[of], dtypes.BY_NAME[to]
    good = np.ones(2, NUMPY[kind])
    arrays = [np.append(good, value(kind, x)) for x in operands]
    kinds = [kind] * len(operands)
    with pytest.raises(PreconditionError, match=op.name) as error:
        apply(op, target, arrays, kinds)
    assert str(arrays[-1][-1]) in str(error.value)
    result = apply(op, target, arrays, kinds, np.array([True, True, False]))
    assert bits(result[:2]) == bits(apply(op, target, [a[:2] for a in arrays], kinds))


def test_precondition_of_operands_that_broadcast() -> None:
    x, y = np.arange(6, dtype="int32").reshape(2, 3), np.array([[0], [1]], "int32")
    with pytest.raises(PreconditionError, match=r"\(0, 0\)"):
        apply(Op.IDIV, dtypes.int32, [x, y], [dtypes.int32] * 2)
    active = np.array([[False], [True]])
    result = apply(Op.IDIV, dtypes.int32, [x, y], [dtypes.int32] * 2, active)
    assert result[1].tolist() == [3, 4, 5]


def test_every_elementwise_operation_has_a_meaning() -> None:
    assert set(MEANING) == ELEMENTWISE
    with pytest.raises(ValueError, match="not an elementwise"):
        apply(Op.LOAD, dtypes.int32, [], [])


@pytest.mark.parametrize("op", [Op.SUB, Op.NEG])
def test_bool_has_no_subtraction(op: Operation) -> None:
    arity = op.arity
    assert arity is not None
    with pytest.raises(TypeError):
        apply(op, dtypes.bool_, [np.array(True)] * arity, [dtypes.bool_] * arity)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_moving_keeps_every_bit_of_a_nan(dtype: DType) -> None:
    signaling, negative = dtype.infinity | 1, dtype.sign_bit | dtype.canonical_nan | 3
    x = np.array([signaling, negative], NUMPY[dtype.unsigned]).view(NUMPY[dtype])
    flipped = [signaling | dtype.sign_bit, negative ^ dtype.sign_bit]
    assert bits(apply(Op.NEG, dtype, [x], [dtype])) == flipped
    assert bits(apply(Op.ABS, dtype, [x], [dtype])) == [signaling, negative ^ dtype.sign_bit]
    assert bits(apply(Op.OPAQUE, dtype, [x], [dtype])) == [signaling, negative]
    word = apply(Op.BITCAST, dtype.signed, [x], [dtype])
    assert bits(word) == bits(apply(Op.BITCAST, dtype, [word], [dtype.signed]))
    kinds = [dtypes.bool_, dtype, dtype]
    chosen = apply(Op.WHERE, dtype, [np.array([True, False]), x, x[::-1]], kinds)
    assert bits(chosen) == [signaling, signaling]
    assert bits(apply(Op.CANON, dtype, [x], [dtype])) == [dtype.canonical_nan] * 2


def test_bool_is_a_byte() -> None:
    flags = np.array([True, False])
    byte = apply(Op.BITCAST, dtypes.uint8, [flags], [dtypes.bool_])
    assert byte.tolist() == [1, 0]
    assert apply(Op.BITCAST, dtypes.bool_, [byte], [dtypes.uint8]).tolist() == [True, False]


EXACT: dict[Operation, Callable[[Fraction, Fraction], Fraction]] = {
    Op.ADD: lambda x, y: x + y,
    Op.SUB: lambda x, y: x - y,
    Op.MUL: lambda x, y: x * y,
    Op.DIV: lambda x, y: x / y,
}


@pytest.mark.parametrize("op", EXACT, ids=str)
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_arithmetic_rounds_once(op: Operation, dtype: DType) -> None:
    rng = random.Random(f"{op}{dtype}")
    finite = [rng.randrange(dtype.infinity) | rng.choice([0, dtype.sign_bit]) for _ in range(800)]
    near = [b ^ rng.randrange(1 << dtype.mantissa_bits) for b in finite[::2]]  # of like exponent
    pairs = [*zip(finite[::2], finite[1::2]), *zip(finite[::2], near)]
    x, y = (np.array(part, NUMPY[dtype.unsigned]).view(NUMPY[dtype]) for part in zip(*pairs))
    result = bits(apply(op, dtype, [x, y], [dtype, dtype]))
    for (a, b), actual in zip(pairs, result):
        left, right = Fraction(float(dtype.decode(a))), Fraction(float(dtype.decode(b)))
        if op is Op.DIV and not right:
            continue
        exact = EXACT[op](left, right)
        wanted = exact_bits(exact, dtype)
        assert (actual & ~dtype.sign_bit if not exact else actual) == wanted


def test_float16_sqrt_rounds_once() -> None:
    """All operands: x lies between the squares of the midpoints around the result, exactly."""
    x = np.arange(1, dtypes.float16.infinity, dtype="uint16").view("float16")
    root = apply(Op.SQRT, dtypes.float16, [x], [dtypes.float16])
    below, above = (np.nextafter(root, np.float16(to)).astype("float64") for to in (0, INF))
    middle, exact = root.astype("float64"), x.astype("float64")
    assert (((below + middle) / 2) ** 2 <= exact).all()
    assert (((above + middle) / 2) ** 2 >= exact).all()


@pytest.mark.parametrize("op", [Op.CAST, Op.CONVERT], ids=str)
@pytest.mark.parametrize("to", FLOATS, ids=str)
@pytest.mark.parametrize("of", [dtypes.int64, dtypes.uint64, dtypes.int32], ids=str)
def test_integers_round_once_to_floats(of: DType, to: DType, op: Operation) -> None:
    """Ties, and neighbours of ties that a detour through float64 would take for ties."""
    rng = random.Random(f"{of}{to}")
    numbers = [of.min, of.max, 0]
    for _ in range(300):
        top = rng.randrange(to.precision + 1, of.bits - 1) if of.bits > to.precision + 2 else 20
        shift = max(0, top - to.precision)
        tie = (rng.getrandbits(to.precision) | 1 << (to.precision - 1)) * 2 + 1 << shift >> 1
        numbers += [min(of.max, max(0, tie + d)) for d in (-1, 0, 1)]
    if of.is_signed:
        numbers += [-n for n in numbers[3:]]
    x = np.array(numbers, NUMPY[of])
    wanted = [exact_bits(Fraction(n), to) for n in numbers]
    assert bits(apply(op, to, [x], [of])) == wanted


def test_float64_rounds_once_to_float16() -> None:
    half = np.arange(0, dtypes.float16.infinity, 37, dtype="uint16").view("float16")
    low, high = half.astype("float64"), np.nextafter(half, np.float16(INF)).astype("float64")
    ties = ((low + high) / 2)[np.isfinite(high)]
    x = np.concatenate([ties, np.nextafter(ties, 0), np.nextafter(ties, INF), [65520.0, 65519.999]])
    wanted = [exact_bits(Fraction(float(v)), dtypes.float16) for v in x]
    assert bits(apply(Op.CAST, dtypes.float16, [x], [dtypes.float64])) == wanted


def test_comparisons_yield_bool() -> None:
    for op in TESTS:
        x = np.zeros((), "float16")
        assert apply(op, dtypes.bool_, [x, x], [dtypes.float16] * 2).dtype == np.bool_
    with pytest.raises(TypeError, match="yields"):
        apply(Op.ADD, dtypes.int32, [np.zeros(1, "int64")] * 2, [dtypes.int32] * 2)
