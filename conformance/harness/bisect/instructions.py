"""One instruction of a kernel on a device, alone: which machine operation has other bits?

The interpreter runs the kernel and notes what every elementwise instruction was given and gave.
Each is then put into a kernel that loads its operands, applies it, and stores the result; operands
that were constants are constants again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from conformance.harness.bisect.observed import Culprit
from engine import dtypes
from engine.backends.base import Backend
from engine.backends.registry import backend
from engine.dtypes import DType
from engine.graph import Node, axis_range
from engine.interpret import states
from engine.interpret.preconditions import Array
from engine.interpret.rounding import constant
from engine.linear import Instruction, LinearKernel
from engine.linearize import Launchable, linearize
from engine.narrow import narrow_index
from engine.ops import Axis, Op
from engine.simplify import index

ITEMS = 4096  # of operands that are tried at once


@dataclass
class _Noted:
    """An instruction, its operands' instructions, and the arrays of all times it was executed."""

    culprit: Culprit
    operands: tuple[Instruction, ...]
    arrays: list[list[Array]] = field(default_factory=list)  # operands, then the result

    @property
    def item(self) -> Instruction:
        return self.culprit.item

    def joined(self) -> list[Array]:
        """The operands and the result as flat arrays of one length."""
        rows = [np.broadcast_arrays(*row) for row in self.arrays]
        columns = [np.concatenate([x.ravel() for x in column]) for column in zip(*rows)]
        return [column[: _whole(min(len(column), ITEMS), self.item)] for column in columns]


def _whole(count: int, item: Instruction) -> int:
    """As many elements as fill vectors."""
    return count - count % item.dtype.lanes


def wrong_instruction(
    device: str, parts: Sequence[Launchable], before: Sequence[bytes]
) -> Culprit | None:
    """The first instruction of kernels that gives other bits on the device when it is alone."""
    chosen = backend(device)
    for noted in _noted(parts, before):
        try:
            if _differs(chosen, noted):
                return noted.culprit
        except Exception:  # noqa: BLE001 - this one cannot be made alone; the next one may be
            continue
    return None


def _noted(parts: Sequence[Launchable], before: Sequence[bytes]) -> Iterator[_Noted]:
    """Constants, then elementwise instructions in the order of execution."""
    found: dict[Culprit, _Noted] = {}
    kernels = [part.kernel for part in parts]

    def watch(
        body: LinearKernel, item: Instruction, operands: Sequence[Array], result: Array
    ) -> None:
        culprit = _culprit(kernels, body, item)
        if culprit not in found:
            made = {one.out: one for one in body.instructions}
            found[culprit] = _Noted(culprit, tuple(made[register] for register in item.src))
        found[culprit].arrays.append([*operands, result])

    states.launched(parts, before, watch=watch)
    seen: set[tuple[DType, int]] = set()
    for noted in found.values():
        for item in noted.operands:
            if item.op is Op.CONST and (item.dtype, item.arg) not in seen:
                seen.add((item.dtype, item.arg))
                value = np.broadcast_to(constant(item.dtype.scalar, item.arg), (item.dtype.lanes,))
                yield _Noted(replace(noted.culprit, item=item), (), [[value]])
    yield from found.values()


def _culprit(
    kernels: Sequence[LinearKernel], body: LinearKernel, item: Instruction
) -> Culprit:
    """An instruction of a body, which is that of a kernel or of a function of one."""
    if body in kernels:
        return Culprit(body, item)
    kernel = next(one for one in kernels if body.name in {row.name for row in one.functions})
    return Culprit(kernel, item, body.name)


def _differs(chosen: Backend, noted: _Noted) -> bool:
    """Whether the device gives other bits than the interpreter; for a result all NaNs are one."""
    *operands, due = noted.joined()
    part = _kernel(noted, len(due))
    data = [np.zeros_like(due), *operands]
    buffers = []
    for array in data:
        raw = np.ascontiguousarray(array).tobytes()
        buffers.append(chosen.allocate(max(1, len(raw))))
        buffers[-1].write(raw)
    (program,) = chosen.compile([part.kernel])
    program([buffers[slot] for slot in part.slots], [])
    got = buffers[0].read()[: due.nbytes]
    kind = _stored(noted.item.dtype.scalar)
    one = states.with_one_nan([got, due.tobytes()], [kind, kind])
    return one[0] != one[1]


def _kernel(noted: _Noted, count: int) -> Launchable:
    """out[i] = instruction(operand[i], …) for all i, lanes at a time."""
    item = noted.item
    lanes = item.dtype.lanes
    rounds = axis_range(count // lanes, (0,), Axis.LOOP)
    place = index.multiply(rounds, lanes)
    operands = []
    for number, operand in enumerate(noted.operands, 1):
        if operand.op is Op.CONST:
            operands.append(Node(Op.CONST, operand.dtype, (), operand.arg))
        else:
            operands.append(_load(number, count, place, operand.dtype))
    value = Node(item.op, item.dtype, tuple(operands), item.arg)
    if item.dtype.scalar.kind == "bool":
        value = value.convert(dtypes.uint8.vec(lanes))
    stored = _stored(item.dtype.scalar)
    target = Node(Op.PARAM, stored, (), (0, count))
    write = Node(Op.WRITE, stored, (target, place, value))
    sink = narrow_index(Node(Op.SINK, dtypes.bool_, (write,)), prefer_narrow=False)
    return linearize(sink, "alone", ())


def _load(number: int, count: int, place: Node, dtype: DType) -> Node:
    stored = _stored(dtype.scalar)
    memory = Node(Op.PARAM, stored, (), (number, count))
    loaded = Node(Op.LOAD, stored.vec(dtype.lanes), (memory, place))
    return loaded.ne(loaded.constant(0)) if dtype.scalar.kind == "bool" else loaded


def _stored(dtype: DType) -> DType:
    """A bool is a byte in memory."""
    return dtypes.uint8 if dtype.kind == "bool" else dtype
