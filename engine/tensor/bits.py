"""The bits of elements as elements of another width, as if they were read from memory."""

from __future__ import annotations

from engine import dtypes
from engine.dtypes import DType
from engine.graph import Node
from engine.ops import Op
from engine.tensor import views


def resized(x: Node, target: DType) -> Node:
    """The bits of the last axis as elements of another dtype, the low bits first.

    The axis has a fixed size, whose bytes divide into elements of `target`. Of one width, any
    tensor will do.
    """
    if x.dtype.bits == target.bits:
        return x.bitcast(target)
    words = x.bitcast(x.dtype.unsigned)
    narrow = x.dtype.bits > target.bits
    return (_cut if narrow else _joined)(words, target.unsigned).bitcast(target)


def _cut(x: Node, target: DType) -> Node:
    """Words as several narrower ones, the low bits first."""
    count = x.dtype.bits // target.bits
    shifts = Node(Op.IOTA, dtypes.int32, (), count).cast(x.dtype) * target.bits
    repeated = views.expand(views.unsqueezed(x, len(x.shape)), (*x.shape, count))
    beside = Node(Op.RSHIFT, x.dtype, (repeated, views.expand(shifts, repeated.shape))).cast(target)
    return views.reshape(beside, (*x.shape[:-1], views.product((x.shape[-1], count))))


def _joined(x: Node, target: DType) -> Node:
    """Several words as a wider one, the low bits first."""
    count = target.bits // x.dtype.bits
    size = x.shape[-1]
    assert isinstance(size, int)
    groups = views.reshape(x, (*x.shape[:-1], size // count, count))
    axis = len(x.shape)
    result: Node | None = None
    for k in range(count):
        part = views.squeezed(views.narrowed(groups, axis, k, k + 1), (axis,)).cast(target)
        placed = part.binary(Op.LSHIFT, k * x.dtype.bits)
        result = placed if result is None else result | placed
    assert result is not None
    return result
