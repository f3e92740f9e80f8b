"""Drives the stages: graph -> schedule (cached by structure) -> kernels -> launches."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass

from engine import compile as compiler, dtypes
from engine.assemble import VERSIONS
from engine.backends.base import Memory, Program
from engine.backends.registry import Device, backend, generation, kind_of
from engine.compile import compile_kernel
from engine.context import setting, text_setting
from engine.counters import GlobalCounters
from engine.fusion import GENERATORS
from engine.graph import Node, dump, substitute, toposort
from engine.hazards import verify_hazards
from engine.linear import length, operations, traffic
from engine.linearize import Launchable
from engine.liveness import still_read
from engine.memory_plan import plan_memory
from engine.ops import MARKERS, STORAGE_VIEWS, Op
from engine.recent import Recent
from engine.schedule import planned
from engine.shapes import memory_below, view_of
from engine.spec import verify_tensor
from engine.steps import (
    Item,
    Output,
    Schedule,
    Slot,
    Variables,
    describe,
    finished,
    foreign,
    overwritten,
)
from engine.storage import (
    FAILED,
    TAKEN,
    Storage,
    allocate,
    attach,
    lose,
    memory_of,
    new_buffer,
    pending_writes,
    realized,
    remember,
)
from engine.target import Target, effective

# Integers that change what is compiled.
SHAPING = ("OPTIMIZE", "MEMORY_PLAN", "THREADS", "LARGE_FROM")
# What is kept weighs by its instructions: a driver of WebGPU has more than 1 kB for each of them.
KEPT = 1 << 19
SCHEDULE_WEIGHT = 1 << 9  # what a schedule weighs without its programs
PROGRAM_WEIGHT = 1 << 7  # what a program weighs without its instructions


@dataclass(frozen=True)
class _Step:
    """A program of so many instructions, the slots of its item that are its buffers, and what a
    launch costs."""

    program: Program
    length: int
    slots: tuple[int, ...]
    operations: int
    nbytes: int


@dataclass
class _Compiled:
    """A schedule with the programs of each of its items; a copy has none.

    `overwritten` has the holes whose contents end with a step, `finished` the slots of the results
    that are complete with it, -1 being before the first. `foreign` has, for steps that read memory
    of other devices, the places in their slots.
    """

    schedule: Schedule
    steps: list[list[_Step]]
    overwritten: dict[int, list[int]]
    finished: dict[int, list[int]]
    foreign: dict[int, list[int]]


def _weight(steps: list[_Step]) -> int:
    return sum(PROGRAM_WEIGHT + step.length for step in steps)


def _weight_with_programs(compiled: _Compiled) -> int:
    return SCHEDULE_WEIGHT + sum(_weight(steps) for steps in compiled.steps)


_schedules: Recent[_Compiled] = Recent(KEPT, _weight_with_programs)
_steps: Recent[list[_Step]] = Recent(KEPT, _weight)


def forget() -> None:
    """Drop schedules, programs and results of passes: the next program is compiled from scratch."""
    _schedules.clear()
    _steps.clear()
    compiler.forget()


# -- programs as keys ------------------------------------------------------------------------------
def base_of(node: Node) -> Node:
    """The node whose elements a view shows; a PAD is no view."""
    while node.op in STORAGE_VIEWS or node.op in MARKERS:
        node = node.src[0]
    return node


def resolved_roots(roots: Sequence[Node]) -> tuple[Node, ...]:
    """The roots without markers, and with everything realized replaced by views of its buffer."""
    shown: dict[Node, Node] = {}

    def is_realized(node: Node) -> bool:
        view = realized(node)
        if view is not None:
            shown[node] = view
        return view is not None

    order = toposort(roots, stop=is_realized)
    if not shown and not any(node.op in MARKERS for node in order):
        return tuple(roots)
    for node in order:
        if node not in shown:
            operands = tuple([shown[s] for s in node.src])
            shown[node] = operands[0] if node.op in MARKERS else node.replace(operands)
    return tuple([shown[root] for root in roots])


def settled(node: Node) -> Node:
    """A node, or the movement that it is of a realized one, over the memory that holds it.

    What a gradient needs stays: a leaf, and whatever was made of one.
    """
    if node.op is Op.LEAF:
        return node.replace((settled(node.src[0]),))
    if node.tracked:
        return node
    base = node
    while realized(base) is None and (base.op in STORAGE_VIEWS or base.op in MARKERS):
        base = base.src[0]
    return node if realized(base) is None else resolved_roots([node])[0]


@dataclass(frozen=True)
class Structure:
    """A program apart from its data.

    `key` holds everything but which buffers are meant and what values variables have; `holes` are
    the buffers in order of first use, `bases` the numbers of those that a STORE or the like is made
    of. A variable that has several values in one program (something realized under an old one, say)
    is several variables: `renamed` has the further BIND nodes.
    """

    key: object
    holes: list[Node]
    bases: list[int]
    values: dict[str, int]
    renamed: dict[Node, Node]


def structure(roots: Sequence[Node]) -> Structure:
    """The structure of the program that computes `roots`."""
    order = toposort(roots, stop=lambda n: n.op is Op.BIND)
    number = {node: i for i, node in enumerate(order)}
    holes: list[Node] = []
    bases: set[Node] = set()
    values: dict[str, int] = {}
    used: Counter[str] = Counter()
    renamed: dict[Node, Node] = {}
    rows: list[object] = []
    for node in order:
        if node.op is Op.BUFFER:
            holes.append(node)
            rows.append((Op.BUFFER, node.dtype, node.arg[1:]))
        elif node.op is Op.BIND:
            variable, value = node.src
            name, *limits = variable.arg
            free = _free_name(name, values, used)
            values[free] = value.arg
            rows.append((Op.BIND, free, *limits))
            if free != name:
                other = Node(Op.VARIABLE, variable.dtype, (), (free, *limits))
                renamed[node] = node.replace((other, value))
        else:
            if node.op in VERSIONS:
                bases.add(memory_below(node.src[0]))
            rows.append((node.op, node.dtype, node.arg, tuple([number[s] for s in node.src])))
    rows.append(tuple([number[root] for root in roots]))
    written = [i for i, hole in enumerate(holes) if hole in bases]
    return Structure(tuple(rows), holes, written, values, renamed)


def _free_name(name: str, taken: Container[str], used: Counter[str]) -> str:
    """A variable's name, or one with a number where it is taken; `used` counts its numbers."""
    free = name
    while free in taken:
        used[name] += 1
        free = f"{name}_{used[name]}"
    return free


