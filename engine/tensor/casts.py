"""Changes of dtype. Apart, because the methods take the names of Python's own types."""

from __future__ import annotations

from typing import Self

from engine.dtypes import DType
from engine.graph import Node
from engine.ops import Op
from engine.tensor.base import TensorBase, checked_dtype


class Casts(TensorBase):
    """`cast` keeps the value as well as it can, `bitcast` keeps the bits."""

    def cast(self, dtype: DType | str) -> Self:
        """The value in another dtype; the tensor itself if it has that dtype.

        To a float: one rounding to nearest even. Float to integer: truncation toward zero,
        saturating, NaN gives 0. Integer to a narrower integer wraps. To bool: x ≠ 0.
        """
        target = checked_dtype("cast", dtype)
        return self if target is self.dtype else self._like(self.node.cast(target))

    def bitcast(self, dtype: DType | str) -> Self:
        """The bits as another dtype of the same width. ValueError if the widths differ."""
        target = checked_dtype("bitcast", dtype)
        if target is self.dtype:
            return self
        if target.bits != self.dtype.bits:
            raise ValueError(
                f"bitcast: {self.dtype} has {self.dtype.bits} bits and {target} has {target.bits}; "
                "the widths must be equal"
            )
        return self._like(Node(Op.BITCAST, target, (self.node,)))

    def bool(self) -> Self:
        """x ≠ 0; NaN is true."""
        return self.cast("bool")

    def short(self) -> Self:
        """`cast` to int16."""
        return self.cast("int16")

    def int(self) -> Self:
        """`cast` to int32."""
        return self.cast("int32")

    def long(self) -> Self:
        """`cast` to int64."""
        return self.cast("int64")

    def half(self) -> Self:
        """`cast` to float16."""
        return self.cast("float16")

    def float(self) -> Self:
        """`cast` to float32."""
        return self.cast("float32")

    def double(self) -> Self:
        """`cast` to float64."""
        return self.cast("float64")
