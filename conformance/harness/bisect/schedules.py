"""A schedule, executed kernel by kernel at the level of tensors: no loops, no passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from conformance.harness.bisect.program import Program, contents, values
from engine.arrays import NUMPY
from engine.graph import Node, Sint, substitute, toposort
from engine.interpret.preconditions import Array
from engine.interpret.tensors import evaluate, flat_places
from engine.lower import lower
from engine.memory_plan import plan_memory
from engine.ops import Op
from engine.realize import target_of
from engine.schedule import planned
from engine.steps import Item, Output, Schedule

GARBAGE = b"\xa5"


@dataclass(frozen=True)
class Launch:
    """One step with the memory of its slots before it, and as it must be after it.

    `loops` is the kernel where it did not come from an expression; then `item` has none.
    """

    number: int
    item: Item
    before: tuple[bytes, ...]
    after: tuple[bytes, ...]
    loops: Node | None = None

    @property
    def is_kernel(self) -> bool:
        """Whether anything is computed, and not only copied."""
        return self.item.kernel is not None or self.loops is not None

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The expressions of the kernel; none where there are only loops."""
        return self.item.kernel or ()

    def lowered(self) -> Node:
        """The kernel as loops."""
        return lower(self.outputs) if self.loops is None else self.loops


@dataclass(frozen=True)
class Scheduled:
    """A schedule with the node that each slot holds when all is done."""

    schedule: Schedule
    nodes: dict[int, Node]

    @property
    def results(self) -> list[Node]:
        """The nodes of the requested results, in order."""
        return [self.nodes[slot] for slot in self.schedule.results]


def scheduled(program: Program) -> Scheduled:
    """The schedule of a program, without places for its temporaries."""
    return Scheduled(*planned(
        program.roots, program.holes, target_of, program.device, program.free, program.homes,
    ))  # fmt: skip


def memory(made: Scheduled, holes: Sequence[Node]) -> list[bytes]:
    """What the slots hold before anything runs: inputs, and garbage."""
    found = []
    for row in made.schedule.slots:
        kind, place = row.source
        if kind == "hole":
            found.append(contents(holes[place]).tobytes())
        else:
            size = max(1, row.size) * row.dtype.itemsize
            found.append((GARBAGE if row.dtype.kind != "bool" else b"\1") * size)
    return found


def launches(made: Scheduled, start: Sequence[bytes]) -> tuple[list[Launch], list[bytes]]:
    """Every step as the interpreter of tensors executes it, and the results in the end."""
    held = list(start)
    memory = made.schedule.memory()
    found = []
    for number, item in enumerate(made.schedule.items):
        before = tuple(held[memory[slot]] for slot in item.slots)
        after = executed(item, before)
        for slot, data in zip(item.slots[: item.outputs], after):
            held[memory[slot]] = data
        found.append(Launch(number, item, before, after))
    return found, [held[memory[slot]] for slot in made.schedule.results]


def executed(item: Item, before: Sequence[bytes]) -> tuple[bytes, ...]:
    """The memory of a step's slots after it."""
    if item.kernel is None:
        return before[1][: len(before[0])], *before[1:]
    arrays = [value_of(output, before) for output in item.kernel]
    after = list(before)
    for output, value in zip(item.kernel, arrays, strict=True):
        number = output.target.arg[0]
        whole = np.frombuffer(bytearray(before[number]), NUMPY[output.target.dtype])
        if output.places is None:
            whole[: value.size] = value.reshape(-1)
        else:
            offset, strides = output.places
            whole[flat_places(value.shape, static(offset), tuple(map(static, strides)))] = value
        after[number] = whole.tobytes()
    return tuple(after)


def static(size: Sint) -> int:
    """A size of a case's program, which has no variables."""
    assert isinstance(size, int)
    return size


def value_of(output: Output, before: Sequence[bytes]) -> Array:
    """The elements of a kernel's expression over the memory of its slots."""

    def load(buffer: Node) -> Array:
        return np.frombuffer(before[buffer.arg[0]], NUMPY[buffer.dtype])[: buffer.arg[1]]

    params = [node for node in toposort([output.expression]) if node.op is Op.PARAM]
    buffers = {node: Node(Op.BUFFER, node.dtype, (), (*node.arg, "PYTHON")) for node in params}
    (value,) = evaluate([substitute(output.expression, buffers)], load)
    return value


def first_wrong_slot(made: Scheduled, launched: Sequence[Launch]) -> int | None:
    """The first step whose results are not those of their nodes; None: all are.

    A slot counts at the last step that writes it: some nodes are several kernels.
    """
    last = {slot: (launch, position) for launch in launched
            for position, slot in enumerate(launch.item.slots[: launch.item.outputs])}  # fmt: skip
    slots = sorted(last, key=lambda slot: last[slot][0].number)
    for slot, due in zip(slots, values([made.nodes[slot] for slot in slots])):
        launch, position = last[slot]
        if launch.after[position][: len(due)] != due:
            return launch.number
    return None


def with_places(made: Scheduled, start: Sequence[bytes]) -> list[bytes]:
    """The results when temporaries share memory as the plan says.

    Every step runs on what is really in the shared places.
    """
    schedule = Schedule(
        made.schedule.items, list(made.schedule.slots), made.schedule.results,
        made.schedule.variables,
    )
    plan_memory(schedule, share=True)
    places = [GARBAGE * place.nbytes for place in schedule.places]
    held = list(start)
    memory = schedule.memory()
    for item in schedule.items:
        before = []
        for slot in (memory[slot] for slot in item.slots):
            kind, place = schedule.slots[slot].source
            size = len(start[slot])
            before.append(places[place][:size] if kind == "temporary" else held[slot])
        for slot, data in zip(item.slots[: item.outputs], executed(item, before)):
            kind, place = schedule.slots[memory[slot]].source
            if kind == "temporary":
                places[place] = data + places[place][len(data) :]
            else:
                held[memory[slot]] = data
    return [held[memory[slot]] for slot in schedule.results]
