"""Which dtype an operation computes in, and operands in that dtype.

Tensors promote among themselves. Python scalars are weak: they take the tensors' dtype, and are
rounded to it before the operation. An integer that does not fit an integer dtype is an error when
the graph is built; in comparisons, which are exact, it is not (`comparison.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from engine import dtypes, graph
from engine.dtypes import DType, Scalar
from engine.graph import Node
from engine.ops import Op, Operation
from engine.tensor.base import Operand, TensorBase


class Row(NamedTuple):
    """The operation for each kind of dtype, or what to do instead where there is none."""

    bools: Operation | str
    ints: Operation | str
    floats: Operation | str


_BOOL_ARITHMETIC = "cast to an integer dtype, or use ^"
_BOOL_INTEGER = "cast to an integer dtype"
_FLOAT_BITS = "bitcast or cast to an integer dtype"

ROWS = {
    "add": Row(Op.OR, Op.ADD, Op.ADD),
    "sub": Row(_BOOL_ARITHMETIC, Op.SUB, Op.SUB),
    "mul": Row(Op.AND, Op.MUL, Op.MUL),
    "maximum": Row(Op.OR, Op.MAXIMUM, Op.MAXIMUM),
    "minimum": Row(Op.AND, Op.MINIMUM, Op.MINIMUM),
    "floordiv": Row(_BOOL_INTEGER, Op.FLOORDIV, Op.FLOORDIV),
    "mod": Row(_BOOL_INTEGER, Op.FLOORMOD, Op.FLOORMOD),
    "fmod": Row(_BOOL_INTEGER, Op.FMOD, Op.FMOD),
    "trunc": Row(_BOOL_INTEGER, Op.TRUNC, Op.TRUNC),
    "floor": Row(_BOOL_INTEGER, Op.FLOOR, Op.FLOOR),
    "ceil": Row(_BOOL_INTEGER, Op.CEIL, Op.CEIL),
    "round": Row(_BOOL_INTEGER, Op.ROUND, Op.ROUND),
    "pow": Row(_BOOL_INTEGER, Op.POW, Op.POW),
    "bitwise_and": Row(Op.AND, Op.AND, _FLOAT_BITS),
    "bitwise_or": Row(Op.OR, Op.OR, _FLOAT_BITS),
    "bitwise_xor": Row(Op.XOR, Op.XOR, _FLOAT_BITS),
    "lshift": Row(_BOOL_INTEGER, Op.LSHIFT, _FLOAT_BITS),
    "rshift": Row(_BOOL_INTEGER, Op.RSHIFT, _FLOAT_BITS),
    "bitwise_not": Row(Op.NOT, Op.NOT, _FLOAT_BITS),
    "abs": Row("cast to an integer dtype", Op.ABS, Op.ABS),
    "neg": Row("use ~, or cast to an integer dtype", Op.NEG, Op.NEG),
}


def operation(name: str, dtype: DType) -> Operation:
    """The operation `name` in `dtype`. TypeError, with what to do, where there is none."""
    row = ROWS[name]
    entry = row.floats if dtype.is_float else row.ints if dtype.is_int else row.bools
    if isinstance(entry, str):
        raise TypeError(f"{name}: not defined for {dtype}; {entry}")
    return entry


def common(operands: Iterable[Operand]) -> DType:
    """The dtype of an operation on these operands."""
    items = list(operands)
    dtype = dtypes.promote(dtypes.bool_, *(t.dtype for t in items if isinstance(t, TensorBase)))
    for item in items:
        if not isinstance(item, TensorBase):
            dtype = dtypes.weak(dtype, item)
    return dtype


def common_float(operands: Iterable[Operand]) -> DType:
    """The dtype of an operation that is defined on floats only."""
    return as_float(common(operands))


def as_float(dtype: DType) -> DType:
    return dtype if dtype.is_float else dtypes.default_float


def fits(value: int, dtype: DType) -> bool:
    """Whether an integer dtype holds `value`."""
    return dtype.min <= value <= dtype.max


def constant(op: str, value: Scalar, dtype: DType) -> Node:
    """A Python scalar in `dtype`. OverflowError where an integer does not fit an integer dtype."""
    if dtype.is_int and not fits(int(value), dtype):
        raise OverflowError(
            f"{op}: {value} does not fit {dtype} ({dtype.min}..{dtype.max}); use a wider dtype"
        )
    return graph.const(value, dtype)


def as_node(op: str, operand: Operand, dtype: DType) -> Node:
    """An operand in the dtype of its operation."""
    if isinstance(operand, TensorBase):
        return operand.node.cast(dtype)
    return constant(op, operand, dtype)
