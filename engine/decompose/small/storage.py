"""8-bit and 16-bit integers in memory that is loaded and stored in words.

A load shifts its part out of a word. A store of a whole word is made of all its parts (`whole`).
Any other store reads the word, changes its part and writes it back, which is safe only if nobody
else does so at the same time: parallel loops of a kernel that has such stores become loops that run
in sequence, in one thread.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine import dtypes
from engine.decompose.small.whole import WORD, as_words, items_of, own_words
from engine.dtypes import DType
from engine.graph import Node, order_of, substitute
from engine.ops import PARALLEL, Axis, Op
from engine.rewrite import Expansion, RuleSet, rewrite
from engine.simplify import index
from engine.target import Target

SMALL = (dtypes.int8, dtypes.uint8, dtypes.int16, dtypes.uint16)


def pack(sink: Node, target: Target) -> list[Node]:
    """The kernel with small integers packed in all memory where the target cannot access them.

    Where words are written as a whole there may be more kernels, to be run in order.
    """
    packed = frozenset(row for row in SMALL if row not in target.storage)
    if not any(n.op in (Op.PARAM, Op.TABLE) and n.dtype in packed for n in order_of(sink)):
        return [sink]
    return [_packed(part, packed) for part in own_words(sink, packed)]


def _packed(sink: Node, packed: frozenset[DType]) -> Node:
    written = [n.src[0] for n in order_of(sink) if n.op is Op.WRITE and n.src[0].dtype in packed]
    if written:
        sink = in_sequence(sink)
    return rewrite(sink, _rules(packed, frozenset(written)))


# -- loops -----------------------------------------------------------------------------------------
def in_sequence(sink: Node) -> Node:
    """The kernel with its parallel loops, outermost first, around each other in sequence.

    A loop in sequence is the FOLD that carries something through it: here what the loop inside of
    it carries, or the place that the first write writes, so that loops nest.
    """
    loops = [n for n in order_of(sink) if n.op is Op.RANGE and n.arg[1] in PARALLEL]
    loops.sort(key=lambda n: n.arg[0])
    sequence = {
        loop: Node(Op.RANGE, loop.dtype, loop.src, ((*loop.arg[0], -1), str(Axis.REDUCE)))
        for loop in loops
    }
    sink = substitute(sink, sequence)
    writes = [s for s in sink.src if s.op is Op.WRITE]
    folds = [s for s in sink.src if s.op is Op.FOLD]
    if folds:
        carried = Node(Op.PICK, folds[0].src[1].dtype, (folds[0],), 0)
    else:
        carried = writes[0].src[1].cast(dtypes.int32)
    outermost: Sequence[Node] = folds
    for loop in reversed(loops):
        fold = Node(
            Op.FOLD, carried.dtype, (sequence[loop], carried.constant(0), carried), 1
        )
        outermost = (fold,)
        carried = Node(Op.PICK, carried.dtype, (fold,), 0)
    return sink.replace((*writes, *outermost))


# -- words -----------------------------------------------------------------------------------------
def _rules(packed: frozenset[DType], written: frozenset[Node]) -> RuleSet:
    """`written`: memory that changes in the kernel."""

    def load(node: Node) -> Node | None:
        memory, place, *gate = node.src
        if memory.dtype not in packed:
            return None
        if memory.op is Op.TABLE:  # constants need not be packed
            items = Node(Op.LOAD, WORD, (Node(Op.TABLE, WORD, (), memory.arg), place, *gate))
            return _as_value(items, node.dtype)
        part = _Part(memory, _unknown(place) if memory in written else place, gate)
        return _as_value(part.load() >> part.shift, node.dtype)

    def writes(node: Node) -> Node:
        before: dict[Node, list[Node]] = {}
        return node.replace(tuple([
            _into_word(s, before.setdefault(s.src[0], [])) if s.src[0].dtype in packed else s
            for s in node.src
        ]))

    return RuleSet([
        Expansion("load from a word", (Op.LOAD,), load),
        Expansion("write into words", (Op.SINK,), writes),
    ])


def _into_word(write: Node, before: list[Node]) -> Node:
    """A write of the word with the part changed; `before` are those into the same memory that a
    round does first, and this one is added to them.

    What they write is taken from them: nothing says that this word is read after they have.
    """
    memory, place, value, *gate = write.src
    part = _Part(memory, _unknown(place), gate)
    old = part.load()
    for other in before:
        _, there, word, *condition = other.src
        met = there.binary(Op.EQ, part.place)
        for happens in condition:
            met = met & happens
        old = met.where(word, old)
    kept = old & ~(part.shift.constant(memory.dtype.unsigned.max) << part.shift)
    new = value.bitcast(memory.dtype.unsigned).convert(WORD) << part.shift
    made = Node(Op.WRITE, WORD, (part.words, part.place, kept | new, *gate))
    before.append(made)
    return made


def _unknown(place: Node) -> Node:
    """The place, of which no rule may find out that several have one word: what is read there
    changes from round to round, so the load has to stay inside of the loop.
    """
    return place.opaque()


class _Part:
    """Where an item is: a word of memory, and how far from its lowest bit."""

    def __init__(self, memory: Node, place: Node, gate: Sequence[Node]) -> None:
        items = items_of(memory.dtype)
        self.words = as_words(memory)
        self.place = index.floordiv(place, items)
        self.shift = index.mod(place, items).cast(WORD) * memory.dtype.bits
        self.gate = gate

    def load(self) -> Node:
        return Node(Op.LOAD, WORD, (self.words, self.place, *self.gate))


def _as_value(word: Node, dtype: DType) -> Node:
    """The lowest bits of a word."""
    unsigned = dtype.unsigned
    return (word & unsigned.max).convert(unsigned).bitcast(dtype)
