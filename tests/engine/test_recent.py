"""The bounded cache."""

from __future__ import annotations

import threading

from engine.recent import Recent


def test_what_was_used_last_is_kept() -> None:
    recent: Recent[int] = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert [recent.get(key) for key in "abc"] == [1, None, 3]


def test_entries_are_kept_by_what_they_weigh() -> None:
    recent: Recent[int] = Recent(10, weigh=lambda value: value)
    for key, value in (("a", 4), ("b", 3), ("a", 6), ("c", 1)):
        recent.put(key, value)
    assert (recent.get("b"), recent.get("a"), recent.weight) == (3, 6, 10)
    recent.put("d", 2)  # c is the oldest, and not enough
    assert [recent.get(key) for key in "abcd"] == [6, None, None, 2]
    recent.put("heavy", 11)  # the newest is there whatever it weighs
    assert (list(recent.entries), recent.weight) == (["heavy"], 11)
    recent.put("light", 1)
    assert (list(recent.entries), recent.weight) == (["light"], 1)
    recent.clear()
    assert recent.weight == 0


def test_an_entry_is_made_once() -> None:
    recent: Recent[int] = Recent(2)
    made: list[int] = []

    def make() -> int:
        made.append(1)
        return 7

    assert [recent.of("a", make) for _ in range(3)] == [7, 7, 7]
    assert len(made) == 1


def test_threads_share_it() -> None:
    """Another thread would drop an entry between its being found and its being marked as used."""
    recent: Recent[int] = Recent(2)
    others: list[threading.Thread] = []

    class Key:
        """Lets the other thread run when it is looked up for the second time."""

        looked_up = 0

        def __hash__(self) -> int:
            Key.looked_up += 1
            if Key.looked_up == 4:  # after the two of `put` and the first of the two in `get`
                others.append(threading.Thread(target=recent.put, args=("other", 2)))
                others[0].start()
                others[0].join(timeout=0.2)
            return 1

    key = Key()
    recent.put(key, 1)
    recent.put("newer", 3)
    assert recent.get(key) == 1
    others[0].join()
    assert recent.get("other") == 2
