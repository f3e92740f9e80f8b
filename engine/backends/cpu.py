"""The CPU device: kernels as C, compiled by the C compiler of the machine or by that of a wheel.

The compiler is $CC, else the first of cc, gcc and clang that works, else clang in the `ziglang`
wheel, used without a C library, whose building would take seconds. A compiler works if it compiles
the prelude of every kernel; what it printed as its version is kept with the compiled code.

A batch of kernels that were never seen is compiled as few translation units, which costs a tenth of
one unit a kernel. The cache knows every kernel by itself: its entry names the library it is in.
"""

from __future__ import annotations

import _ctypes
import ctypes
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from engine.backends import render_c
from engine.backends.base import CompileError, DeviceInfo, DeviceUnavailable, Program
from engine.backends.cache import Cache
from engine.backends.launch import HostProgram, processors, work
from engine.backends.memory import HostMemory
from engine.context import setting
from engine.linear import LinearKernel
from engine.target import Target

FLAGS = (
    "-std=c99", "-fPIC", "-w",
    "-ffp-contract=off", "-fno-fast-math", "-fno-math-errno", "-fno-strict-aliasing",
    "-fno-stack-protector",  # it would call the C library
    # gcc 12.2 sums int8 wrongly in a loop that carries 32 sums (-O3 -march=native); without its
    # vectorizers every compiler agrees. Costs up to five times on elementwise kernels.
    "-fno-tree-vectorize",
)  # fmt: skip
# What makes a compiler use all of this processor; the first that it takes.
NATIVE: tuple[tuple[str, ...], ...] = (("-march=native",), ("-mcpu=native",), ())
# Executed instructions of a launch -> the compiler's level for less than these. Kernels arrive
# optimised, so -Og, which keeps values in registers and does little else, makes code of the same
# speed in a third of the time (of gcc 12: sin takes 1.4 times as long as with -O2, sums, products
# and sorts take as long).
PLAIN, QUICK, BEST = "-O0", "-Og", "-O2"
LEVELS = ((1 << 12, PLAIN), (1 << 20, QUICK))
LARGE = 10000  # instructions of a kernel from which more than a quick level takes too long
UNIT = 16  # kernels that are worth a compiler process of their own
REMEDY = "install gcc or clang, or pip install lockstep-tensor[zig]"
_SYMBOL = "KERNEL"


# -- compilers -------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Compiler:
    """How to make a shared library of C text.

    `command` compiles, and links unless `linker` does that. `native` and `version` are known once
    it was tried.
    """

    command: tuple[str, ...]
    linker: tuple[str, ...] = ()
    native: tuple[str, ...] = ()
    version: str = ""

    def build(self, source: str, level: str = BEST) -> bytes:
        """The bytes of a shared library. CompileError if the compiler refuses."""
        flags = (*FLAGS, *self.native, level)
        with tempfile.TemporaryDirectory(prefix="lockstep-") as folder:
            unit, library = f"{folder}/kernels.o", f"{folder}/kernels.so"
            if self.linker:
                self._run((*self.command, *flags, "-c", "-x", "c", "-", "-o", unit), source)
                self._run((*self.linker, "-shared", unit, "-o", library), source)
            else:
                link = ("-shared", "-nostdlib", "-x", "c", "-", "-o", library)
                self._run((*self.command, *flags, *link), source)
            return Path(library).read_bytes()

    def _run(self, command: Sequence[str], source: str) -> None:
        try:
            result = subprocess.run(
                command, input=source.encode(), capture_output=True, check=False
            )
        except OSError as error:
            raise CompileError(f"{shlex.join(command)}: {error}") from error
        if result.returncode:
            log = (result.stderr + result.stdout).decode(errors="replace").strip()
            raise CompileError(
                f"{shlex.join(command)}\nended with {result.returncode}:\n{log}\n\n{source}"
            )

    def tried(self) -> Compiler:
        """The same with its version and the flags it takes. CompileError if it does not work."""
        version = subprocess.run((*self.command, "--version"), capture_output=True, check=False)
        for native in NATIVE:
            found = replace(self, native=native, version=version.stdout.decode(errors="replace"))
            try:
                found.build(render_c.PRELUDE, "-O0")
            except CompileError:
                if not native:
                    raise
            else:
                return found
        raise AssertionError("the last row of NATIVE is empty")

    def remembered(self, cache: Cache) -> Compiler:
        """`tried`, or what the cache knows of it: running a compiler costs tens of milliseconds."""
        status = os.stat(self.command[0])
        file = f"{os.path.realpath(self.command[0])} {status.st_size} {status.st_mtime_ns}"
        key = ("c compiler", shlex.join(self.command), file, *FLAGS, features(), render_c.PRELUDE)
        if known := cache.get(key):
            native, _, version = known.decode().partition("\n")
            return replace(self, native=tuple(native.split()), version=version)
        found = self.tried()
        cache.put(key, f"{' '.join(found.native)}\n{found.version}".encode())
        return found


