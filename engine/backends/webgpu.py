"""Devices that run WGSL: the WEBGPU device, by wgpu-native, on whatever adapter the machine has.

Who finds the adapter and executes is an implementation of WebGPU (`webgpu_adapter`); everything
else is the same for all of them.

What the adapter's arithmetic is worth is measured, once for every version of its driver: see
`webgpu_probe`. Where float32 does not hold, it is made of integers, as for any device without it.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Sequence
from functools import cached_property, wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from engine.backends import webgpu_probe
from engine.backends.base import (
    CompileError,
    DeviceInfo,
    DeviceLimit,
    DeviceUnavailable,
    MemoryFreed,
    Program,
)
from engine.backends.cache import Cache
from engine.backends.render_wgsl import LANGUAGE, render
from engine.backends.webgpu_adapter import Adapter, Implementation
from engine.backends.webgpu_launch import grid, rounds, wgsl_target
from engine.backends.webgpu_wgpu import Wgpu
from engine.backends.wgsl_bindings import padded, window_bytes, windows
from engine.linear import LinearKernel
from engine.target import Target


class _OnAdapter(Protocol):
    @property
    def adapter(self) -> Adapter: ...


Owner = TypeVar("Owner", bound=_OnAdapter)
Given = ParamSpec("Given")
Result = TypeVar("Result")


def _notices_loss(
    method: Callable[Concatenate[Owner, Given], Result],
) -> Callable[Concatenate[Owner, Given], Result]:
    """What the method of something on an adapter raises is DeviceLost if that is the cause."""

    @wraps(method)
    def called(self: Owner, /, *args: Given.args, **kwargs: Given.kwargs) -> Result:
        adapter = self.adapter
        try:
            return method(self, *args, **kwargs)
        except (CompileError, adapter.library.GPUError) as error:
            if adapter.is_lost():
                raise adapter.gone() from error
            raise

    return called


class WebGpuBackend:
    """The adapter that an implementation offers, here wgpu.

    `adapter` is for tests: one that is there already, with limits of its own.
    """

    language = LANGUAGE
    implementation: Implementation = Wgpu()
    forks = False  # the driver's threads stay behind: the first launch would wait for them

    def __init__(self, adapter: Adapter | None = None) -> None:
        self._lock = threading.RLock()
        self._cache = Cache()
        self._adapter = adapter

    @property
    def name(self) -> str:
        """The device's."""
        return self.implementation.name

    # -- the adapter -------------------------------------------------------------------------------
    @property
    def adapter(self) -> Adapter:
        """The device, started, or started again if it was lost.

        DeviceUnavailable where there is no driver, or where another one has come in its place.
        """
        found = self._adapter
        if found is None or found.lost:
            with self._lock:
                found = self._started(self._adapter)
        return found

    def _started(self, before: Adapter | None) -> Adapter:
        """A device in the place of none or of a lost one; kernels were made for its driver."""
        if before is not None and not before.lost:
            return before
        found = self.implementation.start()
        if before is not None and found.identity != before.identity:
            raise DeviceUnavailable(
                f"{self.name}: {before.identity} was lost, and there is only {found.identity} now, "
                "which may compute otherwise: start the program again"
            )
        self._adapter = found
        return found

    @cached_property
    def profile(self) -> webgpu_probe.Profile:
        """What the probes found, from the cache if they ran on this driver before."""
        version, driver = self.implementation.version(), self.adapter.identity
        key = ("webgpu probe", version, driver, webgpu_probe.fingerprint(self))
        known = self._cache.get(key)
        if known is not None:
            return webgpu_probe.Profile.parse(known)
        found = webgpu_probe.measure(self)
        self._cache.put(key, found.dump())
        return found

    @cached_property
    def target(self) -> Target:
        """Words of 32 bits, and float32 where the probes certify it."""
        return wgsl_target(
            self.name,
            self.profile.float32,
            max_buffers=min(64, self.adapter.bindings),  # more gain nothing
            buffer_bytes=window_bytes(self.adapter.shown),
            features=(self.adapter.identity,),
        )

    def info(self) -> DeviceInfo:
        """The adapter, its driver, and what the probes say of it."""
        try:
            adapter, profile = self.adapter, self.profile
        except DeviceUnavailable as error:
            return DeviceInfo(self.name, False, str(error), self.implementation.remedy)
        detail = f"{self.implementation.version()}, {adapter.identity}; {profile.describe()}"
        return DeviceInfo(self.name, True, detail, hardware=adapter.kind)

    # -- compiling ---------------------------------------------------------------------------------
    def render(self, kernels: Sequence[LinearKernel], remarks: bool = False) -> str:
        shown = self.adapter.shown
        return "\n\n".join(render(kernel, remarks, shown) for kernel in kernels)

    def compile(self, kernels: Sequence[LinearKernel]) -> list[Program]:
        """A pipeline for each kernel. CompileError with the log for text that is refused.

        DeviceLimit for a kernel with too many buffers, or loops that the driver would cut short.
        """
        for kernel in kernels:
            self._check_rounds(kernel)
            self._check_bindings(kernel)
        with self._lock:
            return [_Program(self, kernel) for kernel in kernels]

    def _check_rounds(self, kernel: LinearKernel) -> None:
        """The probes, which find the limit, are below it but for the one that looks for it."""
        profile = self.__dict__.get("profile")
        if profile is not None and profile.rounds and rounds(kernel) > profile.rounds:
            raise DeviceLimit(
                f"{self.name}: a kernel runs {rounds(kernel)} rounds of loops in one invocation, "
                f"and {self.adapter.identity} ends after {profile.rounds}: get a newer driver with "
                "lockstep devices --install-vulkan, or compute on another device"
            )

    def _check_bindings(self, kernel: LinearKernel) -> None:
        """The scheduler counts them too, but a single operation may need more than there are."""
        count = len(windows(kernel, self.adapter.shown))
        if count > self.adapter.bindings:
            sizes = ", ".join(f"{p.size} {p.dtype}" for p in kernel.parameters)
            raise DeviceLimit(
                f"{self.name}: a kernel over buffers of {sizes} needs {count} bindings of up to "
                f"{self.adapter.shown} bytes, and {self.adapter.identity} has "
                f"{self.adapter.bindings}; split the tensors, or compute on another device"
            )

    @_notices_loss
    def allocate(self, nbytes: int) -> WebGpuMemory:
        """DeviceLimit for more than a buffer can hold, or than there is."""
        return WebGpuMemory(self.adapter, nbytes)


