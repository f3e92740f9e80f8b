"""Where a sequence goes wrong: which statement, or which stage of what is computed at which step.

First the graph: with every tensor interpreted and nothing computed, which statement makes the first
tensor that is not numpy's? Then the device, in the way in which it was wrong: before each
computation all tensors are interpreted on the memory that there is. The last computation before
which all of them are right is the wrong one, and its stages are searched. Where each of them is
right it has written over memory of something that it does not compute.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence as Several
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from conformance.harness.bisect.blame import NOT_FOUND, Blame, Place, Step
from conformance.harness.bisect.program import Program, contents, values
from conformance.harness.bisect.search import NATIVE, Search
from conformance.harness.sequences.evaluate import Run, Seen
from conformance.harness.sequences.judge import another, expected, judge_way
from conformance.harness.sequences.lazy import WAYS, Lazy, Way, compute_and_see
from conformance.harness.sequences.model import Model
from conformance.harness.sequences.reach import doing, statement_at
from conformance.harness.sequences.text import Sequence
from conformance.harness.subject import EngineSubject
from conformance.harness.trial import Problem
from engine.context import Context
from engine.graph import Node
from engine.interpret.tensors import evaluate
from engine.ops import Op
from engine.realize import base_of, forget, not_computed, request_of
from engine.storage import StorageLost

Watch = Callable[[Run], None] | None


class Interpreted(Lazy):
    """The engine's graphs, of which nothing is computed: what is seen is interpreted."""

    def realize(self, tensors: list[Any]) -> None:
        pass

    def see(self, x: Any) -> tuple[str, tuple[int, ...], bytes] | None:
        from engine import Tensor

        if not isinstance(x, Tensor):
            return None
        (array,) = evaluate([x._placed()], contents)
        return x.dtype.name, array.shape, np.ascontiguousarray(array).tobytes()


class Halted(Exception):
    """The computation that was waited for, and its tensors."""

    def __init__(self, tensors: Several[Any]) -> None:
        super().__init__("halted")
        self.tensors = tensors


class Counting(Lazy):
    """Numbers computations and what is seen, in their order; halts before number `stop`."""

    def __init__(self, device: str, there: str, stop: int = -1) -> None:
        super().__init__(device, there)
        self.stop = stop
        self.events: list[str] = []

    def _event(self, name: str, tensors: Several[Any]) -> None:
        if len(self.events) == self.stop:
            raise Halted(tensors)
        self.events.append(name)

    def realize(self, tensors: list[Any]) -> None:
        self._event("realize", tensors)
        super().realize(tensors)

    def see(self, x: Any) -> tuple[str, tuple[int, ...], bytes] | None:
        from engine import Tensor

        if isinstance(x, Tensor):
            self._event("see", [x])
        return super().see(x)


class Spoilt(Exception):
    """What a tensor is made of is wrong in memory, before a computation."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Checking(Counting):
    """Interprets all tensors before each computation; `due` are numpy's after each step."""

    def __init__(self, device: str, there: str, due: Several[Mapping[str, Seen]]) -> None:
        super().__init__(device, there)
        self.due = due
        self.interpreted = Interpreted(device, there)
        self.started: Run | None = None

    def _event(self, name: str, tensors: Several[Any]) -> None:
        assert self.started is not None
        due = self.due[self.started.step]
        for known, x in self.started.names.items():
            if known in due and not self._is_right(x, due[known]):
                raise Spoilt(known)
        super()._event(name, tensors)

    def _is_right(self, x: Any, due: Seen) -> bool:
        try:
            return self.interpreted.see(x) == (due.dtype, due.shape, due.data)
        except StorageLost:
            return False


def all_states(sequence: Sequence) -> list[dict[str, Seen]]:
    """What numpy has after each step, and at the end."""
    states: list[dict[str, Seen]] = [{}]

    def look(run: Run) -> None:
        if run.step >= len(states):
            before = len(run.seen)
            run.see(run.names)
            states.append({one.name: one for one in run.seen[before:]})

    Run(Model(), look).all(sequence)
    return [*states, states[-1]]


# -- the search ------------------------------------------------------------------------------------
def bisect_sequence(
    sequence: Sequence, devices: Several[str], problem: Problem, event: int | None = None
) -> Blame:
    """Where a sequence goes wrong on the device and in the way of the problem.

    What has ended a process does so in its computation `event`, before which it is halted. Where
    that is not known it has no place, unless the graph is wrong.
    """
    (device,) = problem.devices
    there = another(device, devices)
    subject = EngineSubject(device)
    (way,) = (way for way in WAYS if way.name == problem.way)

    def blame(place: Place, steps: Several[Step] = ()) -> Blame:
        return Blame(problem.kind, device, (device,), place, {}, tuple(steps))

    with subject.settings(), Context(**way.settings):
        place = wrong_statement(sequence, subject.device, there)
        if place is not None:
            return blame(place)
        if problem.kind in NATIVE and event is None:
            return blame(Place(NOT_FOUND, text=problem.text))
        search = StepSearch(
            subject, problem, sequence=sequence, way=way, there=there, devices=devices, event=event
        )
        return blame(search.place(), search.steps)


