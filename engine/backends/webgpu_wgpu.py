"""WebGPU by wgpu-native: the first adapter that it offers; $WGPU_ADAPTER_NAME chooses another."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from engine.backends.base import DeviceUnavailable
from engine.backends.webgpu_adapter import Adapter, prepare_driver, remedy

REMEDY = remedy("webgpu")
# What a kernel may have of each; asked for as the adapter has it, the default being far less.
LIMITS = (
    "max-buffer-size",
    "max-storage-buffer-binding-size",
    "max-storage-buffers-per-shader-stage",
)


class Wgpu:
    """The package wgpu."""

    name = "WEBGPU"
    remedy = REMEDY

    def version(self) -> str:
        """The package's."""
        from importlib import metadata

        return f"wgpu {metadata.version('wgpu')}"

    def start(self) -> Adapter:
        """The device on the adapter. DeviceUnavailable where there is no driver."""
        wgpu = package()
        found = _request(wgpu)
        if found is None:
            raise DeviceUnavailable(f"WEBGPU: no Vulkan, Metal or D3D12 driver; {REMEDY}")
        limits = {name: found.limits[name] for name in LIMITS}
        info = found.info
        return Adapter(
            self.name, wgpu,
            device=found.request_device_sync(required_limits=limits),
            identity=f"{info['device']}, {info['description']}, {info['backend_type']}",
            kind=str(info["adapter_type"]),
            limits=limits,
        )  # fmt: skip


@cache
def package() -> Any:
    """The package wgpu, without OpenGL, which would look for a desktop and computes poorly."""
    try:
        import wgpu
        from wgpu.backends.wgpu_native.extras import set_instance_extras
    except ImportError as error:
        raise DeviceUnavailable(f"WEBGPU: wgpu is missing ({error}); {REMEDY}") from error
    prepare_driver()
    set_instance_extras(backends=("Vulkan", "Metal", "DX12"))
    return wgpu


def _request(wgpu: Any) -> Any:
    """An adapter, or None."""
    name = os.environ.get("WGPU_ADAPTER_NAME", "").lower()
    try:
        if name:
            every = wgpu.gpu.enumerate_adapters_sync()
            return next(a for a in every if name in a.summary.lower())
        return wgpu.gpu.request_adapter_sync(power_preference="high-performance")
    except (RuntimeError, StopIteration):
        return None
