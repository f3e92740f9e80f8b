"""Kernels that are compiled together: which ones, that each does what it does alone, and blame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.backends import render_wgsl, wgsl_module
from engine.backends.base import CompileError, DeviceLimit, DeviceUnavailable
from engine.backends.registry import backend
from engine.backends.webgpu import WebGpuBackend
from engine.backends.wgsl_module import BINDING, modules, render, table_bytes
from engine.linear import LinearKernel, parse
from engine.ops import Op


def adding(number: int, size: int, inputs: int = 1, loop: bool = True) -> LinearKernel:
    """A kernel that writes its first input and `number`; only item 0 without a loop."""
    inner = [
        "r9 int32 = LOAD r1 r8",
        f"r10 int32 = CONST [{number}]",
        "r11 int32 = ADD r9 r10",
        "int32 = WRITE r0 r8 r11",
    ]
    looped = ["r8 int32 = LOOP r7 [((0,), 'global')]", *inner, "int32 = END r8"]
    return parse("\n".join([
        f"kernel add{number} global {size if loop else 1}",
        f"param int32 {size} out",
        *[f"param int32 {size} in"] * inputs,
        f"r0 int32 = PARAM [(0, {size})]",
        f"r1 int32 = PARAM [(1, {size})]",
        f"r7 int32 = CONST [{size}]",
        *(looped if loop else ["r8 int32 = CONST [0]", *inner]),
        "",
    ]))


def test_kernels_with_the_same_kinds_of_bindings_share_a_module() -> None:
    kernels = [adding(0, 5), adding(1, 5, inputs=2), adding(2, 70), adding(3, 5, inputs=2)]
    assert modules(kernels, BINDING) == [[0, 2], [1, 3]]


def test_every_kernel_is_in_one_module_of_limited_size(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = [adding(number, 5) for number in range(10)]
    monkeypatch.setattr(wgsl_module, "SHARED_SIZE", 3 * len(kernels[0].instructions))
    assert modules(kernels, BINDING) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]


def test_a_kernel_that_runs_for_long_or_is_bound_in_windows_is_alone() -> None:
    short, long = adding(0, 5), adding(1, wgsl_module.SHARED_WORK)
    assert modules([short, long, short], BINDING) == [[0, 2], [1]]
    assert modules([short, adding(1, 500), short], 1024) == [[0, 2], [1]]


def test_each_does_what_it_does_alone() -> None:
    """Also a kernel without a loop, which the other invocations leave alone."""
    kernels = [adding(1, 3), adding(2, 200), adding(4, 64, loop=False)]
    assert len(modules(kernels, BINDING)) == 1
    assert "switch launch.kernel {" in render(kernels)
    device = backend("WEBGPU")
    try:
        programs = device.compile(kernels)
    except DeviceUnavailable as error:
        pytest.skip(f"not run: {error}")
    given = np.arange(200, dtype="int32")
    for number, count in ((1, 3), (2, 200), (4, 1)):
        memories = [device.allocate(800) for _ in range(2)]
        for memory, data in zip(memories, (np.full(200, -7, "int32"), given), strict=True):
            memory.write(data.tobytes())
        programs[number.bit_length() - 1](memories, ())
        found = np.frombuffer(memories[0].read(), "int32")
        due = np.where(given < count, given + number, -7)
        assert found.tolist() == due.tolist(), number


def choosing(number: int, table: tuple[int, ...]) -> LinearKernel:
    """A kernel that writes every word of a table."""
    return parse(f"""kernel choose{number} global {len(table)}
        param uint32 {len(table)} out
        r0 uint32 = PARAM [(0, {len(table)})]
        r1 uint32 = TABLE [{table}]
        r2 int32 = CONST [{len(table)}]
        r3 int32 = LOOP r2 [((0,), 'global')]
        r4 uint32 = LOAD r1 r3
        uint32 = WRITE r0 r3 r4
        int32 = END r3""")


def test_tables_of_a_module_are_bound_once() -> None:
    """Each table of several kernels, one of which has none, and one two that begin alike."""
    tables = [(3, 2**32 - 1, 5), (3, 2**32 - 1), (7,), (3, 2**32 - 1)]
    kernels = [choosing(number, table) for number, table in enumerate(tables)]
    kernels.append(parse("""kernel constant global 1
        param uint32 1 out
        r0 uint32 = PARAM [(0, 1)]
        r1 int32 = CONST [0]
        r2 uint32 = CONST [9]
        uint32 = WRITE r0 r1 r2"""))
    assert modules(kernels, BINDING) == [[0, 1, 2, 3, 4]]
    words = np.frombuffer(table_bytes(kernels), "uint32")
    assert words.tolist() == [3, 2**32 - 1, 5, 3, 2**32 - 1, 7]
    device = backend("WEBGPU")
    try:
        programs = device.compile(kernels)
    except DeviceUnavailable as error:
        pytest.skip(f"not run: {error}")
    for program, due in zip(programs, [*tables, (9,)], strict=True):
        memory = device.allocate(4 * len(due))
        program([memory], ())
        assert tuple(np.frombuffer(memory.read(), "uint32").tolist()) == due


def test_tables_take_one_of_the_bindings_that_there_are() -> None:
    """Of three, two are left for parameters, tables or not: the scheduler does not know of them."""
    device = backend("WEBGPU")
    assert isinstance(device, WebGpuBackend)
    try:
        limits = device.adapter.limits | {"max-storage-buffers-per-shader-stage": 3}
    except DeviceUnavailable as error:
        pytest.skip(f"not run: {error}")
    small = WebGpuBackend(replace(device.adapter, limits=limits))
    small.__dict__["profile"] = device.profile  # of the same driver
    assert small.target.max_buffers == 2
    assert len(small.compile([adding(1, 5), choosing(0, (7, 8))])) == 2
    with pytest.raises(DeviceLimit, match=r"needs 3 bindings .* has 2"):
        small.compile([adding(1, 5, inputs=2)])


def test_the_kernel_to_blame_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that is refused with others only is none: all are compiled alone then."""
    device = backend("WEBGPU")
    try:
        device.compile([adding(0, 5)])
    except DeviceUnavailable as error:
        pytest.skip(f"not run: {error}")
    right = render_wgsl.EXPRESSIONS[Op.ADD]

    def add(scope: render_wgsl.Scope, item: render_wgsl.Instruction) -> str:
        return "nonsense" if scope.kernel.name == "add2" else right(scope, item)

    monkeypatch.setitem(render_wgsl.EXPRESSIONS, Op.ADD, add)
    with pytest.raises(CompileError, match="nonsense") as error:
        device.compile([adding(1, 5), adding(2, 5), adding(3, 5)])
    assert "fn add2(" in str(error.value)
    assert "fn add1(" not in str(error.value)


def test_as_many_kernels_as_fit() -> None:
    """The stack of a driver's compiler holds the questions which of them is meant."""
    smallest = """kernel set{0} global 1
        param int32 1 out
        r0 int32 = PARAM [(0, 1)]
        r1 int32 = CONST [0]
        r2 int32 = CONST [{0}]
        int32 = WRITE r0 r1 r2"""
    kernels = [parse(smallest.format(number)) for number in range(wgsl_module.SHARED_SIZE)]
    device = backend("WEBGPU")
    (group, *_) = modules(kernels, BINDING)
    try:
        programs = device.compile([kernels[number] for number in group])
    except DeviceUnavailable as error:
        pytest.skip(f"not run: {error}")
    memory = device.allocate(4)
    for number in (0, len(group) // 2, len(group) - 1):
        programs[number]([memory], ())
        assert np.frombuffer(memory.read(), "int32").tolist() == [number]
