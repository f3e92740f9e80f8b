"""Storages: what tensors own; the memory behind BUFFER nodes; what has been realized.

A `Storage` is an identity with versions. Its current version is a pure node, computed or not, and
whoever reads it takes that node; writing puts another node in its place and computes nothing.

A BUFFER node is an identity too: its number is never used twice, and its memory lives exactly as
long as the node. A realized expression is remembered as the view of the buffer that holds its
value, so programs built before it was realized find the result too.
"""

from __future__ import annotations

import itertools
import math
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from engine.backends.base import Memory
from engine.backends.registry import backend
from engine.dtypes import DType
from engine.graph import Node
from engine.ops import Op
from engine.shapes import memory_below, view_of

_numbers = itertools.count(1)
_memory: weakref.WeakKeyDictionary[Node, Memory] = weakref.WeakKeyDictionary()
_lost: weakref.WeakKeyDictionary[Node, str] = weakref.WeakKeyDictionary()  # and why
_realized: weakref.WeakKeyDictionary[Node, Node] = weakref.WeakKeyDictionary()
_values: weakref.WeakKeyDictionary[Node, weakref.WeakSet[Node]] = weakref.WeakKeyDictionary()

FAILED = "a kernel failed while it wrote there; assign the tensor as a whole"
TAKEN = "a later version was written over it; read the tensor, which shows that one"
UNKNOWN = "it was parsed from text, or the kernel that should have written it failed"


class StorageLost(RuntimeError):
    """The memory of a buffer is gone. The message says why, and what to do."""


# -- storages --------------------------------------------------------------------------------------
class Shown(Protocol):
    """What keeps a node that it made of a storage's node."""

    @property
    def node(self) -> Node:
        """That node."""
        ...

    def hide(self) -> None:
        """Forget that node: the storage has another one now."""


class Storage:
    """What a tensor that is no view owns: an identity, and the version that it is in.

    `node` is the current version: a pure node of the storage's shape, an expression or a view of a
    BUFFER. `home` is the BUFFER that held the last version that was in memory when it was written
    over; the next one may be written there if nobody needs the old one. `device` is None for an
    expression of constants that was never given one. `version` counts the writes.
    """

    __slots__ = ("__weakref__", "device", "home", "node", "shown", "version")

    def __init__(self, node: Node, device: str | None) -> None:
        self.node, self.device = node, device
        self.home: Node | None = None
        self.version = 0
        self.shown: weakref.WeakSet[Shown] | None = None
        self._register()

    @property
    def storage(self) -> Storage:
        """Itself, as a view has the storage that it shows."""
        return self

    def keep(self, view: Shown) -> None:
        """`view` has made a node of the current one, and is to hide it when that changes."""
        if self.shown is None:
            self.shown = weakref.WeakSet()
        self.shown.add(view)
        _shown.add(self)

    def write(self, node: Node, device: str | None) -> None:
        """The next version is `node`, of the same shape and dtype; on `device` from now on."""
        assert node.shape == self.node.shape and node.dtype is self.node.dtype
        below = memory_below(self.node)
        if below.op is Op.BUFFER:
            self.home = below
        self.version += 1
        self.device = device
        self.show(node)
        if self in _pending:
            _written.add(self)

    def show(self, node: Node) -> None:
        """`node` stands for the current version from now on: it has the same bits, or is new."""
        if node is not self.node:
            self.node = node
            self._register()
            if self.shown:
                for view in list(self.shown):
                    view.hide()
                self.shown.clear()
                _shown.discard(self)

    def _register(self) -> None:
        """Enter what is alive: by its memory, or as something that is yet to be computed."""
        below = memory_below(self.node)
        if below.op is Op.BUFFER:
            _owners.setdefault(below, weakref.WeakSet()).add(self)
            _pending.discard(self)
            _written.discard(self)
        else:
            _pending.add(self)


_pending: weakref.WeakSet[Storage] = weakref.WeakSet()
_shown: weakref.WeakSet[Storage] = weakref.WeakSet()  # those of which views have made nodes
_written: weakref.WeakSet[Storage] = weakref.WeakSet()  # pending ones that have been written
_owners: weakref.WeakKeyDictionary[Node, weakref.WeakSet[Storage]] = weakref.WeakKeyDictionary()


def pending_storages() -> list[Storage]:
    """The storages that are alive and whose version is not memory, in no order."""
    return list(_pending)


def shown_storages() -> list[Storage]:
    """The storages that are alive and of which a view has made a node, in no order."""
    return list(_shown)


@contextmanager
def unwritten() -> Iterator[list[Storage]]:
    """A block that only makes programs: writes into storages that were there before are undone.

    At its end the list has the storages that were written.
    """
    before = {s: (s.node, s.device, s.home, s.version) for s in _alive()}
    written: list[Storage] = []
    try:
        yield written
    finally:
        for storage, (node, device, home, version) in before.items():
            if storage.version != version:
                written.append(storage)
                storage.show(node)
                storage.device, storage.home, storage.version = device, home, version


def _alive() -> list[Storage]:
    return list({*_pending, *(s for row in _owners.values() for s in row)})


def pending_writes() -> list[Storage]:
    """Those of them that have been written since they were in memory."""
    return list(_written)


def owners(buffer: Node) -> list[Storage]:
    """The storages that are alive and whose version is all of a BUFFER."""
    return [s for s in _owners.get(buffer, ()) if memory_below(s.node) is buffer]


# -- memory ----------------------------------------------------------------------------------------
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
            f"buffer {number} ({size} x {buffer.dtype} on {device}) has no contents: "
            f"{_lost.get(buffer, UNKNOWN)}"
        )
    return memory


def lose(buffer: Node, why: str) -> None:
    """Take a buffer's memory from it."""
    _memory.pop(buffer, None)
    _lost[buffer] = why


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
    _values.setdefault(memory_below(view), weakref.WeakSet()).add(expression)


def names_of(buffer: Node) -> list[Node]:
    """By which nodes an expression may come to a BUFFER: itself, and those that it is the value of.
    """
    return [buffer, *_values.get(buffer, ())]


def realized(node: Node) -> Node | None:
    """The view that holds the value of an expression, if it has been realized and is still there.
    """
    view = _realized.get(node)
    return None if view is None or (_lost and memory_below(view) in _lost) else view
