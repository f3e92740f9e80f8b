"""Workgroups in linear kernels: the memory that invocations share, and where they wait.

The rounds of a loop of kind `workgroup` are the invocations of one workgroup; a round of the global
loop around it, or the kernel if there is none, is a workgroup. Invariants:
- There is one such loop at most. It stands in no loop but the global one, has a constant number of
  rounds and carries nothing. What stands outside of it is done by every invocation, and so writes
  nothing.
- SHARED is memory of a workgroup, written and read inside that loop. Its contents are undefined
  until they are written.
- BARRIER stands inside it: no invocation goes on before all have come. So all must come equally
  often: the loops around a barrier have ends that are the same for every invocation, made of what
  stands outside of the workgroup's loop.
- Loops inside of a workgroup's, around its barriers and around what accesses its memory, are of
  kind `reduce`: their rounds have an order.
- Between two barriers an item of SHARED that one invocation writes is no other's to read or write.
  This depends on addresses: the interpreter looks at it.
"""

from __future__ import annotations

from engine.linear import Instruction, LinearKernel, dump
from engine.ops import Axis, Op

ORDERED = frozenset({Axis.GLOBAL, Axis.WORKGROUP, Axis.REDUCE})  # around memory of a workgroup


class BarrierError(ValueError):
    """A kernel that breaks an invariant of workgroups. Names the kernel and the instruction."""


def workgroup_size(kernel: LinearKernel) -> int:
    """Rounds of the workgroup's loop; 0 without one. BarrierError if they are not constant."""
    constants = {i.out: i for i in kernel.instructions if i.op is Op.CONST}
    for item in kernel.instructions:
        if _opens_workgroup(item):
            end = constants.get(item.src[0])
            if end is None:
                raise _error(kernel, item, "the size of a workgroup must be a constant")
            return int(end.dtype.decode(end.arg))
    return 0


def verify_barriers(kernel: LinearKernel) -> None:
    """BarrierError for the first instruction that breaks an invariant of workgroups."""
    size = workgroup_size(kernel)
    shared = {item.out for item in kernel.instructions if item.op is Op.SHARED}
    uniform: set[int] = set()  # registers that are the same for all invocations of a workgroup
    open_: list[Instruction] = []
    seen = False
    for item in kernel.instructions:
        inside = any(map(_opens_workgroup, open_))
        together = item.op is Op.BARRIER or (
            item.op in (Op.LOAD, Op.WRITE) and item.src[0] in shared
        )
        if item.op is Op.END:
            if _opens_workgroup(open_.pop()) and len(item.src) > 1:
                raise _error(kernel, item, "the loop of a workgroup carries nothing")
            continue
        if _opens_workgroup(item):
            if seen or any(loop.arg[1] != Axis.GLOBAL for loop in open_):
                raise _error(kernel, item, "a workgroup is one loop, in the global loop at most")
            seen = True
        if together and not inside:
            raise _error(kernel, item, "outside of the workgroup's loop")
        if together and not all(loop.arg[1] in ORDERED for loop in open_):
            raise _error(kernel, item, "in a loop whose rounds may run in any order")
        if item.op is Op.BARRIER and not all(
            _opens_workgroup(loop) or loop.src[0] in uniform for loop in open_
        ):
            raise _error(kernel, item, "a barrier that not every invocation reaches equally often")
        if item.op is Op.WRITE and size and not inside:
            raise _error(kernel, item, "every invocation would write")
        if item.out >= 0 and not inside and not _opens_workgroup(item):
            uniform.add(item.out)
        if item.op is Op.LOOP:
            open_.append(item)


def _opens_workgroup(item: Instruction) -> bool:
    return item.op is Op.LOOP and item.arg[1] == Axis.WORKGROUP


def _error(kernel: LinearKernel, item: Instruction, reason: str) -> BarrierError:
    single = LinearKernel(kernel.name, (), (), 0, (item,))
    text = dump(single).splitlines()[-1].strip()
    return BarrierError(f"kernel {kernel.name}, `{text}`: {reason}")
