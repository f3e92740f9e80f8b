"""Addresses: 32 bits only where nothing on the way to one can leave them."""

from __future__ import annotations

import pytest

from engine import dtypes
from engine.dtypes import DType
from engine.graph import Node, axis_range, const, index, order_of
from engine.narrow import check_words, narrow_index
from engine.ops import Axis, Op
from engine.spec import Level, verify
from engine.target import Target

F32 = dtypes.float32
LOOP = axis_range(100, (0,), Axis.LOOP)
INT32 = dtypes.int32


def reading(place: Node) -> Node:
    memory = Node(Op.PARAM, F32, (), (1, 1 << 40))
    target = Node(Op.PARAM, F32, (), (0, 100))
    write = Node(Op.WRITE, F32, (target, LOOP, Node(Op.LOAD, F32, (memory, place))))
    return Node(Op.SINK, dtypes.bool_, (write,))


def chosen(place: Node, prefer: bool = True) -> DType:
    """The dtype of all addresses of a kernel."""
    made = narrow_index(reading(place), prefer)
    verify(made, Level.ADDRESSED, Target("HOST"), "narrow")
    order = order_of(made)
    (loop,) = [n for n in order if n.op is Op.RANGE]
    assert all(n.dtype.scalar is not dtypes.index for n in order)
    assert {s.dtype.scalar for n in order if n.op in (Op.LOAD, Op.WRITE) for s in n.src[1:2]} == {
        loop.dtype
    }
    return loop.dtype


@pytest.mark.parametrize("place, dtype", [
    (LOOP, INT32),
    (LOOP * index((2**31 - 2) // 99), INT32),
    (LOOP * index(2**31 // 99 + 1), dtypes.int64),
    (LOOP + index(2**31 - 101), INT32),
    (LOOP + index(2**31 - 100), dtypes.int64),  # 2**31 - 1, at which a loop could not end
    (LOOP + index(-(2**31)), INT32),
    (LOOP + index(-(2**31) - 1), dtypes.int64),
    ((LOOP * index(1 << 40)) // index(1 << 40), dtypes.int64),  # fits only in the end
])  # fmt: skip
def test_what_fits(place: Node, dtype: DType) -> None:
    assert chosen(place) is dtype
    assert chosen(place, prefer=False) is dtypes.int64


def test_quotients_of_what_is_not_negative_truncate() -> None:
    made = order_of(narrow_index(reading(LOOP // index(7) + LOOP % index(7)), True))
    assert {n.op for n in made} >= {Op.IDIV, Op.IREM}
    assert not {Op.FLOORDIV, Op.FLOORMOD} & {n.op for n in made}


@pytest.mark.parametrize("x, y", [
    (LOOP - index(1), index(7)),
    (LOOP, LOOP),  # which may be 0
    (LOOP, LOOP - index(1)),
])  # fmt: skip
def test_others_keep_their_meaning(x: Node, y: Node) -> None:
    for op in (Op.FLOORDIV, Op.FLOORMOD):
        made = order_of(narrow_index(reading(Node(op, dtypes.index, (x, y))), True))
        assert op in {n.op for n in made}
        assert not {Op.IDIV, Op.IREM} & {n.op for n in made}


def test_vectors_of_addresses_keep_their_lanes() -> None:
    lanes = Node(Op.LANES, dtypes.index.vec(4))
    four = Node(Op.BROADCAST, dtypes.index.vec(4), (LOOP,))
    made = order_of(narrow_index(reading((four + lanes) // lanes.constant(3)), True))
    (divided,) = [n for n in made if n.op is Op.FLOORDIV]
    assert divided.dtype is INT32.vec(4)
    assert [n.dtype for n in made if n.op is Op.LANES] == [INT32.vec(4)]


def test_values_are_left_alone() -> None:
    sink = reading(LOOP)
    value = sink.src[0].src[2] + const(1.0, F32)
    write = sink.src[0].replace((*sink.src[0].src[:2], value))
    made = narrow_index(sink.replace((write,)), True)
    assert made.src[0].src[2].op is Op.ADD and made.src[0].src[2].dtype is F32


@pytest.mark.parametrize("count", [2**31 - 1, 2**31])
@pytest.mark.parametrize("make", [
    lambda n: Node(Op.PARAM, F32, (), (0, n)),
    lambda n: axis_range(n, (0,), Axis.LOOP),
    lambda n: Node(Op.VARIABLE, dtypes.index, (), ("n", 1, n)),
    lambda n: Node(Op.VARIABLE, dtypes.index, (), ("n", -n, 1)),
    lambda n: axis_range(Node(Op.VARIABLE, dtypes.index, (), ("n", 0, n)), (0,), Axis.LOOP),
])  # fmt: skip
def test_what_words_count(make: object, count: int) -> None:
    assert callable(make)
    if count <= INT32.max:
        check_words(make(count))
    else:
        with pytest.raises(ValueError, match=f"counts to {count}"):
            check_words(make(count))
