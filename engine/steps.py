"""What a schedule is: steps in order, the slots that they name, the memory behind them."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.assemble import Places
from engine.dtypes import DType
from engine.graph import Node


@dataclass(frozen=True)
class Slot:
    """A buffer of a schedule. `source`: ("hole", i), ("output", i), ("temporary", place), or
    ("version", s) for one that is written over slot s, in the same memory."""

    dtype: DType
    size: int
    device: str
    source: tuple[str, int]


Variables = tuple[tuple[str, int, int], ...]  # name, low, high


@dataclass(frozen=True)
class Output:
    """One result of a kernel: the elements of `expression` go to a buffer.

    The leaves of the expression are PARAMs; `target` among them is what is written over. The
    elements go to `target` in row-major order or, with places (offset, strides), each to offset +
    sum of position * stride.
    """

    target: Node
    expression: Node
    places: Places | None = None


@dataclass(frozen=True)
class Item:
    """One step. `kernel` is what it computes, or None for a copy of slots[1] to slots[0].

    The first `outputs` of `slots` are written. `after` names the steps that must come before.
    """

    device: str
    kernel: tuple[Output, ...] | None
    slots: tuple[int, ...]
    outputs: int
    after: tuple[int, ...]


@dataclass
class Place:
    """Memory that temporaries share, one after another."""

    device: str
    nbytes: int


@dataclass
class Schedule:
    """Steps in order, the slots they name, and the slot of each requested result."""

    items: list[Item]
    slots: list[Slot]
    results: list[int]
    variables: Variables
    places: list[Place] = field(default_factory=list)

    def memory(self) -> list[int]:
        """For each slot, the first one in the same memory."""
        first: list[int] = []
        for number, row in enumerate(self.slots):
            kind, older = row.source
            first.append(first[older] if kind == "version" else number)
        return first


_SHOWN = {"hole": "input", "output": "output", "temporary": "temporary", "version": "over slot "}


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


def finished(schedule: Schedule) -> dict[int, list[int]]:
    """Which results are complete, step by step."""
    last = {slot: number for number, item in enumerate(schedule.items)
            for slot in item.slots[: item.outputs]}  # fmt: skip
    found: dict[int, list[int]] = {}
    for slot in dict.fromkeys(schedule.results):
        found.setdefault(last.get(slot, -1), []).append(slot)
    return found


def foreign(schedule: Schedule) -> dict[int, list[int]]:
    """Which slots a step reads in the memory of another device.

    What is made of constants alone lies on one device, and goes to whichever reads it.
    """
    found: dict[int, list[int]] = {}
    for number, item in enumerate(schedule.items):
        for k, slot in enumerate(item.slots):
            if item.kernel is not None and schedule.slots[slot].device != item.device:
                found.setdefault(number, []).append(k)
    return found


def overwritten(schedule: Schedule) -> dict[int, list[int]]:
    """Which holes are written over for the first time, step by step."""
    memory = schedule.memory()
    left = {i for i, row in enumerate(schedule.slots) if row.source[0] == "hole"}
    found: dict[int, list[int]] = {}
    for number, item in enumerate(schedule.items):
        for first in (memory[slot] for slot in item.slots[: item.outputs]):
            if first in left:
                left.remove(first)
                found.setdefault(number, []).append(schedule.slots[first].source[1])
    return found
