"""What every elementwise operation means: one row of `MEANING` each, in numpy.

Invariants:
- Values are arrays of any shape in the numpy dtype that `NUMPY` gives: bool is `bool`, index is
  `int64`. Operands broadcast; those of one operation have one dtype, except the condition of WHERE.
- Operations on bits (NEG, ABS, WHERE, BITCAST …) never pass a float through arithmetic, so that a
  NaN keeps its sign and payload.
- Operations on numbers round once. A NaN that they compute is whatever the host makes of it; the
  tensor level wants the canonical one and calls `canonical`, kernels have CANON instructions.
- Floats narrower than float32 are computed in float32, which holds them exactly, and `rounded`.
- Functions of floats evaluate the decomposition that devices run, never the host's library.
- Operations of group MACHINE raise `PreconditionError` outside the domain that devices agree on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache, partial
from typing import Final

import numpy as np

from engine import dtypes
from engine.arrays import NUMPY
from engine.decompose.functions import FUNCTIONS, narrow_function, working_dtype
from engine.dtypes import NARROW_FLOATS, DType
from engine.interpret.preconditions import PRECONDITIONS, Array, checked, count_out_of_range
from engine.interpret.rounding import canonical, constant, rounded
from engine.ops import OPERATIONS, Group, Op, Operation


def apply(
    op: Operation,
    dtype: DType,
    operands: Sequence[Array],
    operand_dtypes: Sequence[DType],
    active: Array | None = None,
) -> Array:
    """The result of an elementwise operation, in scalar `dtype`, element by element.

    `active` (bool, broadcast with the operands) says for which elements preconditions must hold;
    None: for all. The other elements of the result are arbitrary.

    Raises PreconditionError, ValueError for an operation that is not elementwise, and TypeError
    where the operation does not exist on these dtypes.
    """
    with QUIET():
        return applied(op, dtype, tuple(operand_dtypes))(operands, active)


QUIET: Final = partial(np.errstate, all="ignore")
"""Overflow, NaN and the like are results here, and no news."""

Applied = Callable[[Sequence[Array], Array | None], Array]


@cache
def applied(op: Operation, dtype: DType, operand_dtypes: tuple[DType, ...]) -> Applied:
    """`apply` for dtypes that are known: a function of operands and `active`.

    To be called within QUIET, which takes longer to enter than most operations take.
    """
    if op not in MEANING:
        raise ValueError(f"{op} is not an elementwise operation")
    meaning, wanted, of = MEANING[op], NUMPY[dtype], operand_dtypes[-1].scalar
    restricted = op in PRECONDITIONS
    makes_nan = op in (Op.MAXIMUM, Op.MINIMUM)  # these make their NaNs themselves, on every level
    if of in NARROW_FLOATS and op.group in (Group.COMPUTE, Group.TEST) and op is not Op.CANON:
        meaning = _in_single(meaning)

    def result_of(operands: Sequence[Array], active: Array | None) -> Array:
        if restricted:
            operands = checked(op, dtype, of, operands, active)
        result = np.asarray(meaning(dtype, of, *operands))
        if makes_nan:
            result = canonical(dtype, result)
        if result.dtype is not wanted and result.dtype != wanted:
            raise TypeError(f"{op} of {operand_dtypes} yields {result.dtype}, not {dtype}")
        return result

    return result_of


def number(dtype: DType, value: dtypes.Scalar) -> Array:
    """An array of shape () with the value of `dtype` that is nearest to `value`."""
    return constant(dtype, int(value) if dtype is dtypes.index else dtype.encode(value))


# -- floats narrower than float32 ------------------------------------------------------------------
def _in_single(meaning: Callable[..., Array]) -> Callable[..., Array]:
    """The meaning of an operation on narrow floats: that on float32, rounded to the result."""

    def evaluated(to: DType, of: DType, *operands: Array) -> Array:
        result = meaning(to, of, *(x.astype("float32") for x in operands))
        return rounded(to, result) if result.dtype.kind == "f" and to in NARROW_FLOATS else result

    return evaluated


# -- on numbers: (result dtype, operand dtype, operands) -------------------------------------------
def add(to: DType, of: DType, x: Array, y: Array) -> Array:
    """Integers wrap; on bool it is `or`."""
    return np.add(x, y)


def sub(to: DType, of: DType, x: Array, y: Array) -> Array:
    return np.subtract(x, y)


def mul(to: DType, of: DType, x: Array, y: Array) -> Array:
    return np.multiply(x, y)


def div(to: DType, of: DType, x: Array, y: Array) -> Array:
    assert of.is_float, "DIV is for floats; integers have FLOORDIV and IDIV"
    return np.divide(x, y)


def _safe_divisor(of: DType, y: Array) -> Array:
    """1 in place of the divisors that numpy must not see: 0, and -1 because of MIN // -1."""
    special = (y == 0) | (y == -1) if of.is_signed else y == 0
    return np.where(special, y.dtype.type(1), y)


