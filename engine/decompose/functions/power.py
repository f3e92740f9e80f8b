"""pow and the reciprocal square root.

How far results are from the true value is measured by `lockstep sweep`, and stands in
`docs/accuracy.md`.
"""

from __future__ import annotations

from engine.decompose.functions.exponential import exp_near_zero
from engine.decompose.functions.logarithm import binary_constant, reduce_around_one
from engine.decompose.functions.value import (
    FORMATS,
    Coefficients,
    Pair,
    V,
    divide,
    fast_two_sum,
    magnitude,
    not_a_number,
    scale_by_power_of_two,
    two_product,
    two_sum,
)

# P in atanh(s) = s + s*z/3 + s*z**2 * P(z), z = s**2, for s = f / (2 + f) and the f of
# `reduce_around_one`, from the highest degree down. Minimax in the error relative to atanh(s).
ATANH: dict[str, Coefficients] = {
    "float32": (
        0.11320116370916367,
        0.14284217357635498,
        0.20000003278255463,
    ),
    "float64": (
        0.06140118484730212,
        0.06661558171501006,
        0.07692361090200119,
        0.09090908775297006,
        0.11111111112152675,
        0.14285714285712542,
        0.2,
    ),
}

THIRD = {
    "float32": (0.3333333432674408, -9.934107758624577e-09),
    "float64": (0.3333333333333333, 1.850371707708594e-17),
}  # 1/3
TWO_LOG2_OF_E = {
    "float32": (2.885390043258667, 3.851926067000022e-08),
    "float64": (2.8853900817779268, 4.0710547481862066e-17),
}  # 2 / log(2)
LOG_OF_2 = {
    "float32": (0.6931471824645996, -1.9046542121259336e-09),
    "float64": (0.6931471805599453, 2.3190468138462996e-17),
}  # all as pairs


def times_constant(x: Pair[V], constant: tuple[float, float]) -> Pair[V]:
    """The product of two pairs, the second of constants."""
    high, low = constant
    product, error = two_product(x[0], x[0].constant(high))
    return product, error + (x[0] * low + x[1] * high)


def log2_pair(x: V) -> Pair[V]:
    """log2(x) for 0 < x < inf as a pair with a relative error of about 2**-(2*precision - 9).

    log(1 + f) = 2 * atanh(s) with s = f / (2 + f), Muller, "Elementary Functions", 3rd ed.,
    section "Table-driven algorithms". |s| < 0.104, so that the terms from s**5 on, less than
    2**-15 of the sum, need no more than the precision of the format; the others are pairs.
    """
    k, lower, f = reduce_around_one(x)
    s, s_low = divide((f, f * 0.0), fast_two_sum(x.constant(2), f))
    z, z_low = two_product(s, s)
    z_low = z_low + 2.0 * (s * s_low)
    cubic, cubic_low = times_constant((z, z_low), THIRD[x.dtype_name])
    q, q_error = fast_two_sum(cubic, (z * z) * z.horner(ATANH[x.dtype_name]))
    q_low = q_error + cubic_low

    product, product_low = two_product(s, q)
    product_low = product_low + (s * q_low + s_low * q)
    total, error = fast_two_sum(s, product)
    series = times_constant((total, error + (s_low + product_low)), TWO_LOG2_OF_E[x.dtype_name])

    high, low = binary_constant(k, lower)
    total, error = fast_two_sum(high, series[0])
    return fast_two_sum(total, error + (low + series[1]))


