"""Campaigns as text: nothing is lost on the way, and nothing else gets in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.harness.campaign.exchange import COLUMNS, read_campaign, write_campaign
from conformance.harness.campaign.findings import Hit
from conformance.harness.campaign.schema import FILE
from conformance.harness.campaign.store import Done, Order, Settings, Store
from conformance.harness.case import parse_case
from conformance.harness.devices import subjects_of
from conformance.harness.trial import Problem, judge
from tests.conformance.command import lockstep

CASE = "lockstep case 1\n%0 = buffer int8 (1,)\n    80\n%1 = neg %0\noutput %1\n"


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    """A campaign with a row in every table."""
    folder = tmp_path / "campaign"
    folder.mkdir()
    store = Store(folder)
    store.begin(Settings(5, ("PYTHON",), None, 2), 2, {"python": "3"})
    weights = store.keep_weights('{"neg": 2.0}')
    case = parse_case(CASE)
    outcome = judge(case, subjects_of(["PYTHON"]))
    hits = [Hit(0, k, Problem("bits", ("A",), 1, op, ("int8",), ""), CASE)
            for k, op in enumerate(("neg", "abs", "sub"))]  # fmt: skip
    store.finish(Order(0, weights), Done(1, 1, 0.5, [(case, outcome)], {"PYTHON": (1, 0.1)}, hits))
    store.died(Order(1, weights), Order(1, weights, True, (0,), "crash", "a reason"))
    for name in ("one", "other"):
        claim = store.findings.claim("1")
        assert claim is not None and store.findings.ask(name, claim, "1")
        if name == "one":
            store.findings.shrunk(name, claim, "fail", "text", CASE, "script", "")
    store.close()
    return folder


def rows(folder: Path) -> dict[str, list[Any]]:
    store = Store(folder)
    try:
        return {
            table: sorted(store.link.execute(f"SELECT {', '.join(names)} FROM {table}"), key=repr)
            for table, names in COLUMNS.items()
        }
    finally:
        store.close()


def test_a_campaign_comes_back(campaign: Path, tmp_path: Path) -> None:
    text, again = tmp_path / "campaign.jsonl", tmp_path / "again"
    assert lockstep("export", str(campaign), str(text))[0] == 0
    assert lockstep("import", str(text), str(again))[0] == 0
    before, after = rows(campaign), rows(again)
    for table in COLUMNS.keys() - {"settings", "hits", "buckets"}:
        assert before[table] == after[table] != [], table
    store = Store(again)
    assert store.settings() == Settings(5, ("PYTHON",), None, 2)
    assert store.open_orders() == [Order(1, 1, True, (0,), "crash", "a reason")]
    assert {bucket.key: bucket.state for bucket in store.findings.buckets()} == {
        "one": "closed", "other": "open"
    }  # fmt: skip
    assert "from engine import Tensor" in store.findings.buckets()[0].script
    assert len(store.findings.unexplained()) == 2
    store.close()
    assert lockstep("import", str(text), str(again))[0] == 2, "there is one already"


def test_what_is_not_there_cannot_be_written(tmp_path: Path) -> None:
    assert lockstep("export", str(tmp_path), str(tmp_path / "text"))[0] == 2
    assert not (tmp_path / FILE).exists()


Change = Callable[[list[dict[str, Any]]], object]


def of(table: str, /, **changed: Any) -> Change:
    """Other values in a row of a table."""
    return lambda found: next(r for r in found if r.get("table") == table).update(changed)


def settings_of(kind: str) -> Change:
    """Those of a campaign of another kind."""
    body = {"seed": 1, "devices": ["LLVM"], "length": None, "vectors": 1, "kind": kind}
    return of("settings", value=json.dumps(body))


CHANGES: dict[str, Change] = {
    "no head": lambda found: found.pop(0),
    "another version": lambda found: found[0].update({"lockstep campaign": 2}),
    "no settings": lambda found: found.pop(1),
    "twice": lambda found: found.append(found[-1]),
    "another table": of("draws", table="sqlite_master"),
    "another column": of("draws", more=1),
    "no column": lambda found: found[1].pop("value"),
    "a device": of("settings", value='{"seed": 1, "devices": ["; rm"], "length": 1, "vectors": 1}'),
    "no JSON": of("settings", value="{"), "no kind": settings_of("tunes"),
    "another kind": settings_of("sequences"),
    "a float": of("draws", cases=1.5), "a text": of("draws", cases="1"),
    "negative": of("draws", seconds=-1.0), "infinite": of("draws", seconds=float("inf")),
    "huge": of("draws", number=1 << 70), "a flag": of("draws", done=2),
    "no case": of("corpus", body="print(1)"), "no problem": of("hits", problem='{"kind": "x"}'),
    "no blame": of("buckets", blame='{"kind": "x"}'), "a state": of("hits", state="claimed"),
    "an orphan": of("buckets", hit=99), "no bucket": of("hits", bucket="none", state="explained"),
    "long": of("coverage", feature="x" * (1 << 17)), "weights": of("weights", body="[1]"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_what_is_no_campaign_is_refused(campaign: Path, tmp_path: Path, change: Change) -> None:
    file, folder = tmp_path / "text", tmp_path / "new"
    write_campaign(campaign, file)
    found = [json.loads(line) for line in file.read_text().splitlines()]
    change(found)
    file.write_text("\n".join(map(json.dumps, found)))
    with pytest.raises(ValueError, match=r"line \d|says|say|belong"):
        read_campaign(file, folder)
    assert not list(folder.glob("*")), "nothing is left behind"


@pytest.mark.parametrize("text", ["", "[", "[" * 100_000, "\xff", "null\n"])
def test_nonsense_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "text"
    file.write_text(text, "latin-1")
    with pytest.raises(ValueError, match=r"line 1|nothing in it|decode"):
        read_campaign(file, tmp_path / "new")
