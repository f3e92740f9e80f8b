"""The pytest plugin.

    pytest conformance --device LLVM --op add --dtype float32 --cells cells.jsonl

A test marked `@pytest.mark.catalog("reduce")` that asks for the fixture `catalog_cells` is run for
every operator of the family and every dtype.  Under each failure stand the certificate, the case
and the command that runs it again.  With xdist, workers hand their records to the controller.
A run that selected cells and judged none of them fails.

Everything heavy is imported when the first catalog test is collected.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conformance.harness.suite import CatalogCells, Recorder
    from reports.records import Record

OPTIONS = ("device", "op", "dtype")
CORE_SECONDS = "core-seconds"
TALLY = "tally"  # a property of a test: counts by what they count, which add up over a file
DEFAULT_FOLDER = "lockstep-report"
_recorder: pytest.StashKey[Recorder] = pytest.StashKey()
_BUDGET = re.compile(r"^Budget: (\d+) core-seconds$", re.MULTILINE)
_under_test: pytest.StashKey[CatalogCells] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the plugin."""
    group = parser.getgroup("lockstep", "conformance of the tensor engine")
    for name in OPTIONS:
        group.addoption(
            f"--{name}", action="append", default=[], metavar="NAME",
            help=f"judge only this {name}; may be given several times",
        )  # fmt: skip
    group.addoption("--cells", metavar="FILE", help="write the result of each cell as JSON lines")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; wrong names are usage errors before anything runs."""
    config.addinivalue_line(
        "markers", "catalog(family, ...): run for every operator of these families and every dtype"
    )
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Clock(config), "lockstep-clock")
    if any(config.getoption(name) for name in OPTIONS):
        from conformance.harness import plan
        from conformance.harness.devices import under_test

        try:
            plan.check_names(config.getoption("op"), config.getoption("dtype"))
            under_test(config.getoption("device"))
        except ValueError as error:
            raise pytest.UsageError(str(error)) from None


def recorder_of(config: pytest.Config) -> Recorder:
    """The recorder of this process, made when it is first needed."""
    found = config.stash.get(_recorder, None)
    if found is None:
        from conformance.harness.check import collect_seldom
        from conformance.harness.devices import under_test
        from conformance.harness.suite import Recorder

        collect_seldom()
        devices = under_test(config.getoption("device"))
        found = config.stash[_recorder] = Recorder(devices, _folder(config))
    return found


def _folder(config: pytest.Config) -> Path:
    """Where case files go: beside the file of `--cells`."""
    file = config.getoption("cells")
    return Path(file).absolute().parent if file else config.rootpath / DEFAULT_FOLDER


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every target of the marked families as a parameter."""
    if "catalog_cells" not in metafunc.fixturenames:
        return
    from conformance.harness.suite import targets

    marker = metafunc.definition.get_closest_marker("catalog")
    if marker is None:
        raise pytest.UsageError(f"{metafunc.definition.nodeid} needs @pytest.mark.catalog(…)")
    config = metafunc.config
    found = targets(marker.args, config.getoption("op"), config.getoption("dtype"))
    metafunc.parametrize("catalog_target", found, ids=[target.id for target in found])


@pytest.fixture
def catalog_target(request: pytest.FixtureRequest) -> Any:
    """The operator and dtype of this test; a parameter that the plugin sets."""
    return request.param


@pytest.fixture
def catalog_cells(request: pytest.FixtureRequest, catalog_target: Any) -> CatalogCells:
    """The cells that this test judges."""
    from conformance.harness.suite import CatalogCells

    made = CatalogCells(catalog_target, recorder_of(request.config))
    request.node.stash[_under_test] = made
    return made


