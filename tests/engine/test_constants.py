"""Constants that are computed before a kernel runs: the bits that the interpreter gives them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from engine import dtypes
from engine.arrays import NUMPY
from engine.dtypes import DType
from engine.graph import Node
from engine.interpret.preconditions import PreconditionError
from engine.interpret.semantics import apply
from engine.ops import Op, Operation
from engine.simplify.constants import CONSTANT_RULES, fold_constants
from tests.engine.backends.machine import edge_bits

OPS = CONSTANT_RULES[0].ops
WHOLE = [row for row in dtypes.TENSOR_DTYPES if row.kind in ("int", "uint")]
TESTS = (Op.LT, Op.EQ, Op.NE)


def forms(op: Operation) -> list[tuple[DType, tuple[DType, ...]]]:
    """The dtypes of results and operands with which an operation is tried."""
    flag = dtypes.bool_
    if op is Op.CONVERT:
        return [(to, (of,)) for to, of in itertools.product(WHOLE, [*WHOLE, flag])]
    if op is Op.BITCAST:
        return [(a, (b,)) for a, b in itertools.product(WHOLE, WHOLE) if a.bits == b.bits]
    both = [*WHOLE, flag] if op in (Op.AND, Op.OR, Op.XOR, Op.NOT, *TESTS) else WHOLE
    count = 1 if op is Op.NOT else 2
    return [(flag if op in TESTS else row, (row,) * count) for row in both]


@pytest.mark.parametrize("op", OPS, ids=str)
def test_the_interpreter_has_the_same_bits(op: Operation) -> None:
    folded = 0
    for to, of in forms(op):
        edges = [[0, 1] if row is dtypes.bool_ else edge_bits(row) for row in of]
        for bits in itertools.product(*edges):
            node = Node(op, to, tuple(Node(Op.CONST, r, (), b) for r, b in zip(of, bits)))
            arrays = [
                np.array([b], NUMPY[r.unsigned]).view(NUMPY[r]) for r, b in zip(of, bits)
            ]
            try:
                due = apply(op, to, arrays, of)
            except PreconditionError:
                assert fold_constants(node) is None, "no device is asked for this"
                continue
            found = fold_constants(node)
            assert found is not None and found.dtype is to
            assert found.arg == int(due.view(NUMPY[to.unsigned])[0]), (op, to, of, bits)
            folded += 1
    assert folded


def test_floats_and_what_is_not_constant_are_left() -> None:
    two = Node(Op.CONST, dtypes.float32, (), dtypes.float32.encode(2.0))
    whole = Node(Op.CONST, dtypes.int32, (), 2)
    x = Node(Op.PARAM, dtypes.int32, (), (0, 1))
    for node in (
        Node(Op.ADD, dtypes.float32, (two, two)),
        Node(Op.CONVERT, dtypes.float32, (whole,)),
        Node(Op.CONVERT, dtypes.int32, (two,)),
        Node(Op.BITCAST, dtypes.int32, (two,)),
        Node(Op.ADD, dtypes.int32, (x, whole)),
    ):
        assert fold_constants(node) is None


def test_every_lane_has_the_constant() -> None:
    row = dtypes.int32
    scalar = Node(Op.CONST, row, (), 3)
    lanes = Node(Op.BROADCAST, row.vec(4), (scalar,))
    made = fold_constants(Node(Op.ADD, lanes.dtype, (lanes, lanes)))
    assert made is not None and made.dtype is lanes.dtype and made.known_bits == 6
