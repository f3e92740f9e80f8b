"""Memory of the devices that compute on the host: aligned, pooled by size.

A pool matters more than it looks: fresh pages cost about as much as adding two arrays of their
size, so a result that takes the place of a freed one halves the time of a large kernel.
"""

from __future__ import annotations

import ctypes
import mmap
import threading
import weakref
from collections import OrderedDict
from contextlib import suppress

ALIGNMENT = 64
POOL_LIMIT = 1 << 30  # bytes kept for reuse
_LARGE = 1 << 20


def _pages(nbytes: int) -> mmap.mmap:
    """Fresh pages, large ones where the system has them.

    They must be private: Python's default is to share them with forked processes, which would
    then compute in the tensors of their parent.
    """
    if not hasattr(mmap, "MAP_PRIVATE"):
        return mmap.mmap(-1, nbytes)
    pages = mmap.mmap(-1, nbytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a kernel without transparent huge pages
            pages.madvise(mmap.MADV_HUGEPAGE)
    return pages


class HostPool:
    """Freed blocks by size; sizes that have not been asked for the longest are given up first."""

    def __init__(self, limit: int = POOL_LIMIT) -> None:
        self.limit = limit
        self.held = 0
        self.lock = threading.RLock()  # a finalizer may give while an allocation takes
        self.blocks: OrderedDict[int, list[ctypes.Array[ctypes.c_char]]] = OrderedDict()

    def take(self, nbytes: int) -> ctypes.Array[ctypes.c_char]:
        """A block of exactly `nbytes` plus room to align."""
        with self.lock:
            blocks = self.blocks.get(nbytes)
            if blocks:
                self.held -= nbytes
                self.blocks.move_to_end(nbytes)
                return blocks.pop()
        if nbytes < _LARGE:
            return (ctypes.c_char * (nbytes + ALIGNMENT))()
        return (ctypes.c_char * (nbytes + ALIGNMENT)).from_buffer(_pages(nbytes + ALIGNMENT))

    def give(self, nbytes: int, block: ctypes.Array[ctypes.c_char]) -> None:
        """Keep a block for the next allocation of its size."""
        if nbytes > self.limit:
            return
        with self.lock:
            self.blocks.setdefault(nbytes, []).append(block)
            self.blocks.move_to_end(nbytes)
            self.held += nbytes
            while self.held > self.limit:
                self.give_up_oldest()

    def give_up_oldest(self) -> None:
        """Hand one block of the size that nobody has asked for the longest back to the system."""
        size, blocks = next(iter(self.blocks.items()))
        if blocks:
            blocks.pop()
            self.held -= size
        else:
            del self.blocks[size]


POOL = HostPool()


class HostMemory:
    """`nbytes` of host memory at `address`, aligned to 64 bytes."""

    __slots__ = ("__weakref__", "address", "block", "nbytes")

    def __init__(self, nbytes: int, pool: HostPool = POOL) -> None:
        rounded = max(ALIGNMENT, -(-nbytes // ALIGNMENT) * ALIGNMENT)
        self.nbytes = nbytes
        self.block = pool.take(rounded)
        start = ctypes.addressof(self.block)
        self.address = -(-start // ALIGNMENT) * ALIGNMENT
        weakref.finalize(self, pool.give, rounded, self.block).atexit = False

    def view(self, granule: int = 1) -> memoryview:
        """The bytes themselves, writable; valid only as long as this object lives.

        The last piece of `granule` bytes, no more than ALIGNMENT, is whole.
        """
        offset = self.address - ctypes.addressof(self.block)
        end = offset + -(-self.nbytes // granule) * granule
        return memoryview(self.block).cast("B")[offset:end]

    def write(self, data: bytes | memoryview) -> None:
        """Copy host bytes to the start of this memory."""
        source = memoryview(data).cast("B")
        self.view()[: source.nbytes] = source

    def read(self) -> bytes:
        """A copy of the bytes."""
        return bytes(self.view())
