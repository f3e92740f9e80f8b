"""64-bit integers in memory as two words, the lower one first."""

from __future__ import annotations

from engine import dtypes
from engine.graph import Node
from engine.ops import Op
from engine.rewrite import Expansion, RuleSet
from engine.simplify import index

WIDE = (dtypes.int64, dtypes.uint64)
WORD = dtypes.uint32


def _as_words(memory: Node) -> Node:
    """A buffer of n numbers is one of 2n words, and so is a table."""
    if memory.op is Op.TABLE:
        words = [word for bits in memory.arg for word in (bits & WORD.max, bits >> WORD.bits)]
        return Node(Op.TABLE, WORD, (), tuple(words))
    slot, size = memory.arg
    return Node(Op.PARAM, WORD, (), (slot, 2 * size))


def _places(place: Node) -> tuple[Node, Node]:
    first = index.multiply(place, 2)
    return first, index.add(first, 1)


def _load(node: Node) -> Node | None:
    if node.dtype not in WIDE:
        return None
    memory, place, *gate = node.src
    words = _as_words(memory)
    low, high = (
        Node(Op.LOAD, WORD, (words, p, *gate)).convert(dtypes.uint64) for p in _places(place)
    )
    return (low | high << WORD.bits).bitcast(node.dtype)


def _writes(node: Node) -> Node | None:
    """Every write of a number in a SINK becomes two writes."""
    if not any(s.op is Op.WRITE and s.src[0].dtype in WIDE for s in node.src):
        return None
    return node.replace(tuple([part for s in node.src for part in _parts(s)]))


def _parts(write: Node) -> tuple[Node, ...]:
    if write.op is not Op.WRITE or write.src[0].dtype not in WIDE:
        return (write,)
    memory, place, value, *gate = write.src
    bits = value.bitcast(dtypes.uint64)
    words = bits.convert(WORD), (bits >> WORD.bits).convert(WORD)
    return tuple(
        Node(Op.WRITE, WORD, (_as_words(memory), p, word, *gate))
        for p, word in zip(_places(place), words, strict=True)
    )


WIDE_STORAGE = RuleSet([
    Expansion("load two words", (Op.LOAD,), _load),
    Expansion("write two words", (Op.SINK,), _writes),
])
