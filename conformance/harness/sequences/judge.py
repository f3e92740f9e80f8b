"""Whether a sequence is right: on devices, in every way to run it, it is what numpy makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence as Several
from dataclasses import dataclass
from functools import lru_cache

from conformance.harness.case import hex_words, kind_of
from conformance.harness.sequences import model
from conformance.harness.sequences.evaluate import Run, Seen
from conformance.harness.sequences.lazy import WAYS, Way, see_in_turn, seen
from conformance.harness.sequences.text import Sequence
from conformance.harness.subject import array_bytes
from oracles.formats import FORMATS

SHOWN = 16  # words of a tensor in a text


@dataclass(frozen=True)
class Wrong:
    """What is wrong with a sequence on a device, run in one way; `kind` is `bits` or `error`."""

    kind: str
    device: str
    way: str
    text: str

    def __str__(self) -> str:
        return f"{self.device}, {self.way}: {self.text}"


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
) -> list[Wrong]:
    """What is wrong on each device in each way; where a way is wrong the device goes no further."""
    return [wrong for device in devices for wrong in _on(sequence, device, devices, ways)]


def _on(
    sequence: Sequence, device: str, devices: Several[str], ways: Several[Way]
) -> Iterator[Wrong]:
    for way in ways:
        wrong = judge_way(sequence, device, devices, way)
        if wrong is not None:
            yield wrong
            return


def judge_way(
    sequence: Sequence, device: str, devices: Several[str], way: Way
) -> Wrong | None:
    """What is wrong on one device in one way."""
    due = expected(sequence, way.eager)
    there = another(device, devices)
    try:
        got = seen(sequence, device, there, way)
    except Exception as error:  # noqa: BLE001 - whatever the engine raises is a finding
        return Wrong("error", device, way.name, f"{type(error).__name__}: {error}")
    text = difference(got, due)
    return None if text is None else Wrong("bits", device, way.name, text)


def another(device: str, devices: Several[str]) -> str:
    """Where `.to('there')` goes: another of the devices, or memory apart on the same one."""
    return next((name for name in devices if name != device), f"{kind_of(device)}:1")


def difference(got: Several[Seen], due: Several[Seen]) -> str | None:
    """The first tensor that is not what is due, as a text."""
    if len(got) != len(due):
        return f"{len(got)} tensors are seen, due are {len(due)}"
    for one, right in zip(got, due, strict=True):
        if one != right:
            return (
                f"step {one.step}: {one.name} is {one.dtype} {one.shape} {_words(one)}, "
                f"due is {right.dtype} {right.shape} {_words(right)}"
            )
    return None


def _words(one: Seen) -> str:
    row = FORMATS[one.dtype]
    words = hex_words(one.data[: SHOWN * row.bits // 8], row)
    return " ".join(words) + (" …" if len(one.data) > SHOWN * row.bits // 8 else "")


def same(wrong: Wrong, sequence: Sequence, devices: Several[str]) -> bool:
    """Whether a sequence is wrong as another one was: on that device, in that way, of that kind."""
    (way,) = (way for way in WAYS if way.name == wrong.way)
    found = judge_way(sequence, wrong.device, devices, way)
    if found is None or found.kind != wrong.kind:
        return False
    return found.kind == "bits" or _error(found) == _error(wrong)


def _error(wrong: Wrong) -> str:
    """The name of what was raised."""
    return wrong.text.partition(":")[0]