# -- memory ----------------------------------------------------------------------------------------
class WebGpuMemory:
    """A storage buffer. It goes with its last user: the queue keeps what it still needs."""

    __slots__ = ("__weakref__", "_buffer", "adapter", "nbytes")

    def __init__(self, adapter: Adapter, nbytes: int) -> None:
        if padded(nbytes) > adapter.largest:
            raise DeviceLimit(
                f"{adapter.name}: {nbytes} bytes are more than the {adapter.largest} that a "
                f"buffer can have on {adapter.identity}; split the tensor, or compute on another "
                "device"
            )
        wgpu = adapter.library
        usage = wgpu.BufferUsage.STORAGE | wgpu.BufferUsage.COPY_SRC | wgpu.BufferUsage.COPY_DST
        self.adapter = adapter
        self.nbytes = nbytes
        try:
            self._buffer = adapter.device.create_buffer(size=padded(nbytes), usage=usage)
        except wgpu.GPUOutOfMemoryError as error:
            raise DeviceLimit(
                f"{adapter.name}: {adapter.identity} has no {nbytes} bytes left; drop tensors "
                "that are not needed, or compute on another device"
            ) from error

    @property
    def buffer(self) -> Any:
        """The buffer. DeviceLost or MemoryFreed if it is no more: the library, given such a one
        to copy, would end the process."""
        if self.adapter.lost:
            raise self.adapter.gone()
        if self._buffer is None:
            raise MemoryFreed(
                f"{self.adapter.name}: {self.nbytes} bytes on {self.adapter.identity} are used "
                "after they were freed: allocate anew, and free what no launch to come reads or "
                "writes"
            )
        return self._buffer

    def free(self) -> None:
        """Give the bytes back now, whoever still has this memory: using it is an error then."""
        if self._buffer is not None:
            self._buffer.destroy()
        self._buffer = None

    @_notices_loss
    def write(self, data: bytes | memoryview) -> None:
        """Copy host bytes to the start of this memory."""
        source = memoryview(data).cast("B")
        whole = source.nbytes // 4 * 4
        queue = self.adapter.device.queue
        if whole:
            queue.write_buffer(self.buffer, 0, source[:whole])
        if whole < source.nbytes:  # the rest of the last word stays as it is
            word = bytearray(queue.read_buffer(self.buffer, whole, 4))
            word[: source.nbytes - whole] = source[whole:]
            queue.write_buffer(self.buffer, whole, word)

    @_notices_loss
    def read(self) -> bytes:
        """A copy of the bytes, after everything that was launched before."""
        data = self.adapter.device.queue.read_buffer(self.buffer, 0, padded(self.nbytes))
        return bytes(data[: self.nbytes])


