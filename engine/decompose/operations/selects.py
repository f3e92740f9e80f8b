"""Selects and complements, made of masks."""

from __future__ import annotations

from engine.graph import Node
from engine.ops import Op
from engine.rewrite import Expansion, RuleSet


def _where(node: Node) -> Node:
    """(x & m) | (y & ~m), where the mask m is 0 - 1 or 0; ~m = m - 1 for 1 and 0."""
    condition, x, y = node.src
    if node.dtype.kind == "bool":
        return condition & x | ~condition & y
    bits = node.dtype.unsigned
    chosen = condition.convert(bits)
    mask, other = chosen.constant(0) - chosen, chosen - 1
    return (x.bitcast(bits) & mask | y.bitcast(bits) & other).bitcast(node.dtype)


def _not(node: Node) -> Node:
    """~x = x ^ ones"""
    (x,) = node.src
    return x ^ x.constant_bits((1 << x.dtype.bits) - 1)


SELECTS = RuleSet([Expansion("select by masks", (Op.WHERE,), _where)])
COMPLEMENTS = RuleSet([Expansion("complement by xor", (Op.NOT,), _not)])
