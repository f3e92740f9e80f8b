"""Unsigned 128-bit integers as pairs of uint64 arrays: just what exact judging needs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oracles.formats import Array

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_WORD = np.uint64(64)


class Wide(NamedTuple):
    """high * 2**64 + low, elementwise."""

    high: Array
    low: Array


def from_word(low: Array) -> Wide:
    """A 64-bit value."""
    return Wide(np.zeros_like(low), low)


def multiply(x: Array, y: Array) -> Wide:
    """The full product of two uint64 arrays, by the schoolbook on 32-bit halves."""
    x_low, x_high = x & _LOW, x >> _HALF
    y_low, y_high = y & _LOW, y >> _HALF
    low = x_low * y_low
    middle = x_high * y_low + (low >> _HALF)
    other = x_low * y_high + (middle & _LOW)
    high = x_high * y_high + (middle >> _HALF) + (other >> _HALF)
    return Wide(high, (other << _HALF) | (low & _LOW))


def shift_left(x: Wide, count: Array) -> Wide:
    """x * 2**count for 0 <= count < 128; the caller sees to it that nothing is lost."""
    count = count.astype(np.uint64)
    far = count >= _WORD
    near = np.where(far, np.uint64(0), count)
    spill = np.where(near == 0, np.uint64(0), x.low >> ((_WORD - near) & np.uint64(63)))
    beyond = np.where(far, count - _WORD, np.uint64(0)) & np.uint64(63)
    high = np.where(far, x.low << beyond, (x.high << near) | spill)
    return Wide(high, np.where(far, np.uint64(0), x.low << near))


def add(x: Wide, y: Wide) -> Wide:
    """x + y, which must fit."""
    low = x.low + y.low
    return Wide(x.high + y.high + (low < x.low), low)


def subtract(x: Wide, y: Wide) -> Wide:
    """x - y for x >= y."""
    return Wide(x.high - y.high - (x.low < y.low), x.low - y.low)


def compare(x: Wide, y: Wide) -> Array:
    """The sign of x - y as int8."""
    above = (x.high > y.high) | ((x.high == y.high) & (x.low > y.low))
    below = (x.high < y.high) | ((x.high == y.high) & (x.low < y.low))
    return np.asarray(above.astype(np.int8) - below.astype(np.int8))


def bit_length(x: Wide) -> Array:
    """The number of significant bits, 0 for 0, as int64."""
    high, low = word_bit_length(x.high), word_bit_length(x.low)
    return np.asarray(np.where(x.high != 0, high + 64, low))


def word_bit_length(x: Array) -> Array:
    """The number of significant bits of each uint64, as int64, by binary search."""
    length = np.zeros(x.shape, dtype=np.int64)
    rest = x
    for step in (32, 16, 8, 4, 2, 1):
        big = rest >= np.uint64(1 << step)
        length += np.where(big, step, 0)
        rest = np.where(big, rest >> np.uint64(step), rest)
    return np.asarray(length + (rest != 0))
