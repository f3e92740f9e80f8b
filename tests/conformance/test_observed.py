"""The first wrong instruction where it stands, and the lines that it became in a device's text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from conformance.harness.bisect import Blame, bisect
from conformance.harness.bisect.observed import Culprit, first_wrong
from conformance.harness.bisect.source import source
from conformance.harness.case import parse_case
from conformance.harness.subject import EngineSubject
from conformance.harness.trial import Outcome, Problem
from engine import realize
from engine.backends import render_c, render_wgsl, webgpu, wgsl_module
from engine.backends.base import DeviceUnavailable
from engine.backends.cpu import CpuBackend
from engine.backends.memory import HostMemory
from engine.backends.registry import backend
from engine.linear import Instruction, parse
from engine.linearize import Launchable
from engine.ops import Op
from tests.conformance import planted

Statement = Callable[[Any, Instruction], list[str]]
LESS = """lockstep case 1
%0 = buffer float32 (2,3)
    3f800000 40000000 c0400000 80000000 00000000 3e4ccccd
%1 = const float32 ()
    00000000
%2 = lt %0 %1
output %2
"""
WIDE = """lockstep case 1
%0 = buffer float64 (3,)
    3ff8000000000001 40000000c0400000 8000000000000000
%1 = const float64 ()
    3ff8000000100000
%2 = add %0 %1
output %2
"""
# out[i] = x after five rounds of x, y = y, x
SWAPS = parse("""\
kernel swaps global 1
param int32 3 out
r0 int32 = PARAM [(0, 3)]
r1 int32 = CONST [3]
r2 int32 = CONST [5]
r3 int32 = CONST [1]
r4 int32 = LOOP r1 [((0,), 'loop')]
r5 int32 = CARRY r3
r6 int32 = CARRY r4
r7 int32 = LOOP r2 [((1,), 'reduce')]
r8 int32 = ADD r5 r7
int32 = END r7 r5 r6 r6 r5
int32 = WRITE r0 r4 r5
int32 = END r4
""")

# out[i] = i + 1, by more rounds than a workgroup has invocations
WIDER = parse("""\
kernel wider global 100
param int32 100 out
r0 int32 = PARAM [(0, 100)]
r1 int32 = CONST [100]
r2 int32 = CONST [1]
r3 int32 = LOOP r1 [((0,), 'global')]
r4 int32 = ADD r3 r2
int32 = WRITE r0 r3 r4
int32 = END r3
""")
# The exponent of infinity times zero
NAN = parse("""\
kernel nan global 1
param uint32 1 out
param float32 1 in
param float32 1 in
r0 uint32 = PARAM [(0, 1)]
r1 float32 = PARAM [(1, 1)]
r2 float32 = PARAM [(2, 1)]
r3 int32 = CONST [0]
r4 float32 = LOAD r1 r3
r5 float32 = LOAD r2 r3
r6 float32 = MUL r4 r5
r7 uint32 = BITCAST r6
r8 uint32 = CONST [2139095040]
r9 uint32 = AND r7 r8
uint32 = WRITE r0 r3 r9
""")
LOOP_OF_WIDER = Culprit(WIDER, WIDER.instructions[3])


@pytest.fixture
def adapter() -> str:
    try:
        _ = backend("WEBGPU").target
    except DeviceUnavailable as error:
        pytest.skip(f"not run: {error}")
    return "WEBGPU"


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    realize.forget()
    yield
    realize.forget()


def blame_of(text: str, *names: str) -> Blame:
    return bisect(parse_case(text), {name: EngineSubject(name) for name in names})


def marked(code: str) -> list[str]:
    """The lines that are to blame, without what leads up to them."""
    return [line.partition("| ")[2].strip() for line in code.splitlines() if line[0] == ">"]


def one_by_one(lead: str) -> Statement:
    """The end of a loop that gives carried registers their values one after another."""

    def end(scope: Any, item: Instruction) -> list[str]:
        pairs = zip(item.src[1::2], item.src[2::2], strict=True)
        return [*(f"  r{old} = r{new};" for old, new in pairs), lead]

    return end


def swapped(device: str) -> Culprit | None:
    return first_wrong(device, [Launchable(SWAPS, (0,))], [bytes(12)])


def test_wgsl_of_a_comparison(adapter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """-0 is less than +0: the line of the comparison is named, on the page and in JSON."""
    wrong = wgsl_module.COMPARISONS.replace("-size", "~size")
    assert wrong != wgsl_module.COMPARISONS
    monkeypatch.setattr(wgsl_module, "COMPARISONS", wrong)
    blame = blame_of(LESS, adapter, "LLVM")
    assert blame.key == "code; LT; bool; bits"
    (line,) = marked(blame.place.code)
    assert ": bool = less(r" in line
    number = next(row for row in blame.place.code.splitlines() if row[0] == ">").split()[1]
    assert blame.place.text.endswith(f": WGSL line {number}")
    assert Blame.from_json(blame.to_json()) == blame


def test_wgsl_inside_a_function(adapter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line is one of the function's body, and not that of the call."""
    monkeypatch.setitem(
        render_wgsl.EXPRESSIONS, Op.SHR,
        lambda scope, item: f"r{item.src[0]} >> (u32(r{item.src[1]}) / 2u)",
    )  # fmt: skip
    blame = blame_of(WIDE, adapter, "LLVM")
    assert blame.key == "code; SHR; integer; bits"
    (line,) = marked(blame.place.code)
    assert line.endswith("/ 2u);")


