"""The tool that plants faults finds slips and tells noticed from unnoticed; its tables are true."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from conformance.mutants.equivalent import known
from conformance.mutants.faults import Fault, faults
from conformance.mutants.judges import JUDGES, ROOT, judges, modules
from conformance.mutants.trial import Outcome

SOURCE = '''
"""Prose."""
from engine.ops import Op

LIMITS = {"a": 1, "b": 2}
RULES = (
    Rule("twice", "x + x", Op.ADD, INTS),
    Expansion("other", (Op.IDIV,), make),
)


def f(x: int, y: int = 3) -> int:
    """More prose, of 7 words."""
    if x < y and not y:
        return x - y
    elif x is None:
        raise ValueError(f"{x + 1}")
    return x.lt(y).where(g(x, y), min(y, 2))
'''


def texts(found: list[Fault], where: str) -> set[str]:
    return {fault.text for fault in found if fault.where == where}


def test_slips_of_a_function() -> None:
    assert texts(faults("m.py", SOURCE), "f") == {
        "3  ->  4", "3  ->  2", "min(y, 2)  ->  min(y, 3)", "min(y, 2)  ->  min(y, 1)",
        "if x < y and (not y)  ->  if not (x < y and (not y))",
        "if x < y and (not y)  ->  if False", "if x is None  ->  if not x is None",
        "x < y and (not y)  ->  x < y or not y", "x < y and (not y)  ->  x < y",
        "x < y and (not y)  ->  not y", "x < y  ->  x <= y", "not y  ->  y",
        "x is None  ->  x is not None", "x - y  ->  x + y", "x - y  ->  y - x",
        "x.lt(y)  ->  y.lt(x)", "x.lt  ->  x.eq", "g(x, y)  ->  g(y, x)",
        "x.lt(y).where(g(x, y), min(y, 2))  ->  x.lt(y).where(min(y, 2), g(x, y))",
        "min  ->  max",
    }  # fmt: skip


def test_slips_that_read_alike_are_counted() -> None:
    found = faults("m.py", "def f(x):\n    return x.low * 2 + x.low\n")
    assert {"x.low  ->  x.high", "x.low  ->  x.high  (2)"} <= texts(found, "f")


def test_slips_of_tables_are_named_by_their_rows() -> None:
    found = faults("m.py", SOURCE)
    assert texts(found, "RULES: twice") == {"Op.ADD  ->  Op.SUB", "INTS  ->  BITS"}
    assert "Op.IDIV  ->  Op.IREM" in texts(found, "RULES: other")
    assert "Expansion('other', (Op.IDIV,), make)  ->  nothing" in texts(found, "RULES: other")
    rows = {"{'a': 1, 'b': 2}  ->  {'a': 1}", "{'a': 1, 'b': 2}  ->  {'b': 2}"}
    assert texts(found, "LIMITS") >= rows


def test_every_fault_is_a_program_of_its_own_and_the_file_stays() -> None:
    for module in ("engine/canonical.py", "engine/simplify/values.py"):
        source = (ROOT / module).read_text("utf-8")
        found = faults(module, source)
        programs = {ast.unparse(ast.parse(text)) for text in (source, *[f.source for f in found])}
        assert len(programs) == len(found) + 1
        assert faults(module, source) == found


@pytest.mark.parametrize("change, by", [
    (("", ""), None),
    (("TOP = 3", "TOP = 4"), "test_it.py::test_top"),
    (("TOP = 3", "TOP = 1 // 0"), "import of test_it.py"),
    (("TOP = 3", "while True: pass"), "hang"),
    (("TOP = 3", "import os; os.abort()"), "crash"),
])  # fmt: skip
def test_what_becomes_of_a_fault(tmp_path: Path, change: tuple[str, str], by: str | None) -> None:
    """The file itself has no fault in it all the while."""
    source = "TOP = 3\n"
    (tmp_path / "planted_part.py").write_text(source)
    (tmp_path / "test_it.py").write_text(
        "import planted_part\ndef test_top():\n    assert planted_part.TOP == 3\n"
    )
    assert outcome(tmp_path, source.replace(*change)).by == by
    assert (tmp_path / "planted_part.py").read_text() == source


def outcome(folder: Path, source: str) -> Outcome:
    """In a process of its own, since this one has loaded the engine."""
    import subprocess
    import sys

    program = (
        "import sys; from pathlib import Path; from conformance.mutants.trial import *; prepare();"
        "tests = ['test_it.py::test_top'];"
        "made = trial(Path(sys.argv[1]), 'planted_part.py', sys.argv[2], tests, 3);"
        "print(repr(made.by))"
    )
    command = [sys.executable, "-c", program, str(folder), source]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return Outcome(ast.literal_eval(done.stdout), 0.0)


# -- tables ----------------------------------------------------------------------------------------
JUDGED = ("engine/simplify", "engine/decompose")


def test_every_rule_and_every_decomposition_has_judges() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in JUDGED for path in (ROOT / folder).rglob("*.py")
        if path.name != "__init__.py"
    }
    assert found <= set(modules())
    for tests in (*map(judges, modules()), *JUDGES.values()):
        for test in tests:
            file, _, function = test.partition("::")
            assert f"def {function.partition('[')[0]}" in (ROOT / file).read_text("utf-8"), test
    with pytest.raises(KeyError, match=r"engine/lower\.py: no row in JUDGES"):
        judges("engine/lower.py")


def test_what_is_said_to_change_nothing_is_still_there() -> None:
    rows = known()
    assert len({(row.module, row.where, row.fault) for row in rows}) == len(rows)
    for module in {row.module for row in rows}:
        found = {(f.where, f.text) for f in faults(module, (ROOT / module).read_text("utf-8"))}
        gone = [row for row in rows if row.module == module and (row.where, row.fault) not in found]
        assert not gone
    assert all(len(row.why) > 10 for row in rows)
