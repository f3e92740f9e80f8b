"""The CPU device: finding a compiler, batches, the cache, launching, threads, float modes."""

from __future__ import annotations

import ctypes
import dataclasses
import gc
import os
import platform
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine import Tensor, dtypes
from engine.backends import cpu, launch, render_c
from engine.backends.base import CompileError, DeviceUnavailable
from engine.backends.cache import Cache
from engine.backends.memory import HostMemory
from engine.backends.registry import backend
from engine.linear import LinearKernel, parse

ROUNDS = 1000


def filling(value: int, name: str = "fill", size: int = 1) -> LinearKernel:
    """Writes `value` to the first item."""
    return parse(f"""kernel {name} global 1
        param int32 {size} out
        r0 int32 = PARAM [(0, {size})]
        r1 int32 = CONST [0]
        r2 int32 = CONST [{value}]
        int32 = WRITE r0 r1 r2""")


def counting(global_size: int) -> LinearKernel:
    """out[i] = i + out[i] for `n` rounds of a global loop, n a variable."""
    return parse(f"""kernel count global {global_size}
        param int32 {ROUNDS} out
        variable n 0 {ROUNDS}
        r0 int32 = PARAM [(0, {ROUNDS})]
        r1 int64 = ARGUMENT [0]
        r2 int64 = LOOP r1 [((0,), 'global')]
        r3 int32 = CONVERT r2
        r4 int32 = LOAD r0 r2
        r5 int32 = ADD r3 r4
        int32 = WRITE r0 r2 r5
        int64 = END r2""")


def repeating(rounds: int) -> LinearKernel:
    """out[i] = i for a constant number of rounds."""
    return parse(f"""kernel repeat global 1
        param int32 {rounds} out
        r0 int32 = PARAM [(0, {rounds})]
        r1 int32 = CONST [{rounds}]
        r2 int32 = LOOP r1 [((0,), 'loop')]
        int32 = WRITE r0 r2 r2
        int32 = END r2""")


def zeros(items: int = ROUNDS) -> HostMemory:
    memory = HostMemory(4 * items)
    memory.write(bytes(4 * items))
    return memory


def items_of(memory: HostMemory) -> list[int]:
    return list(memoryview(memory.read()).cast("i"))


@pytest.fixture(scope="module")
def compiler() -> cpu.Compiler:
    try:
        return cpu.find_compiler(cpu.candidates(), Cache())
    except DeviceUnavailable as error:
        pytest.skip(f"not run: {error}")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def device(compiler: cpu.Compiler, cache: Cache) -> cpu.CpuBackend:
    return cpu.CpuBackend(compiler, cache)


