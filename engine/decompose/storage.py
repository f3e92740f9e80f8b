"""How dtypes lie in memory where a target cannot load them: bool as a byte, float16 as its bits,
64-bit integers as two words.
"""

from __future__ import annotations

from functools import partial

from engine import dtypes
from engine.decompose.wide import WIDE_STORAGE
from engine.dtypes import DType
from engine.graph import Node
from engine.ops import Op
from engine.rewrite import Expansion, RuleSet, rewrite
from engine.target import Target

MEMORY = (Op.PARAM, Op.TABLE)


def stored_as(dtype: DType, target: Target) -> DType:
    """The dtype of a buffer's items on a target."""
    return dtype if dtype in target.storage else dtype.unsigned


def _load_bool(node: Node) -> Node | None:
    if node.dtype.kind != "bool":
        return None
    memory = _as_bytes(node.src[0])
    return Node(Op.LOAD, memory.dtype, (memory, *node.src[1:])).ne(0)


def _write_bool(node: Node) -> Node | None:
    memory, place, value, *gate = node.src
    if memory.dtype.kind != "bool":
        return None
    wide = _as_bytes(memory)
    return Node(Op.WRITE, wide.dtype, (wide, place, value.convert(wide.dtype), *gate))


def _as_bytes(memory: Node) -> Node:
    return Node(memory.op, dtypes.uint8, memory.src, memory.arg)


BOOL_RULES = RuleSet([
    Expansion("load bool as byte", (Op.LOAD,), _load_bool),
    Expansion("write bool as byte", (Op.WRITE,), _write_bool),
])

# Operations that hand bits on: on uint16 they mean the same as on float16.
_CARRIES_BITS = (
    Op.PARAM, Op.TABLE, Op.CONST, Op.LOAD, Op.WRITE, Op.WHERE, Op.FOLD, Op.CARRY, Op.PICK,
    Op.OPAQUE,
)  # fmt: skip


def _half_as_bits(node: Node) -> Node | None:
    if node.dtype is not dtypes.float16:
        return None
    return Node(node.op, dtypes.uint16, node.src, node.arg)


def _half_sign(node: Node) -> Node | None:
    """neg and abs of float16 touch the sign bit alone."""
    if node.dtype is not dtypes.float16:
        return None
    bits = node.src[0].bitcast(dtypes.uint16)
    return bits ^ 0x8000 if node.op is Op.NEG else bits & 0x7FFF


def _half_bitcast(node: Node) -> Node | None:
    """Between float16 and its bits there is nothing left to do."""
    source = node.src[0]
    if node.dtype is source.dtype:
        return source
    return source.bitcast(dtypes.uint16) if node.dtype is dtypes.float16 else None


HALF_RULES = RuleSet([
    Expansion("half as bits", _CARRIES_BITS, _half_as_bits),
    Expansion("half sign", (Op.NEG, Op.ABS), _half_sign),
    Expansion("half bitcast", (Op.BITCAST,), _half_bitcast),
])



def _load_bits(row: DType, node: Node) -> Node | None:
    if node.dtype is not row:
        return None
    memory = _of_bits(node.src[0])
    return Node(Op.LOAD, memory.dtype, (memory, *node.src[1:])).bitcast(row)


def _write_bits(row: DType, node: Node) -> Node | None:
    memory, place, value, *gate = node.src
    if memory.dtype is not row:
        return None
    bits = value.bitcast(row.unsigned)
    return Node(Op.WRITE, bits.dtype, (_of_bits(memory), place, bits, *gate))


def _of_bits(memory: Node) -> Node:
    return Node(memory.op, memory.dtype.unsigned, memory.src, memory.arg)


# Memory of these holds their bits; the values are floats until `floats` acts.
FLOAT_RULES = {
    row: RuleSet([
        Expansion(f"load bits of {row}", (Op.LOAD,), partial(_load_bits, row)),
        Expansion(f"write bits of {row}", (Op.WRITE,), partial(_write_bits, row)),
    ])
    for row in (dtypes.float32, dtypes.float64)
}


def decompose_storage(sink: Node, target: Target) -> Node:
    """Memory holds only dtypes that the target can load and store."""
    if dtypes.float16 not in target.storage:
        sink = rewrite(sink, HALF_RULES)
    for row, rules in FLOAT_RULES.items():
        if row not in target.storage:
            sink = rewrite(sink, rules)
    if dtypes.bool_ not in target.storage:
        sink = rewrite(sink, BOOL_RULES)
    if dtypes.int64 not in target.storage:
        sink = rewrite(sink, WIDE_STORAGE)
    return sink
