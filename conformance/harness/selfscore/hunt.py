"""One hunt: trials until one is wrong, in the process in which the fault is planted."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count

from conformance.harness.selfscore.trials import trial
from conformance.harness.trial import Outcome


@dataclass(frozen=True)
class Wrong:
    """The number of the first trial that was wrong, and its judgement."""

    number: int
    outcome: Outcome


def processor_seconds() -> float:
    """What this process and the compilers that it has called have used."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def hunt(
    seconds: float, seed: int, running: Callable[[int, str], None]
) -> tuple[Wrong | None, int]:
    """Try until something is wrong or `seconds` of processor time are used; how many were tried.

    `running` is told the trial and the device before each launch.
    """
    end = processor_seconds() + seconds
    tried = 0
    for number in count():
        one = trial(seed, number)
        if one is None:
            continue
        tried += 1
        outcome = one.run(partial(running, number))
        if outcome.problems:
            return Wrong(number, outcome), tried
        if processor_seconds() > end:
            return None, tried
    raise AssertionError("trials do not end")
