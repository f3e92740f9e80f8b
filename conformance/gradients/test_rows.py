"""Every row that makes floats of floats: its gradient is that of the function which the reference
computes, and that of torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conformance.gradients.points import Point, differentiable, points, slope
from conformance.harness.subject import EngineSubject
from engine import Tensor
from oracles import torch_ref
from oracles.catalog import OUTPUT
from oracles.formats import Array

ENGINE = EngineSubject("LLVM")
TOLERANCE = 1e-7  # of central differences, in units of the terms that are added
NOT_BY_TORCH = {
    "floordiv": "torch has no derivative of floor_divide",
    "scatter": "torch gives a gradient to values that others have overwritten",
}


def _torch_knows(op: str) -> bool:
    """Whether torch is asked; sums and products are given to it as integers, to be exact."""
    asked = op in torch_ref.CALLS and "float64" in torch_ref.DOMAINS[op].dtypes
    return asked and op not in NOT_BY_TORCH


def weights_of(point: Point) -> Array:
    """What the elements of the result count: the gradient that `gradient` is given."""
    return np.random.default_rng(7).uniform(-1, 1, point.result.shape)


def gradients(point: Point, dtype: str = "float64") -> list[Array]:
    """The engine's gradient for each float operand; 0 for one that the result is not made of."""
    operands = [
        Tensor(x).cast(dtype).requires_grad_() if k in point.floats else Tensor(x)
        for k, x in enumerate(point.operands)
    ]
    result = ENGINE.applied(point.statement, operands)
    if result.requires_grad:
        result.backward(Tensor(weights_of(point)).cast(result.dtype))
    return [_gradient(operands[k]) for k in point.floats]


def _gradient(tensor: Tensor) -> Array:
    if tensor.grad is None:
        return np.zeros(tensor.numpy().shape)
    assert tensor.grad.dtype is tensor.dtype and tensor.grad.shape == tensor.shape
    return tensor.grad.cast("float64").numpy()


@pytest.mark.parametrize("op", differentiable())
def test_gradients_are_the_slopes_of_the_reference(op: str) -> None:
    found = points(op)
    assert found, f"the plan has no call of {op} at which a slope could be measured"
    for point in found:
        for place, gradient in zip(point.floats, gradients(point), strict=True):
            direction = np.random.default_rng(place).uniform(0.3, 1, gradient.shape)
            due, size = slope(point, place, direction, weights_of(point))
            size += float(np.abs(gradient * direction).sum())
            got = float((gradient * direction).sum())
            assert abs(got - due) <= TOLERANCE * size, (
                f"{point.statement} with respect to operand {place}: {got}, not {due}"
            )


@pytest.mark.parametrize("op", differentiable())
def test_narrow_gradients_are_near(op: str) -> None:
    """In float32 the same as in float64, but for rounding."""
    for point in points(op)[:2]:
        for narrow, wide in zip(gradients(point, "float32"), gradients(point), strict=True):
            scale = np.abs(wide).max(initial=0.0)
            assert np.abs(narrow - wide).max(initial=0.0) <= 1e-3 * scale, point.statement


@pytest.mark.skipif(not torch_ref.available(), reason=torch_ref.REMEDY)
@pytest.mark.parametrize("op", [op for op in differentiable() if _torch_knows(op)])
def test_gradients_are_those_of_torch(op: str) -> None:
    compared = 0
    for point in points(op):
        due = _by_torch(point)
        if due is None:
            continue
        compared += 1
        for got, want in zip(gradients(point), due, strict=True):
            scale = 1 + np.abs(want).max(initial=0.0)
            near = 1e-9 if want.dtype == np.float64 else 1e-5  # torch is given float32 of some
            assert np.abs(got - want).max(initial=0.0) <= near * scale, point.statement
    assert compared, "torch has this operator, and was asked about no call of it"


def _by_torch(point: Point) -> list[Array] | None:
    """torch's gradients; None for a call that is beyond torch."""
    import torch

    op, given = point.statement.op, dict(point.statement.attributes)
    output = given.pop(OUTPUT, None)
    domain = torch_ref.DOMAINS[op]
    names = [x.dtype.name for x in point.operands]
    if domain.refuses is not None and domain.refuses(names, point.statement.attributes):
        return None
    operands = point.operands if domain.prepare is None else domain.prepare(point.operands)
    tensors = [torch_ref.to_tensor(torch, x) for x in operands]
    asked = [x.requires_grad_() for x in tensors if x.is_floating_point()]
    result: Any = torch_ref.CALLS[op](torch, tensors, given)
    result = result if output is None else result[output]
    if len(asked) != len(point.floats):
        return None
    weights = torch.from_numpy(weights_of(point))
    found = torch.autograd.grad(result, asked, weights, allow_unused=True)
    return [
        np.zeros(x.shape) if g is None else g.numpy() for x, g in zip(asked, found, strict=True)
    ]