def pytest_collection_modifyitems(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Count what was selected, so that a run which judges nothing of it is noticed."""
    count = sum("catalog_cells" in getattr(item, "fixturenames", ()) for item in items)
    if count:
        recorder_of(config).items += count


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """The case and its command under a failing test."""
    report = yield
    under_test = item.stash.get(_under_test, None)
    if under_test is not None and report.when == "call" and report.failed:
        from conformance.harness.suite import section

        for found in under_test.found[:3]:
            title = f"lockstep case {found.failure.op} on {found.failure.device}"
            report.sections.append((title, section(found, under_test.recorder)))
    return report


def core_seconds() -> float:
    """What this process and the compilers that it started have used of a processor."""
    return sum(os.times()[:4])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Measured where the test runs; the report carries it to the controller."""
    started = core_seconds()
    try:
        yield
    finally:
        item.user_properties.append((CORE_SECONDS, core_seconds() - started))


class Clock:
    """Adds up what the tests of each suite took: a suite is a folder whose README has a budget.

    And what the tests of a file counted.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.root = config.rootpath
        self.seconds: dict[Path, float] = {}
        self.tallies: dict[str, Counter[str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Also called for the tests of workers."""
        if report.when == "call":
            file = report.nodeid.partition("::")[0]
            folder = self.root / Path(file).parent
            seconds = sum(float(str(v)) for k, v in report.user_properties if k == CORE_SECONDS)
            self.seconds[folder] = self.seconds.get(folder, 0.0) + seconds
            for key, value in report.user_properties:
                if key == TALLY and isinstance(value, dict):
                    self.tallies.setdefault(file, Counter()).update(value)

    def lines(self) -> list[str]:
        """Seconds and budget of each suite that ran, and the counts of files."""
        found = [
            f"{file}: " + ", ".join(f"{count} {what}" for what, count in counts.items())
            for file, counts in self.tallies.items()
        ]
        for folder, seconds in self.seconds.items():
            readme = folder / "README.md"
            budget = _BUDGET.search(readme.read_text("utf-8")) if readme.is_file() else None
            if budget is not None:
                name = folder.relative_to(self.root).as_posix()
                found.append(f"{name} took {seconds:.0f} of {budget[1]} core-seconds")
        return found


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """A worker of xdist ended: take over its records."""
    output = getattr(node, "workeroutput", {})
    if output.get("lockstep_items"):
        recorder = recorder_of(node.config)
        recorder.items = max(recorder.items, output["lockstep_items"])
        recorder.extend(output["lockstep_records"])


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Workers hand over; the controller writes the file and refuses an empty run."""
    config = session.config
    recorder = config.stash.get(_recorder, None)
    worker_output = getattr(config, "workeroutput", None)
    if worker_output is not None:
        worker_output["lockstep_items"] = recorder.items if recorder else 0
        worker_output["lockstep_records"] = recorder.lines() if recorder else []
        return
    file = config.getoption("cells")
    if file:
        _write(Path(file), recorder)
    if _empty(config, recorder) and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _write(file: Path, recorder: Recorder | None) -> None:
    from reports.records import to_line

    file.parent.mkdir(parents=True, exist_ok=True)
    records: list[Record] = [*recorder.cells(), *recorder.failures()] if recorder else []
    file.write_text("".join(to_line(record) + "\n" for record in records), "utf-8")


def _empty(config: pytest.Config, recorder: Recorder | None) -> bool:
    """Whether cells were asked for, by option or by collecting their tests, and none was judged."""
    from conformance.harness.suite import nothing_ran

    asked = any(config.getoption(name) for name in (*OPTIONS, "cells"))
    if config.option.collectonly or not (asked or (recorder and recorder.items)):
        return False
    return recorder is None or nothing_ran(recorder.cells())


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """What ran, and in red that nothing did."""
    clock = config.pluginmanager.get_plugin("lockstep-clock")
    for line in clock.lines() if isinstance(clock, Clock) else ():
        terminalreporter.write_line(f"lockstep: {line}")
    recorder = config.stash.get(_recorder, None)
    if _empty(config, recorder):
        terminalreporter.write_line("lockstep: nothing ran: no cell was judged", red=True)
    elif recorder is not None and recorder.records:
        from conformance.harness.suite import summary
        from reports.markdown import counted, not_run

        cells = recorder.cells()
        terminalreporter.write_line(f"lockstep: {summary(cells)}")
        for device, reason, remedy, count in not_run(cells):
            text = f"lockstep: not run on {device}: {counted(count, 'cell')}: {reason}"
            terminalreporter.write_line(f"{text} ({remedy})" if remedy else text, yellow=True)
