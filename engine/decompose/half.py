"""float16 on devices without it: bits in memory, float32 arithmetic, one rounding an operation.

For + - * / sqrt the float32 result rounded once more is the correctly rounded float16 result, since
24 >= 2 * 11 + 2 (Figueroa, "When is double rounding innocuous?", SIGNUM Newsletter 30(3), 1995).
The format is binary16 of IEEE 754-2019, 3.6: 1 sign, 5 exponent, 10 fraction bits.
"""

from __future__ import annotations

from engine import dtypes
from engine.decompose.functions import FLOAT16_FUNCTIONS
from engine.dtypes import DType
from engine.graph import Node
from engine.ops import FUNCTIONS, ROUNDINGS, Op
from engine.rewrite import Expansion, RuleSet

HALF, SINGLE = dtypes.float16, dtypes.float32
THROUGH_SINGLE = (
    Op.ADD, Op.SUB, Op.MUL, Op.DIV, Op.SQRT, Op.MAXIMUM, Op.MINIMUM, Op.CANON,
    Op.LT, Op.EQ, Op.NE, Op.FMOD, Op.FLOORDIV, Op.FLOORMOD, Op.POW,
    *sorted(FUNCTIONS | ROUNDINGS, key=str),
)  # fmt: skip


def _through_single(node: Node) -> Node | None:
    if node.src[0].dtype is not HALF:
        return None
    if node.op is Op.CANON and node.src[0].op is Op.CAST:
        return node.src[0]  # rounding to float16 makes the canonical NaN
    wide = tuple(s.cast(SINGLE) for s in node.src)
    if node.dtype is not HALF:
        return Node(node.op, node.dtype, wide)
    special = FLOAT16_FUNCTIONS.get(node.op.name.lower())
    single = Node(node.op, SINGLE, wide) if special is None else special(*wide)
    return single.cast(HALF)


def _tree(node: Node) -> Node | None:
    """Lanes of halves combine in float32: maximum and minimum are exact there."""
    if node.dtype is not HALF:
        return None
    wide = Node(Op.TREE, SINGLE, (node.src[0], node.src[1].cast(SINGLE)), node.arg)
    return wide.cast(HALF)


def _cast(node: Node) -> Node | None:
    """Casts between float16 and all but float32 and float64.

    An integer that float32 rounds is above 2**24, which overflows float16 either way.
    """
    source, target = node.src[0].dtype, node.dtype
    if source is HALF and target is not SINGLE:
        return node.src[0].cast(SINGLE).cast(target)
    if target is HALF and not source.is_float:
        return node.src[0].cast(SINGLE).cast(HALF)
    return None


ARITHMETIC = RuleSet([
    Expansion("half through single", THROUGH_SINGLE, _through_single),
    Expansion("half tree", (Op.TREE,), _tree),
    Expansion("half casts", (Op.CAST,), _cast),
])


# -- bits ------------------------------------------------------------------------------------------
def to_single(bits: Node) -> Node:
    """float32 with the value of float16 bits (uint16); exact, a NaN stays some NaN.

    Normal numbers move their exponent by 127 - 15; subnormal ones are integers times 2**-24.
    """
    wide = bits.convert(dtypes.uint32)
    sign = (wide & 0x8000) << 16
    magnitude = wide & 0x7FFF
    shifted = (magnitude << 13) + ((SINGLE.bias - HALF.bias) << 23)
    tiny = magnitude.convert(dtypes.int32).convert(SINGLE) * 2.0**-24
    finite = magnitude.lt(0x400).where(tiny.bitcast(dtypes.uint32), shifted)
    special = magnitude.eq(0x7C00).where(
        magnitude.constant_bits(SINGLE.infinity), magnitude.constant_bits(SINGLE.canonical_nan)
    )
    value = magnitude.lt(0x7C00).where(finite, special)
    return (value | sign).bitcast(SINGLE)


def from_float(value: Node) -> Node:
    """float16 bits (uint16) of a float32 or float64: one rounding to nearest even.

    In integers: the significand is shifted to the place of the result's last bit, half of that
    place less one, plus the bit itself when odd, is added before the shift.
    """
    source = value.dtype
    bits = value.bitcast(source.unsigned)
    magnitude = bits & (source.sign_bit - 1)
    sign = ((bits >> (source.bits - 16)) & 0x8000).convert(dtypes.uint16)
    drop = source.mantissa_bits - HALF.mantissa_bits
    rebias = (source.bias - HALF.bias) << source.mantissa_bits
    normal = _round_shift(magnitude - rebias, drop)
    smallest_normal = (source.bias - HALF.bias + 1) << source.mantissa_bits
    result = magnitude.lt(smallest_normal).where(_subnormal(magnitude, source), normal)
    overflow = dtypes.float32.encode(65520.0) if source is SINGLE else source.encode(65520.0)
    result = magnitude.lt(overflow).where(result, HALF.infinity)
    narrow = result.convert(dtypes.uint16) | sign
    is_nan = magnitude.constant_bits(source.infinity).lt(magnitude)
    return is_nan.where(narrow.constant_bits(HALF.canonical_nan), narrow)


def _round_shift(x: Node, count: int) -> Node:
    """x / 2**count rounded to nearest even"""
    odd = (x >> count) & 1
    return (x + odd + ((1 << (count - 1)) - 1)) >> count


def _subnormal(magnitude: Node, source: DType) -> Node:
    """The value in units of 2**-24, rounded to nearest even.

    Adding 2**(precision - 1) units makes the hardware round at the unit, exactly as wanted: the
    sum's last bits are the count.
    """
    unit = 2.0**-24
    shift = source.encode(unit * 2.0**source.mantissa_bits)
    clamped = magnitude.lt(source.encode(2.0**-14)).where(magnitude, 0)
    total = (clamped.bitcast(source) + unit * 2.0**source.mantissa_bits).opaque()
    return total.bitcast(source.unsigned) - shift


def _bits_cast(node: Node) -> Node | None:
    """Casts that touch float16, once its values are uint16 nodes marked by a BITCAST."""
    if node.dtype is HALF:
        return from_float(node.src[0]).bitcast(HALF)
    if node.src[0].dtype is HALF:
        return to_single(node.src[0].bitcast(dtypes.uint16))
    return None


CASTS = RuleSet([Expansion("half bits", (Op.CAST,), _bits_cast)])
