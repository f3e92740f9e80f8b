"""Large products read their operands from memory that lies in the order of the reading.

In a reduction over a product each operand is read again for every element along the axes that it
does not have. The operand that runs along the result's last axis, where vectors are, is stored as
panels of a few vectors each:

    (…, k, n) -> (…, n / width, k, width)

A panel is one run of memory, whatever the strides of the operand were: it fills the nearby caches
evenly, where rows a power of two apart would share a few of their sets, and stays there while all
that is multiplied with it passes by (`optimize.reuse_nearest`). The other operands are stored with
the reduced axes last. Views give every element its old place, so a program means what it meant.

K. Goto, R. van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008, section 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.context import large_from, setting
from engine.graph import Node, const
from engine.ops import ELEMENTWISE, MOVEMENT, Op
from engine.shapes import Shape, memory_below, numel, view_of

WORK_FOR_PANELS = 1 << 24  # products below which no kernel for the copy is made
REUSE = 32                 # reads of each element from which a copy is worth while
PANEL_BYTES = 256          # of a row of a panel: four of the widest vectors
_SAME_ELEMENTS = frozenset({Op.RESHAPE, Op.PERMUTE, Op.FLIP, Op.SHRINK})  # views that repeat none


def into_panels(node: Node) -> Node | None:
    """A large REDUCE with operands that lie in memory as they are read.

    None, the node as it is, where no operand is large enough for panels.
    """
    x, axes = node.src[0], node.arg[1]
    if not setting("OPTIMIZE") or x.op not in ELEMENTWISE or not _is_large(x):
        return None
    last = max((i for i, n in enumerate(x.shape) if i not in axes and n != 1), default=-1)
    width = PANEL_BYTES // x.dtype.itemsize
    often = [operand for operand in x.src if _is_often_read(operand, axes)]
    if not any(_size(operand.src[0], last) > width for operand in often):
        return None
    stored = {}
    for operand in often:
        inner = operand.src[0]
        runs = _size(inner, last) > width
        inner = _panels(inner, axes, last, width) if runs else _in_order(inner)
        stored[operand] = operand.replace((inner,))
    return node.replace((x.replace(tuple([stored.get(s, s) for s in x.src])),))


def _size(node: Node, axis: int) -> int:
    size = node.shape[axis]
    assert isinstance(size, int)
    return size


def _sizes(node: Node) -> list[int]:
    """The sizes of a shape that are numbers."""
    return [size for size in node.shape if isinstance(size, int)]


def _is_large(x: Node) -> bool:
    sizes = _sizes(x)
    return len(sizes) == len(x.shape) and math.prod(sizes) >= large_from(WORK_FOR_PANELS)


def _is_often_read(operand: Node, axes: Sequence[int]) -> bool:
    """Whether an EXPAND repeats it, though not along what is reduced, and a copy holds no more."""
    if operand.op is not Op.EXPAND:
        return False
    x = operand.src[0]
    whole = all(x.shape[axis] == operand.shape[axis] for axis in axes)
    count = math.prod(_sizes(x))
    return whole and math.prod(_sizes(operand)) >= REUSE * count and not _is_spread(x, count)


def _is_spread(x: Node, count: int) -> bool:
    """Whether memory holds fewer elements than views show, as windows do: a copy would grow."""
    x = _below_views(x)
    return x.op in MOVEMENT and math.prod(_sizes(x.src[0])) < count


def _below_views(x: Node) -> Node:
    """What views show without repeating any of it."""
    while x.op in _SAME_ELEMENTS:
        x = x.src[0]
    return x


def _in_order(x: Node) -> Node:
    """Stored row-major."""
    return Node(Op.CONTIGUOUS, x.dtype, (x,)) if memory_below(x).op in MOVEMENT else x


def _panels(x: Node, axes: Sequence[int], last: int, width: int) -> Node:
    """The operand as a view of its panels: the axis `last` is cut, and what is reduced goes inside.

    The last panel is filled up with zeros that nobody reads.
    """
    size = _size(x, last)
    missing = -size % width
    cut = (*x.shape[:last], (size + missing) // width, width, *x.shape[last + 1 :])
    order = _order(len(x.shape), axes, last)
    known = _below_views(x)
    if known.op is Op.CONTIGUOUS and known.shape == tuple([cut[axis] for axis in order]):
        if _shown(known, order, x.shape, last) is x:
            return x  # panels already
    if missing:
        added = tuple([(0, missing if axis == last else 0) for axis in range(len(x.shape))])
        full = Node(Op.PAD, x.dtype, (x, const(0, x.dtype)), added)
    else:
        full = x
    moved = Node(Op.PERMUTE, x.dtype, (view_of(full, cut),), order)
    return _shown(Node(Op.CONTIGUOUS, x.dtype, (moved,)), order, x.shape, last)


def _order(rank: int, axes: Sequence[int], last: int) -> tuple[int, ...]:
    """The axes of the cut operand (panels at `last`, their columns behind) as a panel has them."""
    place = [axis + (axis > last) for axis in range(rank)]
    outer = [place[axis] for axis in range(rank) if axis not in axes and axis != last]
    return (*outer, last, *[place[axis] for axis in axes], last + 1)


def _shown(panels: Node, order: Sequence[int], shape: Shape, last: int) -> Node:
    """The operand of a shape that panels hold."""
    back = tuple([order.index(axis) for axis in range(len(order))])
    cut = Node(Op.PERMUTE, panels.dtype, (panels,), back)
    full = (*shape[:last], numel(cut.shape[last : last + 2]), *shape[last + 1 :])
    whole = view_of(cut, full)
    if full == shape:
        return whole
    return Node(Op.SHRINK, panels.dtype, (whole,), tuple([(0, size) for size in shape]))
