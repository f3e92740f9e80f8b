"""WebGPU by wgpu-native: the first adapter that it offers; $WGPU_ADAPTER_NAME chooses another."""

from __future__ import annotations

import os
import re
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
    _parse_types_fast()
    set_instance_extras(backends=("Vulkan", "Metal", "DX12"))
    return wgpu


def _parse_types_fast() -> None:
    """For each of some fifty types that wgpu asks cffi for, cffi has its parser read the names of
    all typedefs before, which takes a second in all. Those that the type mentions are enough.

    This is no part of cffi that is promised: where it is gone, nothing is changed.
    """
    from cffi import cparser
    from wgpu.backends.wgpu_native import ffi

    class Parser(cparser.Parser):  # type: ignore[misc]
        _declarations: dict[str, Any]

        def _parse(self, source: str) -> Any:
            every = self._declarations
            names = [f"typedef {name}" for name in re.findall(r"\w+", source)]
            self._declarations = {name: every[name] for name in names if name in every}
            try:
                return super()._parse(source)
            finally:
                self._declarations = every

    if type(getattr(ffi, "_parser", None)) is cparser.Parser and hasattr(cparser.Parser, "_parse"):
        ffi._parser.__class__ = Parser


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
