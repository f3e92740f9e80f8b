"""The linear IR: a kernel as a list of instructions over numbered registers.

This is what renderers print and what the PYTHON device executes. Invariants:
- A register is written by one instruction, before every use, and used only inside the loops that
  enclose its definition; carried registers are the exception: END updates them.
- LOOP opens, END closes; END's operands are the loop's register and then pairs (carried register,
  new value), all read before any is written. A carried register is made by CARRY before its LOOP.
- Functions have registers of their own, read no memory and call nothing; a CALL names one of the
  kernel's. Text: `function NAME rRESULT`, its instructions, `return`, before those of the kernel.
- A register of dtype `index` exists only before narrowing.
- Loops of kind `workgroup`, SHARED and BARRIER obey the invariants of `barriers.py`.

Text form, one line an instruction: `r7 float32 = ADD r5 r6`, attributes as in `graph.py`. Loops
indent, for reading only.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engine import dtypes
from engine.dtypes import DType
from engine.graph import checked_attribute
from engine.ops import ELEMENTWISE, OPERATIONS, Op, Operation


@dataclass(frozen=True, slots=True)
class Instruction:
    """`out` is the register written, or -1 (WRITE, END, BARRIER)."""

    op: Operation
    dtype: DType
    out: int
    src: tuple[int, ...] = ()
    arg: Any = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A buffer argument of a kernel: `size` items of `dtype`, written if `written`."""

    dtype: DType
    size: int
    written: bool


@dataclass(frozen=True, slots=True)
class Function:
    """A subroutine. Its registers are its own; FORMAL instructions, arg the number of the operand,
    come first, and the register `result` is what a CALL of its name yields."""

    name: str
    instructions: tuple[Instruction, ...]
    result: int

    @property
    def dtype(self) -> DType:
        return next(item.dtype for item in self.instructions if item.out == self.result)

    @property
    def formals(self) -> list[Instruction]:
        return [item for item in self.instructions if item.op is Op.FORMAL]


@dataclass(frozen=True, slots=True)
class LinearKernel:
    """A kernel ready for a renderer.

    Launch arguments: one address a parameter, one int64 a variable (name, low, high), and the part
    [start, end) of the outermost loop of kind `global` that this call runs; `global_size` is that
    loop's number of rounds where it is known, 1 without such a loop, 0 if it depends on a variable.
    """

    name: str
    parameters: tuple[Parameter, ...]
    variables: tuple[tuple[str, int, int], ...]
    global_size: int
    instructions: tuple[Instruction, ...]
    functions: tuple[Function, ...] = ()


def alone(function: Function) -> LinearKernel:
    """The body of a function as that of a kernel that reads and writes nothing."""
    return LinearKernel(function.name, (), (), 0, function.instructions)


def executed(
    kernel: LinearKernel, weight: Callable[[Instruction], int], unknown: int
) -> int:
    """The weights of all instructions that one launch executes, each time that it does.

    A loop without a constant end counts as `unknown` rounds. What a function executes counts at
    every call.
    """
    bodies = {row.name: executed(alone(row), weight, unknown) for row in kernel.functions}
    return sum(
        times * (weight(item) + (bodies[item.arg] if item.op is Op.CALL else 0))
        for item, times in _repeated(kernel, unknown)
    )


def _repeated(kernel: LinearKernel, unknown: int) -> Iterator[tuple[Instruction, int]]:
    """Every instruction outside functions, and how often one launch executes it."""
    constant = {
        item.out: int(item.dtype.decode(item.arg))
        for item in kernel.instructions if item.op is Op.CONST and item.dtype.kind == "int"
    }
    rounds = [1]
    for item in kernel.instructions:
        if item.op is Op.LOOP:
            rounds.append(rounds[-1] * constant.get(item.src[0], unknown))
        elif item.op is Op.END:
            rounds.pop()
        yield item, rounds[-1]


def operations(kernel: LinearKernel) -> int:
    """The elementwise operations that one launch executes, lanes counted one by one."""

    def lanes(item: Instruction) -> int:
        return item.dtype.lanes if item.op in ELEMENTWISE else 0

    return executed(kernel, lanes, unknown=1)


def length(kernel: LinearKernel) -> int:
    """The instructions of a kernel, those of its functions among them."""
    return len(kernel.instructions) + sum(len(row.instructions) for row in kernel.functions)


def traffic(kernel: LinearKernel) -> int:
    """The bytes that one launch reads and writes, at most.

    Of a buffer they are no more than it has, since what is read again is near. Where it is both
    read and written it counts twice. A loop without a constant end may go over all of it.
    """
    buffer: dict[int, Parameter] = {}
    lanes: dict[int, int] = {}
    moved: dict[tuple[int, Operation], int] = {}
    for item, times in _repeated(kernel, unknown=1 << 62):
        if item.op is Op.PARAM:
            buffer[item.out] = kernel.parameters[item.arg[0]]
        elif item.op in (Op.LOAD, Op.WRITE) and item.src[0] in buffer:
            key = item.src[0], item.op
            wide = item.dtype.lanes if item.op is Op.LOAD else lanes[item.src[2]]
            moved[key] = min(buffer[key[0]].size, moved.get(key, 0) + times * wide)
        lanes[item.out] = item.dtype.lanes
    return sum(count * buffer[register].dtype.itemsize for (register, _), count in moved.items())


