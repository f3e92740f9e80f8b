"""Elementary functions as methods.

What they give at their special points is C17 Annex F.10; how far they are from the exact value is
stated where they are defined (`engine/decompose/functions/`). bool and integer tensors are cast to
the default float first.
"""

from __future__ import annotations

from typing import Self

from engine.ops import Op, Operation
from engine.tensor import promotion
from engine.tensor.base import TensorBase


class Functions(TensorBase):
    """Functions of one float."""

    def _function(self, op: Operation) -> Self:
        return self._like(self.node.cast(promotion.as_float(self.dtype)).unary(op))

    # -- roots -------------------------------------------------------------------------------------
    def sqrt(self) -> Self:
        """The square root, correctly rounded; sqrt(-0) is -0."""
        return self._function(Op.SQRT)

    def rsqrt(self) -> Self:
        """1 / sqrt(x); inf with the sign of x at zeros, NaN below."""
        return self._function(Op.RSQRT)

    # -- exponentials and logarithms ---------------------------------------------------------------
    def exp(self) -> Self:
        """e to the power of x."""
        return self._function(Op.EXP)

    def exp2(self) -> Self:
        """2 to the power of x."""
        return self._function(Op.EXP2)

    def expm1(self) -> Self:
        """exp(x) - 1, accurate near zero."""
        return self._function(Op.EXPM1)

    def sigmoid(self) -> Self:
        """1 / (1 + exp(-x)), accurate in both tails."""
        return self._function(Op.SIGMOID)

    def log(self) -> Self:
        """The natural logarithm: -inf at zeros, NaN below."""
        return self._function(Op.LOG)

    def log2(self) -> Self:
        """The logarithm to base 2."""
        return self._function(Op.LOG2)

    def log10(self) -> Self:
        """The logarithm to base 10."""
        return self._function(Op.LOG10)

    def log1p(self) -> Self:
        """log(1 + x), accurate near zero; -inf at -1, NaN below."""
        return self._function(Op.LOG1P)

    # -- hyperbolic functions ----------------------------------------------------------------------
    def sinh(self) -> Self:
        """The hyperbolic sine."""
        return self._function(Op.SINH)

    def cosh(self) -> Self:
        """The hyperbolic cosine."""
        return self._function(Op.COSH)

    def tanh(self) -> Self:
        """The hyperbolic tangent."""
        return self._function(Op.TANH)

    def asinh(self) -> Self:
        """The inverse of sinh."""
        return self._function(Op.ASINH)

    def acosh(self) -> Self:
        """The inverse of cosh, not negative; NaN below 1."""
        return self._function(Op.ACOSH)

    def atanh(self) -> Self:
        """The inverse of tanh: inf with the sign of x at 1 and -1, NaN beyond."""
        return self._function(Op.ATANH)

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

    # -- the error function ------------------------------------------------------------------------
    def erf(self) -> Self:
        """2 / sqrt(pi) times the integral of exp(-t**2) from 0 to x."""
        return self._function(Op.ERF)