def floordiv(to: DType, of: DType, x: Array, y: Array) -> Array:
    """Rounds down; x // 0 = 0 and MIN // -1 = MIN, the negation that wraps."""
    if of.is_float:
        return _floor_of_quotient(of, x, y)
    quotient = np.floor_divide(x, _safe_divisor(of, y))
    if of.is_signed:
        quotient = np.where(y == -1, np.negative(x), quotient)
    return np.where(y == 0, quotient.dtype.type(0), quotient)


def _floor_of_quotient(of: DType, x: Array, y: Array) -> Array:
    """The exact floor; where the quotient is 2**precision or more in size, or y = 0, x / y.

    The floor of the rounded quotient is right unless rounding reached an integer, zero among them,
    and left a remainder. Then exact rationals decide.
    """
    x, y = np.broadcast_arrays(x, y)
    quotient = np.divide(x, y)
    small = np.abs(quotient) < 2.0**of.precision
    result: Array = np.where(small, np.floor(quotient), quotient)
    in_doubt = (quotient == result) & (np.abs(quotient) <= 2.0**of.precision)
    in_doubt = np.asarray(in_doubt & (x != 0) & np.isfinite(y))  # of scalars it is no array yet
    in_doubt[in_doubt] = np.fmod(x[in_doubt], y[in_doubt]) != 0
    for place in map(tuple, np.argwhere(in_doubt)):
        exact = Fraction(float(x[place])) / Fraction(float(y[place]))
        if abs(exact) < 1 << of.precision:
            result[place] = math.floor(exact)
    negative = (x < 0) != (y < 0)
    result = np.where(np.isinf(y) & np.isfinite(x) & (x != 0) & negative, x.dtype.type(-1), result)
    return np.where(np.isinf(x) & (y != 0), x.dtype.type(np.nan), result)


def floormod(to: DType, of: DType, x: Array, y: Array) -> Array:
    """The sign of y; x % 0 = 0 and MIN % -1 = 0: a remainder by 1 is 0 already.

    Floats as in Python: the exact remainder of x's sign, plus y where the signs differ.
    """
    if not of.is_float:
        return np.remainder(x, _safe_divisor(of, y))
    rest = np.fmod(x, y)
    moved = np.where((rest < 0) != (y < 0), rest + y, rest)
    return np.where(rest == 0, np.copysign(x.dtype.type(0), y), moved)


def fmod(to: DType, of: DType, x: Array, y: Array) -> Array:
    """The sign of x; floats exact; integers: x fmod 0 = 0, MIN fmod -1 = 0."""
    return np.fmod(x, y if of.is_float else _safe_divisor(of, y))


def trunc(to: DType, of: DType, x: Array) -> Array:
    return np.trunc(x)


def floor(to: DType, of: DType, x: Array) -> Array:
    return np.floor(x)


def ceil(to: DType, of: DType, x: Array) -> Array:
    return np.ceil(x)


def round_half_even(to: DType, of: DType, x: Array) -> Array:
    return np.rint(x)


