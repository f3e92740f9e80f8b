"""What a device is to the engine: a target row, a compiler, memory, and a way to launch.

Backends turn linear kernels into something that runs. They decide nothing about meaning: what they
lack has been decomposed before, what they have must be exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from engine.linear import LinearKernel
from engine.target import Target


class DeviceUnavailable(RuntimeError):
    """A device that cannot be used here. The message says why and how to get it."""


class CompileError(RuntimeError):
    """Generated code that its compiler refused: a bug of the engine. Carries code and log."""


class DeviceLimit(RuntimeError):
    """More than a device can hold or run. The message names the limit and a way around it."""


class MemoryFreed(RuntimeError):
    """Memory that was given back is used. The message says what to do."""


class DeviceLost(RuntimeError):
    """A device that is no more, and with it all that it held. The message says what to do."""


@dataclass(frozen=True)
class Language:
    """What a backend renders to: its name, and what begins a comment up to the end of a line."""

    name: str
    comment: str


@dataclass(frozen=True)
class DeviceInfo:
    """One row of `lockstep devices`. `hardware` says what executes: a processor, an emulator."""

    name: str
    available: bool
    detail: str  # versions, or the reason why it is absent
    remedy: str = ""
    hardware: str = ""


class Memory(Protocol):
    """A piece of a device's memory. Freed, or returned to a pool, when it is collected."""

    nbytes: int

    def write(self, data: bytes | memoryview) -> None:
        """Copy host bytes to the start of this memory."""
        ...

    def read(self) -> bytes:
        """A copy of the bytes."""
        ...


class Program(Protocol):
    """A compiled kernel."""

    def __call__(self, buffers: Sequence[Any], variables: Sequence[int]) -> None:
        """Run to completion. `buffers` in the order of the kernel's parameters."""
        ...


class Backend(Protocol):
    """One kind of device, made once a process; `ordinal`s share everything but memory."""

    target: Target
    language: Language
    forks: bool  # whether a process that has started it may fork, and both go on

    def info(self) -> DeviceInfo:
        """Whether it can be used, without starting it."""
        ...

    def compile(self, kernels: Sequence[LinearKernel]) -> list[Program]:
        """Programs for the kernels, compiled as one batch or taken from the cache."""
        ...

    def allocate(self, nbytes: int) -> Memory:
        """Memory of at least `nbytes`, at least one item wide, contents undefined."""
        ...

    def render(self, kernels: Sequence[LinearKernel], remarks: bool = False) -> str:
        """The text that `compile` would compile; with `remarks` on which instruction a line is of.
        """
        ...
