"""Compiled code on disk, shared by processes.

The folder is $LOCKSTEP_CACHE, else `lockstep` in $XDG_CACHE_HOME, else in `~/.cache`;
LOCKSTEP_CACHE=off turns the cache off. What lies there is executed, so a folder that others own or
may write is refused. No failure of the disk is an error: there is no entry, or none is kept.

An entry is a file named by the SHA-256 of its key: MAGIC, SHA-256 of key and payload, payload. It
appears by a rename, so a reader sees all of it or nothing, and writers of one entry need no lock:
the last wins. What is damaged, or was renamed, is removed when it is read.

The time of modification is the time of the last use, at a granularity of a day.
"""

from __future__ import annotations

import logging
import os
import stat
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

MAGIC = b"lockstep cache 1"
LIMIT = 512 << 20  # bytes; the oldest entries go when there are more
DAY = 86400.0
_HEADER = len(MAGIC) + 32
_TEMPORARY = ".new-"  # begins the names of files that are being written
_NONBLOCK = getattr(os, "O_NONBLOCK", 0)  # Windows has no pipes in folders
_SWEPT = ".swept"  # its time is when the folder was last counted
_log = logging.getLogger("lockstep.cache")
_reported: set[str] = set()


class Cache:
    """Payloads by key. `root` overrides the environment.

    `problem` says why there is no cache; it is reported once a process, and None if all is well.
    """

    def __init__(self, root: Path | None = None, limit: int = LIMIT) -> None:
        self.limit = limit
        self.written = 0  # by this object, since it last looked at the size of the folder
        self.prefix = ""  # of the paths of entries
        self.problem: str | None = None
        try:
            self._open(root or default_root())
        except (OSError, RuntimeError) as error:  # RuntimeError: there is no home
            self.problem = f"no compile cache: {error}"
            if self.problem not in _reported:
                _reported.add(self.problem)
                _log.warning(self.problem)

    def _open(self, root: Path | None) -> None:
        if root is None:
            self.problem = "LOCKSTEP_CACHE=off"
            return
        root = root.absolute()
        root.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            root.mkdir(mode=0o700)
        check_private(root)
        self.prefix = f"{root}{os.sep}"

    @property
    def root(self) -> Path | None:
        """The folder, or None without a cache."""
        return Path(self.prefix) if self.prefix else None

    def get(self, key_parts: Sequence[str | bytes]) -> bytes | None:
        """The payload of a key. None if there is none, or it is damaged."""
        if not self.prefix:
            return None
        key = _digest(key_parts)
        path = self.prefix + key.hex()
        try:
            # Whatever lies there must not hold us up: a pipe would wait, a sparse file fill memory.
            with open(os.open(path, os.O_RDONLY | _NONBLOCK), "rb", buffering=0) as file:
                status = os.fstat(file.fileno())
                regular = stat.S_ISREG(status.st_mode) and status.st_size <= self.limit
                data = file.read(status.st_size) if regular else b""
        except OSError:
            return None
        payload = _verified(key, data)
        if payload is None:
            _log.warning("removed a damaged entry of the compile cache: %s", path)
            _remove(path)
        elif time.time() - status.st_mtime > DAY:
            with suppress(OSError):
                os.utime(path)
        return payload

    def put(self, key_parts: Sequence[str | bytes], payload: bytes) -> None:
        """Keep a payload, if the disk lets us."""
        if not self.prefix or len(payload) > self.limit // 4:
            return
        key = _digest(key_parts)
        data = b"".join((MAGIC, _seal(key, payload), payload))
        with suppress(OSError):
            self._write(self.prefix + key.hex(), data)
            self._note_written(len(data))

    def _write(self, path: str, data: bytes) -> None:
        descriptor, temporary = tempfile.mkstemp(prefix=_TEMPORARY, dir=self.prefix)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
            os.replace(temporary, path)
        except BaseException:
            _remove(temporary)
            raise

    # -- size --------------------------------------------------------------------------------------
    def _note_written(self, nbytes: int) -> None:
        """Sweep at the first put, if nobody did for an hour, and after each 32nd of the limit."""
        first, self.written = not self.written, self.written + nbytes
        if self.written > self.limit // 32 or (first and self._last_swept() > 3600):
            self.sweep()
            self.written = 1  # not 0, which is before the first put

    def _last_swept(self) -> float:
        """Seconds since some process last counted the folder."""
        try:
            return time.time() - os.stat(self.prefix + _SWEPT).st_mtime
        except OSError:
            return float("inf")

    def sweep(self) -> None:
        """Remove what killed writers left, and the oldest entries down to 3/4 of the limit."""
        Path(self.prefix, _SWEPT).touch()
        entries: list[tuple[float, int, str]] = []
        for item in os.scandir(self.prefix):
            with suppress(FileNotFoundError):
                status = item.stat(follow_symlinks=False)
                if not item.name.startswith("."):
                    entries.append((status.st_mtime, status.st_size, item.path))
                elif item.name.startswith(_TEMPORARY) and time.time() - status.st_mtime > 3600:
                    _remove(item.path)
        total = sum(size for _, size, _ in entries)
        if total <= self.limit:
            return
        for _, size, path in sorted(entries):
            _remove(path)
            total -= size
            if total <= self.limit * 3 // 4:
                return


def default_root() -> Path | None:
    """The folder that the environment asks for; None if the cache is off."""
    chosen = os.environ.get("LOCKSTEP_CACHE", "")
    if chosen.lower() == "off":
        return None
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "lockstep"


def check_private(root: Path) -> None:
    """PermissionError unless `root` is a folder of this user's, which nobody else may write."""
    status = root.stat()
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(f"{root} is not a folder")
    if status.st_uid != os.geteuid():
        raise PermissionError(f"{root} belongs to another user, and its code would be run")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(
            f"others may write {root}, and its code would be run: chmod go-w {root}"
        )


def _digest(key_parts: Sequence[str | bytes]) -> bytes:
    """Parts count with their lengths, so that ("ab", "c") and ("a", "bc") are two keys."""
    state = sha256()
    for part in key_parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.digest()


def _seal(key: bytes, payload: bytes) -> bytes:
    state = sha256(key)
    state.update(payload)
    return state.digest()


def _verified(key: bytes, data: bytes) -> bytes | None:
    """The payload of an entry, if it is whole, of this format and of this key."""
    payload = data[_HEADER:]
    intact = data[: len(MAGIC)] == MAGIC and data[len(MAGIC) : _HEADER] == _seal(key, payload)
    return payload if intact else None


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)
