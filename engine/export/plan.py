"""A program as WGSL: the kernels, the buffers, and every launch in order.

Kernels come from the planner and the decompositions that all devices have. What an adapter may lack
is known only where the program will run, so there are two plans: one in which float32 is WGSL's
own, and one in which it is made of integers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal, get_args

from engine.backends.base import DeviceLimit
from engine.backends.registry import Device
from engine.backends.webgpu_launch import GROUPS, grid, rounds, wgsl_target
from engine.backends.wgsl_bindings import Window, padded, windows
from engine.backends.wgsl_module import BINDING, launch_values, render, table_bytes, workgroup
from engine.compile import compile_kernel
from engine.context import setting
from engine.export.capture import Port, Program, capture, sample
from engine.hazards import verify_hazards
from engine.linear import LinearKernel
from engine.linearize import Launchable
from engine.memory_plan import plan_memory
from engine.realize import Request
from engine.schedule import planned
from engine.steps import Item, Output, Schedule
from engine.target import Target, effective

MAX_BUFFERS = 7  # every implementation of WebGPU binds 8 in one kernel; tables are one of them
Floats = Literal["auto", "native", "integers"]
FLOATS: tuple[Floats, ...] = get_args(Floats)


@dataclass(frozen=True)
class Kernel:
    """A module with one entry point, over parameters of `sizes` bytes, written or only read.

    `windows` has a row for each binding of group 0; the one after them has the values of a launch,
    and the next one `tables`, if there are any.
    """

    name: str
    text: str
    sizes: tuple[int, ...]
    written: tuple[bool, ...]
    windows: tuple[Window, ...]
    tables: bytes
    grid: tuple[int, int, int]
    rounds: int


@dataclass(frozen=True)
class Launch:
    """A kernel on buffers."""

    kernel: int
    buffers: tuple[int, ...]


@dataclass(frozen=True)
class Copy:
    """Bytes from the beginning of one buffer to that of another."""

    source: int
    target: int
    nbytes: int


@dataclass
class Plan:
    """Buffers (bytes of each; the first are the program's holes), kernels, and steps in order."""

    buffers: list[int] = field(default_factory=list)
    kernels: list[Kernel] = field(default_factory=list)
    steps: list[Launch | Copy] = field(default_factory=list)
    results: list[int] = field(default_factory=list)  # the buffer of each output

    def needs(self) -> tuple[int, int]:
        """Bytes of the largest buffer, and how many bindings a kernel has at most."""
        bound = max((len(row.windows) + bool(row.tables) for row in self.kernels), default=0)
        return max(self.buffers, default=0), bound


@dataclass(frozen=True)
class Exported:
    """A function, ready to run elsewhere.

    `holes` has the number of an input or the bytes of a constant, `values` what every launch is
    given. `native` is None where it would be the same as `integers`; either is None where it was
    not asked for. `samples` are inputs, and `digests` those (SHA-256) of the outputs for them.
    """

    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    holes: tuple[int | bytes, ...]
    values: bytes
    native: Plan | None
    integers: Plan | None
    samples: tuple[bytes, ...]
    digests: tuple[str, ...]


def export(
    function: Callable[..., Any],
    inputs: Sequence[Port],
    name: str = "function",
    floats: str = "auto",
) -> Exported:
    """A function as WGSL, with inputs to begin with and what the default device makes of them.

    `floats` says how float32 is computed: natively, of integers, or as the adapter turns out.
    ValueError for anything else, ExportError for functions that cannot be captured, DeviceLimit for
    more than WebGPU can launch.
    """
    if floats not in FLOATS:
        raise ValueError(f"floats are {', '.join(FLOATS)}, not {floats!r}")
    program = capture(function, inputs)
    request = program.request()
    plans = {
        kind: planned_for(program, request, _target(kind == "native"))
        for kind in ("native", "integers") if floats in ("auto", kind)
    }
    native, integers = plans.get("native"), plans.get("integers")
    if native == integers:
        native = None
    samples = [sample(port, seed) for seed, port in enumerate(inputs)]
    numbers = [request.program.values[row] for row in sorted(request.program.values)]
    return Exported(
        name, program.inputs, program.outputs,
        tuple(program.hole(buffer) for buffer in request.program.holes),
        launch_values(numbers), native, integers, tuple(samples),
        tuple(sha256(result).hexdigest() for result in program.results(samples)),
    )  # fmt: skip


def _target(float32: bool) -> Target:
    """What every browser can run: no limit is asked for that WebGPU does not promise."""
    return wgsl_target("WGSL", float32, MAX_BUFFERS, buffer_bytes=BINDING)


def planned_for(program: Program, request: Request, target: Target) -> Plan:
    """The kernels and launches of a program on a target."""
    chosen = effective(target)
    schedule, nodes = planned(
        request.renamed, request.program.holes, lambda device: chosen, Device.DEFAULT
    )
    if setting("VERIFY"):
        verify_hazards(schedule, nodes)
    plan_memory(schedule, share=bool(setting("MEMORY_PLAN")))
    writer = _Writer(schedule, chosen)
    for item in schedule.items:
        writer.item(item)
    result = dict(zip(request.roots, schedule.results, strict=True))
    writer.plan.results = [writer.buffer[result[root]] for root in program.roots]
    return writer.plan


class _Writer:
    """Writes the steps of a schedule into a plan; slots in the same memory are one buffer."""

    def __init__(self, schedule: Schedule, target: Target) -> None:
        self.schedule, self.target = schedule, target
        self.plan = Plan()
        self.made: dict[tuple[Output, ...], list[tuple[int, Launchable]]] = {}
        self.buffer: list[int] = []  # of each slot
        place: dict[int, int] = {}
        for row in schedule.slots:
            kind, number = row.source
            if kind == "version":
                self.buffer.append(self.buffer[number])
            elif kind == "temporary":
                if number not in place:
                    place[number] = self.new(schedule.places[number].nbytes)
                self.buffer.append(place[number])
            else:
                self.buffer.append(self.new(row.size * row.dtype.itemsize))

    def new(self, nbytes: int) -> int:
        """The number of a new buffer."""
        self.plan.buffers.append(padded(nbytes))
        return len(self.plan.buffers) - 1

    def item(self, item: Item) -> None:
        """The launches of a step."""
        bound = [self.buffer[slot] for slot in item.slots]
        if item.kernel is None:
            target, source = bound
            nbytes = min(self.plan.buffers[target], self.plan.buffers[source])
            self.plan.steps.append(Copy(source, target, nbytes))
            return
        for number, part in self.kernels(item.kernel):
            self.launch(number, [bound[slot] for slot in part.slots])

    def kernels(self, outputs: tuple[Output, ...]) -> list[tuple[int, Launchable]]:
        """The kernels of a step, made once for all steps that are alike."""
        if outputs not in self.made:
            name = f"k{len(self.plan.kernels)}"
            parts = compile_kernel(outputs, self.target, name, self.schedule.variables)
            first = len(self.plan.kernels)
            self.plan.kernels += [made_kernel(part.kernel) for part in parts]
            self.made[outputs] = list(enumerate(parts, first))
        return self.made[outputs]

    def launch(self, number: int, bound: list[int]) -> None:
        """A launch. What it reads of a buffer that it also writes, it reads in a copy: WebGPU
        allows one use of a buffer."""
        kernel = self.plan.kernels[number]
        written = {buffer for buffer, w in zip(bound, kernel.written, strict=True) if w}
        for slot, buffer in enumerate(bound):
            if not kernel.written[slot] and buffer in written:
                bound[slot] = self.new(kernel.sizes[slot])
                self.plan.steps.append(Copy(buffer, bound[slot], kernel.sizes[slot]))
        self.plan.steps.append(Launch(number, tuple(bound)))


def made_kernel(kernel: LinearKernel) -> Kernel:
    """The text of a kernel, and how it is launched. DeviceLimit for more than a launch can be."""
    found = grid(kernel, workgroup([kernel]))
    if max(found) > GROUPS:
        raise DeviceLimit(
            f"a kernel has {kernel.global_size} rounds, and WebGPU launches at most "
            f"{GROUPS} x {GROUPS} workgroups: export a function of smaller tensors"
        )
    return Kernel(
        kernel.name, render([kernel], largest=BINDING),
        tuple(padded(p.size * p.dtype.itemsize) for p in kernel.parameters),
        tuple(p.written for p in kernel.parameters), tuple(windows(kernel, BINDING)),
        table_bytes([kernel]), found, rounds(kernel),
    )  # fmt: skip
