"""The cover: less than the full plan in each cell, and all of it over the cells."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.harness import plan
from conformance.harness.build import Builder, part
from conformance.harness.calls import same_call
from conformance.harness.case import Case
from conformance.harness.check import Check, Device
from conformance.harness.plans.layouts import IN_TURN
from conformance.harness.subject import ReferenceSubject
from oracles.catalog import ALL, ROWS
from reports.matrix import column


def many_calls(count: int) -> Case:
    """Sums of which each needs the one before, and one statement that nothing needs."""
    build = Builder()
    values = [build.input("int8", np.array([k], np.uint8)) for k in range(count + 1)]
    build.apply("neg", values[0])
    total = values[0]
    for value in values[1:]:
        total = build.judged("add", total, value)
    return build.case()


@pytest.mark.parametrize("count", [1, plan.SHARE, plan.SHARE + 1, 3 * plan.SHARE + 2])
def test_turns_share_out_every_call(count: int) -> None:
    case = many_calls(count)
    whole = ReferenceSubject().run(case)
    turns = -(-count // plan.SHARE)
    found = []
    for turn in range(turns):
        share = plan.shared_out(case, turn)
        assert len(share.outputs) <= plan.SHARE
        found += ReferenceSubject().run(share)
    assert sorted(found) == sorted(whole)
    assert plan.shared_out(case, turns) == plan.shared_out(case, 0)


def test_a_part_has_only_what_it_needs() -> None:
    case = many_calls(3)
    first = part(case, case.outputs[:1])
    assert (len(first.inputs), len(first.statements)) == (2, 1)
    assert ReferenceSubject().run(first) == ReferenceSubject().run(case)[:1]
    last = part(case, case.outputs[2:])
    assert (len(last.inputs), len(last.statements)) == (4, 3)


def test_results_of_one_call_stay_together() -> None:
    for dtypes in plan.cells("svd"):
        for batch in plan.batches("svd", dtypes, full=False):
            assert len(batch.case.outputs) % ROWS["svd"].outputs == 0


def test_the_cover_is_part_of_the_full_plan() -> None:
    for op in ("scatter_reduce", "sort", "exp", "add"):
        for dtypes in plan.cells(op):
            full = {batch.layout: batch.case for batch in plan.batches(op, dtypes, full=True)}
            for batch in plan.batches(op, dtypes, full=False):
                texts = {one.data for one in full[batch.layout].inputs}
                assert {one.data for one in batch.case.inputs} <= texts
                assert len(batch.case.outputs) <= len(full[batch.layout].outputs)


def test_every_layout_of_a_row_is_met_in_the_cover() -> None:
    """And in each the first call and the last, where it is met with enough dtypes."""
    for op, row in ROWS.items():
        cells = [
            dtypes for dtypes in plan.cells(op)
            if not plan.mixed(op, dtypes) and not plan.takes_turns(dtypes)
        ]  # fmt: skip
        if len(cells) < 12:
            continue
        met = {name for dtypes in cells for name in plan.cover(op, dtypes)}
        assert met == set(plan.layouts(op, cells[0])) - ({"long"} if row.order is None else set())


def test_integers_of_a_function_meet_the_cast_and_the_edges_alone() -> None:
    assert plan.cover("exp", ("int32",)) == plan.cover("sin", ("bool",)) == ("main",)
    for op, dtypes in [("exp", ("float32",)), ("neg", ("int32",)), ("add", ("int8", "int8"))]:
        assert plan.cover(op, dtypes)[0] == "main" and len(plan.cover(op, dtypes)) == 2


@pytest.mark.parametrize("op", ["scatter_reduce", "getitem", "sort", "roll", "var"])
def test_every_call_of_main_is_met_with_some_dtype(op: str) -> None:
    turns = set()
    most = 1
    for dtypes in (found for found in plan.cells(op) if not plan.takes_turns(found)):
        (main,) = [b for b in plan.batches(op, dtypes, full=True) if b.layout == "main"]
        calls = len(main.case.outputs) // ROWS[op].outputs
        most = max(most, -(-calls // plan.SHARE))
        turns.add(plan.turn_of(op, dtypes, "main"))
    assert {turn % most for turn in turns} == set(range(most))


def test_every_pair_of_dtypes_is_promoted_in_some_row() -> None:
    met = set()
    for op, row in ROWS.items():
        for dtypes in plan.cells(op):
            shared = [dtypes[k] for k in row.shared(len(dtypes))]
            met |= {(a, b) for a in shared[:1] for b in shared[1:]}
    assert met >= {(a, b) for a in ALL for b in ALL}


@pytest.mark.parametrize("op", ["pad", "add", "where", "qr", "getitem", "softmax", "conv2d"])
def test_the_shares_of_a_layout_rotate_over_the_cells_that_have_it(op: str) -> None:
    met: dict[str, set[int]] = {}
    cells: dict[str, int] = {}
    most: dict[str, int] = {}
    for dtypes in plan.cells(op):
        if plan.mixed(op, dtypes) or plan.takes_turns(dtypes):
            continue
        cover = plan.cover(op, dtypes)
        for batch in plan.batches(op, dtypes, full=True):
            if batch.layout not in cover:
                continue
            name, calls = batch.layout, len(batch.case.outputs) // ROWS[op].outputs
            most[name] = max(most.get(name, 1), -(-calls // plan.SHARE))
            cells[name] = cells.get(name, 0) + 1
            met.setdefault(name, set()).add(plan.turn_of(op, dtypes, name))
    for name, turns in met.items():
        shares = {turn % most[name] for turn in turns}
        assert len(shares) == min(most[name], cells[name]), name


# -- the floats that take turns --------------------------------------------------------------------
def adds_a_cast(op: str, dtypes: tuple[str, ...]) -> bool:
    return plan.mixed(op, dtypes) or op in plan.CONVERSIONS


@pytest.mark.parametrize("places", [1, 2, 3, 5])
def test_cells_run_on_all_devices_or_take_turns(places: int) -> None:
    """Each on some device, but for those that add a cast: about a third of them, on one."""
    casts: list[int] = []
    for op, dtypes in plan.selected():
        met = sum(plan.meets(op, dtypes, place, places) for place in range(places))
        if not plan.takes_turns(dtypes):
            assert met == places
        elif adds_a_cast(op, dtypes):
            casts.append(met)
        else:
            assert met in (1, places)
    assert max(casts) == 1 and 0.3 < np.mean(casts) < 0.37


@pytest.mark.parametrize("places", [1, 2, 3, 5])
def test_every_place_of_the_matrix_has_a_cell_that_runs(places: int) -> None:
    run: dict[tuple[str, str], bool] = {}
    for op, dtypes in plan.selected():
        here = any(plan.meets(op, dtypes, place, places) for place in range(places))
        run[op, column(op, dtypes)] = here or run.get((op, column(op, dtypes)), False)
    assert all(run.values()), [place for place, here in run.items() if not here]


def test_a_device_that_shares_with_none_runs_all_cells() -> None:
    assert all(plan.meets(op, dtypes, 0, 0) for op, dtypes in plan.selected())


def test_every_dtype_that_takes_turns_is_cast_from_and_to_on_every_device() -> None:
    places = 3
    for op in plan.CONVERSIONS:
        for name in IN_TURN:
            for side in range(2):
                cells = [dtypes for dtypes in plan.cells(op) if dtypes[side] == name]
                for place in range(places):
                    assert any(plan.meets(op, dtypes, place, places) for dtypes in cells)


def test_what_no_device_runs_is_no_target() -> None:
    cells = [("cast", dtypes) for dtypes in plan.cells("cast")]
    devices = [Device(name, ReferenceSubject(), False, place=k, places=2)
               for k, name in enumerate(("A", "B"))]  # fmt: skip
    check = Check(devices, cells)
    assert len(check.cells) < 2 * len(check.targets) < 2 * len(cells)
    assert {(cell.op, cell.dtypes) for cell in check.cells} == set(check.targets)


@pytest.mark.parametrize("places", [1, 2, 3, 4])
def test_every_row_of_floats_meets_all_devices_with_one_that_takes_turns(places: int) -> None:
    """And each device with one of its own."""
    for op in ROWS:
        own = [one for one in plan.cells(op) if plan.takes_turns(one) and not plan.mixed(op, one)]
        if len(own) < len(IN_TURN) or op in plan.CONVERSIONS:
            continue
        met = np.array([[plan.meets(op, one, k, places) for k in range(places)] for one in own])
        assert met.all(axis=1).any() and (met.sum(axis=0) > 1).all(), op


def test_cells_that_take_turns_have_one_call_that_makes_an_element() -> None:
    for op in ROWS:
        for dtypes in filter(plan.takes_turns, plan.cells(op)):
            (batch,) = plan.batches(op, dtypes, full=False)
            outputs = set(batch.case.outputs)
            statements = [batch.case.statement_of(value) for value in outputs]
            assert len({same_call(one) for one in statements if one is not None}) == 1
            values = ReferenceSubject().evaluate(batch.case)
            assert sum(values[value].size for value in outputs), (op, dtypes)


def test_the_full_plan_lets_no_dtype_take_turns() -> None:
    for op in ("add", "exp", "sort", "conv2d"):
        own = (len(plan.cells(op)[0]) * ("bfloat16",))
        assert plan.names(op, own) == tuple(plan.layouts(op, own))
        assert plan.names(op, own, full=False) == ("main",)
        assert all(Device("X", None, full=True, place=k, places=9).runs(op, own) for k in range(9))


def test_every_other_dtype_has_a_cell_of_its_own_in_each_row() -> None:
    """None of which a dtype that takes turns makes less."""
    for op in ROWS:
        cells = plan.cells(op)
        first = {dtypes[0] for dtypes in cells if dtypes and dtypes[0] not in IN_TURN}
        assert first == {one[0] for one in cells if one and not plan.takes_turns(one)}, op
