"""Movement and indexing against numpy for shapes, views of views and indices that hypothesis draws.

Each example is a case: on a failure its text is shown, which `lockstep repro` runs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import array_shapes

from conformance.harness.build import Builder
from conformance.harness.generate.moving import MOVES
from conformance.harness.values import Value
from conformance.ops.agreement import agree
from oracles.catalog import INTEGERS

SHAPES = array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
VIEWS = ("permute", "flip", "getitem", "expand")


class Decisions:
    """The decisions of `moving`, by hypothesis; it looks at nothing else of a program."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.chooser = self

    def integer(self, low: int, high: int) -> int:
        return self.data.draw(st.integers(low, high))


def numbered(build: Builder, shape: tuple[int, ...]) -> int:
    """Words that are all different, so that every wrong place shows."""
    count = int(np.prod(shape, dtype=int))
    return build.input("uint16", np.arange(1, count + 1), shape)


def viewed(
    build: Builder, x: int, shape: tuple[int, ...], data: st.DataObject
) -> tuple[int, tuple[int, ...]]:
    """A view of views."""
    for kind in data.draw(st.lists(st.sampled_from(VIEWS), max_size=3)):
        if kind == "permute":
            order = tuple(data.draw(st.permutations(range(len(shape)))))
            x, shape = build.apply(kind, x, order=order), tuple(shape[k] for k in order)
        elif kind == "flip" and shape:
            x = build.apply(kind, x, axis=(data.draw(st.integers(0, len(shape) - 1)),))
        elif kind == "getitem" and shape:
            step = data.draw(st.sampled_from((1, 2, -1, -2)))
            part = slice(None, None, step)
            x = build.apply(kind, x, index=(..., part))
            shape = (*shape[:-1], len(range(shape[-1])[part]))
        elif kind == "expand":
            shape = (2, *shape)
            x = build.apply(kind, x, shape=shape)
    return x, shape


@pytest.mark.parametrize("op", list(MOVES))
@settings(max_examples=12)
@given(data=st.data(), shape=SHAPES)
def test_movement_of_views(op: str, data: st.DataObject, shape: tuple[int, ...]) -> None:
    build = Builder()
    x, seen = viewed(build, numbered(build, shape), shape, data)
    decisions: Any = Decisions(data)
    attributes = MOVES[op](decisions, seen)
    if attributes is not None:
        build.judged(op, x, **attributes)
        agree(build)


@st.composite
def indices(draw: st.DrawFn, shape: tuple[int, ...]) -> tuple[list[Value], list[Any]]:
    """An index of everything that may stand between brackets, and its tensors: places, masks."""
    wide = draw(array_shapes(min_dims=0, max_dims=2, min_side=1, max_side=3))
    items: list[Value] = []
    tensors: list[Any] = []
    axis = 0
    while axis < len(shape):
        kind = draw(st.sampled_from(("tensor", "mask", "int", "slice", "None", "end")))
        if kind == "end":
            break
        if kind == "tensor":
            taken = tuple(draw(st.sampled_from((n, 1))) for n in wide[draw(st.integers(0, 2)) :])
            places = st.integers(-shape[axis] - 1, shape[axis])
            count = int(np.prod(taken, dtype=int))
            words = draw(st.lists(places, min_size=count, max_size=count))
            tensors.append(np.array(words, np.int64).reshape(taken))
        elif kind == "mask" and not any(t.dtype == np.bool_ for t in tensors) and not tensors:
            bits = draw(st.lists(st.booleans(), min_size=shape[axis], max_size=shape[axis]))
            tensors.append(np.array(bits, np.bool_))
            wide = ()
        elif kind == "int" and shape[axis]:
            items.append(draw(st.integers(-shape[axis], shape[axis] - 1)))
        elif kind == "None":
            items.append(None)
            continue
        else:
            items.append(slice(None, None, draw(st.sampled_from((1, -1, 2)))))
        if kind in ("tensor", "mask") and len(tensors) > sum(isinstance(i, str) for i in items):
            items.append(f"t{len(tensors)}")
        axis += 1
    if draw(st.booleans()):
        items.insert(draw(st.integers(0, len(items))), ...)
        spare = len(shape) - axis
        back = sum(i is not None and i is not ... for i in items[items.index(...) + 1 :])
        if spare and back:  # what stands behind the Ellipsis would meet other axes
            items.remove(...)
    return items, tensors


@settings(max_examples=150)
@given(data=st.data(), shape=SHAPES)
def test_everything_between_brackets(data: st.DataObject, shape: tuple[int, ...]) -> None:
    build = Builder()
    x, seen = viewed(build, numbered(build, shape), shape, data)
    items, tensors = data.draw(indices(seen))
    operands = []
    for tensor in tensors:
        narrow = data.draw(st.sampled_from(INTEGERS))
        kept = narrow if tensor.size == 0 or tensor.min() >= 0 else "int64"
        dtype = "bool" if tensor.dtype == np.bool_ else kept
        operands.append(build.input(dtype, tensor.reshape(-1).view(
            np.uint64 if dtype != "bool" else np.uint8), tensor.shape))  # fmt: skip
    build.judged("getitem", x, *operands, index=tuple(items))
    agree(build)
