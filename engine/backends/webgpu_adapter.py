"""What an implementation of WebGPU is to the devices that run WGSL.

The seam is WebGPU's own interface, in the shape that the package wgpu gives it in Python: devices,
queues, buffers and encoders are objects with its methods. Whoever has another shape adapts it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Protocol

from engine.backends.base import DeviceLost

# What Mesa's drivers read: do not ask the desktop which device it likes; and, for the one in
# software, four numbers to a vector: that compiles faster than eight and runs as fast, since memory
# is read one number at a time in either case.
DRIVER = {"NODEVICE_SELECT": "1", "LP_NATIVE_VECTOR_WIDTH": "128"}


def remedy(extra: str) -> str:
    """How to get an implementation that an extra of the package brings."""
    return (
        f"pip install lockstep-tensor[{extra}], and a Vulkan driver: where there is no GPU, "
        "lockstep devices --install-vulkan gets one in software (Debian and Ubuntu, as root)"
    )


def prepare_driver() -> None:
    """Say to a driver that is not loaded yet how it should run, where the user has not."""
    for name, value in DRIVER.items():
        os.environ.setdefault(name, value)


class Implementation(Protocol):
    """Who finds an adapter and starts a device on it."""

    name: str  # of the engine's device
    remedy: str  # how to get it

    def version(self) -> str:
        """The library and its version."""
        ...

    def start(self) -> Adapter:
        """A new device. DeviceUnavailable where the library or a driver is missing."""
        ...


@dataclass
class Adapter:
    """An adapter, the device on it, and its limits. `identity` names its driver and version.

    `api` has the flags (BufferUsage, ShaderStage) and the errors (GPUError and those below it) of
    the implementation. `lost` is true from the first call on that found the device gone.
    """

    name: str  # of the engine's device
    api: Any
    device: Any
    identity: str
    kind: str
    limits: dict[str, int]
    lost: bool = False

    @property
    def largest(self) -> int:
        """Bytes that a buffer may have."""
        return self.limits["max-buffer-size"] // 4 * 4

    @property
    def shown(self) -> int:
        """Bytes that one binding can show."""
        return self.limits["max-storage-buffer-binding-size"]

    @property
    def bindings(self) -> int:
        """Parameters of one kernel, a large one counted once for every window; tables are one
        storage buffer more."""
        return self.limits["max-storage-buffers-per-shader-stage"] - 1

    def is_lost(self) -> bool:
        """Whether the device has gone. Nothing reports it: a lost device makes no buffers."""
        if not self.lost:
            try:
                self.device.create_buffer(size=4, usage=self.api.BufferUsage.COPY_DST)
            except self.api.GPUValidationError:
                self.lost = True
        return self.lost

    def gone(self) -> DeviceLost:
        """The error that says so."""
        return DeviceLost(
            f"{self.name}: the device on {self.identity} was lost, and with it every tensor that "
            "it held: make those anew. The next use starts a new device; if that goes as well, "
            "look at the driver, or compute on another device"
        )
