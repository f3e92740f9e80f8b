"""What a cell has seen besides its verdict: edge classes and distances."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from conformance.harness import plan
from conformance.harness.cells import Cells, merge
from conformance.harness.check import Check, Device
from conformance.harness.evidence import Evidence, edges_of, measured, recorded
from conformance.harness.subject import ReferenceSubject
from oracles import accept
from oracles.edges import class_counts, classes, edge_class, edges
from oracles.formats import FORMATS
from reports.records import ULP_BINS, CellRecord, from_line, to_line


@pytest.mark.parametrize("dtype", list(FORMATS))
def test_classes_in_bulk_are_those_of_each_element(dtype: str) -> None:
    row = FORMATS[dtype]
    rng = np.random.default_rng(5)
    if row.bits <= 8 and row.kind != "bool":
        words = np.arange(1 << row.bits).astype(row.unsigned)
    else:
        top = 1 if row.kind == "bool" else (1 << row.bits) - 1
        drawn = rng.integers(0, top, 2000, dtype=np.uint64, endpoint=True).astype(row.unsigned)
        near = [edges(dtype) + row.unsigned.type(step) for step in (0, 1)]
        words = np.concatenate([drawn, *near]) & row.unsigned.type(top)
    expected = Counter(edge_class(dtype, int(word)) for word in words)
    assert class_counts(dtype, words) == expected
    assert class_counts(dtype, words[:0]) == {}


def test_operands_are_counted_by_dtype() -> None:
    found = edges_of([np.array([0.0, -0.0, np.inf], np.float32), np.array([[-128, 4]], np.int8)])
    assert {name: count for name, count in found.items() if count} == {
        "float32 +0": 1, "float32 -0": 1, "float32 +inf": 1, "int8 min": 1, "int8 power": 1,
    }  # fmt: skip
    assert found["float32 qnan"] == 0, "what is not reached is said"
    assert set(found) == {f"{d} {c}" for d in ("float32", "int8") for c in classes(d)}


def test_functions_are_measured() -> None:
    x = np.array([0.3, 0.7, np.nan, -1.25], np.float32)
    right = np.exp2(x.astype(np.float64)).astype(np.float32)
    got = right.copy()
    got[1] = np.nextafter(got[1], np.float32(9))
    seen = measured(accept.judge("exp2", [x], {}, got))
    assert sum(seen.ulps.values()) == 4
    assert seen.ulps["0"] == 1, "NaN is prescribed"
    assert seen.ulps["0.5"] == 2
    assert seen.worst_ulp is not None and 0.5 < seen.worst_ulp < 1.5
    assert seen.worst_operands == ("float32 0x3f333333 = 0.7",)
    assert seen.worst_bits.startswith(f"float32 0x{got[1:2].view(np.uint32)[0]:08x}")
    assert float(seen.bound_ulp) >= 0.5
    got[0] = np.nan
    assert measured(accept.judge("exp2", [x], {}, got)).worst_text == "inf"


def test_what_is_proved_correctly_rounded_is_within_half_an_ulp() -> None:
    x = np.array([1.0, 3.0], np.float32)
    got = x / np.float32(3)
    seen = measured(accept.judge("div", [x, np.full(2, 3, np.float32)], {}, got))
    assert (seen.exactness, dict(seen.ulps), seen.worst_text) == ("rounded", {"0.5": 2}, "")
    seen = measured(accept.judge("div", [x, np.full(2, 3, np.float32)], {}, got * 2))
    assert not seen.ulps


def test_the_worst_of_several_stays() -> None:
    first = Evidence("faithful", "1", Counter(a=1), Counter({"0.5": 3}), 0.5, ("x",), "p")
    first.add(Evidence("faithful", "1", Counter(a=2), Counter({"1": 1}), 0.75, ("y",), "q"))
    first.add(Evidence("faithful", "1", worst_ulp=0.75, worst_operands=("z",)))
    assert (first.worst_ulp, first.worst_operands, first.worst_bits) == (0.75, ("y",), "q")
    assert (first.edges, first.ulps) == ({"a": 3}, {"0.5": 3, "1": 1})


def judged(*targets: tuple[str, tuple[str, ...]]) -> list[CellRecord]:
    check = Check([Device("A", ReferenceSubject()), Device("B", ReferenceSubject())], targets)
    check.run()
    return [cell.record() for cell in check.cells]


def test_records_carry_what_was_seen() -> None:
    target = ("exp2", ("float32",))
    one, other = judged(target)
    assert (one.family, one.exactness) == ("elementwise", "faithful")
    assert set(one.ulps) <= set(ULP_BINS)
    assert sum(one.ulps.values()) == one.elements
    assert one.edges["float32 snan"] > 0 and one.edges["float32 -0"] > 0
    assert 0.25 < float(one.worst_ulp) <= float(one.bound_ulp)
    assert one.worst_operands[0].startswith("float32 0x")
    assert (one.edges, one.ulps) == (other.edges, other.ulps)
    assert from_line(to_line(one)) == one
    (again,) = merge([one])
    assert again == one
    assert recorded(one).edges == one.edges


def test_every_edge_class_is_reached_by_the_cover() -> None:
    (record,) = [r for r in judged(("neg", ("float32",))) if r.device == "A"]
    named = {edge_class("float32", int(word)) for word in edges("float32")}
    assert {name.partition(" ")[2] for name, count in record.edges.items() if count} == named


def test_halves_of_a_cell_add_up() -> None:
    (batch, *_) = plan.batches("exp2", ("float16",))
    parts = []
    for name, other in (("x", 1.0), ("y", 2.0)):
        cell = Cells().plan("exp2", ("float16",), "X", 1)
        cell.judged(4, batch.features, Evidence(edges=Counter(e=2), worst_ulp=other,
                                                worst_operands=(name,)))  # fmt: skip
        parts.append(cell.record())
    (whole,) = merge(parts)
    assert (whole.edges, whole.worst_ulp, whole.worst_operands) == ({"e": 4}, "2", ("y",))
