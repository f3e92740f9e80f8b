"""Random kernels with a loop that carries several values, which may change places."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from conformance.harness.generate.choosing import Chooser, choose
from conformance.harness.generate.data import mixed
from conformance.harness.generate.raw.kernel import Kernel, garbage
from conformance.harness.subject import array_bytes
from engine import dtypes
from engine.arrays import NUMPY
from engine.folds import fold_many, pick
from engine.graph import Node, axis_range, const
from engine.moves import parallel_loops
from engine.ops import Axis, Op
from engine.simplify import index
from oracles.formats import FORMATS

DTYPES = (dtypes.int32, dtypes.uint8, dtypes.int64, dtypes.uint16)
ROWS = (1, 3, 8, 17)
ROUNDS = (1, 2, 5, 9)
STARTS = (0, 1, 5)
Update = Callable[[list[Any], Any, int, int], Any]
# How a carried value goes on: from the values before this round, and the element of the round.
UPDATES: dict[str, Update] = {
    "kept": lambda before, x, j, k: before[j],
    "element": lambda before, x, j, k: x,
    "sum": lambda before, x, j, k: before[j] + before[k],
    "difference": lambda before, x, j, k: before[j] - x,
    "product": lambda before, x, j, k: before[j] * x + before[k],
}


def loops(chooser: Chooser) -> Kernel:
    """Rows of a matrix, over each of which a loop carries values: what they are at its end."""
    dtype = choose(chooser, DTYPES)
    shape = (choose(chooser, ROWS), choose(chooser, ROUNDS))
    count = chooser.integer(2, 4)
    starts = [choose(chooser, STARTS) for _ in range(count)]
    steps = [
        (choose(chooser, ("kept", *UPDATES)), chooser.integer(0, count - 1),
         chooser.integer(0, count - 1))
        for _ in range(count)
    ]  # fmt: skip

    def after(before: list[Any], x: Any) -> list[Any]:
        return [UPDATES[name](before, x, j, k) for name, j, k in steps]

    rng = np.random.default_rng(chooser.integer(0, (1 << 20) - 1))
    data = FORMATS[dtype.name].from_bits(mixed(rng, dtype.name, prod(shape))).reshape(shape)
    values: list[Any] = [np.full(shape[0], start, NUMPY[dtype]) for start in starts]
    for column in data.T:
        values = after(values, column)
    due = [np.asarray(value) for value in values]

    read = Node(Op.PARAM, dtype, (), (0, prod(shape)))
    (row,) = parallel_loops(shape[:1])
    loop = axis_range(shape[1], (1,), Axis.REDUCE)
    place = index.ravel((row, loop), shape)
    element = Node(Op.LOAD, dtype, (read, place))
    carried = [Node(Op.CARRY, dtype, (loop,), k) for k in range(count)]
    folded = fold_many(loop, [const(start, dtype) for start in starts], after(carried, element))
    writes = tuple(
        Node(Op.WRITE, dtype, (Node(Op.PARAM, dtype, (), (1 + k, shape[0])), row, pick(folded, k)))
        for k in range(count)
    )
    inputs, results = array_bytes(data), [value.tobytes() for value in due]
    spoilt = [garbage(len(bits), dtype) for bits in results]
    return Kernel(Node(Op.SINK, dtypes.bool_, writes), (inputs, *spoilt), (inputs, *results))
