"""Losses: reductions, labels, weights, smoothing, dtypes, what does not fit."""

from typing import Any

import numpy as np
import pytest

from engine import Tensor, Variable, dtypes

RNG = np.random.default_rng(5)
X, LABELS = RNG.normal(size=(6, 4, 3)), RNG.integers(0, 4, (6, 3))
SHARES = RNG.uniform(size=(6, 4, 3))
WEIGHTS = RNG.uniform(0.5, 2, 4)
CALLS = {
    "binary_crossentropy": (SHARES, SHARES[::-1]),
    "binary_crossentropy_logits": (X, SHARES),
    "cross_entropy": (X, LABELS),
    "sparse_categorical_crossentropy": (X.transpose(0, 2, 1), LABELS),
    "nll_loss": (-np.abs(X), LABELS),
}


def information(x: Any, axis: int = 1) -> Any:
    """-log_softmax."""
    return np.log(np.exp(x).sum(axis, keepdims=True)) - x


def picked(x: Any, labels: Any) -> Any:
    return np.take_along_axis(x, labels[:, None], 1)[:, 0]


def test_values(loaded: Any, value: Any) -> None:
    x, y, shares = loaded(X), loaded(LABELS), loaded(SHARES)
    info = information(X)
    each = picked(info, LABELS)
    assert np.allclose(value(x.cross_entropy(y, "none")), each)
    assert np.allclose(value(x.cross_entropy(shares, "none")), (info * SHARES).sum(1))
    smooth = 0.75 * each + 0.25 * info.mean(1)
    assert np.allclose(value(x.cross_entropy(y, "none", 0.25)), smooth)
    turned = x.permute(0, 2, 1)
    assert np.allclose(value(turned.sparse_categorical_crossentropy(y)), each.mean())
    assert np.allclose(value(x.log_softmax(1).nll_loss(y)), each.mean())
    gates = 1 / (1 + np.exp(-X))
    two = -(SHARES * np.log(gates) + (1 - SHARES) * np.log(1 - gates))
    assert np.allclose(value(x.binary_crossentropy_logits(shares, "none")), two)
    assert np.allclose(value(x.sigmoid().binary_crossentropy(shares, "none")), two)


@pytest.mark.parametrize("name", list(CALLS))
def test_reductions(name: str, loaded: Any, value: Any) -> None:
    x, y = (loaded(one) for one in CALLS[name])
    none = getattr(x, name)(y, reduction="none")
    assert np.array_equal(value(getattr(x, name)(y, reduction="sum")), value(none.sum()))
    assert np.array_equal(value(getattr(x, name)(y)), value(none.mean()))
    with pytest.raises(ValueError, match=f"{name}: reduction must be 'none', 'mean' or 'sum', not"):
        getattr(x, name)(y, reduction="max")


def test_weights_and_ignored_labels(loaded: Any, value: Any) -> None:
    x, y, w = loaded(X), loaded(LABELS), loaded(WEIGHTS)
    each, weights = -picked(X, LABELS), WEIGHTS[LABELS]
    assert np.allclose(value(x.nll_loss(y, w)), (weights * each).sum() / weights.sum())
    kept = LABELS != 2
    share = (weights * each)[kept].sum() / weights[kept].sum()
    assert np.allclose(value(x.nll_loss(y, w, ignore_index=2)), share)
    turned = loaded(X.transpose(0, 2, 1))
    each = picked(information(X), LABELS)
    got = turned.sparse_categorical_crossentropy(y, ignore_index=2)
    assert np.allclose(value(got), each[kept].mean())
    logits = turned.sparse_categorical_crossentropy(y, 2, 0.5, "none")
    assert (value(logits)[~kept] == 0).all()


def test_positive_weights_broadcast(loaded: Any, value: Any) -> None:
    x, y = loaded(X), loaded(np.ones_like(X))
    factors = RNG.uniform(1, 2, (4, 1))
    plain = value(x.binary_crossentropy_logits(y, "none"))
    weighted = value(x.binary_crossentropy_logits(y, "none", loaded(factors)))
    assert np.allclose(weighted, plain * factors)


