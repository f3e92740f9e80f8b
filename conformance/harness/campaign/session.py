"""The command `fuzz`: one run of a campaign on a terminal, from its folder to its exit code."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.progress import Progress as Bar

from conformance.harness.campaign import summary
from conformance.harness.campaign.isolated import Devices, IsolatedSubject
from conformance.harness.campaign.journal import FOLDER as RUNNING
from conformance.harness.campaign.kinds import KINDS
from conformance.harness.campaign.schema import FILE
from conformance.harness.campaign.store import Settings, Store
from conformance.harness.campaign.supervisor import Campaign, Progress
from conformance.harness.check import Device
from conformance.harness.devices import under_test, versions
from conformance.harness.ledger import Driven, read_ledger, replay
from conformance.harness.ledger.entries import FILE as LEDGER
from conformance.harness.output import LOG_SECONDS, progress_bar
from conformance.harness.process import Limits
from reports.markdown import counted

SOURCE = "conformance.harness.devices:subjects_of"
LOCK = "lock"
BAR_SECONDS = 0.5  # between two states of the bar
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)([smh]?)", re.ASCII)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Wish:
    """What a run was asked for: seconds or programs (None: until Ctrl-C), and who works."""

    workers: int
    seconds: float | None = None
    programs: int | None = None
    limits: Limits = field(default_factory=Limits)
    ledger: Path = LEDGER

    def draws(self, settings: Settings) -> int | None:
        """The number of draws of about this many programs."""
        return None if self.programs is None else -(-self.programs // settings.vectors)


def duration(text: str | None) -> float | None:
    """Seconds from `90`, `90s`, `30m` or `8h`; ValueError for anything else."""
    if text is None:
        return None
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"--time is a number with s, m or h behind it, not {text!r}")
    return float(match[1]) * _UNITS[match[2]]


def new_settings(
    folder: Path, names: Sequence[str], seed: int, kind: str = "programs"
) -> Settings:
    """Those of a campaign that begins, on the named devices or on all that are here.

    ValueError where the folder has one already, for unknown names and kinds, and where no device is
    here.
    """
    if kind not in KINDS:
        raise ValueError(f"--kind is {' or '.join(KINDS)}, not {kind!r}")
    if (folder / FILE).exists():
        raise ValueError(f"{folder} has a campaign already: --resume {folder}, or another --out")
    found = under_test(names)
    here = [device.name for device in found if device.subject is not None]
    if not here:
        raise ValueError("; ".join(map(absence, found)))
    devices = tuple(device.name for device in found if names) or tuple(here)
    row = KINDS[kind]
    return Settings(seed, devices, None, row.vectors, row.steered, kind)


def absence(device: Device) -> str:
    """Why a device does not run, and what would help."""
    text = f"{device.name} not run: {device.reason}"
    return f"{text} ({device.remedy})" if device.remedy else text


def settings_of(folder: Path) -> Settings:
    """Those of the campaign in a folder; ValueError where there is none."""
    if not (folder / FILE).is_file():
        raise ValueError(f"there is no campaign in {folder}")
    store = Store(folder)
    try:
        found = store.settings()
    finally:
        store.close()
    if found is None:
        raise ValueError(f"the campaign in {folder} has no settings")
    return found


def devices_of(settings: Settings, console: Console) -> Devices:
    """The devices of a campaign, which other processes make again; why some are not here."""
    found = under_test(settings.devices)
    for device in found:
        if device.subject is None:
            console.print(absence(device), style="yellow", markup=False, soft_wrap=True)
    here = {device.name: device.driver for device in found if device.subject is not None}
    return Devices(SOURCE, tuple(here), here)


def run_fuzz(
    folder: Path, settings: Settings, devices: Devices, wish: Wish, console: Console
) -> int:
    """One run: 0 nothing was found, 1 something was, 2 nothing ran.

    The findings are those of the campaign, earlier runs included.  Ctrl-C is one way to end a run.
    ValueError where the folder is in use, or holds no campaign of these settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        store = Store(folder)
        try:
            return _run(store, settings, devices, wish, console)
        finally:
            store.close()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One run at a time.  The lock ends with the process that holds it, however that ends."""
    number = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"another run of the campaign in {folder} is going on") from None
        yield
    finally:
        os.close(number)


def _run(store: Store, settings: Settings, devices: Devices, wish: Wish, console: Console) -> int:
    kind, known = KINDS[settings.kind], store.settings()
    if known is not None and known != settings:
        raise ValueError(f"the campaign in {store.folder} has other settings: {known}")
    before = store.totals()
    shutil.rmtree(store.folder / RUNNING, ignore_errors=True)  # what runs is begun again
    store.begin(settings, wish.workers, versions())
    started = time.monotonic()
    campaign = Campaign(
        store, settings, devices, wish.limits, wish.workers, wish.ledger, wish.draws(settings),
        None if wish.seconds is None else started + wish.seconds,
    )  # fmt: skip
    on = f"{', '.join(devices.names)}, seed {settings.seed}, {counted(wish.workers, 'worker')}"
    console.print(f"random {kind.noun}s on {on}", markup=False)
    interrupted = False
    try:
        with progress_bar(console) as bar:
            _show_progress(campaign, bar, wish, before.draws, console)
            campaign.run()
    except KeyboardInterrupt:
        interrupted = True
    store.end()
    seconds = time.monotonic() - started
    summary.write_findings(store, kind)
    summary.show(store, kind, campaign.progress, seconds, wish.workers, console)
    wrong = witnesses(devices, wish)
    for text in wrong:
        console.print(f"ledger: {text}", style="bold red", markup=False, soft_wrap=True)
    if interrupted:
        text = f"interrupted: lockstep fuzz --resume {store.folder} goes on"
        console.print(text, style="yellow", markup=False, soft_wrap=True)
    return max(summary.exit_code(store), int(bool(wrong)))


def witnesses(devices: Devices, wish: Wish) -> list[str]:
    """What is wrong with the ledger; its witnesses run in processes of their own."""
    ledger = read_ledger(wish.ledger)
    alone = {name: IsolatedSubject(devices.alone(name), wish.limits) for name in devices.names}
    try:
        driven = [Driven(n, devices.drivers.get(n, ""), row) for n, row in alone.items()]
        return replay(ledger, driven, date.today())
    finally:
        for subject in alone.values():
            subject.close()


def _show_progress(
    campaign: Campaign, bar: Bar, wish: Wish, before: int, console: Console
) -> None:
    """The bar shows what will end the run: programs or time; a log has a line a minute."""
    by_draws = campaign.draws is not None
    total = campaign.draws if by_draws else wish.seconds
    task = bar.add_task("", total=total, completed=before if by_draws else 0)
    started = shown = time.monotonic()
    between = LOG_SECONDS if bar.disable else BAR_SECONDS

    def report(progress: Progress) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown < between:
            return
        shown = now
        text = summary.line(campaign.store, campaign.kind, progress, now - started)
        if bar.disable:
            console.print(text, markup=False, highlight=False, soft_wrap=True)
        done = before + progress.draws if by_draws else now - started
        bar.update(task, description=text, completed=done)

    campaign.report = report