def candidates() -> Iterator[Compiler]:
    """Compilers that may be here, best first. $CC, if set, is the only one."""
    if chosen := shlex.split(os.environ.get("CC", "")):
        if path := shutil.which(chosen[0]):
            yield Compiler((path, *chosen[1:]))
        return
    for name in ("cc", "gcc", "clang"):
        if path := shutil.which(name):
            yield Compiler((path,))
    if wheel := zig():
        yield wheel


def zig() -> Compiler | None:
    """Clang and its linker in the `ziglang` wheel, where that is installed."""
    spec = find_spec("ziglang")
    program = Path(spec.origin).with_name("zig") if spec and spec.origin else None
    if program is None or not program.is_file():
        return None
    return Compiler((str(program), "clang", "-ffreestanding"), linker=(str(program), "ld.lld"))


def find_compiler(compilers: Iterable[Compiler], cache: Cache) -> Compiler:
    """The first that works. DeviceUnavailable with the reason if none does."""
    failures: list[str] = []
    for compiler in compilers:
        try:
            return compiler.remembered(cache)
        except (OSError, CompileError) as error:
            lines = str(error).partition("\n\n")[0].splitlines()
            failures.append(" ".join(lines[:4]))
    chosen = os.environ.get("CC")
    missing = f"$CC is {chosen!r}, which is no program" if chosen else "there is no C compiler"
    raise DeviceUnavailable(f"{'; '.join(failures) or missing}: {REMEDY}")


def features() -> str:
    """The processor as the compiler sees it, short: code for another one may not run here."""
    wanted = ("model", "flags", "Features", "cpu family", "stepping", "CPU ")
    try:
        with open("/proc/cpuinfo", "rb") as file:
            text = file.read(1 << 14).decode(errors="replace")
    except OSError:
        text = platform.processor()
    first = text.partition("\n\n")[0]
    lines = [line for line in first.splitlines() if line.startswith(wanted)]
    return f"{platform.machine()} {sha256(chr(10).join(lines).encode()).hexdigest()[:16]}"


# -- libraries -------------------------------------------------------------------------------------
class Library:
    """A shared library in this process, closed when it is collected."""

    def __init__(self, payload: bytes) -> None:
        self.loaded = _loaded(payload)
        finalizer = weakref.finalize(self, _ctypes.dlclose, self.loaded._handle)
        finalizer.atexit = False

    def address(self, symbol: str) -> int:
        """Where a function starts."""
        return ctypes.cast(getattr(self.loaded, symbol), ctypes.c_void_p).value or 0


def _loaded(payload: bytes) -> ctypes.CDLL:
    """Loaded from a file that only this process could have written, and that is gone afterwards.

    Its name is new each time: the loader would answer a known name with the library it has.
    """
    descriptor, path = tempfile.mkstemp(prefix="lockstep-", suffix=".so")
    try:
        with open(descriptor, "wb") as file:
            file.write(payload)
        return ctypes.CDLL(path)
    except OSError as error:
        raise DeviceUnavailable(
            f"compiled code cannot be loaded: {error}; if that folder does not allow execution, "
            "set TMPDIR to one that does"
        ) from error
    finally:
        os.unlink(path)


@dataclass(frozen=True, eq=False)
class _Code:
    """A function of a library, which lives as long as it."""

    library: Library
    address: int


