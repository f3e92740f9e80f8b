"""Whether a schedule reads what it names: versions, simulated step by step.

Memory holds one version at a time. A step that reads a slot must find its version there, complete;
a step that writes over a version must find that one; and whatever two steps must not exchange has
an edge. This looks at a finished schedule alone and shares nothing with what made it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from engine.assemble import VERSIONS
from engine.graph import Node, order_of, toposort
from engine.lower import lower
from engine.ops import Op
from engine.sequential import SEQUENTIAL
from engine.shapes import memory_below, numel
from engine.steps import Output, Schedule


class HazardError(ValueError):
    """A schedule that may read a version which is not there, or not any more."""


def verify_hazards(schedule: Schedule, nodes: Mapping[int, Node]) -> None:
    """Raise HazardError for the first step that breaks a rule of versions in memory.

    `nodes` has the node of each slot.
    """
    simulation = _Simulation(schedule, nodes)
    for number in range(len(schedule.items)):
        simulation.step(number)
    last = len(schedule.items) - 1
    for slot in schedule.results:
        simulation.expect(last, slot)


class _Simulation:
    """Which version each memory holds, by the memory's first slot, after the steps so far."""

    def __init__(self, schedule: Schedule, nodes: Mapping[int, Node]) -> None:
        self.schedule, self.nodes = schedule, nodes
        self.memory = schedule.memory()
        rows = enumerate(schedule.slots)
        self.held = {slot: slot for slot, row in rows if row.source[0] == "hole"}
        self.to_write = Counter(s for item in schedule.items for s in item.slots[: item.outputs])
        self.writer: dict[int, int] = {}
        self.readers: dict[int, set[int]] = {}

    def fail(self, number: int, slot: int, what: str) -> None:
        node = self.nodes[slot]
        raise HazardError(f"step {number}: slot {slot} ({node.op} {node.dtype}) {what}")

    def expect(self, number: int, version: int) -> None:
        """A version is where it should be, and all of it."""
        if numel(self.nodes[version].shape) == 0:
            return
        held = self.held.get(self.memory[version])
        if held != version or self.to_write[version]:
            self.fail(number, version, f"is read while slot {held} is in its memory, or is written")

    def wait(self, number: int, slot: int, earlier: set[int]) -> None:
        """There are edges from these steps to a step that uses a slot."""
        for missing in sorted(earlier.difference(self.schedule.items[number].after)):
            self.fail(number, slot, f"is used without an edge from step {missing}")

    def step(self, number: int) -> None:
        item = self.schedule.items[number]
        for slot in item.slots[item.outputs :]:
            memory = self.memory[slot]
            self.expect(number, slot)
            self.wait(number, slot, self.last_writer(memory))
            self.readers.setdefault(memory, set()).add(number)
        for k, slot in enumerate(item.slots[: item.outputs]):
            self.write(number, k, slot)

    def last_writer(self, memory: int) -> set[int]:
        return {self.writer[memory]} if memory in self.writer else set()

    def write(self, number: int, k: int, slot: int) -> None:
        """A step begins a version, or goes on with it."""
        memory = self.memory[slot]
        readers = self.readers.pop(memory, set())
        if number in readers:
            self.fail(number, slot, "is read as another version by the step that writes it")
        self.wait(number, slot, readers | self.last_writer(memory))
        kernel = self.schedule.items[number].kernel
        if self.held.get(memory) != slot:
            self.begin(number, slot, kernel is not None and _keeps(self.nodes[slot], kernel[k]))
        if kernel is not None and not _reads_where_it_writes(kernel, k):
            self.fail(number, slot, "is read where the same step may have written")
        self.held[memory], self.writer[memory] = slot, number
        self.to_write[slot] -= 1

    def begin(self, number: int, slot: int, keeps: bool) -> None:
        """The first write of a version. What it keeps of an older one must be there."""
        kind, older = self.schedule.slots[slot].source
        if kind == "hole":
            self.fail(number, slot, "is an input, which no step may write under its own name")
        if kind == "version":
            self.expect(number, older)
        if keeps:
            base = memory_below(self.nodes[slot].src[0])
            if kind != "version" or self.nodes[older] is not base:
                self.fail(number, slot, "keeps elements that are not those of its base")


def _keeps(node: Node, output: Output) -> bool:
    """Whether a kernel leaves elements of a version as they were in the one before."""
    if node.op not in VERSIONS:
        return False
    if output.expression.op in VERSIONS:
        return True
    return output.places is not None and numel(output.expression.shape) != numel(node.shape)


def _reads_where_it_writes(kernel: Sequence[Output], k: int) -> bool:
    """Whether a kernel reads the memory of its output k only at the place that it writes."""
    target, first = kernel[k].target, kernel[k].expression
    if first.op in SEQUENTIAL:  # what keeps its base reads it in order, as its meaning says
        return target not in toposort(first.src[first.op in VERSIONS :])
    if target not in toposort([output.expression for output in kernel]):
        return True
    order = order_of(lower(kernel))
    written = {node.src[1] for node in order if node.op is Op.WRITE and node.src[0] is target}
    read = {node.src[1] for node in order if node.op is Op.LOAD and node.src[0] is target}
    return len(written) == 1 and read <= written
