"""Whether a sequence is right: on devices, in every way to run it, it is what numpy makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence as Several
from dataclasses import dataclass
from functools import lru_cache

from conformance.harness.case import hex_words, kind_of
from conformance.harness.sequences import model
from conformance.harness.sequences.evaluate import Run, Seen
from conformance.harness.sequences.lazy import WAYS, Failed, Way, see_in_turn, seen
from conformance.harness.sequences.reach import AT_END, doing, done_at
from conformance.harness.sequences.text import Sequence
from conformance.harness.subject import EngineSubject, array_bytes
from conformance.harness.trial.outcome import Problem
from oracles.formats import FORMATS

SHOWN = 16  # words of a tensor in a text


@lru_cache(maxsize=16)
def expected(sequence: Sequence, eager: bool = False) -> Several[Seen]:
    """What numpy makes of a sequence, seen as `eager` or other ways see it.

    AssertionError where the sequence says that something else is due.
    """
    found = Run(model.Model(), see_in_turn if eager else None).all(sequence)
    for one in found:
        if one.due is not None and one.data != due_bytes(one):
            raise AssertionError(
                f"step {one.step}: numpy has {one.name} = {_words(one)}, due is {one.due}"
            )
    return found


def due_bytes(one: Seen) -> bytes:
    """The bytes of what a sequence says is due: numbers, or words as in `bits`."""
    if isinstance(one.due, str):
        return array_bytes(model.bits(one.dtype, one.shape, one.due))
    array = model.tensor(one.due, one.dtype)
    if array.shape != one.shape:
        raise AssertionError(f"{one.name} is of shape {one.shape}, due is {array.shape}")
    return array_bytes(array)


def judge(
    sequence: Sequence, devices: Several[str], ways: Several[Way] = WAYS
) -> list[Problem]:
    """What is wrong on each device in each way; where a way is wrong the device goes no further."""
    return [wrong for device in devices for wrong in _on(sequence, device, devices, ways)]


def _on(
    sequence: Sequence, device: str, devices: Several[str], ways: Several[Way]
) -> Iterator[Problem]:
    for way in ways:
        wrong = judge_way(sequence, device, devices, way)
        if wrong is not None:
            yield wrong
            return


def judge_way(
    sequence: Sequence, device: str, devices: Several[str], way: Way
) -> Problem | None:
    """What is wrong on one device in one way."""
    due = expected(sequence, way.eager)
    try:
        got = seen(sequence, EngineSubject(device), another(device, devices), way)
    except Failed as error:
        done = doing(error.statement) if error.statement is not None else AT_END
        return Problem("error", (device,), -1, done, (), str(error), way.name)
    found = difference(got, due)
    if found is None:
        return None
    return Problem("bits", (device,), -1, done_at(sequence, found.step), (found.dtype,),
                   found.text, way.name)  # fmt: skip


def another(device: str, devices: Several[str]) -> str:
    """Where `.to('there')` goes: another of the devices, or memory apart on the same one.

    What is taken away from a device is taken away from all, and is no part of the name here.
    """
    here, *others = [name.partition("/")[0] for name in (device, *devices)]
    return next((name for name in others if name != here), f"{kind_of(device)}:1")


@dataclass(frozen=True)
class Difference:
    """The first tensor that is not what is due: at which step it is seen, and as a text."""

    step: int
    dtype: str
    text: str


def difference(got: Several[Seen], due: Several[Seen]) -> Difference | None:
    """The first tensor that is not what is due."""
    for one, right in zip(got, due, strict=True):
        if one != right:
            return Difference(right.step, right.dtype, (
                f"step {one.step}: {one.name} is {one.dtype} {one.shape} {_words(one)}, "
                f"due is {right.dtype} {right.shape} {_words(right)}"
            ))  # fmt: skip
    return None


def _words(one: Seen) -> str:
    row = FORMATS[one.dtype]
    words = hex_words(one.data[: SHOWN * row.bits // 8], row)
    return " ".join(words) + (" …" if len(one.data) > SHOWN * row.bits // 8 else "")


def judge_again(
    sequence: Sequence, problem: Problem, devices: Several[str]
) -> Problem | None:
    """What is wrong with a sequence on the device and in the way of a problem."""
    (way,) = (way for way in WAYS if way.name == problem.way)
    return judge_way(sequence, problem.devices[0], devices, way)


def same(problem: Problem, found: Problem | None) -> bool:
    """Whether what was found is wrong as a problem says: of its kind, and the error of its name."""
    if found is None or found.kind != problem.kind:
        return False
    return found.kind != "error" or error_name(found) == error_name(problem)


def error_name(problem: Problem) -> str:
    """The name of what was raised."""
    return problem.text.partition(":")[0]


def described(problem: Problem) -> str:
    """A problem as a line."""
    where = [*problem.devices, problem.way] if problem.way else problem.devices
    return f"{', '.join(where)}: {problem.text}"
