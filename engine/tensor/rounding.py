"""Rounding to integers that stay floats: exact, -0 and the sign of a zero result kept."""

from __future__ import annotations

from typing import Self

from engine.tensor import promotion
from engine.tensor.base import TensorBase


class Rounding(TensorBase):
    """Integers are themselves. TypeError for bool."""

    def _to_integers(self, name: str) -> Self:
        operation = promotion.operation(name, self.dtype)
        x = self.node
        return self._like(x.unary(operation) if self.dtype.is_float else x)

    def trunc(self) -> Self:
        """The integer part: rounded toward zero."""
        return self._to_integers("trunc")

    def floor(self) -> Self:
        """The largest integer that is not larger."""
        return self._to_integers("floor")

    def ceil(self) -> Self:
        """The smallest integer that is not smaller; ceil(-0.5) is -0."""
        return self._to_integers("ceil")

    def round(self) -> Self:
        """The nearest integer, halves to even."""
        return self._to_integers("round")
