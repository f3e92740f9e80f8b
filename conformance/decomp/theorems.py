"""Rewrite rules as theorems: instances of the left side, and whether both sides are the same.

Names of a pattern become buffers, constants are tried until the pattern accepts one. Both sides are
evaluated by the interpreter of the tensor level, for 8 bits with all pairs of operands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from conformance.decomp import integers
from engine import dtypes
from engine.arrays import NUMPY
from engine.dtypes import TENSOR_DTYPES, DType
from engine.graph import Node
from engine.interpret.preconditions import PreconditionError
from engine.interpret.tensors import evaluate
from engine.ops import Group, Op, Operation
from engine.rewrite import Bindings, Pattern, Rule
from engine.spec import SpecError, verify_tensor
from oracles.edges import edges
from oracles.formats import Array

SIZE = 1 << 16  # all pairs of bytes
TRIED = (0, 1, -1, -0.0, True, False)


# -- operands --------------------------------------------------------------------------------------
def buffer(number: int, dtype: DType, size: int = SIZE) -> Node:
    return Node(Op.BUFFER, dtype, (), (number, size, "LLVM"))


def interesting_bits(dtype: DType, seed: int) -> Array:
    """All bytes for 8 bits, every bool; else edges and random bits, of integers of every length."""
    if dtype.kind == "bool":
        return np.array([0, 1] * 128, "uint8")
    unsigned = NUMPY[dtype.unsigned]
    if dtype.bits == 8:
        return np.arange(256).astype(unsigned)
    if dtype.is_int:
        return np.array(integers.numbers(dtype.name, 160), unsigned)
    noise = np.random.default_rng(seed).bytes(200 * dtype.itemsize)
    return np.concatenate([edges(dtype.name), np.frombuffer(noise, unsigned)]).astype(unsigned)


def items_of(node: Node) -> Array:
    """The contents of a buffer: pairs of buffers 0 and 1 run through all pairs of edges."""
    number, size, _ = node.arg
    bits = interesting_bits(node.dtype, seed=number)
    many = np.tile(bits, -(-size // len(bits)))[:size]
    if number % 2:
        many = np.roll(np.repeat(bits, -(-size // len(bits)))[:size], number)
    return many.view(NUMPY[node.dtype])


def constants(pattern: Pattern, dtype: DType) -> Iterator[Node]:
    tried = [dtype.encode(value) for value in TRIED] + [(1 << dtype.bits) - 1]
    assert pattern.constant is not None
    fitting = (bits for bits in dict.fromkeys(tried) if pattern.constant(dtype, bits))
    return (Node(Op.CONST, dtype, (), bits) for bits in fitting)


def operand_dtypes(op: Operation, result: DType) -> list[tuple[DType, ...]]:
    """Dtypes that the operands of an operation with this result may have, scalars only."""
    if op is Op.WHERE:
        return [(dtypes.bool_, result, result)]
    if op is Op.BITCAST:
        return [(d,) for d in TENSOR_DTYPES if d.itemsize == result.itemsize]
    if op is Op.CAST:
        return [(d,) for d in TENSOR_DTYPES]
    if op in (Op.LT, Op.EQ, Op.NE):
        return [(d, d) for d in TENSOR_DTYPES]
    return [(result,) * (op.arity or 0)]


def instances(pattern: Pattern, dtype: DType, bound: Bindings) -> Iterator[tuple[Node, Bindings]]:
    """Nodes of `dtype` that the pattern should match, with the buffers that its names stand for."""
    if pattern.constant is not None:
        for node in constants(pattern, dtype):
            yield node, bound
    elif pattern.op is None:
        assert pattern.name is not None
        node = bound.get(pattern.name) or buffer(len(bound), dtype)
        if node.dtype is dtype:
            yield node, {**bound, pattern.name: node}
    else:
        for kinds in operand_dtypes(pattern.op, dtype):
            for src, inner in operands(pattern.src or (), kinds, bound):
                yield Node(pattern.op, dtype, src), inner


def operands(
    patterns: tuple[Pattern, ...], kinds: tuple[DType, ...], bound: Bindings
) -> Iterator[tuple[tuple[Node, ...], Bindings]]:
    if not patterns:
        yield (), bound
        return
    for first, inner in instances(patterns[0], kinds[0], bound):
        for rest, final in operands(patterns[1:], kinds[1:], inner):
            yield (first, *rest), final


# -- both sides ------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Trial:
    """What became of a rule on instances of its pattern for one dtype.

    `fired` counts those it applied to, `compared` those of them whose left side promises something;
    `wrong` is the first for which it is false, or whose right side is no valid graph.
    """

    fired: int
    compared: int
    wrong: Node | None


def tried(rule: Rule, dtype: DType) -> Trial:
    """All instances, until one is wrong."""
    fired = compared = 0
    for node, _ in instances(rule.pattern, dtype, {}):
        result = rule.apply(node)
        if result is None or not _is_valid(node):
            continue
        fired += 1
        same = _same(node, result)
        compared += same is not None
        if same is False:
            return Trial(fired, compared, node)
    return Trial(fired, compared, None)


def _same(left: Node, right: Node) -> bool | None:
    """Whether both have the same bits; None where the left side promises nothing."""
    if left.op.group is not Group.MACHINE and not _is_valid(right):
        return False
    try:
        x, y = evaluate([left, right], items_of)
    except PreconditionError:
        return None
    bits = [np.broadcast_to(side, (SIZE,)).tobytes() for side in (x, y)]
    return right.dtype is left.dtype and bits[0] == bits[1]


def _is_valid(node: Node) -> bool:
    """Whether its dtypes are those that its operations take. Only kernels have machine operations:
    these take integers here.
    """
    if node.op.group is Group.MACHINE:
        return node.dtype.is_int
    try:
        verify_tensor(node)
    except SpecError:
        return False
    return True


# -- what a rule says of itself --------------------------------------------------------------------
_NAMES = "xyzuvw"
_SYMBOLS = {
    Op.ADD: "+", Op.SUB: "-", Op.MUL: "*", Op.DIV: "/", Op.FLOORDIV: "//", Op.FLOORMOD: "%",
    Op.AND: "&", Op.OR: "|", Op.XOR: "^", Op.SHL: "<<", Op.SHR: ">>",
}  # fmt: skip
_FORMS = {
    Op.NOT: "~{}", Op.NEG: "-{}", Op.ABS: "|{}|", Op.CANON: "canon {}", Op.BITCAST: "bitcast {}",
    Op.WHERE: "where({}, {}, {})",
}  # fmt: skip


def algebra(left: Node, right: Node, names: Bindings) -> str:
    """`left = right` as a rule writes it."""
    known = {node: name for name, node in names.items()}
    return f"{_written(left, known)} = {_written(right, known)}"


def _written(node: Node, known: dict[Node, str]) -> str:
    if node in known:
        return known[node]
    if node.op is Op.CONST:
        return _number(node)
    operands = [_written(s, known) for s in node.src]
    if node.op in _SYMBOLS:
        return f" {_SYMBOLS[node.op]} ".join(operands)
    return _FORMS[node.op].format(*operands)


def _number(node: Node) -> str:
    if node.dtype.kind == "bool":
        return "true" if node.arg else "false"
    if not node.dtype.is_float and node.arg == (1 << node.dtype.bits) - 1:
        return "~0"
    return str(node.dtype.decode(node.arg))
