"""The record of the last score that the repository keeps, and the page that is written from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from statistics import median
from textwrap import fill

from conformance.harness.selfscore.faults import faults
from conformance.harness.selfscore.score import CONTROL, Hunt
from conformance.harness.selfscore.settings import OF_KIND, ORDINARY

RECORDS = "selfscore.jsonl"
PAGE = "selfscore.md"
MAX_BYTES = 1 << 24
WIDTH = 100  # of the page

# The columns of the page, and how they are aligned.
_COLUMNS = {
    "fault": "---", "what is wrong": "---", "found after": "---:", "programs": "---:",
    "place": "---", "named": "---", "statements": "---:", "of": "---",
}  # fmt: skip
_ABOUT = """\
What the harness finds of what is wrong, measured by `lockstep selfscore` and written from its
records; nothing here is written by hand. Each fault is a mistake as people make it, planted in the
engine by itself, in a process of its own. It is hunted with random programs and kernels on
{devices}, until the first is wrong; then that is bisected and shrunk. Seconds are of one processor;
what was not found says how many the hunt had. *Named* says whether bisecting named the place:
stage, pass or rule, and the operation where that can be told. *Statements* is what the small
program or kernel has left. Controls are hunts without a fault: what they find is a false alarm.
*Of* is the commit that was hunted; a + says that files differed from it.
"""


def summary(rows: Sequence[Hunt]) -> str:
    """One paragraph of figures."""
    ran = [row for row in rows if not row.missing]
    faults = [row for row in ran if row.kind != CONTROL]
    controls = [row for row in ran if row.kind == CONTROL]
    found = [row for row in faults if row.found]
    named = [row for row in found if row.named]
    said = [f"{len(found)} of {len(faults)} faults found, the place named of {len(named)}"]
    if found:
        said.append(f"median {median(row.seconds for row in found):.1f} s")
    small = [row.statements for row in found if row.statements]
    if small:
        said.append(f"median shrunk program {median(small):g} statements")
    if controls:
        alarms = sum(row.found for row in controls)
        spent = sum(row.seconds for row in controls)
        programs = sum(row.programs for row in controls)
        said.append(f"{alarms} false alarms in {programs:,} programs ({spent:.0f} s) without fault")
    if len(ran) < len(rows):
        said.append(f"{len(rows) - len(ran)} not run")
    return "; ".join(said) + "."


def render(rows: Sequence[Hunt], devices: str, names: Collection[str]) -> str:
    """The page, in Markdown; `names` are those of all faults that there are."""
    said = [_ABOUT.format(devices=devices), summary(rows), _origins(rows) if rows else ""]
    missing = sorted(set(names) - {row.name for row in rows})
    if missing:
        said.append(f"Not hunted: {', '.join(missing)}.")
    text = "# Selfscore\n" + "".join(
        f"\n{fill(paragraph, WIDTH, break_on_hyphens=False)}\n" for paragraph in said if paragraph
    )
    for kind in dict.fromkeys(row.kind for row in rows):
        text += f"\n## {kind.capitalize()}\n\n"
        text += f"| {' | '.join(_COLUMNS)} |\n| {' | '.join(_COLUMNS.values())} |\n"
        text += "".join(_row(row) for row in rows if row.kind == kind)
    return text


def _origins(rows: Sequence[Hunt]) -> str:
    """Which commits the records are of, the newest first; a warning where there are several."""
    counts = Counter((row.day, row.commit or "an unknown commit") for row in rows)
    said = [
        f"{commit}{f' of {day}' if day else ''}: {count}"
        for (day, commit), count in sorted(counts.items(), reverse=True)
    ]
    text = f"Hunts by commit: {'; '.join(said)}."
    mixed = "**The records are of several commits: no state of the code has the figures above.** "
    return (mixed if len(counts) > 1 else "") + text


def _row(row: Hunt) -> str:
    found = f"{row.seconds:.1f} s" if row.found else f"not in {row.seconds:.0f} s"
    named = "-" if row.kind == CONTROL or not row.found else "yes" if row.named else "**no**"
    place = f"`{row.key}`" if row.key else "-"
    cells = (row.name, row.about, found, f"{row.programs:,}", place, named, row.statements or "-",
             row.commit or "-")  # fmt: skip
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |\n"


# -- the files -------------------------------------------------------------------------------------
def load(folder: Path) -> list[Hunt]:
    """The rows of a folder, in order; ValueError for what is none."""
    file = folder / RECORDS
    if not file.exists():
        return []
    if file.stat().st_size > MAX_BYTES:
        raise ValueError(f"{file} has more than {MAX_BYTES} bytes")
    try:
        return [Hunt.from_line(line) for line in file.read_text("utf-8").splitlines()]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{file}: {error}") from error


def keep(folder: Path, rows: Sequence[Hunt]) -> None:
    """Put rows in the place of those of the same names, and write the page.

    Rows of faults that there are no more go.
    """
    known = {row.name: row for row in load(folder)} | {row.name: row for row in rows}
    order = [fault.name for fault in faults()]
    order += sorted(name for name, row in known.items() if row.kind == CONTROL)
    folder.mkdir(parents=True, exist_ok=True)
    lines = [known[name].to_line() + "\n" for name in order if name in known]
    (folder / RECORDS).write_text("".join(lines), "utf-8")
    write(folder)


def is_stale(folder: Path) -> bool:
    """Whether the page is not what the records give."""
    page = folder / PAGE
    text = page.read_text("utf-8") if page.exists() else ""
    known = load(folder)
    return bool(known or text) and text != page_of(known)


def write(folder: Path) -> bool:
    """Write the page from the records where it is stale; whether it was."""
    if not is_stale(folder):
        return False
    (folder / PAGE).write_text(page_of(load(folder)), "utf-8")
    return True


def page_of(rows: Sequence[Hunt]) -> str:
    """The page of rows that say themselves how long they were hunted."""
    said = ", ".join((ORDINARY.first, *ORDINARY.beside))
    said += "".join(f"; faults of {kind} on {', '.join((on.first, *on.beside))}"
                    for kind, on in OF_KIND.items())  # fmt: skip
    return render(rows, said, {fault.name for fault in faults()})
