"""Statements that join tensors, read and write them by index, and sort."""

from __future__ import annotations

from conformance.harness.generate.choosing import chance, choose
from conformance.harness.generate.data import places
from conformance.harness.generate.growing import Program, Shape
from conformance.harness.generate.moving import axis_of
from conformance.harness.values import Value
from oracles.catalog import ALL, BOOL, INTEGERS

MAX_PICKS = 64


# -- joining ---------------------------------------------------------------------------------------
def join(p: Program, op: str) -> bool:
    """`cat` and `stack`: a value and others of its shape, it among them."""
    first = p.pick(min_ndim=op == "cat")
    if first < 0:
        return False
    shape = p.values[first].shape
    same = [k for k, v in enumerate(p.values) if v.shape == shape]
    others = [choose(p.chooser, same) for _ in range(p.chooser.integer(1, 2))]
    return p.apply(op, [first, *others], dim=axis_of(p.chooser, shape) if shape else 0)


def meshgrid(p: Program, op: str) -> bool:
    found = [k for k, v in enumerate(p.values) if v.ndim < 2 and v.size <= MAX_PICKS]
    if not found:
        return False
    chosen = [choose(p.chooser, found) for _ in range(2)]
    return p.apply(op, chosen, indexing=choose(p.chooser, ("ij", "xy")),
                   output=p.chooser.integer(0, 1))  # fmt: skip


# -- reading ---------------------------------------------------------------------------------------
def _picks(p: Program, extent: int) -> int:
    """A few integers as indices: any that there are, or new ones that are mostly inside."""
    found = p.find(lambda v: v.dtype.name in INTEGERS and v.size <= MAX_PICKS and v.ndim < 3)
    if found >= 0 and chance(p.chooser, 2):
        return found
    shape = choose(p.chooser, ((3,), (9,), (2, 3), ()))
    return p.operand(INTEGERS, shape, places(extent))


def getitem(p: Program, op: str) -> bool:
    """Slices and numbers, one index tensor among slices, or a mask."""
    place = p.pick(min_ndim=1)
    if place < 0:
        return False
    shape = p.values[place].shape
    kind = p.chooser.integer(0, 5)
    if kind == 5:
        mask = p.find(lambda v: v.dtype.name in BOOL and shape[: v.ndim] == v.shape)
        return mask >= 0 and p.apply(op, [place, mask], index="t1")
    if kind >= 3:
        before = p.chooser.integer(0, len(shape) - 1)
        picks = _picks(p, shape[before])
        step = choose(p.chooser, (None, -1, 2))
        index: tuple[Value, ...] = (*(slice(None, None, step),) * before, "t1")
        return picks >= 0 and p.apply(op, [place, picks], index=index)
    return p.apply(op, [place], index=tuple(_part(p, n) for n in shape))


def _part(p: Program, extent: int) -> Value:
    """A number or a slice."""
    kind = p.chooser.integer(0, 3)
    if kind == 0 and extent:
        return p.chooser.integer(-extent, extent - 1)
    if kind == 1:
        return slice(None, None, choose(p.chooser, (-3, -1, 2, 1)))
    return slice(p.chooser.integer(-extent, extent), None, None)


def take(p: Program, op: str) -> bool:
    place = p.pick(min_ndim=1)
    if place < 0:
        return False
    shape = p.values[place].shape
    axis = axis_of(p.chooser, shape)
    picks = _picks(p, shape[axis])
    return picks >= 0 and p.apply(op, [place, picks], axis=axis)


def gather(p: Program, op: str) -> bool:
    """An index of the same number of axes, which may be smaller."""
    place = p.pick(min_ndim=1)
    if place < 0:
        return False
    shape = p.values[place].shape
    dim = axis_of(p.chooser, shape)
    index = p.operand(INTEGERS, _smaller(p, shape), places(shape[dim]))
    return index >= 0 and p.apply(op, [place, index], dim=dim)


def one_hot(p: Program, op: str) -> bool:
    classes = p.chooser.integer(1, 5)
    picks = _picks(p, classes)
    return picks >= 0 and p.apply(op, [picks], num_classes=classes)


def nonzero(p: Program, op: str) -> bool:
    return p.apply(op, [p.pick()], size=_size(p))


def masked_select(p: Program, op: str) -> bool:
    mask = p.pick(BOOL)
    if mask < 0:
        return False
    other = p.partner([mask])
    return p.apply(op, [other, mask], size=_size(p))


def _size(p: Program) -> int | None:
    """How many are asked for; None for all, so that data decide."""
    return p.chooser.integer(0, 9) if p.chooser.integer(0, 2) else None


# -- writing ---------------------------------------------------------------------------------------
COMBINED: dict[str, tuple[str | None, ...]] = {
    "scatter": (None, "add", "multiply"),
    "scatter_reduce": ("sum", "prod", "mean", "amax", "amin"),
}


def scatter(p: Program, op: str) -> bool:
    """Values at places along an axis, some of which are named twice."""
    place = p.pick(min_ndim=1)
    if place < 0:
        return False
    shape = p.values[place].shape
    dim = axis_of(p.chooser, shape)
    given = _smaller(p, shape)
    index = p.operand(INTEGERS, given, places(shape[dim]))
    values = p.operand(ALL, given) if index >= 0 else -1
    if values < 0:
        return False
    attributes: dict[str, Value] = {"dim": dim, "reduce": choose(p.chooser, COMBINED[op])}
    if op == "scatter_reduce":
        attributes["include_self"] = bool(p.chooser.integer(0, 1))
    return p.apply(op, [place, index, values], **attributes)


def _smaller(p: Program, shape: Shape) -> Shape:
    """This shape, or one with fewer elements along one axis."""
    if chance(p.chooser, 2):
        return shape
    axis = p.chooser.integer(0, len(shape) - 1)
    few = p.chooser.integer(min(1, shape[axis]), shape[axis])
    return (*shape[:axis], few, *shape[axis + 1 :])


# -- sorting ---------------------------------------------------------------------------------------
def sort(p: Program, op: str) -> bool:
    """`sort`, `argsort` and `topk` along an axis, either way."""
    place = p.pick(min_ndim=1)
    if place < 0:
        return False
    shape = p.values[place].shape
    dim, down = axis_of(p.chooser, shape), bool(p.chooser.integer(0, 1))
    if op == "topk":
        k = p.chooser.integer(0, min(9, shape[dim]))
        return p.apply(op, [place], k=k, dim=dim, largest=down, output=p.chooser.integer(0, 1))
    results: dict[str, Value] = {"output": p.chooser.integer(0, 1)} if op == "sort" else {}
    return p.apply(op, [place], dim=dim, descending=down, **results)


RECIPES = {
    **dict.fromkeys(("cat", "stack"), join), "meshgrid": meshgrid, "getitem": getitem,
    "take": take, "gather": gather, "one_hot": one_hot, "nonzero": nonzero,
    "masked_select": masked_select, **dict.fromkeys(COMBINED, scatter),
    **dict.fromkeys(("sort", "argsort", "topk"), sort),
}  # fmt: skip
