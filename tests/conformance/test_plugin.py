"""The pytest plugin, in runs of pytest of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["pytester"]

SUITE = """
import pytest

@pytest.mark.catalog("bitwise", "cast")
def test_conforms(catalog_cells):
    catalog_cells.judge()
"""
WRONG = """
import pytest
from conformance.harness import devices
from conformance.harness.check import Device
from conformance.harness.subject import ReferenceSubject

class Wrong(ReferenceSubject):
    def run(self, case):
        return [bytes(len(bits)) for bits in super().run(case)]

def pytest_configure(config):
    if {absent}:
        found = [Device("GPU", None, reason="no driver", remedy="install one")]
    else:
        found = [Device("WRONG", Wrong())]
    devices.under_test = lambda names=(), full=False: found
"""
NARROW = ("--op", "bitwise_not", "--dtype", "int8", "--dtype", "uint8")


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(test_suite=SUITE)
    return pytester


def run(suite: pytest.Pytester, *options: str) -> pytest.RunResult:
    return suite.runpytest_subprocess("-p", "no:cacheprovider", "-q", *options)


def cells(file: Path) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in file.read_text().splitlines()]
    return [record for record in records if record["kind"] == "cell"]


def test_cells_are_judged_and_written(suite: pytest.Pytester) -> None:
    result = run(suite, "--device", "PYTHON", "--cells", "out/cells.jsonl", *NARROW)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["lockstep: 2 cells: 2 pass*"])
    found = cells(suite.path / "out/cells.jsonl")
    assert {(c["op"], c["dtypes"][0], c["device"], c["verdict"]) for c in found} == {
        ("bitwise_not", "int8", "PYTHON", "pass"), ("bitwise_not", "uint8", "PYTHON", "pass"),
    }  # fmt: skip
    assert all(c["elements"] >= 256 and c["version"] == 2 for c in found)


def test_workers_hand_their_cells_to_the_controller(suite: pytest.Pytester) -> None:
    result = run(suite, "-n", "2", "--device", "PYTHON", "--cells", "cells.jsonl", *NARROW)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["lockstep: 2 cells: 2 pass*"])
    assert len(cells(suite.path / "cells.jsonl")) == 2


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_failure_brings_its_case_and_command(
    suite: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    suite.makeconftest(WRONG.format(absent=False))
    result = run(suite, "--cells", "out/cells.jsonl", "--op", "bitwise_not", *workers)
    assert result.ret == 1
    result.stdout.fnmatch_lines([
        "*lockstep case bitwise_not on WRONG*", "*bitwise_not*WRONG*", "lockstep case 1",
        "*lockstep repro *.case",
    ])  # fmt: skip
    assert {c["verdict"] for c in cells(suite.path / "out/cells.jsonl")} == {"fail"}
    file = next((suite.path / "out/cases").glob("*.case"))
    assert file.read_text().startswith("lockstep case 1\n")


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_suite_of_which_nothing_ran_is_not_green(
    suite: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    suite.makeconftest(WRONG.format(absent=True))
    result = run(suite, "--cells", "cells.jsonl", "--op", "bitwise_not", *workers)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*no device ran: no driver*"])
    found = cells(suite.path / "cells.jsonl")
    assert {(c["verdict"], c["reason"], c["remedy"]) for c in found} == {
        ("not run", "no driver", "install one")
    }


def test_deselecting_everything_is_not_green(suite: pytest.Pytester) -> None:
    result = run(suite, "--device", "PYTHON", "--op", "sum")
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*nothing ran*"])


@pytest.mark.parametrize("option", [("--op", "frobnicate"), ("--dtype", "int7"), ("--device", "Q")])
def test_unknown_names_are_usage_errors(suite: pytest.Pytester, option: tuple[str, str]) -> None:
    result = run(suite, *option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*no such*{option[1]}*"])


def test_runs_without_catalog_tests_are_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_nothing(): pass")
    result = run(pytester)
    assert result.ret == 0
    assert "lockstep" not in result.stdout.str()


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_counts_of_tests_add_up(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    """Over the tests of a file, which may run in other processes."""
    pytester.makepyfile(
        test_some="""
        import pytest

        @pytest.mark.parametrize("count", [2, 3])
        def test_counted(count, request):
            request.node.user_properties.append(("tally", {"samples": count}))
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", *workers)
    result.stdout.fnmatch_lines(["*test_some.py: 5 samples"])
