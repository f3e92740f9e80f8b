"""What a program reaches: rows of the catalog with the dtypes and edge values of their operands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from conformance.harness.case import Case
from conformance.harness.trial.outcome import Reached
from oracles.edges import class_counts
from oracles.formats import FORMATS, Array


def operand_coverage(case: Case, values: Sequence[Array]) -> Counter[Reached]:
    """For every statement its row, the dtypes of its operands and each class of edge among them."""
    known: dict[int, tuple[str, ...]] = {}
    found: Counter[Reached] = Counter()
    for statement in case.statements:
        dtypes = " ".join(values[k].dtype.name for k in statement.operands)
        found[Reached("op", statement.op, dtypes)] += 1
        for k in statement.operands:
            if k not in known:
                row = FORMATS[values[k].dtype.name]
                known[k] = tuple(class_counts(row.name, row.to_bits(values[k])))
            for edge in known[k]:
                found[Reached("op", statement.op, dtypes, edge)] += 1
    return found
