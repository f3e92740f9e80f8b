"""The bounded cache."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from engine.recent import Recent


def test_what_was_used_last_is_kept() -> None:
    recent: Recent[int] = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert [recent.get(key) for key in "abc"] == [1, None, 3]


def test_an_entry_is_made_once() -> None:
    recent: Recent[int] = Recent(2)
    made: list[int] = []

    def make() -> int:
        made.append(1)
        return 7

    assert [recent.of("a", make) for _ in range(3)] == [7, 7, 7]
    assert len(made) == 1


def test_threads_share_it() -> None:
    """One looks up what another is about to drop."""
    recent: Recent[int] = Recent(2)

    def work(start: int) -> None:
        for k in range(start, start + 20_000):
            assert recent.of(k % 5, lambda k=k: k % 5) == k % 5  # type: ignore[misc]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert len(recent.entries) <= 2
