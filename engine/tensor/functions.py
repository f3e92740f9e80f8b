"""Elementary functions as methods.

What they give at their special points is C17 Annex F.10; how far they are from the exact value is
stated where they are defined (`engine/decompose/functions/`). bool and integer tensors are cast to
the default float first.
"""

from __future__ import annotations

from typing import Self

from engine.ops import Op
from engine.tensor import promotion
from engine.tensor.base import TensorBase


class Functions(TensorBase):
    """Functions of one float."""

    def _function(self, op: Op) -> Self:
        return self._like(self.node.cast(promotion.as_float(self.dtype)).unary(op))

    # -- roots -------------------------------------------------------------------------------------
    def sqrt(self) -> Self:
        """The square root, correctly rounded; sqrt(-0) is -0."""
        return self._function(Op.SQRT)

    # -- exponentials and logarithms ---------------------------------------------------------------
    def exp2(self) -> Self:
        """2 to the power of x."""
        return self._function(Op.EXP2)

    def log2(self) -> Self:
        """The logarithm to base 2."""
        return self._function(Op.LOG2)

    # -- angles, in radians ------------------------------------------------------------------------
    def sin(self) -> Self:
        """The sine; NaN for ±inf."""
        return self._function(Op.SIN)

    def cos(self) -> Self:
        """The cosine; NaN for ±inf."""
        return self._function(Op.COS)

    def tan(self) -> Self:
        """The tangent; NaN for ±inf."""
        return self._function(Op.TAN)

    def asin(self) -> Self:
        """The angle in [-pi/2, pi/2] with this sine; NaN beyond ±1."""
        return self._function(Op.ASIN)

    def acos(self) -> Self:
        """The angle in [0, pi] with this cosine; NaN beyond ±1."""
        return self._function(Op.ACOS)

    def atan(self) -> Self:
        """The angle in [-pi/2, pi/2] with this tangent."""
        return self._function(Op.ATAN)