# -- realizing -------------------------------------------------------------------------------------
def realize(nodes: Sequence[Node]) -> None:
    """Compute the storages that the nodes are views of. Views and constants need nothing."""
    wanted = not_computed(nodes)
    if wanted:
        compute(request_of(wanted))


def not_computed(nodes: Sequence[Node]) -> list[Node]:
    """The storages that nodes are views of, as far as they are to be computed."""
    return list(dict.fromkeys(
        base for base in (base_of(node) for node in nodes)
        if base.op is not Op.BUFFER and base.op not in GENERATORS and realized(base) is None
    ))


@dataclass(frozen=True)
class Request:
    """A program to run: `roots` give what is `wanted`, of what is in memory now.

    `storages` have pending writes that are done with it. `free` are the holes that may be written
    over, `homes` pairs of a result and the hole that it replaces as a whole, all by their numbers.
    """

    wanted: Sequence[Node]
    roots: tuple[Node, ...]
    program: Structure
    storages: Sequence[Storage]
    free: tuple[int, ...]
    homes: tuple[tuple[int, int], ...]

    @property
    def renamed(self) -> tuple[Node, ...]:
        """The roots, in which each value of a variable has a name of its own."""
        sink = Node(Op.SINK, dtypes.bool_, self.roots)
        return substitute(sink, self.program.renamed).src


def request_of(wanted: Sequence[Node]) -> Request:
    """The program whose results are `wanted`.

    A pending write that it needs is a result too, so that it is done once.
    """
    storages = _needed_writes(wanted)
    versions = [memory_below(storage.node) for storage in storages]
    wanted = list(dict.fromkeys([*wanted, *(v for v in versions if v.op in VERSIONS)]))
    roots = resolved_roots(wanted)
    program = structure(roots)
    homes = _homes(program, wanted, storages)
    return Request(wanted, roots, program, storages, _free(program, wanted, homes), homes)


