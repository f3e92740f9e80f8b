"""Attention and interpolation."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from oracles.composite.numbers import Numbers
from oracles.composite.row import CompositeRow, Evaluated, Outside, zero
from oracles.formats import Array


def scaled_dot_product_attention(
    m: Numbers, query: Array, key: Array, value: Array, attn_mask: Array | None = None,
    dropout_p: float = 0.0, is_causal: bool = False, enable_gqa: bool = False,
) -> Evaluated:  # fmt: skip
    """softmax(query key^T / sqrt(depth) + mask) value; a bool mask says what is seen.

    [..., L, E], [..., S, E], [..., S, V].  A row that sees nothing is NaN.  The error of a score,
    a sum of E products in sequence, is that of all the weights; those add S products.
    """
    if enable_gqa:
        heads = query.shape[-3]
        key, value = (np.repeat(one, heads // one.shape[-3], axis=-3) for one in (key, value))
    depth, seen = query.shape[-1], key.shape[-2]
    turned = np.swapaxes(key, -1, -2)
    root = m.sqrt(m.array(float(depth)))
    scores = np.matmul(query, turned) / root
    products = np.matmul(np.abs(query), np.abs(turned))
    sizes = products / root * (depth / 2 + 2)
    fits = np.asarray(products < m.array(2.0**m.steps.emax))  # before they are divided
    hidden = m.array(-np.inf)
    if is_causal:
        lower = np.tri(scores.shape[-2], seen, dtype=bool)
        scores, fits = np.where(lower, scores, hidden), fits | ~lower
    if attn_mask is not None:
        if attn_mask.dtype == np.bool_:
            scores, fits = np.where(attn_mask, scores, hidden), fits | ~attn_mask
        else:
            scores, sizes = scores + attn_mask, sizes + np.abs(attn_mask)
    return _weighted(m, scores, sizes, value, np.all(fits, axis=-1, keepdims=True))


def _weighted(m: Numbers, scores: Array, sizes: Array, value: Array, inside: Array) -> Evaluated:
    last, seen = (scores.ndim - 1,), scores.shape[-1]
    shifted = scores - m.greatest(scores, last)
    powers = m.exp(shifted)
    weights = powers / m.total(powers, last)
    shown = np.where(powers == 0, 0 * m.array(1.0), np.abs(shifted) + sizes)
    relative = 2 * m.greatest(shown, last) + seen + 4
    sums = np.matmul(weights, np.abs(value))
    scale = sums * relative + m.tiny * m.total(np.abs(value), (value.ndim - 2,))
    result = np.matmul(weights, value)
    return Evaluated(result, np.asarray(scale), np.broadcast_to(inside, result.shape))


def interpolate(
    m: Numbers, x: Array, size: tuple[int, ...], mode: str = "linear", align_corners: bool = False
) -> Evaluated:
    """The last len(size) axes at new extents, one after the other from the last.

    linear: between the neighbours of (i + 1/2) in / out - 1/2, clamped, or of
    i (in - 1) / (out - 1) with aligned corners.  nearest: floor(i in / out); nearest-exact:
    floor((i + 1/2) in / out).
    """
    value, scale = x, zero(m, x)
    for place in range(-1, -len(size) - 1, -1):
        places = source_positions(x.shape[place], size[place], mode, align_corners)
        low = [math.floor(one) for one in places]
        high = [math.ceil(one) for one in places]
        shape = [len(places) if k == value.ndim + place else 1 for k in range(value.ndim)]
        share = m.array([one.numerator - k * one.denominator for one, k in zip(places, low)])
        share = (share / m.array([one.denominator for one in places])).reshape(shape)
        reach = m.array([float(one) + 2 for one in places]).reshape(shape)
        first, second = np.take(value, low, axis=place), np.take(value, high, axis=place)
        error = np.take(scale, low, axis=place) + np.take(scale, high, axis=place)
        moved = mode == "linear"
        near = np.abs(first) + np.abs(second)
        value = first + share * (second - first) if moved else first
        scale = error + near * reach + m.tiny if moved else error
    return Evaluated(np.asarray(value), np.asarray(scale))


def source_positions(before: int, after: int, mode: str, align_corners: bool) -> list[Fraction]:
    """Where the elements of a new extent lie in the old one, exactly."""
    half = Fraction(1, 2)
    if mode == "nearest":
        return [Fraction(i * before // after) for i in range(after)]
    if mode == "nearest-exact":
        return [Fraction(math.floor((i + half) * before / after)) for i in range(after)]
    if align_corners:
        step = Fraction(before - 1, after - 1) if after > 1 else Fraction(0)
        return [i * step for i in range(after)]
    places = [(i + half) * before / after - half for i in range(after)]
    return [min(max(one, Fraction(0)), Fraction(before - 1)) for one in places]


ROWS: dict[str, CompositeRow] = {
    "scaled_dot_product_attention": CompositeRow(
        scaled_dot_product_attention,
        "softmax(query key^T / sqrt(depth) + mask) value",
        "finite operands whose products do not overflow in sum, and rows that see something",
        Outside.BITS,
        indices=(3,),
    ),
    "interpolate": CompositeRow(
        interpolate,
        "(1 - w) * x[low] + w * x[high], w = place - low, axis by axis from the last",
        "finite operands without overflow",
        Outside.BITS,
    ),
}
