"""Launching native kernels on the host, alone or split across threads.

The interface of a kernel: `void kernel(void **buffers, const int64_t *variables, int64_t start,
int64_t end)`. It runs the rounds [start, end) of its outermost global loop, or all of them if `end`
is negative. It sets and restores the float mode itself, so any thread may run it.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

from engine.linear import LinearKernel, executed

# Addresses and values travel as `bytes`, which ctypes passes as a pointer to their contents: half
# the time of an array of c_void_p. Nothing is declared, so that nothing is converted either; that
# asks for c_int64 objects, as a bare int would be passed in 32 bits.
_Function = ctypes.CFUNCTYPE(None)
_ZERO, _ALL = ctypes.c_int64(0), ctypes.c_int64(-1)
PIECES = 4  # for each thread: cores are not equally fast, so whoever is free takes the next

_Piece = tuple[ctypes.c_int64, ctypes.c_int64]


def processors() -> int:
    """How many processors this process may use: containers often get fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def work(kernel: LinearKernel) -> int:
    """Executed instructions of a launch; a loop without a constant end counts as endless.

    Where they are few, plain code is the fastest: better code would save microseconds, and making
    it takes milliseconds more (LLVM: 4 instead of 1 for a kernel, gcc: 13 instead of 3).
    """
    return executed(kernel, lambda item: 1, unknown=1 << 62)


class HostProgram:
    """A kernel at an address of this process. Calls may overlap: a program has no state.

    `keepalive` is whatever must live as long as the code. A kernel with a global loop of known size
    is split across `threads`.
    """

    __slots__ = ("function", "keepalive", "pack_addresses", "pack_values", "pieces", "threads")

    def __init__(
        self, address: int, kernel: LinearKernel, threads: int = 1, keepalive: object = None
    ) -> None:
        self.function: Any = _Function(address)
        self.keepalive = keepalive
        self.pack_addresses = struct.Struct(f"{len(kernel.parameters)}Q").pack
        self.pack_values = struct.Struct(f"{len(kernel.variables)}q").pack
        self.threads = min(threads, kernel.global_size)
        self.pieces = _pieces(kernel.global_size, self.threads) if self.threads > 1 else ()

    def __call__(self, buffers: Sequence[Any], variables: Sequence[int]) -> None:
        """Run to completion. `buffers` have an `address`; struct.error for a wrong number."""
        addresses = self.pack_addresses(*[buffer.address for buffer in buffers])
        values = self.pack_values(*variables)
        if self.pieces:
            self._split(addresses, values)
        else:
            self.function(addresses, values, _ZERO, _ALL)

    def _split(self, addresses: bytes, values: bytes) -> None:
        """This thread works too, and waits only for what others have begun."""
        waiting = iter(self.pieces)
        helpers = [
            _pool().submit(_work, self.function, addresses, values, waiting)
            for _ in range(self.threads - 1)
        ]
        try:
            _work(self.function, addresses, values, waiting)
        finally:
            for helper in helpers:
                if not helper.cancel():
                    helper.result()


def _work(function: Any, addresses: bytes, values: bytes, waiting: Iterator[_Piece]) -> None:
    """Run pieces until none is left. Threads share the iterator: its steps hold the GIL."""
    for start, end in waiting:
        function(addresses, values, start, end)


def _pieces(rounds: int, threads: int) -> tuple[_Piece, ...]:
    """Nearly equal parts of the rounds, in order."""
    count = min(rounds, threads * PIECES)
    cuts = [rounds * i // count for i in range(count + 1)]
    return tuple((ctypes.c_int64(a), ctypes.c_int64(b)) for a, b in pairwise(cuts))


@cache
def _pool() -> ThreadPoolExecutor:
    """The threads that all programs share, one a core: more would only take turns."""
    return ThreadPoolExecutor(processors(), thread_name_prefix="lockstep")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not survive a fork
