"""Sine, cosine, tangent and their inverses.

How far results are from the true value is measured by `lockstep sweep`, and stands in
`docs/accuracy.md`.
"""

from __future__ import annotations

from engine.decompose.functions.value import (
    FORMATS,
    Coefficients,
    Format,
    V,
    fast_two_sum,
    two_product,
)

# Minimax polynomials in z = r**2, from the highest degree down: S in sin(r) = r + r*z*S(z) and C in
# cos(r) = 1 - z/2 + z**2*C(z) for |r| <= pi/4, ASIN in asin(r) = r + r*z*ASIN(z) for |r| <= 1/2 and
# ATAN in atan(r) = r + r*z*ATAN(z) for |r| <= 7/16. The error is relative to the function;
# tools/minimax.py prints these tables and their errors.
SIN: dict[str, Coefficients] = {
    "float32": (
        2.83252370536502e-06,
        -0.00019853064441122115,
        0.008333379402756691,
        -0.1666666716337204,
    ),
    "float64": (
        -7.384546576715789e-13,
        1.6054220563827298e-10,
        -2.5052070283880916e-08,
        2.7557319071881154e-06,
        -0.00019841269840959285,
        0.00833333333333304,
        -0.16666666666666666,
    ),
}
COS: dict[str, Coefficients] = {
    "float32": (2.4432327336398885e-05, -0.0013887309469282627, 0.04166664555668831),
    "float64": (
        -1.1358749157759544e-11,
        2.087570539482392e-09,
        -2.755731421703306e-07,
        2.480158728900207e-05,
        -0.0013888888888873342,
        0.041666666666666595,
    ),
}
ASIN: dict[str, Coefficients] = {
    "float32": (
        0.037689853459596634,
        0.014317547902464867,
        0.031838782131671906,
        0.044513385742902756,
        0.07500521838665009,
        0.16666659712791443,
    ),
    "float64": (
        0.03360096296600958,
        -0.026072430819876362,
        0.024764352201545076,
        0.0007116485542770501,
        0.010000581752252881,
        0.009485902922287204,
        0.011585402720740485,
        0.013961932542442925,
        0.017352941045323693,
        0.02237215181338268,
        0.03038194463773366,
        0.044642857139827366,
        0.07500000000002384,
        0.1666666666666666,
    ),
}
ATAN: dict[str, Coefficients] = {
    "float32": (
        -0.05825623497366905,
        0.10494104772806168,
        -0.14230172336101532,
        0.1999778151512146,
        -0.3333330452442169,
    ),
    "float64": (
        0.01369354372882841,
        -0.031917544291015586,
        0.04433065234689631,
        -0.05200119405823766,
        0.0587402327076304,
        -0.06665903331583896,
        0.07692259618947511,
        -0.09090907063501456,
        0.11111111056557788,
        -0.1428571428485388,
        0.19999999999993212,
        -0.33333333333333315,
    ),
}

Pair = tuple[float, float]  # a constant as the sum of the nearest float and the rest

PI_HALVES: dict[str, Pair] = {
    "float32": (1.5707963705062866, -4.371138828673793e-08),
    "float64": (1.5707963267948966, 6.123233995736766e-17),
}
# The arguments c with atan(c) known around which atan is expanded, the least |x| for which, and
# atan(c). Each c is so short that c * x is exact or nearly so, and x - c is exact.
ATAN_CENTRES: tuple[tuple[float, float, dict[str, Pair]], ...] = (
    (0.5, 7 / 16, {
        "float32": (0.46364760398864746, 5.01215868808913e-09),
        "float64": (0.4636476090008061, 2.2698777452961687e-17),
    }),
    (1.0, 11 / 16, {
        "float32": (0.7853981852531433, -2.1855694143368964e-08),
        "float64": (0.7853981633974483, 3.061616997868383e-17),
    }),
    (1.5, 19 / 16, {
        "float32": (0.9827937483787537, -2.5131424052915463e-08),
        "float64": (0.982793723247329, 1.3903311031230998e-17),
    }),
)  # fmt: skip
ATAN_OF_INFINITY_FROM = 39 / 16

