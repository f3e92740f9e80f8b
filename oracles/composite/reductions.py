"""Composite operators over axes: the softmax family, moments, norms.

Formulas: the documentation of torch.nn.functional.  A sum of n terms in the engine's order is
off by at most `roundings(n)` epsilons of the sum of their sizes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from oracles.composite.numbers import Numbers
from oracles.composite.row import (
    CompositeRow,
    Evaluated,
    axes_of,
    count_of,
    roundings,
    squeezed,
    zero,
)
from oracles.formats import Array

CHUNK = 256
"""Elements that a scan adds in sequence before it combines."""


class Exponentials(NamedTuple):
    """x - max over the axes (0 for the maximum where that is infinite), and exp of it summed."""

    top: Array
    shifted: Array
    powers: Array
    total: Array


def exponentials(m: Numbers, x: Array, axes: tuple[int, ...]) -> Exponentials:
    """What the softmax family shares, with the maximum that is there."""
    top = m.greatest(x, axes)
    shifted = x - top
    powers = m.exp(shifted)
    return Exponentials(top, shifted, powers, m.total(powers, axes))


def softmax(m: Numbers, x: Array, axis: int = -1, dtype: str | None = None) -> Evaluated:
    """exp(x - max) / sum; the rounded exponent's error grows with its size.

    A row of -inf is NaN, since -inf - -inf is.
    """
    axes = axes_of(x, axis)
    found = exponentials(m, x, axes)
    value = found.powers / found.total
    depth = np.where(value == 0, 0 * m.array(1.0), np.abs(found.shifted))
    relative = depth + roundings(count_of(x, axes))
    return Evaluated(np.asarray(value), np.asarray(value * relative + m.tiny))


def softmin(m: Numbers, x: Array, axis: int = -1, dtype: str | None = None) -> Evaluated:
    """softmax(-x)."""
    return softmax(m, -x, axis)


def log_softmax(m: Numbers, x: Array, axis: int = -1, dtype: str | None = None) -> Evaluated:
    """x - max - log(sum of exp(x - max))."""
    axes = axes_of(x, axis)
    found = exponentials(m, x, axes)
    logarithm = m.log(found.total)
    scale = np.abs(found.shifted) + logarithm + roundings(count_of(x, axes))
    return Evaluated(np.asarray(found.shifted - logarithm), np.asarray(scale))


def logsumexp(m: Numbers, x: Array, axis: Any = None, keepdim: bool = False) -> Evaluated:
    """max + log(sum of exp(x - max)); all -inf is -inf, any +inf is +inf."""
    axes = axes_of(x, axis)
    top = m.greatest(x, axes)
    base = np.where(np.abs(top) == np.inf, 0 * m.array(1.0), top)
    logarithm = m.log(m.total(m.exp(x - base), axes))
    scale = np.abs(base) + np.abs(logarithm) + roundings(count_of(x, axes))
    return squeezed(Evaluated(np.asarray(base + logarithm), np.asarray(scale)), axes, keepdim)


def logcumsumexp(m: Numbers, x: Array, axis: int = 0) -> Evaluated:
    """log of the running sum of exp(x), the running maximum taken out."""
    if x.size == 0 or x.ndim == 0:
        return Evaluated(x, zero(m, x))
    lines = np.moveaxis(x, axis, -1)
    values, tops = np.empty_like(lines), np.empty_like(lines)
    value = top = lines[..., 0]
    for k in range(lines.shape[-1]):
        if k:
            value = _log_add(m, value, lines[..., k])
            top = np.maximum(top, np.abs(lines[..., k]))
        values[..., k], tops[..., k] = value, np.abs(top)
    terms = np.arange(1, lines.shape[-1] + 1)
    rounds = m.array(1 + np.log2(terms))  # of combining partial results as large as the maximum
    finite = np.where(tops == np.inf, 0 * m.array(1.0), tops)
    scale = finite * rounds + m.array(np.minimum(terms, 2 * CHUNK) / 2)
    return Evaluated(np.moveaxis(values, -1, axis), np.moveaxis(np.asarray(scale), -1, axis))


def _log_add(m: Numbers, x: Array, y: Array) -> Array:
    apart = np.where(x == y, 0 * m.array(1.0), np.abs(x - y))
    return np.asarray(np.maximum(x, y) + m.log1p(m.exp(-apart)))


class Moments(NamedTuple):
    """Mean and sum of squared deviations with their error scales; axes kept with extent 1."""

    mean: Array
    mean_scale: Array
    deviations: Array
    squares: Array
    squares_scale: Array


def moments(m: Numbers, x: Array, axes: tuple[int, ...]) -> Moments:
    """sum (x - mean)**2 is off by its roundings and by n times the squared error of the mean."""
    count = count_of(x, axes)
    number, path = m.array(float(count)), roundings(count)
    mean = m.total(x, axes) / number
    mean_scale = m.total(np.abs(x), axes) / number * (path + 1)
    deviations = x - mean
    squares = m.total(deviations * deviations, axes)
    spoilt = count * m.epsilon * mean_scale * mean_scale
    scale = squares * (path + 3) + spoilt + count * m.tiny
    return Moments(mean, mean_scale, deviations, np.asarray(squares), np.asarray(scale))


def _squares_fit(m: Numbers, found: Moments) -> Array:
    return np.asarray(found.squares_scale < m.array(2.0 ** (m.steps.emax - 1)))


def layernorm(m: Numbers, x: Array, axis: Any = -1, eps: float = 1e-5) -> Evaluated:
    """(x - mean) / sqrt(mean((x - mean)**2) + eps)."""
    axes = axes_of(x, axis)
    found = moments(m, x, axes)
    number = m.array(float(count_of(x, axes)))
    spread = found.squares / number + eps
    root = m.sqrt(spread)
    value = found.deviations / root
    relative = found.squares_scale / number / spread
    scale = found.mean_scale / root + np.abs(value) * (relative + 2)
    inside = np.broadcast_to(_squares_fit(m, found), value.shape)
    return Evaluated(np.asarray(value), np.asarray(scale), inside)


def batchnorm(
    m: Numbers, x: Array, mean: Array, invstd: Array, weight: Array | None = None,
    bias: Array | None = None, axis: Any = 1,
) -> Evaluated:  # fmt: skip
    """(x - mean) * weight * invstd + bias.

    Each operand has the extents of the axes, or broadcasts as it is.
    """
    axes = axes_of(x, axis)
    extents = tuple(x.shape[k] for k in axes)
    shape = [x.shape[k] if k in axes else 1 for k in range(x.ndim)]
    given = (mean, invstd, m.array(1.0) if weight is None else weight,
             m.array(0.0) if bias is None else bias)  # fmt: skip
    placed = [one.reshape(shape) if one.shape == extents else one for one in given]
    middle, inverse, factor, offset = placed
    product = (x - middle) * factor * inverse
    lost = m.tiny * (1 + np.abs(factor)) * (1 + np.abs(inverse))
    value = np.asarray(product + offset)
    top = (np.abs(x) + np.abs(middle)) * (1 + np.abs(factor)) * (1 + np.abs(inverse))
    inside = np.broadcast_to(top < m.array(2.0 ** (m.steps.emax - 1)), value.shape)
    return Evaluated(value, np.asarray(np.abs(product) + np.abs(offset) + lost), inside)


def normalize(
    m: Numbers, x: Array, p: float = 2.0, dim: int = 1, eps: float = 1e-12
) -> Evaluated:
    """x / max((sum |x|**p)**(1/p), eps); no sum or root of it may overflow or underflow."""
    axes = axes_of(x, dim)
    size = np.abs(x)
    if p == np.inf:
        norm, fits = m.greatest(size, axes), np.ones(x.shape, dtype=bool)
    else:
        powers = np.where(size == 0, size, _power(m, size, p)) if p else m.array(size != 0)
        total = m.total(powers, axes)
        norm = _power(m, total, 1 / p) if p else total
        low, high = m.tiny / m.epsilon, 2.0 ** (m.steps.emax - 1)
        fits = np.ones(total.shape, dtype=bool)
        for one in (total, norm):
            fits = fits & (one < high) & ((one > low) | (one == 0))
    value = x / np.maximum(norm, m.array(eps))
    relative = roundings(count_of(x, axes)) + 4 + abs(p if np.isfinite(p) else 0)
    inside = np.broadcast_to(fits, value.shape)
    return Evaluated(np.asarray(value), np.asarray(np.abs(value) * relative + m.tiny), inside)


def _power(m: Numbers, x: Array, p: float) -> Array:
    if p in (1.0, 2.0):
        return np.asarray(x if p == 1 else x * x)
    return m.sqrt(x) if p == 0.5 else m.power(x, p)


_MOMENTS = "finite operands whose squared deviations do not overflow in sum"

ROWS: dict[str, CompositeRow] = {
    "softmax": CompositeRow(softmax, "exp(x - max) / sum(exp(x - max))"),
    "softmin": CompositeRow(softmin, "softmax(-x)"),
    "log_softmax": CompositeRow(log_softmax, "x - max - log(sum(exp(x - max)))"),
    "logsumexp": CompositeRow(logsumexp, "max + log(sum(exp(x - max)))"),
    "logcumsumexp": CompositeRow(logcumsumexp, "log(running sum of exp(x))"),
    "layernorm": CompositeRow(
        layernorm, "(x - mean) / sqrt(mean((x - mean)**2) + eps)", _MOMENTS
    ),
    "batchnorm": CompositeRow(
        batchnorm,
        "(x - mean) * weight * invstd + bias",
        "finite operands whose products do not overflow in any order",
    ),
    "normalize": CompositeRow(
        normalize,
        "x / max((sum |x|**p)**(1/p), eps)",
        "finite operands whose sum of powers and norm neither overflow nor underflow",
    ),
}
