"""Dawn in the shape of the package wgpu: the objects and methods that the engine's devices use.

Dawn is the implementation of WebGPU in Chromium, here as the library that the package dawn-python
brings, with its bindings of `webgpu.h`. Names, arguments and errors below are those of wgpu; what
they mean is WebGPU's specification.

Errors of Dawn come to a callback while the call runs that has made them. Every method looks there
before it returns, and raises what it finds; on a lost device it raises at once.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from pydawn import utils, webgpu


class GPUError(RuntimeError):
    """What Dawn refuses, with its message."""


class GPUValidationError(GPUError):
    """A call that WebGPU does not allow, or one on a lost device."""


class GPUOutOfMemoryError(GPUError):
    """Memory that there is not."""


class GPUInternalError(GPUError):
    """A driver that fails."""


_ERRORS = {
    webgpu.WGPUErrorType_Validation: GPUValidationError,
    webgpu.WGPUErrorType_OutOfMemory: GPUOutOfMemoryError,
    webgpu.WGPUErrorType_Internal: GPUInternalError,
}
_BINDINGS = {
    "uniform": webgpu.WGPUBufferBindingType_Uniform,
    "storage": webgpu.WGPUBufferBindingType_Storage,
    "read-only-storage": webgpu.WGPUBufferBindingType_ReadOnlyStorage,
}


class BufferUsage:
    """Flags of what a buffer is for."""

    MAP_READ = webgpu.WGPUBufferUsage_MapRead
    COPY_SRC = webgpu.WGPUBufferUsage_CopySrc
    COPY_DST = webgpu.WGPUBufferUsage_CopyDst
    UNIFORM = webgpu.WGPUBufferUsage_Uniform
    STORAGE = webgpu.WGPUBufferUsage_Storage


class ShaderStage:
    """Flags of where a binding is seen."""

    COMPUTE = webgpu.WGPUShaderStage_Compute


class Handle:
    """An object of Dawn, released with its last user here; Dawn keeps what it still needs."""

    def __init__(self, handle: Any, release: Callable[[Any], None]) -> None:
        self.handle = handle
        weakref.finalize(self, release, handle).atexit = False


class Buffer(Handle):
    """Memory of a device."""

    def __init__(self, handle: Any, size: int) -> None:
        super().__init__(handle, webgpu.wgpuBufferRelease)
        self.size = size

    def destroy(self) -> None:
        """Give the memory back now."""
        webgpu.wgpuBufferDestroy(self.handle)


class Device:
    """A device on an adapter of Dawn."""

    def __init__(self, adapter: Any, limits: Any) -> None:
        self.lost = False
        self._found: list[GPUError] = []
        # The callbacks live as long as the device may call them: as long as the process.
        self._callbacks = self._watch()
        self.handle = _requested(adapter, limits, *self._callbacks)
        _KEPT.append(self._callbacks)
        self.queue = Queue(self)

    def _watch(self) -> tuple[Any, Any]:
        """Callbacks for a lost device, and for errors."""
        own = weakref.ref(self)

        def lost(device: Any, reason: int, message: Any, *_: object) -> None:
            if (this := own()) is not None:
                this.lost = True

        def wrong(device: Any, kind: int, message: Any, *_: object) -> None:
            if (this := own()) is not None:
                error = _ERRORS.get(kind, GPUError)
                this._found.append(error(utils.from_wgpu_str(message)))

        return webgpu.WGPUDeviceLostCallback2(lost), webgpu.WGPUUncapturedErrorCallback(wrong)

    def check(self) -> None:
        """Raise the first error that calls have made since this was asked, and forget the others.
        """
        if self.lost:
            raise GPUValidationError("the device is lost")
        if self._found:
            first, self._found = self._found[0], []
            raise first

    def destroy(self) -> None:
        """End the device, as a driver may."""
        webgpu.wgpuDeviceDestroy(self.handle)
        self.lost = True

    # -- making things -----------------------------------------------------------------------------
    def create_buffer(self, *, size: int, usage: int) -> Buffer:
        """A buffer of zeros."""
        self.check()
        made = Buffer(utils.create_buffer(self.handle, size, usage), size)
        self.check()
        return made

    def create_bind_group_layout(self, *, entries: Sequence[dict[str, Any]]) -> Handle:
        rows = [{**row, "buffer": {"type": _BINDINGS[row["buffer"]["type"]]}} for row in entries]
        self.check()
        made = utils.create_bind_group_layout(self.handle, rows, validate=False)
        self.check()
        return Handle(made, webgpu.wgpuBindGroupLayoutRelease)

    def create_pipeline_layout(self, *, bind_group_layouts: Sequence[Handle]) -> Handle:
        self.check()
        given = [layout.handle for layout in bind_group_layouts]
        made = utils.create_pipeline_layout(self.handle, given, validate=False)
        self.check()
        return Handle(made, webgpu.wgpuPipelineLayoutRelease)

    def create_shader_module(self, *, code: str) -> Handle:
        """GPUValidationError with the log for text that is refused."""
        self.check()
        try:
            made = utils.create_shader_module(self.handle, code)
        except RuntimeError as error:
            raise GPUValidationError(str(error)) from error
        return Handle(made, webgpu.wgpuShaderModuleRelease)

    def create_compute_pipeline(self, *, layout: Handle, compute: dict[str, Any]) -> Handle:
        """`compute` names a module and its entry_point."""
        self.check()
        given = {**compute, "module": compute["module"].handle}
        try:
            made = utils.create_compute_pipeline(self.handle, layout.handle, given)
        except RuntimeError as error:
            raise GPUValidationError(str(error)) from error
        return Handle(made, webgpu.wgpuComputePipelineRelease)

    def create_bind_group(self, *, layout: Handle, entries: Sequence[dict[str, Any]]) -> Handle:
        """`entries` name buffers with offset and size."""
        rows = (webgpu.WGPUBindGroupEntry * len(entries))()
        for row, entry in zip(rows, entries, strict=True):
            resource = entry["resource"]
            row.binding = entry["binding"]
            row.buffer = resource["buffer"].handle
            row.offset, row.size = resource["offset"], resource["size"]
        description = webgpu.WGPUBindGroupDescriptor()
        description.layout = layout.handle
        description.entryCount = len(rows)
        description.entries = rows
        made = webgpu.wgpuDeviceCreateBindGroup(self.handle, description)
        self.check()
        return Handle(made, webgpu.wgpuBindGroupRelease)

    def create_command_encoder(self) -> Encoder:
        return Encoder(utils.create_command_encoder(self.handle))


_KEPT: list[tuple[Any, Any]] = []


class Queue:
    """Work for a device, in order."""

    def __init__(self, device: Device) -> None:
        self._device = weakref.proxy(device)
        self.handle = webgpu.wgpuDeviceGetQueue(device.handle)

    def write_buffer(self, buffer: Buffer, offset: int, data: bytes | memoryview) -> None:
        """Whole words to a place in a buffer, after what was submitted before."""
        source = bytes(data)
        webgpu.wgpuQueueWriteBuffer(self.handle, buffer.handle, offset, source, len(source))
        self._device.check()

    def read_buffer(self, buffer: Buffer, offset: int, size: int) -> bytes:
        """Whole words of a buffer, after what was submitted before."""
        device = self._device
        usage = BufferUsage.MAP_READ | BufferUsage.COPY_DST
        staging = device.create_buffer(size=size, usage=usage)
        encoder = device.create_command_encoder()
        encoder.copy_buffer_to_buffer(buffer, offset, staging, 0, size)
        self.submit([encoder.finish()])
        try:
            utils.map_buffer(staging.handle, size)
        except RuntimeError as error:
            raise GPUValidationError(str(error)) from error
        mapped = webgpu.wgpuBufferGetConstMappedRange(staging.handle, 0, size)
        data = ctypes.string_at(mapped, size)
        webgpu.wgpuBufferUnmap(staging.handle)
        staging.destroy()
        return data

    def submit(self, commands: Sequence[Handle]) -> None:
        """Start what encoders have recorded."""
        rows = (webgpu.WGPUCommandBuffer * len(commands))(*[row.handle for row in commands])
        webgpu.wgpuQueueSubmit(self.handle, len(rows), rows)
        self._device.check()


class Encoder(Handle):
    """Records commands."""

    def __init__(self, handle: Any) -> None:
        super().__init__(handle, webgpu.wgpuCommandEncoderRelease)

    def copy_buffer_to_buffer(
        self, source: Buffer, start: int, target: Buffer, offset: int, size: int
    ) -> None:
        webgpu.wgpuCommandEncoderCopyBufferToBuffer(
            self.handle, source.handle, start, target.handle, offset, size
        )

    def begin_compute_pass(self) -> Pass:
        return Pass(utils.begin_compute_pass(self.handle))

    def finish(self) -> Handle:
        """What was recorded, for `submit`, which says what was wrong with it."""
        made = utils.command_encoder_finish(self.handle)
        return Handle(made, webgpu.wgpuCommandBufferRelease)


class Pass(Handle):
    """Records launches."""

    def __init__(self, handle: Any) -> None:
        super().__init__(handle, webgpu.wgpuComputePassEncoderRelease)

    def set_pipeline(self, pipeline: Handle) -> None:
        webgpu.wgpuComputePassEncoderSetPipeline(self.handle, pipeline.handle)

    def set_bind_group(self, number: int, group: Handle) -> None:
        webgpu.wgpuComputePassEncoderSetBindGroup(self.handle, number, group.handle, 0, None)

    def dispatch_workgroups(self, x: int, y: int = 1, z: int = 1) -> None:
        webgpu.wgpuComputePassEncoderDispatchWorkgroups(self.handle, x, y, z)

    def end(self) -> None:
        webgpu.wgpuComputePassEncoderEnd(self.handle)


# -- starting --------------------------------------------------------------------------------------
def request_adapter() -> Any:
    """The fastest adapter. RuntimeError where there is none."""
    return utils.request_adapter_sync(webgpu.WGPUPowerPreference_HighPerformance)


def adapter_limits(adapter: Any) -> Any:
    """All limits of an adapter, by their names in `webgpu.h`."""
    found = webgpu.WGPUSupportedLimits()
    webgpu.wgpuAdapterGetLimits(adapter, ctypes.byref(found))
    return found.limits


def adapter_info(adapter: Any) -> dict[str, str]:
    """Device, description, and the kinds of backend and adapter."""
    found = webgpu.WGPUAdapterInfo()
    webgpu.wgpuAdapterGetInfo(adapter, ctypes.byref(found))
    kinds = webgpu.WGPUBackendType__enumvalues, webgpu.WGPUAdapterType__enumvalues
    backend, kind = (
        names[value].partition("_")[2]
        for names, value in zip(kinds, (found.backendType, found.adapterType), strict=True)
    )
    return {
        "device": utils.from_wgpu_str(found.device),
        "description": utils.from_wgpu_str(found.description),
        "backend_type": backend,
        "adapter_type": kind,
    }


def _requested(adapter: Any, limits: Any, lost: Any, wrong: Any) -> Any:
    """A new device with these limits and callbacks. RuntimeError if there is none to be had."""
    description = webgpu.WGPUDeviceDescriptor()
    wanted = webgpu.WGPURequiredLimits()
    wanted.limits = limits
    description.requiredLimits = ctypes.pointer(wanted)
    description.deviceLostCallbackInfo2.mode = webgpu.WGPUCallbackMode_AllowSpontaneous
    description.deviceLostCallbackInfo2.callback = lost
    description.uncapturedErrorCallbackInfo2.callback = wrong
    found: list[tuple[int, Any, str]] = []

    def done(status: int, device: Any, message: Any, _: object) -> None:
        found.append((status, device, utils.from_wgpu_str(message)))

    call = webgpu.WGPURequestDeviceCallbackInfo()
    call.mode = webgpu.WGPUCallbackMode_WaitAnyOnly
    call.callback = webgpu.WGPURequestDeviceCallback(done)
    utils.wait(webgpu.wgpuAdapterRequestDeviceF(adapter, description, call))
    ((status, device, message),) = found
    if status != webgpu.WGPURequestDeviceStatus_Success:
        raise RuntimeError(message)
    return device
