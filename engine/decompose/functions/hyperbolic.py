"""Hyperbolic functions and their inverses.

How far results are from the true value is measured by `lockstep sweep`, and stands in
`docs/accuracy.md`.
"""

from __future__ import annotations

from engine.decompose.functions.exponential import (
    even_and_odd,
    inverse_power_of_two,
    reduce_by_log_2,
)
from engine.decompose.functions.logarithm import log1p_pair
from engine.decompose.functions.value import (
    FORMATS,
    Pair,
    V,
    divide,
    fast_two_sum,
    magnitude,
    not_a_number,
    scale_by_power_of_two,
    square_root,
    two_product,
    two_sum,
    with_sign_of,
)


# -- of the exponential ----------------------------------------------------------------------------
def doubled_parts(x: V) -> tuple[Pair[V], Pair[V], V]:
    """(s, c, biased) with sinh(x) = 2**(k-1) * s and cosh(x) = 2**(k-1) * c for finite x >= 0.

    With x = k*log(2) + r, u = 4**-k, S = sinh(r) and C = cosh(r):
        s = (1 - u)*C + (1 + u)*S = (1 - u) + r + u*r + (1 - u)*(C - 1) + (1 + u)*(S - r)
        c = (1 + u)*C + (1 - u)*S = (1 + u) + r - u*r + (1 + u)*(C - 1) + (1 - u)*(S - r)
    Nothing cancels: for k = 0, s = 2*S and c = 2*C. The first three terms are summed with their
    rounding errors; those terms shrink, so that fast_two_sum applies, as 1 - u is 0 or >= 3/4.
    """
    k, biased, r, low = reduce_by_log_2(x)
    power = inverse_power_of_two(k, biased)
    u = power * power
    even, odd = even_and_odd(r)
    odd = odd + low

    minus, plus = (1.0 - u).opaque(), (1.0 + u).opaque()
    minus_error, plus_error = (1.0 - minus) - u, (1.0 - plus) + u
    sums = []
    for start, lost, turned, slope in (
        (minus, minus_error, u * r, plus),
        (plus, plus_error, u * (r * -1.0), minus),
    ):
        total, error = fast_two_sum(start, r)
        total, second = fast_two_sum(total, turned)
        sums.append((total, (error + second) + (lost + (start * even + slope * odd))))
    return sums[0], sums[1], biased


def sinh(x: V) -> V:
    """sinh(x): overflows where the result does, not where exp(x) does."""
    (total, rest), _, biased = doubled_parts(clamp_above(magnitude(x)))
    return with_sign_of(scale_by_power_of_two(total + rest, less_one(biased)), x)


def cosh(x: V) -> V:
    """cosh(x): overflows where the result does, not where exp(x) does."""
    _, (total, rest), biased = doubled_parts(clamp_above(magnitude(x)))
    return scale_by_power_of_two(total + rest, less_one(biased))


def clamp_above(x: V) -> V:
    """x >= 0 up to where exp(x)/2 is infinite; a NaN passes."""
    limit = 0.6931472 * (FORMATS[x.dtype_name].bias + 3)
    return x.constant(limit).lt(x).where(limit, x)


def less_one(biased: V) -> V:
    return biased - biased.constant(1)


def tanh(x: V) -> V:
    """sinh(x) / cosh(x); x itself where x**3/3 is negligible, 1 where 2*exp(-2*x) is."""
    fmt = FORMATS[x.dtype_name]
    a = magnitude(x)
    limit = 0.35 * (fmt.precision + 2)
    sine, cosine, _ = doubled_parts(x.constant(limit).lt(a).where(limit, a))
    quotient, rest = divide(fast_two_sum(*sine), fast_two_sum(*cosine))
    return a.lt(fmt.negligible).where(x, with_sign_of(quotient + rest, x))


# -- of the logarithm ------------------------------------------------------------------------------
def asinh(x: V) -> V:
    """sign(x) * log(1 + a + a**2 / (1 + sqrt(1 + a**2))), a = |x|; log(2*a) for large a.

    a + sqrt(a**2 + 1) = 1 + a + (sqrt(a**2 + 1) - 1), without the cancellation. "Large" is where
    1/(4*a**2) is negligible beside 1; x itself where x**3/6 is.
    """
    fmt = FORMATS[x.dtype_name]
    a = magnitude(x)
    square, square_low = two_product(a, a)
    total, error = two_sum(x.constant(1), square)
    root, root_low = square_root((total, error + square_low))
    sum_, sum_error = fast_two_sum(root, x.constant(1))
    quotient, quotient_low = divide((square, square_low), (sum_, sum_error + root_low))
    w, w_error = fast_two_sum(a, quotient)
    large = x.constant(1 / fmt.negligible).lt(a)
    y, rest = log1p_pair(w, w_error + quotient_low, large, a)
    y = a.lt(float("inf")).where(y + rest, a)
    return a.lt(fmt.negligible).where(x, with_sign_of(y, x))


def acosh(x: V) -> V:
    """log(1 + t + sqrt((x - 1) * (x + 1))) with t = x - 1; log(2*x) for large x; NaN below 1."""
    fmt = FORMATS[x.dtype_name]
    t, t_low = fast_two_sum(x, x.constant(-1))
    sum_, sum_low = fast_two_sum(x, x.constant(1))
    square, square_low = two_product(t, sum_)
    square_low = square_low + (t * sum_low + t_low * sum_)
    root, root_low = square_root((square, square_low))
    w, w_error = two_sum(t, root)
    large = x.constant(1 / fmt.negligible).lt(x)
    y, rest = log1p_pair(w, w_error + (t_low + root_low), large, x)
    y = x.lt(float("inf")).where(y + rest, x)
    y = x.eq(1.0).where(0.0, y)
    return x.lt(1.0).where(not_a_number(x), y)


def atanh(x: V) -> V:
    """sign(x) * log(1 + 2*a / (1 - a)) / 2, a = |x|; x itself where x**3/3 is negligible."""
    fmt = FORMATS[x.dtype_name]
    a = magnitude(x)
    difference, error = two_sum(x.constant(1), a * -1.0)
    zero = a * 0.0
    w, w_low = divide((a + a, zero), (difference, error))
    y, rest = log1p_pair(w, w_low, x.lt(x), x)
    y = a.eq(1.0).where(float("inf"), (y + rest) * 0.5)
    y = x.constant(1.0).lt(a).where(not_a_number(x), y)
    return a.lt(fmt.negligible).where(x, with_sign_of(y, x))
