"""Index arithmetic: integers of dtype `index`, which never overflow.

Expressions are kept as sums of terms with constant factors; the functions here build them and
decide quotients, remainders and comparisons from the ranges of loop variables. Division floors,
so the laws of Graham, Knuth, Patashnik, "Concrete Mathematics", section 3.4 hold for all integers:

    floor((c*x + y) / c) = x + floor(y / c)          (c*x + y) mod c = y mod c
    c*floor(x / c) + x mod c = x
    floor((g*x + s) / (g*d)) = floor(x / d)          for 0 <= s < g
"""

from __future__ import annotations

import math
from collections.abc import Callable

from engine import dtypes
from engine.dtypes import DType
from engine.graph import Node, Sint, index
from engine.ops import Op, Operation

Terms = dict[Node, int]
_FAR = 1 << 62
_UNDECIDED = 1 << 30


def bounds(node: Node) -> tuple[int, int]:
    """Smallest and largest value the node can take, inclusive."""
    if node.bounds_cache is None:
        node.bounds_cache = _bounds(node)
    return node.bounds_cache


def _bounds(node: Node) -> tuple[int, int]:
    if node.op is Op.CONST:
        value = int(node.dtype.decode(node.arg)) if node.dtype is not dtypes.index else node.arg
        return value, value
    if node.op is Op.VARIABLE:
        return node.arg[1], node.arg[2]
    if node.op is Op.BIND:
        return bounds(node.src[0])
    if node.op is Op.RANGE:
        return 0, max(0, bounds(node.src[0])[1] - 1)
    if node.op is Op.CAST and node.src[0].dtype.kind in _WHOLE and node.dtype.kind in _WHOLE:
        return _cast(bounds(node.src[0]), node.dtype)
    if node.op is Op.LANES:
        return 0, node.dtype.lanes - 1
    if node.op is Op.BROADCAST:
        return bounds(node.src[0])
    if node.op is Op.OPAQUE:  # so wide that no quotient or comparison is decided by it
        low, high = bounds(node.src[0])
        return low, max(high, low + _UNDECIDED)
    rule = _INTERVALS.get(node.op) if node.dtype.scalar is dtypes.index else None
    if rule is not None:
        return rule(*(bounds(s) for s in node.src))
    whole = node.dtype.scalar
    if node.op in _MASKS and whole.kind == "uint":
        return _MASKS[node.op](*(bounds(s) for s in node.src))
    if whole.kind in ("int", "uint", "bool"):
        return whole.min, whole.max
    return -_FAR, _FAR


Interval = tuple[int, int]
_WHOLE = ("int", "uint", "bool", "index")


def _cast(x: Interval, dtype: DType) -> Interval:
    """Casts to narrower integers wrap: what does not fit as a whole may become anything."""
    return x if dtype.min <= x[0] and x[1] <= dtype.max else (dtype.min, dtype.max)


def _interval_add(x: Interval, y: Interval) -> Interval:
    return x[0] + y[0], x[1] + y[1]


def _interval_sub(x: Interval, y: Interval) -> Interval:
    return x[0] - y[1], x[1] - y[0]


def _interval_mul(x: Interval, y: Interval) -> Interval:
    corners = [a * b for a in x for b in y]
    return min(corners), max(corners)