def maximum(to: DType, of: DType, x: Array, y: Array) -> Array:
    """IEEE 754-2019, 9.6 maximum: a NaN wins, +0 > -0."""
    if not of.is_float:
        return np.maximum(x, y)
    return np.where(np.isnan(x) | (x > y) | ((x == y) & np.signbit(y)), x, y)


def minimum(to: DType, of: DType, x: Array, y: Array) -> Array:
    """IEEE 754-2019, 9.6 minimum: a NaN wins, -0 < +0."""
    if not of.is_float:
        return np.minimum(x, y)
    return np.where(np.isnan(x) | (x < y) | ((x == y) & np.signbit(x)), x, y)


def sqrt(to: DType, of: DType, x: Array) -> Array:
    return np.sqrt(x)


def cast(to: DType, of: DType, x: Array) -> Array:
    """One rounding to floats; float to integer truncates, saturates, NaN -> 0; bool is x != 0."""
    if to.kind == "bool":
        return np.not_equal(x, 0)
    if of.is_float and not to.is_float:
        return _saturated(to, x)
    return rounded(to, x) if to in NARROW_FLOATS else x.astype(NUMPY[to])


def _saturated(to: DType, x: Array) -> Array:
    """Every float is exact in float64, and so are MIN and MAX + 1 of every integer."""
    whole = np.trunc(x.astype("float64"))
    below, above = whole < float(to.min), whole >= float(to.max + 1)
    fits = np.where(below | above | np.isnan(whole), 0.0, whole).astype(NUMPY[to])
    return np.where(below, fits.dtype.type(to.min), np.where(above, fits.dtype.type(to.max), fits))


def canon(to: DType, of: DType, x: Array) -> Array:
    return canonical(of, x)


# -- on bits ---------------------------------------------------------------------------------------
def neg(to: DType, of: DType, x: Array) -> Array:
    """Floats flip the sign bit, also of NaN and zero; integers wrap."""
    if not of.is_float:
        return np.negative(x)
    bits = x.view(NUMPY[of.unsigned])
    return _with_sign(of, bits, bits ^ bits.dtype.type(of.sign_bit)).view(x.dtype)


def absolute(to: DType, of: DType, x: Array) -> Array:
    """Floats clear the sign bit; abs(MIN) = MIN."""
    if not of.is_float:
        return np.absolute(x)
    bits = x.view(NUMPY[of.unsigned])
    return _with_sign(of, bits, bits & bits.dtype.type(of.sign_bit - 1)).view(x.dtype)


def _with_sign(of: DType, bits: Array, changed: Array) -> Array:
    """`changed`, but 0 and NaN stay what they are in formats where 0 has no sign."""
    if of.has_negative_zero:
        return np.asarray(changed)
    return np.where(bits & bits.dtype.type(of.sign_bit - 1) == 0, bits, changed)


def bitwise_and(to: DType, of: DType, x: Array, y: Array) -> Array:
    return np.bitwise_and(x, y)


def bitwise_or(to: DType, of: DType, x: Array, y: Array) -> Array:
    return np.bitwise_or(x, y)


def bitwise_xor(to: DType, of: DType, x: Array, y: Array) -> Array:
    return np.bitwise_xor(x, y)


def bitwise_not(to: DType, of: DType, x: Array) -> Array:
    """Of bool it is `not`."""
    return np.invert(x)


def lshift(to: DType, of: DType, x: Array, y: Array) -> Array:
    """Any other count than 0 … width-1 gives 0."""
    outside = count_out_of_range(to, of, x, y)
    zero = x.dtype.type(0)
    return np.where(outside, zero, np.left_shift(x, np.where(outside, zero, y)))


def rshift(to: DType, of: DType, x: Array, y: Array) -> Array:
    """Any other count than 0 … width-1 fills with the sign."""
    outside = count_out_of_range(to, of, x, y)
    fill = np.right_shift(x, x.dtype.type(of.bits - 1)) if of.is_signed else x.dtype.type(0)
    return np.where(outside, fill, np.right_shift(x, np.where(outside, x.dtype.type(0), y)))


