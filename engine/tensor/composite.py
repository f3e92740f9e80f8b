"""How composite operations are evaluated: step by step, in one dtype, rounded to it at every step.

Floats narrower than float32 are converted to it once, every step is taken there, and the result is
rounded once at the end. Parameters of a formula are numbers of the dtype in which its steps are
taken.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec, TypeVar

from engine import dtypes
from engine.dtypes import DType
from engine.tensor import promotion
from engine.tensor.base import Operand, TensorBase, common_device
from engine.tensor.casts import Casts

Parameters = ParamSpec("Parameters")
T = TypeVar("T", bound=Casts)


def step_dtype(dtype: DType) -> DType:
    """The float dtype in which the steps of a formula on `dtype` are taken."""
    return dtypes.accumulator(promotion.as_float(dtype))


def stepwise(
    formula: Callable[Concatenate[T, Parameters], T],
) -> Callable[Concatenate[T, Parameters], T]:
    """A method of one tensor whose body sees the tensor in the dtype of its steps.

    The result is that of the body in the tensor's float dtype: bool and integers give the default
    float.
    """

    @functools.wraps(formula)
    def evaluated(tensor: T, /, *args: Parameters.args, **parameters: Parameters.kwargs) -> T:
        result = formula(tensor.cast(step_dtype(tensor.dtype)), *args, **parameters)
        return result.cast(promotion.as_float(tensor.dtype))

    return evaluated


def stepwise_pair(formula: Callable[[T, T], T]) -> Callable[[T, Operand], T]:
    """`stepwise` for a method of two operands, in their common float dtype."""

    @functools.wraps(formula)
    def evaluated(tensor: T, other: Operand, /) -> T:
        dtype = promotion.common_float((tensor, other))
        wide = step_dtype(dtype)
        if not isinstance(other, TensorBase):
            other = tensor._wrap(promotion.constant(formula.__name__, other, dtype), None)
        assert isinstance(other, Casts)
        x, y = (one.cast(dtype).cast(wide) for one in (tensor, other))
        return formula(x, y).cast(dtype)  # type: ignore[arg-type] # of one class

    return evaluated


def in_steps(
    op: str, tensor: T, others: Sequence[TensorBase], kept: Sequence[TensorBase] = ()
) -> tuple[DType, list[T]]:
    """The common float dtype of tensors, and `tensor` and the others in the dtype of its steps.

    Those in `kept` take part in the dtype and stay as they are. TypeError for what is no tensor,
    RuntimeError for tensors on two devices.
    """
    operands: tuple[TensorBase, ...] = (tensor, *others, *kept)
    for one in operands:
        if not isinstance(one, TensorBase):
            raise TypeError(f"{op}: operands are tensors, not {type(one).__name__}")
    device = common_device(op, operands)
    dtype = promotion.common_float(operands)
    wide = step_dtype(dtype)
    nodes = [one.node for one in operands[: 1 + len(others)]]
    return dtype, [tensor._wrap(node.cast(dtype).cast(wide), device) for node in nodes]
