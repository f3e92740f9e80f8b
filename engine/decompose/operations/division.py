"""Truncating division and remainder, in a loop that makes one bit of the quotient a round.

The schoolbook method in base 2, by shifting and subtracting (Knuth, "The Art of Computer
Programming", volume 2, 3rd edition, section 4.3.1; Warren, "Hacker's Delight", 2nd edition, section
9-4). What is divided by a constant is not here any more: see `reciprocals`.
"""

from __future__ import annotations

from engine import dtypes
from engine.decompose.operations.reciprocals import negate_where
from engine.graph import Node, const, order_of
from engine.ops import Axis, Op

# Loops of divisions have paths that begin with this number, and no other loop's does.
DIVISIONS = 1 << 20


def divide_by_shifting(sink: Node) -> Node:
    """The kernel without IDIV and IREM; those of the same operands share a loop."""
    done: dict[Node, Node] = {}
    made: dict[tuple[Node, Node], tuple[Node, Node]] = {}
    for node in order_of(sink):
        src = tuple([done[s] for s in node.src])
        if node.op not in (Op.IDIV, Op.IREM):
            done[node] = node.replace(src)
            continue
        x, y = src
        if (x, y) not in made:
            made[x, y] = divide(x, y, len(made))
        done[node] = made[x, y][node.op is Op.IREM]
    return done[sink]


def divide(x: Node, y: Node, number: int) -> tuple[Node, Node]:
    """Quotient toward zero and remainder with the sign of x, where y is not 0 and it fits.

    `number` tells the loops of a kernel's divisions apart.
    """
    if not x.dtype.is_signed:
        return divide_unsigned(x, y, number)
    x_sign, y_sign = x >> (x.dtype.bits - 1), y >> (y.dtype.bits - 1)
    unsigned = x.dtype.unsigned
    quotient, remainder = divide_unsigned(
        negate_where(x, x_sign).bitcast(unsigned), negate_where(y, y_sign).bitcast(unsigned), number
    )
    return (
        negate_where(quotient.bitcast(x.dtype), x_sign ^ y_sign),
        negate_where(remainder.bitcast(x.dtype), x_sign),
    )


def divide_unsigned(x: Node, y: Node, number: int) -> tuple[Node, Node]:
    """The dividend leaves one register to the left, bit by bit, into another one, which is what
    remains; the quotient enters it from the right. After n rounds the other one consists of n bits
    of x at most, so the last shift, too, stays within the width.
    """
    bits = x.dtype.bits
    end = const(bits, dtypes.int32)
    loop = Node(Op.RANGE, dtypes.int32, (end,), ((DIVISIONS, number), str(Axis.REDUCE)))
    quotient, remainder = (Node(Op.CARRY, x.dtype, (loop,), i) for i in range(2))
    remains = remainder << 1 | quotient >> (bits - 1)
    fits = ~remains.lt(y)
    updates = (quotient << 1 | fits.convert(x.dtype), fits.where(remains - y, remains))
    folded = Node(Op.FOLD, x.dtype, (loop, x, x.constant(0), *updates), 2)
    first, second = (Node(Op.PICK, x.dtype, (folded,), i) for i in range(2))
    return first, second
