"""Which memory may still be read: by what is in memory, and by what somebody has yet to compute."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pytest

from engine import Tensor, liveness
from engine.graph import Node
from engine.liveness import still_read
from engine.shapes import memory_below
from engine.storage import Storage, owners, pending_storages


def numbers(count: int) -> Tensor:
    return Tensor(np.arange(count, dtype="float32"), device="PYTHON")


def test_storages_are_found_by_what_they_hold() -> None:
    x = numbers(4)
    storage, buffer = x._shows.storage, memory_below(x.node)
    assert isinstance(storage, Storage)
    assert owners(buffer) == [storage] and storage not in pending_storages()
    x += 1
    assert owners(buffer) == [] and storage in pending_storages()
    assert still_read([buffer], [x.node]) == set()
    assert still_read([buffer], []) == {buffer}
    reader = x * 2
    assert still_read([buffer], [x.node]) == set(), "the reader reads what is computed"
    del x, storage
    assert still_read([buffer], []) == {buffer}
    reader.realize()
    assert still_read([buffer], []) == set()


def test_a_reader_that_is_older_than_the_memory_is_found() -> None:
    """It was made of an expression whose value has been computed there since."""
    x = numbers(4) + 1
    reader, view = x * 2, x[1:]
    x.realize()
    buffer = memory_below(x.node)
    want = (x.numpy() * 2).tolist(), x.numpy()[1:].tolist()
    assert reader.node.newest < buffer.newest
    x += 1
    assert still_read([buffer], [x.node]) == {buffer}
    x.realize()
    assert (reader.tolist(), (view - 1).tolist()) == want


def test_a_step_does_not_mark_what_waits_since_before(monkeypatch: pytest.MonkeyPatch) -> None:
    def counted(node: Node, computed: Collection[Node]) -> list[Node]:
        marked.append(node)
        return below(node, computed)

    below, marked = liveness._read_below, list[Node]()
    source = numbers(4)
    waiting = [source * k for k in range(100)]
    x = numbers(4)
    x += 1
    x.realize()
    monkeypatch.setattr(liveness, "_read_below", counted)
    for _ in range(3):
        x += 1
        x.realize()
    assert len(marked) < 10
    assert waiting[99].tolist() == (source * 99).tolist()
