"""The WEBGPU device: kernels as WGSL, run by wgpu-native on whatever adapter the machine has.

What the adapter's arithmetic is worth is measured, once for every version of its driver: see
`webgpu_probe`. Where float32 does not hold, it is made of integers, as for any device without it.
"""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from engine.backends import webgpu_probe
from engine.backends.base import CompileError, DeviceInfo, DeviceLimit, DeviceUnavailable, Program
from engine.backends.cache import Cache
from engine.backends.render_wgsl import LANGUAGE, render, workgroup
from engine.linear import LinearKernel, executed
from engine.ops import Op
from engine.target import TEST_TARGETS, Target

REMEDY = (
    "pip install lockstep-tensor[webgpu], and a Vulkan driver: where there is no GPU, "
    "lockstep devices --install-vulkan gets one in software (Debian and Ubuntu, as root)"
)
GROUPS = 65535  # workgroups along one dimension of a dispatch, in every implementation
# What a kernel may have of each; asked for as the adapter has it, the default being far less.
LIMITS = (
    "max-buffer-size",
    "max-storage-buffer-binding-size",
    "max-storage-buffers-per-shader-stage",
)


@dataclass(frozen=True)
class Adapter:
    """An adapter, the device on it, and its limits. `identity` names its driver and version."""

    device: Any
    identity: str
    kind: str
    limits: dict[str, int]

    @property
    def largest(self) -> int:
        """Bytes that a buffer may have."""
        return min(self.limits["max-buffer-size"], self.limits["max-storage-buffer-binding-size"])


class WebGpuBackend:
    """The first adapter that wgpu offers; $WGPU_ADAPTER_NAME chooses another."""

    language = LANGUAGE

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cache = Cache()

    # -- the adapter -------------------------------------------------------------------------------
    @cached_property
    def adapter(self) -> Adapter:
        """The device, started. DeviceUnavailable where there is no driver."""
        wgpu = _library()
        found = _request(wgpu)
        if found is None:
            raise DeviceUnavailable(f"WEBGPU: no Vulkan, Metal or D3D12 driver; {REMEDY}")
        limits = {name: found.limits[name] for name in LIMITS}
        info = found.info
        return Adapter(
            device=found.request_device_sync(required_limits=limits),
            identity=f"{info['device']}, {info['description']}, {info['backend_type']}",
            kind=str(info["adapter_type"]),
            limits=limits,
        )

    @cached_property
    def profile(self) -> webgpu_probe.Profile:
        """What the probes found, from the cache if they ran on this driver before."""
        key = ("webgpu probe", _version(), self.adapter.identity, webgpu_probe.fingerprint())
        known = self._cache.get(key)
        if known is not None:
            return webgpu_probe.Profile.parse(known)
        found = webgpu_probe.measure(self)
        self._cache.put(key, found.dump())
        return found

    @cached_property
    def target(self) -> Target:
        """Words of 32 bits, and float32 where the probes certify it."""
        row = TEST_TARGETS["like_wgsl" if self.profile.float32 else "only_words"]
        return Target(
            name="WEBGPU",
            arithmetic=row.arithmetic,
            storage=row.storage,
            ops=row.ops,
            grid=True,
            store_granularity=4,
            max_unroll=16,  # drivers inline what is called, and take long over large kernels
            # One buffer is the launch's own; more than this many gain nothing.
            max_buffers=min(64, self.adapter.limits["max-storage-buffers-per-shader-stage"]),
            features=(self.adapter.identity,),
        )

    def info(self) -> DeviceInfo:
        """The adapter, its driver, and what the probes say of it."""
        try:
            adapter, profile = self.adapter, self.profile
        except DeviceUnavailable as error:
            return DeviceInfo("WEBGPU", False, str(error), REMEDY)
        detail = f"wgpu {_version()}, {adapter.identity}; {profile.describe()}"
        return DeviceInfo("WEBGPU", True, detail, hardware=adapter.kind)

    # -- compiling ---------------------------------------------------------------------------------
    def render(self, kernels: Sequence[LinearKernel], remarks: bool = False) -> str:
        return "\n\n".join(render(kernel, remarks) for kernel in kernels)

    def compile(self, kernels: Sequence[LinearKernel]) -> list[Program]:
        """A pipeline for each kernel. CompileError with the log for text that is refused.

        DeviceLimit for a kernel whose loops the driver would cut short.
        """
        for kernel in kernels:
            self._check_rounds(kernel)
        with self._lock:
            return [_Dispatch(self.adapter, kernel) for kernel in kernels]

    def _check_rounds(self, kernel: LinearKernel) -> None:
        """The probes, which find the limit, are below it but for the one that looks for it."""
        profile = self.__dict__.get("profile")
        if profile is not None and profile.rounds and rounds(kernel) > profile.rounds:
            raise DeviceLimit(
                f"WEBGPU: a kernel runs {rounds(kernel)} rounds of loops in one invocation, and "
                f"{self.adapter.identity} ends after {profile.rounds}: get a newer driver with "
                "lockstep devices --install-vulkan, or compute on another device"
            )

    def allocate(self, nbytes: int) -> WebGpuMemory:
        """DeviceLimit for more than one binding can hold."""
        return WebGpuMemory(self.adapter, nbytes)


