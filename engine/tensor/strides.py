"""How far apart in memory neighbours are: strides of views, in elements of their storage.

Every storage is row-major. A reshape is a view where the strides allow it, and else a new storage.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from engine.graph import Node
from engine.ops import MARKERS, STORAGE_VIEWS, Op, Operation

Strides = tuple[int, ...]
_VIEWS = STORAGE_VIEWS | MARKERS | {Op.AFTER, Op.BITCAST}


def last_axis_is_contiguous(x: Node) -> bool:
    """Whether neighbours along the last axis are neighbours in memory. Sizes must be ints."""
    return x.shape[-1] in (0, 1) or strides(x)[-1] == 1


def strides(x: Node) -> Strides:
    """The strides of a node in the storage that it is a view of, which may be its own."""
    chain = [x]
    while chain[-1].op in _VIEWS:
        chain.append(chain[-1].src[0])
    base = chain.pop()
    if base.op is Op.CONST:
        return row_major(_sizes(x))  # an expression, which has no storage yet
    result = row_major(_sizes(base))
    for node in reversed(chain):
        result = _STEPS[node.op](node, result) if node.op in _STEPS else result
    return result


def row_major(shape: Sequence[int]) -> Strides:
    """The strides of a storage."""
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))


def _sizes(x: Node) -> tuple[int, ...]:
    sizes = tuple(size for size in x.shape if isinstance(size, int))
    assert len(sizes) == len(x.shape), "strides of symbolic sizes are not numbers"
    return sizes


def _reshaped(node: Node, old: Strides) -> Strides:
    """New axes split or join old ones: what is joined must be evenly spaced.

    Both shapes are cut into the smallest groups of axes with equally many elements.
    """
    before = [(n, stride) for n, stride in zip(_sizes(node.src[0]), old, strict=True) if n != 1]
    after = list(_sizes(node))
    if 0 in after:
        return row_major(after)
    made: list[int] = []
    while before:
        group, count, sizes = [before.pop(0)], 0, list[int]()
        count = group[0][0]
        while not sizes or math.prod(sizes) != count:
            if not sizes or math.prod(sizes) < count:
                sizes.append(after[len(made) + len(sizes)])
            else:
                group.append(before.pop(0))
                count *= group[-1][0]
        if any(a[1] != b[0] * b[1] for a, b in pairwise(group)):
            return row_major(after)
        made += [stride * group[-1][1] for stride in row_major(sizes)]
    return (*made, *(1 for _ in after[len(made) :]))


def _affine(node: Node, old: Strides) -> Strides:
    shape, places = node.arg
    factors = [factors for _, factors in places]
    return tuple(
        sum(row[k] * stride for row, stride in zip(factors, old, strict=True))
        for k in range(len(shape))
    )


def _expanded(node: Node, old: Strides) -> Strides:
    sizes = zip(_sizes(node.src[0]), _sizes(node), old, strict=True)
    return tuple(0 if size == 1 and wide != 1 else stride for size, wide, stride in sizes)


def _flipped(node: Node, old: Strides) -> Strides:
    return tuple(-stride if i in node.arg else stride for i, stride in enumerate(old))


_STEPS: dict[Operation, Callable[[Node, Strides], Strides]] = {
    Op.RESHAPE: _reshaped,
    Op.PERMUTE: lambda node, old: tuple(old[axis] for axis in node.arg),
    Op.EXPAND: _expanded,
    Op.FLIP: _flipped,
    Op.AFFINE: _affine,
}
