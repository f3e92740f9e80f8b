"""Devices by name. A backend is imported when its device is used for the first time.

    Device["CPU"].info()
    Device.DEFAULT = "cpu"

Names are those of the rows below, in any case, with an ordinal: `CPU`, `CPU:0` and `cpu` are one
device, `CPU:1` is another, with the same backend and memory of its own. A second implementation
of a device has its name behind that of the device: `WEBGPU:DAWN`, and `WEBGPU:DAWN:1`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from importlib import import_module

from engine.backends.base import Backend, DeviceInfo, DeviceUnavailable

# name -> module:class
_ROWS: dict[str, str] = {
    "LLVM": "engine.backends.llvm:LlvmBackend",
    "CPU": "engine.backends.cpu:CpuBackend",
    "PYTHON": "engine.backends.python:PythonBackend",
    "WEBGPU": "engine.backends.webgpu:WebGpuBackend",
    "WEBGPU:DAWN": "engine.backends.webgpu_dawn:DawnBackend",
}
FALLBACK = "LLVM"  # the default device, unless $LOCKSTEP_DEVICE or the program names one
_NAME = re.compile(r"([A-Za-z]\w*(?::[A-Za-z]\w*)?)(?::(\d+))?")


class _Row:
    """How a backend is made, and the one that was made."""

    def __init__(self, name: str, factory: Callable[[], Backend]) -> None:
        self.name = name
        self.factory = factory

    @cached_property
    def backend(self) -> Backend:
        try:
            return self.factory()
        except ImportError as error:
            raise DeviceUnavailable(
                f"device {self.name} needs the Python package {error.name or error}: "
                "pip install lockstep-tensor brings it"
            ) from error


def _imported(path: str) -> Callable[[], Backend]:
    def make() -> Backend:
        module, _, name = path.partition(":")
        backend: Backend = getattr(import_module(module), name)()
        return backend

    return make


_rows: dict[str, _Row] = {name: _Row(name, _imported(path)) for name, path in _ROWS.items()}


_changes: list[str] = []


def known() -> tuple[str, ...]:
    """The names of all devices, without ordinals."""
    return tuple(_rows)


def canonical(name: str | None) -> str:
    """The one spelling of a device: `llvm:0` is `LLVM`; None is the default device.

    ValueError for a name that no device has.
    """
    if name is None:
        return Device.DEFAULT
    if not isinstance(name, str):
        raise TypeError(f"a device is a name such as 'LLVM' or 'CPU:1', not {name!r}")
    match = _NAME.fullmatch(name)
    if match is None or match[1].upper() not in _rows:
        raise ValueError(f"no device {name!r}; the devices are {', '.join(known())}")
    ordinal = int(match[2] or 0)
    return f"{match[1].upper()}:{ordinal}" if ordinal else match[1].upper()


def backend(name: str | None = None) -> Backend:
    """The backend of a device, made when it is first asked for: one a process, for all ordinals.

    ValueError for an unknown name, DeviceUnavailable where a package is missing.
    """
    row = _rows.get(name or "")
    return (row or _rows[kind_of(canonical(name))]).backend


def kind_of(name: str) -> str:
    """A canonical name without its ordinal."""
    kind, _, ordinal = name.rpartition(":")
    return kind if ordinal.isdigit() else name


def register(name: str, factory: Callable[[], Backend]) -> None:
    """Add a device. ValueError if there is one of this name, or the name has another form."""
    if not re.fullmatch(r"[A-Z]\w*", name) or name != name.upper():
        raise ValueError(f"a device is named in capitals, not {name!r}")
    if name in _rows:
        raise ValueError(f"there is a device {name} already")
    _rows[name] = _Row(name, factory)
    _changes.append(name)


def unregister(name: str) -> None:
    """Remove a device that `register` added. ValueError for any other."""
    if name in _ROWS or name not in _rows:
        raise ValueError(f"{name!r} was not registered")
    del _rows[name]


def generation() -> int:
    """Grows whenever a name gets a meaning: part of the key of what depends on names."""
    return len(_changes)


def info(names: Sequence[str] | None = None) -> list[DeviceInfo]:
    """A row for every device, also those that are absent; or for those of `names`.

    Asking starts what must be started to know: a driver may come with threads and gigabytes.
    """
    return [_info(name) for name in (known() if names is None else names)]


def _info(name: str) -> DeviceInfo:
    try:
        return backend(name).info()
    except DeviceUnavailable as error:
        return DeviceInfo(name, available=False, detail=str(error))


class _Devices:
    """The devices, as a mapping, and the default one."""

    def __init__(self) -> None:
        self._default: str | None = None

    def __getitem__(self, name: str) -> Backend:
        return backend(name)

    @property
    def DEFAULT(self) -> str:
        """The device of tensors that name none. ValueError if $LOCKSTEP_DEVICE names none."""
        return self._default or canonical(os.environ.get("LOCKSTEP_DEVICE") or FALLBACK)

    @DEFAULT.setter
    def DEFAULT(self, name: str | None) -> None:
        self._default = None if name is None else canonical(name)


Device = _Devices()
