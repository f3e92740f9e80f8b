"""Random kernels as lowering leaves them, in which only index arithmetic is random.

It is made of plain nodes, or by the functions that simplify; numpy knows what it means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from conformance.harness.generate.choosing import Chooser, choose
from conformance.harness.generate.raw.kernel import Kernel, garbage
from engine import dtypes
from engine.dtypes import DType
from engine.graph import Node, index as index_of
from engine.interpret.preconditions import Array
from engine.moves import parallel_loops
from engine.ops import Op, Operation
from engine.simplify import index

EXTENTS = (1, 2, 3, 4, 5, 7, 8, 16, 33)
DIVISORS = (1, 2, 3, 4, 5, 6, 8, 12, 16, 35)
DATA = 24  # elements of the buffer that is read
FAR = 1 << 30  # values stay below: devices of words compute addresses in words
Written = Callable[..., Any]


@dataclass(frozen=True)
class _Arithmetic:
    """How index arithmetic is written down: as nodes, or as what they mean."""

    add: Written
    subtract: Written
    multiply: Written
    floordiv: Written
    mod: Written
    less: Written
    select: Written


def _plain(op: Operation, dtype: DType = dtypes.index) -> Written:
    return lambda x, y: Node(op, dtype, (index_of(x), index_of(y)))


MEANT = _Arithmetic(
    np.add, np.subtract, np.multiply, np.floor_divide, np.mod, np.less, np.where
)  # fmt: skip
PLAIN = _Arithmetic(
    _plain(Op.ADD), _plain(Op.SUB), _plain(Op.MUL), _plain(Op.FLOORDIV), _plain(Op.FLOORMOD),
    _plain(Op.LT, dtypes.bool_),
    lambda condition, x, y: Node(Op.WHERE, dtypes.index, (condition, x, y)),
)  # fmt: skip
SIMPLIFIED = _Arithmetic(
    index.add, index.subtract, index.multiply, index.floordiv, index.mod, index.less, index.select
)  # fmt: skip

FORMS: dict[str, Callable[[_Arithmetic, Any, Any, int], Any]] = {
    "add": lambda a, x, y, n: a.add(x, y),
    "subtract": lambda a, x, y, n: a.subtract(x, y),
    "scale": lambda a, x, y, n: a.multiply(x, n - 4),
    "shift": lambda a, x, y, n: a.add(x, n - 6),
    "floordiv": lambda a, x, y, n: a.floordiv(x, n),
    "mod": lambda a, x, y, n: a.mod(x, n),
    "rejoin": lambda a, x, y, n: a.add(a.multiply(a.floordiv(x, n), n), a.mod(x, n)),
    "select": lambda a, x, y, n: a.select(a.less(x, n), x, y),
    "split": lambda a, x, y, n: a.floordiv(a.add(a.multiply(x, n), a.mod(y, n)), n),
    # What is left reaches the next multiple, or is just below it.
    "reach": lambda a, x, y, n: a.floordiv(a.add(a.multiply(x, n), a.mod(y, n + 1)), 2 * n),
    "overlap": lambda a, x, y, n: a.mod(a.add(a.multiply(x, n), a.mod(y, n + 1)), 3 * n),
    "nest": lambda a, x, y, n: a.floordiv(a.floordiv(x, n), 3),
    "inside": lambda a, x, y, n: a.floordiv(a.mod(x, 4 * n), n),
}
Step = tuple[str, int, int, int]  # a form, the values that it takes, a number


def _formula(chooser: Chooser, loops: int) -> list[Step]:
    return [
        (choose(chooser, tuple(FORMS)), chooser.integer(0, loops + k - 1),
         chooser.integer(0, loops + k - 1), choose(chooser, DIVISORS))
        for k in range(chooser.integer(2, 9))
    ]  # fmt: skip


def _written(steps: Sequence[Step], loops: Sequence[Any], a: _Arithmetic) -> list[Any]:
    """The value of each loop and of each step."""
    made = list(loops)
    for form, x, y, number in steps:
        made.append(FORMS[form](a, made[x], made[y], number))
    return made


def _near(steps: Sequence[Step], grid: Sequence[Array]) -> list[Step]:
    """The steps up to the first whose values, or those on the way to it, could be far away."""
    for k in range(len(steps), 0, -1):
        if all(np.abs(value).max() * 64 < FAR for value in _written(steps[:k], grid, MEANT)):
            return list(steps[:k])
    return []


def addresses(chooser: Chooser) -> Kernel:
    """Every element gets a number made of its position, and what stands at such a place, or 0."""
    shape = tuple(choose(chooser, EXTENTS) for _ in range(chooser.integer(1, 3)))
    grid = list(np.meshgrid(*map(np.arange, shape), indexing="ij"))
    steps = _near(_formula(chooser, len(shape)), grid)
    last, number = chooser.integer(-3, -1), choose(chooser, DIVISORS)
    data = np.arange(1, DATA + 1, dtype=np.int16)

    meant = _written(steps, grid, MEANT)
    place = np.mod(meant[max(last, -len(meant))], DATA)
    numbers = np.broadcast_to(meant[-1], shape).astype(np.int32)
    found = np.where(np.less(meant[0], number), data[place], 0).astype(np.int16)

    a = PLAIN if chooser.integer(0, 1) else SIMPLIFIED
    loops = parallel_loops(shape)
    made = _written(steps, loops, a)
    read, out, there = (
        Node(Op.PARAM, dtype, (), (k, count)) for k, (dtype, count) in enumerate((
            (dtypes.int16, DATA), (dtypes.int32, prod(shape)), (dtypes.int16, prod(shape)),
        ))
    )  # fmt: skip
    at = index.ravel(loops, shape)
    picked = Node(Op.LOAD, dtypes.int16, (
        read, a.mod(made[max(last, -len(made))], DATA), a.less(made[0], number)
    ))  # fmt: skip
    writes = (
        Node(Op.WRITE, dtypes.int32, (out, at, made[-1].cast(dtypes.int32))),
        Node(Op.WRITE, dtypes.int16, (there, at, picked)),
    )
    spoilt = (garbage(numbers.nbytes, dtypes.int32), garbage(found.nbytes, dtypes.int16))
    return Kernel(
        Node(Op.SINK, dtypes.bool_, writes), (data.tobytes(), *spoilt),
        (data.tobytes(), numbers.tobytes(), found.tobytes()),
    )  # fmt: skip
