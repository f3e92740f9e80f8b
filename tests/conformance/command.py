"""The command `lockstep` in a test: on subjects of the test's choice, with its output."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from typer.testing import CliRunner

from conformance.harness import cli, devices, session
from conformance.harness.case import Case
from conformance.harness.check import Device
from conformance.harness.subject import ReferenceSubject


class Wrong(ReferenceSubject):
    """Zeros for everything."""

    def run(self, case: Case) -> list[bytes]:
        return [bytes(len(bits)) for bits in super().run(case)]


def use(monkeypatch: pytest.MonkeyPatch, *found: Device) -> None:
    def under_test(names: Sequence[str] = (), full: bool = False) -> list[Device]:
        return list(found)

    monkeypatch.setattr(devices, "under_test", under_test)
    monkeypatch.setattr(session, "under_test", under_test)


def lockstep(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def widen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wide enough that no line is broken."""
    for console in (cli.console, cli.errors):
        monkeypatch.setattr(console, "_width", 250)
