"""Writing at places that an index tensor names, along one axis.

Element t of the index along the axis, and of the values with it, takes its turn after element t-1,
so that the last of several for one place wins, and sums have one order. Negative places count from
the end; what is out of range is dropped. The other axes of the index may be smaller than those of
the tensor, and the values may be larger than the index: what lies beyond is not used.
"""

from __future__ import annotations

from typing import Self

from engine import dtypes
from engine.dtypes import DType
from engine.folds import identity
from engine.graph import Node, const
from engine.ops import Op, Operation
from engine.tensor import views
from engine.tensor.base import Operand, TensorBase, common_device
from engine.tensor.creation import constant
from engine.tensor.variable import interval, show

_WRITES = {"add": Op.ADD, "multiply": Op.MUL}
_REDUCTIONS = {
    "sum": Op.ADD, "prod": Op.MUL, "mean": Op.ADD, "amax": Op.MAXIMUM, "amin": Op.MINIMUM,
}  # fmt: skip
_OF_BOOLS = {Op.ADD: Op.OR, Op.MUL: Op.AND, Op.MAXIMUM: Op.OR, Op.MINIMUM: Op.AND}


class Scatter(TensorBase):
    """The results have shape and dtype of the tensor; values are cast to its dtype."""

    def scatter(
        self, dim: int, index: TensorBase, src: Operand, reduce: str | None = None
    ) -> Self:
        """The tensor with values at the places `index` along `dim`, the last one winning.

        With `reduce` "add" or "multiply" the values are combined with what is there; narrow floats
        in float32, and rounded once. `src` is a tensor or a number. TypeError for an index
        that holds no integers, ValueError for shapes that do not fit and for another `reduce`.
        """
        if reduce is not None and reduce not in _WRITES:
            raise ValueError(f"scatter: reduce is 'add', 'multiply' or None, not {reduce!r}")
        axis, picks, value = self._written_parts("scatter", dim, index, src)
        device = common_device("scatter", (self, index, src))
        if reduce is None:
            return self._wrap(scattered(self.node, picks, value, axis, None), device)
        kept = _kept(_WRITES[reduce], self.dtype)
        node = scattered(self.node.cast(kept), picks, value.cast(kept), axis, _WRITES[reduce])
        return self._wrap(node.cast(self.dtype), device)

    def scatter_reduce(
        self, dim: int, index: TensorBase, src: Operand, reduce: str, include_self: bool = True
    ) -> Self:
        """The values that fall on each place combined: "sum", "prod", "mean", "amax" or "amin".

        What was there counts as the first, unless `include_self` is false; places on which nothing
        falls keep it either way. Sums and products go on from it in turn, from the identity without
        it; narrow floats do so in float32 and are rounded once. A mean is the sum divided by the
        number of values: bool and integers accumulate as in `sum`, and their mean is floored.
        Errors as in `scatter`.
        """
        if reduce not in _REDUCTIONS:
            names = ", ".join(map(repr, _REDUCTIONS))
            raise ValueError(f"scatter_reduce: reduce is one of {names}, not {reduce!r}")
        axis, picks, value = self._written_parts("scatter_reduce", dim, index, src)
        device = common_device("scatter_reduce", (self, index, src))
        op = _REDUCTIONS[reduce]
        kept = dtypes.accumulator(self.dtype) if reduce == "mean" else _kept(op, self.dtype)
        base, start = self.node.cast(kept), self.node.cast(kept)
        counts = _counts(base, picks, axis) if reduce == "mean" or not include_self else None
        if not include_self:
            assert counts is not None
            start = counts.ne(0).where(start.constant_bits(identity(op, kept).arg), base)
        result = scattered(start, picks, value.cast(kept), axis, op)
        if reduce == "mean":
            assert counts is not None
            result = _divided(result, counts + 1 if include_self else counts)
        return self._wrap(result.cast(self.dtype), device)

    def _written_parts(
        self, name: str, dim: int, index: TensorBase, src: Operand
    ) -> tuple[int, Node, Node]:
        """The axis, the index, and values of its shape; a scalar has one axis."""
        if not isinstance(index, TensorBase) or not index.dtype.is_int:
            kind = index.dtype if isinstance(index, TensorBase) else type(index).__name__
            raise TypeError(f"{name}: the index must be an integer tensor, not {kind}")
        axis = views.axis_of(name, dim, max(self.ndim, 1))
        picks = index.node
        if isinstance(src, TensorBase):
            value = src.node.cast(self.dtype)
        else:
            value = views.expand(constant(name, src, self.dtype), picks.shape)
        _check_shapes(name, self.node, picks, value, axis)
        return axis, picks, views.shrink(value, [(0, size) for size in picks.shape])


def _check_shapes(name: str, base: Node, picks: Node, value: Node, axis: int) -> None:
    """ValueError unless the index fits into the values, and but for `axis` into the base."""
    given = f"{name}: an index of {show(picks.shape)}"
    if not len(base.shape) == len(picks.shape) == len(value.shape):
        raise ValueError(
            f"{given}, {show(base.shape)} and values of {show(value.shape)} must have as many axes"
        )
    for i, size in enumerate(picks.shape):
        most = interval(size)[1]
        if i != axis and most > interval(base.shape[i])[0]:
            raise ValueError(f"{given} does not fit {show(base.shape)} beside axis {axis}")
        if most > interval(value.shape[i])[0]:
            raise ValueError(f"{given} is larger than its values of {show(value.shape)}")


def scattered(base: Node, picks: Node, value: Node, axis: int, op: Operation | None) -> Node:
    """A SCATTER; what is combined is computed, so that its NaNs are canonical everywhere."""
    if not base.shape:
        base, picks, value = (views.reshape(x, (1,)) for x in (base, picks, value))
        return views.reshape(scattered(base, picks, value, axis, op), ())
    if op is None:
        return Node(Op.SCATTER, base.dtype, (base, picks, value), (axis, None))
    if base.dtype is dtypes.bool_:
        op = _OF_BOOLS[op]
    start = base.canonical() if base.dtype.is_float else base
    return Node(Op.SCATTER, base.dtype, (start, picks, value), (axis, op.name))


def _kept(op: Operation, dtype: DType) -> DType:
    """Where values of `dtype` are combined: sums and products of narrow floats need more room."""
    wide = dtype.is_float and op in (Op.ADD, Op.MUL)
    return dtypes.accumulator(dtype) if wide else dtype


def _counts(base: Node, picks: Node, axis: int) -> Node:
    """How many values fall on each place, as int32."""
    none = views.expand(const(0, dtypes.int32), base.shape)
    ones = views.expand(const(1, dtypes.int32), picks.shape)
    return scattered(none, picks, ones, axis, Op.ADD)


def _divided(total: Node, counts: Node) -> Node:
    """total / counts, floored for integers; where nothing fell the total stays."""
    divisor = counts.binary(Op.MAXIMUM, 1).cast(total.dtype)
    return total / divisor if total.dtype.is_float else total // divisor
