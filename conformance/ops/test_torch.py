"""A second opinion on the reference itself: torch, wherever its row says that it can be believed.

The programs are those of the plan, so edge values meet every layout's attributes; `lockstep check`
does not ask torch.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from conformance.harness import plan
from conformance.harness.case import Case, Statement, print_statement
from conformance.harness.subject import ReferenceSubject
from oracles import torch_ref
from oracles.catalog import ROWS
from oracles.formats import Array, format_of

JUDGED = [name for name, row in ROWS.items() if "torch" in row.references]


def statements(op: str, case: Case) -> Iterator[tuple[Statement, list[Array], Array]]:
    """The statements of a row in a program, with the reference's operands and result."""
    values = ReferenceSubject().evaluate(case)
    for k, statement in enumerate(case.statements, len(case.inputs)):
        if statement.op == op:
            yield statement, [values[j] for j in statement.operands], values[k]


def disagreement(statement: Statement, operands: list[Array], due: Array) -> str | None:
    """Where torch contradicts the reference, in words."""
    verdict = torch_ref.compare(statement.op, operands, statement.attributes, due)
    wrong = np.flatnonzero((verdict.judged & ~verdict.agrees).reshape(-1))
    if not wrong.size:
        return None
    row = format_of(due)
    words = [row.hex(int(row.to_bits(x).reshape(-1)[wrong[0]])) for x in (due, verdict.answer)]
    dtypes = ", ".join(x.dtype.name for x in operands)
    return (
        f"{print_statement(statement)} of {dtypes}: {wrong.size} of {due.size} elements, first at "
        f"{wrong[0]}: numpy {words[0]}, torch {words[1]}"
    )


@pytest.mark.skipif(not torch_ref.available(), reason=torch_ref.REMEDY)
@pytest.mark.parametrize("op", JUDGED)
def test_torch_and_the_reference_agree(op: str) -> None:
    compared = 0
    found = []
    for dtypes in plan.cells(op):
        for batch in plan.batches(op, dtypes, full=False):
            for statement, operands, due in statements(op, batch.case):
                names = [x.dtype.name for x in operands]
                if torch_ref.not_judged(op, names, statement.attributes) is not None:
                    continue
                try:
                    found.append(disagreement(statement, operands, due))
                except torch_ref.NotJudged:  # for reasons that the shapes show
                    continue
                compared += 1
    assert compared, "the catalog names torch as a reference, and it judged nothing"
    assert not any(found), "\n".join([text for text in found if text][:12])
