"""Tensors from constants and ranges: expressions without memory, which fold into their users."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Self

from engine import dtypes
from engine.backends import registry
from engine.dtypes import DType, Scalar
from engine.graph import Node, const
from engine.ops import Op
from engine.tensor import promotion, views
from engine.tensor.base import TensorBase, checked_dtype
from engine.tensor.host import saturated
from engine.tensor.variable import Size


def scalar_dtype(value: Scalar) -> DType:
    """The dtype of a Python number that stands alone."""
    return dtypes.weak(dtypes.bool_, value)


def constant(op: str, value: Scalar, dtype: DType | str | None) -> Node:
    """A Python number in a dtype; a float in an integer dtype is cast. OverflowError for ints."""
    if not isinstance(value, bool | int | float):
        raise TypeError(f"{op}: the value must be a number, not {type(value).__name__}")
    row = scalar_dtype(value) if dtype is None else checked_dtype(op, dtype)
    return promotion.constant(op, saturated(value, row), row)


class Creation(TensorBase):
    """`device` None means: wherever the tensor is used, or else the default device."""

    @classmethod
    def full(
        cls,
        shape: Size | Sequence[Size],
        fill_value: Scalar,
        dtype: DType | str | None = None,
        device: str | None = None,
    ) -> Self:
        """The same number everywhere; without `dtype` that of the number (int32, float32, bool)."""
        sizes = views.checked_sizes("full", views.as_shape((shape,)))
        node = views.expand(constant("full", fill_value, dtype), sizes)
        return cls._wrap(node, device and registry.canonical(device))

    @classmethod
    def zeros(
        cls,
        *shape: Size | Sequence[Size],
        dtype: DType | str | None = None,
        device: str | None = None,
    ) -> Self:
        """Zeros of the default float, or of `dtype`."""
        return cls._filled(shape, 0, dtype, device)

    @classmethod
    def ones(
        cls,
        *shape: Size | Sequence[Size],
        dtype: DType | str | None = None,
        device: str | None = None,
    ) -> Self:
        """Ones of the default float, or of `dtype`."""
        return cls._filled(shape, 1, dtype, device)

    @classmethod
    def _filled(
        cls, shape: tuple[object, ...], value: int, dtype: DType | str | None, device: str | None
    ) -> Self:
        sizes = views.checked_sizes("full", views.as_shape(shape))
        return cls.full(sizes, value, dtype or dtypes.default_float, device)

    def full_like(
        self, fill_value: Scalar, dtype: DType | str | None = None, device: str | None = None
    ) -> Self:
        """`full` with the shape, and unless given the dtype and device, of this tensor."""
        return self.full(self.shape, fill_value, dtype or self.dtype, device or self._device)

    def zeros_like(self, dtype: DType | str | None = None, device: str | None = None) -> Self:
        return self.full_like(0, dtype, device)

    def ones_like(self, dtype: DType | str | None = None, device: str | None = None) -> Self:
        return self.full_like(1, dtype, device)

    @classmethod
    def arange(
        cls,
        start: int | float,
        stop: int | float | None = None,
        step: int | float = 1,
        dtype: DType | str | None = None,
        device: str | None = None,
    ) -> Self:
        """The numbers start + i·step before `stop`; `arange(n)` is 0 … n-1.

        The length is exact: ceil((stop - start) / step) of the numbers as given. Integers give
        int32, floats the default float, where each of · and + rounds once in the dtype; float16
        computes in float32 and rounds at the end. ValueError for step 0, OverflowError if an
        integer dtype does not hold every element.
        """
        first, end = (0, start) if stop is None else (start, stop)
        numbers = (first, end, step)
        if step == 0 or not all(isinstance(x, int) or math.isfinite(x) for x in numbers):
            raise ValueError(f"arange: {first} to {end} by {step} is no range")
        whole = all(isinstance(x, int) for x in numbers)
        default = dtypes.default_int if whole else dtypes.default_float
        row = default if dtype is None else checked_dtype("arange", dtype)
        count = max(0, math.ceil((Fraction(end) - Fraction(first)) / Fraction(step)))
        return cls._wrap(_range(first, step, count, row), device and registry.canonical(device))

    @classmethod
    def eye(
        cls,
        n: int,
        m: int | None = None,
        dtype: DType | str | None = None,
        device: str | None = None,
    ) -> Self:
        """Ones on the main diagonal of n × m (m = n if None), zeros elsewhere."""
        rows, columns = views.checked_sizes("eye", (n, n if m is None else m))
        assert isinstance(rows, int) and isinstance(columns, int)
        down = views.reshape(views.iota(rows), (rows, 1))
        across = views.reshape(views.iota(columns), (1, columns))
        diagonal = Node(Op.EQ, dtypes.bool_, views.broadcast("eye", down, across))
        row = dtypes.default_float if dtype is None else checked_dtype("eye", dtype)
        return cls._wrap(diagonal.cast(row), device and registry.canonical(device))


def _range(first: Scalar, step: Scalar, count: int, row: DType) -> Node:
    """first + i * step for i below `count`."""
    if row.kind == "bool":
        raise TypeError("arange: bool has no ranges; compare or cast a range of integers")
    if row.is_int:
        numbers = [int(x) for x in (first, step, first + max(count - 1, 0) * step)]
        if any(x != y for x, y in zip(numbers, (first, step))):
            raise TypeError(f"arange: {first} and {step} must be integers for dtype {row}")
        for value in (numbers[0], numbers[2]) if count else ():
            promotion.constant("arange", value, row)
    wide = dtypes.accumulator(row) if row.is_float else row
    result = views.iota(count).cast(wide)
    if step != 1:
        result = result * const(step, wide)
    if first != 0 or step < 0:  # 0 + 0 * negative is +0
        result = const(first, wide) + result
    return result.cast(row)
