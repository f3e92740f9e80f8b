"""Drives the stages: graph -> schedule (cached by structure) -> kernels -> launches."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from engine import compile as compiler, dtypes
from engine.backends.base import Memory, Program
from engine.backends.registry import Device, backend, generation
from engine.compile import compile_kernel
from engine.context import setting, text_setting
from engine.counters import GlobalCounters
from engine.graph import Node, dump, substitute, toposort
from engine.linear import operations
from engine.linearize import Launchable
from engine.ops import MARKERS, STORAGE_VIEWS, Op
from engine.recent import Recent
from engine.schedule import GENERATORS, make_schedule
from engine.shapes import view_of
from engine.spec import verify_tensor
from engine.steps import Item, Output, Schedule, Slot, Variables
from engine.storage import allocate, attach, memory_of, new_buffer, realized, remember
from engine.target import Target, effective

# Integers that change what is compiled.
SHAPING = ("OPTIMIZE", "MEMORY_PLAN", "THREADS", "LARGE_FROM")
KEPT_SCHEDULES = 1024
KEPT_PROGRAMS = 4096


@dataclass(frozen=True)
class _Step:
    """A program, the slots of its item that are its buffers, and what a launch costs."""

    program: Program
    slots: tuple[int, ...]
    operations: int
    nbytes: int


@dataclass
class _Compiled:
    """A schedule with the programs of each of its items; a copy has none."""

    schedule: Schedule
    steps: list[list[_Step]]


_schedules: Recent[_Compiled] = Recent(KEPT_SCHEDULES)
_steps: Recent[list[_Step]] = Recent(KEPT_PROGRAMS)


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


@dataclass(frozen=True)
class Structure:
    """A program apart from its data.

    `key` holds everything but which buffers are meant and what values variables have; `holes` are
    the buffers in order of first use. A variable that has several values in one program (something
    realized under an old one, say) is several variables: `renamed` has the further BIND nodes.
    """

    key: object
    holes: list[Node]
    values: dict[str, int]
    renamed: dict[Node, Node]


def structure(roots: Sequence[Node]) -> Structure:
    """The structure of the program that computes `roots`."""
    order = toposort(roots, stop=lambda n: n.op is Op.BIND)
    number = {node: i for i, node in enumerate(order)}
    holes: list[Node] = []
    values: dict[str, int] = {}
    renamed: dict[Node, Node] = {}
    rows: list[object] = []
    for node in order:
        if node.op is Op.BUFFER:
            holes.append(node)
            rows.append((Op.BUFFER, node.dtype, node.arg[1:]))
        elif node.op is Op.BIND:
            variable, value = node.src
            name, *limits = variable.arg
            free = name
            while free in values:
                free += "_"
            values[free] = value.arg
            rows.append((Op.BIND, free, *limits))
            if free != name:
                other = Node(Op.VARIABLE, variable.dtype, (), (free, *limits))
                renamed[node] = node.replace((other, value))
        else:
            rows.append((node.op, node.dtype, node.arg, tuple([number[s] for s in node.src])))
    rows.append(tuple([number[root] for root in roots]))
    return Structure(tuple(rows), holes, values, renamed)


# -- realizing -------------------------------------------------------------------------------------
def realize(nodes: Sequence[Node]) -> None:
    """Compute the storages that the nodes are views of. Views and constants need nothing."""
    wanted = list(dict.fromkeys(
        base for base in (base_of(node) for node in nodes)
        if base.op is not Op.BUFFER and base.op not in GENERATORS and realized(base) is None
    ))
    if wanted:
        compute(wanted)


def compute(wanted: Sequence[Node]) -> None:
    """Run the program whose results are `wanted`, and remember the views of its outputs."""
    roots = resolved_roots(wanted)
    todo = [(want, root) for want, root in zip(wanted, roots, strict=True)]
    program = structure(roots)
    settings = (*_shaping(), Device.DEFAULT, generation())
    key = (program.key, settings)
    compiled = _schedules.get(key)
    if compiled is None:
        GlobalCounters.schedule_misses += 1
        for root in roots:
            verify_tensor(root)
        sink = Node(Op.SINK, dtypes.bool_, roots)
        compiled = _compile(substitute(sink, program.renamed).src, program.holes)
        _schedules.put(key, compiled)
    else:
        GlobalCounters.schedule_hits += 1
    outputs = _run(compiled, program.holes, program.values)
    for (want, root), buffer in zip(todo, outputs, strict=True):
        remember(want, view_of(buffer, root.shape))


def _compile(roots: Sequence[Node], holes: Sequence[Node]) -> _Compiled:
    if setting("DEBUG") >= 3:
        print(dump(*roots), file=sys.stderr)
    schedule = make_schedule(
        roots, holes, target_of, Device.DEFAULT,
        share_memory=bool(setting("MEMORY_PLAN")),
    )
    if setting("DEBUG") >= 2:
        print_schedule(schedule)
    keys = [_program_key(schedule, item) for item in schedule.items]
    ready = {key: found for key in keys if (found := _steps.get(key)) is not None}
    batches: dict[str, dict[object, tuple[Output, ...]]] = {}
    for key, item in zip(keys, schedule.items, strict=True):
        if item.kernel is not None and key not in ready:
            batches.setdefault(item.device.split(":")[0], {})[key] = item.kernel
    for device, kernels in batches.items():
        ready.update(_compile_batch(device, kernels, schedule.variables))
    steps = [ready.get(key, []) for key in keys]
    return _Compiled(schedule, steps)


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
        nbytes = sum(p.size * p.dtype.itemsize for p in part.kernel.parameters)
        result[key].append(_Step(program, part.slots, operations(part.kernel), nbytes))
    for key, steps in result.items():
        _steps.put(key, steps)
    return result


def _run(compiled: _Compiled, holes: Sequence[Node], values: dict[str, int]) -> list[Node]:
    """Launch every step; the buffers of the requested results."""
    schedule = compiled.schedule
    outputs: dict[int, Node] = {}
    places = [backend(place.device).allocate(place.nbytes) for place in schedule.places]
    memory = [_memory(row, holes, places) for row in schedule.slots]
    for slot in schedule.results:
        row = schedule.slots[slot]
        outputs[slot] = new_buffer(row.dtype, row.size, row.device)
        attach(outputs[slot], memory[slot])
    arguments = [values[name] for name, _, _ in schedule.variables]
    for number, steps in enumerate(compiled.steps):
        started = time.perf_counter()
        item = schedule.items[number]
        buffers = [memory[s] for s in item.slots]
        if item.kernel is None:
            buffers[0].write(buffers[1].read()[: buffers[0].nbytes])
        for step in steps:
            step.program([buffers[s] for s in step.slots], arguments)
            GlobalCounters.global_ops += step.operations
            GlobalCounters.global_mem += step.nbytes
        elapsed = time.perf_counter() - started
        GlobalCounters.kernel_count += 1
        GlobalCounters.time_sum += elapsed
        if setting("DEBUG"):
            print(f"{elapsed * 1e6:10.1f} us  {describe(schedule, number)}", file=sys.stderr)
    return [outputs[s] for s in schedule.results]


def _memory(row: Slot, holes: Sequence[Node], places: Sequence[Memory]) -> Memory:
    """The memory of a slot: an input's, a new result's, or a place that temporaries share."""
    kind, position = row.source
    if kind == "hole":
        return memory_of(holes[position])
    return allocate(row.dtype, row.size, row.device) if kind == "output" else places[position]


_SHOWN = {"hole": "input", "output": "output", "temporary": "temporary"}


def describe(schedule: Schedule, number: int) -> str:
    """One line for a step: device, what it writes, what it reads, what it waits for."""
    item = schedule.items[number]
    names = [
        f"{_SHOWN[row.source[0]]}{row.source[1]}:{row.dtype}[{row.size}]"
        for row in (schedule.slots[s] for s in item.slots)
    ]
    written, read = ", ".join(names[: item.outputs]), ", ".join(names[item.outputs :])
    what = "copy" if item.kernel is None else "+".join(str(o.expression.op) for o in item.kernel)
    after = f" after {', '.join(map(str, item.after))}" if item.after else ""
    return f"step {number} on {item.device}: {what} {written} <- {read}{after}"


def print_schedule(schedule: Schedule) -> None:
    """One line a step, on stderr."""
    for number in range(len(schedule.items)):
        print(describe(schedule, number), file=sys.stderr)


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
