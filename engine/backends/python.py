"""The PYTHON device: executes the linear IR itself, slowly, and checks what devices do not.

It renders nothing and compiles nothing. numpy is loaded when the first kernel is compiled.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from typing import TYPE_CHECKING, Any

from engine.arrays import NUMPY
from engine.backends.base import DeviceInfo, Language, Program
from engine.backends.memory import HostMemory
from engine.linear import LinearKernel, dump
from engine.target import Target

if TYPE_CHECKING:
    from engine.interpret.preconditions import Array


class PythonBackend:
    """The interpreter of `engine.interpret.kernels` as a device.

    Its target has what processors have, so that it executes the decompositions that they do.
    """

    # Vectors as wide as the widest of the others, so that one numpy operation does as much.
    target = Target(
        name="PYTHON", vector_bytes=64, vector_registers=32, threads=1, narrow_index=False
    )
    language = Language("linear IR", "#")
    forks = True

    def info(self) -> DeviceInfo:
        """Always available."""
        detail = f"numpy {metadata.version('numpy')}, one operation an instruction"
        return DeviceInfo("PYTHON", available=True, detail=detail, hardware="interpreter")

    def compile(self, kernels: Sequence[LinearKernel]) -> list[Program]:
        """Programs that interpret the kernels."""
        return [_Interpreted(kernel) for kernel in kernels]

    def allocate(self, nbytes: int) -> HostMemory:
        """Host memory, contents undefined."""
        return HostMemory(nbytes)

    def render(self, kernels: Sequence[LinearKernel], remarks: bool = False) -> str:
        """The kernels as linear text, whose lines are the instructions and need no remarks."""
        return "\n\n".join(dump(kernel) for kernel in kernels)


class _Interpreted:
    """A kernel that is interpreted when it is called."""

    def __init__(self, kernel: LinearKernel) -> None:
        from engine.interpret import kernels

        self.kernel = kernel
        self.run = kernels.run
        self.item_dtypes = [NUMPY[p.dtype] for p in kernel.parameters]

    def __call__(self, buffers: Sequence[Any], variables: Sequence[int]) -> None:
        """Run to completion on `HostMemory`, in the order of the kernel's parameters."""
        self.run(self.kernel, self.views(buffers), variables)

    def views(self, buffers: Sequence[HostMemory]) -> list[Array]:
        """The memories as arrays, which do not outlive the call."""
        import numpy as np

        rows = zip(buffers, self.kernel.parameters, self.item_dtypes, strict=True)
        return [
            np.frombuffer(m.view(p.dtype.itemsize), dtype, p.size) for m, p, dtype in rows
        ]
