"""Comparisons of floats in integers: false beside a NaN, but `ne`, and -0 equals +0."""

from __future__ import annotations

from engine.decompose.softfloat.parts import Format, magnitude
from engine.graph import Node


def _is_number(fmt: Format, bits: Node) -> Node:
    return magnitude(fmt, bits).lt(fmt.row.infinity + 1)


def eq(fmt: Format, a: Node, b: Node) -> Node:
    """Equal bits or two zeros, and no NaN."""
    if a is b:
        return _is_number(fmt, a)
    zeros = magnitude(fmt, a | b).eq(0)
    return (a.eq(b) | zeros) & _is_number(fmt, a)


def ne(fmt: Format, a: Node, b: Node) -> Node:
    return ~eq(fmt, a, b)


def lt(fmt: Format, a: Node, b: Node) -> Node:
    return _place(fmt, a).lt(_place(fmt, b)) & _is_number(fmt, a) & _is_number(fmt, b)


def _place(fmt: Format, bits: Node) -> Node:
    """Signed integers in the order of the floats: negative ones count down from 0."""
    signed = bits.bitcast(bits.dtype.signed)
    return signed.lt(0).where(signed.constant(-fmt.row.sign_bit) - signed, signed)
