"""Questions about values, answered with bools: what is not finite, and what is close."""

from __future__ import annotations

import math
from typing import Self

from engine import dtypes
from engine.graph import Node
from engine.ops import Op
from engine.tensor import promotion
from engine.tensor.base import Operand, checked_operand, common_device
from engine.tensor.elementwise import Elementwise
from engine.tensor.reduce import Reduce


class Predicates(Elementwise, Reduce):
    """Bools and integers are finite numbers."""

    def _as_float(self) -> Node:
        """In a dtype that has infinities, which some narrow ones have not."""
        return self.node.cast(dtypes.accumulator(promotion.as_float(self.dtype)))

    def isnan(self) -> Self:
        """Whether the element is NaN."""
        return self.ne(self)

    def isinf(self, detect_positive: bool = True, detect_negative: bool = True) -> Self:
        """Whether the element is +inf or -inf, as far as these are asked for."""
        x = self._as_float()
        asked = {math.inf: detect_positive, -math.inf: detect_negative}
        found = [x.eq(infinity) for infinity, wanted in asked.items() if wanted]
        if not found:
            return self._like(x.ne(x) & x.eq(x))
        return self._like(found[0] if len(found) == 1 else found[0] | found[1])

    def isfinite(self) -> Self:
        """Whether the element is neither infinite nor NaN."""
        return self._like(_finite(self._as_float()))

    def isclose(
        self, other: Operand, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
    ) -> Self:
        """|self - other| <= atol + rtol * |other|, in floats, narrow ones in float32.

        Infinities are close to themselves alone; NaN to nothing, or with `equal_nan` to NaN.
        """
        operands = (self, checked_operand("isclose", other))
        dtype = promotion.common_float(operands)
        x, y = (
            node.cast(dtypes.accumulator(dtype))
            for node in self._aligned("isclose", operands, dtype)
        )
        limit = y.unary(Op.ABS) * rtol + atol
        difference = (x - y).unary(Op.ABS)
        near = difference.lt(limit) | difference.eq(limit)
        result = x.eq(y) | (near & _finite(x) & _finite(y))
        if equal_nan:
            result = result | (x.ne(x) & y.ne(y))
        return self._wrap(result, common_device("isclose", operands))

    def allclose(
        self, other: Operand, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
    ) -> Self:
        """Whether all elements are close, as a bool of shape (); true if there is none."""
        return self.isclose(other, rtol, atol, equal_nan).all()


def _finite(x: Node) -> Node:
    return x.unary(Op.ABS).lt(math.inf)
