"""Gradients where functions have kinks, poles or no value, and what torch says there."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine import Tensor
from oracles import torch_ref
from oracles.formats import Array

INF, NAN = math.inf, math.nan
EDGES = np.array([
    0.0, -0.0, 1e-30, 0.5, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 6.0, 88.0, 100.0, -100.0, INF, -INF,
    NAN,
])  # fmt: skip
PLAIN = (
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "erf", "exp",
    "exp2", "expm1", "floor", "log", "log10", "log1p", "log2", "reciprocal", "relu", "round",
    "rsqrt", "sigmoid", "sign", "sin", "sinh", "sqrt", "square", "tan", "tanh", "trunc",
)  # fmt: skip
NEURAL = (
    "relu6", "hardtanh", "hardswish", "softsign", "silu", "mish", "softplus", "logsigmoid",
    "leaky_relu", "elu", "celu",
)  # fmt: skip
PAIRS = {
    "maximum": "maximum", "minimum": "minimum", "mul": "mul", "div": "div", "pow": "pow",
    "mod": "remainder", "logaddexp": "logaddexp",
}  # fmt: skip
# Operands at which the engine means something else than torch, and why.
APART = {
    **dict.fromkeys(
        ("softsign", "silu", "mish"), ((INF, -INF), "limits, where torch has 0 · ∞")
    ),
    **dict.fromkeys(("elu", "celu"), ((-100.0,), "expm1 + 1 is 0 where it rounds to -1")),
    "logaddexp": ((INF, -INF, NAN), "halves at infinities of one sign, where torch has NaN"),
}  # fmt: skip
needs_torch = pytest.mark.skipif(not torch_ref.available(), reason=torch_ref.REMEDY)


def gradient(function: Callable[..., Tensor], *operands: Array) -> list[Array]:
    """The gradients of the sum of a function's results."""
    tensors = [Tensor(x).requires_grad_() for x in operands]
    return [g.numpy() for g in function(*tensors).sum().gradient(*tensors)]


def by_torch(function: Callable[..., Any], *operands: Array) -> list[Array]:
    import torch

    tensors = [torch.from_numpy(x.copy()).requires_grad_() for x in operands]
    return [g.numpy() for g in torch.autograd.grad(function(*tensors).sum(), tensors)]


def differing(got: Array, due: Array) -> Array:
    near = np.abs(got - due) <= 1e-9 * np.abs(due)
    return np.asarray(~(near | (got == due) | (np.isnan(got) & np.isnan(due))))


@needs_torch
@pytest.mark.parametrize("name", (*PLAIN, *NEURAL))
def test_of_one_operand(name: str) -> None:
    import torch

    theirs = getattr(torch.nn.functional if name in NEURAL else torch, name)
    points, _ = APART.get(name, ((), ""))
    edges = EDGES[:-1] if name in NEURAL else EDGES  # torch's vectors and scalars differ in NaN
    (got,), (due,) = gradient(getattr(Tensor, name), edges), by_torch(theirs, edges)
    apart = np.isin(edges, points)
    assert not (differing(got, due) & ~apart).any(), (edges, got, due)
    assert not apart.any() or (differing(got, due) & apart).any(), "they agree by now"


@needs_torch
@pytest.mark.parametrize("name", PAIRS)
def test_of_two_operands(name: str) -> None:
    import torch

    some = EDGES[[0, 1, 3, 4, 5, 6, 8, 14, 15, 16]]
    x, y = (side.ravel().copy() for side in np.meshgrid(some, some))
    points, _ = APART.get(name, ((), ""))
    apart = (np.isin(x, points) & (x == y)) | (np.isnan(x + y) & bool(points))
    theirs = by_torch(getattr(torch, PAIRS[name]), x, y)
    for got, due in zip(gradient(getattr(Tensor, name), x, y), theirs, strict=True):
        assert not (differing(got, due) & ~apart).any(), (x, y, got, due)


