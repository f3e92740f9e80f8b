"""Correct rounding of whole arrays, proved rather than trusted.

A candidate result is proved by comparing the exact value with the two midpoints around it:

    lower midpoint <= |exact| <= upper midpoint, equality only for an even candidate

and by its sign.  Every comparison is exact:

* up to float32: operands and midpoints (at most 25 bits) are float64 numbers, and so are the
  products that are compared (at most 50 bits, exponents far inside the range).  For a sum,
  TwoSum gives the rounding error exactly (Knuth, TAOCP 2, 4.2.2, theorem B).
* float64: significands as integers, products and shifts in 128 bits (`wide`).

Zero, infinite and NaN results of special operands come from a table of masks.  What is not
proved, if numpy were wrong, is computed by `exact` from rational numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from oracles import exact, wide
from oracles.formats import FORMATS, Array, Format
from oracles.numpy_ref import FUNCTIONS
from oracles.numpy_ref.support import convert, widened
from oracles.wide import Wide

CHUNK = 1 << 15


class Rounded(NamedTuple):
    """Correctly rounded results, and the flat positions where numpy had given other bits."""

    values: Array
    conflicts: Array


def correctly_rounded(name: str, operands: Sequence[Array], target: str) -> Rounded:
    """The results of a `rounded` row for operands of one dtype and one shape.

    `name` is sub or that of a row of `_OPERATORS`: floats, but cast is of anything to anything.
    """
    row = FORMATS[target]
    shape = operands[0].shape
    flat = [np.ascontiguousarray(operand).reshape(-1) for operand in operands]
    result = np.empty(flat[0].shape, dtype=row.numpy_dtype)
    unproved = [np.empty(0, dtype=np.int64)]
    for begin in range(0, result.size, CHUNK):
        part = [operand[begin : begin + CHUNK] for operand in flat]
        candidate = _candidate(name, part, target)
        result[begin : begin + CHUNK] = candidate
        missing = np.flatnonzero(~prove(name, part, candidate))
        if missing.size:
            unproved.append(missing + begin)
    doubtful = np.concatenate(unproved)
    conflicts = _settle(name, flat, result, doubtful, target)
    return Rounded(result.reshape(shape), conflicts)


def _candidate(name: str, operands: Sequence[Array], target: str) -> Array:
    if name == "cast":
        return convert(operands[0], target)
    result: Array = FUNCTIONS[name](*operands)
    return result


def _settle(
    name: str, operands: Sequence[Array], result: Array, doubtful: Array, target: str
) -> Array:
    """Replace the doubtful results in place; return the positions whose bits changed."""
    row, source = FORMATS[target], FORMATS[operands[0].dtype.name]
    bits = row.to_bits(result)
    sources = [source.to_bits(operand) for operand in operands]
    changed = []
    for position in doubtful.tolist():
        inputs = tuple(int(one[position]) for one in sources)
        right = exact.scalar_bits(name, source.name, inputs, target)
        if right != int(bits[position]):
            changed.append(position)
            result[position] = row.from_bits(np.array([right], dtype=row.unsigned))[0]
    return np.array(changed, dtype=np.int64)


def prove(name: str, operands: Sequence[Array], candidate: Array) -> Array:
    """Where `candidate` is certainly the correctly rounded result (flat arrays).

    ValueError for a row that has no proof here.
    """
    target = FORMATS[candidate.dtype.name]
    source = FORMATS[operands[0].dtype.name]
    if name == "cast" and (source.name == target.name or not target.is_float):
        return _prove_to_integer(operands[0], candidate)
    if name == "sub":
        bits = source.to_bits(operands[1])
        flipped = source.from_bits(source.with_sign(bits, ~bits))
        return prove("add", (operands[0], flipped), candidate)
    operator = _OPERATORS.get(name)
    if operator is None:
        known = ", ".join(("sub", *_OPERATORS))
        raise ValueError(f"no proof of rounding for {name!r}, only for {known}")
    with np.errstate(all="ignore"):
        ordinary = _prove_ordinary(operator, operands, candidate, source, target)
        return _overrule_specials(operator.specials(operands), candidate, ordinary)


def _prove_ordinary(
    operator: Operator,
    operands: Sequence[Array],
    candidate: Array,
    source: Format,
    target: Format,
) -> Array:
    bits = target.to_bits(candidate)
    magnitude = bits & target.unsigned.type(target.sign_bit - 1)
    negative = bits >= target.unsigned.type(target.sign_bit)
    same_sign = (negative == operator.sign(operands)) & ~target.is_nan(bits)
    if not target.minus_zero:
        same_sign |= bits == 0
    if target.bits <= 32 and source.name not in ("int64", "uint64"):
        low, high = _midpoints_float64(magnitude, target)
        even = (magnitude & magnitude.dtype.type(1)) == 0
        return np.asarray(same_sign & operator.between(operands, low, high, even))
    return np.asarray(same_sign & _between_wide(operator.sides, operands, magnitude, target))


# --- signs: what a result other than an exact zero must have ---------------------------------


def _no_sign(operands: Sequence[Array]) -> Array:
    return np.zeros(operands[0].shape, dtype=bool)


def _sign_of_first(operands: Sequence[Array]) -> Array:
    return _negative(operands[0])


def _sign_of_larger(operands: Sequence[Array]) -> Array:
    x, y = operands
    return np.where(np.abs(x) >= np.abs(y), _negative(x), _negative(y))


def _signs_multiplied(operands: Sequence[Array]) -> Array:
    return np.asarray(_negative(operands[0]) ^ _negative(operands[1]))


def _negative(x: Array) -> Array:
    return np.asarray(np.signbit(x) if FORMATS[x.dtype.name].is_float else x < 0)


# --- up to float32: comparisons in float64 --------------------------------------------------


def _inside(value: Array, low: Array, high: Array, even: Array) -> Array:
    inside = (value > low) & (value < high)
    return np.asarray(inside | (even & ((value == low) | (value == high))))


def _size(operand: Array) -> Array:
    return np.asarray(np.abs(operand.astype(np.float64)))


def _value_between(operands: Sequence[Array], low: Array, high: Array, even: Array) -> Array:
    return _inside(_size(operands[0]), low, high, even)


def _product_between(operands: Sequence[Array], low: Array, high: Array, even: Array) -> Array:
    return _inside(_size(operands[0]) * _size(operands[1]), low, high, even)


def _quotient_between(operands: Sequence[Array], low: Array, high: Array, even: Array) -> Array:
    """x / y against a midpoint is x against midpoint * y."""
    divisor = _size(operands[1])
    return _inside(_size(operands[0]), low * divisor, high * divisor, even)


def _root_between(operands: Sequence[Array], low: Array, high: Array, even: Array) -> Array:
    """sqrt(x) against a midpoint is x against its square."""
    return _inside(_size(operands[0]), np.copysign(low * low, low), high * high, even)


def _midpoints_float64(magnitude: Array, target: Format) -> tuple[Array, Array]:
    """Half way to the neighbours; below 0 lies -1, above what overflows lies infinity."""
    one = magnitude.dtype.type(1)
    overflow = magnitude.dtype.type(target.overflow)
    beyond = np.float64(2.0) ** (target.emax + 1)

    def read(bits: Array) -> Array:
        value = target.from_bits(bits).astype(np.float64)
        return np.where(np.isinf(value), beyond, value)

    here = read(magnitude)
    low = np.where(magnitude == 0, -1.0, (here + read(magnitude - one)) / 2)
    high = np.where(magnitude >= overflow, np.inf, (here + read(magnitude + one)) / 2)
    return np.asarray(low), np.asarray(high)


def _sum_between(operands: Sequence[Array], low: Array, high: Array, even: Array) -> Array:
    """|x + y| = total + error exactly, with |error| at most half a spacing of total.

    A midpoint is a float64 number, so total decides unless it equals the midpoint.
    """
    x, y = (operand.astype(np.float64) for operand in operands)
    total = x + y
    virtual = total - x
    error = (x - (total - virtual)) + (y - virtual)
    flip = np.signbit(total)
    size = np.abs(total)
    error = np.where(flip, -error, error)
    above = (size > low) | ((size == low) & ((error > 0) | ((error == 0) & even)))
    below = (size < high) | ((size == high) & ((error < 0) | ((error == 0) & even)))
    return np.asarray(above & below)


# --- float64 and 64-bit integers: comparisons in 128 bits ----------------------------------


class Scaled(NamedTuple):
    """significand * 2**exponent, elementwise."""

    significand: Wide
    exponent: Array


def _decompose(x: Array) -> tuple[Array, Array]:
    """|x| as integer significand (uint64) and exponent (int64); infinity is 2**(emax+1)."""
    row = FORMATS[x.dtype.name]
    if not row.is_float:
        with np.errstate(all="ignore"):
            size = np.where(x < 0, np.uint64(0) - x.astype(np.uint64), x.astype(np.uint64))
        return np.asarray(size), np.zeros(x.shape, dtype=np.int64)
    magnitude = row.to_bits(x).astype(np.uint64) & np.uint64(row.sign_bit - 1)
    return _decompose_bits(magnitude, row)


def _decompose_bits(magnitude: Array, row: Format) -> tuple[Array, Array]:
    field = (magnitude >> np.uint64(row.mantissa_bits)).astype(np.int64)
    hidden = np.uint64(1 << row.mantissa_bits)
    fraction = magnitude & (hidden - np.uint64(1))
    significand = np.where(field > 0, fraction | hidden, fraction)
    return significand, np.maximum(field, 1) - 1 + (row.emin - row.mantissa_bits)


def _midpoints_wide(magnitude: Array, row: Format) -> tuple[Scaled, Scaled]:
    """Quarters of the spacing: 4s+2 above; below 4s-2, but 4s-1 at a power of two."""
    significand, exponent = _decompose_bits(magnitude.astype(np.uint64), row)
    four = significand << np.uint64(2)
    hidden = np.uint64(1 << row.mantissa_bits)
    normal_power = (significand == hidden) & (exponent > row.emin - row.mantissa_bits)
    step = np.where(normal_power, np.uint64(1), np.uint64(2))
    low = np.where(four == 0, np.uint64(0), four - step)
    quarter = exponent - 2
    high = four + np.uint64(2)
    return Scaled(wide.from_word(low), quarter), Scaled(wide.from_word(high), quarter)


def _compare(x: Scaled, y: Scaled) -> Array:
    """The sign of x - y.  Leading bits decide unless level; then one shift aligns them."""
    top_x = wide.bit_length(x.significand) + x.exponent
    top_y = wide.bit_length(y.significand) + y.exponent
    zero_x = (x.significand.high | x.significand.low) == 0
    zero_y = (y.significand.high | y.significand.low) == 0
    top_x = np.where(zero_x, -(1 << 40), top_x)
    top_y = np.where(zero_y, -(1 << 40), top_y)
    level = (top_x == top_y) & ~zero_x
    gap = np.where(level, x.exponent - y.exponent, 0)
    left = wide.shift_left(x.significand, np.maximum(gap, 0))
    right = wide.shift_left(y.significand, np.maximum(-gap, 0))
    by_top = np.sign(top_x - top_y).astype(np.int8)
    return np.asarray(np.where(level, wide.compare(left, right), by_top))


def _between_wide(
    sides: SidesOf, operands: Sequence[Array], magnitude: Array, target: Format
) -> Array:
    value, low, high = sides(operands, *_midpoints_wide(magnitude, target))
    even = (magnitude & magnitude.dtype.type(1)) == 0
    from_low, from_high = _compare(value, low), _compare(value, high)
    above = (from_low > 0) | ((from_low == 0) & even) | (magnitude == 0)
    below = (from_high < 0) | ((from_high == 0) & even)
    overflow = magnitude.dtype.type(target.overflow)
    below = (below & (magnitude < overflow)) | (magnitude == overflow)  # never a NaN
    return np.asarray(above & below)


Sides = tuple[Scaled, Scaled, Scaled]
SidesOf = Callable[[Sequence[Array], Scaled, Scaled], Sides]


def _cast_sides(operands: Sequence[Array], low: Scaled, high: Scaled) -> Sides:
    significand, exponent = _decompose(operands[0])
    return Scaled(wide.from_word(significand), exponent), low, high


def _mul_sides(operands: Sequence[Array], low: Scaled, high: Scaled) -> Sides:
    (mx, ex), (my, ey) = _decompose(operands[0]), _decompose(operands[1])
    return Scaled(wide.multiply(mx, my), ex + ey), low, high


def _div_sides(operands: Sequence[Array], low: Scaled, high: Scaled) -> Sides:
    """x / y against a midpoint is x against midpoint * y."""
    (mx, ex), (my, ey) = _decompose(operands[0]), _decompose(operands[1])
    sides = [
        Scaled(wide.multiply(side.significand.low, my), side.exponent + ey) for side in (low, high)
    ]
    return Scaled(wide.from_word(mx), ex), sides[0], sides[1]


def _sqrt_sides(operands: Sequence[Array], low: Scaled, high: Scaled) -> Sides:
    """sqrt(x) against a midpoint is x against its square."""
    significand, exponent = _decompose(operands[0])
    sides = [
        Scaled(wide.multiply(side.significand.low, side.significand.low), side.exponent * 2)
        for side in (low, high)
    ]
    return Scaled(wide.from_word(significand), exponent), sides[0], sides[1]


def _add_sides(operands: Sequence[Array], low: Scaled, high: Scaled) -> Sides:
    """The larger operand shifted left, plus or minus the smaller.

    Beyond 64 places the smaller operand is below 2**-11 of the larger one's spacing, and
    midpoints are multiples of a quarter of it: 2**-64 with the same sign compares alike.
    """
    x, y = operands
    swap = np.abs(x) < np.abs(y)
    large, small = np.where(swap, y, x), np.where(swap, x, y)
    (ml, el), (ms, es) = _decompose(large), _decompose(small)
    far = el - es > 64
    shift = np.where(far, 64, el - es)
    ms = np.where(far & (ms != 0), np.uint64(1), ms)
    aligned, rest = wide.shift_left(wide.from_word(ml), shift), wide.from_word(ms)
    plus, minus = wide.add(aligned, rest), wide.subtract(aligned, rest)
    alike = np.signbit(large) == np.signbit(small)
    total = Wide(np.where(alike, plus.high, minus.high), np.where(alike, plus.low, minus.low))
    return Scaled(total, el - shift), low, high


# --- special operands -----------------------------------------------------------------------


class Kinds(NamedTuple):
    """What each element of an operand is."""

    nan: Array
    inf: Array
    zero: Array
    negative: Array


class Specials(NamedTuple):
    """Where the result must be NaN, infinite or zero, and the sign of the last two."""

    nan: Array
    inf: Array
    zero: Array
    negative: Array


def _kinds(x: Array) -> Kinds:
    if FORMATS[x.dtype.name].is_float:
        return Kinds(np.isnan(x), np.isinf(x), x == 0, np.signbit(x))
    nothing = np.zeros(x.shape, dtype=bool)
    return Kinds(nothing, nothing, x == 0, nothing)


def _special_add(operands: Sequence[Array]) -> Specials:
    x, y = _kinds(operands[0]), _kinds(operands[1])
    nan = x.nan | y.nan | (x.inf & y.inf & (x.negative != y.negative))
    inf = (x.inf | y.inf) & ~nan
    zero = (operands[0] == -operands[1]) & ~inf & ~nan
    negative = np.where(inf, np.where(x.inf, x.negative, y.negative), x.negative & y.negative)
    return Specials(nan, inf, zero, negative)


def _special_mul(operands: Sequence[Array]) -> Specials:
    x, y = _kinds(operands[0]), _kinds(operands[1])
    nan = x.nan | y.nan | (x.inf & y.zero) | (x.zero & y.inf)
    inf = (x.inf | y.inf) & ~nan
    return Specials(nan, inf, (x.zero | y.zero) & ~nan, x.negative ^ y.negative)


def _special_div(operands: Sequence[Array]) -> Specials:
    x, y = _kinds(operands[0]), _kinds(operands[1])
    nan = x.nan | y.nan | (x.inf & y.inf) | (x.zero & y.zero)
    inf = (x.inf | y.zero) & ~nan
    return Specials(nan, inf, (x.zero | y.inf) & ~nan, x.negative ^ y.negative)


def _special_sqrt(operands: Sequence[Array]) -> Specials:
    x = _kinds(operands[0])
    nan = x.nan | (x.negative & ~x.zero)
    return Specials(nan, x.inf & ~nan, x.zero, x.negative)


def _special_cast(operands: Sequence[Array]) -> Specials:
    return Specials(*_kinds(operands[0]))


def _overrule_specials(special: Specials, candidate: Array, ordinary: Array) -> Array:
    """Where the masks name the result, only its bits are right."""
    anywhere = special.nan | special.inf | special.zero
    if not anywhere.any():
        return ordinary
    row = FORMATS[candidate.dtype.name]
    word = row.unsigned.type
    assert row.canonical_nan is not None
    wanted = np.where(special.inf, word(row.overflow), word(0))
    wanted = row.with_sign(wanted, np.where(special.negative, word(row.sign_bit), word(0)))
    wanted = np.where(special.nan, word(row.canonical_nan), wanted)
    return np.where(anywhere, row.to_bits(candidate) == wanted, ordinary)


# --- the operators --------------------------------------------------------------------------


class Operator(NamedTuple):
    """How the results of one row are proved: all that is said of an operator here.

    `sign`: the sign of a result other than an exact zero; `between`: whether the exact value lies
    between two midpoints, in float64; `sides`: both sides of that comparison, in 128 bits;
    `specials`: the results that are not numbers, and the zeros.
    """

    sign: Callable[[Sequence[Array]], Array]
    between: Callable[[Sequence[Array], Array, Array, Array], Array]
    sides: SidesOf
    specials: Callable[[Sequence[Array]], Specials]


_OPERATORS: dict[str, Operator] = {
    "add": Operator(_sign_of_larger, _sum_between, _add_sides, _special_add),
    "mul": Operator(_signs_multiplied, _product_between, _mul_sides, _special_mul),
    "div": Operator(_signs_multiplied, _quotient_between, _div_sides, _special_div),
    "sqrt": Operator(_no_sign, _root_between, _sqrt_sides, _special_sqrt),
    "cast": Operator(_sign_of_first, _value_between, _cast_sides, _special_cast),
}


# --- casts to integers and bool --------------------------------------------------------------


def _prove_to_integer(x: Array, candidate: Array) -> Array:
    """Integer results recomputed from the bits of the source with shifts and masks."""
    source, target = FORMATS[x.dtype.name], FORMATS[candidate.dtype.name]
    got = target.to_bits(candidate)
    if source.name == target.name:
        return np.asarray(source.to_bits(x) == got)
    size, exponent = _decompose(x)
    if target.kind == "bool":
        return np.asarray(got == (size != 0))
    if not source.is_float:
        signed = np.where(_negative(x), np.uint64(0) - size, size)
        return np.asarray(got == signed.astype(target.unsigned))
    return np.asarray(got == _truncate(x, size, exponent, target))


def _truncate(x: Array, size: Array, exponent: Array, target: Format) -> Array:
    """Bits of trunc(x) saturated into `target`, NaN as 0."""
    x = widened(x)
    right = np.clip(-exponent, 0, 63).astype(np.uint64)
    left = np.clip(exponent, 0, 63).astype(np.uint64)
    too_big = np.isinf(x) | ((size != 0) & (wide.word_bit_length(size) + exponent > 64))
    whole = np.where(exponent < 0, size >> right, size << left)
    whole = np.where(-exponent > 63, np.uint64(0), whole)
    negative = np.signbit(x)
    limit = np.where(negative, np.uint64(-target.minimum), np.uint64(target.maximum))
    whole = np.where(too_big | (whole > limit), limit, whole)
    whole = np.where(np.isnan(x), np.uint64(0), whole)
    return np.where(negative, np.uint64(0) - whole, whole).astype(target.unsigned)