_OPENING, _CLOSING = Op.LOOP, Op.END
_HEAD = re.compile(r"kernel (\w+) global (\d+)")
_PARAMETER = re.compile(r"param (\w+) (\d+) (in|out)")
_FUNCTION = re.compile(r"function (\w+) r(\d+)")
_VARIABLE = re.compile(r"variable (\w+) (-?\d+) (-?\d+)")
_LINE = re.compile(r"(?:r(\d+) )?(\w+) = (\w+)((?: r\d+)*)(?: \[(.*)\])?")


def dump(kernel: LinearKernel) -> str:
    """The kernel as text; `parse` gives an equal one back."""
    lines = [f"kernel {kernel.name} global {kernel.global_size}"]
    for p in kernel.parameters:
        lines.append(f"param {p.dtype} {p.size} {'out' if p.written else 'in'}")
    lines += [f"variable {name} {low} {high}" for name, low, high in kernel.variables]
    for function in kernel.functions:
        lines.append(f"function {function.name} r{function.result}")
        lines += [f"  {line}" for line in _lines(function.instructions)]
        lines.append("return")
    return "\n".join([*lines, *_lines(kernel.instructions)])


def _lines(instructions: Sequence[Instruction]) -> list[str]:
    lines: list[str] = []
    depth = 0
    for item in instructions:
        depth -= item.op is _CLOSING
        lines.append(f"{'  ' * depth}{line_of(item)}")
        depth += item.op is _OPENING
    return lines


def line_of(item: Instruction) -> str:
    """One instruction as text."""
    out = f"r{item.out} " if item.out >= 0 else ""
    src = "".join(f" r{s}" for s in item.src)
    arg = "" if item.arg is None else f" [{item.arg!r}]"
    return f"{out}{item.dtype} = {item.op}{src}{arg}"


def parse(text: str) -> LinearKernel:
    """The kernel that `dump` printed. ValueError names the line that is wrong."""
    first, *rest = text.strip().splitlines() or [""]
    head = _HEAD.fullmatch(first.strip())
    if head is None:
        raise ValueError(f"line 1: expected 'kernel NAME global N', got {first!r}")
    parameters: list[Parameter] = []
    variables: list[tuple[str, int, int]] = []
    instructions: list[Instruction] = []
    functions: list[Function] = []
    opened: tuple[str, int] | None = None
    for number, line in enumerate(rest, 2):
        line = line.strip()
        if match := _PARAMETER.fullmatch(line):
            dtype, size, direction = match.groups()
            parameters.append(Parameter(dtypes.as_dtype(dtype), int(size), direction == "out"))
        elif match := _VARIABLE.fullmatch(line):
            variables.append((match[1], int(match[2]), int(match[3])))
        elif (match := _FUNCTION.fullmatch(line)) and not instructions and opened is None:
            opened = match[1], int(match[2])
        elif line == "return" and opened is not None:
            functions.append(_function(*opened, instructions, number))
            instructions, opened = [], None
        elif match := _LINE.fullmatch(line):
            instructions.append(_instruction(match, number))
        else:
            raise ValueError(f"line {number}: not an instruction: {line!r}")
    called = {item.arg for item in instructions if item.op is Op.CALL}
    if opened is not None or not called <= {row.name for row in functions}:
        raise ValueError(f"line {len(rest) + 1}: a function without an end, or a call of none")
    return LinearKernel(
        head[1], tuple(parameters), tuple(variables), int(head[2]), tuple(instructions),
        tuple(functions),
    )


def _function(
    name: str, result: int, instructions: Sequence[Instruction], number: int
) -> Function:
    inside = {item.op for item in instructions}
    if inside & {Op.CALL, Op.PARAM, Op.LOAD, Op.WRITE, Op.ARGUMENT}:
        raise ValueError(f"line {number}: function {name} calls, or reads more than it gets")
    if result not in {item.out for item in instructions}:
        raise ValueError(f"line {number}: function {name} has no register r{result}")
    return Function(name, tuple(instructions), result)


def _instruction(match: re.Match[str], number: int) -> Instruction:
    out, dtype, op, src, attribute = match.groups()
    try:
        arg = None if attribute is None else checked_attribute(ast.literal_eval(attribute))
        registers = tuple(int(name[1:]) for name in src.split())
        return Instruction(
            OPERATIONS[op], dtypes.as_dtype(dtype), -1 if out is None else int(out), registers, arg
        )
    except (KeyError, TypeError, SyntaxError, ValueError) as error:
        raise ValueError(f"line {number}: {error}") from error
