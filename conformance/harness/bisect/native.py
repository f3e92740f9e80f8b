"""Kernels on the device itself: is it the code of one kernel, the threads, or what is around it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from conformance.harness.bisect.blame import NOT_FOUND, Place
from conformance.harness.bisect.instructions import wrong_instruction
from conformance.harness.bisect.observed import Culprit, first_wrong
from conformance.harness.bisect.passes import compiled, instructions, smallest
from conformance.harness.bisect.schedules import Launch
from conformance.harness.bisect.source import source
from conformance.harness.case import Case
from conformance.harness.subject import EngineSubject
from conformance.harness.trial.kernels import on_device
from engine.backends.registry import backend, kind_of
from engine.context import Context
from engine.linearize import Launchable
from engine.realize import forget
from engine.target import Target


def wrong_memory(device: str, contents: Sequence[bytes]) -> Place | None:
    """Bytes that do not come back from the device as they went there, with no kernel between."""
    chosen = backend(device)
    for data in filter(None, contents):
        memory = chosen.allocate(len(data))
        memory.write(data)
        if memory.read() != data:
            text = f"{device}: {len(data)} bytes come back as other ones, with no kernel between"
            return Place("runtime", rule="memory", text=text)
    return None


def is_wrong(launch: Launch, target: Target, device: str) -> bool:
    """Whether the device gives other bits for a step than it should, or raises."""
    try:
        got = on_device(device, compiled(launch, target), launch.before)
    except Exception:  # noqa: BLE001 - the stages find out what it is
        return True
    return got != list(launch.after)


def wrong_code(launch: Launch, target: Target, device: str) -> Place | None:
    """A kernel whose instructions are right and whose results on the device are not.

    Raises what the compiler raises.
    """
    parts = compiled(launch, target)
    if on_device(device, parts, launch.before) == list(launch.after):
        return None
    text = instructions(parts)
    with Context(THREADS=1):
        if target.threads > 1 and not is_wrong(launch, target, device):
            return Place("threads", text="right on one thread, wrong on several", kernel=text)
    said = f"{device} gives other bits than the instructions of the kernel"
    place = Place("code", kind_of(device), text=said, kernel=text)
    culprit = _culprit(device, parts, launch.before)
    if culprit is not None:
        lines, code = source(backend(device), culprit)
        return replace(place, op=str(culprit.item.op), dtype=str(culprit.item.dtype.scalar),
                       text=f"{said}: {lines}" if lines else said, code=code)  # fmt: skip
    node = smallest(launch, lambda one: is_wrong(one, target, device))
    return place if node is None else replace(place, op=str(node.op), dtype=str(node.dtype.scalar))


def _culprit(
    device: str, parts: Sequence[Launchable], before: Sequence[bytes]
) -> Culprit | None:
    """The instruction that is wrong where it stands, or else one that is wrong alone."""
    try:
        found = first_wrong(device, parts, before)
    except Exception:  # noqa: BLE001 - a longer kernel may be more than the device takes
        found = None
    return found or wrong_instruction(device, parts, before)


def wrong_runtime(case: Case, subject: EngineSubject, due: Sequence[bytes]) -> Place:
    """Every kernel alone is right: what makes the whole wrong, by taking one thing away at a time.

    The first of these with which the program is right is the place.
    """
    if subject.run(case) == list(due):
        return Place(NOT_FOUND, text="the bits are right when the program runs again")
    forget()
    if subject.run(case) == list(due):
        return Place("runtime", rule="schedules and programs that are remembered")
    for name, part in (("MEMORY_PLAN", "memory plan"), ("THREADS", "threads")):
        forget()
        with Context(**{name: int(name == "THREADS")}):
            if subject.run(case) == list(due):
                return Place("runtime", rule=part)
    return Place("runtime", text="every kernel alone is right, the program is not")
