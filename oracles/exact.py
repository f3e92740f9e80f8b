"""Exact arithmetic: one correctly rounded result at a time, from rational numbers.

The slow and obvious oracle.  `exact_fast` judges whole arrays and comes here in doubt.
Signs and special values follow IEEE 754-2019, sections 6 and 7.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import isqrt
from typing import Any

from oracles.formats import FORMATS, Exact, Format, floor_log2


@dataclass(frozen=True)
class Value:
    """An exact operand: its value, and the sign bit that a zero or an infinity carries."""

    exact: Exact
    negative: bool

    @property
    def is_nan(self) -> bool:
        """True for NaN."""
        return self.exact == "nan"

    @property
    def is_inf(self) -> bool:
        """True for either infinity."""
        return self.exact in ("inf", "-inf")

    @property
    def is_zero(self) -> bool:
        """True for either zero."""
        return self.exact == 0

    @property
    def fraction(self) -> Fraction:
        """The value of a finite operand."""
        if isinstance(self.exact, str):
            raise ValueError(f"{self.exact} is not finite")
        return self.exact


NAN = Value("nan", False)


def value_of(dtype: str, bits: int) -> Value:
    """The operand that `bits` of `dtype` stand for."""
    row = FORMATS[dtype]
    return Value(row.decode(bits), row.is_negative(bits))


def infinity(negative: bool) -> Value:
    """A signed infinity."""
    return Value("-inf" if negative else "inf", negative)


def finite(value: Fraction, negative_zero: bool = False) -> Value:
    """A finite value; an exact zero takes the sign asked for."""
    return Value(value, value < 0 or (value == 0 and negative_zero))


def round_value(value: Value, dtype: str) -> int:
    """The bits of `value` rounded once to a float `dtype`; NaN is canonical."""
    row = FORMATS[dtype]
    if value.is_nan:
        assert row.canonical_nan is not None
        return row.canonical_nan
    if value.is_inf:
        return row.overflow | (row.sign_bit if value.negative else 0)
    return row.round(value.fraction, value.negative)


def add(x: Value, y: Value) -> Value:
    """x + y: inf - inf is NaN; a sum of zeros is -0 only when both are; x - x is +0."""
    if x.is_nan or y.is_nan:
        return NAN
    if x.is_inf and y.is_inf:
        return x if x.negative == y.negative else NAN
    if x.is_inf or y.is_inf:
        return x if x.is_inf else y
    both_negative = x.is_zero and y.is_zero and x.negative and y.negative
    return finite(x.fraction + y.fraction, both_negative)


def negate(x: Value) -> Value:
    """-x, the sign of zeros and infinities flipped."""
    if x.is_nan:
        return x
    if x.is_inf:
        return infinity(not x.negative)
    return finite(-x.fraction, not x.negative)


def sub(x: Value, y: Value) -> Value:
    """x - y as x + (-y)."""
    return add(x, negate(y))


def mul(x: Value, y: Value) -> Value:
    """x * y: 0 * inf is NaN; the sign is the exclusive or of the signs."""
    if x.is_nan or y.is_nan:
        return NAN
    negative = x.negative != y.negative
    if x.is_inf or y.is_inf:
        return NAN if x.is_zero or y.is_zero else infinity(negative)
    return finite(x.fraction * y.fraction, negative)


def div(x: Value, y: Value) -> Value:
    """x / y: 0/0 and inf/inf are NaN, x/0 is a signed infinity."""
    if x.is_nan or y.is_nan:
        return NAN
    negative = x.negative != y.negative
    if x.is_inf:
        return NAN if y.is_inf else infinity(negative)
    if y.is_zero:
        return NAN if x.is_zero else infinity(negative)
    if y.is_inf:
        return finite(Fraction(0), negative)
    return finite(x.fraction / y.fraction, negative)


def fma(x: Value, y: Value, z: Value) -> Value:
    """x * y + z with one rounding, left to the caller; an exact product of zero has a sign."""
    return add(mul(x, y), z)


def sqrt_bits(x: Value, dtype: str) -> int:
    """The correctly rounded square root; sqrt(-0) is -0, sqrt(x < 0) is NaN.

    The root is computed as an integer with at least two bits more than the format has; a
    nonzero remainder is kept as one more bit, so that the last rounding sees which side of a
    tie the root lies on.
    """
    if x.is_nan or (x.negative and not x.is_zero):
        return round_value(NAN, dtype)
    if x.is_zero or x.is_inf:
        return round_value(x, dtype)
    return FORMATS[dtype].round(sqrt_with_sticky(x.fraction, FORMATS[dtype].precision + 3))


def sqrt_with_sticky(value: Fraction, precision: int) -> Fraction:
    """A number that rounds like the root of `value` to any format of < `precision` bits.

    It lies strictly between the same two multiples of 2**-precision (relative) as the root,
    or is the root.
    """
    shift = 2 * precision + 2 - floor_log2(value)
    shift += shift % 2
    scaled = value * Fraction(2) ** shift
    whole = scaled.numerator // scaled.denominator
    root = isqrt(whole)
    exact = root * root == scaled
    half_power = Fraction(2) ** (-shift // 2)
    return (Fraction(root) if exact else Fraction(2 * root + 1, 2)) * half_power


BINARY: dict[str, Callable[[Value, Value], Value]] = {
    "add": add,
    "sub": sub,
    "mul": mul,
    "div": div,
}


def binary_bits(name: str, dtype: str, x: int, y: int) -> int:
    """Bits of `name` applied to two operands of a float `dtype`, rounded once."""
    return round_value(BINARY[name](value_of(dtype, x), value_of(dtype, y)), dtype)


def fma_bits(dtype: str, x: int, y: int, z: int) -> int:
    """Bits of the fused multiply-add of three operands of `dtype`."""
    operands = [value_of(dtype, bits) for bits in (x, y, z)]
    return round_value(fma(*operands), dtype)


def cast_bits(source: str, target: str, bits: int) -> int:
    """Bits of a cast by the contract."""
    if source == target:
        return bits
    value, row = value_of(source, bits), FORMATS[target]
    if row.is_float:
        return round_value(value, target)
    if row.kind == "bool":
        return int(not value.is_zero)
    if FORMATS[source].is_float:
        return _saturate(value, row) & ((1 << row.bits) - 1)
    return int(value.fraction) & ((1 << row.bits) - 1)


def _saturate(value: Value, row: Format) -> int:
    if value.is_nan:
        return 0
    if value.is_inf:
        return row.minimum if value.negative else row.maximum
    truncated = int(value.fraction)  # toward zero
    return min(max(truncated, row.minimum), row.maximum)


@lru_cache(maxsize=1 << 17)  # two operands of 8 bits have half as many pairs
def scalar_bits(name: str, dtype: str, operands: tuple[int, ...], target: str) -> int:
    """Bits of a `rounded` row for one element; operands are bits of `dtype`.

    `target` is the result dtype: that of a cast, else `dtype`.
    """
    if name == "cast":
        return cast_bits(dtype, target, operands[0])
    if name == "sqrt":
        return sqrt_bits(value_of(dtype, operands[0]), dtype)
    return binary_bits(name, dtype, operands[0], operands[1])


def decimal(value: Exact) -> str:
    """A value in about 30 significant digits; small integers and the words as they are."""
    if isinstance(value, str):
        return value
    if value.denominator == 1 and abs(value) < 10**30:
        return str(value)
    import mpmath

    context: Any = mpmath.MPContext()
    context.prec = 200
    return str(context.nstr(context.mpf(value.numerator) / value.denominator, 30))


def exact_text(name: str, dtype: str, operands: tuple[int, ...]) -> str:
    """The exact result in words, for a certificate."""
    values = [value_of(dtype, bits) for bits in operands]
    if name == "cast":
        return decimal(values[0].exact)
    if name == "sqrt":
        return f"sqrt({decimal(values[0].exact)})"
    return decimal(BINARY[name](values[0], values[1]).exact)
