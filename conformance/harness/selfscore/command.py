"""`lockstep selfscore`: hunt every fault, and show what was found."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from shutil import which

from rich.console import Console
from rich.table import Table

from conformance.harness.output import progress_bar
from conformance.harness.selfscore.faults import Fault, faults
from conformance.harness.selfscore.score import CONTROL, Hunt, Job, score
from conformance.harness.selfscore.table import keep, summary


def chosen(names: Sequence[str]) -> list[Fault]:
    """The faults of these names, all without any; ValueError for a name that none has."""
    known = {fault.name: fault for fault in faults()}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"no such fault: {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in names or known]


def run_selfscore(
    hunted: Sequence[Fault], seconds: float, controls: int, seed: int, workers: int,
    record: Path | None, console: Console,
) -> int:
    """0 all are found and nothing else, 1 one is missed or a control finds something, 2 none ran.

    What does not run, for want of its device, is neither found nor missed, and not recorded.
    """
    jobs = [Job(fault, seconds, seed) for fault in hunted]
    jobs += [Job(None, seconds, seed + k) for k in range(controls)]
    rows: list[Hunt] = []
    commit, day = commit_here(), date.today().isoformat()
    with progress_bar(console) as progress:
        task = progress.add_task("hunts", total=len(jobs))
        for row in score(jobs, workers):
            rows.append(replace(row, commit=commit, day=day))
            if record is not None and not row.missing:  # an interrupted score is not lost
                keep(record, rows[-1:])
            progress.update(task, completed=len(rows))
    order = {job.name: number for number, job in enumerate(jobs)}
    rows.sort(key=lambda row: order[row.name])
    _show(rows, console)
    ran = [row for row in rows if not row.missing]
    if not ran:
        return 2
    return 0 if all(row.found is (row.kind != CONTROL) for row in ran) else 1


def commit_here() -> str:
    """The short hash of the commit that is checked out, with a + where files differ from it.

    Empty where git does not know.
    """
    folder = Path(__file__).parent
    found = subprocess.run(
        ("git", "describe", "--always", "--dirty=+", "--exclude=*"), cwd=folder,
        capture_output=True, text=True, check=False,
    ) if which("git") else None  # fmt: skip
    return found.stdout.strip() if found is not None and found.returncode == 0 else ""


def _show(rows: Sequence[Hunt], console: Console) -> None:
    table = Table()
    for title in ("fault", "found", "s", "programs", "named", "place", "statements"):
        table.add_column(title, overflow="fold", justify="right" if title == "s" else "left")
    for row in rows:
        if row.missing:
            table.add_row(row.name, "not run", "", "", "", row.missing, "", style="yellow")
            continue
        control = row.kind == CONTROL
        good = row.found is not control
        found = ("alarm" if control else "yes") if row.found else ("quiet" if control else "no")
        named = "" if not row.found or control else "yes" if row.named else "no"
        table.add_row(
            row.name, found, f"{row.seconds:.1f}", f"{row.programs}", named, row.key,
            str(row.statements or ""), style=None if good else "red",
        )  # fmt: skip
    console.print(table)
    console.print(summary(rows), markup=False)
