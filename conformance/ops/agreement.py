"""What a property of programs asks: that every device gives what the reference gives."""

from __future__ import annotations

from hypothesis import note

from conformance.harness.build import Builder
from conformance.harness.devices import under_test
from conformance.harness.subject import EngineSubject, ReferenceSubject

DEVICES = [device.name for device in under_test() if device.subject is not None]


def agree(build: Builder) -> None:
    """AssertionError with the device that differs; the case is shown, to run again."""
    case = build.case()
    note(f"lockstep repro, with this text in a file:\n{case.text}")
    due = ReferenceSubject().run(case)
    for device in DEVICES:
        assert EngineSubject(device).run(case) == due, device
