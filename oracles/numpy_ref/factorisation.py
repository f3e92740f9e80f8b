"""Factorisations in numpy: one of several right answers, in more digits than the result's.

The bits of `newton_schulz` are prescribed; `backward` judges the other rows, whatever they give.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from oracles.formats import Array
from oracles.numpy_ref.creation import full
from oracles.numpy_ref.elementwise import abs as magnitude, isfinite
from oracles.numpy_ref.reduce import matmul, sum as ordered_sum
from oracles.numpy_ref.support import canonical, convert, from_wide, scalar
from oracles.promotion import accumulator, to_float


class Reflected(NamedTuple):
    """Q and R; `alpha` and `tail` are what was on and below the diagonal before each step."""

    q: Array
    r: Array
    alpha: Array
    tail: Array


def reflections(a: Array) -> Reflected:
    """Householder's QR of one matrix with LAPACK's signs (Golub, Van Loan, 4th ed., 5.2.2)."""
    q, r = np.eye(a.shape[0], dtype=a.dtype), a.copy()
    count = min(a.shape)
    alpha, tail = np.zeros(count, dtype=a.dtype), np.zeros(count, dtype=a.dtype)
    for k in range(count):
        alpha[k], below = r[k, k], r[k + 1 :, k]
        largest = np.abs(below).max(initial=0)
        tail[k] = largest * np.sqrt(((below / largest) ** 2).sum()) if largest else 0
        if not tail[k]:
            continue
        v = r[k:, k].copy()
        v[0] += np.copysign(np.hypot(alpha[k], tail[k]), alpha[k])
        v /= np.abs(v).max()
        twice = 2 * v / (v @ v)
        r[k:] -= np.outer(twice, v @ r[k:])
        q[:, k:] -= np.outer(q[:, k:] @ v, twice)
    return Reflected(q, np.triu(r), alpha, tail)


def qr(x: Array) -> tuple[Array, Array]:
    """Q square and R, in longdouble, rounded."""
    rows, columns = x.shape[-2:]
    q, r = _like(x, (rows, rows)), _like(x, (rows, columns))
    finite = isfinite(x)
    for place in np.ndindex(x.shape[:-2]):
        if finite[place].all():
            found = reflections(x[place].astype(np.longdouble))
            q[place], r[place] = (from_wide(one, q.dtype.name) for one in (found.q, found.r))
    return q, r


def svd(x: Array, full_matrices: bool = True) -> tuple[Array, Array, Array]:
    """U, S and the transpose of V by LAPACK in float64, rounded."""
    rows, columns = x.shape[-2:]
    least = min(rows, columns)
    left, right = (rows, columns) if full_matrices else (least, least)
    u, s, v = _like(x, (rows, left)), _like(x, (least,)), _like(x, (right, columns))
    finite = isfinite(x)
    for place in np.ndindex(x.shape[:-2]):
        if finite[place].all():
            wide = convert(x[place], "float64")
            found = np.linalg.svd(wide, full_matrices=full_matrices)
            u[place], s[place], v[place] = (convert(one, u.dtype.name) for one in found)
    return u, magnitude(s), v  # LAPACK has -0 for zeros


def _like(x: Array, shape: tuple[int, ...]) -> Array:
    """NaNs in the result's dtype for each matrix."""
    return full((*x.shape[:-2], *shape), math.nan, to_float(x.dtype.name))


def newton_schulz(x: Array, steps: int, params: Sequence[float], eps: float = 1e-7) -> Array:
    """p0 G + (p1 A + p2 A A + …) G with A = G Gᵀ, each step rounded in the accumulator's dtype."""
    result = to_float(x.dtype.name)
    wide = accumulator(result)
    g = convert(convert(x, result), wide)
    with np.errstate(all="ignore"):
        length = np.sqrt(ordered_sum(g * g, (-2, -1), keepdim=True)) + scalar(eps, wide)
        g = g / length
        tall = g.shape[-2] > g.shape[-1]
        g = np.swapaxes(g, -2, -1) if tall else g
        for _ in range(steps):
            g = _step(g, [scalar(one, wide) for one in params])
    return convert(canonical(np.swapaxes(g, -2, -1) if tall else g), result)


def _step(g: Array, params: Sequence[np.generic]) -> Array:
    square = matmul(g, np.swapaxes(g, -2, -1))
    power, total = square, np.zeros_like(square)
    for k, factor in enumerate(params[1:]):
        power = matmul(power, square) if k else square
        total = total + power * factor if k else power * factor
    first = g * params[0]
    return np.asarray(first + matmul(total, g) if len(params) > 1 else first)
