"""Floats narrower than 32 bits on devices without them: bits in memory, arithmetic in float32, one
rounding an operation. What differs between the formats is in their rows. Functions say themselves
what they are computed in.

Of + - * / sqrt the float32 result rounded once more is the correctly rounded one, since 24 >= 2p +
2 for a precision p of 11 or less (Figueroa, "When is double rounding innocuous?", SIGNUM Newsletter
30(3), 1995). bfloat16 alone has results that are subnormal in float32, whose last place is then
2**-149 and that of bfloat16 2**-133. A sum is exact there. A product that float32 must round, with
integers m, n below 2**8, is m * n * 2**e with e <= -150; at least half of 2**-133 large, it has
e = -150, and would have to be 65535 or 65537 times that to be rounded to a middle of two bfloat16:
neither is such a product. A quotient m/n * 2**e is at least 2**-142 / n from a middle, or is one,
and that is more than the 2**-150 by which float32 moves it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from engine import dtypes
from engine.decompose.functions import narrow_function, working_dtype
from engine.dtypes import NARROW_FLOATS, DType
from engine.graph import Node
from engine.ops import FUNCTIONS, ROUNDINGS, Op
from engine.rewrite import Expansion, RuleSet

SINGLE = dtypes.float32
THROUGH_SINGLE = (
    Op.ADD, Op.SUB, Op.MUL, Op.DIV, Op.SQRT, Op.MAXIMUM, Op.MINIMUM, Op.CANON,
    Op.LT, Op.EQ, Op.NE, Op.FMOD, Op.FLOORDIV, Op.FLOORMOD, Op.POW,
    *sorted(FUNCTIONS | ROUNDINGS, key=str),
)  # fmt: skip
Rewritten = Node | None


# -- arithmetic ------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Through:
    """Operations on floats that a target lacks become operations on float32."""

    lacking: frozenset[DType]

    def single(self, node: Node) -> Rewritten:
        narrow = node.src[0].dtype
        if narrow not in self.lacking:
            return None
        if node.op is Op.CANON and node.src[0].op is Op.CAST:
            return node.src[0]  # rounding to a narrow float makes the canonical NaN
        name = node.op.name.lower()
        working = working_dtype(name, narrow)
        wide = tuple(s.cast(working) for s in node.src)
        if node.dtype is not narrow:
            return Node(node.op, node.dtype, wide)
        special = narrow_function(name, narrow)
        result = Node(node.op, working, wide) if special is None else special(*wide)
        return result.cast(narrow)

    def tree(self, node: Node) -> Rewritten:
        """Lanes combine in float32: maximum and minimum are exact there."""
        if node.dtype not in self.lacking:
            return None
        wide = Node(Op.TREE, SINGLE, (node.src[0], node.src[1].cast(SINGLE)), node.arg)
        return wide.cast(node.dtype)

    def cast(self, node: Node) -> Rewritten:
        """Casts between a narrow float and all but float32 and float64."""
        source, target = node.src[0].dtype, node.dtype
        if source in self.lacking and target is not SINGLE:
            return node.src[0].cast(SINGLE).cast(target)
        if target in self.lacking and not source.is_float:
            return rounding_alike(node.src[0], target).cast(target)
        return None


# Integers from 2**n on, and how many of their last bits are then dropped: what is left, up to the
# next n, are at most the 24 bits of float32, and at least 10, as many as bfloat16 needs.
DROPPED = {32: ((24, 8),), 64: ((24, 14), (38, 28), (52, 40))}


def rounding_alike(x: Node, target: DType) -> Node:
    """A float32 that rounds to `target` as the integer or bool x does.

    If float32 does not hold x, and `target` reaches so far, the last bits are dropped, and the last
    one that is left becomes 1 if any of them was (rounding to odd; Boldo and Melquiond, "Emulation
    of FMA and correctly rounded sums", IEEE Transactions on Computers 57(4), 2008): p + 2 bits of
    that suffice.
    """
    result = x
    if int(target.decode(target.largest)) >> SINGLE.precision:
        for power, count in DROPPED.get(x.dtype.bits, ()):
            large = x.constant((1 << power) - 1).lt(x)
            if x.dtype.is_signed:
                large = large | x.lt(-(1 << power))
            result = large.where(_to_odd(x, count), result)
    return result.cast(SINGLE)


def _to_odd(x: Node, count: int) -> Node:
    """x without its last bits, made odd where one of them was 1."""
    kept = x & -(1 << count)
    return (x & (1 << count) - 1).ne(0).where(kept | 1 << count, kept)


# -- bits ------------------------------------------------------------------------------------------
def to_single(bits: Node, source: DType) -> Node:
    """float32 with the value of a narrow float's bits; exact, a NaN stays some NaN.

    Normal numbers move their exponent by the difference of the biases; subnormal ones are integers
    times the least of them.
    """
    wide = bits.convert(dtypes.uint32)
    if source.bias == SINGLE.bias:
        return (wide << (SINGLE.bits - source.bits)).bitcast(SINGLE)
    sign = (wide & source.sign_bit) << (SINGLE.bits - source.bits)
    magnitude = wide & (source.sign_bit - 1)
    moved = (SINGLE.bias - source.bias) << SINGLE.mantissa_bits
    shifted = (magnitude << (SINGLE.mantissa_bits - source.mantissa_bits)) + moved
    tiny = magnitude.convert(dtypes.int32).convert(SINGLE) * _least(source)
    normal = 1 << source.mantissa_bits
    value = magnitude.lt(normal).where(tiny.bitcast(dtypes.uint32), shifted)
    return _with_specials(source, wide, magnitude, value | sign).bitcast(SINGLE)


def _with_specials(source: DType, bits: Node, magnitude: Node, value: Node) -> Node:
    """The float32 bits `value`, where bits of `source` stand for no number those of what they are.
    """
    nan = value.constant_bits(SINGLE.canonical_nan)
    if not source.has_negative_zero:
        return bits.eq(source.canonical_nan).where(nan, value)
    result = magnitude.constant(source.overflow).lt(magnitude).where(nan, value)
    if not source.has_infinity:
        return result
    sign = (bits & source.sign_bit) << (SINGLE.bits - source.bits)
    return magnitude.eq(source.infinity).where(sign | SINGLE.infinity, result)


def _least(dtype: DType) -> float:
    """The smallest positive number of a format."""
    return 2.0 ** (1 - dtype.bias - dtype.mantissa_bits)


def from_float(value: Node, target: DType) -> Node:
    """The bits of a narrow float for a float32 or float64: one rounding to nearest even."""
    source = value.dtype
    bits = value.bitcast(source.unsigned)
    magnitude = bits & (source.sign_bit - 1)
    result = magnitude.lt(_overflows_from(source, target)).where(
        _rounded_magnitude(magnitude, source, target), target.overflow
    )
    result = result.convert(target.unsigned)
    shifted = bits >> (source.bits - target.bits)
    sign = shifted.convert(target.unsigned) & target.sign_bit
    signed = result | sign
    if not target.has_negative_zero:
        signed = result.eq(0).where(result, signed)
    is_nan = magnitude.constant_bits(source.infinity).lt(magnitude)
    return is_nan.where(signed.constant_bits(target.canonical_nan), signed)


def _overflows_from(source: DType, target: DType) -> int:
    """The least magnitude, as bits of `source`, whose result is that of an overflow.

    With infinities that is the middle between the largest number and what would come after it: the
    tie goes away from the largest, which is odd. Without, the largest number itself.
    """
    largest = Fraction(target.decode(target.largest))
    if not target.has_infinity:
        return source.encode(float(largest))
    last_place = largest - Fraction(target.decode(target.largest - 1))
    return source.encode(float(largest + last_place / 2))


def _rounded_magnitude(magnitude: Node, source: DType, target: DType) -> Node:
    """In integers: the significand is shifted to the place of the result's last bit; half of that
    place less one, plus the bit itself when odd, is added before the shift.
    """
    drop = source.mantissa_bits - target.mantissa_bits
    if source.bias == target.bias:
        return _round_shift(magnitude, drop)  # subnormal numbers have the same last place, too
    rebias = (source.bias - target.bias) << source.mantissa_bits
    normal = _round_shift(magnitude - rebias, drop)
    smallest_normal = rebias + (1 << source.mantissa_bits)
    return magnitude.lt(smallest_normal).where(_subnormal(magnitude, source, target), normal)


def _round_shift(x: Node, count: int) -> Node:
    """x / 2**count rounded to nearest even"""
    odd = (x >> count) & 1
    return (x + odd + ((1 << (count - 1)) - 1)) >> count


def _subnormal(magnitude: Node, source: DType, target: DType) -> Node:
    """The value in units of the target's least number, rounded to nearest even.

    Adding 2**(precision - 1) units makes the hardware round at the unit, exactly as wanted: the
    sum's last bits are the count.
    """
    unit = _least(target)
    shifter = unit * 2.0**source.mantissa_bits
    clamped = magnitude.lt(source.encode(2.0 ** (1 - target.bias))).where(magnitude, 0)
    total = (clamped.bitcast(source) + shifter).opaque()
    return total.bitcast(source.unsigned) - source.encode(shifter)


@dataclass(frozen=True)
class _Bits:
    """Casts that touch a narrow float, once its values are integers marked by a BITCAST."""

    lacking: frozenset[DType]

    def cast(self, node: Node) -> Rewritten:
        source = node.src[0].dtype
        if node.dtype in self.lacking:
            return from_float(node.src[0], node.dtype).bitcast(node.dtype)
        if source in self.lacking:
            return to_single(node.src[0].bitcast(source.unsigned), source)
        return None


# -- the rules for what a target lacks -------------------------------------------------------------
@cache
def arithmetic(lacking: frozenset[DType]) -> RuleSet:
    """Operations on these dtypes become operations on float32, and casts from and to it."""
    through = _Through(lacking)
    return RuleSet([
        Expansion("narrow floats through single", THROUGH_SINGLE, through.single),
        Expansion("tree of narrow floats", (Op.TREE,), through.tree),
        Expansion("casts of narrow floats", (Op.CAST,), through.cast),
    ])


@cache
def casts(lacking: frozenset[DType]) -> RuleSet:
    """Casts between these dtypes and float32 or float64 become arithmetic on bits."""
    return RuleSet([Expansion("bits of narrow floats", (Op.CAST,), _Bits(lacking).cast)])


@cache
def lacked(native: frozenset[DType]) -> frozenset[DType]:
    """The narrow floats that are not among the dtypes of a target."""
    return frozenset(NARROW_FLOATS) - native
