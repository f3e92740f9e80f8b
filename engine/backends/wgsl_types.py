"""What the dtypes of the engine are in WGSL: types of registers, and constants."""

from __future__ import annotations

from engine import dtypes
from engine.dtypes import DType

_TYPES = {
    dtypes.bool_: "bool",
    dtypes.int32: "i32",
    dtypes.uint32: "u32",
    dtypes.float32: "u32",  # its bits
}


def wgsl_type(dtype: DType) -> str:
    """The type of a register. ValueError for dtypes that should have been decomposed."""
    if dtype not in _TYPES:
        raise ValueError(f"WGSL has no type for {dtype}: it should have been decomposed")
    return _TYPES[dtype]


def literal(dtype: DType, bits: int) -> str:
    """An expression with exactly these bits."""
    if dtype is dtypes.bool_:
        return "true" if bits else "false"
    if dtype is dtypes.int32:
        value = int(dtype.decode(bits))
        return f"{value}i" if value > dtype.min else "i32(-2147483647 - 1)"
    return f"0x{bits:x}u"