def where(to: DType, of: DType, condition: Array, x: Array, y: Array) -> Array:
    return np.where(condition, x, y)


def bitcast(to: DType, of: DType, x: Array) -> Array:
    assert NUMPY[to].itemsize == x.dtype.itemsize, f"{of} has another width than {to}"
    return x.view(NUMPY[to])


def opaque(to: DType, of: DType, x: Array) -> Array:
    return x


# -- tests -----------------------------------------------------------------------------------------
def lt(to: DType, of: DType, x: Array, y: Array) -> Array:
    """False beside a NaN; false < true."""
    return np.less(x, y)


def eq(to: DType, of: DType, x: Array, y: Array) -> Array:
    return np.equal(x, y)


def ne(to: DType, of: DType, x: Array, y: Array) -> Array:
    return np.not_equal(x, y)


# -- what machines have: the operands keep the preconditions ---------------------------------------
def shl(to: DType, of: DType, x: Array, y: Array) -> Array:
    return np.left_shift(x, y)


def shr(to: DType, of: DType, x: Array, y: Array) -> Array:
    """Arithmetic on signed, logical on unsigned integers."""
    return np.right_shift(x, y)


def idiv(to: DType, of: DType, x: Array, y: Array) -> Array:
    """Toward zero: without its remainder, x is an exact multiple of y."""
    return np.floor_divide(np.subtract(x, np.fmod(x, y)), y)


def irem(to: DType, of: DType, x: Array, y: Array) -> Array:
    """The sign of x."""
    return np.fmod(x, y)


MEANING: dict[Operation, Callable[..., Array]] = {
    Op.ADD: add, Op.SUB: sub, Op.MUL: mul, Op.DIV: div,
    Op.FLOORDIV: floordiv, Op.FLOORMOD: floormod, Op.FMOD: fmod,
    Op.TRUNC: trunc, Op.FLOOR: floor, Op.CEIL: ceil, Op.ROUND: round_half_even,
    Op.MAXIMUM: maximum, Op.MINIMUM: minimum,
    Op.SQRT: sqrt, Op.CAST: cast, Op.CANON: canon,
    Op.NEG: neg, Op.ABS: absolute,
    Op.AND: bitwise_and, Op.OR: bitwise_or, Op.XOR: bitwise_xor, Op.NOT: bitwise_not,
    Op.LSHIFT: lshift, Op.RSHIFT: rshift,
    Op.WHERE: where, Op.BITCAST: bitcast, Op.OPAQUE: opaque,
    Op.LT: lt, Op.EQ: eq, Op.NE: ne,
    Op.SHL: shl, Op.SHR: shr, Op.IDIV: idiv, Op.IREM: irem,
    Op.CONVERT: cast,  # differs in its precondition only
}  # fmt: skip


