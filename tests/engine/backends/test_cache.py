"""The compile cache: what is damaged, shared, foreign, full or impossible to write."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from engine.backends import cache as module
from engine.backends.cache import Cache

KEY = ("kernel", b"\x00\xff", "flags")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def entries(cache: Cache) -> list[Path]:
    assert cache.root is not None
    return sorted(path for path in cache.root.iterdir() if not path.name.startswith("."))


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


# -- entries ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("payload", [b"", b"x", bytes(range(256)) * 1000])
def test_what_was_put_is_found(cache: Cache, payload: bytes) -> None:
    assert cache.get(KEY) is None
    cache.put(KEY, payload)
    assert cache.get(KEY) == payload
    assert Cache(cache.root).get(KEY) == payload
    cache.put(KEY, b"another")
    assert cache.get(KEY) == b"another"


def test_parts_do_not_run_together(cache: Cache) -> None:
    cache.put(("ab", "c"), b"1")
    assert cache.get(("a", "bc")) is None
    assert cache.get(("abc",)) is None
    assert cache.get((b"ab", b"c")) == b"1"


def test_truncated_entries_are_removed(cache: Cache) -> None:
    cache.put(KEY, b"payload")
    (path,) = entries(cache)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert cache.get(KEY) is None
        assert not path.exists()
    path.write_bytes(whole + b"\0")
    assert cache.get(KEY) is None


def test_a_changed_bit_anywhere_is_noticed(cache: Cache, caplog: pytest.LogCaptureFixture) -> None:
    cache.put(KEY, b"payload")
    (path,) = entries(cache)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert cache.get(KEY) is None
        assert not path.exists()
    assert "removed a damaged entry" in caplog.text


def test_an_entry_under_another_name_is_not_taken(cache: Cache) -> None:
    cache.put(("one",), b"1")
    (one,) = entries(cache)
    cache.put(("two",), b"2")
    (two,) = set(entries(cache)) - {one}
    one.replace(two)
    assert cache.get(("two",)) is None


# -- several processes -----------------------------------------------------------------------------
WRITER = """
import sys
from pathlib import Path
from engine.backends.cache import Cache
cache = Cache(Path(sys.argv[1]), limit=1 << 20)
for round_ in range(150):
    for key in range(5):
        payload = bytes([key]) * (1000 + 10 * key)
        found = cache.get((str(key),))
        assert found is None or found == payload, (key, found and found[:8])
        cache.put((str(key),), payload)
    if round_ % 50 == 0:
        cache.sweep()
"""


def test_processes_write_the_same_entries(cache: Cache) -> None:
    command = [sys.executable, "-c", WRITER, str(cache.root)]
    writers = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    for writer in writers:
        _, log = writer.communicate(timeout=60)
        assert writer.returncode == 0, log.decode()
        assert b"damaged" not in log
    assert len(entries(cache)) == 5
    assert cache.get(("3",)) == bytes([3]) * 1030
    assert cache.root is not None and not list(cache.root.glob(".new-*"))


# -- where it is, and whether it is safe -----------------------------------------------------------
def test_the_folder_follows_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("LOCKSTEP_CACHE", str(tmp_path / "own"))
    assert Cache().root == tmp_path / "own"
    monkeypatch.delenv("LOCKSTEP_CACHE")
    assert Cache().root == tmp_path / "xdg/lockstep"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # which its specification ignores
    assert Cache().root == tmp_path / "home/.cache/lockstep"
    assert (tmp_path / "home/.cache/lockstep").stat().st_mode & 0o777 == 0o700


def test_off(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("LOCKSTEP_CACHE", "OFF")
    cache = Cache()
    cache.put(KEY, b"payload")
    assert cache.get(KEY) is None and cache.root is None
    assert cache.problem == "LOCKSTEP_CACHE=off"
    assert caplog.text == ""


def test_a_folder_that_others_may_write_is_refused_and_reported_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for mode in (0o770, 0o707, 0o777):
        folder = tmp_path / f"{mode:o}"
        folder.mkdir()
        folder.chmod(mode)
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                cache = Cache(folder)
                cache.put(KEY, b"payload")
                assert cache.get(KEY) is None
        assert list(folder.iterdir()) == []
        assert cache.problem and f"chmod go-w {folder}" in cache.problem
        assert caplog.text.count(str(cache.problem)) == 1


def test_a_folder_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    cache = Cache(tmp_path / "theirs")
    assert cache.problem and "belongs to another user" in cache.problem
    assert cache.root is None


def test_no_folder_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file/below"):
        cache = Cache(root)
        cache.put(KEY, b"payload")
        assert cache.get(KEY) is None and cache.problem


def test_a_disk_that_cannot_be_written(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.put(KEY, b"payload")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    cache.put(("other",), b"payload")
    assert cache.get(("other",)) is None
    assert cache.get(KEY) == b"payload"


def test_a_full_disk_leaves_nothing_behind(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    cache.put(KEY, b"payload")
    assert cache.root is not None and list(cache.root.iterdir()) == []


# -- size ------------------------------------------------------------------------------------------
def test_the_oldest_entries_go(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", limit=1 << 20)
    for number in range(100):
        cache.put((str(number),), bytes(20_000))
    kept = [number for number in range(100) if cache.get((str(number),)) is not None]
    assert sum(path.stat().st_size for path in entries(cache)) <= cache.limit * 33 // 32
    assert len(kept) > 30 and 99 in kept


def test_a_used_entry_outlives_an_unused_one(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", limit=1000)
    paths = {}
    for name in ("used", "unused", "new"):
        before = set(entries(cache))
        cache.put((name,), bytes(200))
        (paths[name],) = set(entries(cache)) - before
    age(paths["used"], 30 * module.DAY)
    age(paths["unused"], 20 * module.DAY)
    assert cache.get(("used",)) is not None
    cache.limit = 700
    cache.sweep()
    assert cache.get(("used",)) is not None
    assert cache.get(("unused",)) is None
    assert cache.get(("new",)) is not None


def test_what_killed_writers_left_is_swept(cache: Cache) -> None:
    assert cache.root is not None
    old, fresh = cache.root / ".new-old", cache.root / ".new-fresh"
    for path in (old, fresh):
        path.write_bytes(b"part")
    age(old, 7200)
    cache.sweep()
    assert not old.exists() and fresh.exists()


def test_a_payload_that_would_fill_the_cache_is_not_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", limit=1000)
    cache.put(KEY, bytes(500))
    assert cache.get(KEY) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="not run: this system has no named pipes")
def test_what_is_no_file_of_sane_size_is_no_entry(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", limit=1 << 20)
    cache.put(["key"], b"payload")
    (entry,) = (p for p in (tmp_path / "cache").iterdir() if len(p.name) == 64)
    os.truncate(entry, 1 << 42)  # sparse: four terabytes that take no room
    assert cache.get(["key"]) is None
    os.mkfifo(entry)
    assert cache.get(["key"]) is None
