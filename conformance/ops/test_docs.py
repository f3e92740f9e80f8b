"""The pages on operators say what the catalog says."""

from pathlib import Path

from conformance.harness import docs
from conformance.harness.sweep import table
from oracles.promotion import RULES, SENTENCES

ROOT = Path(__file__).resolve().parents[2]


def test_the_pages_are_current() -> None:
    assert docs.stale(ROOT / docs.FOLDER) == [], "run: lockstep docs"


def test_the_page_on_accuracy_is_current() -> None:
    assert table.load(ROOT / "docs")
    assert not table.is_stale(ROOT / "docs"), "run: lockstep docs"


def test_every_rule_of_dtypes_has_a_sentence() -> None:
    assert set(SENTENCES) == set(RULES)


def test_a_changed_a_missing_and_a_foreign_page_are_stale(tmp_path: Path) -> None:
    docs.write(tmp_path)
    assert docs.stale(tmp_path) == []
    (tmp_path / docs.INDEX).write_text("old")
    (tmp_path / "casts.md").unlink()
    (tmp_path / "gone.md").write_text("")
    changed = [docs.INDEX, "casts.md", "gone.md"]
    assert docs.stale(tmp_path) == changed
    assert docs.write(tmp_path) == changed
    assert docs.stale(tmp_path) == []
    assert not (tmp_path / "gone.md").exists()


def test_edges_are_named_with_their_sign() -> None:
    assert [docs.number(x) for x in (-0.0, 0.0, -1e-45, 0.5)][:2] == ["-0", "0"]
    assert docs.number(-float(docs.EDGES["largest"])) == "-largest"
    assert docs.number(0.5) == "0.5"
