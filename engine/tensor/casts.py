"""Changes of dtype. Apart, because the methods take the names of Python's own types."""

from __future__ import annotations

from typing import Self

from engine import dtypes
from engine.dtypes import DType
from engine.graph import Node
from engine.ops import Op
from engine.tensor.alias import View, layout_of
from engine.tensor.base import TensorBase, checked_dtype
from engine.tensor.variable import show


class Casts(TensorBase):
    """`cast` keeps the value as well as it can, `bitcast` keeps the bits."""

    def cast(self, dtype: DType | str) -> Self:
        """The value in another dtype; the tensor itself if it has that dtype.

        To a float: one rounding to nearest even; in a dtype without infinities the largest number
        stands for all beyond it. Float to integer: truncation toward zero, saturating, NaN gives 0.
        Integer to a narrower integer wraps. To bool: x ≠ 0.
        """
        target = checked_dtype("cast", dtype)
        return self if target is self.dtype else self._like(self.node.cast(target))

    def bitcast(self, dtype: DType | str) -> Self:
        """The bits as another dtype; bool has no part in it (TypeError).

        A dtype of another width changes the size of the last axis, as if it were read from memory,
        the low bits first: four int8 are one int32. ValueError unless that axis is contiguous,
        which it is where there are no elements, and its bytes divide into elements of the new
        dtype.
        """
        target = checked_dtype("bitcast", dtype)
        if target is self.dtype:
            return self
        if dtypes.bool_ in (target, self.dtype):
            raise TypeError(
                f"bitcast: {self.dtype} to {target}: the bits of a bool are not defined; use cast"
            )
        if target.bits == self.dtype.bits:
            return self._view(Node(Op.BITCAST, target, (self.node,)))
        return self._resized(target)

    def _resized(self, target: DType) -> Self:
        """The bits of the last axis as elements of another width."""
        fixed = bool(self.shape) and all(isinstance(size, int) for size in self.shape)
        near = fixed and (self.shape[-1] == 1 or 0 in self.shape)
        if not near and not (fixed and layout_of(self._shows).strides[-1] == self.dtype.itemsize):
            raise ValueError(
                f"bitcast: {self.dtype} {show(self.shape)} to {target}, which has another width, "
                "needs a last axis of fixed size whose elements are neighbours in memory; "
                ".contiguous() makes one"
            )
        size = self.shape[-1]
        if not isinstance(size, int) or size * self.dtype.itemsize % target.itemsize:
            raise ValueError(
                f"bitcast: the last axis of {self.dtype} {show(self.shape)} does not divide into "
                f"elements of {target}, of {target.itemsize} bytes each"
            )
        return self._showing(View.of_dtype(self._shows, target))

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

    def bfloat16(self) -> Self:
        """`cast` to bfloat16."""
        return self.cast("bfloat16")

    def float(self) -> Self:
        """`cast` to float32."""
        return self.cast("float32")

    def double(self) -> Self:
        """`cast` to float64."""
        return self.cast("float64")
