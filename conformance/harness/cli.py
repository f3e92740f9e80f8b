"""The command `lockstep`.  Exit codes: 0 everything passed, 1 something failed, 2 wrong usage or
nothing ran."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The same bits on every device: check it, show a failure again, measure.",
)
console = Console()
errors = Console(stderr=True)

Names = Annotated[list[str] | None, typer.Option(help="Only these; may be given several times.")]


@app.command()
def devices() -> None:
    """List the devices: what they run on, versions, and how to get those that are missing."""
    from rich.markup import escape
    from rich.table import Table

    from conformance.harness.subject import without_remedy
    from engine.backends import registry

    table = Table()
    for title in ("device", "available", "runs on", "details", "how to get it"):
        table.add_column(title, overflow="fold")
    found = registry.info()
    for info in found:
        state = "[green]yes[/]" if info.available else "[yellow]no[/]"
        detail = without_remedy(info.detail, info.remedy)
        texts = [escape(text) for text in (info.hardware, detail, info.remedy)]
        table.add_row(escape(info.name), state, *texts)
    console.print(table)
    if not any(info.available for info in found):
        raise typer.Exit(2)


@app.command()
def check(
    device: Names = None,
    op: Names = None,
    dtype: Names = None,
    budget: Annotated[
        float | None, typer.Option(min=0, help="Seconds after which to stop.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("lockstep-report"),
    full: Annotated[bool, typer.Option(help="Every layout on every device.")] = False,
    programs: Annotated[
        int, typer.Option(min=0, help="Run this many random programs instead.")
    ] = 0,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of all generated data.")] = None,
) -> None:
    """Judge every operator × dtype × device against the oracles and write a report."""
    from conformance.harness import devices as devices_module, plan

    try:
        plan.check_names(op or (), dtype or ())
        chosen = devices_module.under_test(device or (), full)
    except ValueError as error:
        raise _usage(str(error)) from None
    number = plan.SEED if seed is None else seed
    targets = list(plan.selected(op or (), dtype or ()))
    if not targets and not programs:
        raise _usage("no cell of the catalog has these operators and dtypes")
    _make_writable(out)
    if programs:
        from conformance.harness.programs import campaign

        raise typer.Exit(campaign(chosen, programs, number, out, console, budget))
    from conformance.harness.session import run_check

    raise typer.Exit(run_check(chosen, targets, number, out, full, budget, console))


def _make_writable(folder: Path) -> None:
    """Make the folder, and find out before a long run that nothing can be written there."""
    import tempfile

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _usage(f"--out {folder} cannot be written: {error.strerror or error}") from None


def _usage(message: str) -> typer.Exit:
    errors.print(f"error: {message}", markup=False, style="red")
    return typer.Exit(2)


@app.command()
def repro(
    file: Annotated[Path, typer.Argument(help="A case file, as `check` writes them.")],
    device: Names = None,
    script: Annotated[bool, typer.Option(help="Print it as a Python script instead.")] = False,
) -> None:
    """Run one case file again and print what is wrong with the result."""
    from conformance.harness.case import MAX_TEXT, parse_case, print_script

    try:
        if file.stat().st_size > MAX_TEXT:
            raise ValueError(f"a case has at most {MAX_TEXT} characters")
        case = parse_case(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _usage(f"{file}: {error}") from None
    if script:
        chosen = (device or ("",))[0].upper()
        text = print_script(case, chosen)
        console.print(text, markup=False, highlight=False, soft_wrap=True, end="")
        return
    from conformance.harness.session import run_case

    try:
        raise typer.Exit(run_case(case, device or case.devices, console))
    except ValueError as error:
        raise _usage(f"{file}: {error}") from None


@app.command()
def bench(
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    only: Annotated[list[str] | None, typer.Option(help="Only these figures.")] = None,
) -> None:
    """Measure the engine: medians, with ratios measured in the same run."""
    from conformance.harness.bench import FIGURES, run_bench

    unknown = [name for name in only or () if name not in FIGURES]
    if unknown:
        raise _usage(f"no such figure: {', '.join(unknown)}; there are {', '.join(FIGURES)}")
    started = time.monotonic()
    raise typer.Exit(run_bench(only or list(FIGURES), json, console, started))


def main() -> None:
    """The entry point."""
    app()
