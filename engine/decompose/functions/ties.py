"""Functions of narrow floats: the operands for which float32 and one more rounding are not enough.

Where the true value is next to a middle of two float16, the float32 may be that middle itself, and
rounding takes the even neighbour, on whichever side the true value lies. That happens to two of the
65536 operands of a function, more or less, and cannot be helped by any float32: even the nearest
one may be the middle. So their results are moved off it. (CORE-MATH keeps such exceptional cases in
tables, too: Sibidanov, Zimmermann and Glondu, "The CORE-MATH Project", ARITH 2022.)

`tools/ties.py` finds the rows, and a test compares them with what it finds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

from engine.decompose.functions.value import Function, V, magnitude
from engine.dtypes import DType

# More than a unit in the last place of float32, and far less than one of a narrower float.
MOVE = 2.0**-22


@dataclass(frozen=True)
class Ties:
    """Bits of operands, without their signs, whose results must be greater or smaller in size.

    Where only one of x and -x is meant, the result of the other is moved as well, and rounds as
    before, since it is no middle.
    """

    greater: tuple[int, ...] = ()
    smaller: tuple[int, ...] = ()


TIES: dict[str, dict[str, Ties]] = {
    "float16": {
        "exp": Ties(smaller=(0x1F79, 0x25CF)),
        "exp2": Ties(greater=(0x11C5,)),
        "expm1": Ties(greater=(0x11A8,)),
        "sigmoid": Ties(greater=(0x1600, 0x1B00, 0x1D80, 0x1F80), smaller=(0x1A00, 0x1F00, 0x2180)),
        "log": Ties(smaller=(0x1D78,)),
        "log10": Ties(greater=(0x33F8, 0x69D0), smaller=(0x338F, 0x57E1, 0x719D)),
        "log1p": Ties(greater=(0x1E03,), smaller=(0x1DFD,)),
        "sinh": Ties(greater=(0x40F2,)),
        "cosh": Ties(greater=(0x2800,)),
        "asinh": Ties(greater=(0x32BD,), smaller=(0x4B1F,)),
        "acosh": Ties(greater=(0x3CE4,)),
        "sin": Ties(greater=(0x32B3,), smaller=(0x5CB0,)),
        "cos": Ties(greater=(0x2B7C,)),
        "tan": Ties(greater=(0x2894, 0x774A), smaller=(0x55ED,)),
        "acos": Ties(greater=(0x004B, 0x3874), smaller=(0x2CAF,)),
        "atan": Ties(greater=(0x2745, 0x32B5, 0x466E)),
        "erf": Ties(smaller=(0x1612,)),
    },
}


def without_ties(function: Function, ties: Ties, dtype: DType) -> Function:
    """A function of float32 whose results at numbers of `dtype` round to `dtype` correctly."""

    def moved(x: V) -> V:
        size = magnitude(x)
        factor = x.constant(1.0)
        for bits, to in ((ties.greater, 1 + MOVE), (ties.smaller, 1 - MOVE)):
            if bits:
                factor = is_any(size, bits, dtype).where(to, factor)
        result: V = function(x)
        return result * factor

    return moved


def is_any(x: V, bits: Iterable[int], dtype: DType) -> V:
    """Whether x is one of some numbers of `dtype`, which are given by their bits."""
    found = [x.eq(float(dtype.decode(one))) for one in bits]
    return reduce(lambda one, other: one | other, found)
