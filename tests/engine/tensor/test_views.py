"""What is a view and what is a copy: a table that knows every movement, and numpy's opinion of it.

A view shows what its source becomes, and what is written to it is written to the source; a copy
does neither.
"""

from __future__ import annotations

import gc
import random
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from engine.shapes import static
from engine.tensor import Tensor, layout
from engine.tensor.alias import layout_of
from oracles.catalog import ROWS
from tests.engine.tensor.conftest import Loaded, Value

A = np.arange(24, dtype=np.float32).reshape(4, 6)
INTS = A.astype(np.int32)


@dataclass(frozen=True)
class Row:
    """A call, what numpy has for it, and whether the result is a view, in both."""

    call: Callable[[Tensor], Any]
    numpy: Callable[[Any], Any]
    view: bool
    of: Any = None  # A where it does not matter


def view(call: Callable[[Tensor], Any], numpy: Callable[[Any], Any]) -> Row:
    return Row(call, numpy, view=True)


def copy(call: Callable[[Tensor], Any], numpy: Callable[[Any], Any], of: Any = None) -> Row:
    return Row(call, numpy, view=False, of=of)


def windows(a: Any) -> Any:
    return np.lib.stride_tricks.sliding_window_view(a, 3, 1, writeable=True)[:, ::3]


