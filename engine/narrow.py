"""Gives addresses a real dtype: int32 if every index of the kernel provably fits, else int64."""

from __future__ import annotations

from engine import dtypes
from engine.dtypes import DType
from engine.graph import Node, const, order_of
from engine.ops import Op
from engine.simplify.index import bounds


def narrow_index(sink: Node, prefer_narrow: bool) -> Node:
    """The kernel without dtype `index`; int32 only if no intermediate result can leave it."""
    order = order_of(sink)
    dtype = dtypes.int64
    if prefer_narrow and all(_fits(node, dtypes.int32) for node in order):
        dtype = dtypes.int32
    done: dict[Node, Node] = {}
    for node in order:
        src = tuple(done[s] for s in node.src)
        done[node] = _narrowed(node, src, dtype)
    return done[sink]


def check_words(sink: Node) -> None:
    """ValueError if a buffer, a loop or a variable of a kernel may be larger than int32 counts.

    For devices without 64-bit integers. What is computed on the way to an address may be larger.
    """
    for node in order_of(sink):
        count = bounds(node.src[0])[1] if node.op is Op.RANGE else 0
        if node.op is Op.PARAM:
            count = node.arg[1]
        if node.op is Op.VARIABLE:
            count = max(-node.arg[1], node.arg[2])
        if count > dtypes.int32.max:
            raise ValueError(
                f"a kernel counts to {count}: a device without 64-bit integers has no more than "
                f"{dtypes.int32.max} words in a buffer"
            )


def _fits(node: Node, dtype: DType) -> bool:
    if node.dtype.scalar is not dtypes.index:
        return True
    low, high = bounds(node)
    return dtype.min <= low and high < dtype.max


def _narrowed(node: Node, src: tuple[Node, ...], dtype: DType) -> Node:
    if node.dtype.scalar is not dtypes.index:
        return node.replace(src)
    if node.op is Op.CONST:
        return const(node.arg, dtype)
    if node.op in (Op.FLOORDIV, Op.FLOORMOD) and _is_plain(node):
        op = Op.IDIV if node.op is Op.FLOORDIV else Op.IREM
        return Node(op, dtype, src)
    return Node(node.op, dtype.vec(node.dtype.lanes), src, node.arg)


def _is_plain(node: Node) -> bool:
    """Truncating division floors where nothing is negative, and needs no test for a divisor > 0."""
    if node.dtype.lanes > 1:
        return False
    return bounds(node.src[0])[0] >= 0 and bounds(node.src[1])[0] > 0
