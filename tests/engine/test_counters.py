"""What a process has run, counted."""

from __future__ import annotations

import numpy as np

from engine import GlobalCounters, Tensor
from engine.counters import Compiling, watched


def test_a_kernel_is_counted_with_what_it_costs() -> None:
    x = Tensor(np.ones(64, np.float32))
    GlobalCounters.reset()
    ((x + 1) * 3).realize()
    assert GlobalCounters.kernel_count == 1
    assert 128 <= GlobalCounters.global_ops < 1000, "two operations an element, and addresses"
    assert GlobalCounters.global_mem == 512, "what it reads and what it writes"
    assert GlobalCounters.time_sum > 0


def test_programs_that_are_known_are_hits() -> None:
    x = Tensor(np.ones(7, np.float32))
    (x * 1.25).realize()
    GlobalCounters.reset()
    (x * 1.25 + 0).realize()
    (Tensor(np.zeros(7, np.float32)) * 1.25).realize()
    assert (GlobalCounters.schedule_hits, GlobalCounters.schedule_misses) == (1, 1)


def test_a_tensor_may_become_another() -> None:
    x = Tensor([1, 2])
    y = x + 1
    assert x.replace(Tensor([5, 6])) is x
    assert x.tolist() == [5, 6]
    assert y.tolist() == [2, 3], "what was made before stays"
    assert x.to_("PYTHON").device == "PYTHON"
    assert x.detach().tolist() == [5, 6]


def test_rules_and_passes_are_counted_while_somebody_watches() -> None:
    x = Tensor([1, 2, 3, 4, 5], dtype="int32", device="PYTHON")
    with watched() as (rules, passes):
        ((x & 0) + x * 1).realize()
        with watched() as (inner, _):
            (x + 0 + x + 7).realize()
    assert rules and inner, "x * 1 is x"
    assert passes["simplify values"] == 1, "what happened in the block inside is its own"
    before = dict(rules)
    (x * 1 + x * 1 + 11).realize()
    assert rules == before and Compiling.rules is None, "nobody watches any more"