# -- the backend -----------------------------------------------------------------------------------
class CpuBackend:
    """Kernels through a C compiler. `compiler` overrides the search, `cache` the environment."""

    language = render_c.LANGUAGE
    forks = True

    def __init__(self, compiler: Compiler | None = None, cache: Cache | None = None) -> None:
        self.cache = cache or Cache()
        self.candidates = None if compiler is None else [compiler]
        self.target = Target("CPU", vector_bytes=0, threads=processors(), features=(features(),))
        self.code: weakref.WeakValueDictionary[str, _Code] = weakref.WeakValueDictionary()
        self.libraries: weakref.WeakValueDictionary[str, Library] = weakref.WeakValueDictionary()

    @cached_property
    def compiler(self) -> Compiler:
        """DeviceUnavailable if there is none."""
        return find_compiler(self.candidates or candidates(), self.cache)

    @cached_property
    def identity(self) -> str:
        """Whatever else than its text determines the code of a kernel."""
        c = self.compiler
        levels = (str(LEVELS), BEST, str(LARGE))
        parts = (*c.command, *c.linker, *c.native, c.version, *FLAGS, *self.target.features)
        return "\n".join((*parts, *levels, render_c.PRELUDE))

    def info(self) -> DeviceInfo:
        """The compiler, or why there is none."""
        try:
            compiler = self.compiler
        except DeviceUnavailable as error:
            return DeviceInfo("CPU", available=False, detail=str(error), remedy=REMEDY)
        version = compiler.version.partition("\n")[0] or "version unknown"
        detail = f"{shlex.join(compiler.command)} ({version})"
        return DeviceInfo("CPU", available=True, detail=detail, hardware=platform.machine())

    def allocate(self, nbytes: int) -> HostMemory:
        """Host memory, contents undefined."""
        return HostMemory(nbytes)

    def render(self, kernels: Sequence[LinearKernel], remarks: bool = False) -> str:
        """The kernels as one translation unit."""
        return _source(dict(_named_function(kernel, remarks) for kernel in kernels))

    def compile(self, kernels: Sequence[LinearKernel]) -> list[Program]:
        """Programs, from this process, the cache or the compiler, which sees each text once."""
        functions = [_named_function(kernel) for kernel in kernels]
        code: dict[str, _Code] = {}
        missing: dict[str, str] = {}
        levels = {symbol: _level(kernel) for (symbol, _), kernel in zip(functions, kernels)}
        for symbol, text in functions:
            if symbol in code or symbol in missing:
                continue
            if found := self.code.get(symbol) or self._cached(symbol, text):
                code[symbol] = found
            else:
                missing[symbol] = text
        code.update(self._compiled(missing, levels))
        self.code.update(code)
        threads = setting("THREADS") or self.target.threads
        return [
            HostProgram(code[symbol].address, kernel, threads, code[symbol])
            for (symbol, _), kernel in zip(functions, kernels)
        ]

    def _cached(self, symbol: str, text: str) -> _Code | None:
        """The code of one kernel from the cache on disk."""
        name = self.cache.get(("c kernel", self.identity, text))
        if name is None:
            return None
        library = self.libraries.get(name.hex())
        if library is None:
            payload = self.cache.get(("c library", name))
            if payload is None:
                return None
            library = self.libraries[name.hex()] = Library(payload)
        return _Code(library, library.address(symbol))

    def _compiled(self, functions: dict[str, str], levels: dict[str, str]) -> dict[str, _Code]:
        """The code of kernels that nobody has compiled yet, from compilers side by side."""
        if not functions:
            return {}
        units = _units(functions, levels, self.target.threads)
        if len(units) == 1:
            return self._compiled_unit(*units[0])
        with ThreadPoolExecutor(self.target.threads) as pool:
            parts = pool.map(lambda unit: self._compiled_unit(*unit), units)
            return {symbol: code for part in parts for symbol, code in part.items()}

    def _compiled_unit(self, level: str, functions: dict[str, str]) -> dict[str, _Code]:
        """One translation unit, put into the cache."""
        source = _source(functions)
        payload = self.compiler.build(source, level)
        name = sha256(f"{self.identity}\0{level}\0{source}".encode()).digest()
        self.cache.put(("c library", name), payload)
        for text in functions.values():
            self.cache.put(("c kernel", self.identity, text), name)
        library = self.libraries[name.hex()] = Library(payload)
        return {symbol: _Code(library, library.address(symbol)) for symbol in functions}


def _named_function(kernel: LinearKernel, remarks: bool = False) -> tuple[str, str]:
    """Symbol and text. The symbol depends on the text: names of kernels may repeat in a batch."""
    text = render_c.function(kernel, _SYMBOL, remarks)
    symbol = f"{kernel.name}_{sha256(text.encode()).hexdigest()[:24]}"
    return symbol, text.replace(_SYMBOL, symbol)


def _source(functions: dict[str, str]) -> str:
    return "\n".join((render_c.PRELUDE, *functions.values()))


def _level(kernel: LinearKernel) -> str:
    """The compiler's level for a kernel, whatever it is compiled with."""
    done = work(kernel)
    best = QUICK if len(kernel.instructions) > LARGE else BEST
    return next((level for limit, level in LEVELS if done < limit), best)


def _units(
    functions: dict[str, str], levels: dict[str, str], processes: int
) -> list[tuple[str, dict[str, str]]]:
    """(level, functions) for each compiler process."""
    units: list[tuple[str, dict[str, str]]] = []
    for level in sorted({levels[symbol] for symbol in functions}):
        chosen = [symbol for symbol in functions if levels[symbol] == level]
        count = min(processes, -(-len(chosen) // UNIT))
        units += [(level, {s: functions[s] for s in chosen[i::count]}) for i in range(count)]
    return units
