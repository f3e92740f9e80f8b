"""What becomes of 64-bit integers on a device that has none, in the graph."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Iterator

import numpy as np
import pytest

from engine import dtypes
from engine.compile import trace
from engine.decompose.wide.split import is_wide, split_wide
from engine.folds import fold_many, pick
from engine.graph import Node, axis_range, const, index, order_of
from engine.interpret.kernels import run
from engine.linearize import linearize
from engine.narrow import check_words
from engine.ops import Axis, Op
from engine.spec import Level, verify
from engine.target import HOST_DTYPES, Target

U64 = dtypes.uint64
WORDS_ONLY = HOST_DTYPES - {dtypes.int64, dtypes.uint64}
TARGET = Target("WORDS", arithmetic=WORDS_ONLY, storage=WORDS_ONLY - {dtypes.bool_})


def buffer(slot: int, size: int, dtype: dtypes.DType = dtypes.int64) -> Node:
    return Node(Op.PARAM, dtype, (), (slot, size))


def elementwise(value: Node, size: int = 8) -> Node:
    """Slot 0 = value, in a loop."""
    place = axis_range(size, (0,), Axis.LOOP)
    loads = {n: Node(Op.LOAD, n.dtype, (n, place)) for n in order_of(value) if n.op is Op.PARAM}
    done: dict[Node, Node] = {}
    for node in order_of(value):
        done[node] = loads.get(node) or node.replace(tuple(done[s] for s in node.src))
    write = Node(Op.WRITE, value.dtype, (buffer(0, size, value.dtype), place, done[value]))
    return Node(Op.SINK, dtypes.bool_, (write,))


def last(sink: Node, target: Target = TARGET) -> Node:
    *_, (_, (kernel,)) = trace(sink, target)
    return kernel


def test_nothing_of_64_bits_is_left() -> None:
    x, y = buffer(1, 8), buffer(2, 8)
    kernel = last(elementwise(x * y // (y - 1)))
    assert not [n for n in order_of(kernel) if is_wide(n.dtype)]
    assert {n.arg for n in order_of(kernel) if n.op is Op.PARAM} == {(0, 16), (1, 16), (2, 16)}
    verify(kernel, Level.MACHINE, TARGET, "test")


def test_a_kernel_without_them_stays_the_same_object() -> None:
    x = buffer(1, 8, dtypes.int32)
    kernel = last(elementwise(x * 3))
    assert split_wide(kernel) is kernel
    assert kernel is last(elementwise(x * 3), dataclasses.replace(TARGET, name="HOST",
                                                                  arithmetic=HOST_DTYPES))


def test_quotient_and_remainder_share_their_work() -> None:
    x, y = buffer(1, 8), buffer(2, 8)
    for value, count in ((x // y, 1), (x % y, 1), (x // y + x % y, 1), (x // y + y // x, 2)):
        kernel = last(elementwise(value))  # x // y asks for the remainder, too
        assert not [n for n in order_of(kernel) if n.op is Op.FOLD]
        assert sum(n.op is Op.IDIV for n in order_of(kernel)) == 3 * count


HALVES = (0, 1, 2, 0x7FFF, 0x8000, 0x8001, 0xFFFE, 0xFFFF)


# (x, y), where a digit that is right after its first correction would be taken for too large if the
# second one forgot that what remains has left half a word.
CORRECTED_ONCE = (
    (0xE956_7976_33E1_0000, 0xE956_FD86),
    (0xCE1E_5BCE_919B_0000, 0xCE1E_FFF9),
    (0xECE9_8FAE_B038_FFFF, 0xECE9_FFF9),
    (0xCF41_044E_7911_8000, 0xE705_4E6E),
)


def hard_divisions(seed: int) -> Iterator[tuple[int, int]]:
    """Operands of 64 bits that make estimates of digits too large: halves of words near their ends,
    and dividends next to multiples.
    """
    yield from CORRECTED_ONCE
    draw = random.Random(seed)
    for halves in itertools.product(HALVES, repeat=4):
        y = sum(half << 16 * i for i, half in enumerate(halves))
        for _ in range(12 if y else 0):
            q = sum(draw.choice(HALVES) << 16 * i for i in range(4)) % ((1 << 64) // y + 1)
            x = q * y + draw.choice((-1, 0, 1, y - 1))
            if 0 <= x < 1 << 64:
                yield x, y


def test_digits_whose_estimates_are_too_large() -> None:
    pairs = list(hard_divisions(5))
    assert len(pairs) > 40_000
    x, y = (np.array(side, np.uint64) for side in zip(*pairs, strict=True))
    for op, expected in ((Op.IDIV, x // y), (Op.IREM, x % y)):
        sink = elementwise(buffer(1, len(x), U64).binary(op, buffer(2, len(x), U64)), len(x))
        made = linearize(last(sink), "wide", ())
        words = [np.zeros(2 * len(x), np.uint32), x.view(np.uint32), y.view(np.uint32)]
        run(made.kernel, words)
        assert np.array_equal(words[0].view(np.uint64), expected)


def test_folds_carry_both_words_beside_what_is_narrow() -> None:
    loop = axis_range(5, (1,), Axis.REDUCE)
    starts = (const(1, dtypes.int32), const(2, dtypes.int64), const(3, dtypes.float32))
    carried = [Node(Op.CARRY, s.dtype, (loop,), i) for i, s in enumerate(starts)]
    folded = fold_many(loop, starts, [c + c for c in carried])
    out = buffer(0, 1, dtypes.float32)
    write = Node(Op.WRITE, dtypes.float32, (out, index(0), pick(folded, 2)))
    kernel = last(Node(Op.SINK, dtypes.bool_, (write,)))
    (fold,) = [n for n in order_of(kernel) if n.op is Op.FOLD]
    kinds = [dtypes.int32, dtypes.uint32, dtypes.uint32, dtypes.float32]
    assert [s.dtype for s in fold.src[1:5]] == kinds
    assert [n.arg for n in order_of(kernel) if n.op is Op.PICK] == [3]


def test_folds_carry_whole_numbers() -> None:
    loop = axis_range(40, (1,), Axis.REDUCE)
    start = const(3, dtypes.int64)
    carried = Node(Op.CARRY, start.dtype, (loop,), 0)
    total = pick(fold_many(loop, (start,), (carried + carried,)), 0)
    write = Node(Op.WRITE, dtypes.int64, (buffer(0, 1), index(0), total))
    made = linearize(last(Node(Op.SINK, dtypes.bool_, (write,))), "wide", ())
    words = np.zeros(2, np.uint32)
    run(made.kernel, [words])
    assert words.view(np.int64).tolist() == [3 << 40]


def test_bits_of_float64_are_out_of_reach() -> None:
    x = buffer(1, 8, dtypes.float64)
    with pytest.raises(ValueError, match=r"bits of float64.* as uint64.*must be emulated too"):
        last(elementwise(x.bitcast(dtypes.uint64)))


def test_what_32_bits_cannot_count_is_refused() -> None:
    size = 1 << 30
    assert last(elementwise(buffer(1, size - 1, dtypes.int32) + 1, size - 1))
    with pytest.raises(ValueError, match=f"counts to {2 * size}: a device without 64-bit"):
        last(elementwise(buffer(1, size) + 1, size))
    with pytest.raises(ValueError, match="counts to 2147483648"):
        check_words(Node(Op.VARIABLE, dtypes.index, (), ("n", 1, 1 << 31)))
    with pytest.raises(ValueError, match="counts to 4294967296"):
        check_words(axis_range(1 << 32, (0,), Axis.LOOP))
