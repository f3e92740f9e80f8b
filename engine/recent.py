"""A bounded cache: what was used last is kept. Threads may share it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """The `limit` entries used last."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.entries: OrderedDict[Hashable, Value] = OrderedDict()
        self.lock = threading.RLock()  # reentrant: dropping an entry may collect, which runs code

    def get(self, key: Hashable) -> Value | None:
        with self.lock:
            found = self.entries.get(key)
            if found is not None:
                self.entries.move_to_end(key)
            return found

    def put(self, key: Hashable, value: Value) -> None:
        with self.lock:
            self.entries[key] = value
            if len(self.entries) > self.limit:
                self.entries.popitem(last=False)

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
