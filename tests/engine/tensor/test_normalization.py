"""Norms: what they are made of, dtypes, what a missing step leaves out, what does not fit."""

from typing import Any

import numpy as np
import pytest

from engine import Tensor, Variable, dtypes


def test_batchnorm_leaves_out_what_is_missing(loaded: Any, value: Any) -> None:
    rng = np.random.default_rng(1)
    x, (w, b, m, i) = rng.normal(size=(2, 3, 5)), rng.normal(size=(4, 3))
    given = [loaded(one) for one in (w, b, m, i)]
    tall = [one[:, None] for one in (w, b, m, i)]
    moved = x - tall[2]
    for weight in (False, True):
        for bias in (False, True):
            scaled = (moved * tall[0] if weight else moved) * tall[3]
            wanted = scaled + tall[1] if bias else scaled
            first = [one if use else None for one, use in zip(given, (weight, bias))]
            got = value(loaded(x).batchnorm(*first, *given[2:]))
            assert np.array_equal(got, wanted)


def test_layernorm_is_made_of_means(loaded: Any, value: Any) -> None:
    x = np.random.default_rng(2).normal(size=(3, 4, 5))
    tensor = loaded(x)
    for axis in (-1, 0, (1, 2), None):
        shifted = tensor - tensor.mean(axis, keepdim=True)
        spread = (shifted * shifted).mean(axis, keepdim=True)
        wanted = value(shifted / (spread + 1e-5).sqrt())
        assert np.array_equal(value(tensor.layernorm(axis)), wanted)
        spread = x.var(axis=axis, keepdims=True)
        assert np.allclose(wanted, (x - x.mean(axis=axis, keepdims=True)) / np.sqrt(spread + 1e-5))


def test_float16_rounds_once(loaded: Any, value: Any) -> None:
    x = (np.random.default_rng(3).normal(size=(4, 50)) * 100).astype(np.float16)
    for name, more in (("layernorm", {}), ("normalize", {}), ("normalize", {"p": 3.0})):
        wide = value(getattr(loaded(x.astype(np.float32)), name)(**more))
        assert np.array_equal(value(getattr(loaded(x), name)(**more)), wide.astype(np.float16))
    big = np.full((1, 4), 60000, np.float16)
    assert value(loaded(big).normalize()).tolist() == [[0.5] * 4], "squares do not overflow"


def test_dtypes(loaded: Any) -> None:
    assert loaded([1, 2]).layernorm().dtype is dtypes.float32
    half, double = loaded([[1.0]], "float16"), loaded([1.0])
    assert half.batchnorm(None, None, double, double).dtype is dtypes.float64
    assert half.normalize().dtype is dtypes.float16


def test_a_symbolic_axis() -> None:
    rows = Variable("norm_rows", 1, 4).bind(3)
    x = Tensor(np.arange(8.0).reshape(4, 2))[:rows]
    assert np.allclose(x.layernorm(0).numpy(), Tensor(np.arange(6.0).reshape(3, 2)).layernorm(0))
    assert np.allclose(x.normalize(dim=0).numpy()[1], [0.4472136, 0.50709255])


def test_what_does_not_fit(loaded: Any) -> None:
    x = loaded(np.ones((2, 3)))
    two, three = loaded([1.0, 1.0]), loaded([1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match=r"batchnorm: mean of shape \(2,\) does not fit axes"):
        x.batchnorm(three, three, two, three)
    with pytest.raises(ValueError, match="batchnorm: weight of shape"):
        x.batchnorm(loaded(1.0), None, three, three)
    with pytest.raises(TypeError, match="batchnorm: operands are tensors, not float"):
        x.batchnorm(1.0, None, three, three)  # type: ignore[arg-type]
    with pytest.raises(IndexError, match="layernorm: axis 2"):
        x.layernorm(2)
    assert Tensor(-3.0).normalize(p=3.0, dim=-1).item() == -1
    with pytest.raises(IndexError, match="normalize: axis 1 is out of range for 1 dimensions"):
        two.normalize()
    for p in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="normalize: p must be at least 0"):
            x.normalize(p)
