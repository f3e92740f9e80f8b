"""The command `lockstep`.  Exit codes: 0 everything passed, 1 something failed, 2 wrong usage or
nothing ran."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, ParamSpec

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

MAX_WORKERS = 256
MAX_SEED = (1 << 64) - 1  # what a record holds

Names = Annotated[list[str] | None, typer.Option(help="Only these; may be given several times.")]

P = ParamSpec("P")


def interruptible(command: Callable[P, None]) -> Callable[P, None]:
    """Ctrl-C anywhere in a command is exit code 1 and a line."""

    @wraps(command)
    def wrapped(*arguments: P.args, **options: P.kwargs) -> None:
        try:
            command(*arguments, **options)
        except KeyboardInterrupt:
            errors.print("interrupted", style="yellow")
            raise typer.Exit(1) from None

    return wrapped


@app.command()
@interruptible
def devices(
    install_vulkan: Annotated[
        bool, typer.Option(help="First get a driver in software for WEBGPU, as root on Debian.")
    ] = False,
) -> None:
    """List the devices: what they run on, versions, and how to get those that are missing."""
    if install_vulkan:
        _install_vulkan()
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


def _install_vulkan() -> None:
    """Exit code 2 with the reason where it cannot be done."""
    from conformance.harness.vulkan import CannotInstall, install

    try:
        version = install(lambda step: console.print(f"{step} …", markup=False))
    except CannotInstall as error:
        console.print(f"error: {error}", markup=False, style="red")
        raise typer.Exit(2) from None
    console.print(f"Mesa {version} is installed", markup=False)


@app.command()
@interruptible
def check(
    device: Names = None,
    op: Names = None,
    dtype: Names = None,
    budget: Annotated[
        float | None, typer.Option(min=0, help="Seconds after which to stop.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the report.")] = Path("lockstep-report"),
    full: Annotated[
        bool, typer.Option(help="Every layout on every device, instead of a cover in pairs.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=MAX_WORKERS, help="Processes; one a core if not said."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=MAX_SEED, help="Seed of all generated data.")
    ] = None,
) -> None:
    """Judge every operator × dtype × device against the oracles and write a report."""
    from conformance.harness import devices as devices_module, ledger, plan

    if budget is not None and math.isnan(budget):
        raise _usage("--budget is a number of seconds")
    try:
        plan.check_names(op or (), dtype or ())
        chosen = devices_module.under_test(device or (), full)
        ledger.current()  # ValueError where it cannot be read
    except ValueError as error:
        raise _usage(str(error)) from None
    number = plan.SEED if seed is None else seed
    targets = list(plan.selected(op or (), dtype or ()))
    if not targets:
        raise _usage("no cell of the catalog has these operators and dtypes")
    _make_writable(out)
    from conformance.harness.session import run_check
    from engine.backends.launch import processors

    count = workers or processors()
    raise typer.Exit(run_check(chosen, targets, number, out, full, budget, console, count))


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
    from reports.markdown import printable

    errors.print(printable(f"error: {message}"), markup=False, style="red")
    return typer.Exit(2)


@app.command()
@interruptible
def fuzz(
    device: Names = None,
    time: Annotated[
        str | None, typer.Option(help="How long: 90, 90s, 30m, 8h; until Ctrl-C if not said.")
    ] = None,
    cases: Annotated[
        int | None, typer.Option(min=1, help="About this many programs, earlier runs included.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Seed of the campaign.")] = 0,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=MAX_WORKERS, help="Processes; one a core if not said."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of a new campaign.")] = Path("lockstep-fuzz"),
    resume: Annotated[
        Path | None, typer.Option(help="Go on with the campaign in this folder.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="programs, or sequences, which write into tensors.")
    ] = None,
) -> None:
    """Run random programs on all devices, each in a process that may die, and explain failures."""
    from conformance.harness.campaign import session
    from engine.backends.launch import processors

    try:
        wish = session.Wish(workers or processors(), session.duration(time), cases)
        if resume is not None:
            if device or seed or kind:
                raise ValueError("--resume goes on with its own --device, --seed and --kind")
            folder, settings = resume, session.settings_of(resume)
        else:
            folder, settings = out, session.new_settings(
                out, device or (), seed, kind or "programs"
            )
        _make_writable(folder)
        devices = session.devices_of(settings, console)
        raise typer.Exit(session.run_fuzz(folder, settings, devices, wish, console))
    except (OSError, ValueError) as error:
        raise _usage(str(error)) from None


@app.command("export")
@interruptible
def export(
    what: Annotated[str, typer.Argument(help="Folder of a campaign, or MODULE:FUNCTION.")],
    file: Annotated[Path, typer.Argument(help="What is written: text, or .html, .js, .mjs.")],
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", help="[NAME=]DTYPE[:SHAPE] of each argument, as float32:4x3."),
    ] = None,
    floats: Annotated[
        str, typer.Option(help="float32: native, of integers, or auto: as the adapter is found.")
    ] = "auto",
) -> None:
    """Write a campaign as text, or a function as a page that computes it with WebGPU."""
    from conformance.harness import webpage
    from conformance.harness.campaign import exchange
    from engine.backends.base import DeviceLimit

    try:
        if ":" in what and not Path(what).exists():
            text = webpage.described(webpage.write(what, file, inputs or (), floats))
        else:
            text = f"{exchange.write_campaign(Path(what), file):,} rows"
    except (OSError, ValueError, DeviceLimit) as error:
        raise _usage(str(error)) from None
    console.print(f"{text}: {file}", markup=False, highlight=False, soft_wrap=True)


@app.command("import")
@interruptible
def import_campaign(
    file: Annotated[Path, typer.Argument(help="A text that `export` has written.")],
    folder: Annotated[Path, typer.Argument(help="Folder of the new campaign.")],
) -> None:
    """Make a campaign of such a text, be it a stranger's; `fuzz --resume` goes on with it."""
    from conformance.harness.campaign import exchange

    try:
        count = exchange.read_campaign(file, folder)
    except (OSError, ValueError) as error:
        raise _usage(f"{file}: {error}") from None
    console.print(f"{count:,} rows: {folder}", markup=False, highlight=False, soft_wrap=True)


