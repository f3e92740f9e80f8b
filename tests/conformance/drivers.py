"""Devices for tests: WEBGPU, whose driver really hangs, or ends the process."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from conformance.harness.case import Case
from conformance.harness.subject import EngineSubject, InterpreterSubject, Subject
from engine.backends.registry import backend
from tests.conformance.campaigns import DEADLY, place_of
from tests.conformance.mortal import has_abs

SOURCE = "tests.conformance.drivers:subjects_of"
SPINS = """\
@group(0) @binding(0) var<storage, read_write> b: array<u32>;
@compute @workgroup_size(1)
fn main() { loop { b[0] = b[0] * 5u + 1u; if (b[0] == 0u && b[1] == 7u) { break; } } }
"""


class Driven(EngineSubject):
    """The meaning of programs, beside a driver that does not survive what it is given after some.

    Of those that a test writes they have abs, of random ones they are a share of all structures.
    """

    def __init__(self, name: str, fault: Callable[[], None]) -> None:
        super().__init__("WEBGPU")
        self.name, self.fault = name, fault

    def run(self, case: Case) -> list[bytes]:
        _ = backend("WEBGPU").target  # the driver is started
        outputs = InterpreterSubject().run(case)
        if has_abs(case) or place_of(case) < DEADLY:
            self.fault()
        return outputs


def spin() -> None:
    """A shader without an end, and then wait for it."""
    import wgpu

    made = backend("WEBGPU")
    memory = made.allocate(8)
    memory.write(bytes(8))
    device = made.adapter.device  # type: ignore[attr-defined]
    module = device.create_shader_module(code=SPINS)
    pipeline = device.create_compute_pipeline(
        layout=wgpu.AutoLayoutMode.auto, compute={"module": module, "entry_point": "main"}
    )
    buffer = memory.buffer  # type: ignore[attr-defined]
    group = device.create_bind_group(
        layout=pipeline.get_bind_group_layout(0),
        entries=[{"binding": 0, "resource": {"buffer": buffer, "offset": 0, "size": 8}}],
    )
    encoder = device.create_command_encoder()
    compute = encoder.begin_compute_pass()
    compute.set_pipeline(pipeline)
    compute.set_bind_group(0, group)
    compute.dispatch_workgroups(1)
    compute.end()
    device.queue.submit([encoder.finish()])
    memory.read()


def abort() -> None:
    """A buffer that was destroyed: wgpu-native panics, and ends the process."""
    made = backend("WEBGPU")
    buffer = made.allocate(8).buffer  # type: ignore[attr-defined]
    device = made.adapter.device  # type: ignore[attr-defined]
    encoder = device.create_command_encoder()
    encoder.clear_buffer(buffer)
    buffer.destroy()
    device.queue.submit([encoder.finish()])


def subjects_of(names: Sequence[str] = ()) -> dict[str, Subject]:
    rows = (Driven("SPINS", spin), Driven("ABORTS", abort))
    found: dict[str, Subject] = {row.name: row for row in rows if row.name in names}
    return found | {name: EngineSubject(name) for name in names if name not in found}
