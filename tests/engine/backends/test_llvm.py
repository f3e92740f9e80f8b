"""The backend LLVM: how much work goes into the code of a kernel, and where the code lies."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from engine import Tensor
from engine.backends import llvm
from engine.backends.llvm import LlvmBackend, level_of
from engine.linear import LinearKernel, parse


def test_a_kernel_gets_its_level_whatever_it_is_compiled_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A small kernel beside a large one is generated as if it were alone."""
    found: dict[int, list[int]] = {}  # level -> items of each kernel's result
    linked = LlvmBackend._linked

    def recorded(self: LlvmBackend, kernels: list[LinearKernel], level: int) -> object:
        assert all(level_of(kernel) == level for kernel in kernels)
        sizes = [p.size for kernel in kernels for p in kernel.parameters if p.written]
        found.setdefault(level, []).extend(sizes)
        return linked(self, kernels, level)

    monkeypatch.setattr(LlvmBackend, "_linked", recorded)
    small = Tensor(np.arange(7, dtype=np.int16), device="LLVM") * 3 + 1
    large = Tensor(np.arange(1 << 18, dtype=np.int16), device="LLVM") * 3 + 1
    small.realize(large)
    assert found == {0: [7], 2: [1 << 18]}
    assert small.tolist() == [3 * k + 1 for k in range(7)]
    assert (large.numpy() == np.arange(1 << 18).astype(np.int16) * np.int16(3) + np.int16(1)).all()


def _constant_kernel(value: int) -> LinearKernel:
    return parse(
        f"kernel constant{value} global 1\nparam int32 1 out\nr0 int32 = PARAM [(0, 1)]\n"
        f"r1 int32 = CONST [{value}]\nr2 int32 = CONST [0]\nint32 = WRITE r0 r2 r1"
    )


def test_programs_outlive_the_linker_that_made_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llvm, "MODULES", 2)
    backend = LlvmBackend()
    programs, linkers = [], []
    for number in range(5):
        programs += backend.compile([_constant_kernel(number)])
        linkers.append(backend._engine)
    assert len(set(linkers)) == 3
    memory = backend.allocate(4)
    for number, program in enumerate(programs):
        program([memory], [])
        assert int.from_bytes(memory.read(), "little") == number


FAR_APART = """\
import mmap, numpy as np
from engine import Tensor

def compute(n):
    table = Tensor(np.arange(n, dtype=np.float64), device="LLVM").sin()
    return float(table.sum().item())

compute(3)  # what the library needs for itself is there
def taken(nbytes, protection=mmap.PROT_READ):
    return mmap.mmap(-1, nbytes, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, protection)

# Neighbours of one kind would be one mapping: so they take turns, and fill what holes there are.
kinds = mmap.PROT_READ, mmap.PROT_READ | mmap.PROT_WRITE
pages = [taken(mmap.PAGESIZE, kinds[k % 2]) for k in range(20_000)]
large = [taken(1 << 30) for _ in range(3)]
rest = [taken(mmap.PAGESIZE, kinds[k % 2]) for k in range(2_000)]
for hole in pages[-64::2]:
    hole.close()
for n in range(4, 40):
    compute(n)
print("the end")
"""


def test_code_and_its_constants_lie_together_however_memory_is_taken() -> None:
    """Where a page is free here and a page there, 3 GiB apart, and code would refer to both."""
    done = subprocess.run(
        [sys.executable, "-c", FAR_APART], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "the end\n"), done.stderr