def test_wgsl_of_what_is_written(adapter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that is noted is written in the same wrong way: it is the WRITE, and no other."""
    right: Statement = render_wgsl.STATEMENTS[Op.WRITE]
    monkeypatch.setitem(
        render_wgsl.STATEMENTS, Op.WRITE,
        lambda scope, item: [line.replace("] = ", "] = 1u ^ ") for line in right(scope, item)],
    )  # fmt: skip
    blame = blame_of(WIDE, adapter, "LLVM")
    assert blame.key == "code; WRITE; integer; bits"
    (line,) = marked(blame.place.code)
    assert "] = 1u ^ " in line


def test_wgsl_of_the_end_of_a_loop(adapter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No instruction alone is wrong: a value of the second round is."""
    assert swapped(adapter) is None
    monkeypatch.setitem(render_wgsl.STATEMENTS, Op.END, one_by_one("}"))
    found = swapped(adapter)
    assert found is not None and found.item.op is Op.END
    said, code = source(backend(adapter), found)
    assert said.startswith("WGSL lines ") and marked(code) == ["r5 = r6;", "r6 = r5;", "}"]


def test_rounds_that_do_not_run(adapter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop is to blame, not what is first in it."""
    monkeypatch.setattr(webgpu, "grid", lambda kernel, workgroup: (1, 1, 1))
    assert first_wrong(adapter, [Launchable(WIDER, (0,))], [bytes(400)]) == LOOP_OF_WIDER


def test_rounds_that_should_not_run(adapter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they write stands behind what is due."""

    def unguarded(scope: Any, item: Instruction) -> list[str]:
        return [f"let r{item.out} = i32(number);", "{"]

    monkeypatch.setitem(render_wgsl.STATEMENTS, Op.LOOP, unguarded)
    assert first_wrong(adapter, [Launchable(WIDER, (0,))], [bytes(400)]) == LOOP_OF_WIDER


def test_c_of_the_end_of_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same in another language, which needs no adapter."""
    monkeypatch.setattr(CpuBackend, "identity", "planted")  # what is wrong is nobody else's
    monkeypatch.setitem(render_c.STATEMENTS, Op.END, one_by_one("}"))
    found = swapped("CPU")
    assert found is not None and found.item.op is Op.END
    said, code = source(backend("CPU"), found)
    assert said.startswith("C lines ") and marked(code) == ["r5 = r6;", "r6 = r5;", "}"]


def test_memory_that_is_wrong_before_any_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this the graph would be found wrong: its interpreter reads what the device has."""
    right = HostMemory.write

    def write(memory: HostMemory, data: bytes | memoryview) -> None:
        right(memory, bytes(data)[:-1] + b"\x55")

    with planted.planted("FORGETS") as name:
        monkeypatch.setattr(HostMemory, "write", write)
        problem = Problem("bits", (name,), 2, "lt", (), "")
        blame = bisect(parse_case(LESS), {name: EngineSubject(name)}, Outcome((problem,)))
    assert blame.key == "runtime / memory; -; -; bits"


@pytest.mark.parametrize("device", ["LLVM", "PYTHON"])
def test_nothing_is_wrong(device: str) -> None:
    assert swapped(device) is None


@pytest.mark.parametrize("device", ["LLVM", "PYTHON"])
def test_bits_of_a_nan_are_nobodys_fault(device: str) -> None:
    """Those that arithmetic makes are not due until they are canonical, nor what follows of them.
    """
    memory = [bytes(4), *(np.float32(x).tobytes() for x in ("inf", 0))]
    assert first_wrong(device, [Launchable(NAN, (0, 1, 2))], memory) is None
