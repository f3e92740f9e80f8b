"""A kernel that also writes down what its registers hold: which of them is the first to be wrong?

Behind every instruction, and wherever a loop gives a carried register its next value, the register
is written into memory of its own, at a place for each round of the loops around it. Interpreter and
device run the same longer kernel; of all that differs the earliest in the order of execution is to
blame. A call is replaced by the body of its function, to look for it in there.

Loops whose number of rounds is neither constant nor one of several constants are not looked into.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from conformance.harness.trial.kernels import on_device
from engine import dtypes
from engine.dtypes import DType
from engine.interpret import states
from engine.linear import Instruction, LinearKernel, Parameter
from engine.linearize import Launchable
from engine.ops import Op, Operation

NOTES = 256  # in one kernel
NOTE_BYTES = 1 << 24  # of them
GAP = 64  # items behind each, that rounds write which should not run
UNSEEN = (Op.PARAM, Op.TABLE, Op.CARRY)  # hold no number, or none before the loop begins


@dataclass(frozen=True)
class Culprit:
    """An instruction of a kernel, or of one of its functions."""

    kernel: LinearKernel
    item: Instruction
    function: str = ""


@dataclass(frozen=True)
class _Step:
    """An instruction as it runs, and where it comes from."""

    item: Instruction
    origin: Culprit


@dataclass(frozen=True)
class _Note:
    """The values of a register at one point: `rounds` of the loops around it, from `base` on.

    `loops` are the numbers of these loops' steps, `position` is the one behind which it stands, and
    `again` those of `loops` that carry values, whose rounds follow each other.
    """

    position: int
    register: int
    dtype: DType
    blamed: Culprit
    loops: tuple[int, ...]
    rounds: tuple[int, ...]
    again: frozenset[int]
    base: int = 0

    @property
    def stored(self) -> DType:
        return dtypes.uint32 if self.dtype.scalar is dtypes.bool_ else self.dtype.scalar

    @property
    def count(self) -> int:
        return int(np.prod(self.rounds, dtype=np.int64)) * self.dtype.lanes

    @property
    def room(self) -> int:
        """Items of memory."""
        return self.count + GAP

    def time(self, place: int) -> tuple[int, ...]:
        """When the value at a place was made: earlier times are smaller.

        Rounds of a loop that carries nothing are at one time.
        """
        rounds = np.unravel_index(place // self.dtype.lanes, self.rounds or (1,))
        pairs = [
            number for loop, count in zip(self.loops, rounds)
            for number in (loop, int(count) if loop in self.again else 0)
        ]
        return (*pairs, self.position)


def first_wrong(
    device: str, parts: Sequence[Launchable], before: Sequence[bytes]
) -> Culprit | None:
    """The instruction after which the first register differs from the interpreter's.

    A WRITE where all registers are right and memory is not; None where nothing differs.
    """
    memory = list(before)
    for part in parts:
        found = _first_of(device, part, memory)
        if found is not None:
            return found
        memory = states.launched([part], memory)
    return None


def _first_of(device: str, part: Launchable, memory: Sequence[bytes]) -> Culprit | None:
    kernel = part.kernel
    steps = [_Step(item, Culprit(kernel, item)) for item in kernel.instructions]
    found = _search(device, part, steps, memory)
    if found is None or found.item.op is not Op.CALL:
        return found or _wrong_write(device, part, memory)
    inside = _search(device, part, _inlined(kernel, steps, found.item), memory)
    return inside if inside is not None and inside.function else found


def _wrong_write(device: str, part: Launchable, memory: Sequence[bytes]) -> Culprit | None:
    """The first WRITE to memory that is wrong in the end."""
    due, got = states.launched([part], memory), on_device(device, [part], memory)
    wrong = {k for k, slot in enumerate(part.slots) if due[slot] != got[slot]}
    names = {item.out for item in part.kernel.instructions
             if item.op is Op.PARAM and item.arg[0] in wrong}  # fmt: skip
    writes = (item for item in part.kernel.instructions
              if item.op is Op.WRITE and item.src[0] in names)  # fmt: skip
    return next((Culprit(part.kernel, item) for item in writes), None)


# -- what is noted ---------------------------------------------------------------------------------
def _notes(steps: Sequence[_Step]) -> Iterator[_Note]:
    """Every point at which a register has a new value, in the order of the text."""
    most = _most(steps)
    carried: dict[int, DType] = {step.item.out: step.item.dtype for step in steps
                                 if step.item.op is Op.CARRY}  # fmt: skip
    ends = _ends(steps)
    again = {position for position, end in ends.items() if len(steps[end].item.src) > 1}
    loops: list[tuple[int, int | None]] = []

    def note(position: int, register: int, dtype: DType, blamed: Culprit) -> Iterator[_Note]:
        rounds = [count for _, count in loops if count is not None]
        if len(rounds) == len(loops):
            around = tuple(p for p, _ in loops)
            yield _Note(position, register, dtype, blamed, around, tuple(rounds),
                        frozenset(again.intersection(around)))  # fmt: skip

    for position, step in enumerate(steps):
        item = step.item
        if item.op is Op.LOOP:
            loops.append((position, most.get(item.src[0])))
        elif item.op is Op.END:
            loops.pop()
        if item.out >= 0 and item.op not in UNSEEN:
            yield from note(position, item.out, item.dtype, step.origin)
        if item.op in (Op.LOOP, Op.END):
            end = steps[ends.get(position, position)]
            for register in end.item.src[1::2]:
                yield from note(position, register, carried[register], end.origin)


def _most(steps: Sequence[_Step]) -> dict[int, int]:
    """The largest value of registers that are constant, or one of several constants."""
    found: dict[int, int] = {}
    for item in (step.item for step in steps):
        if item.op is Op.CONST and item.dtype.kind == "int":
            found[item.out] = int(item.dtype.decode(item.arg))
        elif item.op is Op.WHERE and found.keys() >= set(item.src[1:]):
            found[item.out] = max(found[choice] for choice in item.src[1:])
    return found


def _ends(steps: Sequence[_Step]) -> dict[int, int]:
    """Where the END of each LOOP is."""
    opened: list[int] = []
    found = {}
    for position, step in enumerate(steps):
        if step.item.op is Op.LOOP:
            opened.append(position)
        elif step.item.op is Op.END:
            found[opened.pop()] = position
    return found


def _batches(notes: Sequence[_Note]) -> Iterator[list[_Note]]:
    """As many as one kernel should write down, each with its place in the memory of its dtype."""
    batch: list[_Note] = []
    sizes: dict[DType, int] = {}
    for note in notes:
        size = note.room * note.stored.itemsize
        if size > NOTE_BYTES:
            continue
        used = sum(count * dtype.itemsize for dtype, count in sizes.items())
        if len(batch) == NOTES or used + size > NOTE_BYTES:
            yield batch
            batch, sizes = [], {}
        base = sizes.get(note.stored, 0)
        batch.append(replace(note, base=base))
        sizes[note.stored] = base + note.room
    if batch:
        yield batch


def _search(
    device: str, part: Launchable, steps: Sequence[_Step], memory: Sequence[bytes]
) -> Culprit | None:
    """What is to blame for the earliest value that differs.

    Where all values do, it is not they that are wrong, but how they are written down.
    """
    tried = 0
    found: list[tuple[tuple[int, ...], Culprit]] = []
    for batch in _batches(list(_notes(steps))):
        if tried > len(found) > 0 and not batch[0].again:
            break  # no round comes again: what stands further down is later
        found += _differences(device, part, steps, batch, memory)
        tried += len(batch)
    if not 0 < len(found) < tried:
        return None
    return min(found, key=lambda row: row[0])[1]


def _differences(
    device: str, part: Launchable, steps: Sequence[_Step], batch: Sequence[_Note],
    memory: Sequence[bytes],
) -> Iterator[tuple[tuple[int, ...], Culprit]]:
    """The first time at which each note differs, and who is to blame for it.

    What stands behind the last round was written by one that should not run: that is the loop.
    """
    longer = _Longer(part.kernel, steps, batch).part(part.slots, len(memory))
    kinds = list(dict.fromkeys(note.stored for note in batch))
    sizes = [row.size * row.dtype.itemsize for row in longer.kernel.parameters[-len(kinds) :]]
    held = [*memory, *(bytes(size) for size in sizes)]
    ways = [
        states.launched([longer], held), states.launched([longer], held, strange_nans=False),
        on_device(device, [longer], held),
    ]  # fmt: skip
    wrongs = {
        dtype: _wrong(dtype, row)
        for dtype, *row in zip(kinds, *(way[len(memory) :] for way in ways), strict=True)
    }
    for note in batch:
        wrong = np.flatnonzero(wrongs[note.stored][note.base : note.base + note.room])
        if len(wrong) and wrong[-1] >= note.count and note.loops:
            yield note.loops[:1], steps[note.loops[-1]].origin
        elif len(wrong):
            yield note.time(int(wrong[0])), note.blamed


def _wrong(dtype: DType, ways: Sequence[bytes]) -> NDArray[np.bool_]:
    """Where the device has other bits than the interpreter with NaNs of either kind.

    What depends on the bits of a NaN that arithmetic has made is not due, and may differ.
    """
    rows = states.with_one_nan(ways, [dtype] * len(ways))
    strange, usual, got = (np.frombuffer(raw, f"u{dtype.itemsize}") for raw in rows)
    wrong: NDArray[np.bool_] = (strange == usual) & (usual != got)
    return wrong


# -- the longer kernel -----------------------------------------------------------------------------
@dataclass
class _Longer:
    """A kernel with notes."""

    kernel: LinearKernel
    steps: Sequence[_Step]
    batch: Sequence[_Note]
    items: list[Instruction] = field(default_factory=list)
    places: list[int] = field(default_factory=list)  # the number of the round, at each depth

    def __post_init__(self) -> None:
        self.free = 1 + max((step.item.out for step in self.steps), default=0)
        rows = [step.item for step in self.steps if step.item.op is Op.LOOP]
        self.index = rows[0].dtype if rows else dtypes.int32
        self.most = _most(self.steps)

    def part(self, slots: Sequence[int], first: int) -> Launchable:
        """The kernel, whose notes are in slots from `first` on, one for each dtype."""
        kinds = list(dict.fromkeys(note.stored for note in self.batch))
        added = [
            Parameter(kind, sum(n.room for n in self.batch if n.stored is kind), True)
            for kind in kinds
        ]
        old = len(self.kernel.parameters)
        memory = {
            row.dtype: self._emit(Op.PARAM, row.dtype, (), (old + k, row.size))
            for k, row in enumerate(added)
        }
        self.places.append(self._constant(0))
        at: dict[int, list[_Note]] = {}
        for note in self.batch:
            at.setdefault(note.position, []).append(note)
        for position, step in enumerate(self.steps):
            self.items.append(step.item)
            self._follow(step.item)
            for note in at.get(position, ()):
                self._write(note, memory[note.stored])
        kernel = replace(self.kernel, parameters=(*self.kernel.parameters, *added),
                         instructions=tuple(self.items))  # fmt: skip
        return Launchable(kernel, (*slots, *range(first, first + len(added))))

    def _follow(self, item: Instruction) -> None:
        """Keep the number of the round: that of the loop around times this one's, and its own."""
        if item.op is Op.LOOP:
            counter = item.out
            if item.dtype is not self.index:
                counter = self._emit(Op.CONVERT, self.index, (counter,))
            most = self._constant(self.most.get(item.src[0], 0))  # 0: no note is in there
            around = self._emit(Op.MUL, self.index, (self.places[-1], most))
            self.places.append(self._emit(Op.ADD, self.index, (around, counter)))
        elif item.op is Op.END:
            self.places.pop()

    def _write(self, note: _Note, memory: int) -> None:
        value, lanes = note.register, note.dtype.lanes
        if note.dtype.scalar is dtypes.bool_:
            of = note.stored.vec(lanes)
            one, none = (self._emit(Op.CONST, of, (), bits) for bits in (1, 0))
            value = self._emit(Op.WHERE, of, (value, one, none))
        place = self.places[-1]
        if lanes > 1:
            place = self._emit(Op.MUL, self.index, (place, self._constant(lanes)))
        place = self._emit(Op.ADD, self.index, (place, self._constant(note.base)))
        self.items.append(Instruction(Op.WRITE, note.stored, -1, (memory, place, value)))

    def _constant(self, value: int) -> int:
        return self._emit(Op.CONST, self.index, (), self.index.encode(value))

    def _emit(
        self, op: Operation, dtype: DType, src: tuple[int, ...], arg: object = None
    ) -> int:
        self.items.append(Instruction(op, dtype, self.free, src, arg))
        self.free += 1
        return self.free - 1


def _inlined(kernel: LinearKernel, steps: Sequence[_Step], call: Instruction) -> list[_Step]:
    """The steps with the body of the function in the place of a call."""
    (function,) = (row for row in kernel.functions if row.name == call.arg)
    free = 1 + max(step.item.out for step in steps)
    names = {item.out: free + k for k, item in enumerate(function.instructions) if item.out >= 0}
    names |= {item.out: call.src[item.arg] for item in function.formals}
    names[function.result] = call.out
    body = [
        _Step(replace(item, out=names.get(item.out, -1), src=tuple(names[s] for s in item.src)),
              Culprit(kernel, item, function.name))
        for item in function.instructions if item.op is not Op.FORMAL
    ]  # fmt: skip
    place = next(k for k, step in enumerate(steps) if step.item is call)
    return [*steps[:place], *body, *steps[place + 1 :]]
