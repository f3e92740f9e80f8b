"""Records are checked, and what is in them comes out in the matrix and on the page."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reports.markdown import code, command, not_run, render
from reports.matrix import matrix
from reports.records import (
    CellRecord,
    FailureRecord,
    Record,
    RunRecord,
    from_line,
    read,
    to_line,
)

RUN = RunRecord(7, "full", ("X", "Y"), {"python": "3.11"}, 1.5, device_seconds={"X": 0.5})
PASS = CellRecord(
    "add", ("int8", "int8"), "X", "pass", 2, 2, 10, coverage={"buffer": 2}, family="elementwise",
    exactness="faithful", bound_ulp="1.5", edges={"int8 min": 3}, ulps={"0.5": 9, "1": 1},
    worst_ulp="0.93", worst_operands=("int8 0x01 = 1",), worst_bits="int8 0x02 = 2",
)  # fmt: skip
ABSENT = CellRecord("add", ("int8", "int8"), "Y", "not run", 0, 0, 0, 0, "no driver", "get one")
FAIL = CellRecord("where", ("bool", "int8", "int8"), "X", "fail", 2, 2, 10, 3, "wrong")
FAILURE = FailureRecord(
    "where", ("bool", "int8"), "X", "fail", "cases/a.case", "3 of 10 elements",
    ("0x01",), "1", ("0x01",), "2", {"X": "0x02", "numpy": "0x01"}, 3, 10, "bits",
)  # fmt: skip
ALL: list[Record] = [RUN, PASS, ABSENT, FAIL, FAILURE]


@pytest.mark.parametrize("record", ALL)
def test_records_round_trip(record: Record) -> None:
    assert from_line(to_line(record)) == record


def body(**changes: Any) -> str:
    record = json.loads(to_line(PASS))
    record.update(changes)
    return json.dumps({key: value for key, value in record.items() if value != "absent"})


@pytest.mark.parametrize("line", [
    "", "null", "[]", "{}", "not json", "[" * 100000,
    body(version=1), body(version="absent"), body(kind="cellar"), body(kind=[]),
    body(verdict="green"), body(verdict=1), body(elements=-1), body(elements="10"),
    body(elements=True), body(elements=1.5), body(dtypes="int8"), body(dtypes=[1]),
    body(coverage={"buffer": "2"}), body(coverage=[]), body(coverage={"buffer": True}),
    body(surprise=1), body(op="absent"), body(op=None),
    '{"version": 1, "kind": "run", "seed": NaN, "plan": "", "devices": []}',
    body(reason="x" * (1 << 20)), body(version=True), body(version=1.0), body(elements=1 << 65),
    body(failures=1), body(cases=0), body(planned=0, cases=0), body(cases=1), body(elements=0),
    body(reason="\ud800"), body(dtypes=["\udfff"]), body(coverage={"\ud800": 1}),
    json.dumps(json.loads(to_line(RUN)) | {"seconds": 10**400}),
    to_line(RUN).replace("1.5", "1e999"), to_line(RUN).replace("1.5", "9" * 5000),
    to_line(FAILURE).replace('"fail"', '"pass"'),
    body(ulps={"0.3": 1}), body(ulps={"1": -1}), body(ulps={"1": 1.5}), body(worst_ulp="nan"),
    body(worst_ulp="-1"), body(worst_ulp="1_0"), body(worst_ulp=1.0), body(bound_ulp="much"),
    body(worst_ulp="\u0661"), body(worst_ulp="1" * 400), body(family=None),
    body(edges={f"float32 {k}": 1 for k in range(2000)}), body(worst_operands=["x"] * 2000),
    json.dumps(json.loads(to_line(RUN)) | {"device_seconds": {"X": "1"}}),
    json.dumps(json.loads(to_line(RUN)) | {"device_seconds": {"X": -1.0}}),
    json.dumps(json.loads(to_line(FAILURE)) | {"count": -1}),
])  # fmt: skip
def test_hostile_lines_are_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_line(line)


def test_a_file_names_the_line_that_is_wrong() -> None:
    with pytest.raises(ValueError, match="line 3"):
        list(read([to_line(RUN), "", "{}"]))
    with pytest.raises(ValueError, match=r"line 2: .*seconds"):
        list(read([to_line(RUN), json.dumps(json.loads(to_line(RUN)) | {"seconds": 1e300})]))
    assert list(read(to_line(record) + "\n" for record in ALL)) == ALL


def test_the_matrix_shows_the_worst_of_each_place() -> None:
    mixed = CellRecord("add", ("int8", "int16"), "X", "fail", 1, 1, 5, 1, "wrong")
    found = matrix([PASS, mixed, ABSENT, FAIL])
    assert (found.ops, found.dtypes, found.devices) == (("add", "where"), ("int8",), ("X", "Y"))
    assert found.symbols("add", "int8") == "F-"
    assert found.symbols("where", "int8") == "F·"
    assert found.entries["add", "int8", "X"].elements == 15


def test_the_page_shows_what_failed_and_what_did_not_run() -> None:
    page = render(ALL)
    command = "lockstep repro cases/a.case"
    for text in ("seed 7", "no driver", "get one", command, "0x02", "| `add`"):
        assert text in page
    assert "Nothing was left out" not in page


def test_a_page_of_nothing() -> None:
    assert "0 cells" in render([])


def test_every_cell_that_did_not_run_is_listed() -> None:
    """With a remedy or without one."""
    bare = CellRecord("add", ("float32",), "LLVM", "not run", 1, 0, 0, reason="why")
    assert not_run([bare, ABSENT, bare, PASS]) == [
        ("LLVM", "why", "", 2), ("Y", "no driver", "get one", 1),
    ]  # fmt: skip
    assert "`LLVM`, 2 cells: `why`\n" in render([bare, bare])


EVIL = "<b>*x*</b>\x1b[2J\n# title"


def test_every_field_from_outside_is_quoted() -> None:
    quoted = code(EVIL)
    run = RunRecord(7, EVIL, (EVIL,), {EVIL: EVIL})
    cell = CellRecord(EVIL, (EVIL,), EVIL, "not run", 1, 0, 0, 0, EVIL, EVIL, {EVIL: 1})
    wrong = FailureRecord(EVIL, (EVIL, EVIL), EVIL, "fail", EVIL, EVIL, (EVIL,), EVIL, (EVIL,),
                          EVIL, {EVIL: EVIL})  # fmt: skip
    page = render([run, cell, wrong])
    assert "\x1b" not in page
    assert "\n# title" not in page
    assert page.count(quoted) >= 20
    rest = page.replace(quoted, "")
    assert "<b>" not in rest.replace(code(command("", EVIL)), "")


@pytest.mark.parametrize(("text", "quoted"), [
    ("a|b", r"`a\|b`"), (r"a\|b", r"`a\\\|b`"), (r"a\b", r"`a\b`"), ("a`b", "`a'b`"),
    ("\x1b[2J\r\n\x00", "`[2J`"), ("\ud800\u202e", ""), ("σ × γ", "`σ × γ`"),
])  # fmt: skip
def test_code_is_one_cell_of_a_table(text: str, quoted: str) -> None:
    """A bar is escaped by an odd number of backslashes."""
    assert code(text) == quoted


def test_text_from_records_is_not_markup() -> None:
    evil = FailureRecord("add", (), "X", "fail", "", "`</code>` | <script>\n# title")
    page = render([evil])
    assert "\n# title" not in page
    assert "`'</code>' \\| <script> # title`" in page