@app.command()
@interruptible
def repro(
    file: Annotated[Path, typer.Argument(help="A case file, as `check` writes them.")],
    device: Names = None,
    script: Annotated[bool, typer.Option(help="Print it as a Python script instead.")] = False,
) -> None:
    """Run one case file again and print what is wrong with the result."""
    try:
        raise typer.Exit(_repro(file, device or [], script))
    except (OSError, ValueError) as error:
        raise _usage(f"{file}: {error}") from None
    except MemoryError:
        raise _usage(f"{file}: there is not enough memory for this case") from None


def _repro(file: Path, names: list[str], script: bool) -> int:
    """The exit code; ValueError and OSError for what cannot be read or run."""
    from conformance.harness.case import device_name, is_device_name, read_case
    from conformance.harness.script import print_script
    from conformance.harness.sequences.text import is_sequence_file

    if is_sequence_file(file):
        from conformance.harness.sequences.command import run_file

        if script:
            raise ValueError("--script is for cases: a sequence is written in Python already")
        return run_file(file, names, console)
    case = read_case(file)
    if not script:
        from conformance.harness.session import run_case

        return run_case(case, names or case.devices, console)
    chosen = device_name((names or [""])[0])
    if chosen and not is_device_name(chosen):
        raise ValueError(f"not the name of a device: {chosen!r}")
    text = print_script(case, chosen)
    console.print(text, markup=False, highlight=False, soft_wrap=True, end="")
    return 0


@app.command()
@interruptible
def bisect(
    file: Annotated[Path, typer.Argument(help="A case file, as `check` and `fuzz` write them.")],
    device: Names = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    seconds: Annotated[
        float, typer.Option(min=1, help="Time limit; what takes longer hangs.")
    ] = 120,
) -> None:
    """Find where a wrong case goes wrong: who stands alone, which stage, pass, rule and kernel."""
    from conformance.harness.bisect.command import run_bisect
    from conformance.harness.sequences.text import is_sequence_file

    try:
        if is_sequence_file(file):
            from conformance.harness.sequences import command

            raise typer.Exit(command.run_bisect(file, device or [], json, console))
        raise typer.Exit(run_bisect(file, device or [], json, seconds, console))
    except (OSError, ValueError) as error:
        raise _usage(f"{file}: {error}") from None


