"""The error that mean, var and std may have, from exact sums.

With u the unit roundoff of the accumulator, gamma_k = k u / (1 - k u) and p the roundings on the
longest path of the order:

* mean: p in the sum, 1 in n, 1 in the division:  |m' - m| <= e = gamma_(p+2) * sum|x| / n;
* var: sum((x - m')²) = S + n (m - m')², where S = sum((x - m)²). The difference rounds once and
  enters twice, the square once, the divisor and the division once each:
  |v' - v| <= B = (n e² + gamma_(p+5) (S + n e²)) / d, plus what squares lose by underflow;
* std: the root rounds once, so it lies between sqrt(v - B)(1 - u) and sqrt(v + B)(1 + u).

Every float is an integer times a power of two, so the sums are exact in Python's integers.
Sources: N. Higham, Accuracy and Stability of Numerical Algorithms, chapters 1.9, 3 and 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from oracles.catalog import ROWS
from oracles.formats import FORMATS, Array
from oracles.order import gamma, longest_path
from oracles.ulp import in_range

EXACT_ROWS = 16
"""Rows that are checked, evenly spread when there are more."""


@dataclass(frozen=True)
class _Exact:
    """Exact sums of one row: n, sum, sum of magnitudes, sum of squared deviations."""

    count: int
    total: Fraction
    magnitude: Fraction
    squares: Fraction


def check(
    kind: str, rows: Array, flat: Array, correction: int, broken: Array, counts: Array | None = None
) -> None:
    """Mark the results `flat` [k] of `rows` [k, n] that break their bound in `broken`.

    `rows` are in the accumulator's dtype. `kind` is mean, var or std. A mean is the sum divided by
    the number in `counts` [k], or else by n.
    """
    count = rows.shape[-1]
    if count == 0 or (kind != "mean" and count <= correction):
        return
    with np.errstate(all="ignore"):
        sizes = np.abs(rows).max(axis=-1).astype(np.float64)
        reach = sizes * count if kind == "mean" else 4 * sizes * sizes * count
        usable = in_range(flat) & (reach < float(np.finfo(rows.dtype).max) / 4)
    places = np.flatnonzero(usable)
    for k in places[_spread(places.size)].tolist():
        number = count if counts is None else int(counts[k])
        broken[k] = not _holds(kind, rows[k], flat[k], correction, number)


def _spread(count: int) -> Array:
    if count <= EXACT_ROWS:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, EXACT_ROWS).astype(np.int64))


def _holds(kind: str, row: Array, result: np.generic, correction: int, number: int) -> bool:
    exact, wide = _exact(row), row.dtype.name
    order = ROWS[kind].order
    assert order is not None
    path = longest_path(exact.count, order)
    got = Fraction(float(result))
    half = _half_ulp(got, result.dtype.name) if result.dtype != row.dtype else Fraction(0)
    mean_error = gamma(path + 2, wide) * exact.magnitude / number + _least(wide)
    if kind == "mean":
        return abs(got - exact.total / number) <= mean_error + half
    divisor = exact.count - correction
    shifted = exact.squares + exact.count * mean_error**2
    bound = exact.count * (mean_error**2 + _least(wide)) + gamma(path + 5, wide) * shifted
    variance, bound = exact.squares / divisor, bound / divisor + _least(wide)
    if kind == "var":
        return abs(got - variance) <= bound + half
    unit = Fraction(1, 2 ** FORMATS[wide].precision)
    low, high = max(got - half, Fraction(0)), got + half
    below = low**2 <= (variance + bound) * (1 + unit) ** 2
    return below and high**2 >= (variance - bound) * (1 - unit) ** 2


def _half_ulp(value: Fraction, dtype: str) -> Fraction:
    """The most that rounding to `dtype` moved a number that became `value`."""
    return FORMATS[dtype].ulp(value) / 2


def _least(wide: str) -> Fraction:
    """The smallest subnormal: more than an underflow loses."""
    return FORMATS[wide].ulp(Fraction(0))


def _exact(row: Array) -> _Exact:
    """Exact sums by integers over the common power of two."""
    ratios = [item.as_integer_ratio() for item in row.astype(np.float64).tolist()]
    scale = max(bottom for _, bottom in ratios)
    numbers = [top * (scale // bottom) for top, bottom in ratios]
    count, total = len(numbers), sum(numbers)
    squares = count * sum(number * number for number in numbers) - total * total
    return _Exact(
        count,
        Fraction(total, scale),
        Fraction(sum(map(abs, numbers)), scale),
        Fraction(squares, count * scale * scale),
    )
