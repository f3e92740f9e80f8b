"""The error that running sums and products may have, from exact ones.

Each prefix obeys the bound of its own sum or product: gamma of the roundings on its longest path,
times the sum of magnitudes, or times the product with one rounding for each of its factors.
Source: N. Higham, Accuracy and Stability of Numerical Algorithms, chapters 3 and 4.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate
from operator import mul

import numpy as np

from oracles.formats import FORMATS, Array
from oracles.order import scan_path, within_gamma
from oracles.ulp import in_range

EXACT_ROWS = 8
EXACT_PREFIXES = 32
LONGEST_PRODUCT = 128
"""Rows that are checked and prefixes of each, evenly spread; products of more factors are not."""


def check(name: str, rows: Array, results: Array, broken: Array) -> None:
    """Mark the `results` [k, n] of scanning `rows` [k, n] that break their bound in `broken`.

    `rows` are in the accumulator's dtype. `name` is cumsum or cumprod.
    """
    function = _sums if name == "cumsum" else _products
    measured = in_range(results)
    for k in _spread(rows.shape[0], EXACT_ROWS):
        for j in function(rows[k], results[k]):
            broken[k, j] = measured[k, j]


def _spread(count: int, limit: int) -> list[int]:
    if count <= limit:
        return list(range(count))
    return sorted({k * (count - 1) // (limit - 1) for k in range(limit)})


def _sums(row: Array, results: Array) -> list[int]:
    """The places of sums that are off; none from where a partial sum might overflow."""
    with np.errstate(all="ignore"):
        sizes = np.cumsum(np.abs(row.astype(np.float64)))
        usable = int(np.count_nonzero(sizes < float(np.finfo(row.dtype).max) / 2))
    ratios = [item.as_integer_ratio() for item in row[:usable].astype(np.float64).tolist()]
    scale = max((bottom for _, bottom in ratios), default=1)
    numbers = [top * (scale // bottom) for top, bottom in ratios]
    totals = list(accumulate(numbers))
    magnitudes = list(accumulate(map(abs, numbers)))
    path = scan_path(row.size)
    return [
        j for j in _spread(usable, EXACT_PREFIXES)
        if np.isfinite(results[j]) and not within_gamma(
            Fraction(float(results[j])), Fraction(totals[j], scale),
            Fraction(magnitudes[j], scale), path, row.dtype.name, results.dtype.name,
        )
    ]  # fmt: skip


def _products(row: Array, results: Array) -> list[int]:
    """The places of products that are off, as far as no partial product leaves the normal range."""
    with np.errstate(all="ignore"):
        numbers = row[:LONGEST_PRODUCT].astype(np.float64)
        _, exponents = np.frexp(numbers)
        high = np.cumsum(np.maximum(exponents, 0)) < FORMATS[row.dtype.name].emax
        low = np.cumsum(np.minimum(exponents - 1, 0)) > FORMATS[row.dtype.name].emin
        usable = high & low & np.logical_and.accumulate(np.isfinite(numbers) & (numbers != 0))
    exact = list(accumulate(map(Fraction, numbers[: np.count_nonzero(usable)].tolist()), mul))
    return [
        j for j in _spread(len(exact), EXACT_PREFIXES)
        if np.isfinite(results[j]) and not within_gamma(
            Fraction(float(results[j])), exact[j], abs(exact[j]), max(j, 1), row.dtype.name,
            results.dtype.name,
        )
    ]  # fmt: skip
