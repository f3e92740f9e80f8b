"""Derive the polynomial coefficients of `engine/decompose/functions/`.

Run `python tools/minimax.py` to print, for each polynomial and dtype, the coefficients from the
highest degree to the constant (exact in that dtype) and the error of the rounded polynomial.
Names on the command line choose among the polynomials.

Method: weighted minimax approximation by the second Remez algorithm (Muller, "Elementary
Functions", 3rd ed., chapter 3) on a grid of Chebyshev points, in multiple precision. Rounding the
coefficients to the dtype costs accuracy, so up to ROUNDED_EARLY of the lowest are rounded one at a
time, each before the others are fitted again to what it left; the best of these polynomials is
printed, with its error after all the rounding.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from mpmath import mp, mpf

Real = Callable[[mpf], mpf]

ROUNDED_EARLY = 2
GRID_POINTS = 600  # even, so that no point is zero, where some targets are 0/0
SIGNIFICANT_BITS = {"float32": 24, "float64": 53}


@dataclass(frozen=True)
class Problem:
    """Approximate `target` by a polynomial so that the largest `weight` * error is least."""

    name: str
    target: Real
    weight: Real
    low: mpf
    high: mpf
    degrees: dict[str, int]


def exp2_rest(r: mpf) -> mpf:
    """Q in 2**r = 1 + r/2 + r*Q(r)."""
    return (mpf(2) ** r - 1 - r / 2) / r


def exp2_weight(r: mpf) -> mpf:
    """An error of Q counts relative to 2**r."""
    return abs(r) / mpf(2) ** r


def log2_rest(f: mpf) -> mpf:
    """Q in log2(1 + f) = f + f/2 + f*Q(f)."""
    return mp.log(1 + f, 2) / f - mpf(3) / 2


def log2_weight(f: mpf) -> mpf:
    """An error of Q counts relative to log2(1 + f)."""
    return f / mp.log(1 + f, 2)


def odd_rest(function: Real) -> Real:
    """Q in function(r) = r + r*z*Q(z), z = r**2, as a function of z."""

    def rest(z: mpf) -> mpf:
        r = mp.sqrt(z)
        return (function(r) - r) / (r * z)

    return rest


def odd_weight(function: Real) -> Real:
    """An error of Q counts relative to the function."""

    def weight(z: mpf) -> mpf:
        r = mp.sqrt(z)
        return r * z / function(r)

    return weight


def cos_rest(z: mpf) -> mpf:
    """Q in cos(r) = 1 - z/2 + z**2*Q(z), z = r**2."""
    return (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2


def cos_weight(z: mpf) -> mpf:
    """An error of Q counts relative to cos(r)."""
    return z**2 / mp.cos(mp.sqrt(z))


def trigonometric() -> list[Problem]:
    """In z, up to 1/4, (7/16)**2 and a little more than (pi/4)**2."""
    zero, quadrant = mpf(0), (mp.pi / 4) ** 2 * (1 + mpf(2) ** -16)
    odd: list[tuple[str, Real, mpf, dict[str, int]]] = [
        ("sin", mp.sin, quadrant, {"float32": 3, "float64": 6}),
        ("asin", mp.asin, mpf("0.25"), {"float32": 5, "float64": 13}),
        ("atan", mp.atan, mpf(49) / 256, {"float32": 4, "float64": 11}),
    ]
    return [
        Problem("cos", cos_rest, cos_weight, zero, quadrant, {"float32": 2, "float64": 5}),
        *(Problem(name, odd_rest(f), odd_weight(f), zero, z, n) for name, f, z, n in odd),
    ]


def cosh_rest(z: mpf) -> mpf:
    """A in cosh(r) = 1 + z/2 + z**2 * A(z), z = r**2."""
    return (mp.cosh(mp.sqrt(z)) - 1 - z / 2) / z**2


def cosh_weight(z: mpf) -> mpf:
    """An error of A counts relative to 1, which is near every result that it is added to."""
    return z**2


def log1p_rest(f: mpf) -> mpf:
    """P in log(1 + f) = f + f**2 * P(f)."""
    return (mp.log1p(f) - f) / f**2


def log1p_weight(f: mpf) -> mpf:
    """An error of P counts relative to log(1 + f)."""
    return f**2 / mp.log1p(f)


def atanh_rest(z: mpf) -> mpf:
    """P in atanh(s) = s + s*z/3 + s*z**2 * P(z), z = s**2."""
    s = mp.sqrt(z)
    return (mp.atanh(s) / s - 1 - z / 3) / z**2


def atanh_weight(z: mpf) -> mpf:
    """An error of P counts relative to atanh(s)."""
    s = mp.sqrt(z)
    return s * z**2 / mp.atanh(s)


def erf_rest(z: mpf) -> mpf:
    """R in erf(x) = x + x*R(z), z = x**2."""
    x = mp.sqrt(z)
    return mp.erf(x) / x - 1


def erf_weight(z: mpf) -> mpf:
    """An error of R counts relative to erf(x)."""
    x = mp.sqrt(z)
    return x / mp.erf(x)


def log_erfc_rest(t: mpf) -> mpf:
    """M in 1 - erf(3/4 + t) = (1 - erf(3/4)) * exp(t*M(t))."""
    return (mp.log(mp.erfc(mpf("0.75") + t)) - mp.log(mp.erfc(mpf("0.75")))) / t


def log_erfc_weight(t: mpf) -> mpf:
    """An error of M counts relative to erf(3/4 + t)."""
    return t * mp.erfc(mpf("0.75") + t) / mp.erf(mpf("0.75") + t)


def chebyshev_grid(low: mpf, high: mpf) -> list[mpf]:
    """Chebyshev points of the interval in ascending order."""
    angles = [mp.pi * (2 * i + 1) / (2 * GRID_POINTS) for i in reversed(range(GRID_POINTS))]
    return [(low + high) / 2 + (high - low) / 2 * mp.cos(angle) for angle in angles]


def alternating_extrema(errors: list[mpf], count: int) -> list[int]:
    """Indices of `count` neighbouring extrema of alternating sign, keeping the largest."""
    peaks: list[int] = []
    for i, error in enumerate(errors):
        if peaks and (errors[peaks[-1]] > 0) == (error > 0):
            if abs(error) > abs(errors[peaks[-1]]):
                peaks[-1] = i
        else:
            peaks.append(i)
    while len(peaks) > count:
        peaks.pop(0 if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else -1)
    return peaks


def remez(grid: list[mpf], target: list[mpf], weight: list[mpf], degree: int) -> list[mpf]:
    """Minimax coefficients, constant first, for values of target and weight on the grid."""
    count = degree + 2
    chosen = [round(i * (len(grid) - 1) / (count - 1)) for i in range(count)]
    for _ in range(30):
        matrix = mp.matrix(count, count)
        for row, i in enumerate(chosen):
            for power in range(degree + 1):
                matrix[row, power] = grid[i] ** power
            matrix[row, degree + 1] = (-1) ** row / weight[i]
        solution = list(mp.lu_solve(matrix, mp.matrix([target[i] for i in chosen])))
        coefficients = solution[: degree + 1]
        errors = [
            w * (t - mp.polyval(coefficients[::-1], x))
            for x, t, w in zip(grid, target, weight, strict=True)
        ]
        peaks = alternating_extrema(errors, count)
        if len(peaks) < count or max(map(abs, errors)) <= abs(solution[-1]) * (1 + mpf(10) ** -6):
            break
        chosen = peaks
    return coefficients


def rounded_minimax(problem: Problem, degree: int, bits: int) -> tuple[mpf, list[mpf]]:
    """The weighted error of the best rounded polynomial, and its coefficients, constant first."""
    grid = chebyshev_grid(problem.low, problem.high)
    target = [problem.target(x) for x in grid]
    weight = [problem.weight(x) for x in grid]
    candidates = []
    for early in range(min(ROUNDED_EARLY, degree) + 1):
        rounded: list[mpf] = []
        rest, rest_weight = target, weight
        while len(rounded) < early:
            fitted = remez(grid, rest, rest_weight, degree - len(rounded))
            rounded += round_to(fitted[:1], bits)
            rest = [(r - rounded[-1]) / x for r, x in zip(rest, grid, strict=True)]
            rest_weight = [w * abs(x) for w, x in zip(rest_weight, grid, strict=True)]
        rounded += round_to(remez(grid, rest, rest_weight, degree - early), bits)
        candidates.append((weighted_error(grid, target, weight, rounded), rounded))
    return min(candidates)


def round_to(numbers: list[mpf], bits: int) -> list[mpf]:
    """The numbers rounded to `bits` significant bits."""
    with mp.workprec(bits):
        return [+number for number in numbers]


def weighted_error(
    grid: list[mpf], target: list[mpf], weight: list[mpf], coefficients: list[mpf]
) -> mpf:
    """The largest error of the polynomial on the grid."""
    return max(
        w * abs(t - mp.polyval(coefficients[::-1], x))
        for x, t, w in zip(grid, target, weight, strict=True)
    )


def problems() -> list[Problem]:
    """Every polynomial. Ranges are those that the reductions leave, rounded up."""
    half, low, high = mpf("0.5"), mpf("-0.1875"), mpf("0.21875")
    r2 = mpf("0.34661") ** 2  # r is within log(2) / 2 and a rounding error
    s2 = (low / (2 + low)) ** 2
    return [
        Problem("exp2", exp2_rest, exp2_weight, -half, half, {"float32": 5, "float64": 11}),
        Problem("log2", log2_rest, log2_weight, low, high, {"float32": 7, "float64": 16}),
        *trigonometric(),
        Problem("cosh", cosh_rest, cosh_weight, mpf(0), r2, {"float32": 1, "float64": 4}),
        Problem(
            "sinh", odd_rest(mp.sinh), odd_weight(mp.sinh), mpf(0), r2, {"float32": 2, "float64": 5}
        ),
        Problem("log1p", log1p_rest, log1p_weight, low, high, {"float32": 7, "float64": 17}),
        Problem("atanh", atanh_rest, atanh_weight, mpf(0), s2, {"float32": 2, "float64": 6}),
        Problem("erf", erf_rest, erf_weight, mpf(0), mpf("0.5625"), {"float32": 5, "float64": 12}),
        Problem("erfc", log_erfc_rest, log_erfc_weight, mpf(0), mpf("3.25"), {"float32": 8}),
        Problem("erfc", log_erfc_rest, log_erfc_weight, mpf(0), mpf("5.25"), {"float64": 20}),
    ]


def main() -> None:
    """Print the tables of coefficients, all or those named."""
    mp.dps = 50
    for problem in problems():
        if sys.argv[1:] and problem.name not in sys.argv[1:]:
            continue
        for dtype, degree in problem.degrees.items():
            error, rounded = rounded_minimax(problem, degree, SIGNIFICANT_BITS[dtype])
            print(f"{problem.name} {dtype}: error 2**{float(mp.log(error, 2)):.2f}")
            for coefficient in reversed(rounded):
                print(f"    {float(coefficient)!r},")


if __name__ == "__main__":
    main()
