"""The second judge of ordered results: |result - exact| <= gamma_n * sum|x_i|.

For sums n is the number of roundings on the longest path of the order, which is sharper than the
number of elements and still has a meaning for 2**24 of them. For products it is the number of all
multiplications: each rounding, wherever it happens, scales the whole product by 1 + delta.

Rows of elements whose partial results could overflow or (for products) underflow in some order
are left to the bits alone, and so is everything that is not finite.  Sources: N. Higham,
Accuracy and Stability of Numerical Algorithms, chapters 3 and 4.
"""

from __future__ import annotations

from fractions import Fraction
from math import fsum, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from oracles.bounds_scans import check as check_scans
from oracles.bounds_statistics import check as check_moments
from oracles.catalog import OUTPUT, ROWS
from oracles.formats import FORMATS, Array
from oracles.numpy_ref.contraction import TERMS
from oracles.numpy_ref.reduce import gather_axes
from oracles.numpy_ref.spatial import averaged_windows
from oracles.numpy_ref.statistics import elements
from oracles.numpy_ref.support import common, convert, moved_back, moved_last
from oracles.order import gamma, longest_path, within_gamma
from oracles.promotion import accumulator
from oracles.ulp import in_range, spacing

if TYPE_CHECKING:
    from oracles.case import Case

EXACT_ROWS = 64
"""Rows of float64 elements that are summed exactly; evenly spread when there are more."""

MATMUL_SAMPLE = 4096
MATMUL_PRODUCTS = 1 << 22
"""Elements of a matmul result that are checked, evenly spread, and their products in all."""


_MOMENTS = {
    "mean": ("mean",), "var": ("var",), "std": ("std",),
    "var_mean": ("var", "mean"), "std_mean": ("std", "mean"),
}  # fmt: skip
"""What each result of these rows is."""


def broken_bounds(case: Case, reference: Array) -> Array:
    """Where the reference breaks its bound, in the reference's shape."""
    result = reference.dtype.name
    wide = accumulator(result)
    flat = reference.reshape(-1)
    broken = np.zeros(flat.shape, dtype=bool)
    if case.name == "matmul":
        return _broken_matmul(case, flat, wide, broken).reshape(reference.shape)
    if case.name in TERMS:
        return _broken_terms(case, flat, wide).reshape(reference.shape)
    if case.name in _MOMENTS:
        kind = _MOMENTS[case.name][case.attrs.get(OUTPUT, 0)]
        rows = elements(case.args[0], case.attrs.get("axis"))
        rows = rows.reshape(flat.size, rows.shape[-1])
        check_moments(kind, rows, flat, case.attrs.get("correction", 1), broken)
        return broken.reshape(reference.shape)
    if case.name == "avg_pool2d":
        windows, counts = averaged_windows(case.args[0], case.attrs)
        rows = windows.reshape(flat.size, windows.shape[-1])
        numbers = np.tile(counts, windows.shape[0])
        check_moments("mean", rows, flat, 0, broken, numbers)
        return broken.reshape(reference.shape)
    if case.name in ("cumsum", "cumprod"):
        return _broken_scan(case, reference, wide)
    values = gather_axes(convert(case.args[0], wide), case.attrs.get("axis"))
    rows = values.reshape(flat.size, -1) if values.size else np.zeros((flat.size, 0))
    check = _check_sums if case.name == "sum" else _check_products
    check(rows, flat, wide, broken, _roundings(case.name, rows.shape[1]))
    return broken.reshape(reference.shape)


def _broken_scan(case: Case, reference: Array, wide: str) -> Array:
    """Each line along the scanned axis on its own."""
    axis = case.attrs.get("axis", 0)
    if reference.size == 0:
        return np.zeros(reference.shape, dtype=bool)
    lines = [moved_last(one, axis) for one in (convert(case.args[0], wide), reference)]
    rows, results = (one.reshape(-1, one.shape[-1]) for one in lines)
    broken = np.zeros(results.shape, dtype=bool)
    check_scans(case.name, rows, results, broken)
    return moved_back(broken.reshape(lines[1].shape), reference, axis)


def _roundings(name: str, count: int) -> int:
    if name == "prod":
        return max(count - 1, 1)
    order = ROWS[name].order
    assert order is not None
    return longest_path(count, order)