# -- launching -------------------------------------------------------------------------------------
class _Program:
    """A kernel, and its pipeline on the device that there is now."""

    def __init__(self, backend: WebGpuBackend, kernel: LinearKernel) -> None:
        self.backend = backend
        self.kernel = kernel
        self.dispatch = self._dispatch()

    @property
    def adapter(self) -> Adapter:
        """Where it runs."""
        return self.backend.adapter

    @_notices_loss
    def _dispatch(self) -> _Dispatch:
        return _Dispatch(self.adapter, self.kernel)

    @_notices_loss
    def __call__(self, buffers: Sequence[WebGpuMemory], variables: Sequence[int]) -> None:
        """Submit a launch: whoever reads what it writes waits for it.

        DeviceLost if the device, MemoryFreed if the memory of a buffer is no more.
        """
        bound = [memory.buffer for memory in buffers]
        if self.dispatch.adapter is not self.adapter:
            self.dispatch = self._dispatch()
        self.dispatch(bound, variables)


class _Dispatch:
    """A kernel as a pipeline, and what a launch of it binds."""

    def __init__(self, adapter: Adapter, kernel: LinearKernel) -> None:
        wgpu = adapter.library
        self.adapter = adapter
        self.name = kernel.name
        self.windows = windows(kernel, adapter.shown)
        self.sizes = [padded(p.size * p.dtype.itemsize) for p in kernel.parameters]
        self.written = [p.written for p in kernel.parameters]
        self.grid = grid(kernel)
        self.pack = struct.Struct(f"<I{len(kernel.variables)}i").pack
        words = 4 + 4 * len(kernel.variables)
        usage = wgpu.BufferUsage.UNIFORM | wgpu.BufferUsage.COPY_DST
        device = adapter.device
        self.values = device.create_buffer(size=-(-words // 16) * 16, usage=usage)
        device.queue.write_buffer(self.values, 0, bytes(words))
        self.constant = not kernel.variables
        self.layout = device.create_bind_group_layout(entries=self._entries())
        self.pipeline = self._pipeline(render(kernel, largest=adapter.shown))

    def _entries(self) -> list[dict[str, Any]]:
        kinds = ["storage" if row.written else "read-only-storage" for row in self.windows]
        stage = self.adapter.library.ShaderStage.COMPUTE
        return [
            {"binding": number, "visibility": stage, "buffer": {"type": kind}}
            for number, kind in enumerate([*kinds, "uniform"])
        ]

    def _pipeline(self, text: str) -> Any:
        device = self.adapter.device
        layout = device.create_pipeline_layout(bind_group_layouts=[self.layout])
        try:
            module = device.create_shader_module(code=text)
            return device.create_compute_pipeline(
                layout=layout, compute={"module": module, "entry_point": self.name}
            )
        except self.adapter.library.GPUError as error:
            raise CompileError(f"{self.adapter.name} refused a kernel: {error}\n{text}") from error

    def __call__(self, bound: list[Any], variables: Sequence[int]) -> None:
        device = self.adapter.device
        encoder = device.create_command_encoder()
        for slot, buffer in enumerate(bound):
            if not self.written[slot] and self._is_written(buffer, bound):
                bound[slot] = self._copied(encoder, buffer, self.sizes[slot])
        if not self.constant:
            device.queue.write_buffer(self.values, 0, self.pack(0, *variables))
        group = device.create_bind_group(layout=self.layout, entries=self._bindings(bound))
        compute = encoder.begin_compute_pass()
        compute.set_pipeline(self.pipeline)
        compute.set_bind_group(0, group)
        compute.dispatch_workgroups(*self.grid)
        compute.end()
        device.queue.submit([encoder.finish()])

    def _is_written(self, buffer: Any, bound: Sequence[Any]) -> bool:
        """Whether a launch would have the buffer to write also: WebGPU allows one use of it."""
        return any(w and other is buffer for w, other in zip(self.written, bound, strict=True))

    def _copied(self, encoder: Any, buffer: Any, nbytes: int) -> Any:
        copy = WebGpuMemory(self.adapter, nbytes).buffer
        encoder.copy_buffer_to_buffer(buffer, 0, copy, 0, nbytes)
        return copy

    def _bindings(self, bound: Sequence[Any]) -> list[dict[str, Any]]:
        rows = [(bound[row.slot], row.offset, row.nbytes) for row in self.windows]
        rows.append((self.values, 0, self.values.size))
        return [
            {"binding": number, "resource": {"buffer": buffer, "offset": offset, "size": size}}
            for number, (buffer, offset, size) in enumerate(rows)
        ]