def comes_to(
    sequence: Sequence, devices: Several[str], problem: Problem, event: int
) -> bool:
    """Run a sequence up to its computation `event`; False where it has fewer."""
    (device,) = problem.devices
    subject = EngineSubject(device)
    (way,) = (way for way in WAYS if way.name == problem.way)
    world = Counting(subject.device, another(device, devices), event)
    with subject.settings(), Context(**way.settings):
        try:
            Run(world, compute_and_see if way.eager else None).all(sequence)
        except Halted:
            return True
    return False


def wrong_statement(sequence: Sequence, device: str, there: str) -> Place | None:
    """The first statement after which the graph of some tensor is not what numpy has."""
    try:
        got = Run(Interpreted(device, there), see_all).all(sequence)
    except StorageLost:  # an index that is a mask was computed: that is not the graph's fault
        return None
    except Exception as error:  # noqa: BLE001 - what it raises is the finding
        return Place("front end", text=f"{type(error).__name__}: {error}"[:200])
    due = Run(Model(), see_all).all(sequence)
    for one, right in zip(got, due, strict=True):
        if one != right:
            tree = statement_at(sequence, one.step)
            assert tree is not None  # what is seen at the end was seen after the last one, too
            text = f"after {ast.unparse(tree)!r} the graph of {one.name} is wrong"
            return Place("front end", op=doing(tree), dtype=right.dtype, text=text)
    return None


def see_all(run: Run) -> None:
    """Look at everything after a statement."""
    run.see(run.names)


@dataclass
class StepSearch(Search):
    """The search in the one computation of a sequence that gives its first wrong tensor."""

    sequence: Sequence = field(kw_only=True)
    way: Way = field(kw_only=True)
    there: str = field(kw_only=True)
    devices: Several[str] = field(kw_only=True)
    event: int | None = field(kw_only=True)
    beside: str = ""  # what is wrong after the computation, and is none of its results

    def build(self) -> Place | None:
        if self.event is not None:
            return self._halt(self.event)
        world = Checking(self.subject.device, self.there, all_states(self.sequence))
        run = world.started = Run(world, self._watch)
        try:
            run.all(self.sequence)
        except Spoilt as spoilt:
            return self._halt(len(world.events) - 1, spoilt.name)
        except StorageLost as error:
            return Place("versions", text=f"step {run.step}: {error}")
        except Exception:  # noqa: BLE001 - then it is the last event, which is looked at
            return self._halt(len(world.events) - 1)
        right = expected(self.sequence, self.way.eager)
        places = [k for k, name in enumerate(world.events) if name == "see"]
        for place, one, due in zip(places, run.seen, right, strict=True):
            if one != due:
                return self._halt(place)
        return Place(NOT_FOUND, text="the bits are right when the sequence runs again")

    @property
    def _watch(self) -> Watch:
        """What runs after each statement, in the way in which it was wrong."""
        return compute_and_see if self.way.eager else None

    def _halt(self, event: int, spoilt: str | None = None) -> Place | None:
        """Run up to an event, whose program is the one to search; it has `spoilt` a tensor."""
        world = Counting(self.subject.device, self.there, event)
        run = Run(world, self._watch)
        try:
            run.all(self.sequence)
        except Halted as halted:
            self._pending(halted.tensors, run, spoilt)
            return None
        return Place(NOT_FOUND, text="the sequence does not come to the same place again")

    def _pending(self, tensors: Several[Any], run: Run, spoilt: str | None) -> None:
        from engine import Tensor

        nodes = [x._placed() for x in tensors if isinstance(x, Tensor)]
        wanted = not_computed(nodes) or [Node(Op.CONTIGUOUS, x.dtype, (x,)) for x in nodes]
        request = request_of(wanted)
        if spoilt is not None and base_of(run.names[spoilt]._placed()) not in request.wanted:
            self.beside = f"step {run.step}: what {spoilt} is made of has been written over"
        self.program = Program(
            self.subject.device, request.roots, request.renamed, tuple(request.program.holes),
            request.free, request.homes,
        )  # fmt: skip
        self.due = values(request.roots)

    def run(self) -> Place | None:
        """Every kernel alone is right: what makes the whole wrong."""
        if self.beside:
            return Place("versions", text=self.beside)
        if self._is_right():
            return Place(NOT_FOUND, text="the bits are right when the sequence runs again")
        forget()
        if self._is_right():
            return Place("runtime", rule="schedules and programs that are remembered")
        for name, part in (("MEMORY_PLAN", "memory plan"), ("THREADS", "threads")):
            forget()
            with Context(**{name: int(name == "THREADS")}):
                if self._is_right():
                    return Place("runtime", rule=part)
        return Place("runtime", text="every kernel alone is right, the sequence is not")

    def _is_right(self) -> bool:
        return judge_way(self.sequence, self.subject.name, self.devices, self.way) is None
