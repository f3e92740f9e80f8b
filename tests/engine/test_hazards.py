"""The check of hazards: it passes what is right, and notices every edge that is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine import Tensor
from engine.graph import Node
from engine.hazards import HazardError, verify_hazards
from engine.realize import resolved_roots, structure
from engine.schedule import planned
from engine.steps import Schedule
from engine.target import Target


def target(name: str) -> Target:
    return Target("HOST")


def swapped() -> tuple[Schedule, dict[int, Node]]:
    """Two parts exchanged in place: snapshots, writes, and readers of three versions."""
    x = Tensor(np.arange(16, dtype="float32"), device="PYTHON")
    old = x * 3
    left = x[:4].clone()
    x[:4] = x[4:8]
    middle = x + 1
    x[4:8] = left
    x[8:] *= 2
    roots = resolved_roots([x.node, old.node, middle.node])
    holes = structure(roots).holes
    return planned(roots, holes, target, "PYTHON", [0])


def test_a_right_schedule_passes() -> None:
    schedule, nodes = swapped()
    verify_hazards(schedule, nodes)
    assert sum(row.source[0] == "version" for row in schedule.slots) == 3
    assert len(schedule.items) == 7


def test_every_edge_that_is_missing_is_noticed() -> None:
    schedule, nodes = swapped()
    found = 0
    for number, item in enumerate(schedule.items):
        for gone in item.after:
            kept = tuple(step for step in item.after if step != gone)
            items = [*schedule.items]
            items[number] = replace(item, after=kept)
            with pytest.raises(HazardError, match=f"step {number}: .* edge from step {gone}"):
                verify_hazards(replace(schedule, items=items), nodes)
            found += 1
    assert found >= 8


def test_every_step_that_comes_too_early_is_noticed() -> None:
    schedule, nodes = swapped()
    for number, item in enumerate(schedule.items):
        for gone in item.after:
            items = [*schedule.items]
            items[gone], items[number] = items[number], items[gone]
            with pytest.raises(HazardError):
                verify_hazards(replace(schedule, items=items), nodes)


def test_a_version_that_is_written_over_another_one_is_noticed() -> None:
    schedule, nodes = swapped()
    last = max(i for i, row in enumerate(schedule.slots) if row.source[0] == "version")
    _, older = schedule.slots[last].source
    slots = [*schedule.slots]
    slots[last] = replace(slots[last], source=slots[older].source)
    with pytest.raises(HazardError):
        verify_hazards(replace(schedule, slots=slots), nodes)


@pytest.mark.parametrize("shift", [0, 1])
def test_a_kernel_that_reads_beside_what_it_writes_is_noticed(shift: int) -> None:
    x = Tensor(np.arange(8, dtype="float32"), device="PYTHON")
    x[2:5] += 1
    (root,) = resolved_roots([x.node])
    schedule, nodes = planned([root], structure([root]).holes, target, "PYTHON", [0])
    (item,) = schedule.items
    assert item.kernel is not None
    (output,) = item.kernel
    wrong = replace(output, places=(2 + shift, (1,)))
    moved = replace(schedule, items=[replace(item, kernel=(wrong,))])
    if shift:
        with pytest.raises(HazardError, match="read where the same step may have written"):
            verify_hazards(moved, nodes)
    else:
        verify_hazards(moved, nodes)


def test_what_writes_nothing_is_no_step() -> None:
    """Values that fall on a tensor without elements."""
    index, values = Tensor(np.ones((2, 3), "int32")), Tensor(np.ones((2, 3), "int32"))
    empty = Tensor.zeros(0, 3, dtype="int32")
    y = empty.scatter_reduce(0, index, values, "sum")
    roots = resolved_roots([y.node])
    schedule, nodes = planned(roots, structure(roots).holes, target, "PYTHON")
    verify_hazards(schedule, nodes)
    assert schedule.items == []
    assert y.tolist() == []
