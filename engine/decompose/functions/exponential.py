"""exp, exp2, expm1 and sigmoid.

How far results are from the true value is measured by `lockstep sweep`, and stands in
`docs/accuracy.md`. A subnormal result rounds twice: to the precision of the format, and to the
place of its last bit.
"""

from __future__ import annotations

from typing import Generic, NamedTuple

from engine.decompose.functions.value import (
    FORMATS,
    Coefficients,
    Pair,
    V,
    divide,
    fast_two_sum,
    magnitude,
    scale_by_power_of_two,
    two_product,
    two_sum,
)

# Q in 2**r = 1 + r/2 + r*Q(r) for |r| <= 1/2, from the highest degree down. Minimax in the error
# relative to 2**r; tools/minimax.py prints these tables and their errors.
EXP2: dict[str, Coefficients] = {
    "float32": (
        0.0001535337360110134,
        0.0013398873852565885,
        0.00961843691766262,
        0.055503323674201965,
        0.24022647738456726,
        0.1931471973657608,
    ),
    "float64": (
        2.526673012098592e-11,
        4.4516077597984665e-10,
        7.055229497078091e-09,
        1.0178086349309112e-07,
        1.3215485925332247e-06,
        1.5252733767437016e-05,
        0.00015403530394431908,
        0.0013333558146488823,
        0.009618129107627925,
        0.05550410866482125,
        0.24022650695910072,
        0.19314718055994531,
    ),
}

# exp(r) = cosh(r) + sinh(r), which serves exp(-r) as well. A in cosh(r) = 1 + z/2 + z**2 * A(z) and
# B in sinh(r) = r + r*z*B(z), z = r**2, for |r| <= log(2)/2, from the highest degree down. Minimax
# in the error relative to 1 and to sinh(r).
COSH: dict[str, Coefficients] = {
    "float32": (
        0.0013935426250100136,
        0.041666459292173386,
    ),
    "float64": (
        2.0921769979948422e-09,
        2.7557251819568944e-07,
        2.4801587349202168e-05,
        0.0013888888888873283,
        0.041666666666666685,
    ),
}
SINH: dict[str, Coefficients] = {
    "float32": (
        0.0001997408689931035,
        0.00833317544311285,
        0.1666666716337204,
    ),
    "float64": (
        1.7593984066647012e-10,
        2.5046735195678164e-08,
        2.755732627229402e-06,
        0.0001984126983706619,
        0.008333333333334428,
        0.16666666666666666,
    ),
}

# log(2) as the sum of a number so short that its product with an exponent is exact, and the rest.
LOG_OF_2 = {
    "float32": (0.693145751953125, 1.428606765330187e-06),
    "float64": (0.6931471805598903, 5.497923018708371e-14),
}
LOG2_OF_E = 1.4426950408889634


def exp2(x: V) -> V:
    """2**x = 2**k * 2**r with k the integer nearest to x and r = x - k, exact, |r| <= 1/2.

    Additive reduction as in Muller, "Elementary Functions", 3rd ed., chapter "Range Reduction".
    The constant that rounds to an integer is increased by twice the bias, so that the low bits of
    the sum are the exponent that scale_by_power_of_two takes.

    2**r = 1 + r/2 + r*Q(r): the sum 1 + r/2 is taken with its rounding error, and |r*Q(r)| < 0.17,
    so that the last addition makes nearly all of the error.

    x is clamped first: at bias + 1 the result overflows to infinity and below
    -(bias + fraction_bits) it is at most half of the least subnormal, which rounds to zero.
    The comparisons are written so that a NaN passes.
    """
    fmt = FORMATS[x.dtype_name]
    largest = fmt.bias + 1
    smallest = -(fmt.bias + fmt.fraction_bits)
    x = x.constant(largest).lt(x).where(largest, x)
    x = x.lt(smallest).where(smallest, x)

    shifter = fmt.integer_shifter + 2 * fmt.bias
    shifted = (x + shifter).opaque()
    r = x - (shifted - shifter).opaque()

    total, error = fast_two_sum(x.constant(1), r * 0.5)
    power = total + (error + r * r.horner(EXP2[x.dtype_name]))
    return scale_by_power_of_two(power, shifted.bitcast(fmt.unsigned))


class Reduced(NamedTuple, Generic[V]):
    """x = k * log(2) + r + low with |r| <= log(2)/2, and |low| within half a last place of r."""

    k: V  # a float
    biased: V  # an unsigned integer with k + 2 * bias in its low bits
    r: V
    low: V


