"""LLVM through llvmlite, in process: the default device.

Kernels arrive optimised, so no IR passes run; only code generation does, whose time grows faster
than linearly with the code, so that large kernels are generated at a lower level.
"""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from engine.backends.base import CompileError, DeviceInfo, DeviceUnavailable, Program
from engine.backends.cache import Cache
from engine.backends.launch import HostProgram, processors, work
from engine.backends.memory import HostMemory
from engine.backends.render_llvm import LANGUAGE, render
from engine.context import setting
from engine.linear import LinearKernel
from engine.target import Target

REMEDY = "pip install llvmlite"
SMALL_WORK = 1 << 14  # executed instructions of a launch below which better code saves nothing
MODULES = 64  # of one linker: it takes longer over each the more it has had, and a new one 0.4 ms
LEVELS = ((2_000, 2), (8_000, 1))  # instructions of a kernel -> code generation level


class LlvmBackend:
    """Compiles for the processor it runs on."""

    language = LANGUAGE
    forks = True

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._engine: Any = None
        self._machines: dict[int, Any] = {}
        self._cache = Cache()
        self._modules = 0
        self._libraries: weakref.WeakSet[Any] = weakref.WeakSet()
        atexit.register(self._abandon)

    def _abandon(self) -> None:
        """At exit Python collects in any order, but LLVM dies if the linker goes before a library.

        What is left then belongs to the operating system anyway.
        """
        for library in list(self._libraries):
            library.detach()
        if self._engine is not None:
            self._engine.detach()

    # -- the library -------------------------------------------------------------------------------
    def _binding(self) -> Any:
        try:
            import llvmlite.binding as binding
        except ImportError as error:
            raise DeviceUnavailable(f"LLVM: llvmlite is missing ({error}); {REMEDY}") from error
        return binding

    def _linker(self) -> Any:
        """Where the next module is linked: one that finds modules by their names, one by one.

        It is JITLink, which lays the sections of a module beside each other. LLVM's older linker
        has them wherever there is room, and ends the process where that is more than 2 GiB apart,
        as it is in a program with arrays of that size.
        """
        if self._modules % MODULES == 0:
            machine = self._machine(2)
            self._engine = self._binding().create_lljit_compiler(machine, use_jit_link=True)
        self._modules += 1
        return self._engine

    def _machine(self, level: int) -> Any:
        if level not in self._machines:
            binding = self._binding()
            binding.initialize_native_target()
            binding.initialize_native_asmprinter()
            target = binding.Target.from_default_triple()
            self._machines[level] = target.create_target_machine(
                cpu=self._processor,
                features=self._features,
                opt=level,
                reloc="pic",
                codemodel="default",
            )
        return self._machines[level]

    @cached_property
    def _features(self) -> str:
        return str(self._binding().get_host_cpu_features().flatten())

    @cached_property
    def _processor(self) -> str:
        return str(self._binding().get_host_cpu_name())

    @cached_property
    def target(self) -> Target:
        """Vector width and registers as the processor has them."""
        features = self._binding().get_host_cpu_features()
        wide = bool(features.get("avx512f"))
        return Target(
            name="LLVM",
            vector_bytes=64 if wide else 32 if features.get("avx2") else 16,
            vector_registers=32 if wide else 16,
            threads=processors(),
            narrow_index=False,
            features=(self._processor,),
        )

    def info(self) -> DeviceInfo:
        try:
            binding = self._binding()
            import llvmlite
        except DeviceUnavailable as error:
            return DeviceInfo("LLVM", False, str(error), REMEDY)
        version = ".".join(map(str, binding.llvm_version_info))
        detail = f"LLVM {version}, llvmlite {llvmlite.__version__}"
        return DeviceInfo("LLVM", True, detail, hardware=self._processor)

    # -- compiling ---------------------------------------------------------------------------------
    def render(self, kernels: Sequence[LinearKernel], remarks: bool = False) -> str:
        processor = self._binding().get_process_triple().split("-")[0]
        return render(kernels, processor, remarks)

    def compile(self, kernels: Sequence[LinearKernel]) -> list[Program]:
        """Programs; kernels of one code generation level are a module."""
        levels = [level_of(kernel) for kernel in kernels]
        threads = setting("THREADS") or self.target.threads
        programs: dict[int, Program] = {}
        for level in sorted(set(levels)):
            chosen = [number for number, own in enumerate(levels) if own == level]
            library = self._linked([kernels[number] for number in chosen], level)
            for number in chosen:
                kernel = kernels[number]
                programs[number] = HostProgram(library[kernel.name], kernel, threads, library)
        return [programs[number] for number in range(len(kernels))]

    def _linked(self, kernels: Sequence[LinearKernel], level: int) -> Any:
        """The addresses of a module's kernels by name, which live as long as this object."""
        with self._lock:
            code = self._object(self.render(kernels), level)
            builder = self._binding().JITLibraryBuilder().add_object_img(code)
            for kernel in kernels:
                builder.export_symbol(kernel.name)
            library = builder.link(self._linker(), f"lockstep{self._modules}")
            self._libraries.add(library)
        return library

    def _object(self, text: str, level: int) -> bytes:
        """Machine code of a module, from the cache if it has been generated before."""
        binding = self._binding()
        version = ".".join(map(str, binding.llvm_version_info))
        key = (
            "llvm", version, self._processor, self._features, str(level), text,
        )  # fmt: skip
        cached = self._cache.get(key)
        if cached is not None:
            return cached
        try:
            module = binding.parse_assembly(text)
        except RuntimeError as error:
            raise CompileError(f"LLVM refused a kernel: {error}\n{text}") from error
        code = bytes(self._machine(level).emit_object(module))
        self._cache.put(key, code)
        return code

    def allocate(self, nbytes: int) -> HostMemory:
        return HostMemory(nbytes)


def level_of(kernel: LinearKernel) -> int:
    """The code generation level of a kernel, whatever it is compiled with."""
    if work(kernel) < SMALL_WORK:
        return 0
    size = len(kernel.instructions)
    return next((level for limit, level in LEVELS if size <= limit), 0)
