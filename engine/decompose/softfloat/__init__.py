"""IEEE 754 arithmetic in integers, for devices that lack a float dtype.

Every function takes a `Format` and the bits of floats, and builds the bits of the correctly rounded
result.
"""

from __future__ import annotations

from engine.decompose.softfloat.arithmetic import add, mul, sub
from engine.decompose.softfloat.compare import eq, lt, ne
from engine.decompose.softfloat.conversions import convert, from_int, to_int
from engine.decompose.softfloat.fused import fma
from engine.decompose.softfloat.parts import Format
from engine.decompose.softfloat.recurrence import div, sqrt

__all__ = [
    "Format", "add", "convert", "div", "eq", "fma", "from_int", "lt", "mul", "ne", "sqrt", "sub",
    "to_int",
]  # fmt: skip