def reduce_by_log_2(x: V) -> Reduced[V]:
    """Cody and Waite's reduction: Muller, "Elementary Functions", 3rd ed., "Range Reduction".

    k * high is exact since high is short; x - k * high is exact since both are multiples of a
    power of two that is at most 2**precision times smaller. k comes out as in `exp2`. |x| must be
    less than (bias + precision + 1) * log(2), or k * high would round.
    """
    fmt = FORMATS[x.dtype_name]
    shifter = fmt.integer_shifter + 2 * fmt.bias
    shifted = (x * LOG2_OF_E + shifter).opaque()
    k = (shifted - shifter).opaque()
    high, low = LOG_OF_2[x.dtype_name]
    r, error = two_sum(x - k * high, k * -low)
    return Reduced(k, shifted.bitcast(fmt.unsigned), r, error)


def even_and_odd(r: V) -> tuple[V, V]:
    """(cosh(r) - 1, sinh(r) - r) for |r| <= log(2)/2."""
    z = r * r
    fourth, odd = fourth_and_odd(r, z)
    return z * 0.5 + fourth, odd


def fourth_and_odd(r: V, z: V) -> tuple[V, V]:
    """(cosh(r) - 1 - z/2, sinh(r) - r) for z = r**2 and |r| <= log(2)/2."""
    dtype = r.dtype_name
    return (z * z) * z.horner(COSH[dtype]), (r * z) * z.horner(SINH[dtype])


def exp_near_zero(r: V, low: V) -> Pair[V]:
    """exp(r + low) as a pair for |r| <= log(2)/2.

    1 + r is taken with its rounding error, and what is added to it is less than 0.067, so that the
    pair has an error of about 2**-4 ulp.
    """
    total, error = fast_two_sum(r.constant(1), r)
    even, odd = even_and_odd(r)
    return total, error + (low * total + (even + odd))


def inverse_power_of_two(k: V, biased: V) -> V:
    """2**-k, or 0 where k is so large that it is nothing beside 1. k > -bias."""
    fmt = FORMATS[k.dtype_name]
    power = ((biased.constant(3 * fmt.bias) - biased) << fmt.fraction_bits).bitcast(k.dtype_name)
    return k.constant(2 * fmt.precision).lt(k).where(0.0, power)


def clamp_for_exp(x: V) -> V:
    """x where exp(x) is neither infinite nor 0; else a number whose exp is. A NaN passes."""
    fmt = FORMATS[x.dtype_name]
    largest = 0.6931472 * (fmt.bias + 1)
    smallest = -0.6931472 * (fmt.bias + fmt.precision)
    x = x.constant(largest).lt(x).where(largest, x)
    return x.lt(smallest).where(smallest, x)


def exp(x: V) -> V:
    """exp(x) = 2**k * exp(r)."""
    reduced = reduce_by_log_2(clamp_for_exp(x))
    total, rest = exp_near_zero(reduced.r, reduced.low)
    return scale_by_power_of_two(total + rest, reduced.biased)


def expm1(x: V) -> V:
    """exp(x) - 1 = 2**k * ((1 - 2**-k) + (exp(r) - 1)).

    Nothing cancels: for k = 0 the difference in front is 0, otherwise at least 1/2. It, r and
    r**2/2 are summed with their rounding errors: for k = 1 the sum may be as small as 0.2. Below
    -(precision + 1) * log(2) the result rounds to -1. The sign of zero is that of x.
    """
    fmt = FORMATS[x.dtype_name]
    smallest = -0.7 * (fmt.precision + 1)
    clamped = clamp_for_exp(x.lt(smallest).where(smallest, x))
    k, biased, r, low = reduce_by_log_2(clamped)
    difference, lost = two_sum(r.constant(1), inverse_power_of_two(k, biased) * -1.0)
    total, error = fast_two_sum(difference, r)
    half, half_error = two_product(r, r * 0.5)
    total, second = fast_two_sum(total, half)
    fourth, odd = fourth_and_odd(r, half + half)
    y = total + (second + ((error + lost) + (low + half_error)) + (fourth + odd))
    return x.eq(0.0).where(x, scale_by_power_of_two(y, biased))


def sigmoid(x: V) -> V:
    """1 / (1 + e) with e = exp(-|x|), and e / (1 + e) for negative x.

    e = 2**k * (total + rest) with k <= 0. Where it is the numerator, 2**k is multiplied last, so
    that small results round once. k is at least -(bias + precision), where 2**k in the denominator
    has long been set to 0.
    """
    fmt = FORMATS[x.dtype_name]
    k, biased, r, low = reduce_by_log_2(clamp_for_exp(magnitude(x) * -1.0))
    total, rest = exp_near_zero(r, low)
    upwards = biased.constant(4 * fmt.bias) - biased
    power = inverse_power_of_two(k * -1.0, upwards)
    whole, error = fast_two_sum(x.constant(1), power * total)
    negative = x.lt(0.0)
    numerator = fast_two_sum(negative.where(total, 1.0), negative.where(rest, 0.0))
    denominator = fast_two_sum(whole, error + power * rest)
    quotient, correction = divide(numerator, denominator)
    scale = negative.where(biased, 2 * fmt.bias)
    return scale_by_power_of_two(quotient + correction, scale)
