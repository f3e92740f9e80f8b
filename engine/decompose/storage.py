"""How dtypes lie in memory where a target cannot load them.

bool is a byte, a narrow float is its bits, a 64-bit integer is two words.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial

from engine import dtypes
from engine.decompose.narrow_float import lacked
from engine.decompose.small import pack
from engine.decompose.wide import WIDE_STORAGE
from engine.dtypes import DType
from engine.graph import Node
from engine.ops import Op
from engine.rewrite import Expansion, RuleSet, rewrite
from engine.target import Target


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

# Operations that hand bits on: on unsigned integers they mean the same as on floats.
_CARRIES_BITS = (
    Op.PARAM, Op.TABLE, Op.CONST, Op.LOAD, Op.WRITE, Op.WHERE, Op.FOLD, Op.CARRY, Op.PICK,
    Op.OPAQUE,
)  # fmt: skip


@dataclass(frozen=True)
class _AsBits:
    """Narrow floats that a target cannot load become unsigned integers."""

    lacking: frozenset[DType]

    def carried(self, node: Node) -> Node | None:
        if node.dtype not in self.lacking:
            return None
        return Node(node.op, node.dtype.unsigned, node.src, node.arg)

    def signed(self, node: Node) -> Node | None:
        """neg and abs touch the sign bit alone, and that not of 0 and NaN where 0 has no sign."""
        dtype = node.dtype
        if dtype not in self.lacking:
            return None
        bits = node.src[0].bitcast(dtype.unsigned)
        magnitude = bits & (dtype.sign_bit - 1)
        result = bits ^ dtype.sign_bit if node.op is Op.NEG else magnitude
        return result if dtype.has_negative_zero else magnitude.eq(0).where(bits, result)

    def bitcast(self, node: Node) -> Node | None:
        """Between a float and its bits there is nothing left to do."""
        source = node.src[0]
        if node.dtype is source.dtype:
            return source
        return source.bitcast(node.dtype.unsigned) if node.dtype in self.lacking else None


@cache
def _as_bits(lacking: frozenset[DType]) -> RuleSet:
    rules = _AsBits(lacking)
    return RuleSet([
        Expansion("narrow floats as bits", _CARRIES_BITS, rules.carried),
        Expansion("signs of narrow floats", (Op.NEG, Op.ABS), rules.signed),
        Expansion("bitcasts of narrow floats", (Op.BITCAST,), rules.bitcast),
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


def decompose_storage(sink: Node, target: Target) -> list[Node]:
    """Memory holds only dtypes that the target can load and store. Kernels to be run in order."""
    if lacking := lacked(target.storage):
        sink = rewrite(sink, _as_bits(lacking))
    for row, rules in FLOAT_RULES.items():
        if row not in target.storage:
            sink = rewrite(sink, rules)
    if dtypes.bool_ not in target.storage:
        sink = rewrite(sink, BOOL_RULES)
    if dtypes.int64 not in target.storage:
        sink = rewrite(sink, WIDE_STORAGE)
    return pack(sink, target)
