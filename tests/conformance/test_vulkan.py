"""Getting a driver in software: which steps are taken on which system. Nothing is installed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from conformance.harness import vulkan
from conformance.harness.vulkan import CannotInstall, Origin, install, major, origin

POLICY = """mesa-vulkan-drivers:
  Installed: 22.3.6-1+deb12u2
  Candidate: 22.3.6-1+deb12u2
  Version table:
 *** 22.3.6-1+deb12u2 500
        500 http://archive.example/debian sometoy/main amd64 Packages
        100 /var/lib/dpkg/status
"""


class System:
    """A machine with apt: what is installed, and what was run."""

    def __init__(self, version: str, newer: str, policy: str = POLICY) -> None:
        self.version, self.newer, self.policy = version, newer, policy
        self.commands: list[tuple[str, ...]] = []

    def run(self, *command: str) -> str:
        self.commands.append(command)
        if "-t" in command:
            self.version = self.newer
        if command[0] == "dpkg-query":
            return self.version
        return self.policy if command[0] == "apt-cache" else ""

    def use(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
        source = tmp_path / "backports.list"
        monkeypatch.setattr(vulkan, "_run", self.run)
        monkeypatch.setattr(vulkan, "SOURCE", source)
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
        return source


def test_a_driver_that_is_new_enough_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    system = System("25.0.7-2", "")
    source = system.use(monkeypatch, tmp_path)
    assert install(lambda step: None) == "25.0.7-2"
    assert not source.exists()


def test_an_old_driver_is_replaced_from_backports(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    system = System("22.3.6-1+deb12u2", "25.0.7-2~bpo12+1")
    source = system.use(monkeypatch, tmp_path)
    said: list[str] = []
    assert install(said.append) == "25.0.7-2~bpo12+1"
    assert source.read_text() == "deb http://archive.example/debian sometoy-backports main\n"
    assert any("22.3.6" in step and "sometoy-backports" in step for step in said)


def test_without_a_known_origin_nothing_is_guessed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = System("22.3.6", "25", policy="").use(monkeypatch, tmp_path)
    with pytest.raises(CannotInstall, match="65,535 rounds"):
        install(lambda step: None)
    assert not source.exists()


def test_other_users_and_systems_are_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    system = System("25", "25")
    system.use(monkeypatch, tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CannotInstall, match="sudo apt-get install mesa-vulkan-drivers"):
        install(lambda step: None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(CannotInstall, match="no apt-get here"):
        install(lambda step: None)
    assert system.commands == []


def test_a_command_that_fails_says_why() -> None:
    with pytest.raises(CannotInstall, match=r"ls /nowhere-at-all failed: .*nowhere"):
        vulkan._run("ls", "/nowhere-at-all")


@pytest.mark.parametrize(
    ("version", "number"), [("25.0.7-2~bpo12+1", 25), ("1:22.3.6-1", 22), ("unknown", 0)]
)
def test_versions(version: str, number: int) -> None:
    assert major(version) == number


def test_the_origin_is_that_of_the_release() -> None:
    assert origin(POLICY) == Origin("http://archive.example/debian", "sometoy")
