"""Gets a Vulkan driver in software, Mesa's lavapipe, where the system's packages have one.

Mesa before 23 ends a loop after 65,535 rounds without a word. Where a release of Debian has only
such a one, its backports have a newer one: they are at the same place as the release itself.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "mesa-vulkan-drivers"
OLDEST = 23
SOURCE = Path("/etc/apt/sources.list.d/lockstep-backports.list")
APT_GET = ("apt-get", "-q", "-y", "--no-install-recommends")


class CannotInstall(RuntimeError):
    """Why there is no way here to get a driver, and what to do instead."""


@dataclass(frozen=True)
class Origin:
    """Where a package comes from: the address of an archive, and a suite of it."""

    address: str
    suite: str

    def backports(self) -> str:
        """The line of a list of sources for the backports of the suite."""
        return f"deb {self.address} {self.suite}-backports main\n"


_VERSION = re.compile(r"(?:\d+:)?(\d+)\.")
_ORIGIN = re.compile(r"^\s*\d+ (\w+://\S+) ([a-z]+)/main \S+ Packages$", re.MULTILINE)


def major(version: str) -> int:
    """The first number of a package's version, behind the epoch. 0 if it has none."""
    match = _VERSION.match(version)
    return int(match[1]) if match else 0


def origin(policy: str) -> Origin | None:
    """Where a package of the release comes from, by what `apt-cache policy` says of it."""
    match = _ORIGIN.search(policy)
    return Origin(match[1], match[2]) if match else None


def install(say: Callable[[str], None]) -> str:
    """Install the driver, a newer one where the release has an old one; the version it has then.

    CannotInstall with the reason on systems without apt, for other users than root, and where the
    packages cannot be had. `say` is told each step.
    """
    if shutil.which("apt-get") is None:
        raise CannotInstall(f"there is no apt-get here; install Mesa {OLDEST} or newer yourself")
    if os.geteuid() != 0:
        raise CannotInstall(f"only root installs packages: sudo apt-get install {PACKAGE}")
    say("looking for packages")
    _run(*APT_GET, "update")
    say(f"installing {PACKAGE}")
    _run(*APT_GET, "install", PACKAGE)
    if major(_installed()) < OLDEST:
        _install_newer(say)
    return _installed()


def _install_newer(say: Callable[[str], None]) -> None:
    found = origin(_run("apt-cache", "policy", PACKAGE))
    if found is None:
        raise CannotInstall(
            f"Mesa {_installed()} ends loops after 65,535 rounds, and it cannot be seen where a "
            f"newer one may be had; install Mesa {OLDEST} or newer yourself"
        )
    say(f"Mesa {_installed()} ends loops early; taking the one from {found.suite}-backports")
    SOURCE.write_text(found.backports(), "utf-8")
    _run(*APT_GET, "update")
    _run(*APT_GET, "install", "-t", f"{found.suite}-backports", PACKAGE)


def _installed() -> str:
    return _run("dpkg-query", "--show", "--showformat", "${Version}", PACKAGE)


def _run(*command: str) -> str:
    """What a command prints. CannotInstall with its complaint if it fails."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    result = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if result.returncode:
        complaint = (result.stderr or result.stdout).decode(errors="replace").strip()
        raise CannotInstall(f"{' '.join(command)} failed: {complaint[-500:]}")
    return result.stdout.decode(errors="replace").strip()
