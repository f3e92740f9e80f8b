"""Tensors from constants and ranges: expressions without memory, which fold into their users."""

from __future__ import annotations

import ctypes
import math
import operator
from collections.abc import Sequence
from fractions import Fraction
from typing import Self

from engine import dtypes, storage
from engine.backends import registry
from engine.dtypes import DType, Scalar
from engine.graph import Node, const
from engine.ops import Op
from engine.tensor import host, promotion, views
from engine.tensor.base import TensorBase, checked_dtype
from engine.tensor.host import checked_bytes, saturated
from engine.tensor.variable import Size, describe, show


def scalar_dtype(value: Scalar) -> DType:
    """The dtype of a Python number that stands alone."""
    return dtypes.weak(dtypes.bool_, value)


def constant(op: str, value: Scalar, dtype: DType | str | None) -> Node:
    """A Python number in a dtype; a float in an integer dtype is cast. OverflowError for ints."""
    if not isinstance(value, bool | int | float):
        raise TypeError(f"{op}: the value must be a number, not {type(value).__name__}")
    row = scalar_dtype(value) if dtype is None else checked_dtype(op, dtype)
    return promotion.constant(op, saturated(value, row), row)


def from_data(data: object, row: DType | None, device: str) -> Node:
    """A tensor in memory from lists, an array or bytes. TypeError for anything else."""
    if isinstance(data, bytes | bytearray | memoryview):
        dtype = row or checked_dtype("Tensor", "uint8")
        raw, shape = checked_bytes(data, dtype, None)
        return storage.from_host(raw, dtype, shape, device)
    if host.is_array(data):
        raw, dtype, shape = host.from_array(data)
        raw, shape = checked_bytes(raw, dtype, shape)
        node = storage.from_host(raw, dtype, shape, device)
        return node if row is None else node.cast(row)
    if isinstance(data, list | tuple):
        values, shape = host.flattened(data)
        default = host.dtype_of(set(map(type, values)))
        dtype = row or default
        return storage.from_host(host.encoded(values, dtype), dtype, shape, device)
    raise TypeError(
        f"Tensor: cannot make a tensor of a {type(data).__name__}; pass numbers, nested lists, "
        "a numpy array, bytes or a Tensor"
    )


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
    def const(
        cls, b: Scalar, dtype: DType | str | None = None, device: str | None = None
    ) -> Self:
        """One number, of shape (); without `dtype` that of the number (int32, float32, bool)."""
        return cls.full((), b, dtype, device)

    def const_like(self, b: Scalar, dtype: DType | str | None = None) -> Self:
        """`full_like` by another name."""
        return self.full_like(b, dtype)

    @classmethod
    def empty(
        cls,
        *shape: Size | Sequence[Size],
        dtype: DType | str | None = None,
        device: str | None = None,
    ) -> Self:
        """Zeros: what memory held before would not be the same bits everywhere."""
        return cls._filled(shape, 0, dtype, device)

    def empty_like(self, dtype: DType | str | None = None, device: str | None = None) -> Self:
        """`zeros_like`: see `empty`."""
        return self.zeros_like(dtype, device)

    @classmethod
    def from_blob(
        cls,
        ptr: int,
        shape: Sequence[int],
        dtype: DType | str | None = None,
        device: str | None = None,
    ) -> Self:
        """A copy of the row-major elements at an address of this process, float32 unless told.

        The memory must be readable for the bytes that `shape` takes, which nothing can check: a
        wrong address ends the process. It may be freed or changed afterwards. ValueError for a null
        address of a tensor that is not empty, and for negative sizes.
        """
        row = dtypes.default_float if dtype is None else checked_dtype("from_blob", dtype)
        sizes = views.checked_sizes("from_blob", tuple(shape))
        count = views.product(sizes)
        if not isinstance(count, int):
            raise TypeError(f"from_blob: the sizes of {show(sizes)} must be ints")
        address = operator.index(ptr)
        if address <= 0 and count:
            raise ValueError(f"from_blob: nothing is at address {address}")
        data = ctypes.string_at(address, count * row.itemsize) if count else b""
        name = registry.canonical(device)
        fixed = tuple(size for size in sizes if isinstance(size, int))
        raw, fixed = checked_bytes(data, row, fixed)
        return cls._wrap(storage.from_host(raw, row, fixed, name), name)

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
        int32, floats the default float, where each of · and + rounds once in the dtype;
        floats narrower than float32 are computed in it and rounded at the end. ValueError for step
        0, OverflowError if an integer dtype does not hold every element.
        """
        first, end = (0, start) if stop is None else (start, stop)
        numbers = (first, end, step)
        if step == 0 or not all(isinstance(x, int) or math.isfinite(x) for x in numbers):
            raise ValueError(f"arange: {first} to {end} by {step} is no range")
        whole = all(isinstance(x, int) for x in numbers)
        default = dtypes.default_int if whole else dtypes.default_float
        row = default if dtype is None else checked_dtype("arange", dtype)
        length = (Fraction(end) - Fraction(first)) / Fraction(step)
        count = max(0, operator.index(math.ceil(length)))  # a plain int, whatever was given
        return cls._wrap(_range(first, step, count, row), device and registry.canonical(device))

    @classmethod
    def linspace(
        cls,
        start: int | float,
        stop: int | float,
        steps: int,
        dtype: DType | str | None = None,
        device: str | None = None,
    ) -> Self:
        """`steps` numbers from `start` to `stop`, both included, evenly spaced; one is `start`.

        Element i is start + i·d for d = (stop - start) / (steps - 1), where d is rounded to float64
        and then, as start is, to the dtype, and each of · and + rounds once; the last is `stop`.
        Narrower floats are computed in float32 and rounded at the end; integer dtypes truncate the
        numbers of float64. TypeError for bool, ValueError for ends that are not finite.
        """
        row = dtypes.default_float if dtype is None else checked_dtype("linspace", dtype)
        (count,) = views.checked_sizes("linspace", (steps,))
        if row.kind == "bool" or not isinstance(count, int):
            raise TypeError(f"linspace: there are no {describe(count)} numbers of {row}")
        if not all(isinstance(x, int) or math.isfinite(x) for x in (start, stop)):
            raise ValueError(f"linspace: {start} and {stop} must be finite")
        node = _between(start, stop, count, row)
        return cls._wrap(node, device and registry.canonical(device))

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


def _between(start: Scalar, stop: Scalar, count: int, row: DType) -> Node:
    """`count` evenly spaced numbers, the ends included."""
    wide = dtypes.accumulator(row) if row.is_float else dtypes.float64
    if count <= 1:
        return views.expand(const(start, wide).cast(row), (count,))
    numbers = views.iota(count)
    try:
        step = float((Fraction(stop) - Fraction(start)) / (count - 1))
    except OverflowError:
        raise ValueError(f"linspace: {start} and {stop} are too far apart") from None
    inner = const(start, wide) + numbers.cast(wide) * const(step, wide)
    last = views.expand(const(stop, wide), (count,))
    return numbers.eq(count - 1).where(last, inner).cast(row)
