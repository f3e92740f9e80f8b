"""The pass: what a target lacks, one operation after another, those that others need last."""

from __future__ import annotations

from engine.decompose.operations.division import divide_by_shifting
from engine.decompose.operations.reciprocals import by_reciprocals
from engine.decompose.operations.selects import COMPLEMENTS, SELECTS
from engine.decompose.operations.shifts import COMPARING, DIVIDING
from engine.dtypes import TENSOR_DTYPES
from engine.graph import Node
from engine.ops import Op
from engine.rewrite import rewrite
from engine.target import Target

INTEGERS = frozenset(row for row in TENSOR_DTYPES if row.is_int)


def without_missing(sink: Node, target: Target) -> Node:
    """The kernel with none of the operations below that the target lacks."""
    divides = Op.IDIV in target.ops
    if not divides:
        sink = divide_by_shifting(rewrite(sink, by_reciprocals(INTEGERS)))
    if Op.SHL not in target.ops or Op.SHR not in target.ops:
        sink = rewrite(sink, DIVIDING if divides else COMPARING)
    if Op.WHERE not in target.ops:
        sink = rewrite(sink, SELECTS)
    if Op.NOT not in target.ops:
        sink = rewrite(sink, COMPLEMENTS)
    return sink
