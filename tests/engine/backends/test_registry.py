"""Names of devices, the default, and backends that tests plant."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest

from engine.backends import registry
from engine.backends.base import DeviceInfo, DeviceUnavailable, Language, Program
from engine.backends.memory import HostMemory
from engine.backends.registry import Device, canonical
from engine.linear import LinearKernel
from engine.target import Target


class Planted:
    """A backend that only says that it is there."""

    target = Target("PLANTED")
    language = Language("none", "#")
    forks = True

    def info(self) -> DeviceInfo:
        return DeviceInfo("PLANTED", available=True, detail="")

    def compile(self, kernels: Sequence[LinearKernel]) -> list[Program]:
        return []

    def allocate(self, nbytes: int) -> HostMemory:
        return HostMemory(nbytes)

    def render(self, kernels: Sequence[LinearKernel], remarks: bool = False) -> str:
        return ""


@pytest.fixture
def planted() -> Iterator[str]:
    registry.register("PLANTED", Planted)
    yield "PLANTED"
    registry.unregister("PLANTED")


@pytest.fixture(autouse=True)
def unset_default(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("LOCKSTEP_DEVICE", raising=False)
    Device.DEFAULT = None
    yield
    Device.DEFAULT = None


@pytest.mark.parametrize("name,expected", [
    ("llvm", "LLVM"), ("LLVM:0", "LLVM"), ("cpu:1", "CPU:1"), ("Python:01", "PYTHON:1"),
    ("CPU:12", "CPU:12"), (None, "LLVM"), ("webgpu:dawn", "WEBGPU:DAWN"),
    ("WebGPU:Dawn:2", "WEBGPU:DAWN:2"), ("WEBGPU:0", "WEBGPU"),
])  # fmt: skip
def test_canonical(name: str | None, expected: str) -> None:
    assert canonical(name) == expected
    assert canonical(expected) == expected


@pytest.mark.parametrize(
    "name",
    ["", "GPU", "LLVM:", "LLVM:-1", "LLVM:x", "LLVM:0:0", " LLVM", "1", "WEBGPU:DAWN:x", "DAWN"],
)
def test_unknown_names_list_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match="the devices are LLVM, CPU, PYTHON"):
        canonical(name)
    with pytest.raises(ValueError, match="no device"):
        registry.backend(name)


def test_ordinals_share_a_backend(planted: str) -> None:
    backend = registry.backend(planted)
    assert isinstance(backend, Planted)
    assert registry.backend("planted:3") is backend is Device["Planted"]


def test_registering(planted: str) -> None:
    assert planted in registry.known()
    with pytest.raises(ValueError, match="already"):
        registry.register(planted, Planted)
    with pytest.raises(ValueError, match="already"):
        registry.register("CPU", Planted)
    with pytest.raises(ValueError, match="capitals"):
        registry.register("planted2", Planted)
    with pytest.raises(ValueError, match="was not registered"):
        registry.unregister("CPU")


def test_an_unregistered_device_is_unknown(planted: str) -> None:
    registry.unregister(planted)
    try:
        with pytest.raises(ValueError, match="no device"):
            registry.backend(planted)
    finally:
        registry.register(planted, Planted)
    assert registry.backend(planted) is registry.backend(planted)


def test_the_default_device(monkeypatch: pytest.MonkeyPatch, planted: str) -> None:
    monkeypatch.setenv("LOCKSTEP_DEVICE", "cpu:2")
    assert canonical(None) == Device.DEFAULT == "CPU:2"
    Device.DEFAULT = "planted"
    assert canonical(None) == "PLANTED"
    assert isinstance(registry.backend(None), Planted)
    with pytest.raises(ValueError, match="no device 'GPU'"):
        Device.DEFAULT = "gpu".upper()
    assert Device.DEFAULT == "PLANTED"


def test_an_unknown_device_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKSTEP_DEVICE", "abacus")
    with pytest.raises(ValueError, match="no device 'abacus'"):
        canonical(None)


def test_info_has_a_row_for_devices_that_cannot_be_imported() -> None:
    def missing() -> Planted:
        raise ModuleNotFoundError("No module named 'abacus'", name="abacus")

    registry.register("ABACUS", missing)
    try:
        (row,) = [row for row in registry.info() if row.name == "ABACUS"]
        assert not row.available and "needs the Python package abacus" in row.detail
        with pytest.raises(DeviceUnavailable, match="abacus"):
            registry.backend("ABACUS")
    finally:
        registry.unregister("ABACUS")


def test_importing_the_registry_imports_no_backend() -> None:
    code = (
        "import sys, engine.backends.registry as r; r.canonical('cpu'); r.known();"
        "print([m for m in sys.modules if m in ('numpy', 'llvmlite', 'ctypes') or"
        " m.startswith('engine.backends.') and m not in"
        " ('engine.backends.base', 'engine.backends.registry')])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