# -- what is not taken -----------------------------------------------------------------------------
TAKEN = {
    "log": (lambda x: (x > 0).where(x.log(), 0.0), [0.0, 2.0, -1.0, NAN], [0, 0.5, 0, 0]),
    "sqrt": (lambda x: (x > 0).where(x.sqrt(), 0.0), [0.0, 4.0, -1.0, NAN], [0, 0.25, 0, 0]),
    "quotient": (lambda x: (x > 0).where(1 / x, x), [0.0, 2.0, -0.0, NAN], [1, -0.25, 1, 1]),
    "power": (lambda x: (x > 0).where(x**-0.5, 0.0), [0.0, 4.0, -1.0, NAN], [0, -0.0625, 0, 0]),
    "overflow": (lambda x: (x < 9).where(x.exp(), x), [0.0, 1e9, INF, NAN], [1, 1, 1, 1]),
    "product": (lambda x: (x < 9).where(x * x, x), [3.0, 1e9, INF, NAN], [6, 1, 1, 1]),
    "maximum": (lambda x: x.log().maximum(-1.0), [0.0, 2.0, 0.1, 1.0], [0, 0.5, 0, 1]),
    "minimum": (lambda x: x.rsqrt().minimum(9.0), [0.0, 4.0, 1e-9, 1.0], [0, -0.0625, 0, -0.5]),
    "greatest": (lambda x: x.sqrt().max(), [0.0, 4.0, 1.0, 0.0], [0, 0.25, 0, 0]),
    "slice": (lambda x: x.log()[1:3], [0.0, 2.0, 4.0, NAN], [0, 0.5, 0.25, 0]),
    "stride": (lambda x: x.log()[1::2], [0.0, 2.0, NAN, 4.0], [0, 0.5, 0, 0.25]),
    "places": (lambda x: x.log()[[1, 2]], [0.0, 2.0, 4.0, NAN], [0, 0.5, 0.25, 0]),
    "behind a sum": (
        lambda x: (x.log().sum() > 0).where(x.log().sum(), 0.0), [0.0, 2.0, 4.0, NAN], [0, 0, 0, 0],
    ),
    "behind a product": (
        lambda x: (x < 0).all().where(x.sqrt().prod(), 0.0), [0.0, 2.0, 4.0, NAN], [0, 0, 0, 0],
    ),
    "behind a scan": (
        lambda x: (x > 9).where(x.log().cumsum(), 0.0), [0.0, 2.0, 4.0, NAN], [0, 0, 0, 0],
    ),
    "spread": (
        lambda x: (x.log().reshape(4, 1).expand(4, 3) > 0).where(x.log().reshape(4, 1), 0.0),
        [0.0, 2.0, 4.0, NAN], [0, 1.5, 0.75, 0],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_not_taken_poisons_nothing(name: str) -> None:
    function, operands, due = TAKEN[name]
    (got,) = gradient(function, np.array(operands))
    assert np.array_equal(got, np.array(due, float), equal_nan=True), got


def test_a_zero_that_is_computed_is_no_choice() -> None:
    """0 · ∞ of numbers that count is NaN, as in torch."""
    (got,) = gradient(lambda x: x.sqrt() * x.sqrt(), np.array([0.0, 4.0]))
    assert np.array_equal(got, [NAN, 1.0], equal_nan=True)


# -- ties ------------------------------------------------------------------------------------------
TIES = {
    "max": (lambda x: x.max(), [3.0, 1.0, 3.0, 3.0], [1 / 3, 0, 1 / 3, 1 / 3]),
    "max of zeros": (lambda x: x.max(), [0.0, -0.0, -1.0, -2.0], [0.5, 0.5, 0, 0]),
    "max with NaN": (lambda x: x.max(), [3.0, NAN, 1.0, NAN], [0, 0.5, 0, 0.5]),
    "cummax": (lambda x: x.cummax()[0], [2.0, 2.0, 1.0, 3.0], [3, 0, 0, 1]),
    "clip": (lambda x: x.clip(-1, 1), [-1.0, 1.0, 0.0, 2.0], [1, 1, 1, 0]),
    "relu6": (lambda x: x.relu6(), [0.0, 6.0, 3.0, 7.0], [0, 0, 1, 0]),
    "sort": (lambda x: x.sort()[0] * Tensor([1.0, 2, 3, 4], dtype="float64"),
             [2.0, 1.0, 2.0, 1.0], [3, 1, 4, 2]),
    "scatter": (lambda x: x.scatter(0, Tensor([1, 1]), x[2:]), [1.0, 2.0, 3.0, 4.0], [1, 0, 1, 2]),
    "prod with zeros": (lambda x: x.prod(), [2.0, 0.0, 3.0, 4.0], [0, 24, 0, 0]),
    "prod with two": (lambda x: x.prod(), [2.0, 0.0, 0.0, 4.0], [0, 0, 0, 0]),
    "cumprod with zeros": (lambda x: x.cumprod(), [2.0, 0.0, 3.0, 4.0], [1, 32, 0, 0]),
    "std of equals": (lambda x: x.std(), [3.0, 3.0, 3.0, 3.0], [0, 0, 0, 0]),
    "norm of zeros": (lambda x: x.normalize(dim=0), [0.0, 0.0, 0.0, 0.0], [1e12] * 4),
    "gather outside": (lambda x: x.take(Tensor([0, 9, -1, 0])), [1.0, 2.0, 3.0, 4.0], [2, 0, 0, 1]),
}  # fmt: skip


@pytest.mark.parametrize("name", TIES)
def test_ties(name: str) -> None:
    function, operands, due = TIES[name]
    (got,) = gradient(function, np.array(operands))
    assert np.array_equal(got, np.array(due, float)), got


@needs_torch
def test_factors_of_a_matrix_as_in_torch() -> None:
    """Signs of vectors are free, and not those of torch; products of them are not."""
    import torch

    for shape in ((5, 3), (3, 5), (4, 4)):
        x = np.random.default_rng(3).standard_normal(shape)
        (got,) = gradient(lambda x: _rotation(*x.svd(full_matrices=False)), x)
        (due,) = by_torch(lambda x: _rotation(*torch.linalg.svd(x, full_matrices=False)), x)
        assert np.allclose(got, due, rtol=1e-10, atol=1e-10)


def _rotation(u: Any, s: Any, v: Any) -> Any:
    return (u @ v).sin() + s.exp().sum()


def test_vectors_beyond_the_singular_values_have_no_gradient() -> None:
    x = Tensor(np.random.default_rng(3).standard_normal((4, 2))).requires_grad_()
    with pytest.raises(NotImplementedError, match="full_matrices=False"):
        x.svd()[0].sum().backward()
    (once,) = x.svd()[1].sum().gradient(x)
    with pytest.raises(NotImplementedError, match="differentiated once"):
        once.sum().backward()