@pytest.fixture
def no_compiling(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From the call on, running a compiler is an error."""

    def refuse(*_: Any) -> bytes:
        raise AssertionError("compiled again")

    return lambda: monkeypatch.setattr(cpu.Compiler, "build", refuse)


# -- compiling -------------------------------------------------------------------------------------
def test_info_names_the_compiler(device: cpu.CpuBackend) -> None:
    info = device.info()
    assert info.available and info.name == "CPU"
    assert device.compiler.command[0] in info.detail
    assert device.compiler.version.splitlines()[0] in info.detail


def test_kernels_of_one_name_in_a_batch(device: cpu.CpuBackend) -> None:
    memory = zeros(1)
    for value, program in zip((1, 2, 1), device.compile([filling(v) for v in (1, 2, 1)])):
        program([memory], ())
        assert items_of(memory) == [value]


def test_large_batches_are_compiled_side_by_side(device: cpu.CpuBackend) -> None:
    memory = zeros(1)
    kernels = [filling(value) for value in range(3 * cpu.UNIT)]
    for value, program in enumerate(device.compile(kernels)):
        program([memory], ())
        assert items_of(memory) == [value]


def test_units_by_level() -> None:
    functions = {f"k{i}": "" for i in range(40)}
    levels = dict.fromkeys(functions, cpu.BEST) | {"k7": cpu.QUICK}
    units = cpu._units(functions, levels, processes=2)
    assert [(level, len(part)) for level, part in units] == [("-O2", 20), ("-O2", 19), ("-Og", 1)]
    assert {name for _, part in units for name in part} == functions.keys()


def test_a_kernel_gets_its_level_whatever_it_is_compiled_with() -> None:
    unknown = counting(0)  # whose rounds depend on a variable
    large = dataclasses.replace(unknown, instructions=unknown.instructions * cpu.LARGE)
    kernels = (filling(1), repeating(1 << 10), repeating(1 << 14), repeating(1 << 20))
    levels = [cpu._level(kernel) for kernel in (*kernels, unknown, large)]
    assert levels == [cpu.PLAIN, cpu.PLAIN, cpu.QUICK, cpu.BEST, cpu.BEST, cpu.QUICK]


def test_render_is_one_unit_that_compiles(device: cpu.CpuBackend) -> None:
    assert device.compiler.build(device.render([filling(1), filling(2), filling(1)]))


def test_a_kernel_of_a_batch_is_cached_by_itself(
    device: cpu.CpuBackend, no_compiling: Callable[[], None]
) -> None:
    device.compile([filling(1), filling(2)])
    no_compiling()
    memory = zeros(1)
    (program,) = cpu.CpuBackend(device.compiler, device.cache).compile([filling(2)])
    program([memory], ())
    assert items_of(memory) == [2]


def test_code_in_this_process_needs_no_cache(
    compiler: cpu.Compiler, no_compiling: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCKSTEP_CACHE", "off")
    device = cpu.CpuBackend(compiler.tried())
    (program,) = device.compile([filling(1)])
    no_compiling()
    assert device.compile([filling(1)])[0].function is not program.function  # type: ignore[attr-defined]


def test_a_damaged_library_is_compiled_again(device: cpu.CpuBackend) -> None:
    device.compile([filling(3)])
    gc.collect()
    root = device.cache.root
    assert root is not None
    for path in root.iterdir():
        data = path.read_bytes()
        if b"ELF" in data:
            path.write_bytes(data[:200] + bytes(len(data) - 200))
    memory = zeros(1)
    cpu.CpuBackend(device.compiler, device.cache).compile([filling(3)])[0]([memory], ())
    assert items_of(memory) == [3]


def test_libraries_are_unloaded(device: cpu.CpuBackend) -> None:
    def loaded() -> int:
        gc.collect()
        return Path("/proc/self/maps").read_text().count("lockstep-")

    before = loaded()
    programs = device.compile([filling(4), filling(5)])
    assert loaded() > before
    del programs
    assert loaded() == before


def test_the_identity_covers_flags_version_and_processor(device: cpu.CpuBackend) -> None:
    identity = device.identity
    for part in (*cpu.FLAGS, *device.compiler.native, device.compiler.version, cpu.features()):
        assert part in identity


def test_refused_code_carries_the_code_and_the_log(compiler: cpu.Compiler, cache: Cache) -> None:
    device = cpu.CpuBackend(compiler, cache)
    broken = dataclasses.replace(device.compiler, native=("-fno-such-flag-as-this",))
    device.__dict__["compiler"] = broken
    with pytest.raises(CompileError, match="no-such-flag") as caught:
        device.compile([filling(6)])
    assert "r0[r1] = r2;" in str(caught.value)


def test_fast_math_is_refused(compiler: cpu.Compiler) -> None:
    """Whatever flags a wrapper adds, a kernel that may round differently does not compile."""
    fast = dataclasses.replace(compiler, native=("-ffast-math",))
    with pytest.raises(CompileError, match="IEEE 754 arithmetic is needed"):
        fast.build(render_c.PRELUDE)


# -- finding a compiler ----------------------------------------------------------------------------
def test_no_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Cache) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(cpu, "zig", lambda: None)
    device = cpu.CpuBackend(cache=cache)
    info = device.info()
    assert not info.available
    assert "there is no C compiler" in info.detail and "lockstep-tensor[zig]" in info.remedy
    with pytest.raises(DeviceUnavailable) as caught:
        device.compile([filling(1)])
    assert str(caught.value) == info.detail


def test_cc_is_the_only_candidate(monkeypatch: pytest.MonkeyPatch, cache: Cache) -> None:
    monkeypatch.setenv("CC", "no-such-compiler -m64")
    assert list(cpu.candidates()) == []
    with pytest.raises(DeviceUnavailable, match="CC is 'no-such-compiler -m64'"):
        cpu.find_compiler(cpu.candidates(), cache)


def test_a_compiler_that_does_not_work_is_passed_over(compiler: cpu.Compiler, cache: Cache) -> None:
    broken = cpu.Compiler(("/bin/false",))
    assert cpu.find_compiler([broken, compiler], cache).command == compiler.command
    with pytest.raises(DeviceUnavailable, match="ended with 1"):
        cpu.find_compiler([broken], cache)


def test_a_tried_compiler_is_remembered(
    compiler: cpu.Compiler, cache: Cache, no_compiling: Callable[[], None]
) -> None:
    bare = dataclasses.replace(compiler, native=(), version="")
    found = bare.remembered(cache)
    no_compiling()
    assert bare.remembered(cache) == found
    assert found.version


# -- launching -------------------------------------------------------------------------------------
@pytest.mark.parametrize("threads", [1, 2, 3, 64, 5000])
def test_split_across_threads(device: cpu.CpuBackend, threads: int) -> None:
    """Every round runs once: a second one would add again."""
    kernel = counting(ROUNDS)
    (alone,) = device.compile([kernel])
    assert isinstance(alone, launch.HostProgram)
    address = alone.keepalive.address  # type: ignore[attr-defined]
    memory = zeros()
    launch.HostProgram(address, kernel, threads, alone)([memory], (ROUNDS,))
    assert items_of(memory) == list(range(ROUNDS))


@pytest.mark.parametrize("n", [0, 1, 777, ROUNDS])
def test_a_global_loop_of_variable_size_runs_whole(device: cpu.CpuBackend, n: int) -> None:
    (program,) = device.compile([counting(0)])
    memory = zeros()
    program([memory], (n,))
    assert items_of(memory) == [*range(n), *[0] * (ROUNDS - n)]


@pytest.mark.parametrize("start,end,rounds", [
    (0, -1, range(ROUNDS)), (0, 0, ()), (5, 5, ()), (5, 9, range(5, 9)),
    (990, 5000, range(990, ROUNDS)),
])  # fmt: skip
def test_the_caller_chooses_rounds(
    device: cpu.CpuBackend, start: int, end: int, rounds: range
) -> None:
    (program,) = device.compile([counting(ROUNDS)])
    assert isinstance(program, launch.HostProgram)
    memory = zeros()
    program.function(
        struct.pack("Q", memory.address), struct.pack("q", ROUNDS),
        ctypes.c_int64(start), ctypes.c_int64(end),
    )  # fmt: skip
    assert items_of(memory) == [i if i in rounds else 0 for i in range(ROUNDS)]


@pytest.mark.parametrize("rounds,threads", [(2, 2), (7, 3), (1000, 4), (5, 5)])
def test_pieces_cover_all_rounds(rounds: int, threads: int) -> None:
    pieces = [range(a.value, b.value) for a, b in launch._pieces(rounds, threads)]
    assert [i for piece in pieces for i in piece] == list(range(rounds))
    assert max(map(len, pieces)) - min(map(len, pieces)) <= 1


def test_a_wrong_number_of_arguments(device: cpu.CpuBackend) -> None:
    (program,) = device.compile([counting(ROUNDS)])
    with pytest.raises(struct.error):
        program([], (1,))
    with pytest.raises(struct.error):
        program([zeros()], ())


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_threads_after_a_fork(device: cpu.CpuBackend) -> None:
    kernel = counting(ROUNDS)
    (alone,) = device.compile([kernel])
    program = launch.HostProgram(alone.keepalive.address, kernel, 2, alone)  # type: ignore[attr-defined]
    program([zeros()], (ROUNDS,))  # starts the pool
    child = os.fork()
    if child == 0:
        memory = zeros()
        program([memory], (ROUNDS,))
        os._exit(0 if items_of(memory) == list(range(ROUNDS)) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# -- float modes -----------------------------------------------------------------------------------
PRODUCT = parse("""kernel product global 1
    param float32 2 in
    param float32 1 out
    r0 float32 = PARAM [(0, 2)]
    r1 float32 = PARAM [(1, 1)]
    r2 int32 = CONST [0]
    r3 int32 = CONST [1]
    r4 float32 = LOAD r0 r2
    r5 float32 = LOAD r0 r3
    r6 float32 = MUL r4 r5
    float32 = WRITE r1 r2 r6""")
MXCSR = """
unsigned get_mode(void) { return __builtin_ia32_stmxcsr(); }
void set_mode(unsigned mode) { __builtin_ia32_ldmxcsr(mode); }
"""
DEFAULT_MODE = 0x1F80
MODES = {
    "flush results": DEFAULT_MODE | 0x8000,
    "subnormals are zero": DEFAULT_MODE | 0x0040,
    "both": DEFAULT_MODE | 0x8040,
    "towards zero": DEFAULT_MODE | 0x6000,
    "upwards": DEFAULT_MODE | 0x4000,
}


@pytest.mark.skipif(
    platform.machine() != "x86_64", reason="not run: it sets the mode register of x86"
)
@pytest.mark.parametrize("kind", ["CPU", "LLVM"])
@pytest.mark.parametrize("name", MODES)
def test_the_callers_float_mode_changes_nothing(
    name: str, kind: str, device: cpu.CpuBackend
) -> None:
    """A library loaded with -ffast-math leaves a process in such a mode. Ours, and it, survive."""
    library = cpu.Library(device.compiler.build(MXCSR))
    set_mode = ctypes.CFUNCTYPE(None, ctypes.c_uint)(library.address("set_mode"))
    get_mode = ctypes.CFUNCTYPE(ctypes.c_uint)(library.address("get_mode"))
    (program,) = (device if kind == "CPU" else backend(kind)).compile([PRODUCT])
    encode = dtypes.float32.encode
    factors = {  # inputs -> product, rounded to nearest
        (2.0**-149, 3.0): 3 * 2.0**-149,
        (2.0**-100, 2.0**-40): 2.0**-140,
        (1 + 2.0**-23, 1 + 2.0**-22): 1 + 3 * 2.0**-23,
        (1 + 2.0**-22, 1 + 3 * 2.0**-23): 1 + 5 * 2.0**-23,
        (1 + 2.0**-12, 1 + 3 * 2.0**-12): 1 + 2.0**-10 + 2.0**-22,
    }
    source, result = HostMemory(8), HostMemory(4)
    modes, found = [], []
    for x, y in factors:
        source.write(struct.pack("II", encode(x), encode(y)))
        set_mode(MODES[name])
        program([source, result], ())
        modes.append(get_mode())
        set_mode(DEFAULT_MODE)
        found.append(int.from_bytes(result.read(), "little"))
    assert found == [encode(product) for product in factors.values()]
    assert modes == [MODES[name]] * len(factors)


def test_narrow_integers_are_summed_right() -> None:
    """gcc 12.2 with its loop vectorizer gave other sums for these; LLVM and Python agree."""
    values = [(7 * i) % 251 - 125 for i in range(384)]
    data = Tensor(values, dtype="int8", device="CPU").reshape(3, 128)
    assert data.sum(axis=1).tolist() == [sum(values[i : i + 128]) for i in (0, 128, 256)]
