"""Index arithmetic against plain Python: whatever is simplified keeps its value everywhere.

Expressions are built from loop variables by the constructors of `simplify.index`, together with a
Python function of the same meaning; then both are evaluated at every position of the loops.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given, strategies as st

from engine import dtypes
from engine.graph import Node, axis_range, index as index_of, substitute, toposort
from engine.loops import replace_ranges
from engine.ops import Axis, Op, Operation
from engine.simplify import index

Point = dict[Node, int]
MEANING: dict[Operation, Callable[[int, int], int]] = {
    Op.ADD: int.__add__,
    Op.SUB: int.__sub__,
    Op.MUL: int.__mul__,
    Op.FLOORDIV: int.__floordiv__,
    Op.FLOORMOD: int.__mod__,
    Op.MINIMUM: min,
    Op.MAXIMUM: max,
    Op.LT: lambda x, y: int(x < y),
    Op.AND: lambda x, y: x & y,
}


def value_at(node: Node, point: Point) -> int:
    """A node's value, the loop variables given."""
    values: dict[Node, int] = dict(point)
    for n in toposort([node], stop=point.__contains__):
        if n in values:
            continue
        if n.op is Op.CONST:
            values[n] = n.arg
        elif n.op is Op.WHERE:
            values[n] = values[n.src[1] if values[n.src[0]] else n.src[2]]
        else:
            values[n] = MEANING[n.op](values[n.src[0]], values[n.src[1]])
    return values[node]


def loop(size: int, number: int) -> Node:
    return axis_range(size, (number,), Axis.LOOP)


def points(loops: list[Node]) -> Iterator[Point]:
    for values in itertools.product(*(range(n.src[0].arg) for n in loops)):
        yield dict(zip(loops, values, strict=True))


# -- random expressions ----------------------------------------------------------------------------
@dataclass(frozen=True)
class Both:
    """An expression as the engine builds it, and what it means."""

    node: Node
    meaning: Callable[[Point], int]


SIZES = (1, 2, 3, 4, 5, 6, 8, 12)
DIVISORS = (1, 2, 3, 4, 6, 8, 12, 24)


def loops_of_sizes(sizes: list[int]) -> list[Node]:
    return [loop(size, i) for i, size in enumerate(sizes)]


@st.composite
def expressions(draw: st.DrawFn, loops: list[Node]) -> Both:
    pool = [Both(n, lambda p, n=n: p[n]) for n in loops]  # type: ignore[misc]
    for _ in range(draw(st.integers(1, 7))):
        a = draw(st.sampled_from(pool))
        kind = draw(st.sampled_from(["add", "subtract", "multiply", "offset", "floordiv", "mod"]))
        if kind in ("add", "subtract"):
            b = draw(st.sampled_from(pool))
            sign = 1 if kind == "add" else -1
            build = index.add if kind == "add" else index.subtract
            pool.append(Both(
                build(a.node, b.node),
                lambda p, a=a, b=b, s=sign: a.meaning(p) + s * b.meaning(p),  # type: ignore[misc]
            ))
        elif kind == "multiply":
            c = draw(st.sampled_from((-3, -1, 0, 2, 3, 4, 6, 8, 12)))
            pool.append(Both(
                index.multiply(a.node, c),
                lambda p, a=a, c=c: a.meaning(p) * c,  # type: ignore[misc]
            ))
        elif kind == "offset":
            c = draw(st.integers(-30, 30))
            pool.append(Both(
                index.add(a.node, c),
                lambda p, a=a, c=c: a.meaning(p) + c,  # type: ignore[misc]
            ))
        elif kind == "floordiv":
            c = draw(st.sampled_from(DIVISORS))
            pool.append(Both(
                index.floordiv(a.node, c),
                lambda p, a=a, c=c: a.meaning(p) // c,  # type: ignore[misc]
            ))
        else:
            c = draw(st.sampled_from(DIVISORS))
            pool.append(Both(
                index.mod(a.node, c),
                lambda p, a=a, c=c: a.meaning(p) % c,  # type: ignore[misc]
            ))
    return pool[-1]


@st.composite
def nests(draw: st.DrawFn) -> tuple[list[Node], Both, Both]:
    """Loops, and two expressions over them."""
    loops = loops_of_sizes(draw(st.lists(st.sampled_from(SIZES), min_size=1, max_size=3)))
    return loops, draw(expressions(loops)), draw(expressions(loops))


