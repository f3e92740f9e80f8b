"""What a campaign has found: a line while it runs, one screen at its end, a file a finding."""

from __future__ import annotations

import re
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

from conformance.harness.campaign.findings import Bucket
from conformance.harness.campaign.kinds import Kind
from conformance.harness.campaign.store import Store, digest
from conformance.harness.campaign.supervisor import Progress
from conformance.harness.output import show_command
from reports.markdown import counted, printable

FOLDER = "findings"
SHOWN = 8  # findings on the screen
WIDE = 200  # characters of a problem there
KNOWN = "known"  # the verdict of what the ledger explains


def line(store: Store, kind: Kind, progress: Progress, seconds: float) -> str:
    """How a run goes: programs a second, what was reached, what was found."""
    rate = progress.cases / seconds if seconds else 0.0
    features, found = store.totals().features, len(store.findings.buckets())
    said = f"{counted(progress.cases, kind.noun)}, {rate:.0f}/s"
    said += f", {features:,} reached, {found} found"
    return f"{said}, {progress.deaths} died" if progress.deaths else said


def exit_code(store: Store) -> int:
    """0 clean, 1 findings, 2 nothing ran."""
    new = any(bucket.verdict != KNOWN for bucket in store.findings.buckets())
    if new or store.findings.unexplained():
        return 1
    return 0 if any(cases for cases, _ in store.timings().values()) else 2


def show(
    store: Store, kind: Kind, progress: Progress, seconds: float, workers: int, console: Console
) -> None:
    """One screen."""
    totals, found = store.totals(), store.findings.buckets()
    for number, bucket in enumerate(found[:SHOWN], 1):
        _show_bucket(store, kind, number, bucket, console)
    if len(found) > SHOWN:
        console.print(f"… and {len(found) - SHOWN} more in {store.folder / FOLDER}", markup=False)
    waiting = store.findings.unexplained()
    for claim in waiting[:SHOWN]:
        first, *_ = claim.hit.problem.text.splitlines() or [""]
        text = f"unexplained: {first[:WIDE]} (draw {claim.hit.number})"
        console.print(printable(text), style="red", markup=False, soft_wrap=True)
    rate = progress.cases / seconds if seconds else 0.0
    said = f"{counted(progress.cases, kind.noun)} in {seconds:.1f} s: {rate:.1f} a second"
    console.print(f"{said}, {rate / workers:.1f} a worker", markup=False, highlight=False)
    said = counted(totals.cases, kind.noun)
    said += f" of {counted(totals.draws, 'structure')}" if kind.vectors > 1 else ""
    said += f", {counted(totals.statements, 'statement')}, {totals.features:,} things reached"
    console.print(f"in all: {said}", markup=False, highlight=False)
    for device, (cases, spent) in sorted(store.timings().items()):
        text = f"{device:10} {counted(cases, 'run')} in {spent:.1f} s"
        console.print(text, markup=False, highlight=False)
    if progress.deaths:
        console.print(f"{counted(progress.deaths, 'worker')} died", style="yellow", markup=False)
    if exit_code(store) == 2:
        console.print("nothing ran", style="bold red")
        return
    new = sum(bucket.verdict != KNOWN for bucket in found)
    text = f"{counted(new, 'finding')}, {len(found) - new} known, {len(waiting)} unexplained"
    console.print(Text(text, "red" if new or waiting else "green"))


def _show_bucket(
    store: Store, kind: Kind, number: int, bucket: Bucket, console: Console
) -> None:
    style = "cyan" if bucket.verdict == KNOWN else "red"
    when = f"{_clock(bucket.first)} to {_clock(bucket.last)}"
    console.print(
        printable(f"{number}. {bucket.key}: {counted(bucket.count, kind.noun)}, {when}"),
        style=style, markup=False, soft_wrap=True,
    )  # fmt: skip
    first, *_ = bucket.text.splitlines() or [""]  # the certificate is in the report of `repro`
    console.print(printable(f"   {first[:WIDE]}"), markup=False, highlight=False, soft_wrap=True)
    if bucket.body:
        show_command(console, files_of(store.folder, kind, bucket)[0])


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def files_of(folder: Path, kind: Kind, bucket: Bucket) -> tuple[Path, Path, Path]:
    """The program, the script and the blame of a finding."""
    words = "-".join(re.findall(r"[a-z0-9]+", bucket.key.lower()))[:48]
    stem = f"{words}-{digest(bucket.key)[:6]}"
    where = folder / FOLDER
    return where / f"{stem}{kind.suffix}", where / f"{stem}.py", where / f"{stem}.json"


def write_findings(store: Store, kind: Kind) -> None:
    """A finding's smallest program, as text and as a script, and what is to blame."""
    (store.folder / FOLDER).mkdir(exist_ok=True)
    for bucket in store.findings.buckets():
        for file, text in zip(files_of(store.folder, kind, bucket),
                              (bucket.body, bucket.script, bucket.blame)):  # fmt: skip
            if text:
                file.write_text(text, "utf-8")
