"""The device WEBGPU:DAWN: the WGSL of WEBGPU, run by Dawn, a second implementation of WebGPU.

Front end, optimizer and code for the driver are others than in wgpu-native, so what both compute
alike owes less to either. Dawn takes the fastest adapter; $VK_DRIVER_FILES chooses among Vulkan's.
"""

from __future__ import annotations

from typing import Any

from engine.backends.base import DeviceUnavailable
from engine.backends.webgpu import WebGpuBackend
from engine.backends.webgpu_adapter import Adapter, prepare_driver, remedy

NAME = "WEBGPU:DAWN"
REMEDY = remedy("dawn")
# The engine's names of limits, and those of `webgpu.h`.
LIMITS = {
    "max-buffer-size": "maxBufferSize",
    "max-storage-buffer-binding-size": "maxStorageBufferBindingSize",
    "max-storage-buffers-per-shader-stage": "maxStorageBuffersPerShaderStage",
}


class Dawn:
    """The package dawn-python."""

    name = NAME
    remedy = REMEDY

    def version(self) -> str:
        """The package's."""
        from importlib import metadata

        return f"dawn-python {metadata.version('dawn-python')}"

    def start(self) -> Adapter:
        """The device on the adapter. DeviceUnavailable where the library or a driver is missing."""
        dawn = _package()
        try:
            adapter = dawn.request_adapter()
            limits = dawn.adapter_limits(adapter)
            device = dawn.Device(adapter, limits)
        except RuntimeError as error:
            raise DeviceUnavailable(
                f"{NAME}: no Vulkan, Metal or D3D12 driver ({error}); {REMEDY}"
            ) from error
        info = dawn.adapter_info(adapter)
        return Adapter(
            NAME, dawn, device,
            identity=f"{info['device']}, {info['description']}, {info['backend_type']}",
            kind=info["adapter_type"],
            limits={name: int(getattr(limits, other)) for name, other in LIMITS.items()},
        )  # fmt: skip


def _package() -> Any:
    """Dawn, in the shape of wgpu. OSError is a library for other processors or systems."""
    prepare_driver()
    try:
        from engine.backends import dawn
    except (ImportError, OSError) as error:
        raise DeviceUnavailable(f"{NAME}: dawn-python is missing ({error}); {REMEDY}") from error
    return dawn


class DawnBackend(WebGpuBackend):
    """WEBGPU, on Dawn."""

    implementation = Dawn()
