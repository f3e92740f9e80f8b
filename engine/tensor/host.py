"""Between Python's values and the bytes of a tensor: row-major, little-endian, bool as one byte."""

from __future__ import annotations

import math
import operator
import struct
import sys
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine import dtypes
from engine.arrays import NUMPY
from engine.dtypes import DType, Scalar

if TYPE_CHECKING:
    import numpy as np

# Of `struct` and `array`; the floats that these do not have are read and written as their bits.
FORMATS = {
    "bool": "?", "int8": "b", "int16": "h", "int32": "i", "int64": "q", "uint8": "B",
    "uint16": "H", "uint32": "I", "uint64": "Q", "float16": "e", "float32": "f", "float64": "d",
}  # fmt: skip
_AS_BITS = frozenset(row for row in dtypes.TENSOR_DTYPES if row.name not in FORMATS)
EXACT_IN_FLOAT64 = 1 << 53
_TO_BOOL = bytes([0]) + bytes([1]) * 255


def saturated(value: Scalar, dtype: DType) -> Scalar:
    """A float as a value of an integer dtype, as a cast gives it; anything else unchanged.

    Truncates toward zero and saturates; NaN gives 0.
    """
    if not dtype.is_int or not isinstance(value, float):
        return value
    if math.isfinite(value):
        return min(max(int(value), dtype.min), dtype.max)
    return 0 if math.isnan(value) else dtype.max if value > 0 else dtype.min


# -- nested lists ----------------------------------------------------------------------------------
def flattened(data: Sequence[Any]) -> tuple[list[Any], tuple[int, ...]]:
    """The leaves of nested lists in order, and their shape. ValueError if the lists are ragged."""
    level, shape = list(data), [len(data)]
    while level and isinstance(level[0], list | tuple):
        size = len(level[0])
        if not all(isinstance(item, list | tuple) and len(item) == size for item in level):
            raise ValueError(f"Tensor: the lists at depth {len(shape)} differ in length")
        level = [leaf for item in level for leaf in item]
        shape.append(size)
    return level, tuple(shape)


def dtype_of(kinds: set[type]) -> DType:
    """The dtype of leaves of these types. TypeError for anything but Python numbers."""
    for kind in kinds:
        if not issubclass(kind, bool | int | float):
            raise TypeError(
                f"Tensor: an element is a {kind.__name__}, not a Python number; an array is "
                "passed as a whole, and as lists of equal length otherwise"
            )
    if any(issubclass(kind, float) for kind in kinds) or not kinds:
        return dtypes.default_float
    return dtypes.default_int if kinds != {bool} else dtypes.bool_


def encoded(values: list[Scalar], dtype: DType) -> bytes:
    """The bytes of Python numbers, each rounded once; floats in an integer dtype are cast.

    OverflowError for an integer that does not fit an integer dtype.
    """
    kinds = set(map(type, values))
    if dtype.kind == "bool":
        return bytes(map(bool, values))
    if dtype.is_int:
        if any(issubclass(kind, float) for kind in kinds):
            values = [saturated(value, dtype) for value in values]
        return _integers(values, dtype)
    if dtype in _AS_BITS:
        return _slowly(values, dtype)
    fast = kinds <= {float} or all(
        isinstance(v, float) or -EXACT_IN_FLOAT64 <= v <= EXACT_IN_FLOAT64 for v in values
    )
    return (_floats(values, dtype) if fast else None) or _slowly(values, dtype)


def _integers(values: list[Scalar], dtype: DType) -> bytes:
    try:
        return _little(array(FORMATS[dtype.name], values))
    except OverflowError:
        wrong = next(v for v in values if not dtype.min <= v <= dtype.max)
        raise OverflowError(
            f"Tensor: {wrong} does not fit {dtype} ({dtype.min}..{dtype.max}); use a wider dtype"
        ) from None


def _floats(values: list[Scalar], dtype: DType) -> bytes | None:
    """Floats in one step; None where the library would refuse or keep a NaN as it is."""
    if any(map(math.isnan, values)):
        return None
    if dtype is not dtypes.float16:
        return _little(array(FORMATS[dtype.name], values))
    try:
        return struct.pack(f"<{len(values)}{FORMATS[dtype.name]}", *values)
    except (OverflowError, struct.error):  # beyond the format, as a float or as an int
        return None


def _slowly(values: list[Scalar], dtype: DType) -> bytes:
    size = dtype.itemsize
    return b"".join(dtype.encode(value).to_bytes(size, "little") for value in values)


def _little(items: array[Any]) -> bytes:
    if sys.byteorder == "big":
        items.byteswap()
    return items.tobytes()


# -- arrays and bytes ------------------------------------------------------------------------------
def is_array(data: object) -> bool:
    """Whether this is an array or scalar of numpy, which need not be loaded to tell."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(data, (numpy.ndarray, numpy.generic))


def from_array(data: Any) -> tuple[bytes, DType, tuple[int, ...]]:
    """Bytes, dtype and shape of an array. TypeError for a dtype that tensors do not have."""
    name = data.dtype.name
    row = dtypes.BY_NAME.get(name)
    if row not in dtypes.TENSOR_DTYPES:
        raise TypeError(
            f"Tensor: arrays of dtype {name} have no counterpart; the dtypes are "
            f"{', '.join(one.name for one in dtypes.TENSOR_DTYPES)}; convert with .astype"
        )
    bits = data.view(row.unsigned.name) if row in _AS_BITS else data
    little = bits.astype(bits.dtype.newbyteorder("<"), copy=False)
    return little.tobytes(), row, data.shape


def checked_bytes(
    data: bytes | bytearray | memoryview, dtype: DType, shape: tuple[int, ...] | None
) -> tuple[bytes, tuple[int, ...]]:
    """The bytes of a tensor, with bools as 0 and 1, and its shape: one axis if it is not given.

    ValueError if the number of bytes does not match.
    """
    raw = bytes(data)
    if shape is None:
        shape = (len(raw) // dtype.itemsize,)
    shape = tuple(operator.index(size) for size in shape)
    if len(raw) != math.prod(shape) * dtype.itemsize:
        raise ValueError(
            f"Tensor: {len(raw)} bytes do not make shape {shape} of {dtype}, which takes "
            f"{math.prod(shape)} x {dtype.itemsize}"
        )
    return raw.translate(_TO_BOOL) if dtype.kind == "bool" else raw, shape


def to_array(data: bytes, dtype: DType, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """A fresh, writable array."""
    import numpy as np

    items = NUMPY[dtype.unsigned if dtype in _AS_BITS else dtype]
    little = np.frombuffer(data, items.newbyteorder("<"))
    return little.astype(items).view(NUMPY[dtype]).reshape(shape)


def to_list(data: bytes, dtype: DType, shape: tuple[int, ...]) -> Any:
    """Python numbers in nested lists; a scalar for shape ()."""
    items = dtype.unsigned if dtype in _AS_BITS else dtype
    level: list[Any] = list(struct.unpack(f"<{math.prod(shape)}{FORMATS[items.name]}", data))
    if dtype in _AS_BITS:
        level = [dtype.decode(bits) for bits in level]
    for depth in range(len(shape) - 1, 0, -1):
        size, count = shape[depth], math.prod(shape[:depth])
        level = [level[i * size : (i + 1) * size] for i in range(count)]
    return level if shape else level[0]
