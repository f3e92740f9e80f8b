"""Nodes that are kernels of their own: which kernels, what each reads, where it writes.

Most nodes are one kernel's expression. These are made part by part: a STORE is the old version and
then a region, a CAT is each of its operands in a region of its own, a SCATTER is the base and then
writes at places that an index tensor names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.graph import Node, Sint, index
from engine.ops import Op, Operation
from engine.shapes import resolved

Region = tuple[tuple[Sint, Sint], ...]  # for each axis: offset, size of the whole


@dataclass(frozen=True)
class Part:
    """One kernel: the operands that it reads, and the region that it writes (None: everything).

    A `sequential` part is lowered by a rule of its own (`sequential.py`); any other copies its one
    operand.
    """

    operands: tuple[int, ...]
    region: Region | None = None
    sequential: bool = False


def _whole(node: Node) -> tuple[Part, ...]:
    return (Part((0,)),)


def _sequential(node: Node) -> tuple[Part, ...]:
    return (Part((0,), sequential=True),)


def _store(node: Node) -> tuple[Part, ...]:
    offsets = (offset for offset, _ in resolved(node))
    return Part((0,)), Part((1,), tuple(zip(offsets, node.shape, strict=True)))


def _cat(node: Node) -> tuple[Part, ...]:
    parts = []
    start: Sint = 0
    for number, operand in enumerate(node.src):
        offsets: list[Sint] = [0] * len(node.shape)
        offsets[node.arg] = start
        parts.append(Part((number,), tuple(zip(offsets, node.shape, strict=True))))
        size = operand.shape[node.arg]
        plain = isinstance(size, int) and isinstance(start, int)
        start = size + start if plain else index(start) + size
    return tuple(parts)


def _scatter(node: Node) -> tuple[Part, ...]:
    return Part((0,)), Part((1, 2), sequential=True)


def _custom(node: Node) -> tuple[Part, ...]:
    return Part((0,)), Part(tuple(range(1, len(node.src))), sequential=True)


PARTS: dict[Operation, Callable[[Node], tuple[Part, ...]]] = {
    Op.CONTIGUOUS: _whole,
    Op.STORE: _store,
    Op.CAT: _cat,
    Op.SCAN: _sequential,
    Op.MERGE: _sequential,
    Op.SCATTER: _scatter,
    Op.CUSTOM: _custom,
}
