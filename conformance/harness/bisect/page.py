"""The result of bisecting as one page on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from conformance.harness.bisect.blame import NOT_FOUND, STAGES, Blame
from reports.markdown import printable

KERNEL_LINES = 24
_STYLES = {"same": "green", "differs": "bold red", "raised": "bold red"}


def show(blame: Blame, console: Console) -> None:
    """The votes, the way, the place, and the key."""
    _votes(blame, console)
    if blame.steps:
        _way(blame, console)
    place = blame.place
    if place.stage == NOT_FOUND:
        style = "yellow" if blame.alone else "green"
        console.print(printable(place.text), style=style, markup=False)
        return
    console.print(place.name, style="bold red", markup=False)
    console.print(f"  {STAGES[place.stage]}", style="dim", markup=False)
    if place.text:
        console.print(printable(f"  {place.text}"), markup=False)
    if place.op:
        console.print(f"  on {place.op} {place.dtype}".rstrip(), markup=False)
    _text(console, "was" if place.after else "at", place.before)
    _text(console, "became", place.after)
    if not place.before and not place.after:
        _text(console, "kernel", place.kernel)
    _text(console, "code", place.code)
    console.print(f"key: {blame.key}", markup=False, soft_wrap=True)


def _votes(blame: Blame, console: Console) -> None:
    if not blame.device:
        return
    alone = ", ".join(blame.alone)
    said = f"wrong ({blame.verdict}): {alone}"
    right = [name for name in blame.votes if name not in blame.alone]
    if right:
        said += f"; right: {', '.join(right)}"
    console.print(f"{said}; bisected on {blame.device}", markup=False)


def _way(blame: Blame, console: Console) -> None:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    for step in blame.steps:
        style = _STYLES.get(step.result, "dim")
        table.add_row(step.what, step.result, style=style if step.result != "same" else None)
    console.print(table)


def _text(console: Console, title: str, text: str) -> None:
    """A part of a graph or kernel, its last lines where it is long."""
    if not text:
        return
    lines = printable_lines(text)
    shown = lines if len(lines) <= KERNEL_LINES else ["…", *lines[-KERNEL_LINES:]]
    console.print(f"  {title}:", style="dim", markup=False)
    for line in shown:
        console.print(f"    {line}", markup=False, highlight=False, overflow="ellipsis",
                      no_wrap=True)  # fmt: skip


def printable_lines(text: str) -> list[str]:
    """The lines without control characters, which could move a terminal's cursor."""
    return [printable(line) for line in text.splitlines()]