@given(nests())
def test_simplified_expressions_keep_their_values_and_bounds(
    nest: tuple[list[Node], Both, Both],
) -> None:
    loops, x, _ = nest
    low, high = index.bounds(x.node)
    for point in points(loops):
        value = value_at(x.node, point)
        assert value == x.meaning(point)
        assert low <= value <= high


@given(nests())
def test_comparisons_are_decided_only_where_they_are_certain(
    nest: tuple[list[Node], Both, Both],
) -> None:
    loops, x, y = nest
    less = index.less(x.node, y.node)
    chosen = index.select(less, x.node, y.node)
    for point in points(loops):
        a, b = x.meaning(point), y.meaning(point)
        assert value_at(less, point) == (a < b)
        assert value_at(chosen, point) == min(a, b)


@given(nests(), st.sampled_from(SIZES))
def test_substitution_keeps_values(nest: tuple[list[Node], Both, Both], inner: int) -> None:
    """A loop variable becomes an expression of two others; then the constant 0."""
    loops, x, y = nest
    root = index.select(index.less(x.node, y.node), x.node, y.node)
    outside, within = loop(loops[0].src[0].arg, 10), loop(inner, 11)
    number = index.mod(index.add(index.multiply(outside, inner), within), loops[0].src[0].arg)
    split = replace_ranges(root, {loops[0]: number})
    for point in points([outside, within, *loops[1:]]):
        there = {**point, loops[0]: value_at(number, point)}
        assert value_at(split, point) == value_at(root, there)
    fixed = replace_ranges(root, {loops[0]: index_of(0)})
    assert loops[0] not in toposort([fixed])
    for point in points(loops[1:]):
        assert value_at(fixed, point) == value_at(root, {**point, loops[0]: 0})


@given(nests(), st.integers(1, 12))
def test_symbolic_divisors(nest: tuple[list[Node], Both, Both], most: int) -> None:
    loops, x, _ = nest
    n = Node(Op.VARIABLE, dtypes.index, (), ("n", 1, most))
    quotient, rest = index.floordiv(x.node, n), index.mod(x.node, n)
    for point in points(loops):
        for value in range(1, most + 1):
            there = {**point, n: value}
            assert value_at(quotient, there) == x.meaning(point) // value
            assert value_at(rest, there) == x.meaning(point) % value


@given(st.lists(st.integers(1, 6), min_size=0, max_size=4))
def test_ravel_and_unravel_are_inverse(shape: list[int]) -> None:
    sizes = tuple(shape)
    loops = [loop(size, i) for i, size in enumerate(sizes)]
    number = index.ravel(tuple(loops), sizes)
    back = index.unravel(number, sizes)
    for i, point in enumerate(points(loops)):
        assert value_at(number, point) == i
        assert [value_at(b, point) for b in back] == [point[n] for n in loops]
    flat = loop(math.prod(sizes), 0)
    there = index.ravel(index.unravel(flat, sizes), sizes)
    assert all(value_at(there, point) == point[flat] for point in points([flat]))


def test_reshapes_there_and_back_vanish() -> None:
    i, j = loop(6, 0), loop(8, 1)
    number = index.ravel((i, j), (6, 8))
    assert index.unravel(number, (6, 8)) == (i, j)
    assert index.unravel(number, (48,)) == (number,)


# -- what is simplified ----------------------------------------------------------------------------
def test_the_laws_in_the_head_of_the_module() -> None:
    x, y = loop(10, 0), loop(4, 1)
    line = index.add(index.multiply(x, 4), y)
    assert index.floordiv(line, 4) is x
    assert index.mod(line, 4) is y
    assert index.floordiv(index.add(line, 8), 4) is index.add(x, 2)
    even = index.add(index.multiply(x, 2), index.mod(y, 2))
    assert index.floordiv(even, 6) is index.floordiv(x, 3)
    assert index.mod(even, 2) is index.mod(y, 2)
    z = loop(100, 2)
    assert index.floordiv(index.mod(z, 12), 4) is index.mod(index.floordiv(z, 4), 3)
    assert index.mod(index.mod(z, 12), 4) is index.mod(z, 4)
    assert index.floordiv(index.floordiv(z, 3), 4) is index.floordiv(z, 12)