# 2/pi = 0.A2F9836E… in hexadecimal, as many digits as the largest float64 needs.
TWO_OVER_PI_BITS = 1280
TWO_OVER_PI = int(
    "A2F9836E4E441529FC2757D1F534DDC0DB6295993C439041FE5163ABDEBBC561B7246E3A424DD2E0"
    "06492EEA09D1921CFE1DEB1CB129A73EE88235F52EBB4484E99C7026B45F7E413991D639835339F4"
    "9C845F8BBDF9283B1FF897FFDE05980FEF2F118B5A0A6D1F6D367ECF27CB09B74F463F669E5FEA2D"
    "7527BAC7EBE5F17B3D0739F78A5292EA6BFB5FB11F8D5D0856033046FC7B6BABF0CFBC209AF4361D",
    16,
)


# -- reduction -------------------------------------------------------------------------------------
# The window of 2/pi that an argument needs depends on its exponent; this many low bits of the
# exponent field shift the significand instead, so that one window serves 2**bits exponents.
SHIFTED_EXPONENT_BITS = {"float32": 2, "float64": 3}


def _windows(fmt: Format, shifted_bits: int) -> tuple[tuple[int, ...], ...]:
    """Tables of the three words of 2/pi * 2**s mod 4 in units of 2**(2 - 3 * word), high to low.

    Entry j is for arguments whose exponent field is j * 2**shifted_bits, which are an integer
    significand times 2**s.
    """
    unit = 3 * fmt.bits - 2
    table = []
    for entry in range(1 << fmt.bits - 1 - fmt.fraction_bits - shifted_bits):
        shift = (entry << shifted_bits) - fmt.bias - fmt.fraction_bits + unit - TWO_OVER_PI_BITS
        table.append(TWO_OVER_PI << shift if shift >= 0 else TWO_OVER_PI >> -shift)
    mask = (1 << fmt.bits) - 1
    return tuple(tuple(w >> fmt.bits * i & mask for w in table) for i in (2, 1, 0))


WINDOWS = {
    name: _windows(FORMATS[name], bits) for name, bits in SHIFTED_EXPONENT_BITS.items()
}


def _multiply_wide(a: V, b: V, half: int) -> tuple[V, V]:
    """The high and the low word of the product of two unsigned words of 2 * half bits."""
    mask = (1 << half) - 1
    a_low, a_high, b_low, b_high = a & mask, a >> half, b & mask, b >> half
    low, cross, other = a_low * b_low, a_low * b_high, a_high * b_low
    middle = (low >> half) + (cross & mask) + (other & mask)
    high = a_high * b_high + (cross >> half) + (other >> half) + (middle >> half)
    return high, (low & mask) | (middle << half)