def test_an_impossible_class_that_no_label_names(loaded: Any, value: Any) -> None:
    """0 · inf would be NaN; a masked logit must not spoil the others."""
    x = X.copy()
    x[:, 3] = -np.inf
    labels = LABELS % 3
    got = value(loaded(x).cross_entropy(loaded(labels)))
    assert np.allclose(got, picked(information(x[:, :3]), labels).mean())


def test_labels_of_any_integers_and_beyond(loaded: Any, value: Any) -> None:
    wanted = value(loaded(X).cross_entropy(loaded(LABELS), "none"))
    for row in dtypes.TENSOR_DTYPES:
        if row.is_int:
            labels = loaded(LABELS, row.name)
            assert np.array_equal(value(loaded(X).cross_entropy(labels, "none")), wanted)
    outside = loaded(np.array([[-1, 4, 2**32]] * 6))
    assert not value(loaded(X).cross_entropy(outside, "none")).any()
    assert np.isnan(value(loaded(X).nll_loss(outside)))


def test_float16_rounds_once(loaded: Any, value: Any) -> None:
    for name, (x, y) in CALLS.items():
        half, targets = loaded(x, "float16"), loaded(y) if y is LABELS else loaded(y, "float16")
        got = value(getattr(half, name)(targets))
        wide = value(getattr(half.cast("float32"), name)(targets))
        assert got.dtype == np.float16 and got == wide.astype(np.float16), name
    many = np.full((70000, 1), -1, np.float16)
    none = np.zeros(70000, np.int8)
    assert value(loaded(many).nll_loss(loaded(none))) == 1, "the sum is not kept in float16"


def test_dtypes(loaded: Any) -> None:
    x, labels = loaded(X, "float16"), loaded(LABELS, "int64")
    assert x.cross_entropy(labels).dtype is dtypes.float16
    assert x.cross_entropy(loaded(SHARES)).dtype is dtypes.float64
    assert x.nll_loss(labels, loaded(WEIGHTS, "float32")).dtype is dtypes.float32
    assert loaded([[1, 2]]).cross_entropy(loaded([1])).dtype is dtypes.float32


def test_a_symbolic_batch() -> None:
    rows = Variable("loss_rows", 1, 6).bind(4)
    x, y = Tensor(X), Tensor(LABELS)
    for smoothing in (0.0, 0.5):
        got = x[:rows].cross_entropy(y[:rows], label_smoothing=smoothing)
        wanted = x[:4].cross_entropy(y[:4], label_smoothing=smoothing)
        assert np.array_equal(got.numpy(), wanted.numpy())


def test_what_does_not_fit(loaded: Any) -> None:
    x, y = loaded(X), loaded(LABELS)
    refused: list[tuple[type[Exception], str, Any]] = [
        (ValueError, r"cross_entropy: labels of shape \(3,\) do not fit \(6, 4, 3\)",
         lambda: x.cross_entropy(y[0])),
        (TypeError, "cross_entropy: labels are integers, not float64",
         lambda: x.cross_entropy(y.cast("float64"))),
        (TypeError, "cross_entropy: operands are tensors, not list",
         lambda: x.cross_entropy([1])),
        (ValueError, "cross_entropy: label_smoothing must be from 0 to 1, not 1.5",
         lambda: x.cross_entropy(y, label_smoothing=1.5)),
        (ValueError, r"cross_entropy: a tensor of shape \(\) has no axis of classes",
         lambda: loaded(1.0).cross_entropy(loaded(1.0))),
        (ValueError, "nll_loss: weights of shape",
         lambda: x.nll_loss(y, loaded([1.0]))),
        (TypeError, "nll_loss: labels are integers, not bool",
         lambda: x.nll_loss(y.cast("bool"))),
        (ValueError, "sparse_categorical_crossentropy: labels of shape",
         lambda: x.sparse_categorical_crossentropy(y)),
        (ValueError, "binary_crossentropy: targets of shape",
         lambda: x.binary_crossentropy(x[:1])),
        (ValueError, "binary_crossentropy_logits: weights of shape",
         lambda: x.binary_crossentropy_logits(x, pos_weight=x.expand((2, 6, 4, 3)))),
        (RuntimeError, "nll_loss: operands on",
         lambda: x.nll_loss(loaded(LABELS, device="PYTHON"))),
    ]  # fmt: skip
    for error, words, call in refused:
        with pytest.raises(error, match=words):
            call()