def _interval_floordiv(x: Interval, y: Interval) -> Interval:
    if y[0] <= 0:
        return -_FAR, _FAR
    corners = [a // b for a in x for b in y]
    return min(corners), max(corners)


def _interval_floormod(x: Interval, y: Interval) -> Interval:
    if y[0] <= 0:
        return -_FAR, _FAR
    return (0, min(x[1], y[1] - 1)) if x[0] >= 0 else (0, y[1] - 1)


def _interval_minimum(x: Interval, y: Interval) -> Interval:
    return min(x[0], y[0]), min(x[1], y[1])


def _interval_maximum(x: Interval, y: Interval) -> Interval:
    return max(x[0], y[0]), max(x[1], y[1])


def _interval_where(_: Interval, x: Interval, y: Interval) -> Interval:
    return min(x[0], y[0]), max(x[1], y[1])


_INTERVALS: dict[Operation, Callable[..., Interval]] = {
    Op.ADD: _interval_add,
    Op.SUB: _interval_sub,
    Op.MUL: _interval_mul,
    Op.FLOORDIV: _interval_floordiv,
    Op.FLOORMOD: _interval_floormod,
    Op.MINIMUM: _interval_minimum,
    Op.MAXIMUM: _interval_maximum,
    Op.WHERE: _interval_where,
}


def _interval_and(x: Interval, y: Interval) -> Interval:
    return 0, min(x[1], y[1])


def _interval_shr(x: Interval, count: Interval) -> Interval:
    return x[0] >> count[1], x[1] >> count[0]


# On unsigned integers, where functions make indices of tables from the bits of floats.
_MASKS: dict[Operation, Callable[..., Interval]] = {Op.AND: _interval_and, Op.SHR: _interval_shr}


# -- sums ------------------------------------------------------------------------------------------
def terms_of(node: Node) -> tuple[Terms, int]:
    """The node as (terms with their factors, constant)."""
    terms: Terms = {}
    constant = 0
    pending = [(node, 1)]
    while pending:
        item, factor = pending.pop()
        if item.op is Op.CONST:
            constant += factor * item.arg
        elif item.op is Op.ADD:
            pending += [(item.src[1], factor), (item.src[0], factor)]
        elif item.op is Op.MUL and item.src[1].op is Op.CONST:
            pending.append((item.src[0], factor * item.src[1].arg))
        else:
            terms[item] = terms.get(item, 0) + factor
    return terms, constant


def _term_key(item: tuple[Node, int]) -> tuple[int, ...]:
    node = item[0]
    return (0, *node.arg[0]) if node.op is Op.RANGE else (1,)


def sum_of(terms: Terms, constant: int) -> Node:
    """The sum as a node: loop variables first, from the outermost in, the constant last."""
    result: Node | None = None
    for term, factor in sorted(terms.items(), key=_term_key):
        if factor == 0:
            continue
        scaled = term if factor == 1 else Node(Op.MUL, dtypes.index, (term, index(factor)))
        result = scaled if result is None else Node(Op.ADD, dtypes.index, (result, scaled))
    if result is None:
        return index(constant)
    return Node(Op.ADD, dtypes.index, (result, index(constant))) if constant else result


def sum_bounds(terms: Terms, constant: int) -> Interval:
    low = high = constant
    for term, factor in terms.items():
        a, b = bounds(term)
        low += factor * (a if factor > 0 else b)
        high += factor * (b if factor > 0 else a)
    return low, high


def add(x: Sint, y: Sint) -> Node:
    """x + y"""
    terms, constant = terms_of(index(x))
    more, other = terms_of(index(y))
    for term, factor in more.items():
        terms[term] = terms.get(term, 0) + factor
    return sum_of(*_rejoined(terms, constant + other))


def _rejoined(terms: Terms, constant: int) -> tuple[Terms, int]:
    """The same sum with x in the place of every c*floor(x / c) + x mod c."""
    for rest, factor in terms.items():
        if rest.op is not Op.FLOORMOD or rest.src[1].op is not Op.CONST:
            continue
        x, c = rest.src[0], rest.src[1].arg
        quotient = _floordiv(x, c)
        if terms.get(quotient) == factor * c:
            others = {t: f for t, f in terms.items() if t is not rest and t is not quotient}
            inner, offset = terms_of(x)
            for term, inside in inner.items():
                others[term] = others.get(term, 0) + factor * inside
            return _rejoined(others, constant + factor * offset)
    return terms, constant


def multiply(x: Sint, y: Sint) -> Node:
    """x * y, distributed over sums if one of them is constant"""
    a, b = index(x), index(y)
    if a.op is Op.CONST:
        a, b = b, a
    if b.op is not Op.CONST:
        return Node(Op.MUL, dtypes.index, (a, b))
    terms, constant = terms_of(a)
    return sum_of({t: f * b.arg for t, f in terms.items()}, constant * b.arg)


def subtract(x: Sint, y: Sint) -> Node:
    """x - y"""
    return add(x, multiply(y, -1))


def _split(terms: Terms, divisor: int) -> tuple[Terms, Terms]:
    """The terms whose factors the divisor divides, divided by it; and the others."""
    whole = {t: f // divisor for t, f in terms.items() if f % divisor == 0}
    return whole, {t: f for t, f in terms.items() if f % divisor}


def _granule(terms: Terms, constant: int, divisor: int) -> tuple[int, Node, Node] | None:
    """(g, x, s) with terms + constant = g*x + s, 0 <= s < g, g > 1 a divisor of `divisor`."""
    for candidate in sorted({math.gcd(f, divisor) for f in terms.values()}, reverse=True):
        if candidate == 1:
            break
        whole, rest = _split(terms, candidate)
        quotient, remainder = divmod(constant, candidate)
        low, high = sum_bounds(rest, remainder)
        if 0 <= low and high < candidate:
            return candidate, sum_of(whole, quotient), sum_of(rest, remainder)
    return None


def floordiv(x: Sint, divisor: Sint) -> Node:
    """floor(x / divisor) for a divisor > 0"""
    a, d = index(x), index(divisor)
    if d.op is not Op.CONST:
        low, high = bounds(a)
        return index(0) if 0 <= low and high < bounds(d)[0] else Node(Op.FLOORDIV, a.dtype, (a, d))
    return _floordiv(a, d.arg)


def _floordiv(a: Node, c: int) -> Node:
    if c == 1:
        return a
    terms, constant = terms_of(a)
    whole, rest = _split(terms, c)
    quotient, constant = divmod(constant, c)
    low, high = sum_bounds(rest, constant)
    if low // c == high // c:
        return sum_of(whole, quotient + low // c)
    granule = _granule(rest, constant, c)
    if granule is not None:
        tail = _floordiv(granule[1], c // granule[0])
    else:
        inner = sum_of(rest, constant)
        tail = _nested_floordiv(inner, c)
    return add(sum_of(whole, quotient), tail)


def _nested_floordiv(a: Node, c: int) -> Node:
    """floor(floor(x/b)/c) = floor(x/(b*c));  floor((x mod (b*c))/c) = floor(x/c) mod b"""
    if a.op is Op.FLOORDIV and a.src[1].op is Op.CONST:
        return _floordiv(a.src[0], a.src[1].arg * c)
    if a.op is Op.FLOORMOD and a.src[1].op is Op.CONST and a.src[1].arg % c == 0:
        return _mod(_floordiv(a.src[0], c), a.src[1].arg // c)
    return Node(Op.FLOORDIV, dtypes.index, (a, index(c)))


def mod(x: Sint, divisor: Sint) -> Node:
    """x - divisor * floor(x / divisor) for a divisor > 0"""
    a, d = index(x), index(divisor)
    if d.op is not Op.CONST:
        low, high = bounds(a)
        return a if 0 <= low and high < bounds(d)[0] else Node(Op.FLOORMOD, a.dtype, (a, d))
    return _mod(a, d.arg)


def _mod(a: Node, c: int) -> Node:
    if c == 1:
        return index(0)
    terms, constant = terms_of(a)
    _, rest = _split(terms, c)
    constant %= c
    low, high = sum_bounds(rest, constant)
    if low // c == high // c:
        return sum_of(rest, constant - low // c * c)
    granule = _granule(rest, constant, c)
    if granule is not None:
        g, x, s = granule
        return add(multiply(_mod(x, c // g), g), s)
    inner = sum_of(rest, constant)
    if inner.op is Op.FLOORMOD and inner.src[1].op is Op.CONST and inner.src[1].arg % c == 0:
        return _mod(inner.src[0], c)
    return Node(Op.FLOORMOD, dtypes.index, (inner, index(c)))


# -- conditions ------------------------------------------------------------------------------------
TRUE = Node(Op.CONST, dtypes.bool_, (), 1)
FALSE = Node(Op.CONST, dtypes.bool_, (), 0)


def less(x: Sint, y: Sint) -> Node:
    """x < y as a bool node, constant where the ranges decide"""
    a, b = index(x), index(y)
    low, high = sum_bounds(*terms_of(subtract(a, b)))
    if high < 0:
        return TRUE
    if low >= 0:
        return FALSE
    return Node(Op.LT, dtypes.bool_, (a, b))


def both(x: Node, y: Node) -> Node:
    """x and y"""
    if x is y or y is TRUE:
        return x
    if x is TRUE:
        return y
    return FALSE if FALSE in (x, y) else Node(Op.AND, dtypes.bool_, (x, y))


def select(condition: Node, x: Node, y: Node) -> Node:
    """x where the condition holds, else y"""
    if condition is TRUE or x is y:
        return x
    if x is TRUE and y is FALSE:
        return condition
    return y if condition is FALSE else Node(Op.WHERE, x.dtype, (condition, x, y))


# -- shapes ----------------------------------------------------------------------------------------
def place(position: tuple[Node, ...], offset: Sint, strides: tuple[Sint, ...]) -> Node:
    """offset + sum of position * stride"""
    result = index(offset)
    for coordinate, stride in zip(position, strides, strict=True):
        result = add(result, multiply(coordinate, stride))
    return result


def ravel(position: tuple[Node, ...], shape: tuple[Sint, ...]) -> Node:
    """The row-major number of a position."""
    result: Node = index(0)
    for coordinate, size in zip(position, shape, strict=True):
        result = add(multiply(result, size), coordinate)
    return result


def unravel(number: Node, shape: tuple[Sint, ...]) -> tuple[Node, ...]:
    """The position with a row-major number, which is that of an element.

    Where it may be none, as in front of a padded tensor or where an axis has size 0, whoever reads
    there has a gate. So the outermost axis, but for those of size 1, takes what is left as it is.
    """
    outermost = next((i for i, size in enumerate(shape) if size != 1), 0)
    position: list[Node] = []
    for size in reversed(shape[outermost + 1 :]):
        size = 1 if size == 0 else size
        position.append(mod(number, size))
        number = floordiv(number, size)
    return (*(index(0),) * outermost, number, *reversed(position)) if shape else ()


def on_axis(raw: Node, size: Sint) -> tuple[Node, Node]:
    """The place that an integer names on an axis, and whether there is one.

    Negative numbers count from the end.
    """
    if raw.dtype is dtypes.uint64:  # beyond int64 it would look like counting from the end
        end = index(size).cast(raw.dtype)
        raw = raw.lt(end).where(raw, end)
    picked = raw.cast(dtypes.index)
    place = select(less(picked, 0), add(picked, size), picked)
    return place, both(less(picked, size), less(subtract(-1, size), picked))


# -- after a substitution --------------------------------------------------------------------------
_BUILDERS: dict[Operation, Callable[..., Node]] = {
    Op.ADD: add,
    Op.SUB: subtract,
    Op.MUL: multiply,
    Op.FLOORDIV: floordiv,
    Op.FLOORMOD: mod,
    Op.LT: less,
    Op.AND: both,
    Op.WHERE: select,
}


def rebuild(node: Node, src: tuple[Node, ...]) -> Node:
    """The node on new operands, simplified if it is index arithmetic or a condition on it."""
    operand = src[0].dtype if src else node.dtype
    if node.op is Op.AND:
        applies = node.dtype is dtypes.bool_
    elif node.op is Op.WHERE:
        applies = True
    else:
        applies = operand is dtypes.index
    builder = _BUILDERS.get(node.op) if applies else None
    return node.replace(src) if builder is None else builder(*src)
