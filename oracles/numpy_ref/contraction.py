"""Sums of products in numpy: einsum, linear, convolution, in the contract's order.

Each row is first written as its terms, an array [result..., n] of the products that are summed, so
that the bound on the error can be computed from the same terms in a wider dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from oracles.catalog import ROWS, result_dtype
from oracles.formats import FORMATS, Array
from oracles.numpy_ref.support import canonical, common, convert
from oracles.numpy_ref.windows import Extents, inserted, pairs, per_axis, window_view
from oracles.order import ordered_reduce
from oracles.promotion import accumulator

Terms = tuple[Array, Array | None]
"""The products [result..., n], and a bias that broadcasts to [result...]."""


def _total(name: str, args: Sequence[Array], attrs: Mapping[str, Any]) -> Array:
    """The ordered sum of the terms, in the dtype of the result."""
    result = result_dtype(name, [one.dtype.name for one in args], attrs)
    wide = accumulator(result)
    with np.errstate(all="ignore"):
        products, bias = TERMS[name]([convert(one, wide) for one in common(*args)], attrs)
        total = _sum(name, products)
        if bias is not None:
            total = np.add(total, bias)
    return convert(canonical(np.asarray(total)), result)


def _sum(name: str, products: Array) -> Array:
    """In Order(1, 256); integers wrap in any order."""
    if not FORMATS[products.dtype.name].is_float:
        return np.asarray(products.sum(axis=-1, dtype=products.dtype))
    order = ROWS[name].order
    assert order is not None
    return ordered_reduce(products, "sum", order.lanes, order.rows)


# -- einsum and linear -----------------------------------------------------------------------------
def einsum(*operands: Array, formula: str, dtype: str | None = None) -> Array:
    """Products from left to right; the sum over what the result does not name."""
    attrs = {"formula": formula, "dtype": dtype}
    terms, result = einsum_labels(formula, [x.ndim for x in operands])
    if set(chain(*terms)) - set(result):
        return _total("einsum", operands, attrs)
    row = result_dtype("einsum", [x.dtype.name for x in operands], attrs)
    with np.errstate(all="ignore"):
        wide = [convert(x, accumulator(row)) for x in common(*operands)]
        products, _ = _einsum_terms(wide, attrs)
    return convert(canonical(products[..., 0]), row)


def einsum_labels(formula: str, ranks: Sequence[int]) -> tuple[list[list[int]], list[int]]:
    """A number for each axis of each operand and of the result; `...` gets those from 100 on."""
    left, arrow, right = formula.replace(" ", "").partition("->")
    words = left.split(",")
    if len(words) != len(ranks):
        raise ValueError(f"{formula!r} is not for {len(ranks)} operands")
    terms = [_numbered(word, rank) for word, rank in zip(words, ranks, strict=True)]
    used = list(chain(*terms))
    hidden = sorted({label for label in used if label >= 100}, reverse=True)
    if not arrow:
        letters = sorted({label for label in used if label < 100 and used.count(label) == 1})
        return terms, hidden + letters
    head, dots, tail = right.partition("...")
    result = [*_letters(head), *(hidden if dots else []), *_letters(tail)]
    if len(set(result)) < len(result) or not set(result) <= set(used):
        raise ValueError(f"the result of {formula!r}")
    return terms, result


def _letters(word: str) -> list[int]:
    """Capitals before the others, as in the alphabet of bytes."""
    if not (word.isascii() and word.isalpha()) and word:
        raise ValueError(f"{word!r} is not of letters")
    return [ord(letter) - ord("A") for letter in word]


def _numbered(word: str, rank: int) -> list[int]:
    head, dots, tail = word.partition("...")
    before, after = _letters(head), _letters(tail)
    rest = rank - len(before) - len(after)
    if rest < 0 or (rest and not dots):
        raise ValueError(f"{word!r} is not for {rank} axes")
    return [*before, *(100 + k for k in reversed(range(rest))), *after]


def _einsum_terms(operands: Sequence[Array], attrs: Mapping[str, Any]) -> Terms:
    terms, result = einsum_labels(attrs["formula"], [x.ndim for x in operands])
    summed = [label for label in dict.fromkeys(chain(*terms)) if label not in result]
    axes = [*result, *summed]
    total: Array | None = None
    for x, term in zip(operands, terms, strict=True):
        aligned = _aligned(x, term, axes)
        total = aligned if total is None else np.multiply(total, aligned)
    assert total is not None
    shape = total.shape[: len(result)]
    return total.reshape(*shape, int(np.prod(total.shape[len(result) :], dtype=np.int64))), None


def _aligned(x: Array, term: list[int], axes: list[int]) -> Array:
    """One axis for each label of `axes`; a label that appears twice is a diagonal."""
    for label in dict.fromkeys(term):
        while term.count(label) > 1:
            first = term.index(label)
            second = term.index(label, first + 1)
            if x.shape[first] != x.shape[second]:
                raise ValueError("a diagonal of axes of different sizes")
            x = np.diagonal(x, axis1=first, axis2=second)
            term = [*term[:first], *term[first + 1 : second], *term[second + 1 :], label]
    present = [label for label in axes if label in term]
    x = x.transpose([term.index(label) for label in present])
    sizes = dict(zip(present, x.shape, strict=True))
    return x.reshape([sizes.get(label, 1) for label in axes])


def linear(x: Array, weight: Array, bias: Array | None = None, dtype: str | None = None) -> Array:
    """x @ weight + bias; a weight of one axis multiplies the elements."""
    given = [x, weight] if bias is None else [x, weight, bias]
    if weight.ndim != 1:
        return _total("linear", given, {"dtype": dtype})
    row = result_dtype("linear", [one.dtype.name for one in given], {"dtype": dtype})
    with np.errstate(all="ignore"):
        wide = [convert(one, accumulator(row)) for one in common(*given)]
        total = np.multiply(wide[0], wide[1])
        total = total if bias is None else np.add(total, wide[2])
    return convert(canonical(total), row)


def _linear_terms(operands: Sequence[Array], attrs: Mapping[str, Any]) -> Terms:
    x, weight, *bias = operands
    if weight.ndim == 1:
        return np.multiply(x, weight)[..., None], bias[0] if bias else None
    if x.shape[-1:] != weight.shape[-2:-1]:
        raise ValueError(f"linear of {x.shape} and {weight.shape}")
    if x.ndim == 1:
        products = np.multiply(x, np.swapaxes(weight, -1, -2))
    else:
        products = np.multiply(x[..., None, :], np.swapaxes(weight, -1, -2)[..., None, :, :])
    return products, bias[0] if bias else None


# -- convolution -----------------------------------------------------------------------------------
def conv2d(
    x: Array, weight: Array, bias: Array | None = None, groups: int = 1, stride: Extents = 1,
    dilation: Extents = 1, padding: Extents = 0, dtype: str | None = None,
) -> Array:  # fmt: skip
    """Windows times weights over (channel, window); padded products are +0."""
    attrs = {"groups": groups, "stride": stride, "dilation": dilation, "padding": padding,
             "dtype": dtype}  # fmt: skip
    return _total("conv2d", [x, weight] if bias is None else [x, weight, bias], attrs)


def conv_transpose2d(
    x: Array, weight: Array, bias: Array | None = None, groups: int = 1, stride: Extents = 1,
    dilation: Extents = 1, padding: Extents = 0, output_padding: Extents = 0,
    dtype: str | None = None,
) -> Array:  # fmt: skip
    """The convolution of the input with positions inserted, weights flipped."""
    attrs = {"groups": groups, "stride": stride, "dilation": dilation, "padding": padding,
             "output_padding": output_padding, "dtype": dtype}  # fmt: skip
    return _total("conv_transpose2d", [x, weight] if bias is None else [x, weight, bias], attrs)


def _conv_terms(operands: Sequence[Array], attrs: Mapping[str, Any]) -> Terms:
    x, weight, *bias = operands
    dims = weight.ndim - 2
    around = pairs(attrs.get("padding", 0), dims)
    stride, dilation = (per_axis(attrs.get(key, 1), dims) for key in ("stride", "dilation"))
    there = np.ones(x.shape[2:], dtype=bool)
    return _products(x, there, weight, bias, attrs.get("groups", 1), around, stride, dilation)


def _transpose_terms(operands: Sequence[Array], attrs: Mapping[str, Any]) -> Terms:
    x, weight, *bias = operands
    dims = weight.ndim - 2
    stride, dilation = (per_axis(attrs.get(key, 1), dims) for key in ("stride", "dilation"))
    extra = per_axis(attrs.get("output_padding", 0), dims)
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise ValueError("output_padding is not below stride or dilation")
    around = tuple(
        (d * (k - 1) - before, d * (k - 1) - after + e)
        for (before, after), k, d, e in zip(
            pairs(attrs.get("padding", 0), dims), weight.shape[2:], dilation, extra, strict=True
        )
    )
    there = inserted(np.ones(x.shape[2:], dtype=bool), stride)
    groups = attrs.get("groups", 1)
    flipped = np.flip(weight, tuple(range(2, 2 + dims)))
    split = flipped.reshape(groups, weight.shape[0] // groups, *weight.shape[1:])
    turned = np.swapaxes(split, 1, 2).reshape(-1, split.shape[1], *weight.shape[2:])
    return _products(inserted(x, stride), there, turned, bias, groups, around, (1,) * dims,
                     dilation)  # fmt: skip


def _products(
    x: Array, there: Array, weight: Array, bias: list[Array], groups: int,
    around: tuple[tuple[int, int], ...], stride: tuple[int, ...], dilation: tuple[int, ...],
) -> Terms:  # fmt: skip
    """[n, o, counts..., channels * window]: +0 where the window sees no element of the input."""
    dims = weight.ndim - 2
    kernel = weight.shape[2:]
    if x.ndim != dims + 2 or x.shape[1] != weight.shape[1] * groups or weight.shape[0] % groups:
        raise ValueError(f"an input {x.shape} and weights {weight.shape} in {groups} groups")
    seen = window_view(x, kernel, stride, dilation, around, x.dtype.type(0))
    present = window_view(there, kernel, stride, dilation, around, np.bool_(False))
    counts = seen.shape[2 : 2 + dims]
    split = seen.reshape(x.shape[0], groups, 1, weight.shape[1], *seen.shape[2:])
    split = np.moveaxis(split, 3, 3 + dims)
    shared = weight.reshape(1, groups, weight.shape[0] // groups, *(1,) * dims, *weight.shape[1:])
    products = np.multiply(split, shared)
    products = np.where(present.reshape(*counts, 1, *kernel), products, products.dtype.type(0))
    terms = products.reshape(x.shape[0], weight.shape[0], *counts,
                             weight.shape[1] * int(np.prod(kernel)))  # fmt: skip
    return terms, bias[0].reshape(-1, *(1,) * dims) if bias else None


TERMS: dict[str, Callable[[Sequence[Array], Mapping[str, Any]], Terms]] = {
    "einsum": _einsum_terms,
    "linear": _linear_terms,
    "conv2d": _conv_terms,
    "conv_transpose2d": _transpose_terms,
}