def compute(request: Request) -> None:
    """Run a program, and remember the views of its outputs."""
    program, roots = request.program, request.roots
    settings = (*_shaping(), Device.DEFAULT, generation())
    key = (program.key, settings, request.free, request.homes)
    compiled = _schedules.get(key)
    if compiled is None:
        GlobalCounters.schedule_misses += 1
        for root in roots:
            verify_tensor(root)
        compiled = _compile(request)
        _schedules.put(key, compiled)
    else:
        GlobalCounters.schedule_hits += 1
    buffers: dict[int, Node] = {}
    try:
        _run(compiled, program.holes, program.values, buffers)
    finally:  # what was finished before a kernel failed is not lost
        for want, root, slot in zip(request.wanted, roots, compiled.schedule.results, strict=True):
            if slot in buffers:
                remember(want, view_of(buffers[slot], root.shape))
        for storage in request.storages:
            storage.show(settled(storage.node))


def _needed_writes(wanted: Sequence[Node]) -> list[Storage]:
    """The storages with pending writes whose versions these nodes are, or are made of."""
    pending = pending_writes()
    if not pending:
        return []
    below = set(toposort(wanted, stop=lambda node: realized(node) is not None))
    versions = [(storage, memory_below(storage.node)) for storage in pending]
    return [s for s, version in versions if version in below and realized(version) is None]


def _homes(
    program: Structure, wanted: Sequence[Node], storages: Sequence[Storage]
) -> tuple[tuple[int, int], ...]:
    """For results that replace what is in a hole as a whole: result, hole, by their numbers."""
    result = {node: i for i, node in enumerate(wanted)}
    hole = {buffer: i for i, buffer in enumerate(program.holes)} if storages else {}
    found: dict[int, int] = {}
    for storage in storages:
        version, home = memory_below(storage.node), storage.home
        if home in hole and version in result:
            found.setdefault(result[version], hole[home])
    return tuple(sorted(found.items()))


def _free(
    program: Structure, wanted: Sequence[Node], homes: Sequence[tuple[int, int]]
) -> tuple[int, ...]:
    """The holes that may be written over: nothing reads them after this program."""
    numbers = sorted({*program.bases, *(hole for _, hole in homes)})
    if not numbers:
        return ()
    kept = still_read([program.holes[i] for i in numbers], set(wanted))
    return tuple(i for i in numbers if program.holes[i] not in kept)


def _compile(request: Request) -> _Compiled:
    roots, holes = request.renamed, request.program.holes
    if setting("DEBUG") >= 3:
        print(dump(*roots), file=sys.stderr)
    default = Device.DEFAULT
    schedule, nodes = planned(roots, holes, target_of, default, request.free, request.homes)
    if setting("VERIFY"):
        verify_hazards(schedule, nodes)
    plan_memory(schedule, share=bool(setting("MEMORY_PLAN")))
    if setting("DEBUG") >= 2:
        for number in range(len(schedule.items)):
            print(describe(schedule, number), file=sys.stderr)
    keys = [_program_key(schedule, item) for item in schedule.items]
    ready = {key: found for key in keys if (found := _steps.get(key)) is not None}
    batches: dict[str, dict[object, tuple[Output, ...]]] = {}
    for key, item in zip(keys, schedule.items, strict=True):
        if item.kernel is not None and key not in ready:
            batches.setdefault(kind_of(item.device), {})[key] = item.kernel
    for device, kernels in batches.items():
        ready.update(_compile_batch(device, kernels, schedule.variables))
    steps = [ready.get(key, []) for key in keys]
    return _Compiled(
        schedule, steps, overwritten(schedule), finished(schedule), foreign(schedule)
    )


def _program_key(schedule: Schedule, item: Item) -> object:
    return backend(item.device), item.kernel, schedule.variables, *_shaping()


def _shaping() -> tuple[int | str, ...]:
    """The values of the settings that change what is compiled."""
    return (*map(setting, SHAPING), text_setting("EMULATE"))


def target_of(device: str) -> Target:
    """What a device does natively, less what EMULATE takes away."""
    return effective(backend(device).target)


