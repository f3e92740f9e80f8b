"""The linear level, executed: one numpy operation an instruction, over all parallel rounds at once.

Invariants:
- A register holds an array of shape (one axis for each parallel loop open where it was written,
  lanes). An axis has the loop's number of rounds, or 1 if the value is the same in all of them;
  lanes is 1 for a scalar. Registers of an outer loop get axes of size 1 where they are read. What
  depends on no parallel loop may have lanes alone, and broadcasts as it is.
- Constants and memories are there from the beginning, wherever they are written.
- A LOOP of a parallel kind whose END carries nothing becomes an axis; any other runs in sequence.
- Where rounds differ in the number of rounds of a loop inside them, it runs to the greatest, and
  `active` is true for the rounds that are still in it. Elsewhere nothing is read, written, carried
  or checked.
- Rounds of a parallel loop may run in any order: with `shuffle` they do, and results are the same.
- Memory of a workgroup exists once for every combination of rounds outside of the workgroup's loop.

What a device would do silently is an error here: an address outside its memory, two parallel rounds
that write one address, a machine operation outside its domain, a barrier that is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.arrays import NUMPY
from engine.barriers import verify_barriers
from engine.dtypes import NARROW_FLOATS, DType
from engine.interpret.preconditions import Array, OutOfBounds, PreconditionError, RaceError
from engine.interpret.rounding import constant
from engine.interpret.semantics import QUIET, Applied, applied
from engine.interpret.shared import Shared, check_barrier
from engine.linear import Instruction, LinearKernel, alone, dump
from engine.ops import ELEMENTWISE, PARALLEL, Axis, Group, Op, Operation

CONCURRENT = PARALLEL | {Axis.VECTOR, Axis.UNROLL}


# kernel or function, elementwise instruction, operands, result: arrays that broadcast, in all
# rounds that are active
Watch = Callable[[LinearKernel, Instruction, Sequence[Array], Array], None]


def run(
    kernel: LinearKernel,
    buffers: Sequence[Array],
    variables: Sequence[int] = (),
    shuffle: int | None = None,
    watch: Watch | None = None,
    strange_nans: bool = False,
) -> None:
    """Execute a kernel. `buffers`, one a parameter, of shape (n,), are written in place.

    `variables` are the values of the kernel's variables in order; `shuffle` seeds the order of
    parallel rounds; `watch` is shown every elementwise instruction that is executed. With
    `strange_nans` every NaN that arithmetic makes has bits that nobody would expect, as on some
    device it might; without, it is what the host makes of it.

    Raises OutOfBounds, RaceError and PreconditionError, which name kernel and instruction, and
    ValueError for arguments that do not fit the kernel, BarrierError for a barrier that not every
    invocation reaches.
    """
    verify_barriers(kernel)
    _check_arguments(kernel, buffers, variables)
    block, _ = _nested(kernel.instructions, 0)
    execution = _Execution(kernel, buffers, variables, shuffle)
    if watch is not None:
        execution = _Watched(kernel, buffers, variables, shuffle, watch)
    elif strange_nans:
        execution = _WithStrangeNans(kernel, buffers, variables, shuffle)
    with QUIET():
        execution.block(block)


def _check_arguments(
    kernel: LinearKernel, buffers: Sequence[Array], variables: Sequence[int]
) -> None:
    wanted, given = len(kernel.parameters), len(buffers)
    if wanted != given or len(kernel.variables) != len(variables):
        raise ValueError(
            f"kernel {kernel.name} takes {wanted} buffers and {len(kernel.variables)} variables, "
            f"got {given} and {len(variables)}"
        )
    for slot, (parameter, items) in enumerate(zip(kernel.parameters, buffers)):
        if items.dtype != NUMPY[parameter.dtype] or items.ndim != 1 or len(items) < parameter.size:
            raise ValueError(
                f"kernel {kernel.name}: buffer {slot} must hold {parameter.size} "
                f"{parameter.dtype}, got {items.dtype}{items.shape}"
            )
    for (name, low, high), value in zip(kernel.variables, variables):
        if not low <= value <= high:
            raise ValueError(f"kernel {kernel.name}: {name} = {value} is not in {low} … {high}")


# -- structure -------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Loop:
    start: Instruction
    body: _Block
    end: Instruction

    @property
    def parallel(self) -> bool:
        return self.start.arg[1] in CONCURRENT and len(self.end.src) == 1


@dataclass(frozen=True)
class _Block:
    """A list of steps; after step i the registers `last_uses[i]` are not needed any more."""

    steps: list[Instruction | _Loop] = field(default_factory=list)
    last_uses: list[list[int]] = field(default_factory=list)


def _nested(
    instructions: Sequence[Instruction], at: int, kept: Sequence[int] = ()
) -> tuple[_Block, int]:
    """The instructions from `at` up to the END of their loop, as a block, and where that END is.

    `kept` are registers that are read after a block without an END.
    """
    block = _Block()
    while at < len(instructions) and instructions[at].op is not Op.END:
        item = instructions[at]
        if item.op is Op.LOOP:
            body, at = _nested(instructions, at + 1)
            block.steps.append(_Loop(item, body, instructions[at]))
        elif item.op not in _GIVEN and item.op not in (Op.FORMAL, Op.SHARED):
            block.steps.append(item)
        at += 1
    _mark_last_uses(block, instructions[at].src if at < len(instructions) else kept)
    return block, at


def _mark_last_uses(block: _Block, kept: Sequence[int]) -> None:
    """Memory, not meaning: a large kernel would otherwise hold every value it ever had.

    `kept` are the registers that the END after the block reads.
    """
    made = {step.out for step in block.steps if isinstance(step, Instruction)}
    later = set(kept)
    for step in reversed(block.steps):
        used = set(_registers(step)) & made
        block.last_uses.append(sorted(used - later))
        later |= used
    block.last_uses.reverse()


def _registers(step: Instruction | _Loop) -> Iterator[int]:
    """Every register that a step reads."""
    if isinstance(step, Instruction):
        yield from step.src
        return
    yield from step.start.src
    yield from step.end.src
    for inner in step.body.steps:
        yield from _registers(inner)


# -- execution -------------------------------------------------------------------------------------
class _Execution:
    """One run of a kernel."""

    def __init__(
        self,
        kernel: LinearKernel,
        buffers: Sequence[Array],
        variables: Sequence[int],
        shuffle: int | None,
    ) -> None:
        self.kernel, self.buffers, self.variables = kernel, buffers, variables
        self.random = None if shuffle is None else np.random.default_rng(shuffle)
        self.dtypes: dict[int, DType] = {i.out: i.dtype for i in kernel.instructions}
        self.kinds: dict[int, DType] = {i.out: i.dtype.scalar for i in kernel.instructions}
        self.meanings: dict[int, Applied] = {}  # of elementwise instructions, by register
        self.registers: dict[int, Array] = {
            i.out: _GIVEN[i.op](self, i) for i in kernel.instructions if i.op in _GIVEN
        }
        self.sizes: tuple[int, ...] = ()  # rounds of the open parallel loops
        self.active: Array | None = None  # None: all
        self.shared = {
            i.out: Shared(i.arg, np.dtype(NUMPY[i.dtype]))
            for i in kernel.instructions if i.op is Op.SHARED
        }
        self.functions = {row.name: row for row in kernel.functions}
        self.called: dict[str, tuple[_Execution, _Block]] = {}

    def block(self, block: _Block) -> None:
        for step, last_uses in zip(block.steps, block.last_uses):
            if isinstance(step, Instruction):
                self.step(step)
            elif step.parallel:
                self.parallel(step)
            else:
                self.sequence(step)
            for register in last_uses:
                del self.registers[register]

    def step(self, item: Instruction) -> None:
        if item.op is Op.WRITE:
            self.write(item)
        elif item.op is Op.BARRIER:
            for memory in self.shared.values():
                memory.barrier()
        elif item.op in ELEMENTWISE:
            self.registers[item.out] = self.elementwise(item)
        elif item.op in _ROWS:
            self.registers[item.out] = _ROWS[item.op](self, item)
        else:
            raise ValueError(f"kernel {self.kernel.name}: {item.op} is not an instruction")

    def read(self, register: int) -> Array:
        """The value of a register, ready to meet others in the open parallel loops."""
        return self.aligned(self.registers[register])

    def aligned(self, value: Array) -> Array:
        missing = len(self.sizes) + 1 - value.ndim
        if not missing or value.ndim == 1:
            return value
        return value.reshape(*value.shape[:-1], *(1,) * missing, value.shape[-1])

    def mask(self) -> Array | None:
        return None if self.active is None else self.aligned(self.active)

    # -- loops -------------------------------------------------------------------------------------
    def limits(self, loop: _Loop) -> tuple[int, Array | None]:
        """The greatest number of rounds, and each one's number unless all have the greatest."""
        ends, active = self.read(loop.start.src[0]), self.mask()
        wanted = ends if active is None else np.where(active, ends, 0)
        count = max(0, int(wanted.max(initial=0)))
        return count, None if (ends == count).all() else ends

    def still(self, round_: Array, ends: Array | None, outer: Array | None) -> Array | None:
        """Which rounds of the outer loops are in this round of the loop."""
        if ends is None:
            return outer
        inside = np.less(round_, ends)
        return inside if outer is None else inside & outer

    def parallel(self, loop: _Loop) -> None:
        """All rounds at once, along a new axis."""
        count, ends = self.limits(loop)
        if not count:
            return
        before, outer = self.sizes, self.active
        self.sizes = (*before, count)
        rounds = np.arange(count) if self.random is None else self.random.permutation(count)
        rounds = rounds.astype(NUMPY[loop.start.dtype]).reshape(*(1,) * len(before), count, 1)
        self.registers[loop.start.out] = rounds
        self.active = self.still(rounds, None if ends is None else self.aligned(ends), self.mask())
        self.block(loop.body)
        self.sizes, self.active = before, outer

    def sequence(self, loop: _Loop) -> None:
        """One round after another; the pairs of END take effect where the round was active."""
        count, ends = self.limits(loop)
        outer = self.active
        carries, updates = loop.end.src[1::2], loop.end.src[2::2]
        for round_ in np.arange(count, dtype=NUMPY[loop.start.dtype]).reshape(count, 1):
            self.registers[loop.start.out] = round_
            self.active = self.still(round_, ends, self.mask())
            self.block(loop.body)
            values = [self.carried(old, new) for old, new in zip(carries, updates, strict=True)]
            self.registers.update(zip(carries, values))
            self.active = outer

    def carried(self, old: int, new: int) -> Array:
        """What a register holds in the next round."""
        active, value = self.mask(), self.read(new)
        return value if active is None else np.where(active, value, self.read(old))

    # -- values ------------------------------------------------------------------------------------
    def elementwise(self, item: Instruction) -> Array:
        meaning = self.meanings.get(item.out)
        if meaning is None:
            kinds = tuple(self.kinds[register] for register in item.src)
            meaning = self.meanings[item.out] = applied(item.op, item.dtype.scalar, kinds)
        operands = [self.aligned(self.registers[register]) for register in item.src]
        try:
            return meaning(operands, self.mask())
        except PreconditionError as error:
            raise PreconditionError(f"{self.where(item)}: {error}") from None

    def call(self, item: Instruction) -> Array:
        """The body on the operands, in the same rounds; a function has no memory."""
        function = self.functions[item.arg]
        if item.arg not in self.called:
            body, _ = _nested(function.instructions, 0, (function.result,))
            self.called[item.arg] = self.inside(alone(function)), body
        inner, body = self.called[item.arg]
        inner.sizes, inner.active = self.sizes, self.active
        before = dict(inner.registers)
        for formal in function.formals:
            inner.registers[formal.out] = self.read(item.src[formal.arg])
        inner.block(body)
        result = inner.registers[function.result]
        inner.registers = before
        return result

    def inside(self, function: LinearKernel) -> _Execution:
        """What runs the body of a function."""
        return _Execution(function, (), (), None)

    def const(self, item: Instruction) -> Array:
        return np.broadcast_to(constant(item.dtype.scalar, item.arg), (item.dtype.lanes,))

    def table(self, item: Instruction) -> Array:
        items = np.array([constant(item.dtype, bits) for bits in item.arg], NUMPY[item.dtype])
        items.flags.writeable = False
        return items

    def parameter(self, item: Instruction) -> Array:
        slot, size = item.arg
        items: Array = self.buffers[slot][:size]
        items.flags.writeable = self.kernel.parameters[slot].written
        return items

    def argument(self, item: Instruction) -> Array:
        return np.full(1, self.variables[item.arg], NUMPY[item.dtype])

    def carry(self, item: Instruction) -> Array:
        return self.read(item.src[0])

    def broadcast(self, item: Instruction) -> Array:
        x = self.read(item.src[0])
        return np.broadcast_to(x, (*x.shape[:-1], item.dtype.lanes))

    def slice(self, item: Instruction) -> Array:
        return self.read(item.src[0])[..., item.arg : item.arg + item.dtype.lanes]

    def lanes(self, item: Instruction) -> Array:
        return np.arange(item.dtype.lanes).astype(NUMPY[item.dtype.scalar])

    # -- memory ------------------------------------------------------------------------------------
    def memory(self, item: Instruction, dtype: DType) -> Array:
        """The memory that an instruction accesses, which holds items of its dtype."""
        memory = self.registers[item.src[0]]
        if self.kinds[item.src[0]] is not dtype.scalar:
            raise ValueError(f"{self.where(item)}: the items are {memory.dtype}, not {dtype}")
        return memory

    def addresses(self, register: int, lanes: int) -> Array:
        """One address a lane: from a scalar, consecutive ones."""
        base = self.read(register).astype("int64")
        return base + np.arange(lanes) if self.dtypes[register].lanes == 1 and lanes > 1 else base

    def enabled(self, gate: Sequence[int]) -> Array | None:
        """Where an access takes place; None: everywhere."""
        active = self.mask()
        if not gate:
            return active
        open_ = self.read(gate[0])
        return open_ if active is None else open_ & active

    def check_bounds(self, item: Instruction, addresses: Array, size: int) -> None:
        if not addresses.size or (addresses.min() >= 0 and addresses.max() < size):
            return
        wrong = addresses[(addresses < 0) | (addresses >= size)]
        raise OutOfBounds(
            f"{self.where(item)}: r{item.src[1]} reaches item {wrong.flat[0]} of {size}"
        )

    def load(self, item: Instruction) -> Array:
        """0 where the gate is false; a scalar index reads consecutive items."""
        if item.src[0] in self.shared:
            return self.load_shared(item)
        memory = self.memory(item, item.dtype)
        addresses = self.addresses(item.src[1], item.dtype.lanes)
        enabled = self.enabled(item.src[2:])
        if enabled is None:
            self.check_bounds(item, addresses, len(memory))
            return memory[addresses]
        addresses, enabled = np.broadcast_arrays(addresses, enabled)
        self.check_bounds(item, addresses[enabled], len(memory))
        result = np.zeros(addresses.shape, memory.dtype)
        result[enabled] = memory[addresses[enabled]]
        return result

    def write(self, item: Instruction) -> None:
        """Every round writes, also those that agree in the address: they race."""
        if item.src[0] in self.shared:
            self.write_shared(item)
            return
        dtype = self.dtypes[item.src[2]]
        memory, lanes = self.memory(item, dtype), dtype.lanes
        if not memory.flags.writeable:
            raise ValueError(f"{self.where(item)}: writes what the kernel only reads")
        shape = (*self.sizes, lanes)
        addresses = np.broadcast_to(self.addresses(item.src[1], lanes), shape)
        values = np.broadcast_to(self.read(item.src[2]), shape)
        enabled = self.enabled(item.src[3:])
        keep = slice(None) if enabled is None else np.broadcast_to(enabled, shape).ravel()
        addresses, values = addresses.ravel()[keep], values.ravel()[keep]
        self.check_bounds(item, addresses, len(memory))
        self.check_race(item, addresses)
        memory[addresses] = values

    def check_race(self, item: Instruction, addresses: Array) -> None:
        """Each writer signs its address; if a signature was written over, two met there."""
        if addresses.size < 2:
            return
        low = addresses.min()
        signatures = np.empty(addresses.max() - low + 1, "int64")
        writers = np.arange(addresses.size)
        signatures[addresses - low] = writers
        lost = signatures[addresses - low] != writers
        if lost.any():
            raise RaceError(f"{self.where(item)}: two rounds write item {addresses[lost][0]}")

    def accesses(self, item: Instruction, gate: Sequence[int]) -> tuple[Array, Array]:
        """Addresses in the memory of workgroups, and where they are accessed, in all rounds."""
        shape, enabled = (*self.sizes, 1), self.enabled(gate)
        addresses = np.broadcast_to(self.addresses(item.src[1], 1), shape)
        happens = np.broadcast_to(True if enabled is None else enabled, shape)
        self.check_bounds(item, addresses[happens], self.shared[item.src[0]].size)
        return addresses, happens

    def load_shared(self, item: Instruction) -> Array:
        result, met = self.shared[item.src[0]].load(*self.accesses(item, item.src[2:]))
        check_barrier(self.where(item), met)
        return result

    def write_shared(self, item: Instruction) -> None:
        values = np.broadcast_to(self.read(item.src[2]), (*self.sizes, 1))
        met = self.shared[item.src[0]].write(*self.accesses(item, item.src[3:]), values)
        check_barrier(self.where(item), met)

    def where(self, item: Instruction) -> str:
        """The kernel and the instruction as text."""
        single = LinearKernel(self.kernel.name, (), (), 0, (item,))
        return f"kernel {self.kernel.name}, `{dump(single).splitlines()[-1].strip()}`"


