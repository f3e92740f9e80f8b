"""Modules of WGSL: one kernel, or several that are compiled as one.

A launch runs one invocation for every round of a kernel's global loop, or a single one if there is
none; and one workgroup for each where a workgroup has a loop of its own.

A driver takes some milliseconds over a pipeline however small it is, and small kernels come by the
hundred. So those with the same kinds of bindings share a module, whose entry point asks the launch
which one is meant.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.backends.render_wgsl import (
    COMPARISONS,
    OPERAND_ZERO,
    TABLES,
    ZERO,
    Scope,
    body,
    one_of,
)
from engine.backends.wgsl_bindings import declarations, large, windows
from engine.backends.wgsl_types import wgsl_type
from engine.barriers import verify_barriers, workgroup_size
from engine.linear import Function, Instruction, LinearKernel, alone, executed, length
from engine.ops import Axis, Op

# Invocations of a workgroup, at most: every implementation has 128, and a wave is no more on most.
WORKGROUP = 64
BINDING = 1 << 27  # bytes that one binding can show, by WebGPU's default limits
SHARED_ENTRY = "one_of_several"  # the entry point of kernels that share a module
# A kernel that runs for long is compiled by itself, since what others need it would need too.
SHARED_WORK = 1 << 20  # executed instructions of a launch
SHARED_SIZE = 400  # instructions of a module
ZEROS = tuple(f"{zero.removeprefix('launch.')}: u32" for zero in (ZERO, OPERAND_ZERO))
Tables = Mapping[tuple[int, ...], int]
_TABLES = f"@group(0) @binding({{}}) var<storage, read> {TABLES}: array<u32>;"


def render(
    kernels: Sequence[LinearKernel], remarks: bool = False, largest: int = BINDING
) -> str:
    """The module of kernels with the same kinds of bindings. ValueError for what WGSL lacks.

    Bindings of group 0: the parameters in order, one of more than `largest` bytes in windows, then
    the `launch_values`, which are those of its variables and the number of the kernel among
    `kernels` if there are several. After them come the `table_bytes`, if there are any.
    """
    several = len(kernels) > 1
    tables = _tables(kernels)
    texts = [
        _text(kernel, tables, f"k{number}_" if several else "", remarks, largest)
        for number, kernel in enumerate(kernels)
    ]
    rows = windows(kernels[0], largest)
    values = [f"v{n}: i32" for n in range(max(len(kernel.variables) for kernel in kernels))]
    fields = [*ZEROS, *values, *(["kernel: i32"] if several else [])]
    return "\n".join([
        "struct Launch {",
        *(f"  {field}," for field in fields),
        "}",
        f"@group(0) @binding({len(rows)}) var<uniform> launch: Launch;",
        *declarations(rows),
        *([_TABLES.format(len(rows) + 1)] if tables else []),
        COMPARISONS,
        *(part for text in texts for part in text.outside),
        *(f"fn {text.name}(number: u32) {{\n{text.body}\n}}" for text in texts if several),
        f"@compute @workgroup_size({workgroup(kernels)})",
        f"fn {entry_point(kernels)}(@builtin(workgroup_id) id: vec3<u32>,",
        "  @builtin(num_workgroups) groups: vec3<u32>,",
        "  @builtin(local_invocation_index) member: u32) {",
        "  let group = id.x + id.y * groups.x;",
        f"  let number = {_number(kernels)};",
        _choice(texts) if several else texts[0].body,
        "}",
        "",
    ])


def launch_values(values: Sequence[int]) -> bytes:
    """What a launch is given: zeros that no driver knows of, and then its own values."""
    return struct.pack(f"<{len(ZEROS)}I{len(values)}i", *[0] * len(ZEROS), *values)


def table_bytes(kernels: Sequence[LinearKernel]) -> bytes:
    """The constants of all tables of a module, each table once; they are bound as they are here."""
    words = [word for table in _tables(kernels) for word in table]
    return struct.pack(f"<{len(words)}I", *words)


def _tables(kernels: Sequence[LinearKernel]) -> dict[tuple[int, ...], int]:
    """The tables of a module, and where each begins among the words of all."""
    found: dict[tuple[int, ...], int] = {}
    words = 0
    for item in _instructions(kernels):
        if item.op is Op.TABLE and item.arg not in found:
            found[item.arg] = words
            words += len(item.arg)
    return found


def _instructions(kernels: Sequence[LinearKernel]) -> Iterator[Instruction]:
    for kernel in kernels:
        yield from kernel.instructions
        for function in kernel.functions:
            yield from function.instructions


def entry_point(kernels: Sequence[LinearKernel]) -> str:
    """The name of a module's entry point."""
    return SHARED_ENTRY if len(kernels) > 1 else kernels[0].name


