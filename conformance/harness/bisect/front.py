"""The graph of a program against the references: before any device or pass plays a part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from conformance.harness.bisect.blame import Place
from conformance.harness.bisect.program import contents, program_of, values
from conformance.harness.bisect.rules import shown
from conformance.harness.build import part
from conformance.harness.case import Case, print_statement, value_dtypes
from conformance.harness.subject import EngineSubject
from conformance.harness.trial import judge
from engine.graph import Node, toposort
from engine.interpret.tensors import evaluate
from engine.ops import ELEMENTWISE, Op
from oracles import accept
from oracles.catalog import ROWS
from oracles.formats import Array


def wrong_graph(case: Case, subject: EngineSubject, due: Sequence[bytes]) -> Place | None:
    """The first statement whose graph, interpreted, the references refuse; None: all are right.

    `due` are the bits of the outputs, interpreted.
    """
    if not refused(case, due):
        return None
    for value in range(len(case.inputs), case.count):
        cut = part(case, [value])
        program = program_of(cut, subject)
        if not refused(cut, values(program.outputs)):
            continue
        statement = case.statement_of(value)
        assert statement is not None
        node = _wrong_meaning(program.outputs)
        if node is not None:
            text = f"{node.op} of {node.src[0].dtype} does not mean what the references say"
            return Place("meaning", op=str(node.op), dtype=str(node.dtype), text=text,
                         before=shown(node))  # fmt: skip
        return Place("front end", op=statement.op, dtype=value_dtypes(case)[value],
                     text=f"the graph of %{value} = {print_statement(statement)} is wrong",
                     before=shown(program.outputs[0]))  # fmt: skip
    return Place("front end", text="the graph is wrong only as a whole")


@dataclass(frozen=True)
class _Given:
    """A subject whose answer is known."""

    bits: Sequence[bytes]
    name: str = "interpreter"

    def run(self, case: Case) -> list[bytes]:
        return list(self.bits)


def refused(case: Case, bits: Sequence[bytes]) -> bool:
    """Whether the references say that outputs with these bits are wrong."""
    given = _Given(bits)
    return bool(judge(replace(case, expected=()), {given.name: given}).problems)


def _wrong_meaning(roots: Sequence[Node]) -> Node | None:
    """The first elementwise node whose value its own row of the catalog refuses."""
    for node in toposort(roots, stop=lambda one: one.op is Op.BIND):
        row = ROWS.get(str(node.op).lower())
        if node.op in ELEMENTWISE and row is not None and row.operands == len(node.src):
            *operands, got = evaluate([*node.src, node], contents)
            if _is_refused(row.name, operands, got):
                return node
    return None


def _is_refused(name: str, operands: Sequence[Array], got: Array) -> bool:
    try:
        return not accept.judge(name, [np.asarray(x) for x in operands], {}, got).passed
    except (ValueError, TypeError, KeyError):  # not on these dtypes, or attributes are missing
        return False