class _Watched(_Execution):
    """The same, with a witness."""

    def __init__(
        self,
        kernel: LinearKernel,
        buffers: Sequence[Array],
        variables: Sequence[int],
        shuffle: int | None,
        watch: Watch,
    ) -> None:
        super().__init__(kernel, buffers, variables, shuffle)
        self.watch = watch

    def elementwise(self, item: Instruction) -> Array:
        result = super().elementwise(item)
        shown = [*map(self.read, item.src), result]
        active = self.mask()
        if active is not None:
            *arrays, chosen = np.broadcast_arrays(*shown, active)
            shown = [array[chosen] for array in arrays]
        self.watch(self.kernel, item, shown[:-1], shown[-1])
        return result

    def inside(self, function: LinearKernel) -> _Execution:
        return _Watched(function, (), (), None, self.watch)


# Operations on floats whose NaN is the same everywhere: they hand one on, or make it canonical.
_OWN_NAN = frozenset({Op.MAXIMUM, Op.MINIMUM, Op.CANON})


class _WithStrangeNans(_Execution):
    """The same, where arithmetic makes NaNs with a sign and a payload."""

    def elementwise(self, item: Instruction) -> Array:
        result = super().elementwise(item)
        dtype = item.dtype.scalar
        if not dtype.is_float or dtype in NARROW_FLOATS or item.op in _OWN_NAN:
            return result
        if item.op.group not in (Group.COMPUTE, Group.MACHINE):
            return result
        strange = constant(dtype, dtype.canonical_nan | dtype.sign_bit | 1)
        return np.where(np.isnan(result), strange, result)

    def inside(self, function: LinearKernel) -> _Execution:
        return _WithStrangeNans(function, (), (), None)


_GIVEN: dict[Operation, Callable[[_Execution, Instruction], Array]] = {
    Op.PARAM: _Execution.parameter,
    Op.ARGUMENT: _Execution.argument,
    Op.CONST: _Execution.const,
    Op.TABLE: _Execution.table,
}
_ROWS: dict[Operation, Callable[[_Execution, Instruction], Array]] = {
    Op.CALL: _Execution.call,
    Op.CARRY: _Execution.carry,
    Op.LOAD: _Execution.load,
    Op.BROADCAST: _Execution.broadcast,
    Op.SLICE: _Execution.slice,
    Op.LANES: _Execution.lanes,
}
