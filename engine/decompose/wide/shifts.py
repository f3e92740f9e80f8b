"""Shifts by 0 … 63 places, which is the machine operations' precondition.

Double-length shifts of Warren, "Hacker's Delight", 2nd edition, section 2-18. What crosses from one
word to the other is shifted by one place first and by 31 - n after that, so that no count is 32.
"""

from __future__ import annotations

from engine.decompose.wide.pair import INT, UINT, WORD, Pair, sign, where
from engine.graph import Node


def left(x: Pair, count: Node) -> Pair:
    """x * 2**count modulo 2**64; `count` is a word."""
    known = count.known_bits
    if known is not None:
        return _left_by(x, known)
    within, across, far = _parts(count)
    moved = x.low << within
    near = Pair(moved, x.high << within | (x.low >> 1) >> across)
    return where(far, Pair(moved.constant(0), moved), near)


def right(x: Pair, count: Node, signed: bool) -> Pair:
    """floor(x / 2**count)"""
    known = count.known_bits
    if known is not None:
        return _right_by(x, known, signed)
    within, across, far = _parts(count)
    moved = _right_word(x.high, within, signed)
    near = Pair(x.low >> within | (x.high << 1) << across, moved)
    return where(far, Pair(moved, _fill(x, signed)), near)


def _parts(count: Node) -> tuple[Node, Node, Node]:
    """n modulo 32, 31 minus that, and whether n is at least 32"""
    within = count & (WORD - 1)
    return within, within ^ (WORD - 1), (count & WORD).ne(0)


def _left_by(x: Pair, count: int) -> Pair:
    if count >= WORD:
        return Pair(x.low.constant(0), _moved_left(x.low, count - WORD))
    if count == 0:
        return x
    return Pair(x.low << count, x.high << count | x.low >> (WORD - count))


def _right_by(x: Pair, count: int, signed: bool) -> Pair:
    if count == 0:
        return x
    if count >= WORD:
        places = x.high.constant(count - WORD)
        return Pair(_right_word(x.high, places, signed), _fill(x, signed))
    high = _right_word(x.high, x.high.constant(count), signed)
    return Pair(x.low >> count | x.high << (WORD - count), high)


def _moved_left(word: Node, count: int) -> Node:
    return word << count if count else word


def _right_word(word: Node, count: Node, signed: bool) -> Node:
    """A word shifted right, its sign copied if it has one."""
    if not signed:
        return word >> count
    return (word.bitcast(INT) >> count.bitcast(INT)).bitcast(UINT)


def _fill(x: Pair, signed: bool) -> Node:
    return sign(x) if signed else x.high.constant(0)
