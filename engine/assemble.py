"""Nodes that are kernels of their own: which kernels, what each reads, where it writes.

Most nodes are one kernel's expression. These are made part by part: a STORE is the old version and
then the value in its places, a CAT is each of its operands in places of its own, a SCATTER is the
base and then writes at places that an index tensor names.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from engine.graph import Node, Sint, index
from engine.ops import Op, Operation
from engine.shapes import Shape, numel, resolved, row_major, static

Places = tuple[Sint, Shape]  # offset, stride of each axis: where elements go in a flat memory


@dataclass(frozen=True)
class Part:
    """One kernel: the operands that it reads, and the places that it writes (None: all, in order).

    A `sequential` part is lowered by a rule of its own (`sequential.py`); any other copies its one
    operand.
    """

    operands: tuple[int, ...]
    places: Places | None = None
    sequential: bool = False


def _whole(node: Node) -> tuple[Part, ...]:
    return (Part((0,)),)


def _sequential(node: Node) -> tuple[Part, ...]:
    return (Part((0,), sequential=True),)


def _store(node: Node) -> tuple[Part, ...]:
    """The old version is not needed where the value has as many elements."""
    write = Part((1,), resolved(node))
    base, value = (static(s.shape) for s in node.src[:2])
    whole = base is not None and value is not None and math.prod(base) == math.prod(value)
    return (write,) if whole else (Part((0,)), write)


def _cat(node: Node) -> tuple[Part, ...]:
    parts = []
    strides = row_major(node.shape)
    start: Sint = 0
    for number, operand in enumerate(node.src):
        parts.append(Part((number,), (start, strides)))
        start = _sum(start, numel((operand.shape[node.arg], strides[node.arg])))
    return tuple(parts)


def _sum(x: Sint, y: Sint) -> Sint:
    return x + y if isinstance(x, int) and isinstance(y, int) else index(x) + y


def _scatter(node: Node) -> tuple[Part, ...]:
    return Part((0,)), Part((1, 2), sequential=True)


def _custom(node: Node) -> tuple[Part, ...]:
    return Part((0,)), Part(tuple(range(1, len(node.src))), sequential=True)


# These begin with the base, which is their first operand, and write over it.
VERSIONS = frozenset({Op.STORE, Op.SCATTER, Op.CUSTOM})

PARTS: dict[Operation, Callable[[Node], tuple[Part, ...]]] = {
    Op.CONTIGUOUS: _whole,
    Op.STORE: _store,
    Op.CAT: _cat,
    Op.SCAN: _sequential,
    Op.MERGE: _sequential,
    Op.SCATTER: _scatter,
    Op.CUSTOM: _custom,
}
