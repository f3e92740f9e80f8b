"""Workgroups in linear kernels: what is refused, what the interpreter and WebGPU make of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engine.backends.base import DeviceUnavailable
from engine.backends.registry import backend
from engine.backends.wgsl_module import render
from engine.barriers import BarrierError, verify_barriers, workgroup_size
from engine.interpret import kernels
from engine.interpret.preconditions import Array, RaceError
from engine.linear import LinearKernel, dump, parse

# Eight workgroups of four invocations, of which each hands its item to the one before it.
ROTATED = """\
kernel rotated global 8
param float32 32 out
param float32 32 in
r0 float32 = PARAM [(0, 32)]
r1 float32 = PARAM [(1, 32)]
r2 int32 = CONST [8]
r3 int32 = CONST [4]
r4 int32 = CONST [1]
r5 int32 = LOOP r2 [((0,), 'global')]
  r6 int32 = MUL r5 r3
  r7 int32 = LOOP r3 [((1,), 'workgroup')]
    r8 float32 = SHARED [4]
    r9 int32 = ADD r6 r7
    r10 float32 = LOAD r1 r9
    float32 = WRITE r8 r7 r10
    bool = BARRIER
    r11 int32 = ADD r7 r4
    r12 int32 = IREM r11 r3
    r13 float32 = LOAD r8 r12
    float32 = WRITE r0 r9 r13
  int32 = END r7
int32 = END r5"""

# One workgroup of 16 invocations adds 16 numbers, by halving in a loop with a barrier.
HALVED = """\
kernel halved global 1
param uint32 1 out
param uint32 16 in
r0 uint32 = PARAM [(0, 1)]
r1 uint32 = PARAM [(1, 16)]
r2 int32 = CONST [16]
r3 int32 = CONST [4]
r4 int32 = CONST [1]
r5 int32 = CONST [0]
r6 int32 = CONST [8]
r7 uint32 = SHARED [16]
r8 int32 = LOOP r2 [((0,), 'workgroup')]
  r9 uint32 = LOAD r1 r8
  uint32 = WRITE r7 r8 r9
  bool = BARRIER
  r10 int32 = LOOP r3 [((1,), 'reduce')]
    r11 int32 = SHR r6 r10
    r12 bool = LT r8 r11
    r13 int32 = ADD r8 r11
    r14 uint32 = LOAD r7 r13 r12
    r15 uint32 = LOAD r7 r8 r12
    r16 uint32 = ADD r14 r15
    uint32 = WRITE r7 r8 r16 r12
    bool = BARRIER
  int32 = END r10
  r17 bool = EQ r8 r5
  r18 uint32 = LOAD r7 r5 r17
  uint32 = WRITE r0 r5 r18 r17