def test_what_division_cuts_is_joined_again() -> None:
    x = loop(24, 0)
    for number in (x, index.add(x, 5), index.floordiv(x, 2)):
        rest = index.multiply(index.mod(number, 6), 7)
        whole = index.multiply(index.floordiv(number, 6), 42)
        assert index.add(whole, rest) is index.multiply(number, 7)
        assert index.add(index.multiply(whole, 2), rest) is not index.multiply(number, 7)


def test_division_floors_below_zero() -> None:
    x = index.add(loop(10, 0), -10)
    assert index.floordiv(x, 10) is index_of(-1)
    assert index.mod(x, 10) is loop(10, 0)
    assert index.floordiv(index_of(-7), 2) is index_of(-4)
    assert index.mod(index_of(-7), 2) is index_of(1)


def test_sums_have_one_form() -> None:
    x, y = loop(10, 0), loop(4, 1)
    assert index.add(x, y) is index.add(y, x)
    assert index.subtract(index.add(x, y), x) is y
    assert index.subtract(x, x) is index_of(0)
    assert index.add(index.multiply(x, 3), index.multiply(x, -2)) is x
    assert index.multiply(index.add(x, 1), 3) is index.add(index.multiply(x, 3), 3)


def test_conditions_fold_where_ranges_decide() -> None:
    x, y = loop(10, 0), loop(4, 1)
    assert index.less(x, 10) is index.TRUE
    assert index.less(x, 0) is index.FALSE
    assert index.less(index.add(x, y), 12).op is Op.LT
    assert index.less(x, index.add(x, 1)) is index.TRUE, "the difference decides"
    open_ = index.less(x, 5)
    assert index.both(open_, index.TRUE) is open_ is index.both(index.TRUE, open_)
    assert index.both(open_, index.FALSE) is index.FALSE
    assert index.both(open_, open_) is open_
    assert index.select(index.TRUE, x, y) is x
    assert index.select(index.FALSE, x, y) is y
    assert index.select(open_, x, x) is x


READ = [d for d in dtypes.TENSOR_DTYPES if d.is_int and d is not dtypes.uint64]


@pytest.mark.parametrize("dtype", READ)
def test_bounds_of_indices_that_are_read(dtype: dtypes.DType) -> None:
    """An index from memory can be anything that its dtype holds; uint64 is clamped before."""
    memory = Node(Op.PARAM, dtype, (), (0, 8))
    loaded = Node(Op.LOAD, dtype, (memory, loop(8, 0)))
    low, high = index.bounds(loaded.cast(dtypes.index))
    assert low <= dtype.min and dtype.max <= high
    assert index.less(loaded.cast(dtypes.index), 8).op is Op.LT


@pytest.mark.parametrize("dtype", [dtypes.uint32, dtypes.uint64])
@pytest.mark.parametrize("lanes", [1, 4])
def test_bounds_of_indices_from_the_bits_of_floats(dtype: dtypes.DType, lanes: int) -> None:
    """Masks and logical shifts bound an index of a table, arithmetic shifts of negatives do not."""
    memory = Node(Op.PARAM, dtype, (), (0, 8))
    bits = Node(Op.LOAD, dtype.vec(lanes), (memory, loop(2, 0)))
    masked = bits & (1 << dtype.bits - 1) - 1
    entry = (masked >> dtype.bits - 9).cast(dtypes.index)
    assert index.bounds(entry) == (0, 255)
    assert index.bounds((bits & 6).cast(dtypes.index)) == (0, 6)
    signed = bits.bitcast(dtype.signed) >> dtype.bits - 9
    assert index.bounds(signed)[0] < 0


@pytest.mark.parametrize("dtype", [d for d in dtypes.TENSOR_DTYPES if d.is_int], ids=str)
def test_casts_keep_the_bounds_that_they_hold(dtype: dtypes.DType) -> None:
    """A number more, and any of the dtype's may come of it."""
    least, last = dtype.min, dtype.max
    for low, high in ((least, least + 5), (last - 5, last), (least, last)):
        inside = Node(Op.VARIABLE, dtypes.index, (), ("n", low, high))
        assert index.bounds(inside.cast(dtype)) == (low, high)
    for low, high in ((least - 1, least + 5), (last - 5, last + 1)):
        beyond = Node(Op.VARIABLE, dtypes.index, (), ("n", low, high))
        assert index.bounds(beyond.cast(dtype)) == (least, last)