@app.command()
@interruptible
def selfscore(
    fault: Names = None,
    seconds: Annotated[
        float, typer.Option(min=1, help="Processor time of each hunt.")
    ] = 120,
    controls: Annotated[int, typer.Option(min=0, help="Hunts without a fault.")] = 2,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Seed of the programs.")] = 0,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=MAX_WORKERS, help="Processes; one a core if not said."),
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="Folder of the page, to put the results there.")
    ] = None,
) -> None:
    """Plant faults in the engine, one at a time, and see whether they are found and named."""
    from conformance.harness.selfscore.command import chosen, run_selfscore
    from engine.backends.launch import processors

    try:
        hunted = chosen(fault or ())
        count = workers or processors()
        code = run_selfscore(hunted, seconds, controls, seed, count, record, console)
    except (OSError, ValueError) as error:
        raise _usage(str(error)) from None
    raise typer.Exit(code)


@app.command()
@interruptible
def report(
    folder: Annotated[Path, typer.Argument(help="Where `check` has left its records.")],
) -> None:
    """Build the report again from the records in a folder."""
    from conformance.harness.output import RECORDS, rebuild

    try:
        for file in rebuild(folder):
            console.print(f"report: {file}", markup=False, soft_wrap=True)
    except (OSError, ValueError) as error:
        raise _usage(f"{folder / RECORDS}: {error}") from None


@app.command()
@interruptible
def docs(
    out: Annotated[Path, typer.Option(help="Folder of the pages.")] = Path("docs/ops"),
    check: Annotated[bool, typer.Option(help="Write nothing; fail if a page is stale.")] = False,
) -> None:
    """Write the pages on operators from the catalog, and the one on accuracy from its records."""
    from conformance.harness import docs as docs_module
    from conformance.harness.selfscore import table as scores
    from conformance.harness.sweep import table

    try:
        changed = [out / name for name in (docs_module.stale if check else docs_module.write)(out)]
        for page in (table, scores):
            if (page.is_stale if check else page.write)(out.parent):
                changed.append(out.parent / page.PAGE)
    except OSError as error:
        raise _usage(f"--out {out} cannot be used: {error.strerror or error}") from None
    except ValueError as error:
        raise _usage(str(error)) from None
    for file in changed:
        console.print(f"{'stale' if check else 'written'}: {file}", markup=False)
    for text in table.outdated(out.parent) if check else ():
        console.print(f"measured with other code: {text}", style="yellow", markup=False)
    if check and changed:
        raise typer.Exit(1)


@app.command()
@interruptible
def sweep(
    op: Annotated[
        list[str] | None, typer.Argument(help="Functions; all if none is named.")
    ] = None,
    dtype: Names = None,
    device: Annotated[str, typer.Option(help="The device that computes.")] = "LLVM",
    against: Annotated[
        list[str] | None, typer.Option(help="numpy or torch: measure its functions instead.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Operands to measure, instead of all there are.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Seed of a sample.")] = 0,
    budget: Annotated[
        float | None, typer.Option(min=0, help="Seconds after which to stop.")
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Folder for finished parts, from which a sweep goes on.")
    ] = Path("lockstep-sweep"),
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=MAX_WORKERS, help="Processes; one a core if not said."),
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="Folder of the page on accuracy, to add the results to it.")
    ] = None,
) -> None:
    """Measure functions on every operand of a dtype against the true value."""
    from conformance.harness.sweep import operands, session, table
    from engine.backends.launch import processors

    if budget is not None and math.isnan(budget):
        raise _usage("--budget is a number of seconds")
    if sample is not None and sample > operands.MAX_SAMPLE:
        raise _usage(f"--sample is at most {operands.MAX_SAMPLE}")
    try:
        sweeps = session.chosen(op or (), dtype or (), against or [device], sample, seed)
    except ValueError as error:
        raise _usage(str(error)) from None
    _make_writable(out)
    try:
        code, found = session.run_sweeps(sweeps, out, budget, console, workers or processors())
        added = table.keep(record, found) if record else []
    except (OSError, ValueError) as error:
        raise _usage(str(error)) from None
    if added:
        console.print(f"{len(added)} results added to {record}", markup=False, soft_wrap=True)
    raise typer.Exit(code)


@app.command()
@interruptible
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
    try:
        app()
    except KeyboardInterrupt:  # before a command runs
        errors.print("interrupted", style="yellow")
        sys.exit(1)


if __name__ == "__main__":
    main()
