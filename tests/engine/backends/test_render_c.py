"""C text of each operation, compiled and run, against Python's integers and numpy's bits.

All kernels of this file are one batch, for the compiler of the machine and for that of the wheel.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import dtypes
from engine.backends import cpu, render_c
from engine.backends.base import DeviceUnavailable, Program
from engine.backends.cache import Cache
from engine.backends.memory import HostMemory
from engine.linear import parse
from engine.ops import Op
from engine.target import HOST_OPS
from tests.engine.backends.machine import NESTED, WRAPPING_INDEX, Machine, wrong_bits

INTEGERS = tuple(row for row in dtypes.TENSOR_DTYPES if row.is_int)
CASES = Machine(INTEGERS, (dtypes.float32, dtypes.float64), HOST_OPS).cases()


def own_compiler() -> cpu.Compiler:
    """What the device would take; a skip where there is none."""
    try:
        return cpu.find_compiler(cpu.candidates(), Cache())
    except DeviceUnavailable as error:
        pytest.skip(f"not run: {error}")


def wheel_compiler() -> cpu.Compiler:
    """Clang of the wheel; a skip where it is not installed."""
    wheel = cpu.zig()
    if wheel is None:
        pytest.skip("not run: clang of the ziglang wheel: pip install lockstep-tensor[zig]")
    return wheel


def compiled(compiler: cpu.Compiler, folder: Path) -> list[Program]:
    """The programs of all cases."""
    return cpu.CpuBackend(compiler, Cache(folder)).compile([case.kernel for case in CASES])


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> list[Program]:
    """Compiled by the machine's own compiler, if it has one."""
    return compiled(own_compiler(), tmp_path_factory.mktemp("own"))


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.kernel.name for case in CASES])
def test_bits(number: int, programs: list[Program]) -> None:
    assert wrong_bits(programs[number], CASES[number], HostMemory) == {}


def test_the_compiler_of_the_wheel_gives_the_same_bits(tmp_path: Path) -> None:
    """All cases in one test, which is skipped where the wheel is not installed."""
    programs = compiled(wheel_compiler(), tmp_path)
    wrong = {case.kernel.name: wrong_bits(p, case, HostMemory) for p, case in zip(programs, CASES)}
    assert {name: bits for name, bits in wrong.items() if bits} == {}


# -- the text --------------------------------------------------------------------------------------
def test_every_operation_of_the_target_has_a_row() -> None:
    rendered = render_c.EXPRESSIONS.keys() | render_c.STATEMENTS.keys()
    structure = {
        Op.PARAM, Op.TABLE, Op.ARGUMENT, Op.CONST, Op.LOOP, Op.CARRY, Op.END, Op.LOAD, Op.WRITE,
        Op.FORMAL, Op.CALL,
    }  # fmt: skip
    assert rendered == HOST_OPS | structure


def test_proven_addresses_are_signed() -> None:
    """This is what lets a compiler see consecutive addresses."""
    assert "const int32_t r9 = r6 + r8;" in render_c.function(NESTED.kernel, "k")
    wrapping = render_c.function(WRAPPING_INDEX.kernel, "k")
    assert "const int32_t r4 = (int32_t)((uint32_t)r3 * (uint32_t)r2);" in wrapping


@pytest.mark.parametrize("dtype", ["float16", "index", "float32x4"])
def test_what_should_have_been_decomposed_is_refused(dtype: str) -> None:
    kernel = parse(f"kernel k global 1\nr0 {dtype} = CONST [0]")
    with pytest.raises(ValueError, match="should have been decomposed"):
        render_c.function(kernel, "k")


def test_an_operation_without_a_row_is_refused() -> None:
    kernel = parse("kernel k global 1\nr0 float32 = CONST [0]\nr1 float32 = EXP2 r0")
    with pytest.raises(ValueError, match="C has no row for EXP2"):
        render_c.function(kernel, "k")
