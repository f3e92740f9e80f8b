"""The memory of workgroups, executed: who has touched which item since the last barrier.

Invocations run side by side, one instruction after another, and would never notice that a barrier
is missing. So every item remembers its writer and its reader, and whoever meets another one there
is told.
"""

from __future__ import annotations

import numpy as np

from engine.interpret.preconditions import Array, RaceError

NOBODY, SEVERAL = -1, -2
UNWRITTEN = 0xA5  # the byte of which memory is made that nobody has written


class Shared:
    """`size` items for each workgroup.

    Accesses come as arrays of shape (one axis for each parallel loop, 1): an address in the memory
    of its workgroup, and whether it happens. The last loop is that of the workgroup. The result
    says at which addresses two invocations have met.
    """

    def __init__(self, size: int, dtype: np.dtype[np.generic]) -> None:
        self.size, self.dtype = size, dtype
        self.items = self.writer = self.reader = np.zeros(0, dtype)

    def begin(self, groups: int) -> None:
        """Room for so many workgroups, which run side by side; it stays while these run."""
        if len(self.items) != groups * self.size:
            raw = np.full(groups * self.size * self.dtype.itemsize, UNWRITTEN, np.uint8)
            self.items = raw.view(self.dtype)
            self.barrier()

    def barrier(self) -> None:
        """Everybody has come: what was written is everybody's."""
        self.writer = np.full(len(self.items), NOBODY)
        self.reader = np.full(len(self.items), NOBODY)

    def places(self, addresses: Array, happens: Array) -> tuple[Array, Array]:
        """Where in `items` the accesses are that happen, and by which invocation each."""
        invocations = addresses.shape[-2]
        groups = addresses.size // max(1, invocations)
        self.begin(groups)
        flat = addresses.reshape(groups, invocations)
        flat = flat + self.size * np.arange(groups).reshape(groups, 1)
        who = np.broadcast_to(np.arange(invocations), flat.shape)
        chosen = happens.reshape(flat.shape)
        return flat[chosen], who[chosen]

    def load(self, addresses: Array, happens: Array) -> tuple[Array, Array]:
        """The items, 0 where nothing is read."""
        places, who = self.places(addresses, happens)
        result = np.zeros(addresses.shape, self.dtype)
        result[happens] = self.items[places]
        writer = self.writer[places]
        first = self.reader[places] == NOBODY
        self.reader[places[first]] = who[first]
        self.reader[places[self.reader[places] != who]] = SEVERAL
        return result, places[(writer != NOBODY) & (writer != who)] % self.size

    def write(self, addresses: Array, happens: Array, values: Array) -> Array:
        """Put values into the items."""
        places, who = self.places(addresses, happens)
        met = np.zeros(places.shape, bool)
        for last in (self.writer[places], self.reader[places]):
            met |= (last != NOBODY) & (last != who)
        self.writer[places] = who
        self.items[places] = values[happens]
        met |= self.writer[places] != who  # in this very instruction
        return places[met] % self.size


def check_barrier(where: str, met: Array) -> None:
    """RaceError for an instruction by which two invocations have met at some addresses."""
    if met.size:
        raise RaceError(
            f"{where}: two invocations meet at item {met[0]} of their workgroup's memory, with no "
            "barrier between"
        )