def _broken_matmul(case: Case, flat: Array, wide: str, broken: Array) -> Array:
    """Products of float64 stand as they are: their own rounding is one more of the count."""
    x, y = (convert(one, wide) for one in common(*case.args))
    left = x[None, :] if x.ndim == 1 else x
    right = y[:, None] if y.ndim == 1 else y
    batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    grid = (*batch, left.shape[-2], right.shape[-1])
    affordable = max(1, min(MATMUL_SAMPLE, MATMUL_PRODUCTS // max(left.shape[-1], 1)))
    picked = _spread(flat.size, affordable)
    *outer, i, j = np.unravel_index(picked, grid)
    lines = np.broadcast_to(left, (*batch, *left.shape[-2:]))[(*outer, i)]
    columns = np.broadcast_to(right, (*batch, *right.shape[-2:]))
    columns = np.swapaxes(columns, -1, -2)[(*outer, j)]
    with np.errstate(all="ignore"):
        products = lines.astype(np.float64) * columns.astype(np.float64)
        tiny = (np.abs(products) < _safe_product(wide)) & (lines != 0) & (columns != 0)
    usable = ~tiny.any(axis=-1)
    part = np.zeros(picked.size, dtype=bool)
    roundings = _roundings(case.name, lines.shape[-1]) + 1
    _check_sums(products, flat[picked], wide, part, roundings)
    broken[picked] = part & usable
    return broken


def _broken_terms(case: Case, flat: Array, wide: str) -> Array:
    """The same terms in float64; each factor and a bias may add one rounding to the sum's."""
    with np.errstate(all="ignore"):
        operands = [convert(one, wide).astype(np.float64) for one in common(*case.args)]
        products, bias = TERMS[case.name](operands, case.attrs)
        rows = products.reshape(flat.size, products.shape[-1])
        if bias is not None:
            spread = np.broadcast_to(bias, products.shape[:-1]).reshape(-1, 1)
            rows = np.concatenate([rows, spread], axis=-1)
        tiny = (np.abs(rows) < _safe_product(wide)) & (rows != 0)
    roundings = _roundings(case.name, products.shape[-1]) + len(operands)
    part = np.zeros(flat.shape, dtype=bool)
    _check_sums(rows, flat, wide, part, roundings)
    return np.asarray(part & ~tiny.any(axis=-1))


def _safe_product(wide: str) -> float:
    """Products below this may have lost bits to underflow."""
    return float(np.ldexp(1.0, FORMATS[wide].emin + 1))


def _spread(count: int, limit: int) -> Array:
    if count <= limit:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, limit).astype(np.int64))


def _check_sums(rows: Array, flat: Array, wide: str, broken: Array, roundings: int) -> None:
    """float64 first; `fsum` and rational numbers where that leaves room for doubt."""
    with np.errstate(all="ignore"):
        numbers = rows.astype(np.float64)
        sizes = np.abs(numbers).sum(axis=-1)
        totals = numbers.sum(axis=-1)
        slack = sizes * max(rows.shape[-1], 1) * 2.0**-52
        bound = float(gamma(max(roundings, 1), wide)) * sizes + slack
        errors = np.abs(flat.astype(np.float64) - totals)
        usable = in_range(flat) & (sizes < _largest(wide) / 2)
        final = spacing(FORMATS[flat.dtype.name], flat.astype(np.longdouble)).astype(np.float64)
        bound = bound if flat.dtype == wide else bound + final
        doubtful = usable & ~(errors <= bound - 2 * slack)
    exact_only = np.flatnonzero(usable)[_spread(int(usable.sum()), EXACT_ROWS)]
    chosen = exact_only if wide == "float64" else np.flatnonzero(doubtful)[:EXACT_ROWS]
    for k in chosen.tolist():
        broken[k] = not _sum_holds(numbers[k], flat[k], wide, roundings)


def _largest(wide: str) -> float:
    return float(np.finfo(wide).max)


def _sum_holds(row: Array, result: Any, wide: str, roundings: int) -> bool:
    """fsum rounds the exact sum once; that rounding is granted on top."""
    terms = row.tolist()
    exact = Fraction(fsum(terms))
    size = Fraction(fsum(abs(term) for term in terms)) * (1 + Fraction(1, 2**50))
    granted = size * Fraction(1, 2**53) * 2
    near = Fraction(float(result))
    if abs(near - exact) <= granted:
        return True
    shifted = exact + granted if near > exact else exact - granted
    return within_gamma(near, shifted, size, roundings, wide, result.dtype.name)


def _check_products(rows: Array, flat: Array, wide: str, broken: Array, roundings: int) -> None:
    """Exact products of rationals for a spread of rows whose partial products are normal."""
    with np.errstate(all="ignore"):
        _, exponents = np.frexp(rows.astype(np.float64))
    positive = np.maximum(exponents, 0).sum(axis=-1)
    negative = np.minimum(exponents - 1, 0).sum(axis=-1)
    row = FORMATS[wide]
    usable = in_range(flat) & np.isfinite(rows).all(axis=-1) & (positive < row.emax)
    usable &= (negative > row.emin) & (rows != 0).all(axis=-1)
    places = np.flatnonzero(usable)
    for k in places[_spread(places.size, EXACT_ROWS)].tolist():
        ratios = [term.as_integer_ratio() for term in rows[k].tolist()]
        exact = Fraction(prod(top for top, _ in ratios), prod(bottom for _, bottom in ratios))
        got, name = Fraction(float(flat[k])), flat.dtype.name
        broken[k] = not within_gamma(got, exact, abs(exact), roundings, wide, name)