def test_only_index_arithmetic_is_rebuilt() -> None:
    """x * 0 is 0 for an index and not for a float."""
    x = loop(4, 0)
    value = x.cast("float32") * 0.0
    rebuilt = index.rebuild(value, value.src)
    assert rebuilt is value
    assert index.rebuild(Node(Op.MUL, dtypes.index, (x, x)), (x, index_of(0))) is index_of(0)
    logic = Node(Op.AND, dtypes.int32, (x.cast("int32"), x.cast("int32")))
    assert index.rebuild(logic, logic.src) is logic
    assert substitute(value, {x: index_of(1)}).op is Op.MUL


# -- bounds ----------------------------------------------------------------------------------------
SPANS = [(-7, 3), (-4, 5), (-1, 2), (0, 1), (0, 6), (2, 4), (5, 1)]  # the least value, how many


def span(least: int, count: int, number: int) -> tuple[Node, Node]:
    """A loop, and an expression that takes `count` values from `least` on."""
    variable = loop(count, number)
    return variable, variable + index_of(least)


REACHED = (Op.ADD, Op.SUB, Op.MUL, Op.MINIMUM, Op.MAXIMUM, Op.WHERE)


@pytest.mark.parametrize("op", [*REACHED, Op.FLOORDIV, Op.FLOORMOD], ids=str)
def test_values_lie_within_bounds(op: Operation) -> None:
    """And but for quotients and remainders they are reached."""
    for left, right in itertools.product(SPANS, repeat=2):
        (i, x), (j, y) = span(*left, 0), span(*right, 1)
        operands = (loop(2, 2).lt(1), x, y) if op is Op.WHERE else (x, y)
        node = Node(op, dtypes.index, operands)
        low, high = index.bounds(node)
        divides = op in (Op.FLOORDIV, Op.FLOORMOD)
        if divides and right[0] <= 0:
            assert low < -(1 << 40) and high > 1 << 40, "a divisor may be 0, or turn the order"
            continue
        values = [value_at(node, point) for point in points([i, j, loop(2, 2)])]
        assert low <= min(values) and max(values) <= high, (op, left, right)
        if op in REACHED:
            assert (low, high) == (min(values), max(values)), (op, left, right)


@pytest.mark.parametrize("least, most", [(1, 3), (4, 6), (7, 9)])
def test_symbolic_divisors_are_decided_only_where_they_are_certain(least: int, most: int) -> None:
    n = Node(Op.VARIABLE, dtypes.index, (), ("n", least, most))
    for least_and_count in SPANS:
        i, x = span(*least_and_count, 0)
        quotient, rest = index.floordiv(x, n), index.mod(x, n)
        values = [value_at(x, point) for point in points([i])]
        inside = 0 <= min(values) and max(values) < least
        assert (quotient is index_of(0), rest is x) == (inside, inside)
        for point, divisor in itertools.product(points([i]), range(least, most + 1)):
            there = {**point, n: divisor}
            pair = divmod(value_at(x, there), divisor)
            assert (value_at(quotient, there), value_at(rest, there)) == pair


@pytest.mark.parametrize("op", index._MASKS, ids=str)
def test_masked_bits_lie_within_bounds(op: Operation) -> None:
    meaning = {Op.AND: int.__and__, Op.SHR: int.__rshift__}[op]
    for x, y in itertools.product((0, 1, 5, 200), (0, 1, 3, 7)):
        big = Node(Op.CONST, dtypes.uint32, (), x)
        node = big.binary(op, y)
        low, high = index.bounds(node)
        assert low <= meaning(x, y) <= high
    unknown = Node(Op.LOAD, dtypes.uint32, (Node(Op.PARAM, dtypes.uint32, (), (0, 9)), loop(9, 0)))
    assert index.bounds(unknown & 7) == (0, 7)
    assert index.bounds(unknown >> 28) == (0, 15)
    assert index.bounds(unknown & unknown >> 28) == (0, 15)


def test_what_is_opaque_decides_nothing_below_its_bounds() -> None:
    x = loop(4, 0).opaque()
    low, high = index.bounds(x)
    assert low == 0 and high >= 1 << 30
    assert index.less(x, 1 << 20).op is Op.LT and index.floordiv(x, 1 << 20).op is Op.FLOORDIV
