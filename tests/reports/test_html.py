"""The HTML page: complete in itself, escaped, and with everything that a cell knows."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from reports.html import FOLDER, anchor, render
from reports.records import ULP_BINS, CellRecord, FailureRecord, Record, RunRecord
from tests.reports.test_reports import ABSENT, ALL, EVIL, FAILURE, PASS, RUN

VOID = {"meta", "input", "rect", "br", "link"}
WRONG = FailureRecord("add", ("float32", "float32"), "X", "fail", "cases/b.case", "differs")
MEASURED = CellRecord(
    "sin", ("float32",), "X", "pass", 1, 1, 12, family="functions", exactness="faithful",
    bound_ulp="1", edges={"float32 -0": 2, "float32 qnan": 0}, ulps={"0.5": 9, "0.7": 3},
    worst_ulp="0.68", worst_operands=("float32 0x3f800000 = 1.0",), worst_bits="float32 0x1 = 0",
)  # fmt: skip


class Page(HTMLParser):
    """Elements with their attributes; tags must close in order, as in a page without errors."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, text: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(text)

    @property
    def said(self) -> str:
        """What a reader sees."""
        hidden = ("script", "style")
        return " ".join(t for tag, found in self.texts.items() if tag not in hidden for t in found)


def data_of(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    body: dict[str, Any] = json.loads(found[1])
    return body


def everything() -> list[Record]:
    return [*ALL, MEASURED]


def test_the_page_says_what_happened() -> None:
    page = Page(render(everything(), "out"))
    expected = [
        "seed 7", "python 3.11", "no driver", "get one", "elementwise", "functions", "sin", "0.68",
        "lockstep repro out/cases/a.case", "0x02", "not accepted", "3 of 10",
    ]  # fmt: skip
    for text in expected:
        assert text in page.said, text
    links = {attributes.get("href") for tag, attributes in page.elements if tag == "a"}
    assert {"#cell=add/int8", "#cell=where/int8", "#cell=sin/float32"} <= links
    bars = [a for tag, a in page.elements if tag == "rect"]
    assert [bar["x"] for bar in bars] == [str(8 * ULP_BINS.index(name)) for name in ("0.5", "0.7")]


def test_nothing_is_fetched() -> None:
    """No address but fragments, no element that loads, and a policy that allows no other."""
    text = render(everything())
    page = Page(text)
    for tag, attributes in page.elements:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "video", "audio")
        assert not {"src", "srcset", "style", "action"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)
        assert attributes.get("href", "#").startswith("#")
    outside = set(re.findall(r"https?://[^\s\"']+", text))
    assert outside == {"http://www.w3.org/2000/svg"}, "the name of a vocabulary, never fetched"
    assert "url(" not in text and "@import" not in text


def test_the_policy_names_the_only_script_and_style() -> None:
    text = render([RUN])
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    policy = policy.replace("&#39;", "'").replace("&#43;", "+")
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


@pytest.mark.parametrize("evil", [
    EVIL, "</script><script>alert(1)</script>", "<!--<script>", "]]>", "'\"><img src=x onerror=y>",
    "{{ 7 * 7 }}", "\u2028\u2029", "javascript:alert(1)", "\u202etxt", "__proto__", "&lt;b&gt;",
])  # fmt: skip
def test_text_from_records_stays_text(evil: str) -> None:
    run = RunRecord(7, evil, (evil,), {evil: evil}, device_seconds={evil: 1.0})
    cell = CellRecord(
        evil, (evil,), evil, "not run", 1, 0, 0, 0, evil, evil, {evil: 1}, evil, evil, "1",
        {f"{evil} {evil}": 1}, {"0.5": 1}, "0.5", (evil,), evil,
    )  # fmt: skip
    wrong = FailureRecord(evil, (evil, evil), evil, "fail", evil, evil, (evil,), evil, (evil,),
                          evil, {evil: evil}, 1, 1, evil)  # fmt: skip
    text = render([run, cell, wrong], evil)
    tags = [tag for tag, _ in Page(text).elements]
    harmless = [tag for tag, _ in Page(render([
        RunRecord(7, "x", ("x",), {"x": "x"}, device_seconds={"x": 1.0}),
        CellRecord("x", ("x",), "x", "not run", 1, 0, 0, 0, "x", "x", {"x": 1}, "x", "x", "1",
                   {"x x": 1}, {"0.5": 1}, "0.5", ("x",), "x"),
        FailureRecord("x", ("x", "x"), "x", "fail", "x", "x", ("x",), "x", ("x",), "x",
                      {"x": "x"}, 1, 1, "x"),
    ])).elements]  # fmt: skip
    assert tags == harmless
    assert not set("\x1b\u202e\u2028\u2029") & set(text)
    body = data_of(text)
    assert len(body["places"]) == len(body["failures"]) == 1


def test_data_holds_what_a_cell_knows() -> None:
    body = data_of(render(everything()))
    places = dict(body["places"])
    assert set(places) == {"add/int8", "where/int8", "sin/float32"}
    (row,) = places["sin/float32"]
    said = [body["texts"][k] for k in row[:3]]
    assert said == ["float32", "X", "pass"]
    edges = body["counts"][row[13]]
    assert {body["texts"][k]: n for k, n in zip(edges[::2], edges[1::2])} == MEASURED.edges
    assert body["counts"][row[14]] == [MEASURED.ulps.get(name, 0) for name in ULP_BINS]
    assert dict(body["failures"]) == {"where/bool": [0]}


def test_the_script_names_the_columns_of_a_cell() -> None:
    script = (FOLDER / "report.js").read_text("utf-8")
    (names,) = re.findall(r"const COLUMNS = \[(.*?)\]", script, re.DOTALL)
    (row,) = dict(data_of(render([PASS]))["places"])["add/int8"]
    assert len(re.findall(r'"(\w+)"', names)) == len(row)
    assert "innerHTML" not in script and "outerHTML" not in script and "eval" not in script


def test_the_same_is_written_once() -> None:
    """A second device that saw the same adds numbers, not texts."""
    other = CellRecord(**(MEASURED.__dict__ | {"device": "Y"}))
    one, two = data_of(render([MEASURED])), data_of(render([MEASURED, other]))
    assert one["counts"] == two["counts"]
    assert set(two["texts"]) - set(one["texts"]) == {"Y"}


def test_a_large_run_stays_a_small_page() -> None:
    dtypes = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
              "float16", "float32", "float64")  # fmt: skip
    edges = {f"float32 class{k}": 1000 + k for k in range(14)}
    cells = [
        CellRecord(f"operator_{k}", (dtype,), device, "pass", 2, 2, 10**6 + k, family=f"f{k % 9}",
                   exactness="faithful", bound_ulp="1", coverage={"buffer": 2, "strided": 1},
                   edges={name: count + k for name, count in edges.items()},
                   ulps={"0": k, "0.5": 10**6, "1": 3}, worst_ulp=f"0.{k + 1}",
                   worst_operands=(f"{dtype} 0x{k:08x} = {k}",), worst_bits="float32 0x1 = 1")
        for k in range(250) for dtype in dtypes for device in ("LLVM", "CPU", "PYTHON")
    ]  # fmt: skip
    assert len(render(cells)) < 6_000_000


def test_pages_of_little() -> None:
    for records in ([], [RUN], [ABSENT], [FAILURE], [WRONG]):
        Page(render(records))
    assert "None." in Page(render([])).said


def test_a_fragment_is_an_address() -> None:
    assert anchor("add", "float32") == "cell=add/float32"
    assert anchor('a"b', "c d") == "cell=a%22b/c%20d"