def _turns(magnitude: V, name: str) -> tuple[V, V, V]:
    """|x| * 2/pi mod 4 in three words, in units of 2**(2 - 3 * word); `magnitude` is x's bits."""
    fmt, shifted_bits = FORMATS[name], SHIFTED_EXPONENT_BITS[name]
    field = magnitude >> fmt.fraction_bits
    significand = (magnitude & (1 << fmt.fraction_bits) - 1) | 1 << fmt.fraction_bits
    integer = significand << (field & (1 << shifted_bits) - 1)
    entry = field >> shifted_bits
    top, middle, bottom = (entry.lookup(words, fmt.unsigned) for words in WINDOWS[name])
    carried, low = _multiply_wide(integer, bottom, fmt.bits // 2)
    high, partial = _multiply_wide(integer, middle, fmt.bits // 2)
    centre = partial + carried
    carry = centre.lt(partial).where(centre.constant(1), 0)
    return integer * top + high + carry, centre, low


def reduce_to_quadrant(x: V) -> tuple[V, V, V]:
    """(n, r, d) with |x| = n * pi/2 + r + d modulo 2 * pi and |r + d| <= pi/4, for finite x.

    n is an unsigned integer of which the two low bits count, d less than a last bit of r.

    Payne and Hanek, "Radian reduction for trigonometric functions", SIGNUM Newsletter 18, 1983, for
    arguments of every size: since lanes cannot take branches, a cheaper way for small ones would
    only be computed besides. The product of the significand and a window of 2/pi leaves away what
    are multiples of 2 * pi, and is exact down to about 2**-132 of a quadrant (float32: 2**-67),
    while no argument is nearer than 2**-62 (2**-31) to a multiple of pi/2, relative to a quadrant.
    """
    name = x.dtype_name
    fmt = FORMATS[name]
    word, half = fmt.bits, fmt.bits // 2
    magnitude = x.bitcast(fmt.unsigned) & fmt.sign_bit - 1
    top, middle, bottom = _turns(magnitude, name)
    quadrant = (top + (1 << word - 3)) >> word - 2

    # The fraction of a quadrant as a signed number, its magnitude in chunks of half a word. The
    # complement of all bits negates it but for a last bit.
    words = (top << 2 | middle >> word - 2, middle << 2 | bottom >> word - 2, bottom << 2)
    negative = (words[0].bitcast(fmt.signed) >> word - 1).bitcast(fmt.unsigned)
    chunks = []
    for number in range(5):
        bits = words[number // 2] ^ negative
        chunk = bits & (1 << half) - 1 if number % 2 else bits >> half
        # 2**exponent + chunk * the unit of its last bit, of which only the power is taken off
        exponent = fmt.fraction_bits - half * (number + 1)
        biased = chunk + (fmt.bias + exponent << fmt.fraction_bits)
        chunks.append(biased.bitcast(name) - 2.0**exponent)
    total, rest = fast_two_sum(chunks[0], chunks[1])
    total, more = fast_two_sum(total, chunks[2])
    total, least = fast_two_sum(total, chunks[3])
    rest = rest + (more + (least + chunks[4]))

    high, low = PI_HALVES[name]
    product, error = two_product(total, x.constant(high))
    r, d = fast_two_sum(product, error + (total * low + rest * high))
    sign = negative & fmt.sign_bit
    r, d = (v.bitcast(fmt.unsigned) ^ sign for v in (r, d))
    absolute = magnitude.bitcast(name)
    small = absolute.lt(high / 2)
    return quadrant, small.where(absolute, r.bitcast(name)), small.where(0.0, d.bitcast(name))


# -- sine, cosine, tangent -------------------------------------------------------------------------
def _sine(r: V, d: V) -> tuple[V, V]:
    """sin(r + d) as a sum, for |r| <= pi/4"""
    z = r * r
    return fast_two_sum(r, r * (z * z.horner(SIN[r.dtype_name])) + (d - d * (z * 0.5)))


def _cosine(r: V, d: V) -> tuple[V, V]:
    """cos(r + d) as a sum, for |r| <= pi/4"""
    z, error = two_product(r, r)
    start, lost = fast_two_sum(r.constant(1), z * -0.5)
    small = z * z * z.horner(COS[r.dtype_name]) - (error * 0.5 + r * d)
    return fast_two_sum(start, lost + small)


def _with_sign(value: V, sign: V) -> V:
    """The value, negated if the highest bit of `sign` is set."""
    fmt = FORMATS[value.dtype_name]
    return (value.bitcast(fmt.unsigned) ^ (sign & fmt.sign_bit)).bitcast(value.dtype_name)


def _unless_infinite(x: V, value: V) -> V:
    """The value for a finite x, else NaN."""
    fmt = FORMATS[x.dtype_name]
    magnitude = (x.bitcast(fmt.unsigned) & fmt.sign_bit - 1).bitcast(x.dtype_name)
    nan = x.constant_bits(fmt.quiet_nan_bits)
    return magnitude.lt(float("inf")).where(value, nan)


def _sine_of_quadrant(quadrant: V, r: V, d: V) -> V:
    """sin(quadrant * pi/2 + r + d)"""
    fmt = FORMATS[r.dtype_name]
    sine, sine_rest = _sine(r, d)
    cosine, cosine_rest = _cosine(r, d)
    odd = (quadrant & 1).ne(0)
    value = odd.where(cosine, sine) + odd.where(cosine_rest, sine_rest)
    return _with_sign(value, quadrant << fmt.bits - 2)


def sin(x: V) -> V:
    """sin |x| with the sign of x, so that sin(-0) = -0; sin(±inf) is NaN."""
    value = _sine_of_quadrant(*reduce_to_quadrant(x))
    return _unless_infinite(x, _with_sign(value, x.bitcast(FORMATS[x.dtype_name].unsigned)))


def cos(x: V) -> V:
    """cos(x) = sin(|x| + pi/2); cos(±inf) is NaN."""
    quadrant, r, d = reduce_to_quadrant(x)
    return _unless_infinite(x, _sine_of_quadrant(quadrant + 1, r, d))


def tan(x: V) -> V:
    """sin / cos, or in odd quadrants -cos / sin; tan(±inf) is NaN, tan(-0) = -0.

    Both are sums of two floats. The quotient of the first parts is corrected by the remainder that
    it leaves, which a quotient of floats always has exactly ("Handbook", section 4.7).
    """
    fmt = FORMATS[x.dtype_name]
    quadrant, r, d = reduce_to_quadrant(x)
    sine, cosine = _sine(r, d), _cosine(r, d)
    odd = (quadrant & 1).ne(0)
    over, over_rest = (odd.where(c, s) for s, c in zip(sine, cosine, strict=True))
    under, under_rest = (odd.where(s, c) for s, c in zip(sine, cosine, strict=True))
    quotient = over / under
    product, error = two_product(quotient, under)
    remainder = ((over - product) - error) + (over_rest - quotient * under_rest)
    value = quotient + remainder / under
    value = _with_sign(value, quadrant << fmt.bits - 1)
    return _unless_infinite(x, _with_sign(value, x.bitcast(fmt.unsigned)))


# -- inverses --------------------------------------------------------------------------------------
def atan(x: V) -> V:
    """atan(c) + atan((|x| - c) / (1 + c*|x|)) with the sign of x, for the c that suits best.

    The sum starts with atan(c) or 0, of which the second term is at most the half, so that the
    rounding errors of the quotient hardly count. c is infinity beyond 39/16: the quotient is -1/x.
    """
    fmt, name = FORMATS[x.dtype_name], x.dtype_name
    bits = x.bitcast(fmt.unsigned)
    magnitude = (bits & fmt.sign_bit - 1).bitcast(name)
    over, under = x.constant(-1), magnitude
    high, low = (x.constant(part) for part in PI_HALVES[name])
    limit = ATAN_OF_INFINITY_FROM
    for centre, start, values in reversed(ATAN_CENTRES):
        here = magnitude.lt(limit)
        over = here.where(magnitude - centre, over)
        under = here.where(magnitude * centre + 1.0, under)
        high, low = (
            here.where(part, other)
            for part, other in zip(values[name], (high, low), strict=True)
        )
        limit = start
    near = magnitude.lt(limit)
    ratio = near.where(magnitude, over / under)
    high, low = near.where(0.0, high), near.where(0.0, low)
    z = ratio * ratio
    total, error = fast_two_sum(high, ratio)
    value = total + (error + (low + ratio * (z * z.horner(ATAN[name]))))
    return _with_sign(value, bits)


def _asin_parts(magnitude: V) -> tuple[V, V, V]:
    """(large, s, t): asin |x| = s + t for |x| <= 1/2, else pi/2 - 2*(s + t).

    With s = sqrt((1 - |x|) / 2) in the latter case, where 1 - |x| is exact, and so is the remainder
    of the root ("Handbook", section 4.8), which corrects it. For |x| > 1 both are NaN.
    """
    large = (magnitude.constant(0.5)).lt(magnitude)
    z = large.where((1.0 - magnitude) * 0.5, magnitude * magnitude)
    root = z.sqrt()
    square, error = two_product(root, root)
    twice = root.eq(0.0).where(1.0, root + root)
    correction = ((z - square) - error) / twice
    s = large.where(root, magnitude)
    t = s * (z * z.horner(ASIN[s.dtype_name]))
    return large, s, large.where(correction, 0.0) + t


def asin(x: V) -> V:
    """The angle in [-pi/2, pi/2]; asin(-0) = -0, NaN for |x| > 1."""
    fmt = FORMATS[x.dtype_name]
    bits = x.bitcast(fmt.unsigned)
    large, s, t = _asin_parts((bits & fmt.sign_bit - 1).bitcast(x.dtype_name))
    high, low = PI_HALVES[x.dtype_name]
    total, error = fast_two_sum(x.constant(high), s * -2.0)
    value = large.where(total + (error + (low - 2.0 * t)), s + t)
    return _with_sign(value, bits)


def acos(x: V) -> V:
    """pi/2 - asin x, or 2*asin(sqrt((1 - x) / 2)), or pi less that of -x; NaN for |x| > 1.

    acos(1) = +0.
    """
    fmt = FORMATS[x.dtype_name]
    bits = x.bitcast(fmt.unsigned)
    large, s, t = _asin_parts((bits & fmt.sign_bit - 1).bitcast(x.dtype_name))
    negative = x.lt(0.0)
    high, low = PI_HALVES[x.dtype_name]

    factor = large.where(x.constant(2.0), 1.0)
    plus = negative ^ large
    s, t = s * factor, t * factor
    start = large.where(negative.where(x.constant(2 * high), 0.0), high)
    rest = large.where(negative.where(x.constant(2 * low), 0.0), low)
    total, error = fast_two_sum(start, plus.where(s, 0.0 - s))
    return total + (error + (rest + plus.where(t, 0.0 - t)))
