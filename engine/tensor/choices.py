"""Choices between values: by sign, by bounds, by a mask, and between two ends.

Promotion, broadcasting and errors are those of `elementwise.py`.
"""

from __future__ import annotations

from typing import Self

from engine import dtypes
from engine.dtypes import DType
from engine.tensor import promotion
from engine.tensor.base import Operand, TensorBase, checked_operand, common_device
from engine.tensor.elementwise import Elementwise


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
        return self._like(result)

    def copysign(self, other: Operand) -> Self:
        """The bits of self with the sign bit of `other`, of NaN and zero too.

        The fnuz dtypes have no such zero and but one NaN, which stay. Integers are cast to the
        default float.
        """
        operands = (self, checked_operand("copysign", other))
        dtype = promotion.common_float(operands)
        x, y = (
            node.bitcast(dtype.unsigned) for node in self._aligned("copysign", operands, dtype)
        )
        magnitude = x & dtype.sign_bit - 1
        bits = magnitude | (y & dtype.sign_bit)
        if not dtype.has_negative_zero:
            bits = magnitude.eq(0).where(x, bits)
        return self._wrap(bits.bitcast(dtype), common_device("copysign", operands))

    def relu(self) -> Self:
        """max(x, 0) as `maximum` has it: NaN for NaN, +0 for -0."""
        return self.maximum(0)

    def clip(self, min_: Operand | None = None, max_: Operand | None = None) -> Self:
        """minimum(maximum(x, min_), max_), so that max_ wins where it is less than min_.

        NaN in x or a bound gives NaN. Integer scalars beyond the range of an integer dtype are
        taken to its ends. ValueError without any bound.
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
            operands = (result, _within(bound, dtype))
            result = self._node(promotion.operation(name, dtype), "clip", operands, dtype)
        return result

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