def _compile_batch(
    device: str, kernels: dict[object, tuple[Output, ...]], variables: Variables
) -> dict[object, list[_Step]]:
    """Programs of kernels that are new, compiled together."""
    chosen = backend(device)
    owners: list[object] = []
    parts: list[Launchable] = []
    for key, kernel in kernels.items():
        made = compile_kernel(kernel, target_of(device), f"k{len(parts)}", variables)
        parts += made
        owners += [key] * len(made)
    linear = [part.kernel for part in parts]
    if setting("DEBUG") >= 5:
        print(chosen.render(linear), file=sys.stderr)
    result: dict[object, list[_Step]] = {key: [] for key in kernels}
    for key, part, program in zip(owners, parts, chosen.compile(linear), strict=True):
        cost = operations(part.kernel), traffic(part.kernel)
        result[key].append(_Step(program, length(part.kernel), part.slots, *cost))
    for key, steps in result.items():
        _steps.put(key, steps)
    return result


def _run(
    compiled: _Compiled,
    holes: Sequence[Node],
    values: dict[str, int],
    results: dict[int, Node],
) -> None:
    """Launch every step, and put a buffer for each result into `results` as soon as it is complete.

    A buffer that is written over has lost its contents before that begins, whatever happens.
    """
    schedule = compiled.schedule

    def finish(number: int) -> None:
        for slot in compiled.finished.get(number, ()):
            row = schedule.slots[slot]
            results[slot] = new_buffer(row.dtype, row.size, row.device)
            attach(results[slot], memory[slot])

    places = [backend(place.device).allocate(place.nbytes) for place in schedule.places]
    memory: list[Memory] = []
    for row in schedule.slots:
        memory.append(_memory(row, holes, places, memory))
    arguments = [values[name] for name, _, _ in schedule.variables]
    finish(-1)
    for number, steps in enumerate(compiled.steps):
        started = time.perf_counter()
        item = schedule.items[number]
        for hole in compiled.overwritten.get(number, ()):
            lose(holes[hole], FAILED)
        buffers = [memory[s] for s in item.slots]
        if item.kernel is None:
            buffers[0].write(buffers[1].read()[: buffers[0].nbytes])
        for k in compiled.foreign.get(number, ()):
            buffers[k] = _copied(buffers[k], item.device)
        for step in steps:
            step.program([buffers[s] for s in step.slots], arguments)
            GlobalCounters.global_ops += step.operations
            GlobalCounters.global_mem += step.nbytes
        finish(number)
        elapsed = time.perf_counter() - started
        GlobalCounters.kernel_count += 1
        GlobalCounters.time_sum += elapsed
        if setting("DEBUG"):
            print(f"{elapsed * 1e6:10.1f} us  {describe(schedule, number)}", file=sys.stderr)
    for gone in compiled.overwritten.values():
        for hole in gone:
            lose(holes[hole], TAKEN)


def _memory(
    row: Slot, holes: Sequence[Node], places: Sequence[Memory], earlier: Sequence[Memory]
) -> Memory:
    """The memory of a slot: an input's, a new result's, a place that temporaries share, or that of
    an earlier slot."""
    kind, position = row.source
    if kind == "version":
        return earlier[position]
    if kind == "hole":
        return memory_of(holes[position])
    return allocate(row.dtype, row.size, row.device) if kind == "output" else places[position]


def _copied(memory: Memory, device: str) -> Memory:
    """The same bytes in memory of a device."""
    copy = backend(device).allocate(memory.nbytes)
    copy.write(memory.read())
    return copy


# -- reading ---------------------------------------------------------------------------------------
def concrete_shape(node: Node) -> tuple[int, ...]:
    """The shape with bound variables replaced by their values. ValueError if one is not bound."""
    return tuple(size if isinstance(size, int) else evaluate_size(size) for size in node.shape)


def evaluate_size(size: Node) -> int:
    """The value of a symbolic size under its bindings."""
    from engine.interpret.sizes import evaluate

    return evaluate(size)


def read(node: Node) -> bytes:
    """Row-major bytes of a tensor; computes it if need be."""
    shape = concrete_shape(node)
    size = 1
    for s in shape:
        size *= s
    if size == 0:
        return b""
    view = resolved_roots([node])[0]
    if not _is_whole_buffer(view):
        whole = Node(Op.CONTIGUOUS, node.dtype, (view,))
        realize([whole])
        found = realized(whole)
        assert found is not None
        if base_of(view).op is not Op.BUFFER:  # views of memory are read anew: memory may change
            remember(node, found)
        view = found
    return memory_of(base_of(view)).read()[: size * node.dtype.itemsize]


def _is_whole_buffer(view: Node) -> bool:
    while view.op is Op.RESHAPE:
        view = view.src[0]
    return view.op is Op.BUFFER
