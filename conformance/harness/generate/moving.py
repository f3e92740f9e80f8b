"""Statements of random programs that join, cut, turn and read by index."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from conformance.harness.generate.growing import Program
from conformance.harness.values import Value
from oracles.catalog import BOOL, INTEGERS

Attributes = dict[str, Value] | None  # None: the shape does not allow it
Shape = tuple[int, ...]
MAX_PICKS = 64


def _axis(p: Program, shape: Shape) -> int:
    return p.chooser.integer(-len(shape), len(shape) - 1)


def _grown(p: Program, shape: Shape) -> Attributes:
    return {"shape": tuple(n + p.chooser.integer(0, 2) for n in shape)}


def _cut(p: Program, shape: Shape) -> Attributes:
    return {"shape": tuple(p.chooser.integer(n // 2, n) for n in shape)}


def _mirrored(p: Program, shape: Shape) -> Attributes:
    mode = ("reflect", "replicate", "circular")[p.chooser.integer(0, 2)]
    pairs = tuple((p.chooser.integer(0, 3), p.chooser.integer(-1, 3)) for _ in shape)
    return {"padding": pairs, "mode": mode} if min(shape, default=2) > 1 else None


def _repeated(p: Program, shape: Shape) -> Attributes:
    return {"repeats": tuple(p.chooser.integer(1, 2) for _ in shape)}


def _interleaved(p: Program, shape: Shape) -> Attributes:
    return {"repeats": p.chooser.integer(1, 3), "dim": _axis(p, shape) if shape else None}


def _rolled(p: Program, shape: Shape) -> Attributes:
    return {"shifts": p.chooser.integer(-9, 9), "dims": _axis(p, shape) if shape else None}


def _windows(p: Program, shape: Shape) -> Attributes:
    if not shape:
        return None
    axis = _axis(p, shape)
    size = p.chooser.integer(0, min(3, shape[axis]))
    return {"dim": axis, "size": size, "step": p.chooser.integer(1, 3)}


def _diagonal(p: Program, shape: Shape) -> Attributes:
    if len(shape) < 2:
        return None
    first = p.chooser.integer(0, len(shape) - 1)
    return {"offset": p.chooser.integer(-2, 2), "dim1": first, "dim2": (first + 1) % len(shape)}


def _diag(p: Program, shape: Shape) -> Attributes:
    return {} if len(shape) in (1, 2) else None


def _triangle(p: Program, shape: Shape) -> Attributes:
    return {"diagonal": p.chooser.integer(-3, 3)} if len(shape) > 1 else None


def _formula(p: Program, shape: Shape) -> Attributes:
    names = "abcdefgh"[: len(shape)]
    left, right = " ".join(names), " ".join(reversed(names))
    return {"formula": f"{left} -> ({right}) 1"} if shape else None


def _part(p: Program, shape: Shape) -> Attributes:
    if not shape:
        return None
    axis = _axis(p, shape)
    size = max(1, shape[axis] // 2)
    return {"sizes": size, "dim": axis, "output": 1 if shape[axis] > size else 0}


def _chunk(p: Program, shape: Shape) -> Attributes:
    return {"chunks": 2, "dim": _axis(p, shape), "output": 0} if shape else None


MOVES: dict[str, Callable[[Program, Shape], Attributes]] = {
    "pad_to": _grown, "shrink_to": _cut, "pad": _mirrored, "repeat": _repeated,
    "repeat_interleave": _interleaved, "roll": _rolled, "unfold": _windows, "diagonal": _diagonal,
    "diag": _diag, "tril": _triangle, "triu": _triangle, "rearrange": _formula, "split": _part,
    "chunk": _chunk,
}  # fmt: skip


def _one(op: str) -> Callable[[Program], bool]:
    def step(p: Program) -> bool:
        place = p.pick()
        attributes = None if place is None else MOVES[op](p, p.values[place].shape)
        return place is not None and attributes is not None and p.apply(op, [place], **attributes)

    return step


def _alike(p: Program) -> list[int]:
    """A value, and it or another of its shape."""
    first = p.pick()
    if first is None:
        return []
    same = [k for k, v in enumerate(p.values) if v.shape == p.values[first].shape]
    return [first, same[p.chooser.integer(0, len(same) - 1)]]


def _cat(p: Program) -> bool:
    places = _alike(p)
    shape = p.values[places[0]].shape if places else ()
    return bool(shape) and p.apply("cat", places, dim=_axis(p, shape))


def _stack(p: Program) -> bool:
    places = _alike(p)
    return bool(places) and p.apply("stack", places, dim=p.chooser.integer(0, 1) - 1)


def _meshgrid(p: Program) -> bool:
    found = [k for k, v in enumerate(p.values) if v.ndim < 2 and v.size <= MAX_PICKS]
    if not found:
        return False
    places = [found[p.chooser.integer(0, len(found) - 1)] for _ in range(2)]
    return p.apply("meshgrid", places, indexing="xy", output=p.chooser.integer(0, 1))


def _picks(p: Program, allowed: Sequence[str], count: int = 1) -> list[int]:
    found = [k for k, v in enumerate(p.values)
             if v.dtype.name in allowed and v.size <= MAX_PICKS and v.ndim < 3]  # fmt: skip
    return [found[p.chooser.integer(0, len(found) - 1)] for _ in range(count)] if found else []


def _read(p: Program) -> bool:
    """One index tensor or a mask between brackets, in any place."""
    place = p.pick(min_ndim=1)
    picks = _picks(p, INTEGERS)
    if place is None or not picks:
        return False
    before = p.chooser.integer(0, p.values[place].ndim - 1)
    index: tuple[Value, ...] = (*(slice(None, None, -1),) * before, "t1")
    return p.apply("getitem", [place, *picks], index=index)


def _masked(p: Program) -> bool:
    masks = [k for k, v in enumerate(p.values) if v.dtype.name in BOOL]
    if not masks:
        return False
    mask = masks[p.chooser.integer(0, len(masks) - 1)]
    shape = p.values[mask].shape
    found = [k for k, v in enumerate(p.values) if v.shape[: len(shape)] == shape]
    return p.apply("getitem", [found[p.chooser.integer(0, len(found) - 1)], mask], index="t1")


def _gather(p: Program) -> bool:
    picks = _picks(p, INTEGERS)
    if not picks:
        return False
    shape = p.values[picks[0]].shape
    found = [
        k
        for k, v in enumerate(p.values)
        if v.ndim == len(shape) and all(n <= m for n, m in zip(shape[1:], v.shape[1:]))
    ]
    return p.apply("gather", [found[p.chooser.integer(0, len(found) - 1)], *picks], dim=0)


def _one_hot(p: Program) -> bool:
    picks = _picks(p, INTEGERS)
    return bool(picks) and p.apply("one_hot", picks, num_classes=p.chooser.integer(1, 5))


def _nonzero(p: Program) -> bool:
    place = p.pick()
    size = None if p.chooser.integer(0, 1) else p.chooser.integer(0, 9)
    return place is not None and p.apply("nonzero", [place], size=size)


def _masked_select(p: Program) -> bool:
    mask = p.pick(BOOL)
    other = None if mask is None else p.partner(mask, lambda v: True)
    if mask is None or other is None:
        return False
    size = None if p.chooser.integer(0, 1) else p.chooser.integer(0, 9)
    return p.apply("masked_select", [other, mask], size=size)


STEPS: tuple[Callable[[Program], bool], ...] = (
    *map(_one, MOVES), _cat, _stack, _meshgrid, _read, _masked, _gather, _one_hot, _nonzero,
    _masked_select,
)  # fmt: skip


def joined(p: Program) -> bool:
    """One of the statements of this module."""
    return STEPS[p.chooser.integer(0, len(STEPS) - 1)](p)
