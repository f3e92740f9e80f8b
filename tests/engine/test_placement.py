"""Constants and devices: no kernel reads the memory of another device.

Devices of the host share their memory, so that a mistake gives the right bits: what is looked at
here is the memory that kernels are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from engine import Tensor, realize
from engine.backends.base import Memory
from engine.backends.memory import HostMemory
from engine.backends.registry import Device

DEVICES = ("LLVM", "CPU", "PYTHON")


class Given:
    """Which memory belongs to which device, and what programs were given beside that of theirs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.owner: dict[int, str] = {}
        self.kept: list[Memory] = []  # so that no address comes again
        self.mixed: list[set[str]] = []
        self.launches = 0
        for name in DEVICES:
            chosen = Device[name]
            monkeypatch.setattr(chosen, "allocate", self.allocating(name))
            monkeypatch.setattr(chosen, "compile", self.compiling(name, chosen.compile))
        realize.forget()

    def allocating(self, name: str) -> Any:
        def allocate(nbytes: int) -> Memory:
            memory = HostMemory(nbytes)
            self.owner[id(memory)] = name
            self.kept.append(memory)
            return memory

        return allocate

    def compiling(self, name: str, made: Any) -> Any:
        def watched(program: Any) -> Any:
            def launch(buffers: Sequence[Memory], variables: Sequence[int]) -> None:
                self.launches += 1
                found = {self.owner[id(memory)] for memory in buffers}
                if found != {name}:
                    self.mixed.append(found)
                program(buffers, variables)

            return launch

        return lambda kernels: [watched(program) for program in made(kernels)]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The default device is one that no program here asks for."""
    monkeypatch.setattr(Device, "_default", "PYTHON")
    yield Given(monkeypatch)
    realize.forget()


def unplaced() -> Tensor:
    """Three kernels at least: 1, 1, 1, 2, 2, 2, 2."""
    made = Tensor.cat(Tensor.full((4,), 2), Tensor.full((3,), 1)).sort()[0]
    assert made._device is None, "an expression of constants has no device"
    return made


def test_constants_are_computed_on_the_device_of_the_program(given: Given) -> None:
    x = Tensor([1, 2, 3, 4, 5, 6, 7], device="CPU") + unplaced()
    assert x.tolist() == [2, 3, 4, 6, 7, 8, 9]
    assert given.launches and not given.mixed


def test_programs_on_two_devices(given: Given) -> None:
    y = unplaced()
    first = Tensor([1] * 7, device="CPU") + y
    second = Tensor([2] * 7, device="LLVM") + y
    assert (first.to("LLVM") * second).tolist() == [6, 6, 6, 12, 12, 12, 12]
    assert given.launches and not given.mixed


def test_what_was_computed_elsewhere(given: Given) -> None:
    y = unplaced()
    assert y.tolist() == [1, 1, 1, 2, 2, 2, 2]
    for device in DEVICES:
        x = Tensor([1] * 7, device=device) + y
        assert x.tolist() == [2, 2, 2, 3, 3, 3, 3]
        assert (y + x).tolist() == [3, 3, 3, 5, 5, 5, 5]
    assert given.launches and not given.mixed
