"""The backend LLVM: how much work goes into the code of a kernel."""

from __future__ import annotations

import numpy as np
import pytest

from engine import Tensor
from engine.backends.llvm import LlvmBackend, level_of
from engine.linear import LinearKernel


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