# -- functions -------------------------------------------------------------------------------------
class Value:
    """The `Value` that decompositions are written for, over arrays: each operation is evaluated."""

    def __init__(self, dtype: DType, array: Array) -> None:
        self.dtype, self.array = dtype, array

    @property
    def dtype_name(self) -> str:
        return self.dtype.name

    def constant(self, number_: float) -> Value:
        return Value(self.dtype, number(self.dtype, number_))

    def constant_bits(self, bits: int) -> Value:
        return Value(self.dtype, constant(self.dtype, bits))

    def _operand(self, other: Value | float) -> Value:
        return other if isinstance(other, Value) else self.constant(other)

    def _to(self, op: Operation, name: str) -> Value:
        to = dtypes.as_dtype(name)
        return Value(to, apply(op, to, [self.array], [self.dtype]))

    def _with(self, op: Operation, other: Value | float, reverse: bool = False) -> Value:
        x, y = (self._operand(other), self) if reverse else (self, self._operand(other))
        assert x.dtype is y.dtype
        to = dtypes.bool_ if op in (Op.LT, Op.EQ, Op.NE) else self.dtype
        return Value(to, apply(op, to, [x.array, y.array], [x.dtype, y.dtype]))

    def __add__(self, other: Value | float) -> Value:
        return self._with(Op.ADD, other)

    def __radd__(self, other: float) -> Value:
        return self._with(Op.ADD, other, reverse=True)

    def __sub__(self, other: Value | float) -> Value:
        return self._with(Op.SUB, other)

    def __rsub__(self, other: float) -> Value:
        return self._with(Op.SUB, other, reverse=True)

    def __mul__(self, other: Value | float) -> Value:
        return self._with(Op.MUL, other)

    def __rmul__(self, other: float) -> Value:
        return self._with(Op.MUL, other, reverse=True)

    def __truediv__(self, other: Value | float) -> Value:
        return self._with(Op.DIV, other)

    def __rtruediv__(self, other: float) -> Value:
        return self._with(Op.DIV, other, reverse=True)

    def __and__(self, other: Value | int) -> Value:
        return self._with(Op.AND, other)

    def __or__(self, other: Value | int) -> Value:
        return self._with(Op.OR, other)

    def __xor__(self, other: Value | int) -> Value:
        return self._with(Op.XOR, other)

    def __lshift__(self, count: Value | int) -> Value:
        return self._with(Op.SHL, count)

    def __rshift__(self, count: Value | int) -> Value:
        return self._with(Op.SHR, count)

    def lt(self, other: Value | float) -> Value:
        return self._with(Op.LT, other)

    def eq(self, other: Value | float) -> Value:
        return self._with(Op.EQ, other)

    def ne(self, other: Value | float) -> Value:
        return self._with(Op.NE, other)

    def where(self, if_true: Value | float, if_false: Value | float) -> Value:
        like = if_true if isinstance(if_true, Value) else if_false
        assert isinstance(like, Value), "at least one of the two is a value"
        x, y = like._operand(if_true), like._operand(if_false)
        operands = [self.array, x.array, y.array]
        return Value(x.dtype, apply(Op.WHERE, x.dtype, operands, [self.dtype, x.dtype, y.dtype]))

    def bitcast(self, dtype_name: str) -> Value:
        return self._to(Op.BITCAST, dtype_name)

    def convert(self, dtype_name: str) -> Value:
        return self._to(Op.CONVERT, dtype_name)

    def sqrt(self) -> Value:
        return self._to(Op.SQRT, self.dtype.name)

    def lookup(self, table_bits: tuple[int, ...], dtype_name: str) -> Value:
        dtype = dtypes.as_dtype(dtype_name)
        table = np.array(table_bits, NUMPY[dtype.unsigned]).view(NUMPY[dtype])
        return Value(dtype, table[self.array])

    def horner(self, coefficients: tuple[float, ...]) -> Value:
        total = self.constant(coefficients[0])
        for coefficient in coefficients[1:]:
            total = total * self + coefficient
        return total

    def opaque(self) -> Value:
        return self


def _function(name: str, to: DType, of: DType, *operands: Array) -> Array:
    """The decomposition of a function; of narrow floats in a wider one, not rounded yet."""
    narrow = of in NARROW_FLOATS
    special = narrow_function(name, of) if narrow else None
    wide = working_dtype(name, of) if narrow else of
    values = (Value(wide, x.astype(NUMPY[wide], copy=False)) for x in operands)
    result: Value = (special or FUNCTIONS[name])(*values)
    return result.array


def power(to: DType, of: DType, x: Array, y: Array) -> Array:
    """Integers: modulo 2**bits; a negative exponent gives the integer part of the reciprocal."""
    if of.is_float:
        return _function("pow", to, of, x, y)
    negative = y < 0
    product = np.power(x, np.where(negative, x.dtype.type(0), y))
    sign = np.where(y % 2 == 0, x.dtype.type(1), x)
    reciprocal = np.where(np.abs(x) == 1, np.where(x == 1, x, sign), x.dtype.type(0))
    return np.where(negative, reciprocal, product)


MEANING.update({OPERATIONS[name.upper()]: partial(_function, name) for name in FUNCTIONS})
MEANING[Op.POW] = power