def workgroup(kernels: Sequence[LinearKernel]) -> int:
    """Invocations of a workgroup of a module."""
    own = workgroup_size(kernels[0])
    return own or min(WORKGROUP, max(1, *(kernel.global_size for kernel in kernels)))


def modules(kernels: Sequence[LinearKernel], largest: int) -> list[list[int]]:
    """Which kernels are compiled together, by their numbers; each is in one module."""
    found: list[list[int]] = []
    filling: dict[tuple[bool, ...], list[int]] = {}
    sizes = [length(kernel) for kernel in kernels]
    for number, kernel in enumerate(kernels):
        if not _shares(kernel, largest):
            found.append([number])
            continue
        members = filling.setdefault(tuple(p.written for p in kernel.parameters), [])
        if not members or sum(sizes[n] for n in members) + sizes[number] > SHARED_SIZE:
            members = filling[tuple(p.written for p in kernel.parameters)] = []
            found.append(members)
        members.append(number)
    return found


def _shares(kernel: LinearKernel, largest: int) -> bool:
    """Whether a kernel may be compiled with others: soon done, and with nothing of its own."""
    return (
        executed(kernel, lambda item: 1, SHARED_WORK) < SHARED_WORK
        and not workgroup_size(kernel)
        and not large(windows(kernel, largest))
    )


@dataclass(frozen=True)
class _Text:
    """What a module has of a kernel: declarations and functions, and the kernel's own body."""

    name: str
    outside: tuple[str, ...]
    body: str
    parallel: bool  # whether invocations share its rounds


def _text(
    kernel: LinearKernel, tables: Tables, names: str, remarks: bool, largest: int
) -> _Text:
    verify_barriers(kernel)
    outside: list[str] = []
    functions = [_subroutine(row, outside, tables, names, remarks) for row in kernel.functions]
    shown = large(windows(kernel, largest))
    own = body(Scope(kernel, outside, tables, names, remarks=remarks, large=shown))
    parallel = any(i.op is Op.LOOP and i.arg[1] == Axis.GLOBAL for i in kernel.instructions)
    return _Text(f"{names}kernel", (*outside, *functions), own, parallel)


def _subroutine(
    function: Function, outside: list[str], tables: Tables, names: str, remarks: bool
) -> str:
    """A function of the kernel, which its body alone calls."""
    operands = ", ".join(f"a{item.arg}: {wgsl_type(item.dtype)}" for item in function.formals)
    return "\n".join([
        f"fn {names}{function.name}({operands}) -> {wgsl_type(function.dtype)} {{",
        body(Scope(alone(function), outside, tables, names, function.name, remarks)),
        f"  return r{function.result};",
        "}",
    ])


def _number(kernels: Sequence[LinearKernel]) -> str:
    """Which round of the global loop an invocation runs."""
    own = workgroup_size(kernels[0])
    return "group" if own else f"group * {workgroup(kernels)}u + member"


def _choice(texts: Sequence[_Text]) -> str:
    """The body of an entry point that runs one of several kernels."""
    calls = []
    for text in texts:
        call = f"{text.name}(number);"
        if not text.parallel:  # the other invocations of the workgroup have nothing to do
            call = f"if (number == 0u) {{ {call} }}"
        calls.append([call])
    return "\n".join(f"  {line}" for line in one_of("launch.kernel", calls))
