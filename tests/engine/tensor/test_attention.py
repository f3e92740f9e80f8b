"""Attention: masks, heads, dropout, what does not fit."""

from typing import Any

import numpy as np
import pytest

from engine import Tensor, Variable, dtypes

RNG = np.random.default_rng(4)
Q, K, V = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(2, 5, 4)), RNG.normal(size=(2, 5, 6))


def attended(q: Any, k: Any, v: Any, mask: Any = True) -> Any:
    """The formula on float64; a mask of bools."""
    scores = np.where(mask, q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1]), -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ v


def test_masks(loaded: Any, value: Any) -> None:
    q, k, v = loaded(Q), loaded(K), loaded(V)
    mask = RNG.uniform(size=(3, 5)) < 0.5
    mask[:, 1] = True
    lower = np.tri(3, 5, dtype=bool)
    attend = q.scaled_dot_product_attention
    assert np.allclose(value(attend(k, v)), attended(Q, K, V))
    assert np.allclose(value(attend(k, v, loaded(mask))), attended(Q, K, V, mask))
    assert np.allclose(value(attend(k, v, is_causal=True)), attended(Q, K, V, lower))
    hidden = loaded(np.where(mask, 0, -np.inf))
    assert np.array_equal(value(attend(k, v, hidden)), value(attend(k, v, loaded(mask))))
    longer = q.cat(q, dim=1).scaled_dot_product_attention(k, v, is_causal=True)
    assert np.allclose(value(longer)[:, 5], attended(Q[:, 2:], K, V)[:, 0]), "all keys are behind"


def test_heads_that_share_keys(loaded: Any, value: Any) -> None:
    q, k, v = (RNG.normal(size=(2, heads, 3, 4)) for heads in (6, 2, 3))
    got = loaded(q).scaled_dot_product_attention(loaded(k), loaded(v), enable_gqa=True)
    wide = np.repeat(k, 3, axis=1), np.repeat(v, 2, axis=1)
    assert np.allclose(value(got), attended(q, *wide))


def test_axes_in_front_broadcast(loaded: Any, value: Any) -> None:
    got = loaded(Q[:, None]).scaled_dot_product_attention(loaded(K[:1]), loaded(V))
    assert np.allclose(value(got), attended(Q[:, None], K[:1], V))


def test_dropout_is_that_of_training() -> None:
    q = Tensor(Q.astype(np.float32))
    k, v = Tensor(K.astype(np.float32)), Tensor.ones(2, 5, 6)
    plain = q.scaled_dot_product_attention(k, v)
    same = q.scaled_dot_product_attention(k, v, dropout_p=0.5)
    assert np.array_equal(plain.numpy(), same.numpy())
    Tensor.training = True
    try:
        Tensor.manual_seed(3)
        dropped = q.scaled_dot_product_attention(k, v, dropout_p=0.5).numpy()
        Tensor.manual_seed(3)
        weights = q.scaled_dot_product_attention(k, Tensor.eye(5).expand((2, 5, 5)))
        assert np.array_equal(dropped, weights.dropout(0.5).matmul(v).numpy())
    finally:
        Tensor.training = False
    assert not np.array_equal(dropped, plain.numpy())


def test_dtypes(loaded: Any, value: Any) -> None:
    q, k, v = (x.astype(np.float16) for x in (Q, K, V))
    halves = [loaded(x) for x in (q, k, v)]
    wide = [loaded(x.astype(np.float32)) for x in (q, k, v)]
    attend = halves[0].scaled_dot_product_attention
    once = value(wide[0].scaled_dot_product_attention(*wide[1:])).astype(np.float16)
    assert np.array_equal(value(attend(*halves[1:])), once)
    mask = loaded(np.zeros((3, 5)))
    assert attend(*halves[1:], mask).dtype is dtypes.float64
    assert attend(*halves[1:], mask.cast("bool")).dtype is dtypes.float16


def test_symbolic_keys() -> None:
    seen = Variable("attention_seen", 1, 5).bind(3)
    q, k, v = (Tensor(x) for x in (Q, K, V))
    got = q.scaled_dot_product_attention(k[:, :seen], v[:, :seen], is_causal=True)
    assert np.allclose(got.numpy(), attended(Q, K[:, :3], V[:, :3], np.tri(3, dtype=bool)))


def test_what_does_not_fit(loaded: Any) -> None:
    q, k, v = loaded(Q), loaded(K), loaded(V)
    mask = loaded(np.ones((3, 5), bool))
    for error, words, arguments in (
        (ValueError, "leave attn_mask out", {"attn_mask": mask, "is_causal": True}),
        (ValueError, r"a mask of shape \(7, 1, 3, 5\) is larger than the scores, \(2, 3, 5\)",
         {"attn_mask": mask.expand((7, 1, 3, 5))}),
        (TypeError, "of bools or floats, not of int8", {"attn_mask": mask.cast("int8")}),
        (ValueError, "do not broadcast", {"attn_mask": mask.T}),
        (ValueError, "dropout_p must be from 0 to 1, not 2", {"dropout_p": 2}),
        (TypeError, "operands are tensors, not bool", {"attn_mask": True}),
    ):  # fmt: skip
        with pytest.raises(error, match=f"scaled_dot_product_attention: .*{words}"):
            q.scaled_dot_product_attention(k, v, **arguments)
    with pytest.raises(ValueError, match=r"heads \(axis -3\) of \(3, 5, 4\) do not serve"):
        q.scaled_dot_product_attention(k.cat(k[:1]), v, enable_gqa=True)
    for keys, values in ((k[..., :3], v), (k, v[:, :4]), (k[0, 0], v), (k[:, None], v[:1].cat(v))):
        with pytest.raises(ValueError, match="scaled_dot_product_attention: "):
            q.scaled_dot_product_attention(keys, values)
