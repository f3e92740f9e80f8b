"""What has been run in this process, for whoever wants to know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class GlobalCounters:
    """Counts since the process began or `reset` was called.

    `kernel_count`: steps of schedules, copies between devices among them. `global_ops`: elementwise
    operations that kernels executed, as far as it is known before they run (a loop whose end is
    data counts as one round). `global_mem`: bytes that kernels read and wrote at most, of a buffer
    no more than it has. `time_sum`: seconds that launches took. `schedule_hits`, `schedule_misses`:
    programs whose structure was known, and those that were compiled.
    """

    kernel_count = 0
    global_ops = 0
    global_mem = 0
    time_sum = 0.0
    schedule_hits = 0
    schedule_misses = 0

    @classmethod
    def reset(cls) -> None:
        """All counts to 0."""
        cls.kernel_count = cls.global_ops = cls.global_mem = 0
        cls.schedule_hits = cls.schedule_misses = 0
        cls.time_sum = 0.0


class Compiling:
    """What rewriting and passes did, counted while somebody watches; None while nobody does.

    `rules`: how often a rule fired, by name. `passes`: how often a pass changed a kernel. What is
    remembered from before is not done again, and is not counted.
    """

    rules: Counter[str] | None = None
    passes: Counter[str] | None = None


@contextmanager
def watched() -> Iterator[tuple[Counter[str], Counter[str]]]:
    """The counts of rules and passes, as long as the block lasts; blocks may be nested."""
    outside = Compiling.rules, Compiling.passes
    counts: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    Compiling.rules, Compiling.passes = counts
    try:
        yield counts
    finally:
        Compiling.rules, Compiling.passes = outside
