"""Operations on constants, computed now: integers and bools, whose results Python has exactly.

Floats are left to the device, which rounds them as it would any others.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

from engine.graph import Node
from engine.ops import Op, Operation
from engine.rewrite import Expansion

WHOLE = ("int", "uint", "bool")
# What a device computes on the values of its operands; the result wraps.
_EXACT: dict[Operation, Callable[..., int]] = {
    Op.ADD: operator.add,
    Op.SUB: operator.sub,
    Op.MUL: operator.mul,
    Op.AND: operator.and_,
    Op.OR: operator.or_,
    Op.XOR: operator.xor,
    Op.LT: operator.lt,
    Op.EQ: operator.eq,
    Op.NE: operator.ne,
    Op.SHL: operator.lshift,
    Op.SHR: operator.rshift,
    Op.CONVERT: lambda x: x,
}
# The same on bits.
_ON_BITS: dict[Operation, Callable[..., int]] = {
    Op.NOT: operator.invert,
    Op.BITCAST: lambda x: x,
}


def fold_constants(node: Node) -> Node | None:
    """The constant that an operation on constants is; None if it is not one of whole numbers."""
    known = [bits for s in node.src if (bits := s.known_bits) is not None]
    rows = [node.dtype.scalar, *(s.dtype.scalar for s in node.src)]
    if len(known) < len(node.src) or any(row.kind not in WHOLE for row in rows):
        return None
    if node.op in _ON_BITS:
        mask = (1 << rows[0].bits) - 1
        return node.constant_bits(_ON_BITS[node.op](*known) & mask)
    values = [row.decode(bits) for row, bits in zip(rows[1:], known, strict=True)]
    if node.op in (Op.SHL, Op.SHR) and not 0 <= values[1] < rows[0].bits:
        return None  # no device is asked for it
    return node.constant(_EXACT[node.op](*values))


CONSTANT_RULES = (Expansion("constants", (*_EXACT, *_ON_BITS), fold_constants),)
