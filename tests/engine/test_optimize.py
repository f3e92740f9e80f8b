"""The optimizer: which loops become one."""

from __future__ import annotations

import math

import pytest

from engine import dtypes
from engine.graph import Node, axis_range
from engine.loops import loops_of
from engine.ops import Axis, Op
from engine.optimize import merge_axes
from engine.simplify import index

SIZES = {"i": 4, "j": 8, "k": 2}
AXES = {name: axis_range(size, (n,), Axis.LOOP) for n, (name, size) in enumerate(SIZES.items())}


def place(names: str) -> Node:
    """The row-major number of a position along these axes."""
    return index.ravel(tuple(AXES[n] for n in names), tuple(SIZES[n] for n in names))


def memory(slot: int, names: str) -> Node:
    return Node(Op.PARAM, dtypes.int32, (), (slot, math.prod(SIZES[n] for n in names)))


def copied(read: str) -> Node:
    """out[i, j, k] = x[some of these axes]"""
    value = Node(Op.LOAD, dtypes.int32, (memory(1, read), place(read)))
    write = Node(Op.WRITE, dtypes.int32, (memory(0, "ijk"), place("ijk"), value))
    return Node(Op.SINK, dtypes.bool_, (write,))


@pytest.mark.parametrize(
    ("read", "sizes"),
    [("ijk", [64]), ("i", [4, 16]), ("jk", [4, 16]), ("k", [32, 2]), ("jik", [4, 8, 2])],
)
def test_axes_that_are_read_as_one_are_one(read: str, sizes: list[int]) -> None:
    merged = merge_axes(copied(read))
    assert [loop.src[0].arg for loop in loops_of(merged)] == sizes
