"""What soft arithmetic shares: taking floats apart, counting zeros, rounding, putting together.

Invariants of this package:
- A float is the unsigned integer of its bits. Exponents and counts are int32, so that a device of
  32-bit words pays for one word; they never overflow it.
- Only integer operations are made, of any number of lanes, and every machine operation keeps its
  precondition whatever the operands are.
- "A significand at bit n" has its leading one there. It stands at bit W - 2 of W before it is
  rounded: above it is room for the carry, below the fraction are `exponent_bits - 1` further bits,
  the last of which is sticky: it is set if anything below it was.
- A NaN operand gives some NaN. Rounding is to nearest, ties to even; subnormals are kept.

The format is that of IEEE 754-2019, section 3.4; the algorithms are the ones of Muller et al.,
"Handbook of Floating-Point Arithmetic", 2nd ed., chapter 8.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine import dtypes
from engine.dtypes import DType
from engine.graph import Node


@dataclass(frozen=True)
class Format:
    """A float format in integers. `single`: whether the device converts integers to float32."""

    row: DType
    single: bool

    @property
    def drop(self) -> int:
        """Bits below the fraction of a significand that is to be rounded."""
        return self.row.exponent_bits - 1


def as_int(x: Node) -> Node:
    return x.convert(dtypes.int32)


def smaller(x: Node, y: Node | int) -> Node:
    """The minimum of integers."""
    return x.lt(y).where(x, y)


def larger(x: Node, y: Node | int) -> Node:
    """The maximum of integers."""
    return x.lt(y).where(y, x)


def set_if(x: Node, condition: Node) -> Node:
    """x with its last bit set where the condition holds."""
    return x | condition.convert(x.dtype)


# -- taking apart ----------------------------------------------------------------------------------
def magnitude(fmt: Format, bits: Node) -> Node:
    """The bits without the sign."""
    return bits & (fmt.row.sign_bit - 1)


def sign(fmt: Format, bits: Node) -> Node:
    """The sign bit in its place."""
    return bits & fmt.row.sign_bit


def field(fmt: Format, mag: Node) -> Node:
    """The exponent field of a magnitude, int32."""
    return as_int(mag >> fmt.row.mantissa_bits)


def with_hidden_bit(fmt: Format, mag: Node) -> Node:
    """The significand of a normal number, at the top bit."""
    return (mag << fmt.row.exponent_bits) | fmt.row.sign_bit


def significand(fmt: Format, mag: Node, exponent: Node) -> Node:
    """The significand at the top bit; of a subnormal number below it, and 0 of 0."""
    hidden = exponent.eq(0).where(mag.constant(0), mag.constant(fmt.row.sign_bit))
    return (mag << fmt.row.exponent_bits) | hidden


def normalised(fmt: Format, mag: Node) -> tuple[Node, Node]:
    """(exponent, significand at the top bit): subnormal numbers have exponents below 1; 0 has the
    significand 0."""
    exponent = field(fmt, mag)
    raw = significand(fmt, mag, exponent)
    zeros = leading_zeros(fmt, raw)
    return larger(exponent, 1) - zeros, raw << zeros.convert(raw.dtype)


# -- counting --------------------------------------------------------------------------------------
def leading_zeros(fmt: Format, x: Node) -> Node:
    """Zeros above the leading one of a uint32 or uint64, int32; of 0 the width less one."""
    if x.dtype.bits == 32:
        return _zeros_of_word(fmt, x)
    high = (x >> 32).convert(dtypes.uint32)
    empty = high.eq(0)
    word = empty.where(x.convert(dtypes.uint32), high)
    count = _zeros_of_word(fmt, word)
    return empty.where(count + 32, count)


def _zeros_of_word(fmt: Format, word: Node) -> Node:
    return _by_conversion(word) if fmt.single else _by_bisection(word)


def _by_conversion(word: Node) -> Node:
    """The exponent of the word as a float32.

    A leading one that a zero follows is not rounded up to the next power of two. The last bit is
    set for the sake of 0 and changes no other exponent.
    """
    single = dtypes.float32
    leading = (word & ~(word >> 1)) | 1
    exponent = leading.convert(single).bitcast(dtypes.uint32) >> single.mantissa_bits
    return exponent.constant(single.bias + 31).bitcast(dtypes.int32) - as_int(exponent)


def _by_bisection(word: Node) -> Node:
    """Where the upper half is empty the lower one moves up, and so on."""
    count = word.constant(0)
    for step in (16, 8, 4, 2):
        empty = word.lt(1 << (32 - step))
        word = empty.where(word << step, word)
        count = count + empty.where(count.constant(step), 0)
    return as_int(count + word.lt(1 << 31).convert(word.dtype))


# -- putting together ------------------------------------------------------------------------------
def shifted_right(x: Node, count: Node) -> Node:
    """x >> count, the last bit sticky; 0 <= count < width."""
    wide = count.convert(x.dtype)
    rest = x >> wide
    return set_if(rest, (rest << wide).ne(x))


def nearest(fmt: Format, exponent: Node, sig: Node) -> Node:
    """The magnitude of a significand at bit W - 2 whose exponent field is `exponent` + 1.

    `exponent` is from 0 to 2**exponent_bits - 2. Where it is 0 the significand may be lower: it is
    that of a subnormal number. What is too large is infinity. The hidden bit is added to the field,
    and so is the carry of rounding up to a power of two.
    """
    row = fmt.row
    odd = (sig >> fmt.drop) & 1
    rounded = (sig + odd + ((1 << (fmt.drop - 1)) - 1)) >> fmt.drop
    whole = (exponent.convert(sig.dtype) << row.mantissa_bits) + rounded
    return smaller(whole, row.infinity)


def packed(fmt: Format, exponent: Node, sig: Node) -> Node:
    """The same for any int32 exponent: what is too small becomes subnormal, and is rounded once."""
    row = fmt.row
    tiny = exponent.lt(0)
    right = smaller(tiny.where(exponent.constant(0) - exponent, 0), row.bits - 1)
    clamped = smaller(tiny.where(exponent.constant(0), exponent), (1 << row.exponent_bits) - 2)
    return nearest(fmt, clamped, shifted_right(sig, right))


def packed_after_carry(fmt: Format, exponent: Node, sig: Node) -> Node:
    """The same for a significand at bit W - 2 or one below it."""
    low = sig.lt(1 << (fmt.row.bits - 2))
    return packed(fmt, low.where(exponent - 1, exponent), low.where(sig << 1, sig))