def power_of_magnitude(a: V, y: V) -> V:
    """a**y = 2**(y * log2(a)) for 0 < a < inf and finite y.

    The exponent t is a pair, because an error of it counts |t| times as much in the result. It is
    clamped as in `exp2`. The reduction to r + low is exact but for the last rounding.
    """
    fmt = FORMATS[a.dtype_name]
    high, low = log2_pair(a)
    t, t_low = two_product(y, high)
    t_low = t_low + y * low
    largest, smallest = fmt.bias + 1, -(fmt.bias + fmt.precision)
    above, below = t.constant(largest).lt(t), t.lt(smallest)
    t = above.where(largest, below.where(smallest, t))
    t_low = (above | below).where(0.0, t_low)

    shifter = fmt.integer_shifter + 2 * fmt.bias
    shifted = (t + shifter).opaque()
    r, low = two_sum(t - (shifted - shifter).opaque(), t_low)
    r, low = times_constant((r, low), LOG_OF_2[a.dtype_name])
    total, rest = exp_near_zero(r, low)
    return scale_by_power_of_two(total + rest, shifted.bitcast(fmt.unsigned))


def is_integer(y: V) -> V:
    """Whether y is a whole number; so is infinity."""
    fmt = FORMATS[y.dtype_name]
    a = magnitude(y)
    shifter = 2.0**fmt.fraction_bits
    rounded = (a + shifter).opaque() - shifter
    return a.constant(shifter).lt(a) | rounded.eq(a)


def power(x: V, y: V) -> V:
    """x**y with the special values of C17 F.10.4.4.

    - x**0 and 1**y are 1, even of a NaN.
    - Where |x| is 0 or infinite, or y infinite, |x**y| is infinite if |x| > 1 and y > 0 or
      |x| < 1 and y < 0, else 0; (-1)**(+-inf) is 1.
    - Negative x, -0 and -inf included, give minus |x|**y where y is odd. Finite negative x give
      NaN where y is no integer.
    """
    fmt = FORMATS[x.dtype_name]
    a = magnitude(x)
    infinity = x.constant(float("inf"))
    whole = is_integer(y)
    even = is_integer(y * 0.5)

    result = power_of_magnitude(a, y)
    grows = x.constant(1.0).lt(a) ^ y.lt(0.0)
    extreme = a.eq(0.0) | a.eq(infinity) | magnitude(y).eq(infinity)
    result = extreme.where(grows.where(infinity, 0.0), result)
    result = a.eq(1.0).where(1.0, result)

    sign = x.bitcast(fmt.unsigned) & fmt.sign_bit
    sign = even.where(0, whole.where(sign, 0))
    result = (result.bitcast(fmt.unsigned) | sign).bitcast(x.dtype_name)
    below = x.lt(0.0) & (infinity * -1.0).lt(x)
    result = whole.where(result, below.where(not_a_number(x), result))
    result = (x.ne(x) | y.ne(y)).where(not_a_number(x), result)
    return (x.eq(1.0) | y.eq(0.0)).where(1.0, result)


def rsqrt(x: V) -> V:
    """1 / sqrt(x); +-inf at +-0, NaN below.

    The root s and the quotient y = 1/s are rounded; what they lose is x - s**2 and 1 - s*y, both
    exact, and 1/sqrt(x) = y + y*(1 - s*y) - y*(x - s**2)/(2*x) up to the products of the losses.
    Small and large x are scaled by 2**(2*n), or the errors would underflow and a product of halves
    overflow.
    """
    fmt = FORMATS[x.dtype_name]
    n = fmt.bias // 4
    small, large = x.lt(2.0 ** (-2 * n)), x.constant(2.0 ** (2 * n)).lt(x)
    power = small.where(x.constant(2.0**n), large.where(x.constant(2.0**-n), 1.0))
    scaled = x * power * power
    root = scaled.sqrt().opaque()
    inverse = (1.0 / root).opaque()
    square, square_error = two_product(root, root)
    unit, unit_error = two_product(root, inverse)
    lost = (scaled - square).opaque() - square_error
    correction = ((1.0 - unit).opaque() - unit_error) - lost * 0.5 / scaled
    y = (inverse + inverse * correction) * power
    special = x.eq(0.0) | x.eq(float("inf"))
    return special.where(1.0 / x, x.lt(0.0).where(not_a_number(x), y))
