"""The verdict on factors by backward error: they are those of a matrix as near as rounding.

Factors are not unique, so they are judged by what they must do.  One unit is (n + 4) * epsilon
times the size of what is compared, n the larger side of the matrix and epsilon the spacing at 1 of
the dtype in which the steps are taken (float32 for float16); what rounding a result of float16 may
add is taken off first.  A row allows `bound_ulp` units.  All comparisons are made in longdouble.

A factor alone is judged as far as that goes; with the others of the same call the product is
compared with the matrix, too.  An element has the distance of the worst of the properties that its
column, row or matrix has a part in.

Sources: N. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., theorem 19.4 (each
column of QR is that of a nearby column); G. Golub, C. Van Loan, Matrix Computations, 4th ed.,
corollary 8.6.2 (singular values move by no more than the matrix).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from oracles.catalog import OUTPUT
from oracles.formats import FORMATS, Array
from oracles.numpy_ref.factorisation import reflections
from oracles.numpy_ref.support import convert
from oracles.promotion import accumulator

if TYPE_CHECKING:
    from oracles.case import Case

PROVED_VALUES = 16
"""Singular values of float64 up to this number come from mpmath, more of them from LAPACK."""


@dataclass(frozen=True)
class Scene:
    """One matrix and what was given for it, in longdouble; `number` is the factor on trial.

    `rounding` is half an ulp of 1 of a result that is narrower than the steps, else 0, and `tiny`
    the least number of the result.
    """

    a: Array
    given: Mapping[int, Array]
    number: int
    unit: float
    rounding: float
    tiny: float
    steps: str

    @property
    def got(self) -> Array:
        return self.given[self.number]

    def off(self, x: Array) -> Array:
        """How far rounding moves a result at most."""
        return np.asarray(self.rounding * np.abs(x) + self.tiny)

    def slack(self, x: Array, y: Array) -> Array:
        """How far rounding moves a product of two results at most."""
        dx, dy = self.off(x), self.off(y)
        return np.asarray(np.abs(x) @ dy + dx @ np.abs(y) + dx @ dy)

    def distance(self, error: Array, size: Array, allowed: Array) -> Array:
        """Units of an error: `size` is that of what is compared, `allowed` what rounding adds."""
        excess = np.maximum(np.abs(error) - allowed, 0)
        unit = np.broadcast_to(self.unit * size, excess.shape)
        units = np.divide(excess, unit, out=np.full(excess.shape, np.inf), where=unit > 0)
        return np.asarray(np.where(excess == 0, 0.0, np.where(np.isnan(units), np.inf, units)))


def distances(case: Case) -> Array:
    """Units of each element of a result, whose shape is right; NaN where it is not judged."""
    units = np.zeros(case.got.shape)
    matrices = case.args[0]
    given = {**case.beside, case.attrs.get(OUTPUT, 0): case.got}
    for place in np.ndindex(matrices.shape[:-2]):
        with np.errstate(all="ignore"):
            parts = {number: array[place] for number, array in given.items()}
            units[place] = _of_matrix(case, matrices[place], parts)
    return units


def _of_matrix(case: Case, matrix: Array, parts: Mapping[int, Array]) -> Array:
    number = case.attrs.get(OUTPUT, 0)
    result = FORMATS[parts[number].dtype.name]
    steps = FORMATS[accumulator(result.name)]
    a = convert(matrix, result.name).astype(np.longdouble)
    given = {k: part.astype(np.longdouble) for k, part in parts.items()}
    got = given[number]
    if not np.isfinite(a).all():
        return np.asarray(np.where(np.isnan(got), 0.0, np.inf))
    if not np.sqrt((a * a).sum()) < 2.0 ** (result.emax - 1):
        return np.full(got.shape, np.nan)
    scene = Scene(
        a, given, number,
        (max(a.shape) + 4) * 2.0**-steps.mantissa_bits,
        0.0 if steps is result else 2.0**-result.precision,
        2.0 ** (result.emin - result.mantissa_bits), steps.name,
    )  # fmt: skip
    units = np.asarray(_ROWS[case.name](scene)) + np.zeros(got.shape)
    return np.where(np.isfinite(got), units, np.inf)


def _orthonormal(scene: Scene, columns: Array) -> Array:
    """For each column: how far its products with all are from those of the identity."""
    error = columns.T @ columns - np.eye(columns.shape[1])
    ones = np.ones(1, dtype=np.longdouble)
    units = scene.distance(error, ones, scene.slack(columns.T, columns))
    return np.asarray(units.max(axis=1, initial=0))


def _lengths(x: Array) -> Array:
    """Of columns."""
    largest = np.abs(x).max(axis=0, initial=0)
    scaled = x / np.where(largest > 0, largest, 1)
    return np.asarray(largest * np.sqrt((scaled * scaled).sum(axis=0)))


# -- QR --------------------------------------------------------------------------------------------
def _qr(scene: Scene) -> Array:
    units = _judge_q(scene) if scene.number == 0 else _judge_r(scene)
    if {0, 1} <= scene.given.keys():
        q, r = scene.given[0], scene.given[1]
        size = _lengths(scene.a)
        product = scene.distance(scene.a - q @ r, size, scene.slack(q, r))
        axis = 1 if scene.number == 0 else 0
        worst = product.max(axis=axis, initial=0)
        units = np.maximum(units, worst[:, None] if axis else worst)
    return units


def _judge_q(scene: Scene) -> Array:
    """Columns are orthonormal; column i has no part in the columns of A before i, and its sign."""
    q, a = scene.got, scene.a
    turned = q.T @ a
    rounding = scene.off(q.T) @ np.abs(a)
    below = np.tril(scene.distance(turned, _lengths(a), rounding), -1)
    units = np.maximum(_orthonormal(scene, q), below.max(axis=1, initial=0))
    count = min(a.shape)
    wrong = _wrong_signs(scene, np.diagonal(turned)[:count], np.diagonal(rounding)[:count])
    units[:count] = np.where(wrong, np.inf, units[:count])
    return np.broadcast_to(units, q.shape)


def _judge_r(scene: Scene) -> Array:
    """+0 below the diagonal; products of columns are those of A; the signs of the diagonal."""
    r, a = scene.got, scene.a
    size = _lengths(a)
    error = r.T @ r - a.T @ a
    products = scene.distance(error, np.outer(size, size), scene.slack(r.T, r))
    units = np.array(np.broadcast_to(products.max(axis=0, initial=0), r.shape))
    lower = np.tril(np.ones(r.shape, dtype=bool), -1)
    units[lower & ((r != 0) | np.signbit(r))] = np.inf
    wrong = np.flatnonzero(_wrong_signs(scene, np.diagonal(r), scene.off(np.diagonal(r))))
    units[wrong, wrong] = np.inf
    return units


def _wrong_signs(scene: Scene, diagonal: Array, rounding: Array) -> Array:
    """Where the diagonal of R, known but for `rounding`, has a sign that it cannot have.

    It has the other sign than the element that was there, or, in the last row, its own.  That is
    left alone where this element, or what is to be cleared, is small, or a column nearly depends on
    those before it, and in all later columns, whose elements then depend on the choice.
    """
    known = reflections(scene.a)
    size = _lengths(scene.a)[: diagonal.size]
    small = np.sqrt(scene.unit) * size
    kept = np.abs(np.diagonal(known.r)) > small
    last = np.arange(diagonal.size) == scene.a.shape[0] - 1
    clear = kept & (np.abs(known.alpha) > small) & (last | (known.tail > small))
    clear = np.logical_and.accumulate(clear) & (np.abs(diagonal) > rounding)
    return np.asarray(clear & (np.sign(diagonal) != np.sign(np.diagonal(known.r))))


# -- singular values -------------------------------------------------------------------------------
def singular_values(a: Array, steps: str) -> Array:
    """In decreasing order, in longdouble."""
    least = min(a.shape)
    if steps != "float64" or not 0 < least <= PROVED_VALUES or not a.any():
        return np.linalg.svd(a.astype(np.float64), compute_uv=False).astype(np.longdouble)
    import mpmath

    context = mpmath.MPContext()
    context.prec = 120
    tall = a if a.shape[0] >= a.shape[1] else a.T
    found = context.svd_r(context.matrix(tall.astype(np.float64).tolist()), compute_uv=False)
    values = [np.longdouble(float(one)) + np.longdouble(float(one - float(one))) for one in found]
    return np.sort(np.array(values, dtype=np.longdouble))[::-1]


def _svd(scene: Scene) -> Array:
    values = singular_values(scene.a, scene.steps)
    units = (_judge_left, _judge_values, _judge_right)[scene.number](scene, values)
    if {0, 1, 2} <= scene.given.keys():
        u, s, v = (scene.given[k] for k in range(3))
        u, v = u[:, : s.size], v[: s.size]
        scaled = u * s
        allowed = scene.slack(scaled, v) + (scene.off(u) * s + np.abs(u) * scene.off(s)) @ np.abs(v)
        product = scene.distance(scene.a - scaled @ v, values.max(initial=0), allowed)
        worst = (product.max(axis=1, initial=0)[:, None], product.max(initial=0),
                 product.max(axis=0, initial=0))[scene.number]  # fmt: skip
        units = np.maximum(units, worst)
    return units


def _judge_values(scene: Scene, values: Array) -> Array:
    """Not negative, in decreasing order, and each near its own."""
    s = scene.got
    units = scene.distance(s - values, values.max(initial=0), scene.off(s))
    units[1:][s[1:] > s[:-1]] = np.inf
    return np.where(np.signbit(s), np.inf, units)


def _judge_left(scene: Scene, values: Array) -> Array:
    """Columns are orthonormal, and their products with A orthogonal, with the singular values."""
    return np.broadcast_to(_one_side(scene, scene.got, scene.a, values), scene.got.shape)


def _judge_right(scene: Scene, values: Array) -> Array:
    """The same for the rows, and the transpose of A."""
    units = _one_side(scene, scene.got.T, scene.a.T, values)
    return np.broadcast_to(units[:, None], scene.got.shape)


def _one_side(scene: Scene, columns: Array, a: Array, values: Array) -> Array:
    size = values.max(initial=0)
    turned, spread = a.T @ columns, _lengths(np.abs(a.T) @ scene.off(columns))
    wanted = np.zeros(columns.shape[1], dtype=np.longdouble)
    wanted[: values.size] = values[: wanted.size]
    length = _lengths(turned)
    units = np.maximum(
        _orthonormal(scene, columns), scene.distance(length - wanted, size, spread)
    )
    products = turned.T @ turned
    np.fill_diagonal(products, 0)
    allowed = spread[:, None] * (length + spread) + length[:, None] * spread
    apart = scene.distance(products, size * (length[:, None] + length), allowed)
    return np.asarray(np.maximum(units, apart.max(axis=1, initial=0)))


_ROWS: dict[str, Callable[[Scene], Array]] = {"qr": _qr, "svd": _svd}
