"""What a program reaches: rows with dtypes and edge values, rules, passes, kernels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from conformance.harness.case import Case
from conformance.harness.trial.outcome import Reached
from oracles.edges import class_counts
from oracles.formats import Array, format_of


def operand_coverage(case: Case, values: Sequence[Array]) -> Counter[Reached]:
    """For every statement its row, the dtypes of its operands and each class of edge among them."""
    rows = [format_of(value) for value in values]
    known: dict[int, tuple[str, ...]] = {}
    found: Counter[Reached] = Counter()
    for statement in case.statements:
        dtypes = " ".join([rows[k].name for k in statement.operands])
        found[Reached("op", statement.op, dtypes)] += 1
        for k in statement.operands:
            if k not in known:
                known[k] = tuple(class_counts(rows[k].name, rows[k].to_bits(values[k])))
            for edge in known[k]:
                found[Reached("op", statement.op, dtypes, edge)] += 1
    return found


@contextmanager
def engine_coverage(found: Counter[Reached]) -> Iterator[None]:
    """Adds the rules, passes and kernels of what runs in the block."""
    from engine.counters import GlobalCounters, watched

    before = GlobalCounters.kernel_count
    with watched() as (rules, passes):
        yield
    for what, counts in (("rule", rules), ("pass", passes)):
        found.update({Reached(what, name): count for name, count in counts.items()})
    found[Reached("kernels", _class_of(GlobalCounters.kernel_count - before))] += 1


def _class_of(count: int) -> str:
    """0, 1, 2, up to 4, 8 …"""
    return str(count) if count < 3 else f"up to {1 << (count - 1).bit_length()}"
