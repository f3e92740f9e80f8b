"""Where a sequence goes wrong: which statement, or which stage of what is computed at which step.

First the graph: with every tensor interpreted and nothing computed, which statement makes the first
tensor that is not numpy's? Then the device, in the way in which it was wrong: the sequence runs up
to the computation that gives the first wrong tensor, and the stages of that are searched. What is
wrong before any of them runs has been written over by something that was computed earlier.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence as Several
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from conformance.harness.bisect.blame import NOT_FOUND, Blame, Place, Step
from conformance.harness.bisect.program import Program, contents, values
from conformance.harness.bisect.search import Search
from conformance.harness.sequences.evaluate import OPERATORS, Run, Seen
from conformance.harness.sequences.judge import Wrong, another, difference, expected
from conformance.harness.sequences.lazy import (
    WAYS,
    Lazy,
    Way,
    compute_and_see,
    seen,
)
from conformance.harness.sequences.model import Model
from conformance.harness.sequences.text import Sequence
from conformance.harness.subject import EngineSubject
from conformance.harness.trial import Problem
from engine.context import Context
from engine.graph import Node
from engine.interpret.tensors import evaluate
from engine.ops import Op
from engine.realize import forget, not_computed, request_of
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


# -- the search ------------------------------------------------------------------------------------
def bisect_sequence(sequence: Sequence, devices: Several[str], wrong: Wrong) -> Blame:
    """Where a sequence goes wrong on the device and in the way in which it was."""
    there = another(wrong.device, devices)
    subject = EngineSubject(wrong.device)
    (way,) = (way for way in WAYS if way.name == wrong.way)
    problem = Problem(wrong.kind, (wrong.device,), -1, "", (), wrong.text)

    def blame(place: Place, steps: Several[Step] = ()) -> Blame:
        return Blame(wrong.kind, wrong.device, (wrong.device,), place, {}, tuple(steps))

    place = wrong_statement(sequence, wrong.device, there)
    if place is not None:
        return blame(place)
    with Context(**way.settings):
        search = StepSearch(subject, problem, sequence=sequence, way=way, there=there)
        return blame(search.place(), search.steps)


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
            found = statement_at(sequence, one.step)
            text = f"after {found!r} the graph of {one.name} is wrong"
            return Place("front end", op=_kind(found), dtype=right.dtype, text=text)
    return None


def see_all(run: Run) -> None:
    """Look at everything after a statement."""
    run.see(run.names)


def statement_at(sequence: Sequence, step: int) -> str:
    """The text of the statement that was a step; statements in a loop are steps, too."""
    run = Run(Model())
    for one in sequence.statements:
        run.one(one)
        if run.step >= step:
            return one.text
    return "the end"


def _kind(text: str) -> str:
    """What a statement does, as a name of an operation."""
    if text == "the end":
        return ""
    match ast.parse(text).body[0]:
        case ast.AugAssign(op=op):
            return f"update {OPERATORS[type(op)]}"
        case ast.Assign(targets=[ast.Subscript()]):
            return "write"
        case ast.Assign(value=ast.Call(func=ast.Attribute(attr=name))):
            return name
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=name))):
            return name
    return ""


@dataclass
class StepSearch(Search):
    """The search in the one computation of a sequence that gives its first wrong tensor."""

    sequence: Sequence = field(kw_only=True)
    way: Way = field(kw_only=True)
    there: str = field(kw_only=True)

    def build(self) -> Place | None:
        world = Counting(self.subject.device, self.there)
        right = expected(self.sequence, self.way.eager)
        run = Run(world, self._watch)
        try:
            run.all(self.sequence)
        except StorageLost as error:
            return Place("versions", text=f"step {run.step}: {error}")
        except Exception:  # noqa: BLE001 - then it is the last event, which is looked at
            return self._halt(len(world.events) - 1, None)
        for number, (one, due) in enumerate(zip(run.seen, right, strict=True)):
            if one != due:
                places = [k for k, name in enumerate(world.events) if name == "see"]
                before = [k for k in range(places[number]) if world.events[k] == "realize"]
                found = self._halt(places[number], due)
                return self._halt(before[-1], due) if found is not None and before else found
        return Place(NOT_FOUND, text="the bits are right when the sequence runs again")

    @property
    def _watch(self) -> Watch:
        """What runs after each statement, in the way in which it was wrong."""
        return compute_and_see if self.way.eager else None

    def _halt(self, event: int, due: Seen | None) -> Place | None:
        """Run up to an event, whose program is the one to search; what was wrong before it."""
        world = Counting(self.subject.device, self.there, event)
        run = Run(world, self._watch)
        try:
            run.all(self.sequence)
        except Halted as halted:
            return self._pending(halted.tensors, run, due)
        return Place(NOT_FOUND, text="the sequence does not come to the same place again")

    def _pending(self, tensors: Several[Any], run: Run, due: Seen | None) -> Place | None:
        from engine import Tensor

        nodes = [x._placed() for x in tensors if isinstance(x, Tensor)]
        if due is not None and (tensor := run.names.get(due.name)) is not None:
            (array,) = evaluate([tensor._placed()], contents)
            if np.ascontiguousarray(array).tobytes() != due.data:
                text = f"step {run.step}: what {due.name} is made of has been written over"
                return Place("versions", text=text)
        wanted = not_computed(nodes) or [Node(Op.CONTIGUOUS, x.dtype, (x,)) for x in nodes]
        request = request_of(wanted)
        self.program = Program(
            self.subject.device, request.roots, request.renamed, tuple(request.program.holes),
            request.free, request.homes,
        )  # fmt: skip
        self.due = values(request.roots)
        return None

    def run(self) -> Place | None:
        """Every kernel alone is right: what makes the whole wrong."""
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
        try:
            got = seen(self.sequence, self.subject.device, self.there, self.way)
        except Exception:  # noqa: BLE001 - which is not right
            return False
        return difference(got, expected(self.sequence, self.way.eager)) is None
