"""Devices that run WGSL: the WEBGPU device, by wgpu-native, on whatever adapter the machine has.

Who finds the adapter and executes is an implementation of WebGPU (`webgpu_adapter`); everything
else is the same for all of them.

What the adapter's arithmetic is worth is measured, once for every version of its driver: see
`webgpu_probe`. Where float32 does not hold, it is made of integers, as for any device without it.
"""

from __future__ import annotations

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
from engine.backends.render_wgsl import LANGUAGE
from engine.backends.webgpu_adapter import Adapter, Implementation
from engine.backends.webgpu_launch import grid, rounds, wgsl_target
from engine.backends.webgpu_wgpu import Wgpu
from engine.backends.wgsl_bindings import padded, window_bytes, windows
from engine.backends.wgsl_module import (
    entry_point,
    launch_values,
    modules,
    render,
    table_bytes,
    workgroup,
)
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
        except (CompileError, adapter.api.GPUError) as error:
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
        driver = self.adapter.identity  # first: where the library is missing, this says so
        version = self.implementation.version()
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
        groups = ([kernels[number] for number in group] for group in modules(kernels, shown))
        return "\n".join(render(group, remarks, shown) for group in groups)

    def compile(self, kernels: Sequence[LinearKernel]) -> list[Program]:
        """Pipelines for the kernels. CompileError with the log for text that is refused.

        DeviceLimit for a kernel with too many buffers, or loops that the driver would cut short.
        """
        for kernel in kernels:
            self._check_rounds(kernel)
            self._check_bindings(kernel)
        made: dict[int, Program] = {}
        with self._lock:
            for group in modules(kernels, self.adapter.shown):
                programs = self._compile_together([kernels[number] for number in group])
                made.update(zip(group, programs, strict=True))
        return [made[number] for number in range(len(kernels))]

    def _compile_together(self, kernels: Sequence[LinearKernel]) -> list[Program]:
        """What is refused as one module is compiled in modules of one: one of them is to blame."""
        try:
            module = _Module(self, kernels)
        except CompileError:
            if len(kernels) == 1:
                raise
            return [made for kernel in kernels for made in self._compile_together([kernel])]
        return [_Program(module, number) for number in range(len(kernels))]

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
        wgpu = adapter.api
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
class _Module:
    """Kernels that are compiled together, and their pipeline on the device that there is now."""

    def __init__(self, backend: WebGpuBackend, kernels: Sequence[LinearKernel]) -> None:
        self.backend = backend
        self.kernels = kernels
        self._pipeline = self._made()

    @property
    def adapter(self) -> Adapter:
        """Where it runs."""
        return self.backend.adapter

    @property
    def pipeline(self) -> _Pipeline:
        """Made again if the device is another one."""
        if self._pipeline.adapter is not self.adapter:
            self._pipeline = self._made()
        return self._pipeline

    @_notices_loss
    def _made(self) -> _Pipeline:
        return _Pipeline(self.adapter, self.kernels)


class _Pipeline:
    """What was compiled of a module, the layout of its bindings, and its tables."""

    def __init__(self, adapter: Adapter, kernels: Sequence[LinearKernel]) -> None:
        self.adapter = adapter
        device = adapter.device
        tables = table_bytes(kernels)
        self.tables = _filled(adapter, tables) if tables else None
        entries = _entries(adapter, kernels[0], bool(tables))
        self.bindings = device.create_bind_group_layout(entries=entries)
        text = render(kernels, largest=adapter.shown)
        try:
            module = device.create_shader_module(code=text)
            self.compiled = device.create_compute_pipeline(
                layout=device.create_pipeline_layout(bind_group_layouts=[self.bindings]),
                compute={"module": module, "entry_point": entry_point(kernels)},
            )
        except adapter.api.GPUError as error:
            raise CompileError(f"{adapter.name} refused a kernel: {error}\n{text}") from error


def _filled(adapter: Adapter, data: bytes) -> WebGpuMemory:
    memory = WebGpuMemory(adapter, len(data))
    memory.write(data)
    return memory


def _entries(adapter: Adapter, kernel: LinearKernel, tables: bool) -> list[dict[str, Any]]:
    """The layout of the bindings, which is that of every kernel of a module."""
    rows = windows(kernel, adapter.shown)
    kinds = ["storage" if row.written else "read-only-storage" for row in rows]
    kinds += ["uniform", *["read-only-storage"] * tables]
    stage = adapter.api.ShaderStage.COMPUTE
    return [
        {"binding": number, "visibility": stage, "buffer": {"type": kind}}
        for number, kind in enumerate(kinds)
    ]


class _Program:
    """A kernel, by its number in a module, and how the device that there is now launches it."""

    def __init__(self, module: _Module, number: int) -> None:
        self.module = module
        self.number = number
        self.dispatch = self._dispatch()

    @property
    def adapter(self) -> Adapter:
        """Where it runs."""
        return self.module.adapter

    @_notices_loss
    def _dispatch(self) -> _Dispatch:
        return _Dispatch(self.module.pipeline, self.module.kernels, self.number)

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
    """What a launch of a kernel binds, and how many workgroups it has."""

    def __init__(self, pipeline: _Pipeline, kernels: Sequence[LinearKernel], number: int) -> None:
        kernel = kernels[number]
        self.adapter = pipeline.adapter
        self.pipeline = pipeline
        self.windows = windows(kernel, self.adapter.shown)
        self.sizes = [padded(p.size * p.dtype.itemsize) for p in kernel.parameters]
        self.written = [p.written for p in kernel.parameters]
        self.grid = grid(kernel, workgroup(kernels))
        self.number = number
        self.count = len(kernel.variables)
        self.places = max(len(other.variables) for other in kernels)
        first = self._values([0] * self.count)
        wgpu, device = self.adapter.api, self.adapter.device
        usage = wgpu.BufferUsage.UNIFORM | wgpu.BufferUsage.COPY_DST
        self.values = device.create_buffer(size=-(-len(first) // 16) * 16, usage=usage)
        device.queue.write_buffer(self.values, 0, first)

    def _values(self, variables: Sequence[int]) -> bytes:
        """The variables, and the number of the kernel."""
        unused = [0] * (self.places - self.count)
        return launch_values([*variables, *unused, self.number])

    def __call__(self, bound: list[Any], variables: Sequence[int]) -> None:
        device = self.adapter.device
        encoder = device.create_command_encoder()
        for slot, buffer in enumerate(bound):
            if not self.written[slot] and self._is_written(buffer, bound):
                bound[slot] = self._copied(encoder, buffer, self.sizes[slot])
        if self.count:
            device.queue.write_buffer(self.values, 0, self._values(variables))
        layout = self.pipeline.bindings
        group = device.create_bind_group(layout=layout, entries=self._bindings(bound))
        compute = encoder.begin_compute_pass()
        compute.set_pipeline(self.pipeline.compiled)
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
        if self.pipeline.tables is not None:
            rows.append((self.pipeline.tables.buffer, 0, self.pipeline.tables.nbytes))
        return [
            {"binding": number, "resource": {"buffer": buffer, "offset": offset, "size": size}}
            for number, (buffer, offset, size) in enumerate(rows)
        ]
