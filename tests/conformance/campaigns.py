"""Campaigns for tests, on devices with planted faults.

    python -m tests.conformance.campaigns KIND FOLDER DRAWS SEED DEVICE …

runs one as a process of its own, which a test may kill.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from rich.console import Console

from conformance.harness.campaign.isolated import Devices
from conformance.harness.campaign.session import Wish, run_fuzz
from conformance.harness.campaign.store import Settings, Store
from conformance.harness.case import Case
from conformance.harness.generate import case_seed, random_draw
from conformance.harness.process import Limits
from conformance.harness.subject import EngineSubject, InterpreterSubject, Subject
from engine.linear import LinearKernel
from oracles.formats import Array
from tests.conformance.planted import planted, skips_xor

SOURCE = "tests.conformance.campaigns:subjects_of"
SEED = 3
VECTORS = 2
KEPT = ExitStack()  # devices that last as long as the process
DEADLY, WRONG = 0.04, 0.15  # shares of structures
LENGTH = 5


class Planted(InterpreterSubject):
    """Right, but for what it does after it has run a `share` of all structures."""

    def __init__(
        self, name: str, share: float = 0.0, fault: Callable[[], None] | None = None
    ) -> None:
        self.name, self.share, self.fault = name, share, fault

    def run(self, case: Case) -> list[bytes]:
        outputs = super().run(case)
        if place_of(case) >= self.share:
            return outputs
        if self.fault is None:
            return [bytes(255 - byte for byte in bits) for bits in outputs]
        self.fault()
        return outputs


def place_of(case: Case) -> float:
    """A number from 0 to 1 that depends on the operators of a program alone."""
    names = " ".join(statement.op for statement in case.statements)
    return crc32(names.encode()) / 2**32


class Once(InterpreterSubject):
    """Ends one process, after it has warmed up; a file at $ONCE says that it is done."""

    name = "ONCE"
    ran = 0

    def run(self, case: Case) -> list[bytes]:
        self.ran += 1
        file = Path(os.environ["ONCE"])
        if self.ran > 1 and not file.exists():
            file.touch()
            segfault()
        return super().run(case)


def segfault() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def hang() -> None:
    while True:
        pass


def devour() -> None:
    """More memory than there is."""
    bytearray(64 << 30)


def lose() -> None:
    raise RuntimeError("the device was lost")


def subjects_of(names: Sequence[str] = ()) -> dict[str, Subject]:
    subjects: list[Subject] = [
        Planted("RIGHT"), Planted("WRONG", WRONG), Once(), Planted("DEADLY", DEADLY, segfault),
        Planted("KILLS", 1, segfault), Planted("HANGS", 0.4, hang), Planted("GREEDY", 1, devour),
        Planted("LOST", 1, lose),
    ]  # fmt: skip
    found = {subject.name: subject for subject in subjects if subject.name in names}
    if "PYTHON" in names:
        found["PYTHON"] = EngineSubject("PYTHON")
    if "FLIPS" in names:
        found["FLIPS"] = kept("FLIPS", after=flips_a_bit)
    return found | {name: kept(name, skips=row) for name, row in SKIPS.items() if name in names}


@cache
def kept(name: str, **fault: Any) -> Subject:
    """The engine on a device with a fault; the process keeps it."""
    return EngineSubject(KEPT.enter_context(planted(name, **fault)))


def traps_at_xor(kernel: LinearKernel) -> bool:
    """Kernels with an exclusive or end the process."""
    if skips_xor(kernel):
        segfault()
    return False


def hangs_at_xor(kernel: LinearKernel) -> bool:
    """They never return."""
    if skips_xor(kernel):
        hang()
    return False


SKIPS: dict[str, Callable[[LinearKernel], bool]] = {
    "SKIPS": skips_xor, "TRAPS": traps_at_xor, "STAYS": hangs_at_xor,
}  # fmt: skip


def flips_a_bit(kernel: LinearKernel, written: Sequence[Array]) -> None:
    for array in written:
        if array.dtype == np.float32:
            array.view(np.uint32)[...] ^= 1


def seed_with_both(draws: int) -> int:
    """A seed with one structure that is deadly and one more that is wrong among so many."""
    for seed in count():
        cases = [random_draw(case_seed(seed, k), LENGTH).cases[0] for k in range(draws)]
        places = sorted(map(place_of, cases))
        if places[0] < DEADLY < places[1] < WRONG < places[2]:
            return seed
    raise AssertionError


def fuzz(
    folder: Path, draws: int, *names: str, console: Console | None = None, workers: int = 2,
    limits: Limits | None = None, seed: int = SEED, source: str = SOURCE,
) -> int:  # fmt: skip
    """One run of a campaign; the exit code."""
    settings = Settings(seed, names, LENGTH, VECTORS, steered=False)
    return run(folder, settings, draws, console, workers, limits, source)


def fuzz_sequences(
    folder: Path, draws: int, *names: str, console: Console | None = None, workers: int = 2,
    limits: Limits | None = None, seed: int = SEED,
) -> int:  # fmt: skip
    """The same of sequences."""
    settings = Settings(seed, names, None, 1, steered=False, kind="sequences")
    return run(folder, settings, draws, console, workers, limits)


def run(
    folder: Path, settings: Settings, draws: int, console: Console | None, workers: int,
    limits: Limits | None, source: str = SOURCE,
) -> int:  # fmt: skip
    wish = Wish(workers, None, draws * settings.vectors, limits or Limits())
    devices = Devices(source, settings.devices)
    return run_fuzz(folder, settings, devices, wish, console or Console(quiet=True))


KINDS = {"programs": fuzz, "sequences": fuzz_sequences}


def done(folder: Path) -> dict[str, Any]:
    """Everything that must not depend on who was killed when."""
    store = Store(folder)
    try:
        rows = store.link.execute("SELECT number, cases, statements FROM draws WHERE done")
        return {
            "draws": sorted(rows.fetchall()),
            "coverage": store.coverage(),
            "signatures": store.findings.signatures(),
            "unexplained": {(c.hit.number, c.hit.vector) for c in store.findings.unexplained()},
            "buckets": sorted((b.key, b.state, b.verdict) for b in store.findings.buckets()),
        }
    finally:
        store.close()


if __name__ == "__main__":
    kind, folder, draws, seed, *names = sys.argv[1:]
    sys.exit(KINDS[kind](Path(folder), int(draws), *names, seed=int(seed)))
