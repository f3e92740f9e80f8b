"""One hunt: trials until one is wrong, in the process in which the fault is planted."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count

from conformance.harness.campaign.steering import Pace, weights
from conformance.harness.selfscore.settings import Hounds
from conformance.harness.selfscore.trials import Suspect, draw_of, trial
from conformance.harness.trial import Outcome

Steered = Callable[[Mapping[str, float]], None]
"""Is told the weights by which draws are made from now on."""
Running = Callable[[int, int, int, str], None]
"""Is told how many programs were tried, the trial, what of it runs, and the device."""


@dataclass(frozen=True)
class Wrong:
    """The first thing that was wrong, and its judgement."""

    suspect: Suspect
    outcome: Outcome


def processor_seconds() -> float:
    """What this process and the compilers that it has called have used."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def hunt(
    on: Hounds, seconds: float, seed: int, running: Running, steered: Steered
) -> tuple[Wrong | None, int]:
    """Try until something is wrong or `seconds` of processor time are used; how many were tried."""
    end = processor_seconds() + seconds
    tried = 0
    coverage: Counter[str] = Counter()
    steering: Mapping[str, float] = {}
    pace = Pace()
    for number in count():
        draw = draw_of(number)
        if draw is not None and pace.is_due(draw):
            steering = weights(coverage)
            steered(steering)
        one = trial(on, seed, number, steering)
        outcomes = one.run(partial(_announce, running, tried, number))
        for suspect, outcome in zip(one.suspects, outcomes, strict=True):
            tried += 1
            if outcome.problems:
                return Wrong(suspect, outcome), tried
            coverage.update("/".join(feature) for feature in outcome.coverage)
        if processor_seconds() > end:
            return None, tried
    raise AssertionError("trials do not end")


def _announce(running: Running, tried: int, number: int, device: str, part: int) -> None:
    running(tried + part + 1, number, part, device)
