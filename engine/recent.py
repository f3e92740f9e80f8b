"""A bounded cache: what was used last is kept. Threads may share it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """The entries used last, the newest of them and others that weigh no more than `limit` with it.

    An entry weighs 1 if `weigh` does not say otherwise.
    """

    def __init__(self, limit: int, weigh: Callable[[Value], int] = lambda value: 1) -> None:
        self.limit = limit
        self.weigh = weigh
        self.weight = 0
        self.entries: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self.lock = threading.RLock()  # reentrant: dropping an entry may collect, which runs code

    def get(self, key: Hashable) -> Value | None:
        with self.lock:
            found = self.entries.get(key)
            if found is None:
                return None
            self.entries.move_to_end(key)
            return found[0]

    def put(self, key: Hashable, value: Value) -> None:
        weight = self.weigh(value)
        with self.lock:
            _, before = self.entries.pop(key, (None, 0))
            self.entries[key] = value, weight
            self.weight += weight - before
            while self.weight > self.limit and len(self.entries) > 1:
                _, (_, oldest) = self.entries.popitem(last=False)
                self.weight -= oldest

    def of(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The entry of `key`, made if there is none; two threads may both make it."""
        found = self.get(key)
        if found is None:
            found = make()
            self.put(key, found)
        return found

    def clear(self) -> None:
        """Forget everything."""
        with self.lock:
            self.entries.clear()
            self.weight = 0