# The first word is the row of the catalog or the method, the others tell its uses apart.
TABLE = {
    "reshape": view(lambda x: x.reshape(3, 8), lambda a: a.reshape(3, 8)),
    "reshape to the same shape": view(lambda x: x.reshape(4, 6), lambda a: a.reshape(4, 6)),
    "reshape of evenly spaced axes": view(
        lambda x: x.reshape(2, 2, 6)[:, :, ::2].reshape(4, 3),
        lambda a: a.reshape(2, 2, 6)[:, :, ::2].reshape(4, 3),
    ),
    "reshape of others": copy(lambda x: x.T.reshape(24), lambda a: a.T.reshape(24)),
    "view": view(lambda x: x.view(24), lambda a: a.reshape(24)),
    "flatten": view(lambda x: x.flatten(), lambda a: a.reshape(24)),
    "flatten of a part": copy(lambda x: x[:, 1:].flatten(), lambda a: a[:, 1:].reshape(20)),
    "unflatten": view(lambda x: x.unflatten(1, (2, 3)), lambda a: a.reshape(4, 2, 3)),
    "squeeze": view(lambda x: x[:1].squeeze(0), lambda a: a[:1].squeeze(0)),
    "unsqueeze": view(lambda x: x.unsqueeze(1), lambda a: a[:, None]),
    "permute": view(lambda x: x.permute(1, 0), lambda a: a.transpose(1, 0)),
    "permute nothing": view(lambda x: x.permute(0, 1), lambda a: a.transpose(0, 1)),
    "transpose": view(lambda x: x.transpose(0, 1), lambda a: a.swapaxes(0, 1)),
    "T": view(lambda x: x.T, lambda a: a.T),
    "expand": view(
        lambda x: x[:, :1].expand(4, 3), lambda a: np.broadcast_to(a[:, :1], (4, 3))
    ),
    "flip": view(lambda x: x.flip(1), lambda a: np.flip(a, 1)),
    "shrink": view(lambda x: x.shrink(((1, 3), None)), lambda a: a[1:3]),
    "shrink_to": view(lambda x: x.shrink_to(2, 5), lambda a: a[:2, :5]),
    "bitcast": view(lambda x: x.bitcast("int32"), lambda a: a.view(np.int32)),
    "bitcast to narrower elements": view(
        lambda x: x[1:, 2:4].bitcast("int8")[:, 1::2], lambda a: a[1:, 2:4].view(np.int8)[:, 1::2]
    ),
    "bitcast to wider elements": view(
        lambda x: x[::2].bitcast("int64")[:, ::2], lambda a: a[::2].view(np.int64)[:, ::2]
    ),
    "unfold": view(lambda x: x.unfold(1, 3, 3), windows),
    "diagonal": view(lambda x: x[:, :4].diagonal(), lambda a: np.einsum("ii->i", a[:, :4])),
    "rearrange": view(
        lambda x: x.rearrange("a (b c) -> b a c", c=2),
        lambda a: a.reshape(4, 3, 2).transpose(1, 0, 2),
    ),
    "rearrange with a copy": copy(
        lambda x: x.rearrange("a b -> (b a)"), lambda a: a.T.reshape(24)
    ),
    "split": view(lambda x: x.split(2)[1], lambda a: np.split(a, 2)[1]),
    "chunk": view(lambda x: x.chunk(2, 1)[0], lambda a: np.split(a, 2, 1)[0]),
    "getitem": view(lambda x: x[1:, ::-2, None], lambda a: a[1:, ::-2, None]),
    "getitem of everything": view(lambda x: x[...], lambda a: a[...]),
    "getitem of an element": view(lambda x: x[1, 2], lambda a: a[1, 2, ...]),
    "detach": view(lambda x: x.detach(), lambda a: a[...]),
    "getitem by a list": copy(lambda x: x[[0, 1, 2, 3]], lambda a: a[[0, 1, 2, 3]]),
    "getitem by a mask": copy(lambda x: x[[True] * 4], lambda a: a[[True] * 4]),
    "pad": copy(lambda x: x.pad(((0, 0), (1, 0))), lambda a: np.pad(a, ((0, 0), (1, 0)))),
    "pad by nothing": copy(lambda x: x.pad(((0, 0), (0, 0))), lambda a: np.pad(a, 0)),
    "pad by less than nothing": copy(lambda x: x.pad(((-1, 0), None)), lambda a: a[1:].copy()),
    "pad_to": copy(lambda x: x.pad_to(4, 6), lambda a: np.pad(a, 0)),
    "repeat": copy(lambda x: x.repeat(1, 1), lambda a: np.tile(a, (1, 1))),
    "repeat_interleave": copy(lambda x: x.repeat_interleave(1, 0), lambda a: a.repeat(1, 0)),
    "roll": copy(lambda x: x.roll(0, 0), lambda a: np.roll(a, 0, 0)),
    "roll everything": copy(lambda x: x.roll(24), lambda a: np.roll(a, 24)),
    "diag": copy(lambda x: x.diag(), lambda a: np.diag(a).copy()),
    "tril": copy(lambda x: x.tril(9), lambda a: np.tril(a, 9)),
    "triu": copy(lambda x: x.triu(-9), lambda a: np.triu(a, -9)),
    "cat": copy(lambda x: x.cat(), lambda a: np.concatenate([a])),
    "stack": copy(lambda x: x.stack(), lambda a: np.stack([a])),
    "meshgrid": copy(lambda x: x[0].meshgrid()[0], lambda a: np.meshgrid(a[0])[0]),
    "contiguous": copy(lambda x: x.contiguous(), lambda a: a.copy()),
    "clone": copy(lambda x: x.clone(), lambda a: a.copy()),
    "cast": copy(lambda x: x.cast("float64"), lambda a: a.astype(np.float64)),
    "Tensor": copy(Tensor, np.array),
    "+x": copy(lambda x: +x, lambda a: +a),
    "dropout": copy(lambda x: x.dropout(0.0), lambda a: a.copy()),
    "sum over no axis": copy(lambda x: x.sum(axis=()), lambda a: a.sum(axis=())),
    "floor": copy(lambda x: x.floor(), np.floor, of=INTS),
    "abs": copy(lambda x: x.abs(), np.abs, of=INTS.astype(np.uint8)),
    "interpolate": copy(
        lambda x: x.interpolate((6,), mode="nearest"), lambda a: a.copy()
    ),
}  # fmt: skip

rows = pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())


def test_the_table_knows_every_movement() -> None:
    movements = {row.name for row in ROWS.values() if row.family == "movement"} | {"getitem"}
    assert movements <= {name.split()[0] for name in TABLE}


@rows
def test_numpy_agrees(row: Row) -> None:
    a = (A if row.of is None else row.of).copy()
    assert np.shares_memory(row.numpy(a), a) == row.view


@rows
def test_a_view_shows_what_its_source_becomes(row: Row, loaded: Loaded, value: Value) -> None:
    a = A if row.of is None else row.of
    x = loaded(a)
    made = row.call(x)
    before, after = row.numpy(a), row.numpy(a[::-1].copy())
    assert (value(made) == before).all()
    x.assign(x.flip(0))
    assert (value(made) == (after if row.view else before)).all()
    assert (value(x) == a[::-1]).all()


