"""Floats from and to integers and other floats, in integers."""

from __future__ import annotations

from engine import dtypes
from engine.decompose.softfloat.parts import (
    Format,
    field,
    leading_zeros,
    magnitude,
    nearest,
    normalised,
    packed,
    set_if,
    sign,
    with_hidden_bit,
)
from engine.dtypes import DType
from engine.graph import Node


def _upper_bits(x: Node, dtype: DType) -> Node:
    """A number whose leading one is the top bit, in `dtype`, one bit below the top."""
    drop = x.dtype.bits - dtype.bits + 1
    if drop <= 0:
        return x.convert(dtype) << -drop
    kept = (x >> drop).convert(dtype)
    return set_if(kept, (x & ((1 << drop) - 1)).ne(0))


def from_int(fmt: Format, x: Node) -> Node:
    """An integer or bool rounded once."""
    row = fmt.row
    word = dtypes.uint64 if x.dtype.bits == 64 else dtypes.uint32
    wide = x.convert(word)  # signed numbers are extended
    size = wide
    if x.dtype.is_signed:
        negative = wide.bitcast(word.signed).lt(0)
        size = negative.where(wide.constant(0) - wide, wide)
    zeros = leading_zeros(fmt, size)
    sig = _upper_bits(size << zeros.convert(word), row.unsigned)
    result = nearest(fmt, zeros.constant(row.bias + word.bits - 2) - zeros, sig)
    result = size.eq(0).where(result.constant(0), result)
    if x.dtype.is_signed:
        return negative.where(result | row.sign_bit, result)
    return result


def to_int(fmt: Format, dtype: DType, bits: Node) -> Node:
    """The integer part, if `dtype` has it; otherwise anything."""
    row = fmt.row
    word = dtypes.uint64 if 64 in (dtype.bits, row.bits) else dtypes.uint32
    mag = magnitude(fmt, bits)
    sig = with_hidden_bit(fmt, mag).convert(word) << (word.bits - row.bits)
    exponent = field(fmt, mag)
    below = exponent.constant(row.bias + word.bits - 1) - exponent
    inside = below.bitcast(dtypes.uint32).lt(word.bits)
    size = sig >> inside.where(below, 0).convert(word)
    size = inside.where(size, 0)
    if dtype.is_signed:
        size = sign(fmt, bits).ne(0).where(size.constant(0) - size, size)
    return size.convert(dtype)


def widen(source: Format, target: Format, bits: Node) -> Node:
    """float32 as float64, exact."""
    old, new = source.row, target.row
    mag = magnitude(source, bits)
    exponent, sig = normalised(source, mag)
    whole = sig.convert(new.unsigned) << (new.mantissa_bits - old.bits + 1)
    # The hidden bit of the significand adds one to the field.
    below = (exponent + (new.bias - old.bias - 1)).convert(whole.dtype)
    wide = (below << new.mantissa_bits) + whole
    special = (mag.convert(whole.dtype) << (new.mantissa_bits - old.mantissa_bits)) | new.infinity
    result = mag.lt(old.infinity).where(wide, special)
    result = mag.eq(0).where(result.constant(0), result)
    return result | (sign(source, bits).convert(whole.dtype) << (new.bits - old.bits))


def narrow(source: Format, target: Format, bits: Node) -> Node:
    """float64 as float32, rounded once. Subnormal numbers of the wider format are 0 in the other,
    so that their significands do not matter."""
    old, new = source.row, target.row
    mag = magnitude(source, bits)
    sig = _upper_bits(with_hidden_bit(source, mag), new.unsigned)
    result = packed(target, field(source, mag) + (new.bias - old.bias - 1), sig)
    is_nan = mag.constant(old.infinity).lt(mag)
    result = is_nan.where(result.constant(new.canonical_nan), result)
    return result | (sign(source, bits) >> (old.bits - new.bits)).convert(result.dtype)


def convert(source: Format, target: Format, bits: Node) -> Node:
    """From one float format to another."""
    return (widen if source.row.bits < target.row.bits else narrow)(source, target, bits)
