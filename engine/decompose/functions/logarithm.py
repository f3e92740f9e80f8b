"""log, log2, log10 and log1p.

How far results are from the true value is measured by `lockstep sweep`, and stands in
`docs/accuracy.md`.
"""

from __future__ import annotations

from engine.decompose.functions.exponential import LOG_OF_2
from engine.decompose.functions.value import (
    FORMATS,
    Coefficients,
    Pair,
    V,
    fast_two_sum,
    not_a_number,
    two_product,
    two_sum,
)

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

# P in log(1 + f) = f + f**2 * P(f) on the same range. Minimax in the error relative to log(1 + f).
LOG1P: dict[str, Coefficients] = {
    "float32": (
        0.14449091255664825,
        -0.13968156278133392,
        0.14085569977760315,
        -0.1660626381635666,
        0.2000407576560974,
        -0.2500084936618805,
        0.3333330750465393,
        -0.4999999701976776,
    ),
    "float64": (
        0.10168342389111852,
        -0.079998993902479,
        0.05280921115433722,
        -0.05955173493931174,
        0.06697636219761427,
        -0.07159443060073234,
        0.07691496468095303,
        -0.08332822479234207,
        0.0909092004741387,
        -0.10000008982927332,
        0.11111111045985159,
        -0.1249999991221909,
        0.14285714285739917,
        -0.16666666667094143,
        0.20000000000001011,
        -0.24999999999999237,
        0.3333333333333333,
        -0.5,
    ),
}

# -log(1.5) as the sum of a number so short that adding k * log(2) to it is exact, and the rest.
MINUS_LOG_OF_3_HALVES = {
    "float32": (-0.4054718017578125, 6.693649538647151e-06),
    "float64": (-0.40546510810827385, 1.094708713660664e-13),
}

# log10(e) as a pair.
LOG10_OF_E = {
    "float32": (0.4342944920063019, -1.0103049952192578e-08),
    "float64": (0.4342944819032518, 1.098319650216765e-17),
}


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
    """(k, lower, f) with x = 2**k * (1 + f), or 2**k * (1 + f) / 1.5 where `lower`, 0 < x < inf.

    -0.1875 <= f < 0.21875. It is `lower` if m < 13/16, and f = 1.5*m - 1 replaces m - 1: narrowing
    the range of f costs less than the terms that the polynomials would need, and makes what they
    add to f smaller. Both f are exact: m - 1 by Sterbenz's lemma ("Handbook", section 4.2), and
    1.5*m - 1 because it is less than 1/4 and a multiple of half of the last bit of m.
    """
    k, m = split_exponent(x)
    f = m - 1.0
    lower = m.lt(0.8125)
    return k, lower, lower.where(f + m * 0.5, f)


def binary_constant(k: V, lower: V) -> Pair[V]:
    """k, or k - log2(1.5) where `lower`; the first of the pair is exact."""
    high, low = MINUS_LOG2_OF_3_HALVES[k.dtype_name]
    return lower.where(k + high, k), lower.where(k.constant(low), 0.0)


def log2(x: V) -> V:
    """log2(x) = k + log2(m), or k - log2(1.5) + log2(1.5*m), in such a way that 1 + f is near 1.

    Multiplicative reduction: Muller, "Elementary Functions", 3rd ed., chapter "Range Reduction".
    Near x = 1 the result is log2(1 + f) and must be good relative to f, so it is computed as
    f + f/2 + f*Q(f), where |f*Q(f)| < 0.05 and Q(0) = -0.057. The sums f + f/2 and k + 3f/2 are
    taken with their rounding errors, so that the last addition makes nearly all of the error.
    k - log2(1.5) is never small, so that k is zero or larger than 3f/2, as fast_two_sum demands.
    """
    k, lower, f = reduce_around_one(x)
    high, low = binary_constant(k, lower)
    head, head_error = fast_two_sum(f, f * 0.5)
    total, error = fast_two_sum(high, head)
    y = total + (error + (head_error + (low + f * f.horner(LOG2[x.dtype_name]))))
    return with_poles(x, 0.0, y)


def natural_constant(k: V, lower: V) -> Pair[V]:
    """k * log(2), or k * log(2) - log(1.5) where `lower`; the first of the pair is exact."""
    high, low = LOG_OF_2[k.dtype_name]
    third_high, third_low = MINUS_LOG_OF_3_HALVES[k.dtype_name]
    head, tail = k * high, k * low
    return lower.where(head + third_high, head), lower.where(tail + third_low, tail)


def log_near_one(constant: Pair[V], f: V, low: V) -> Pair[V]:
    """constant + log(1 + f) + low as a pair, for f in the range of the reduction.

    f**2 * P(f) is less than 0.12 of log(1 + f), so that the pair has an error of about 2**-3 ulp.
    The constant is zero or larger than f, as fast_two_sum demands.
    """
    total, error = fast_two_sum(constant[0], f)
    return total, error + (constant[1] + (low + (f * f) * f.horner(LOG1P[f.dtype_name])))


def with_poles(x: V, zero: float, y: V) -> V:
    """y, but -inf where x is `zero`, NaN below it, and inf where x is; a NaN stays."""
    y = x.eq(float("inf")).where(x, y)
    pole = x.eq(zero)
    y = pole.where(float("-inf"), y)
    return (pole | x.constant(zero).lt(x)).where(y, not_a_number(x))


def log_pair(x: V) -> Pair[V]:
    """log(x) as a pair, for positive finite x."""
    k, lower, f = reduce_around_one(x)
    return log_near_one(natural_constant(k, lower), f, f * 0.0)


def log(x: V) -> V:
    """log(x) = k * log(2) + log(1 + f); exact reduction, see `reduce_around_one`."""
    total, rest = log_pair(x)
    return with_poles(x, 0.0, total + rest)


def log10(x: V) -> V:
    """log(x) * log10(e), in pairs."""
    high, low = fast_two_sum(*log_pair(x))
    factor, factor_low = LOG10_OF_E[x.dtype_name]
    product, error = two_product(high, x.constant(factor))
    return with_poles(x, 0.0, product + (error + (high * factor_low + low * factor)))


def log1p_pair(w: V, w_low: V, large: V, x: V) -> Pair[V]:
    """log(1 + w + w_low) as a pair, or log(2 * x) where `large`.

    1 + w = u + error, exactly, and log(u + e) = log(u) + e/u up to (e/u)**2. Where u needs no
    reduction f is w itself rather than u - 1, which keeps what the rounding of u would lose.
    """
    u, error = two_sum(w.constant(1), w)
    near = w.constant(-0.1875).lt(w) & w.lt(0.15625)
    rest = large.where(0.0, near.where(w_low, error + w_low))
    u = large.where(x, u)
    rest = rest / u
    k, lower, f = reduce_around_one(u)
    high, low = natural_constant(large.where(k + 1.0, k), lower)
    return log_near_one((near.where(0.0, high), near.where(0.0, low)), near.where(w, f), rest)


def log1p(x: V) -> V:
    """log(1 + x). The sign of zero is that of x."""
    never = x.lt(x)
    total, rest = log1p_pair(x, x * 0.0, never, x)
    return x.eq(0.0).where(x, with_poles(x, -1.0, total + rest))
