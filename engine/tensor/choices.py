"""Choices between values: by sign, by bounds, by a mask, and between two ends.

Promotion, broadcasting and errors are those of `elementwise.py`.
"""

from __future__ import annotations

from typing import Self

from engine import dtypes
from engine.dtypes import DType
from engine.graph import Node
from engine.ops import Op
from engine.tensor import promotion
from engine.tensor.base import Operand, TensorBase, checked_operand, common_device
from engine.tensor.elementwise import Elementwise
from engine.tensor.gradient import tracking


class Choices(Elementwise):
    """What picks one of several values for each element."""

    def sign(self) -> Self:
        """1, 0 or -1; NaN for NaN, +0 for ±0. TypeError for bool."""
        if self.dtype is dtypes.bool_:
            raise TypeError("sign: not defined for bool; cast to an integer dtype")
        x = self.node
        result = x.constant(0).lt(x).where(1, x.lt(0).where(x.constant(-1), 0))
        if self.dtype.is_float:
            result = x.eq(x).where(result, x.constant_bits(self.dtype.canonical_nan))
            result = tracking.surrogate(result, (x,), lambda: x.unary(Op.TRUNC))  # also in steps
        return self._like(result)

    def copysign(self, other: Operand) -> Self:
        """The bits of self with the sign bit of `other`, of NaN and zero too.

        The fnuz dtypes have no such zero and but one NaN, which stay. Integers are cast to the
        default float.
        """
        operands = (self, checked_operand("copysign", other))
        dtype = promotion.common_float(operands)
        x, y = self._aligned("copysign", operands, dtype)
        bits = x.bitcast(dtype.unsigned)
        magnitude, sign = bits & dtype.sign_bit - 1, y.bitcast(dtype.unsigned) & dtype.sign_bit
        result = magnitude | sign
        if not dtype.has_negative_zero:
            result = magnitude.eq(0).where(bits, result)

        def turned() -> Node:
            size = x.unary(Op.ABS)
            return sign.ne(0).where(-size, size)

        signed = tracking.surrogate(result.bitcast(dtype), (x, y), turned)
        return self._wrap(signed, common_device("copysign", operands))

    def relu(self) -> Self:
        """max(x, 0) as `maximum` has it: NaN for NaN, +0 for -0. The gradient is 0 at 0."""
        return self._bounded("maximum", 0, promotion.common((self, 0)), keeps=False)

    def clip(self, min_: Operand | None = None, max_: Operand | None = None) -> Self:
        """minimum(maximum(x, min_), max_), so that max_ wins where it is less than min_.

        NaN in x or a bound gives NaN. Integer scalars beyond the range of an integer dtype are
        taken to its ends. ValueError without any bound. At a bound the gradient is that of x.
        """
        bounds = {
            name: checked_operand("clip", bound)
            for name, bound in (("maximum", min_), ("minimum", max_)) if bound is not None
        }
        if not bounds:
            raise ValueError("clip: at least one of min_ and max_ must be given")
        dtype = promotion.common((self, *bounds.values()))
        result = self
        for name, bound in bounds.items():
            result = result._bounded(name, _within(bound, dtype), dtype, keeps=True)
        return result

    def _bounded(self, name: str, bound: Operand, dtype: DType, keeps: bool) -> Self:
        """`maximum` or `minimum` with a bound; equal to it x `keeps` its gradient, or has none."""
        op = promotion.operation(name, dtype)
        x, limit = self._aligned(name, (self, bound), dtype)

        def chosen() -> Node:
            outside = x.lt(limit) if op is Op.MAXIMUM else limit.lt(x)
            outside = outside if keeps else outside | x.eq(limit)
            return outside.where(limit, x)

        result = tracking.surrogate(Node(op, dtype, (x, limit)), (x, limit), chosen)
        return self._wrap(result, common_device(name, (self, bound)))

    def _limited(self, low: float, high: float) -> Self:
        """minimum(maximum(x, low), high), with a gradient strictly between the bounds."""
        dtype = promotion.common((self, low, high))
        limited = self._bounded("maximum", low, dtype, keeps=False)
        return limited._bounded("minimum", high, dtype, keeps=False)

    def clamp(self, min_: Operand | None = None, max_: Operand | None = None) -> Self:
        """`clip`."""
        return self.clip(min_, max_)

    def lerp(self, end: Operand, weight: Operand) -> Self:
        """self + (end - self) * weight, integers as the default float; floats narrower than float32
        are kept in it and rounded once.
        """
        operands = (self, checked_operand("lerp", end), checked_operand("lerp", weight))
        dtype = promotion.common_float(operands)
        start, stop, part = (
            node.cast(dtypes.accumulator(dtype)) for node in self._aligned("lerp", operands, dtype)
        )
        result = start + (stop - start) * part
        return self._wrap(result.cast(dtype), common_device("lerp", operands))

    def masked_fill(self, mask: Self, value: Operand) -> Self:
        """`value` where the mask is true (not zero), else self, as `where` has it."""
        return mask.where(value, self)


def _within(bound: Operand, dtype: DType) -> Operand:
    """A bound that the dtype holds."""
    if isinstance(bound, TensorBase) or not dtype.is_int:
        return bound
    return min(max(int(bound), dtype.min), dtype.max)
