"""exp2 and log2.

Largest error in ulp of the result, and share of correctly rounded results. float32: all 2**32
operands, against the float64 functions of glibc 2.36, in long double where those come within
1e-6 ulp of a tie. float64: 4 * 10**6 samples against MPFR at 130 bits, dense near integers, powers
of two, the ends of the reduced ranges and where float32 is worst. float16: all 65536 operands.

    function                      float16    float32          float64
    exp2, normal result           0.5 100%   0.725  99.74%    0.683  97.8%
    exp2, subnormal result        0.5 100%   0.784            0.768
    log2                          0.5 100%   0.752  99.96%    0.717  99.4%
"""

from __future__ import annotations

from engine.decompose.functions.value import (
    FORMATS,
    Coefficients,
    V,
    fast_two_sum,
    scale_by_power_of_two,
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

# Q in log2(1 + f) = f + f/2 + f*Q(f) for f from -0.1875 to 0.21875 (see `reduce_around_one`), from
# the highest degree down. Minimax in the error relative to log2(1 + f); also from tools/minimax.py.
LOG2: dict[str, Coefficients] = {
    "float32": (
        -0.17584536969661713,
        0.21834608912467957,
        -0.24099048972129822,
        0.2882498800754547,
        -0.36066654324531555,
        0.4809006154537201,
        -0.7213475108146667,
        -0.05730496346950531,
    ),
    "float64": (
        0.07781143032865559,
        -0.10249546305304857,
        0.09815773719713587,
        -0.10231208109023615,
        0.11084338910969702,
        -0.12024760348926712,
        0.13115835403965392,
        -0.14426909927531123,
        0.160299376624339,
        -0.18033688410085266,
        0.20609929219772846,
        -0.24044917346123057,
        0.28853900817517436,
        -0.36067376022228237,
        0.4808983469629911,
        -0.7213475204444817,
        -0.05730495911103659,
    ),
}

# -log2(1.5) as the sum of a number so short that adding an exponent to it is exact, and the rest.
MINUS_LOG2_OF_3_HALVES = {
    "float32": (-0.5849609375, -1.5632211898264359e-06),
    "float64": (-0.5849625007213035, 1.4733181985781966e-13),
}


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


def split_exponent(x: V) -> tuple[V, V]:
    """(k, m) with x = 2**k * m, exactly, and 37/64 <= m < 37/32, for positive finite x.

    Other x give some k and m. Subtracting the bits of 37/64 from those of x leaves k in the
    exponent field. k becomes a float by the reverse of the rounding in exp2, which needs no
    conversion: a vector conversion from int64 is missing on many devices.
    """
    fmt = FORMATS[x.dtype_name]
    up = fmt.fraction_bits + 1
    subnormal = x.lt(2.0 ** (1 - fmt.bias))
    normal = subnormal.where(x * 2.0**up, x)
    offset = normal.bitcast(fmt.signed) - fmt.least_significand_bits
    fraction_mask = (1 << fmt.fraction_bits) - 1
    m = ((offset & fraction_mask) + fmt.least_significand_bits).bitcast(x.dtype_name)
    shifted = ((offset >> fmt.fraction_bits) + fmt.integer_shifter_bits).bitcast(x.dtype_name)
    shifter = fmt.integer_shifter
    k = shifted - subnormal.where(x.constant(shifter + up), shifter)
    return k, m


def reduce_around_one(x: V) -> tuple[V, V, V]:
    """(c, d, f) with log2(x) = c + d + log2(1 + f) and -0.1875 <= f < 0.21875, for 0 < x < inf.

    c + d is k, or k - log2(1.5) if m < 13/16, where f = 1.5*m - 1 replaces m - 1: narrowing the
    range of f costs less than the terms that Q would need, and makes f*Q(f) smaller. Both f are
    exact: m - 1 by Sterbenz's lemma ("Handbook", section 4.2), and 1.5*m - 1 because it is less
    than 1/4 and a multiple of half of the last bit of m.
    """
    k, m = split_exponent(x)
    f = m - 1.0
    lower = m.lt(0.8125)
    high, low = MINUS_LOG2_OF_3_HALVES[x.dtype_name]
    return (
        lower.where(k + high, k),
        lower.where(x.constant(low), 0.0),
        lower.where(f + m * 0.5, f),
    )


def log2(x: V) -> V:
    """log2(x) = k + log2(m), or k - log2(1.5) + log2(1.5*m), in such a way that 1 + f is near 1.

    Multiplicative reduction: Muller, "Elementary Functions", 3rd ed., chapter "Range Reduction".
    Near x = 1 the result is log2(1 + f) and must be good relative to f, so it is computed as
    f + f/2 + f*Q(f), where |f*Q(f)| < 0.05 and Q(0) = -0.057. The sums f + f/2 and k + 3f/2 are
    taken with their rounding errors, so that the last addition makes nearly all of the error.
    k - log2(1.5) is never small, so that k is zero or larger than 3f/2, as fast_two_sum demands.
    """
    fmt = FORMATS[x.dtype_name]
    high, low, f = reduce_around_one(x)
    head, head_error = fast_two_sum(f, f * 0.5)
    total, error = fast_two_sum(high, head)
    y = total + (error + (head_error + (low + f * f.horner(LOG2[x.dtype_name]))))

    y = x.eq(float("inf")).where(x, y)
    zero = x.eq(0.0)
    y = zero.where(float("-inf"), y)
    return (zero | x.constant(0.0).lt(x)).where(y, x.constant_bits(fmt.quiet_nan_bits))


def exp2_for_float16(x: V) -> V:
    """A float32 that rounds to the float16 nearest to 2**x, for a float32 x that is a float16.

    Even a correctly rounded float32 would not do: for x = 0x1.714p-11, 2**x exceeds the middle of
    1 and 1 + 2**-10 by only 0.11 ulp of float32. It rounds to that middle, and then to the even 1.
    The increment lifts that result above the middle. It is for positive x only, because no other
    positive x has 2**x so near to a middle, whereas some negative x lie just below one; any
    increment from 1.13 to 3 times 2**-24 gives all 65536 results correctly.
    """
    return exp2(x.constant(0.0).lt(x).where(x + 2.0**-23, x))