@cache
def _library() -> Any:
    """The package wgpu, without OpenGL, which would look for a desktop and computes poorly."""
    try:
        import wgpu
        from wgpu.backends.wgpu_native.extras import set_instance_extras
    except ImportError as error:
        raise DeviceUnavailable(f"WEBGPU: wgpu is missing ({error}); {REMEDY}") from error
    os.environ.setdefault("NODEVICE_SELECT", "1")  # the layer of Mesa that would ask the desktop
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


def _version() -> str:
    from importlib import metadata

    return metadata.version("wgpu")


# -- memory ----------------------------------------------------------------------------------------
def padded(nbytes: int) -> int:
    """Whole words, and at least one."""
    return max(4, -(-nbytes // 4) * 4)


class WebGpuMemory:
    """A storage buffer. It goes with its last user: the queue keeps what it still needs."""

    __slots__ = ("__weakref__", "adapter", "buffer", "nbytes")

    def __init__(self, adapter: Adapter, nbytes: int) -> None:
        if padded(nbytes) > adapter.largest:
            raise DeviceLimit(
                f"WEBGPU: {nbytes} bytes are more than the {adapter.largest} that a buffer can "
                f"have on {adapter.identity}; split the tensor, or compute on another device"
            )
        wgpu = _library()
        usage = wgpu.BufferUsage.STORAGE | wgpu.BufferUsage.COPY_SRC | wgpu.BufferUsage.COPY_DST
        self.adapter = adapter
        self.nbytes = nbytes
        self.buffer = adapter.device.create_buffer(size=padded(nbytes), usage=usage)

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

    def read(self) -> bytes:
        """A copy of the bytes, after everything that was launched before."""
        data = self.adapter.device.queue.read_buffer(self.buffer, 0, padded(self.nbytes))
        return bytes(data[: self.nbytes])


# -- launching -------------------------------------------------------------------------------------
class _Dispatch:
    """A kernel as a pipeline, and what a launch of it binds."""

    def __init__(self, adapter: Adapter, kernel: LinearKernel) -> None:
        wgpu = _library()
        self.adapter = adapter
        self.name = kernel.name
        self.sizes = [padded(p.size * p.dtype.itemsize) for p in kernel.parameters]
        self.written = [p.written for p in kernel.parameters]
        self.grid = _grid(-(-max(1, kernel.global_size) // workgroup(kernel)))
        self.pack = struct.Struct(f"<I{len(kernel.variables)}i").pack
        words = 4 + 4 * len(kernel.variables)
        usage = wgpu.BufferUsage.UNIFORM | wgpu.BufferUsage.COPY_DST
        device = adapter.device
        self.values = device.create_buffer(size=-(-words // 16) * 16, usage=usage)
        device.queue.write_buffer(self.values, 0, bytes(words))
        self.constant = not kernel.variables
        self.layout = device.create_bind_group_layout(entries=self._entries())
        self.pipeline = self._pipeline(render(kernel))

    def _entries(self) -> list[dict[str, Any]]:
        kinds = ["storage" if written else "read-only-storage" for written in self.written]
        stage = _library().ShaderStage.COMPUTE
        return [
            {"binding": slot, "visibility": stage, "buffer": {"type": kind}}
            for slot, kind in enumerate([*kinds, "uniform"])
        ]

    def _pipeline(self, text: str) -> Any:
        wgpu, device = _library(), self.adapter.device
        layout = device.create_pipeline_layout(bind_group_layouts=[self.layout])
        try:
            module = device.create_shader_module(code=text)
            return device.create_compute_pipeline(
                layout=layout, compute={"module": module, "entry_point": self.name}
            )
        except wgpu.GPUError as error:
            raise CompileError(f"WEBGPU refused a kernel: {error}\n{text}") from error

    def __call__(self, buffers: Sequence[Any], variables: Sequence[int]) -> None:
        """Submit a launch: whoever reads what it writes waits for it."""
        device = self.adapter.device
        encoder = device.create_command_encoder()
        bound = [memory.buffer for memory in buffers]
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
        rows = [*zip(bound, self.sizes, strict=True), (self.values, self.values.size)]
        return [
            {"binding": slot, "resource": {"buffer": buffer, "offset": 0, "size": size}}
            for slot, (buffer, size) in enumerate(rows)
        ]


def rounds(kernel: LinearKernel) -> int:
    """How many rounds of loops one invocation runs, nested and consecutive ones together."""
    longest = max((high for _, _, high in kernel.variables), default=1)
    total = executed(kernel, lambda item: int(item.op is Op.LOOP), unknown=longest)
    return total // max(1, kernel.global_size)


def _grid(groups: int) -> tuple[int, int, int]:
    """Workgroups along x and y, at least as many; the text knows how they are numbered."""
    if groups <= GROUPS:
        return groups, 1, 1
    return GROUPS, -(-groups // GROUPS), 1

