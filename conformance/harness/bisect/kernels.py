"""Bisecting a kernel below the tensor level, which has no program around it; making it small."""

from __future__ import annotations

from collections.abc import Callable

from conformance.harness.bisect.blame import NOT_FOUND, Blame, Place
from conformance.harness.bisect.native import wrong_code, wrong_memory
from conformance.harness.bisect.passes import (
    PassFailed,
    compiled,
    expressions_of,
    wrong_instructions,
    wrong_state,
)
from conformance.harness.bisect.schedules import Launch, executed, value_of
from conformance.harness.generate.raw import Kernel
from conformance.harness.subject import EngineSubject
from conformance.harness.trial import Problem
from engine import dtypes
from engine.graph import Node, dump, order_of, substitute
from engine.ops import ELEMENTWISE, Op
from engine.realize import target_of
from engine.steps import Item, Output
from engine.target import Target

DEPTHS = (1, 2, 3, 4)


def launch_of(kernel: Kernel) -> Launch:
    """A random kernel as the one step of a schedule."""
    slots = tuple(range(len(kernel.before)))
    item = Item("", kernel.outputs or None, slots, len(kernel.outputs), ())
    loops = None if kernel.outputs else kernel.sink
    return Launch(0, item, kernel.before, kernel.after, loops)


def bisect_kernel(launch: Launch, subject: EngineSubject, problem: Problem, native: bool) -> Blame:
    """Where a kernel goes wrong for a device; that runs it only if it is `native`."""
    with subject.settings():
        try:
            place = _place(launch, target_of(subject.device), subject.device if native else "")
        except PassFailed as error:
            place = Place("pass", error.step, text=str(error))
        except Exception as error:  # noqa: BLE001 - what compiling raises is the result
            place = Place("code", text=f"{type(error).__name__}: {error}")
    return Blame(problem.kind, subject.name, problem.devices, place)


def _place(launch: Launch, target: Target, device: str) -> Place:
    found = wrong_memory(device, launch.before) if device else None
    if found is None:
        found = wrong_state(launch, target)
    if found is None:
        found = wrong_instructions(launch, compiled(launch, target))
    if found is None and device:
        found = wrong_code(launch, target, device)
    return found or Place(NOT_FOUND, text="no stage is wrong")


# -- smaller ---------------------------------------------------------------------------------------
def smaller_kernel(launch: Launch, still_wrong: Callable[[Launch], bool]) -> Launch:
    """A kernel of one expression, as few operations deep as can be, with the same fault.

    What is deeper is given as memory. The kernel itself where no such one has the fault.
    """
    for depth in DEPTHS:
        for node in expressions_of(launch):
            candidate = None if _is_memory(node) else _cut(launch, node, depth)
            if candidate is not None and still_wrong(candidate):
                return candidate
    return launch


def _cut(launch: Launch, node: Node, depth: int) -> Launch | None:
    """The kernel of a node whose operands `depth` operations below are buffers."""
    count = _count(node)
    given = {n: k for k, n in enumerate(_below(node, depth), 1)}
    if count is None or any(_count(n) is None for n in given):
        return None
    memory, mapping = [b"\0" * (count * node.dtype.itemsize)], {}
    for operand, number in given.items():
        value = value_of(Output(operand, operand), launch.before)
        memory.append(value.tobytes())
        param = Node(Op.PARAM, operand.dtype, (), (number, max(1, value.size)))
        mapping[operand] = Node(Op.RESHAPE, operand.dtype, (param,), operand.shape)
    target = Node(Op.PARAM, node.dtype, (), (0, count))
    output = Output(target, substitute(node, mapping))
    item = Item("", (output,), tuple(range(len(memory))), 1, ())
    return Launch(0, item, tuple(memory), executed(item, memory))


def _count(node: Node) -> int | None:
    """The elements of a node, None where they are not known or there are none."""
    count = 1
    for size in node.shape:
        if not isinstance(size, int):
            return None
        count *= size
    return count or None


def _below(node: Node, depth: int) -> list[Node]:
    """What is used `depth` operations below a node, and memory that is used above that."""
    if depth == 0 or _is_memory(node):
        return [node]
    found = [
        below for operand in node.src
        if operand.op is not Op.CONST and operand.dtype is not dtypes.index
        for below in _below(operand, depth - 1)
    ]
    return list(dict.fromkeys(found))


def _is_memory(node: Node) -> bool:
    return node.op is Op.PARAM or (node.op is Op.RESHAPE and node.src[0].op is Op.PARAM)


def operations(launch: Launch) -> int:
    """How many operations the expressions of a kernel have, or its loops."""
    if launch.loops is not None:
        return sum(node.op in ELEMENTWISE for node in order_of(launch.loops))
    return sum(not _is_memory(node) for node in expressions_of(launch))


def text_of(launch: Launch) -> str:
    """The kernel as a graph."""
    if launch.loops is not None:
        return dump(launch.loops)
    return dump(*[output.expression for output in launch.outputs])

