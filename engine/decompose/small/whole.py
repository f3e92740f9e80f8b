"""Small integers that are written as whole words, each by one owner.

Where neighbouring rounds of parallel loops write neighbouring items, as many of them as a word
holds become one round, which makes the word and stores it: nothing is read before, and no two
rounds have a word in common, so that they may run side by side. The last word of a buffer holds
what is left, and zeros. Words at the ends that the kernel shares with others are kernels of their
own.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from engine import dtypes
from engine.dtypes import DType
from engine.folds import fold_many, pick
from engine.graph import Node, axis_range, index as index_of, order_of
from engine.loops import loops_below, loops_of, replace_ranges, static_size
from engine.ops import Axis, Op
from engine.simplify import index

WORD = dtypes.uint32


def as_words(memory: Node) -> Node:
    """A buffer of small items as the buffer of words that holds them."""
    slot, size = memory.arg
    return Node(Op.PARAM, WORD, (), (slot, -(-size // items_of(memory.dtype))))


def items_of(dtype: DType) -> int:
    """How many items of a dtype a word holds."""
    return WORD.bits // dtype.bits


def own_words(sink: Node, packed: Collection[DType]) -> list[Node]:
    """Kernels that do the same in order. Of those, one writes whole words where that can be.

    What is left, at most a word at each end of a row, writes memory of its own dtype.
    """
    writes = [s for s in sink.src if s.op is Op.WRITE and s.src[0].dtype in packed]
    rows = _rows(sink, writes) if writes else None
    if rows is None:
        return [sink]
    first = -rows.start % rows.items  # items of a word that begins before the row
    last = rows.size if _ends_memory(writes, rows) else rows.size - (rows.size - first) % rows.items
    if last <= first:
        return [sink]
    main = _in_words(sink, writes, rows, first, last)
    ends = [_part(sink, rows, start, end) for start, end in ((0, first), (last, rows.size))]
    return [main, *(end for end in ends if end is not None)]


@dataclass(frozen=True)
class _Rows:
    """Loops, the outermost first, whose rounds in order write neighbours from `start` on.

    `items` fit into a word, and all other loops step by whole words.
    """

    loops: tuple[Node, ...]
    shape: tuple[int, ...]
    start: int
    items: int

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def path(self) -> tuple[int, ...]:
        path: tuple[int, ...] = self.loops[0].arg[0]
        return path

    def replaced(self, sink: Node, number: Node) -> Node:
        """The kernel with round `number` of all of them together."""
        position = index.unravel(number, self.shape)
        return replace_ranges(sink, dict(zip(self.loops, position, strict=True)))


def _rows(sink: Node, writes: Sequence[Node]) -> _Rows | None:
    """None where a word may have two owners, or is read by the kernel that writes it."""
    order = order_of(sink)
    written = {w.src[0] for w in writes}
    items = {items_of(memory.dtype) for memory in written}
    terms = [index.terms_of(w.src[1]) for w in writes]
    simple = (
        all(s.op is Op.WRITE for s in sink.src)
        and all(len(w.src) == 3 for w in writes)  # no gates
        and len(written) == len(writes)
        and not any(n.op is Op.LOAD and n.src[0] in written for n in order)
        and len(items) == 1
        and all(term == terms[0] for term in terms)
    )
    return _neighbours(order, *terms[0], *items) if simple else None


def _neighbours(
    order: Sequence[Node], factors: index.Terms, start: int, items: int
) -> _Rows | None:
    """The fewest loops that step by 1, by the size of the first, and so on, and fill words."""
    loops = set(loops_of(order[-1]))
    below = loops_below(order)
    bounding = frozenset[Node]().union(*(below[n.src[0]] for n in order if n.op is Op.RANGE))
    if not loops >= factors.keys():
        return None
    rows = _Rows((), (), start, items)
    for loop, factor in sorted(factors.items(), key=lambda term: term[1]):
        rounds = static_size(loop)
        filled = bool(rows.loops) and rows.size % items == 0 and start % items == 0
        if factor != rows.size or rounds is None or loop in bounding or filled:
            break
        rows = _Rows((loop, *rows.loops), (rounds, *rows.shape), start, items)
    others = [factor for loop, factor in factors.items() if loop not in rows.loops]
    return None if not rows.loops or any(factor % items for factor in others) else rows


def _ends_memory(writes: Sequence[Node], rows: _Rows) -> bool:
    """Whether the row goes up to the end of all memory: nobody else has a part in the last word."""
    return all(write.src[0].arg[1] == rows.start + rows.size for write in writes)


def _in_words(sink: Node, writes: Sequence[Node], rows: _Rows, first: int, last: int) -> Node:
    """The words of items `first` … `last` - 1: a round for each, and in it a loop that puts its
    items together, which are fewer in the last one if they end before it does."""
    whole, left = divmod(last - first, rows.items)
    outer = axis_range(whole + (left > 0), rows.path, Axis.LOOP)
    items = index.select(index.less(outer, whole), index_of(rows.items), index_of(left))
    item = axis_range(items if left else rows.items, (*rows.path, -1), Axis.REDUCE)
    number = index.add(index.multiply(outer, rows.items), item)
    made = rows.replaced(sink, index.add(number, first))
    parts = [made.src[sink.src.index(write)] for write in writes]
    starts = tuple(Node(Op.CONST, WORD, (), 0) for _ in parts)
    updates = [
        Node(Op.CARRY, WORD, (item,), i) | _shifted(part.src[2], item)
        for i, part in enumerate(parts)
    ]
    others = [s for s in made.src if s not in parts]
    for other in others:  # it is in the loop, which so is inside of all loops that it is in
        starts, updates = (*starts, index_of(0)), [*updates, other.src[1]]
    folded = fold_many(item, starts, updates)
    words = [
        Node(Op.WRITE, WORD, (as_words(part.src[0]), _word(part, item), pick(folded, i)))
        for i, part in enumerate(parts)
    ]
    return made.replace((*others, *words))  # the others are in the loop, so what they need is first


def _shifted(value: Node, item: Node) -> Node:
    bits = value.bitcast(value.dtype.unsigned).convert(WORD)
    return bits << item.cast(WORD) * value.dtype.bits


def _word(write: Node, item: Node) -> Node:
    """The place of the word, which is that of its first item."""
    place = replace_ranges(write.src[1], {item: index_of(0)})
    return index.floordiv(place, items_of(write.src[0].dtype))


def _part(sink: Node, rows: _Rows, start: int, end: int) -> Node | None:
    """Rounds `start` … `end` - 1, fewer than a word has items."""
    if start == end:
        return None
    count = end - start
    loop = axis_range(count, rows.path, Axis.LOOP)
    return rows.replaced(sink, index.add(loop, start))