int32 = END r8"""
NUMBERS = np.arange(1, 17, dtype=np.uint32) ** 5
LETTERS = np.linspace(-3, 3, 32, dtype=np.float32)


def interpreted(kernel: LinearKernel, out: int, *inputs: Array) -> list[float]:
    """What the kernel writes, in whatever order its rounds run."""
    found = []
    for shuffle in (None, 1, 2):
        result = np.zeros(out, inputs[0].dtype)
        kernels.run(kernel, [result, *(x.copy() for x in inputs)], shuffle=shuffle)
        found.append(result.tolist())
    assert found[0] == found[1] == found[2]
    return found[0]


def launched(kernel: LinearKernel, out: int, *inputs: Array) -> list[float]:
    """What it writes on WebGPU; a skip where there is no adapter."""
    device = backend("WEBGPU")
    try:
        (program,) = device.compile([kernel])
    except DeviceUnavailable as error:
        pytest.skip(f"not run: {error}")
    memories = [device.allocate(4 * out), *(device.allocate(x.nbytes) for x in inputs)]
    for memory, x in zip(memories[1:], inputs, strict=True):
        memory.write(x.tobytes())
    program(memories, ())
    return np.frombuffer(memories[0].read(), inputs[0].dtype).tolist()


# -- what they do ----------------------------------------------------------------------------------
@pytest.mark.parametrize("execute", [interpreted, launched])
def test_invocations_read_what_others_wrote(execute: Callable[..., list[float]]) -> None:
    due = np.roll(LETTERS.reshape(8, 4), -1, axis=1).ravel().tolist()
    assert execute(parse(ROTATED), 32, LETTERS) == due


@pytest.mark.parametrize("execute", [interpreted, launched])
def test_barriers_in_loops(execute: Callable[..., list[float]]) -> None:
    assert execute(parse(HALVED), 1, NUMBERS) == [int(NUMBERS.sum(dtype=np.uint32))]


@pytest.mark.parametrize("text", [ROTATED, HALVED])
def test_they_print_and_parse_back(text: str) -> None:
    assert parse(dump(parse(text))) == parse(text)
    assert workgroup_size(parse(text)) == (4 if text is ROTATED else 16)


# -- what is refused -------------------------------------------------------------------------------
@pytest.mark.parametrize("number", range(2))
def test_a_barrier_that_is_missing_is_noticed(number: int) -> None:
    """Although the interpreter runs all invocations side by side, and gets the same numbers."""
    pieces = HALVED.split("bool = BARRIER\n")
    pieces[number : number + 2] = ["".join(pieces[number : number + 2])]
    text = "bool = BARRIER\n".join(pieces)
    with pytest.raises(RaceError, match=r"meet at item \d+ .* with no barrier between"):
        interpreted(parse(text), 1, NUMBERS)


def test_what_others_may_still_read_is_not_written_over() -> None:
    write = "  float32 = WRITE r0 r9"
    text = ROTATED.replace(write, f"  float32 = WRITE r8 r7 r13\n{write}")
    with pytest.raises(RaceError, match="meet at item 0 "):
        interpreted(parse(text), 32, LETTERS)


def test_two_invocations_that_write_one_item_are_noticed() -> None:
    with pytest.raises(RaceError, match="meet at item 1 "):
        interpreted(parse(ROTATED.replace("WRITE r8 r7 r10", "WRITE r8 r4 r10")), 32, LETTERS)


# kernel, a text in it, what stands in its place, why that is refused
WRONG = {
    "barrier outside": (
        ROTATED, "  int32 = END r7", "  int32 = END r7\n  bool = BARRIER",
        "outside of the workgroup's loop",
    ),
    "memory outside": (
        ROTATED, "  int32 = END r7", "  int32 = END r7\n  r14 float32 = LOAD r8 r6",
        "outside of the workgroup's loop",
    ),
    "write outside": (
        ROTATED, "  int32 = END r7",
        "  int32 = END r7\n  r14 float32 = LOAD r1 r6\n  float32 = WRITE r0 r6 r14",
        "every invocation would write",
    ),
    "as often as its number": (
        HALVED, "LOOP r3 [((1,), 'reduce')]", "LOOP r8 [((1,), 'reduce')]", "reaches equally often",
    ),
    "as often as memory says": (
        HALVED, "LOOP r3 [((1,), 'reduce')]", "LOOP r19 [((1,), 'reduce')]",
        "reaches equally often",
    ),
    "in any order": (
        HALVED, "LOOP r3 [((1,), 'reduce')]", "LOOP r3 [((1,), 'loop')]", "may run in any order",
    ),
    "in another loop": (ROTATED, "'global'", "'loop'", "in the global loop at most"),
    "twice": (
        ROTATED, "int32 = END r5",
        "  r14 int32 = LOOP r3 [((2,), 'workgroup')]\n  int32 = END r14\nint32 = END r5",
        "a workgroup is one loop",
    ),
    "carries": (ROTATED, "int32 = END r7", "int32 = END r7 r6 r9", "carries nothing"),
    "of unknown size": (
        ROTATED, "LOOP r3 [((1,), 'workgroup')]", "LOOP r6 [((1,), 'workgroup')]",
        "must be a constant",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_breaks_an_invariant_is_refused(name: str) -> None:
    text, old, new, reason = WRONG[name]
    assert text.count(old) == 1
    text = text.replace(old, new).replace("  r10 int32 = LOOP r19", (
        "  r20 uint32 = LOAD r1 r8\n  r19 int32 = BITCAST r20\n  r10 int32 = LOOP r19"
    ))
    kernel = parse(text)
    with pytest.raises(BarrierError, match=rf"kernel (rotated|halved), `.*`: .*{reason}"):
        verify_barriers(kernel)
    for execute in (lambda: kernels.run(kernel, [LETTERS, LETTERS]), lambda: render([kernel])):
        with pytest.raises((BarrierError, ValueError)):
            execute()


@pytest.mark.parametrize("text", [ROTATED, HALVED])
def test_devices_of_one_invocation_at_a_time_have_no_barriers(text: str) -> None:
    """Their targets say so, and nothing makes any for them."""
    for name in ("LLVM", "CPU"):
        with pytest.raises((ValueError, KeyError), match="SHARED"):
            backend(name).render([parse(text)])
