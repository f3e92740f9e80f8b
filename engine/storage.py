"""Storages: the memory behind BUFFER nodes, and what has been realized.

A BUFFER node is an identity: its number is never used twice, and its memory lives exactly as long
as the node. A realized expression is remembered as the view of the buffer that holds its value, so
programs built before it was realized find the result too.
"""

from __future__ import annotations

import itertools
import math
import weakref

from engine.backends.base import Memory
from engine.backends.registry import backend
from engine.dtypes import DType
from engine.graph import Node
from engine.ops import Op
from engine.shapes import view_of

_numbers = itertools.count(1)
_memory: weakref.WeakKeyDictionary[Node, Memory] = weakref.WeakKeyDictionary()
_realized: weakref.WeakKeyDictionary[Node, Node] = weakref.WeakKeyDictionary()


class StorageLost(RuntimeError):
    """The memory of a buffer is gone: a kernel failed while it wrote there."""


def new_buffer(dtype: DType, size: int, device: str) -> Node:
    """A BUFFER node of `size` items without memory yet."""
    return Node(Op.BUFFER, dtype, (), (next(_numbers), size, device))


def attach(buffer: Node, memory: Memory) -> None:
    """Give a buffer its memory."""
    _memory[buffer] = memory


def memory_of(buffer: Node) -> Memory:
    """The memory of a buffer; StorageLost if it has none."""
    memory = _memory.get(buffer)
    if memory is None:
        number, size, device = buffer.arg
        raise StorageLost(
            f"buffer {number} ({size} x {buffer.dtype} on {device}) has no contents: it was parsed "
            "from text, or the kernel that should have written it failed; assign it as a whole"
        )
    return memory


def allocate(dtype: DType, size: int, device: str) -> Memory:
    """Memory for `size` items, and at least one."""
    return backend(device).allocate(max(1, size) * dtype.itemsize)


def from_host(
    data: bytes | memoryview, dtype: DType, shape: tuple[int, ...], device: str
) -> Node:
    """A tensor of `shape` that holds a copy of row-major `data`."""
    size = math.prod(shape)
    if len(data) != size * dtype.itemsize:
        raise ValueError(
            f"{len(data)} bytes are not a tensor of shape {shape} and dtype {dtype}, which has "
            f"{size * dtype.itemsize}"
        )
    buffer = new_buffer(dtype, size, device)
    memory = allocate(dtype, size, device)
    memory.write(data)
    attach(buffer, memory)
    return view_of(buffer, shape)


def remember(expression: Node, view: Node) -> None:
    """`view` holds the value of `expression`."""
    _realized[expression] = view


def realized(node: Node) -> Node | None:
    """The view that holds the value of an expression, if it has been realized."""
    return _realized.get(node)
