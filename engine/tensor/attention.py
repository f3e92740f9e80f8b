"""Attention, step by step (`composite.py`)."""

from __future__ import annotations

from typing import Self, TypeVar

from engine import dtypes
from engine.graph import Node, Sint, index
from engine.tensor import comparison, views
from engine.tensor.base import TensorBase
from engine.tensor.casts import Casts
from engine.tensor.composite import in_steps
from engine.tensor.elementwise import Elementwise
from engine.tensor.joining import Joining
from engine.tensor.linalg import Linalg
from engine.tensor.movement import Movement
from engine.tensor.random import Random
from engine.tensor.softmax import Softmax
from engine.tensor.variable import show

_NAME = "scaled_dot_product_attention"
_HIDDEN = float("-inf")
T = TypeVar("T", bound="Attention")


class Attention(Elementwise, Casts, Movement, Joining, Softmax, Linalg, Random):
    """Weighted means of values, the weights from products of queries with keys."""

    def scaled_dot_product_attention(
        self,
        key: TensorBase,
        value: TensorBase,
        attn_mask: TensorBase | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        enable_gqa: bool = False,
    ) -> Self:
        """softmax(query @ keyᵀ / √E + mask) @ value, over the keys; `self` is the query.

        (Vaswani et al., Attention is all you need, 2017, equation 1.) Shapes: (…, L, E), (…, S, E)
        and (…, S, V) give (…, L, V); the axes in front broadcast. A bool mask, of a shape that
        broadcasts to (…, L, S), is true for the keys that take part; the scores of the others are
        -inf. A float mask is added. `is_causal` hides the keys behind the query's own place. With
        `enable_gqa` each head (axis -3) of key and value serves as many heads of the query, one
        behind the other, as there are for it (Ainslie et al., GQA, 2023). `dropout_p` is that of
        `dropout`, on the weights.

        All are promoted to one float dtype, that of the result. A query that sees no key gives NaN.
        ValueError for shapes that do not fit, and for a mask beside `is_causal`; TypeError for a
        mask of integers.
        """
        masks = [] if attn_mask is None else [attn_mask]
        if masks and is_causal:
            raise ValueError(f"{_NAME}: is_causal is a mask of its own; leave attn_mask out")
        if not 0 <= dropout_p <= 1:
            raise ValueError(f"{_NAME}: dropout_p must be from 0 to 1, not {dropout_p}")
        dtype, (q, k, v) = in_steps(_NAME, self, [key, value], kept=masks)
        if enable_gqa:
            k, v = (_for_heads(q, one) for one in (k, v))
        _check_shapes(q.shape, k.shape, v.shape)
        root = index(q.shape[-1]).cast(q.dtype).sqrt()
        scores = q.matmul(k.transpose(-2, -1)) / self._like(root)
        if is_causal:
            scores = self._like(_lower(q.shape[-2], k.shape[-2])).where(scores, _HIDDEN)
        if attn_mask is not None:
            scores = _masked(scores, self._wrap(attn_mask.node, attn_mask._device))
        weights = scores.softmax(-1).dropout(dropout_p)
        return weights.matmul(v).cast(dtype)


def _for_heads(query: T, x: T) -> T:
    """Key or value with each head as often as the heads of the query need it."""
    wanted, there = (one.shape[-3] if one.ndim > 2 else 0 for one in (query, x))
    if not isinstance(wanted, int) or not isinstance(there, int) or not there or wanted % there:
        raise ValueError(
            f"{_NAME}: the heads (axis -3) of {show(x.shape)} do not serve those of "
            f"{show(query.shape)} alike"
        )
    return x.repeat_interleave(wanted // there, -3)


def _check_shapes(q: tuple[Sint, ...], k: tuple[Sint, ...], v: tuple[Sint, ...]) -> None:
    fits = min(map(len, (q, k, v))) >= 2 and q[-1] == k[-1] and k[-2] == v[-2]
    if not fits:
        raise ValueError(
            f"{_NAME}: a query of shape {show(q)}, keys of {show(k)} and values of {show(v)} do "
            "not fit"
        )
    views.broadcast_shape(_NAME, q[:-2], k[:-2], v[:-2])


def _lower(rows: Sint, columns: Sint) -> Node:
    """Whether a column is not behind its row, (rows, columns), both counted from the start."""
    row, column = views.unsqueezed(views.iota(rows), 1), views.iota(columns)
    return comparison.less_equal(*views.broadcast(_NAME, column, row))


def _masked(scores: T, mask: T) -> T:
    """Scores under a mask of bools or floats, which broadcasts to them."""
    if views.broadcast_shape(_NAME, scores.shape, mask.shape) != scores.shape:
        raise ValueError(
            f"{_NAME}: a mask of shape {show(mask.shape)} is larger than the scores, "
            f"{show(scores.shape)}"
        )
    if mask.dtype is dtypes.bool_:
        return mask.where(scores, _HIDDEN)
    if not mask.dtype.is_float:
        raise TypeError(f"{_NAME}: a mask is of bools or floats, not of {mask.dtype}")
    return scores + mask.cast(scores.dtype)
