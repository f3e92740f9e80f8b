"""Devices of WebGPU when memory or the device is no more: errors that say so, and what follows.

wgpu-native ends the process when it is given a destroyed buffer to copy, so every story here is
told in a process of its own, which prints what happened and has to reach its end.
"""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

import pytest

from engine.backends.base import DeviceUnavailable
from engine.backends.registry import backend
from engine.backends.webgpu import WebGpuBackend
from engine.backends.webgpu_adapter import Adapter
from tests.engine.backends.test_webgpu import IMPLEMENTATIONS

START = """
    import numpy as np
    from engine import Tensor
    from engine.backends.base import DeviceLost, MemoryFreed
    from engine.backends.registry import backend
    from engine.linear import parse
    from tests.engine.backends.test_webgpu import INCREMENT

    device = backend("NAME")
    (program,) = device.compile([parse(INCREMENT)])
    x, y = device.allocate(32), device.allocate(32)
    x.write(np.arange(8, dtype=np.uint32).tobytes())

    def told(error, action, *given):
        try:
            action(*given)
        except error as found:
            print(str(found))
        else:
            raise AssertionError(f"{action} went through")
"""


def story(name: str, text: str) -> list[str]:
    """The lines that a process prints; it must end well. A skip where there is no adapter."""
    try:
        backend(name).adapter  # type: ignore[attr-defined]
    except DeviceUnavailable as error:
        pytest.skip(f"not run: {error}")
    whole = dedent(START) + dedent(text) + "\nprint('the end')"
    done = subprocess.run(
        [sys.executable, "-c", whole.replace("NAME", name)],
        check=False, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and lines[-1] == "the end", done.stderr[-3000:]
    return lines[:-1]


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_memory_that_was_freed_is_refused(name: str) -> None:
    lines = story(name, """
        x.free()
        x.free()
        told(MemoryFreed, x.read)
        told(MemoryFreed, x.write, bytes(32))
        told(MemoryFreed, x.write, bytes(3))
        told(MemoryFreed, program, [x, y], (1,))
        told(MemoryFreed, program, [y, x], (1,))
        y.write(np.full(8, 5, np.uint32).tobytes())
        program([y, y], (2,))
        print(np.frombuffer(y.read(), np.uint32).tolist())
    """)
    assert len(lines) == 6
    assert all("32 bytes" in line and "after they were freed" in line for line in lines[:5])
    assert lines[5] == str([7] * 8)


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_memory_that_is_freed_may_still_be_in_use(name: str) -> None:
    """What was launched before reads it to the end."""
    lines = story(name, """
        program([x, y], (3,))
        x.free()
        print(np.frombuffer(y.read(), np.uint32).tolist())
    """)
    assert lines == [str(list(range(3, 11)))]


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_a_lost_device_is_named_and_another_is_started(name: str) -> None:
    """Whatever notices it first. Programs go on, memory does not."""
    lines = story(name, """
        uses = (
            lambda: x.read(), lambda: y.read(), lambda: x.write(bytes(32)),
            lambda: x.write(bytes(3)), lambda: program([x, y], (1,)),
            lambda: program([x, x], (1,)), lambda: device.allocate(32),
            lambda: device.compile([parse(INCREMENT)]),
        )
        for first in uses:
            z = (Tensor([1, 2], device="NAME") + 1).realize()
            before = device.adapter
            before.device.destroy()
            for use in (first, x.read, lambda: program([x, y], (1,)), z.tolist):
                told(DeviceLost, use)
            again = (Tensor([5, 6], device="NAME") + 1).tolist()
            x, y = device.allocate(32), device.allocate(32)
            x.write(bytes(32))
            program([x, y], (9,))
            print(again, np.frombuffer(y.read(), np.uint32).tolist(), device.adapter is before)
    """)
    identity = backend(name).adapter.identity  # type: ignore[attr-defined]
    said = [line for line in lines if "was lost" in line]
    assert len(said) == 8 * 4 and len(lines) == 8 * 5
    assert all(f"the device on {identity}" in line for line in said)
    assert all("The next use starts a new device" in line for line in said)
    assert lines[4::5] == [f"[6, 7] {[9] * 8} False"] * 8


def test_another_driver_does_not_take_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels were made for what was measured on the one that is gone."""
    rows = [Adapter("WEBGPU", None, None, name, "CPU", {}) for name in ("one driver", "another")]
    monkeypatch.setattr("engine.backends.webgpu_wgpu.Wgpu.start", lambda self: rows[1])
    other = WebGpuBackend(rows[0])
    assert other.adapter is rows[0]
    rows[0].lost = True
    with pytest.raises(DeviceUnavailable, match=r"one driver was lost, .* only another now"):
        other.adapter
