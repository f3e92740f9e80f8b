"""Statements that only move elements of one tensor: attributes that fit its shape."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from conformance.harness.generate.choosing import Chooser, chance, choose
from conformance.harness.generate.growing import Program
from conformance.harness.values import Value
from oracles.formats import FORMATS

Attributes = dict[str, Value] | None  # None: the shape does not allow it
Shape = tuple[int, ...]


def axis_of(chooser: Chooser, shape: Shape) -> int:
    """An axis of a shape that has some, counted from either end."""
    return chooser.integer(-len(shape), len(shape) - 1)


def _grown(chooser: Chooser, shape: Shape) -> Attributes:
    return {"shape": tuple(n + chooser.integer(0, 2) for n in shape)}


def _cut(chooser: Chooser, shape: Shape) -> Attributes:
    return {"shape": tuple(chooser.integer(n // 2, n) for n in shape)}


def _mirrored(chooser: Chooser, shape: Shape) -> Attributes:
    mode = ("reflect", "replicate", "circular")[chooser.integer(0, 2)]
    pairs = tuple((chooser.integer(0, 3), chooser.integer(-1, 3)) for _ in shape)
    return {"padding": pairs, "mode": mode} if min(shape, default=2) > 1 else None


def _repeated(chooser: Chooser, shape: Shape) -> Attributes:
    return {"repeats": tuple(chooser.integer(1, 2) for _ in shape)}


def _interleaved(chooser: Chooser, shape: Shape) -> Attributes:
    return {"repeats": chooser.integer(1, 3), "dim": axis_of(chooser, shape) if shape else None}


def _rolled(chooser: Chooser, shape: Shape) -> Attributes:
    return {"shifts": chooser.integer(-9, 9), "dims": axis_of(chooser, shape) if shape else None}


def _windows(chooser: Chooser, shape: Shape) -> Attributes:
    if not shape:
        return None
    axis = axis_of(chooser, shape)
    size = chooser.integer(0, min(3, shape[axis]))
    return {"dim": axis, "size": size, "step": chooser.integer(1, 3)}


def _diagonal(chooser: Chooser, shape: Shape) -> Attributes:
    if len(shape) < 2:
        return None
    first = chooser.integer(0, len(shape) - 1)
    return {"offset": chooser.integer(-2, 2), "dim1": first, "dim2": (first + 1) % len(shape)}


def _diag(chooser: Chooser, shape: Shape) -> Attributes:
    return {} if len(shape) in (1, 2) else None


def _triangle(chooser: Chooser, shape: Shape) -> Attributes:
    return {"diagonal": chooser.integer(-3, 3)} if len(shape) > 1 else None


def _formula(chooser: Chooser, shape: Shape) -> Attributes:
    names = "abcdefgh"[: len(shape)]
    left, right = " ".join(names), " ".join(reversed(names))
    return {"formula": f"{left} -> ({right}) 1"} if shape else None


def _part(chooser: Chooser, shape: Shape) -> Attributes:
    if not shape:
        return None
    axis = axis_of(chooser, shape)
    size = max(1, shape[axis] // 2)
    return {"sizes": size, "dim": axis, "output": 1 if shape[axis] > size else 0}


def _chunk(chooser: Chooser, shape: Shape) -> Attributes:
    return {"chunks": 2, "dim": axis_of(chooser, shape), "output": 0} if shape else None


def _reshaped(chooser: Chooser, shape: Shape) -> Attributes:
    size = prod(shape)
    if size == 0:
        return {"shape": choose(chooser, ((0,), (3, 0), (0, 2)))}
    divisors = [n for n in (1, 2, 3, 4, 5, 7, 8, 11, 16, 33) if size % n == 0]
    first = choose(chooser, divisors)
    return {"shape": (first, size // first) if chooser.integer(0, 2) else (size,)}


def _permuted(chooser: Chooser, shape: Shape) -> Attributes:
    order = list(range(len(shape)))
    for k in range(len(order)):
        j = chooser.integer(k, len(order) - 1)
        order[k], order[j] = order[j], order[k]
    return {"order": tuple(order)}


def _expanded(chooser: Chooser, shape: Shape) -> Attributes:
    wide = tuple(choose(chooser, (2, 3, 5)) if n == 1 else n for n in shape)
    return {"shape": (2, *wide) if chance(chooser, 4) else wide}


def _shrunk(chooser: Chooser, shape: Shape) -> Attributes:
    pairs = []
    for n in shape:
        low = chooser.integer(0, min(n, 3))
        pairs.append((low, chooser.integer(low, n) if chance(chooser, 4) else n))
    return {"arg": tuple(pairs)}


def _flipped(chooser: Chooser, shape: Shape) -> Attributes:
    axes = tuple(k for k in range(len(shape)) if chooser.integer(0, 1))
    return {"axis": axes} if axes else None


MOVES: dict[str, Callable[[Chooser, Shape], Attributes]] = {
    "reshape": _reshaped, "permute": _permuted, "expand": _expanded, "shrink": _shrunk,
    "flip": _flipped, "pad_to": _grown, "shrink_to": _cut, "repeat": _repeated,
    "repeat_interleave": _interleaved, "roll": _rolled, "unfold": _windows, "diagonal": _diagonal,
    "diag": _diag, "tril": _triangle, "triu": _triangle, "rearrange": _formula, "split": _part,
    "chunk": _chunk,
}  # fmt: skip


def move(p: Program, op: str) -> bool:
    """A row of MOVES."""
    place = p.pick()
    attributes = MOVES[op](p.chooser, p.values[place].shape)
    return attributes is not None and p.apply(op, [place], **attributes)


def pad(p: Program, op: str) -> bool:
    """With a number that the dtype has, or with what is there."""
    place = p.pick()
    shape = p.values[place].shape
    if chance(p.chooser, 3):
        attributes = _mirrored(p.chooser, shape)
        return attributes is not None and p.apply(op, [place], **attributes)
    pairs = tuple((p.chooser.integer(0, 2), p.chooser.integer(0, 2)) for _ in shape)
    row = FORMATS[p.name(place)]
    fills: tuple[Value, ...] = (0, 1) if row.kind == "bool" else (0, row.maximum, row.minimum)
    if row.is_float:
        fills = (0.0, -0.0, 1.5, float("-inf"), float("nan"))
    return p.apply(op, [place], padding=pairs, value=choose(p.chooser, fills))


RECIPES = {**dict.fromkeys(MOVES, move), "pad": pad}
