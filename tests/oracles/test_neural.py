"""Norms, attention and losses: variants that torch has too; bits within the formula's bound."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from oracles import composite, numpy_ref, torch_ref
from oracles.catalog import ROWS, Exactness
from oracles.catalog.row import COMPOSITE_BOUNDS
from oracles.formats import Array
from tests.oracles.test_composite import ATTRIBUTES, FLOATS, TORCH_BOUNDS, operands_of

needs_torch = pytest.mark.skipif(not torch_ref.available(), reason=torch_ref.REMEDY)

BITS = [
    (name, attrs)
    for name in composite.ROWS
    if name in ROWS and ROWS[name].exactness is Exactness.BITS
    for attrs in ATTRIBUTES.get(name, [{}])
]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("name", "attrs"), BITS)
def test_bits_are_those_of_the_formula(name: str, attrs: dict[str, Any], dtype: str) -> None:
    """A reference step by step is as near to the published formula as a composite row must be."""
    args = operands_of(name, dtype)
    known = composite.compose(composite.ROWS[name], args, attrs, dtype, COMPOSITE_BOUNDS)
    got = numpy_ref.evaluate(name, args, attrs)
    assert got.dtype.name == dtype and known.inside.all()
    ok, _ = composite.judged(known, args, attrs, got, COMPOSITE_BOUNDS)
    assert ok.all()


RNG = np.random.default_rng(12)
X = RNG.normal(size=(6, 5, 4)) * 3
LABELS, OUTSIDE = RNG.integers(0, 5, (6, 4)), np.full((6, 4), -100)
SHARES = RNG.uniform(size=X.shape)
HEADS = [RNG.normal(size=(2, heads, 3, 4)) for heads in (6, 2, 3)]
SEEN = np.tri(3, 3, 1, dtype=bool)
HIDDEN = np.where(RNG.uniform(size=X.shape) < 0.3, -np.inf, X)
HIDDEN[:, 0] = 0

# row, operands, attributes, torch's function, torch's attributes where they differ
VARIANTS: list[tuple[str, list[Array], dict[str, Any], str, dict[str, Any]]] = [
    ("cross_entropy", [X, SHARES], {"label_smoothing": 0.3}, "cross_entropy", {}),
    ("cross_entropy", [X, SHARES], {"reduction": "none"}, "cross_entropy", {}),
    ("cross_entropy", [X[0, 0], np.asarray(2)], {}, "cross_entropy", {}),
    ("cross_entropy", [HIDDEN, 0 * LABELS], {"reduction": "none"}, "cross_entropy", {}),
    ("nll_loss", [X, LABELS], {"ignore_index": 3, "reduction": "none"}, "nll_loss", {}),
    ("nll_loss", [X, np.where(LABELS < 2, OUTSIDE, LABELS)], {}, "nll_loss", {}),
    ("nll_loss", [X[0, 0], np.asarray(2)], {}, "nll_loss", {}),
    ("binary_crossentropy_logits", [X, SHARES, SHARES[0, 0] + 1], {},
     "binary_cross_entropy_with_logits", {"pos_weight": 2}),
    ("binary_crossentropy", [np.rint(SHARES), SHARES], {"reduction": "none"},
     "binary_cross_entropy", {}),
    ("scaled_dot_product_attention", [*HEADS, SEEN], {"enable_gqa": True},
     "scaled_dot_product_attention", {}),
    ("scaled_dot_product_attention", [X, X[:, 1:4], X[:, :3], np.where(SEEN[0], 0.5, -np.inf)],
     {}, "scaled_dot_product_attention", {}),
    ("scaled_dot_product_attention", [X, X[:, 1:3], X[:, :2]], {"is_causal": True},
     "scaled_dot_product_attention", {}),
    ("normalize", [X], {"p": 0.5}, "normalize", {}),
    ("layernorm", [X], {"axis": (1, 2), "eps": 0.5}, "layer_norm",
     {"axis": None, "normalized_shape": (5, 4)}),
]  # fmt: skip


@needs_torch
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("row", range(len(VARIANTS)))
def test_torch_means_the_same(row: int, dtype: str) -> None:
    """`more` names attributes that torch lacks (None), takes as operands (a place), or has."""
    import torch

    name, operands, attrs, function, more = VARIANTS[row]
    args = [one.astype(dtype) if one.dtype.kind == "f" else one for one in operands]
    tensors = [torch.from_numpy(np.array(one, order="C")) for one in args]
    given: dict[str, Any] = {key: value for key, value in attrs.items() if key not in more}
    if "pos_weight" in more:
        given["pos_weight"] = tensors.pop(more["pos_weight"])
    if "normalized_shape" in more:
        given["normalized_shape"] = more["normalized_shape"]
    result = getattr(torch.nn.functional, function)(*tensors, **given)
    got = np.asarray(result.numpy())
    known = composite.compose(composite.ROWS[name], args, attrs, dtype, TORCH_BOUNDS)
    assert known.inside.all() and got.shape == known.value.shape
    ok, units = composite.judged(known, args, attrs, got, TORCH_BOUNDS)
    assert ok.all(), np.max(units)


def test_a_label_that_is_no_class_counts_in_a_mean_and_weighs_nothing() -> None:
    """torch refuses such labels; here they pick nothing."""
    labels = np.array([1, 7, -1])
    x = np.log(np.full((3, 4), 0.25, np.float32))
    assert np.isclose(numpy_ref.evaluate("cross_entropy", [x, labels], {}), np.log(4) / 3)
    assert np.isclose(numpy_ref.evaluate("nll_loss", [x, labels], {}), np.log(4))


@pytest.mark.parametrize("name", ["cross_entropy", "binary_crossentropy_logits", "normalize"])
def test_what_is_off_is_refused(name: str) -> None:
    args = operands_of(name, "float32")
    bounds = ROWS[name].bound_ulp
    known = composite.compose(composite.ROWS[name], args, {}, "float32", bounds)
    right = composite.reference(known)
    off = np.asarray(right * np.float32(1 + 2**-14))
    assert composite.judged(known, args, {}, right, bounds)[0].all()
    assert not composite.judged(known, args, {}, off, bounds)[0].any()
