"""What a statement of a random program may be: each step adds one, if operands are there.

A step looks at the values so far, chooses operands and attributes that the catalog allows, and
says whether it added a statement.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from conformance.harness.case import Statement
from conformance.harness.generate.growing import Program, broadcasts, choose
from conformance.harness.generate.moving import joined
from conformance.harness.values import Value
from oracles.catalog import ALL, BOOL, INTEGERS, NUMBERS, OPEN, ROWS
from oracles.formats import FORMATS

PLAIN = [
    row for row in ROWS.values()
    if row.family in ("elementwise", "compare", "bitwise", "shift") and row.is_plain
]  # fmt: skip
FAITHFUL = tuple(
    row.name for row in PLAIN if row.operands == 1 and row.exactness in OPEN
)  # of which no reference knows the last bit, nor that of what follows
UNARY = tuple(row.name for row in PLAIN if row.operands == 1 and row.name not in FAITHFUL)
BINARY = tuple(row.name for row in PLAIN if row.operands == 2)
TERNARY = tuple(row.name for row in PLAIN if row.common == (0, 1, 2))
VARIED = tuple(
    row.name for row in ROWS.values() if row.family == "elementwise" and row.variants != ({},)
)


def _unary(p: Program) -> bool:
    op = choose(p.chooser, UNARY if p.chooser.integer(0, 3) else FAITHFUL)
    place = p.pick(ROWS[op].dtypes[0])
    return place is not None and p.apply(op, [place])


def _binary(p: Program) -> bool:
    op = choose(p.chooser, BINARY)
    left = p.pick()
    if left is None:
        return False
    name = p.values[left].dtype.name
    right = p.partner(left, lambda v: ROWS[op].accepts((name, v.dtype.name)))
    if right is None:
        return False
    places = [left, right] if p.chooser.integer(0, 1) or op.endswith("shift") else [right, left]
    return p.apply(op, places)


def _ternary(p: Program) -> bool:
    op = choose(p.chooser, TERNARY)
    first = p.pick(ROWS[op].dtypes[0])
    if first is None:
        return False
    second = p.partner(first, lambda v: True)
    if second is None:
        return False
    return p.apply(op, [first, second, choose(p.chooser, [first, second])])


def _varied(p: Program) -> bool:
    """A row with one of the attributes that suites try on it."""
    op = choose(p.chooser, VARIED)
    row = ROWS[op]
    first = p.pick(row.dtypes[0])
    if first is None:
        return False
    places = [first]
    if row.operands == 2:
        name = p.values[first].dtype.name
        second = p.partner(first, lambda v: row.accepts((name, v.dtype.name)))
        if second is None:
            return False
        places.append(second)
    attributes = choose(p.chooser, row.variants)
    dtypes = [p.values[k].dtype.name for k in places]
    return row.defined(dtypes, attributes) and p.apply(op, places, **attributes)


def _where(p: Program) -> bool:
    condition = p.pick(BOOL)
    if condition is None:
        return False
    x = p.partner(condition, lambda v: True)
    if x is None:
        return False
    shape = np.broadcast_shapes(p.values[condition].shape, p.values[x].shape)
    found = [k for k, v in enumerate(p.values) if broadcasts(shape, v.shape)]
    return p.apply("where", [condition, x, choose(p.chooser, found)])


def _cast(p: Program) -> bool:
    place = p.pick()
    return place is not None and p.apply("cast", [place], dtype=choose(p.chooser, ALL))


def settle(p: Program) -> None:
    """A statement that can always be added."""
    p.apply("cast", [len(p.values) - 1], dtype=choose(p.chooser, ALL))


def _bitcast(p: Program) -> bool:
    place = p.pick(NUMBERS)
    if place is None:
        return False
    bits = FORMATS[p.values[place].dtype.name].bits
    targets = [name for name in NUMBERS if FORMATS[name].bits == bits]
    return p.apply("bitcast", [place], dtype=choose(p.chooser, targets))


def _move(p: Program) -> bool:
    place = p.pick()
    return place is not None and choose(p.chooser, _MOVES)(p, place)


def _reshape(p: Program, place: int) -> bool:
    size = p.values[place].size
    if size == 0:
        return p.apply("reshape", [place], shape=choose(p.chooser, ((0,), (3, 0), (0, 2))))
    divisors = [n for n in (1, 2, 3, 4, 5, 7, 8, 11, 33) if size % n == 0]
    first = choose(p.chooser, divisors)
    shape = (first, size // first) if p.chooser.integer(0, 2) else (size,)
    return p.apply("reshape", [place], shape=shape)


def _permute(p: Program, place: int) -> bool:
    order = list(range(p.values[place].ndim))
    for k in range(len(order)):
        j = p.chooser.integer(k, len(order) - 1)
        order[k], order[j] = order[j], order[k]
    return p.apply("permute", [place], order=tuple(order))


def _expand(p: Program, place: int) -> bool:
    shape = p.values[place].shape
    wide = tuple(choose(p.chooser, (2, 3, 5)) if n == 1 else n for n in shape)
    lead = (2,) if p.chooser.integer(0, 3) == 0 else ()
    return p.apply("expand", [place], shape=(*lead, *wide))


def _pad(p: Program, place: int) -> bool:
    value = p.values[place]
    pairs = tuple((p.chooser.integer(0, 2), p.chooser.integer(0, 2)) for _ in value.shape)
    row = FORMATS[value.dtype.name]
    fills: tuple[Value, ...] = (0, 1) if row.kind == "bool" else (0, row.maximum, row.minimum)
    if row.is_float:
        fills = (0.0, -0.0, 1.5, float("-inf"), float("nan"))
    return p.apply("pad", [place], padding=pairs, value=choose(p.chooser, fills))


def _shrink(p: Program, place: int) -> bool:
    pairs = []
    for n in p.values[place].shape:
        low = p.chooser.integer(0, min(n, 3))
        pairs.append((low, p.chooser.integer(low, n) if p.chooser.integer(0, 3) == 0 else n))
    return p.apply("shrink", [place], arg=tuple(pairs))


def _flip(p: Program, place: int) -> bool:
    ndim = p.values[place].ndim
    axes = tuple(k for k in range(ndim) if p.chooser.integer(0, 1))
    return bool(axes) and p.apply("flip", [place], axis=axes)


def _getitem(p: Program, place: int) -> bool:
    index: list[Value] = []
    for n in p.values[place].shape:
        kind = p.chooser.integer(0, 3)
        if kind == 0 and n:
            index.append(p.chooser.integer(-n, n - 1))
        elif kind == 1:
            step = choose(p.chooser, (-3, -1, 2, 1))
            index.append(slice(None, None, step))
        else:
            index.append(slice(p.chooser.integer(-n, n), None, None))
    return bool(index) and p.apply("getitem", [place], index=tuple(index))


_MOVES: tuple[Callable[[Program, int], bool], ...] = (
    _reshape, _permute, _expand, _pad, _shrink, _flip, _getitem,
)  # fmt: skip


def _reduce(p: Program) -> bool:
    op = choose(p.chooser, ("sum", "sum", "prod", "max", "min"))
    place = p.pick(min_ndim=1)
    if place is None:
        return False
    shape = p.values[place].shape
    chosen = tuple(k for k in range(len(shape)) if p.chooser.integer(0, 1))
    axis: Value = chosen or None
    if op in ("max", "min") and 0 in shape:
        return False
    return p.apply(op, [place], axis=axis, keepdim=bool(p.chooser.integer(0, 1)))


def _matmul(p: Program) -> bool:
    left = p.pick(min_ndim=1)
    if left is None:
        return False
    depth = p.values[left].shape[-1]
    found = [
        k for k, v in enumerate(p.values)
        if v.ndim in (1, 2) and v.shape[-2 if v.ndim == 2 else -1] == depth
    ]  # fmt: skip
    return bool(found) and p.apply("matmul", [left, choose(p.chooser, found)])


def _take(p: Program) -> bool:
    place, index = p.pick(min_ndim=1), p.pick(INTEGERS)
    if place is None or index is None or p.values[index].size > 64:
        return False
    axis = p.chooser.integer(0, p.values[place].ndim - 1)
    return p.apply("take", [place, index], axis=axis)


# Each as often as it stands here.
STEPS: tuple[Callable[[Program], bool], ...] = (
    _unary, _unary, _binary, _binary, _binary, _binary, _ternary, _varied, _where, _cast, _cast,
    _bitcast, _move, _move, _move, joined, joined, joined, _reduce, _reduce, _matmul, _take,
)  # fmt: skip


def is_shaped_by_data(statement: Statement) -> bool:
    """Whether the shape of what a statement makes depends on the values of its operands."""
    if statement.op in ("nonzero", "masked_select"):
        return statement.attributes.get("size") is None
    return statement.op == "getitem" and len(statement.operands) > 1