@rows
def test_what_is_written_to_a_view_is_written_to_its_source(
    row: Row, loaded: Loaded, value: Value
) -> None:
    a = (A if row.of is None else row.of).copy()
    x = loaded(a)
    made, due = row.call(x), row.numpy(a)
    if not due.flags.writeable:  # several of its elements are one
        with pytest.raises(ValueError, match="share memory"):
            made.assign(7)
    else:
        due[...] = 7
        made.assign(7)
        assert (value(made) == 7).all()
    assert (value(x) == a).all()


def test_the_same_dtype_and_the_same_device_are_the_tensor_itself(loaded: Loaded) -> None:
    x = loaded(A)
    assert x.cast("float32") is x.float() is x.bitcast("float32") is x.to(x.device) is x


# -- views of views --------------------------------------------------------------------------------
def moved(draw: random.Random, x: Tensor, a: Any) -> tuple[Tensor, Any]:
    """One movement, chosen at random, of a tensor and of an array."""
    axis = draw.randrange(a.ndim)
    kind = draw.choice(["permute", "flip", "step", "part", "merge", "apart", "new", "expand"])
    if kind == "permute":
        order = draw.sample(range(a.ndim), a.ndim)
        return x.permute(*order), a.transpose(order)
    if kind == "flip":
        return x.flip(axis), np.flip(a, axis)
    if kind in ("step", "part"):
        step = draw.choice([2, -1, -2, 3]) if kind == "step" else 1
        ends = sorted(draw.sample(range(a.shape[axis] + 1), 2))[:: -1 if step < 0 else 1]
        key = (slice(None),) * axis + (slice(*ends, step),)
        return x[key], a[key]
    if kind == "new":
        return x.unsqueeze(axis), np.expand_dims(a, axis)
    if kind == "expand" and a.ndim < 4:
        return x.expand(2, *a.shape), np.broadcast_to(a, (2, *a.shape))
    if kind == "merge" and a.ndim > 1:
        k = draw.randrange(a.ndim - 1)
        shape = (*a.shape[:k], a.shape[k] * a.shape[k + 1], *a.shape[k + 2 :])
        return x.reshape(shape), a.reshape(shape)
    size = a.shape[axis]
    by = next((n for n in (2, 3) if size % n == 0 and size), 1)
    shape = (*a.shape[:axis], by, size // by, *a.shape[axis + 1 :])
    return x.reshape(shape), a.reshape(shape)


@pytest.mark.parametrize("seed", range(60))
def test_offset_and_strides_are_those_of_numpy(seed: int, loaded: Loaded, value: Value) -> None:
    """Chains of movements, until one copies; then both have copied."""
    draw = random.Random(seed)
    a = np.arange(120, dtype=np.int32).reshape(4, 6, 5)
    x, source = loaded(a), a
    storage = x._shows.storage
    for _ in range(6):
        x, a = moved(draw, x, a)
        shared = a.size > 0 and np.shares_memory(a, source)
        if a.size == 0:
            return
        assert (x._shows.storage is storage) == shared
        if not shared:
            break
        found = layout_of(x._shows)
        start = a.__array_interface__["data"][0] - source.__array_interface__["data"][0]
        assert layout.total(found.offset) == start
        strides = static(found.strides)
        assert strides is not None
        assert [s for s, n in zip(strides, a.shape) if n > 1] == [
            s for s, n in zip(a.strides, a.shape) if n > 1
        ]
    assert (value(x) == a).all()


# -- versions --------------------------------------------------------------------------------------
def test_a_view_keeps_no_version_that_is_gone(loaded: Loaded, value: Value) -> None:
    x = loaded(A)
    seen = [x.T, x[1:], x.bitcast("int8")[0], x.T[2:].reshape(4, 4)]
    before = [value(y).copy() for y in seen]
    old = weakref.ref(x._shows.storage.node)
    x.assign(loaded(A + 1))
    gc.collect()
    assert old() is None
    for a, b in pairwise([*before, before[0]]):
        assert a.shape != b.shape or (a != b).any()
    assert (value(seen[1]) == A[1:] + 1).all()


def test_reading_a_view_computes_no_more_than_it_shows(loaded: Loaded) -> None:
    """And what has been read is what further operations read, so graphs do not grow."""
    x = loaded(A)
    for _ in range(3):
        x = (x + 1).T
        x.numpy()
    assert (x.numpy() == A.T + 3).all()
    assert x.node.op.name == "RESHAPE", "memory"
