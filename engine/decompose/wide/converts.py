"""Between 64-bit integers and everything else."""

from __future__ import annotations

from engine import dtypes
from engine.decompose.wide.pair import INT, UINT, WORD, Pair, negate_where, sign
from engine.decompose.wide.shifts import right
from engine.dtypes import DType
from engine.graph import Node

SCALE = 2.0**WORD


# -- integers --------------------------------------------------------------------------------------
def from_integer(x: Node) -> Pair:
    """The value of a narrower integer or a bool."""
    if not x.dtype.is_signed:
        low = x.convert(UINT)
        return Pair(low, low.constant(0))
    word = x.convert(INT)
    return Pair(word.bitcast(UINT), (word >> (WORD - 1)).bitcast(UINT))


def to_integer(x: Pair, dtype: DType) -> Node:
    """The lowest bits; a bool is 0 or 1 already."""
    return x.low.convert(dtype)


# -- floats ----------------------------------------------------------------------------------------
def from_float(x: Node) -> Pair:
    """The integer part of a float that is in the range of the integer.

    The high word is the integer part of |x| / 2**32, which scaling by a power of two leaves exact
    (where it would not, it is 0); what it leaves of |x| are bits of x, so it is exact too.
    """
    if x.dtype.bits < WORD:
        x = x.convert(dtypes.float32)  # float16 ends before 2**32
    negative = x.lt(0)
    magnitude = negative.where(x.constant(0) - x, x)
    high = (magnitude * (1 / SCALE)).convert(UINT)
    low = (magnitude - high.convert(x.dtype) * SCALE).convert(UINT)
    ones = low.constant(0) - negative.convert(UINT)
    return negate_where(Pair(low, high), ones)


def to_float(x: Pair, signed: bool, dtype: DType) -> Node:
    """The float nearest to the integer, rounded once.

    float16 may go through float32: an integer that float32 rounds is above what float16 holds.
    """
    if dtype.scalar is dtypes.float64:
        return to_double(x, signed)
    ones = sign(x) if signed else x.high.constant(0)
    magnitude = to_single(negate_where(x, ones) if signed else x)
    single = ones.ne(0).where(magnitude.constant(0) - magnitude, magnitude) if signed else magnitude
    return single.convert(dtype)


def to_double(x: Pair, signed: bool) -> Node:
    """Both products and the first sum's operands are exact in 53 bits: only the sum rounds."""
    high = x.high.bitcast(INT) if signed else x.high
    return high.convert(dtypes.float64) * SCALE + x.low.convert(dtypes.float64)


# A number from 2**(25 + n) on, less than 2**(32 + n), moves right by n places, and what is lost
# becomes one sticky bit: at least 26 bits are left, so that bit is below the one that decides how
# float32's 24 are rounded.
PLACES = (7, 14, 21, 28, WORD)


def to_single(x: Pair) -> Node:
    """The float32 nearest to an unsigned integer."""
    result = x.low.convert(dtypes.float32)
    for fewer, places in zip((0, *PLACES), PLACES):
        moved = right(x, x.low.constant(places), signed=False).low
        lost = x.low if places == WORD else x.low & ((1 << places) - 1)
        rounded = (moved | lost.ne(0).convert(UINT)).convert(dtypes.float32) * 2.0**places
        larger = x.high.ne(0) if fewer == 0 else x.high.constant((1 << fewer) - 1).lt(x.high)
        result = larger.where(rounded, result)
    return result
