"""8-bit and 16-bit integers as values: one in a word, which has the same value.

So a signed one has copies of its sign above, an unsigned one zeros. What may leave the range is
brought back by dropping the upper bits, as wrapping is defined; comparisons, selects, quotients and
right shifts stay inside.
"""

from __future__ import annotations

from engine import dtypes
from engine.dtypes import DType
from engine.graph import Node, order_of
from engine.ops import Op
from engine.target import Target

SMALL = frozenset({dtypes.int8, dtypes.uint8, dtypes.int16, dtypes.uint16})
# Operations whose result may have other upper bits than a value of its dtype.
WRAPS = frozenset({Op.ADD, Op.SUB, Op.MUL, Op.SHL, Op.NOT})


def widen_small(sink: Node, target: Target) -> Node:
    """The kernel without the small integers that the target does not compute with."""
    small = SMALL - target.arithmetic
    order = order_of(sink)
    if not any(n.dtype.scalar in small for n in order):
        return sink
    done: dict[Node, Node] = {}
    for node in order:
        done[node] = _widened(node, tuple([done[s] for s in node.src]), small)
    return done[sink]


def _word(dtype: DType) -> DType:
    return (dtypes.int32 if dtype.is_signed else dtypes.uint32).vec(dtype.lanes)


def _widened(node: Node, src: tuple[Node, ...], small: frozenset[DType]) -> Node:
    dtype = node.dtype
    if node.op in (Op.CONVERT, Op.BITCAST):
        return _converted(node, src[0], small)
    if dtype.scalar not in small:
        return node.replace(src)
    word = _word(dtype)
    if node.op is Op.CONST:
        return Node(Op.CONST, word, (), word.encode(dtype.decode(node.arg)))
    value = Node(node.op, word, src, node.arg)
    return wrapped(value, dtype) if node.op in WRAPS else value


def _converted(node: Node, x: Node, small: frozenset[DType]) -> Node:
    """Between integers both operations keep the lowest bits, as many as there are."""
    dtype, source = node.dtype, node.src[0].dtype
    if dtype.scalar not in small:
        return x.convert(dtype) if source.scalar in small else node.replace((x,))
    word = x.convert(_word(dtype))
    return word if source.is_float or source.kind == "bool" else wrapped(word, dtype)


def wrapped(word: Node, dtype: DType) -> Node:
    """The value that the lowest bits of a word have in a dtype."""
    if not dtype.is_signed:
        return word & dtype.scalar.max
    lost = word.dtype.bits - dtype.bits
    return word << lost >> lost
