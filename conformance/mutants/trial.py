"""One fault, one process: the tests of its file, until one of them fails.

The process is forked from one that has loaded everything but the project, so that a fault costs
little more than its tests do. The faulty source takes the place of the file as it is imported;
no file is written.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import resource
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType

LIBRARIES = ("numpy", "hypothesis", "mpmath", "llvmlite.binding", "ml_dtypes", "gmpy2", "pytest")
MEMORY = 8 << 30


@dataclass(frozen=True)
class Outcome:
    """`by`: the test that failed, "hang" where time ran out, "crash"; None if none failed.

    `seconds` of the processor, which other work on the machine does not change much.
    """

    by: str | None
    seconds: float


def prepare() -> None:
    """Load what trials share: call before the first, in a process without the engine."""
    for name in LIBRARIES:
        importlib.import_module(name)
    loaded = [name for name in sys.modules if name.split(".")[0] in ("engine", "oracles")]
    assert not loaded, f"trials would share {loaded[0]}, which a fault may have to replace"


def trial(root: Path, module: str, source: str, tests: Sequence[str], limit: float) -> Outcome:
    """What the tests make of a file whose text is `source`; `limit` in seconds of the processor."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _run(root, module, source, tests, limit, writing)  # does not return
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    _, status, used = os.wait4(child, 0)
    seconds = used.ru_utime + used.ru_stime
    if os.WIFSIGNALED(status):
        hang = os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGALRM)
        return Outcome("hang" if hang else "crash", seconds)
    return Outcome(_verdict(os.WEXITSTATUS(status), said), seconds)


def _verdict(code: int, said: str) -> str | None:
    """pytest's exit codes: 0 all passed, 1 some failed, 2 and 3 errors outside of tests; 4 that a
    test is not there, because its file cannot be imported if something has been said.
    """
    if code == 0:
        return None
    if code in (1, 2, 3) or (code == 4 and said):
        return said or "import"
    raise RuntimeError(f"pytest ended with {code}: it did not run the tests")


def _run(
    root: Path, module: str, source: str, tests: Sequence[str], limit: float, writing: int
) -> None:
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CPU, (int(limit) + 1, int(limit) + 5))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.alarm(int(20 * limit) + 60)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    os.chdir(root)
    code = 3
    try:
        sys.path.insert(0, str(root))
        sys.meta_path.insert(0, _Planted(root, module, source))
        code = _pytest(tests, writing)
    finally:
        os._exit(code)


def _pytest(tests: Sequence[str], writing: int) -> int:
    import pytest

    class FirstFailure:
        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.failed:
                os.write(writing, report.nodeid.encode())

        def pytest_collectreport(self, report: pytest.CollectReport) -> None:
            if report.failed:
                os.write(writing, f"import of {report.nodeid}".encode())

    options = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "-W", "ignore"]
    return int(pytest.main([*options, *tests], plugins=[FirstFailure()]))


class _Planted(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds one module before anybody else does, and loads it from another text."""

    def __init__(self, root: Path, module: str, source: str) -> None:
        self.path = root / module
        self.name = module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        self.source = source

    def find_spec(
        self, fullname: str, path: object = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self.path, loader=self)

    def get_source(self, fullname: str) -> str:
        return self.source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.source, str(self.path), "exec")
